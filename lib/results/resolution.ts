/**
 * The resolution of test sets: the difference that single runs, one for each row, need at least to be told apart by the
 * draw of the test examples (binomial). It leaves out that another seed of the same training has another error.
 */
import { level } from "./comparison.ts";
import { criticalNormal } from "./distributions.ts";
import { requireArguments } from "../storage/arguments.ts";
import { anything, list } from "../storage/json.ts";

/** A printed number of the paper in a sum of differences. */
export interface PrintedRun {
  /** Name of the test set. */
  readonly testSet: string;
  /** Number of its examples. */
  readonly examples: number;
  /** The error, between 0 and 1. */
  readonly error: number;
  /** The factor of the error in the sum. */
  readonly weight: number;
}

/** The smallest size of a difference, in points, at which p is below .05. */
export interface Resolution {
  /** As if each run was tested on examples of its own: an upper bound for runs that share mistakes. */
  readonly unpaired: number;
  /** On the same examples, if of two runs the better one shares the share {@linkcode sharedMistakes} of its mistakes. */
  readonly paired: number;
}

/** The share of the better run's mistakes that the other is assumed to make too. */
export const sharedMistakes = 0.5;

/** Computes what the test sets of printed runs resolve. */
export function resolutionOf(runs: readonly PrintedRun[]): Resolution {
  requireArguments("resolutionOf", { runs: [runs, list(anything)] });
  const points = (together: (error: number, other: number) => number) => {
    let variance = 0;
    for (const [i, first] of runs.entries()) {
      for (const [j, second] of runs.entries()) {
        if (first.testSet !== second.testSet) continue;
        const wrongTogether = i === j ? first.error : together(first.error, second.error);
        const covariance = (wrongTogether - first.error * second.error) / first.examples;
        variance += first.weight * second.weight * covariance;
      }
    }
    return 100 * criticalNormal(level) * Math.sqrt(variance);
  };
  return {
    unpaired: points((error, other) => error * other),
    paired: points((error, other) => Math.max(error * other, sharedMistakes * Math.min(error, other))),
  };
}
