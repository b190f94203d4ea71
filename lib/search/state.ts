/** The state of a search: what was decided and what came of it. A search that was stopped goes on from there. */
import { join } from "node:path";
import { keep, outcomeShape, readKept, type RunOutcome } from "../classifier/run_outcome.ts";
import { isBetter } from "../training/class_probabilities.ts";
import { mistakes } from "../results/metrics.ts";
import { microF1Errors } from "../results/multi_label.ts";
import { mean, standardDeviation } from "../results/statistics.ts";
import { list, number, object, optional, type Shape, text, whole } from "../storage/json.ts";
import type { Pace } from "./cost.ts";

/** A training of the search. */
export interface Trial {
  /** The choice's place in the order; 0 is the default. */
  readonly choice: number;
  /** The rung's number, from 0. */
  readonly rung: number;
  /** Its measures on the development texts. */
  readonly outcome: RunOutcome;
}

/** A rung: how long its choices are trained, and which they are. */
export interface Rung {
  /** Updates. */
  readonly steps: number;
  /** Places of the choices in the order. */
  readonly choices: readonly number[];
}

/** Further pre-training in a search. */
export interface SearchPreTraining {
  /** Updates of the whole model. */
  readonly steps: number;
  /** Passes over the task's texts. */
  readonly passes: number;
  /** Seconds that it is expected to take. */
  readonly seconds: number;
}

/** Everything that was decided. */
export interface SearchState {
  /** The pace at the beginning. */
  readonly pace: Pace;
  /** Further pre-training, if the budget allows any. */
  readonly preTraining?: SearchPreTraining;
  /** Updates of each rung, the lowest first. */
  readonly ladder: readonly number[];
  /** The rungs that were decided. */
  readonly rungs: readonly Rung[];
  /** The trainings that were made. */
  readonly trials: readonly Trial[];
  /** The reason for an end before the last training. */
  readonly ended?: string;
}

const stateShape: Shape<SearchState> = object<SearchState>({
  pace: object<Pace>({ start: number(0), operation: number(0) }),
  preTraining: optional(
    object<SearchPreTraining>({ steps: whole(1), passes: number(0), seconds: number(0) }),
  ),
  ladder: list(whole(1)),
  rungs: list(object<Rung>({ steps: whole(1), choices: list(whole(0)) })),
  trials: list(object<Trial>({ choice: whole(0), rung: whole(0), outcome: outcomeShape })),
  ended: optional(text),
});

/** The files of a search's state in its folder. */
export class StateFile {
  constructor(readonly folder: string, readonly identity: string) {}

  /** The state; undefined before the first. */
  read(): Promise<SearchState | undefined> {
    return readKept(join(this.folder, "search.json"), this.identity, stateShape);
  }

  write(state: SearchState): Promise<void> {
    return keep(join(this.folder, "search.json"), this.identity, state);
  }

  /** Seconds that earlier sittings took. */
  async spent(): Promise<number> {
    return await readKept(join(this.folder, "spent.json"), this.identity, number(0)) ?? 0;
  }

  writeSpent(seconds: number): Promise<void> {
    return keep(join(this.folder, "spent.json"), this.identity, seconds);
  }
}

/**
 * Returns the error of each development text: 1 for a wrong prediction and 0 for a right one. Where a text may have several
 * labels the mean is 1 − micro F1, by which the epoch is chosen, too.
 */
export function errorsOf(
  { predictions, metrics }: Pick<RunOutcome, "predictions" | "metrics">,
): Float64Array {
  const { probabilities, expected } = predictions;
  return metrics.multiLabel
    ? microF1Errors(probabilities, expected, metrics.multiLabel.thresholds)
    : mistakes(probabilities, expected);
}

/**
 * Returns the trainings of a rung, the best first: fewer errors (or, of several labels, a larger micro F1), or as many and a
 * smaller loss.
 */
export function ranked(trials: readonly Trial[], rung: number): Trial[] {
  return trials.filter((trial) => trial.rung === rung).sort((a, b) => {
    const [first, second] = [a.outcome.metrics, b.outcome.metrics];
    return isBetter(first, second) ? -1 : isBetter(second, first) ? 1 : a.choice - b.choice;
  });
}

/** Sums that are equal but for rounding. */
const rounding = 1e-9;

/**
 * Returns the training that is chosen: of those of the highest rung the best one that makes fewer mistakes on the
 * development texts than the default (or, of several labels, has a larger micro F1) by more than one standard error of
 * the difference (the rule of Breiman et al. 1984 for the simpler of two); the default if none does, and the best one if
 * the rung has no default. Where a rung trains the default first, one more training is chosen or changes nothing.
 */
export function chosen(trials: readonly Trial[]): Trial {
  const candidates = ranked(trials, Math.max(...trials.map(({ rung }) => rung)));
  const base = candidates.find(({ choice }) => choice === 0);
  if (!base) return candidates[0]!;
  const errors = errorsOf(base.outcome);
  const isBetterThanBase = ({ outcome }: Trial) => {
    const others = errorsOf(outcome);
    const fewer = errors.map((error, n) => error - others[n]!);
    const standardError = (standardDeviation(fewer) ?? 0) / Math.sqrt(fewer.length);
    return mean(fewer) > standardError + rounding;
  };
  return candidates.find(isBetterThanBase) ?? base;
}
