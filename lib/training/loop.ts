/** The one training loop. */
import { setImmediate } from "node:timers/promises";
import type { HostTensors } from "../tensors.ts";
import { InputError } from "../errors.ts";
import { anything, list, nullable, number, object, type Shape, whole } from "../storage/json.ts";
import {
  type CheckpointOptions,
  CheckpointTimes,
  newestCheckpoint,
  removeCheckpoints,
  ResumeError,
  writeCheckpoint,
} from "./checkpoints.ts";
import type { EpochBatches, StepBatch } from "./step.ts";
import type { StepOutcome, Trainer } from "./trainer.ts";

/** The result of one epoch. */
export interface EpochResult<Evaluation> {
  /** 1 is the first. */
  readonly epoch: number;
  /** Mean loss of the epoch's steps. */
  readonly trainLoss: number;
  readonly evaluation: Evaluation;
  /** Seconds of the epoch's steps, without evaluation. */
  readonly seconds: number;
}

/** The report of the loop after a step; where the engine enqueues programs, the next step has then begun. */
export interface StepReport {
  /** Updates made. */
  readonly step: number;
  /** Updates of all epochs. */
  readonly steps: number;
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Mean loss of the batch before the step. */
  readonly loss: number;
  /** Over all parameters, before clipping. */
  readonly gradientNorm: number;
  /** The highest rate of a parameter at the step. */
  readonly highestRate: number;
  /** The lowest one: layers have rates of their own. */
  readonly lowestRate: number;
  /** Texts of the step without padding rows. */
  readonly examples: number;
  /** Tokens of the step without padding. */
  readonly tokens: number;
  /** Seconds of making its batch, of beginning it and of waiting for it. */
  readonly seconds: number;
}

/** Batches, rates, measurements and callbacks of the loop. */
export interface TrainingPlan<Evaluation> {
  readonly epochs: number;
  /** The batches of an epoch, counted from 0: a pure function, so that a resumed run sees the same ones. */
  batches(epoch: number): EpochBatches;
  /** The learning rate of a parameter at an update, counted from 0. */
  rate(parameter: string, update: number): number;
  /** Measures the model after an epoch; the result must survive JSON. */
  evaluate(trainer: Trainer): Promise<Evaluation>;
  /** Tells whether the first is better; the first of equal epochs is the best. */
  better(first: Evaluation, second: Evaluation): boolean;
  /** Measurements in a row without a better one, after which training ends; all epochs are trained if not given. */
  readonly patience?: number;
  readonly checkpoint?: CheckpointOptions;
  onStep?(report: StepReport): void;
  onEpoch?(result: EpochResult<Evaluation>): void | Promise<void>;
}

/** The result of training. */
export interface TrainingResult<Evaluation> {
  readonly epochs: readonly EpochResult<Evaluation>[];
  /** Number of the epoch, from 1. */
  readonly bestEpoch: number;
  /** The parameters after the best epoch. */
  readonly parameters: HostTensors;
  readonly steps: number;
  /** Seconds of training steps, of all sittings. */
  readonly seconds: number;
  /** Seconds of these before this sitting. */
  readonly earlierSeconds: number;
}

/** Position of the loop between two steps. */
interface Position<Evaluation> {
  epoch: number;
  place: number;
  lossSum: number;
  lastLoss: number | null;
  seconds: number;
  results: EpochResult<Evaluation>[];
}

const positionShape: Shape<Position<unknown>> = object<Position<unknown>>({
  ...{
    epoch: whole(0),
    place: whole(0),
    lossSum: number(),
    lastLoss: nullable(number()),
    seconds: number(0),
  },
  results: list(object<EpochResult<unknown>>({
    ...{ epoch: whole(1), trainLoss: number(), evaluation: anything, seconds: number(0) },
  })) as Shape<EpochResult<unknown>[]>,
});

/**
 * Trains, evaluates after each epoch and keeps the best parameters. With checkpoints a killed run that is started
 * again ends with the same parameters, bit for bit, as one that was never stopped.
 *
 * @throws InputError when a loss or a gradient is not finite; the last checkpoint stays.
 * @throws the reason of the checkpoints' `stop` once that is aborted, with a checkpoint saved.
 */
export async function train<Evaluation>(
  trainer: Trainer,
  plan: TrainingPlan<Evaluation>,
): Promise<TrainingResult<Evaluation>> {
  const { checkpoint, epochs } = plan;
  const steps = Array.from({ length: epochs }, (_, epoch) => plan.batches(epoch).length)
    .reduce((sum, length) => sum + length, 0);
  let at: Position<Evaluation> = { epoch: 0, place: 0, lossSum: 0, lastLoss: null, seconds: 0, results: [] };
  let earlierSeconds = 0;
  let best: HostTensors | undefined;
  let isSaved = false;
  const times = new CheckpointTimes(checkpoint?.every);
  /** The step whose loss and norm are not read yet. */
  let begun:
    | {
      step: number;
      batch: StepBatch;
      rates: readonly number[];
      outcome: () => Promise<StepOutcome>;
      seconds: number;
    }
    | undefined;
  const readStep = async () => {
    if (!begun) return;
    const { step, batch, rates, outcome, seconds: before } = begun;
    begun = undefined;
    const start = performance.now();
    const { loss, gradientNorm } = await outcome();
    const seconds = before + (performance.now() - start) / 1000;
    at.seconds += seconds;
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      const found = Number.isFinite(loss) ? `gradients' norm is ${gradientNorm}` : `loss is ${loss}`;
      throw notFinite(trainer, plan, { step, found, last: at.lastLoss, isSaved });
    }
    at.lossSum += loss;
    at.lastLoss = loss;
    const { examples, tokens } = batch;
    const [highestRate, lowestRate] = [Math.max(...rates), Math.min(...rates)];
    plan.onStep?.({
      ...{ step, steps, epoch: at.epoch + 1, loss, gradientNorm, highestRate, lowestRate },
      ...{ examples, tokens, seconds },
    });
  };
  const saveIfDue = async (endsEpoch: boolean) => {
    const isStopped = checkpoint?.stop?.aborted ?? false;
    if (!checkpoint || !(isStopped || times.isDue(trainer.updates, endsEpoch))) return;
    await readStep();
    await times.take(async () =>
      await writeCheckpoint(checkpoint, { snapshot: await trainer.snapshot(), position: at, best })
    );
    isSaved = true;
    if (isStopped) checkpoint.stop!.throwIfAborted();
  };

  if (checkpoint && !checkpoint.resume) await removeCheckpoints(checkpoint);
  const saved = checkpoint?.resume
    ? await newestCheckpoint(checkpoint, positionShape as Shape<Position<Evaluation>>)
    : undefined;
  if (saved) {
    trainer.restore(saved.snapshot);
    at = saved.position;
    earlierSeconds = secondsOf(at);
    best = saved.best;
    isSaved = true;
    if (at.results.length > 0 && !best) {
      const why = "its newest checkpoint lacks the best epoch: start anew with --overwrite";
      throw new ResumeError(`Cannot resume from ${checkpoint!.folder} as ${why}`);
    }
  }

  while (at.epoch < epochs && !isOver(at.results, plan)) {
    const batches = plan.batches(at.epoch);
    while (at.place < batches.length) {
      const start = performance.now();
      const batch = batches.at(at.place);
      const update = trainer.updates;
      const rates: number[] = [];
      const outcome = await trainer.begin(batch, (parameter) => {
        const rate = plan.rate(parameter, update);
        rates.push(rate);
        return rate;
      }).catch(async (error) => {
        await readStep(); // its error, if it has one, explains this one
        throw error;
      });
      const seconds = (performance.now() - start) / 1000;
      await readStep(); // the one before, while the engine computes this one
      begun = { step: trainer.updates, batch, rates, outcome, seconds };
      at.place++;
      if (trainer.runsAhead) await setImmediate(); // else no signal and no timer would have its turn
      else await readStep();
      if (at.place < batches.length) await saveIfDue(false);
    }
    await readStep();

    const result: EpochResult<Evaluation> = {
      epoch: at.epoch + 1,
      trainLoss: at.lossSum / batches.length,
      evaluation: await plan.evaluate(trainer),
      seconds: at.seconds,
    };
    at.results.push(result);
    if (bestOf(at.results, plan) === result) best = await trainer.parameters();
    await plan.onEpoch?.(result);
    at = { ...at, epoch: at.epoch + 1, place: 0, lossSum: 0, seconds: 0 };
    await saveIfDue(true);
  }
  return {
    epochs: at.results,
    bestEpoch: bestOf(at.results, plan).epoch,
    parameters: best!,
    steps: trainer.updates,
    seconds: secondsOf(at),
    earlierSeconds,
  };
}

/** Returns the seconds of training steps up to a position. */
function secondsOf({ results, seconds }: Position<unknown>): number {
  return results.reduce((sum, epoch) => sum + epoch.seconds, seconds);
}

function bestOf<Evaluation>(
  results: readonly EpochResult<Evaluation>[],
  { better }: TrainingPlan<Evaluation>,
): EpochResult<Evaluation> {
  return results.reduce((best, result) => better(result.evaluation, best.evaluation) ? result : best);
}

/** Tells whether the last measurements were no better for too long. */
function isOver<Evaluation>(
  results: readonly EpochResult<Evaluation>[],
  plan: TrainingPlan<Evaluation>,
): boolean {
  if (plan.patience === undefined || results.length === 0) return false;
  return results.length - bestOf(results, plan).epoch >= plan.patience;
}

function notFinite<Evaluation>(
  trainer: Trainer,
  plan: TrainingPlan<Evaluation>,
  { step, found, last, isSaved }: { step: number; found: string; last: number | null; isSaved: boolean },
): InputError {
  if (last === null) {
    return new InputError(
      `Training stopped at step ${step} as the ${found} before any change of the weights: the model ` +
        "to start from is damaged or its weights are too large, so take another copy of it, or another model",
    );
  }
  const kept = plan.checkpoint && isSaved ? `; the last checkpoint is in ${plan.checkpoint.folder}` : "";
  const rate = Math.max(...trainer.parameterNames.map((name) => plan.rate(name, step - 1)));
  return new InputError(
    `Training stopped at step ${step} as the ${found} at learning rate ${rate.toPrecision(3)} ` +
      `(the last finite loss was ${
        last.toPrecision(4)
      })${kept}: try a lower learning rate or a longer warm-up`,
  );
}
