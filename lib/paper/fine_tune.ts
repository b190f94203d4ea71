/**
 * Fine-tuning (paper sections 3 and 5.2): a classifier on the state h of [CLS], p(c | h) = softmax(W h), is trained
 * together with all of BERT to make the right class likely. The paper's recipe is batches of 24 texts, Adam, a rate of
 * 2e-5 that warms up over a tenth of the steps and then falls to 0, and of four epochs the best.
 */
import { requirePositions, requireSegments } from "../bert/config.ts";
import type { StartModel } from "../bert/start_model.ts";
import { type Dataset, stratifiedOrder } from "../data/examples.ts";
import type { Engine } from "../engine/engine.ts";
import { InputError } from "../errors.ts";
import { fold } from "../random.ts";
import type { Metrics } from "../results/metrics.ts";
import { configurationHash, type EpochRecord, type Predictions } from "../results/records.ts";
import type { HostTensors } from "../tensors.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { type BatchOptions, trainingBatches } from "../training/batches.ts";
import type { CheckpointOptions } from "../training/checkpoints.ts";
import { type Evaluated, evaluateExamples, isBetter } from "../training/class_probabilities.ts";
import { type EpochResult, type StepReport, train } from "../training/loop.ts";
import { optimizer } from "../training/optimizers.ts";
import { lossOptions, passSize } from "../training/step_batches.ts";
import { batchesOfStretch, stretchesOf, updatesOf } from "../training/stretches.ts";
import type { EncodedExample } from "../training/text_tensors.ts";
import { Trainer } from "../training/trainer.ts";
import { atBaseRates, classifierParameters, classifierPlan } from "./classifier_plan.ts";
import { learningRates } from "./layer_decay.ts";
import { encodeDataset, type EncodedDataset, usedWords } from "./reading.ts";
import { type FineTuneSettings, fineTuningShape, settingsIdentity } from "./settings.ts";
import { aContext, aDataset, aModel, requireArguments } from "../storage/arguments.ts";

/** Engine, checkpoints and callbacks of {@linkcode fineTune}. */
export interface FineTuneContext {
  /** The engine that runs the steps. */
  readonly engine: Engine;
  /** Folder and frequency of the run's checkpoints, and whether to go on from them. */
  readonly checkpoint?: Omit<CheckpointOptions, "identity">;
  /** The data set as {@linkcode encodeDataset} makes it, if that was done before. */
  readonly encoded?: EncodedDataset;
  /** Told after each step. */
  onStep?(report: StepReport): void;
  /** Told after each epoch. */
  onEpoch?(epoch: EpochRecord): void;
}

/** A trained classifier. */
export interface FineTuned {
  /** The model that training started from. */
  readonly model: StartModel;
  /** The settings of the training. */
  readonly settings: FineTuneSettings;
  /** The parameters that are kept: those after the best epoch, if the settings do not say otherwise. */
  readonly parameters: HostTensors;
  /** The record of each epoch. */
  readonly epochs: readonly EpochRecord[];
  /** The one of `epochs` whose parameters are kept: passes over the training texts. */
  readonly bestEpoch: number;
  /** Measures of the development split after the best epoch. */
  readonly dev?: Metrics;
  /** Measures of the test split after the best epoch. */
  readonly test?: Metrics;
  /** Predictions of the development split, where the epoch was chosen by it. */
  readonly devPredictions?: Predictions;
  /** Predictions of the test split, if there is one. */
  readonly testPredictions?: Predictions;
  /** `true` if the texts are pairs. */
  readonly pairs: boolean;
  /** [C] the least probabilities of labels that a text gets, only where it may have several: chosen with the epoch, or 0.5. */
  readonly thresholds?: readonly number[];
  /** `true` if the labels of the texts were lists in their file. */
  readonly labelLists?: boolean;
  /** Optimizer updates. */
  readonly steps: number;
  /** Seconds of training steps, of all sittings. */
  readonly trainSeconds: number;
  /** Seconds of these before this sitting; absent where that is not known. */
  readonly earlierSeconds?: number;
  /** Remarks for a reader of the numbers. */
  readonly notes: readonly string[];
}

/**
 * Fine-tunes a model on a data set: trains, measures after each epoch, keeps the best one and tests it.
 *
 * @throws InputError if the maximum length is more than the model's positions, there is nothing to choose the epoch
 * by, or the loss stops being finite.
 */
export async function fineTune(
  model: StartModel,
  data: Dataset,
  settings: FineTuneSettings,
  context: FineTuneContext,
): Promise<FineTuned> {
  requireArguments("fineTune", {
    model: [model, aModel],
    data: [data, aDataset],
    settings: [settings, fineTuningShape],
    context: [context, aContext],
  });
  const { tokenizer } = model;
  const plan = classifierPlan(model.config, settings);
  const { config, trainable } = plan;
  const { maxLength, seed, evaluationsPerEpoch: points = 1 } = settings;
  const classes = data.labels.length;
  const fresh = classifierParameters(plan, model, classes, seed);
  requirePositions(config, maxLength);
  const encoded = context.encoded ?? encodeDataset(data, tokenizer, settings);
  const { split, chosenBy, pairs } = encoded;
  if (pairs) requireSegments(config);
  const notes = [...model.notes, ...encoded.notes];
  const batching = batchOptions(settings, tokenizer, context.engine, data, split.train);
  const isEven = !data.multiLabel || settings.classWeights === "balanced";
  const parameters = isEven ? fresh : atBaseRates(fresh, split.train);
  const keys = Array.from({ length: settings.epochs }, (_, epoch) => fold(seed, 1, epoch));
  const batches = trainingBatches(split.train, batching, keys);
  const steps = batches[0]?.length ?? 0;
  if (steps < points) {
    throw new InputError(`Cannot measure ${points} times an epoch: an epoch has only ${steps} steps`);
  }

  const words = usedWords(model, [encoded]);
  const update = optimizer(settings.optimizer);
  const trainer = new Trainer(context.engine, trainable, parameters, update, seed, words);
  try {
    const rate = learningRates(settings, config.num_hidden_layers, updatesOf(steps, settings));
    const stretches = stretchesOf(steps, settings);
    const evaluate = (examples: readonly EncodedExample[], thresholds?: readonly number[]) =>
      evaluateExamples((batch) => trainer.evaluate(batch), examples, { ...batching, classes, thresholds });
    const record = ({ evaluation, epoch, ...rest }: EpochResult<Measured>): EpochRecord => ({
      epoch: stretches[epoch - 1]!.epoch,
      ...rest,
      ...evaluation.train ? { train: evaluation.train } : {},
      ...evaluation.chosenBy ? { [chosenBy]: evaluation.chosenBy } : {},
    });
    const sample = () => stratifiedOrder(data.train, 0).slice(0, split[chosenBy].length);
    const trainSample = points > 1 ? sample().map((place, index) => ({ ...split.train[place]!, index })) : [];
    const isLast = settings.keep === "last";
    const better = (a: Measured, b: Measured) => isLast || isBetter(a.chosenBy!, b.chosenBy!);
    const chooses = split[chosenBy].length > 0;
    let kept: { readonly measured: Measured; readonly evaluated: Evaluated } | undefined; // the best of this sitting
    const result = await train<Measured>(trainer, {
      epochs: stretches.length,
      batches: (n) => batchesOfStretch(batches, stretches[n]!),
      rate,
      patience: settings.patience,
      evaluate: async () => {
        if (!chooses) return {};
        const evaluated = await evaluate(split[chosenBy]);
        const train = points > 1 ? { train: (await evaluate(trainSample)).metrics } : {};
        const measured = { chosenBy: evaluated.metrics, ...train };
        if (!kept || better(measured, kept.measured)) kept = { measured, evaluated };
        return measured;
      },
      better,
      checkpoint: context.checkpoint && {
        ...context.checkpoint,
        identity: await configurationHash({
          ...settingsIdentity(settings),
          model: model.description,
          content: model.content,
          data: data.fingerprint,
        }),
      },
      onStep: context.onStep,
      onEpoch: (epoch) => context.onEpoch?.(record(epoch)),
    });
    trainer.load(result.parameters);
    const epochs = result.epochs.map(record);
    const best = epochs[result.bestEpoch - 1]!;
    const isKept = kept?.measured === result.epochs[result.bestEpoch - 1]!.evaluation;
    const chosen = isKept ? kept!.evaluated : chooses ? await evaluate(split[chosenBy]) : undefined;
    const dev = chosenBy === "dev" ? chosen : undefined;
    // Chosen with the epoch, so by test texts only where the paper's protocol chooses the epoch by them.
    const found = (best.dev ?? best.test)?.multiLabel?.thresholds;
    const thresholds = data.multiLabel && !found ? data.labels.map(() => .5) : found;
    if (epochs.length < stretches.length) {
      const made = `${result.steps} of ${stretches.at(-1)!.to} steps`;
      const why = `${settings.patience} measurements in a row were no better`;
      notes.push(`Training ended early, after ${made}, as ${why}.`);
    }
    const testOf = async () => split.test.length > 0 ? await evaluate(split.test, thresholds) : undefined;
    const test = chosenBy === "test" ? chosen : await testOf();
    const predictions = ({ expected, probabilities }: Evaluated): Predictions => ({
      labels: data.labels,
      expected,
      probabilities: Array.from(probabilities, (p) => Number(p.toPrecision(6))),
    });
    return {
      model: { ...model, config },
      settings,
      parameters: result.parameters,
      epochs,
      bestEpoch: best.epoch,
      dev: best.dev,
      test: test?.metrics,
      devPredictions: dev && predictions(dev),
      testPredictions: test && predictions(test),
      ...thresholds ? { thresholds } : {},
      ...data.labelLists ? { labelLists: true } : {},
      ...{ pairs, steps: result.steps, trainSeconds: result.seconds, notes },
      earlierSeconds: result.earlierSeconds,
    };
  } finally {
    await trainer.dispose();
  }
}

/** The result of a measurement. */
interface Measured {
  /** Measures of the split that the epoch is chosen by; none where the last one is kept without such texts. */
  readonly chosenBy?: Metrics;
  /** Measures of a sample of the training texts. */
  readonly train?: Metrics;
}

/**
 * The options of batches of what is read.
 *
 * @param train the training texts, by which the weights of classes are balanced
 * @throws InputError if passes or devices do not divide the batches.
 */
export function batchOptions(
  settings: Pick<
    FineTuneSettings,
    "batchSize" | "microBatchSize" | "maxLength" | "padToMax" | "classWeights"
  >,
  tokenizer: Tokenizer,
  { capabilities: { devices, fewLargeShapes } }: Pick<Engine, "capabilities">,
  data: Pick<Dataset, "labels" | "multiLabel">,
  train: readonly EncodedExample[] = [],
): BatchOptions {
  const { batchSize, maxLength, padToMax, classWeights } = settings;
  return {
    ...{
      batchSize,
      maxLength,
      padToMax,
      tokenizerIds: tokenizer.ids,
      devices: devices.length,
      fewLargeShapes,
    },
    passSize: passSize(settings, devices.length),
    ...lossOptions(data, train, classWeights),
  };
}
