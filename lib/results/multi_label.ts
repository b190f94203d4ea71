/**
 * Measures of predictions of several labels for each text, and the thresholds that make labels of probabilities. A text
 * gets a label if its probability reaches the label's threshold; each of N · C decisions is right or wrong.
 */
import { listOf, numbers, requireArguments } from "../storage/arguments.ts";
import { anything, optional, whole } from "../storage/json.ts";
import type { ClassMetrics, Metrics } from "./metrics.ts";

/** Texts with a label, and texts without it, from which a label gets a threshold of its own. */
const enough = 20;

/** Thresholds that are chosen by examples. */
export interface Thresholds {
  /** [C] the threshold of each label. */
  readonly thresholds: readonly number[];
  /** The threshold of labels with too few texts for one of their own. */
  readonly common: number;
  /** Number of labels with a threshold of their own. */
  readonly own: number;
}

/** Returns the true classes of N examples as a matrix [N*C], 1 for a label that a text has and 0 for another. */
export function labelMatrix(
  examples: readonly { readonly classes?: readonly number[] }[],
  classes: number,
): number[] {
  requireArguments("labelMatrix", {
    examples: [examples, listOf("a list of examples", anything)],
    classes: [classes, whole(1)],
  });
  const matrix = new Array<number>(examples.length * classes).fill(0);
  examples.forEach(({ classes: own = [] }, n) => own.forEach((c) => matrix[n * classes + c] = 1));
  return matrix;
}

/** Returns 1 for each label that a text gets, and 0 for the others [N*C]. */
export function assignLabels(probabilities: ArrayLike<number>, thresholds: readonly number[]): Uint8Array {
  return Uint8Array.from(probabilities, (p, at) => p >= thresholds[at % thresholds.length]! ? 1 : 0);
}

/**
 * Chooses thresholds by examples: a label that at least 20 of them have, and 20 have not, gets the one with the largest
 * F1 of its own; all others share the one with the largest micro F1 over all labels, as few texts say little.
 *
 * @param probabilities [N*C]
 * @param expected [N*C] as of {@linkcode labelMatrix}
 */
export function chooseThresholds(
  probabilities: ArrayLike<number>,
  expected: readonly number[],
  classes: number,
): Thresholds {
  requireArguments("chooseThresholds", {
    probabilities: [probabilities, numbers],
    expected: [expected, numbers],
    classes: [classes, whole(1)],
  });
  const decision = (at: number) => ({ p: probabilities[at]!, truth: expected[at]! });
  const common = bestThreshold(Array.from(expected, (_, at) => decision(at)));
  let own = 0;
  const thresholds = Array.from({ length: classes }, (_, c) => {
    const column = Array.from({ length: expected.length / classes }, (_, n) => decision(n * classes + c));
    const present = column.reduce((sum, { truth }) => sum + truth, 0);
    if (present < enough || column.length - present < enough) return common;
    own++;
    return bestThreshold(column);
  });
  return { thresholds, common, own };
}

/**
 * Returns the threshold with the largest F1, halfway between two neighbouring probabilities; of equals the one next to
 * 0.5, and 0.5 if no text has the label.
 */
function bestThreshold(decisions: readonly { readonly p: number; readonly truth: number }[]): number {
  const sorted = decisions.toSorted((a, b) => b.p - a.p);
  const present = sorted.reduce((sum, { truth }) => sum + truth, 0);
  let best = { f1: 0, threshold: .5 };
  let right = 0;
  for (const [place, { p, truth }] of sorted.entries()) {
    right += truth;
    const next = sorted[place + 1]?.p ?? 0;
    if (next === p) continue; // one threshold does not tell them apart
    const f1 = 2 * right / (place + 1 + present);
    const threshold = (p + next) / 2;
    const isNearer = Math.abs(threshold - .5) < Math.abs(best.threshold - .5);
    if (f1 > best.f1 || (f1 === best.f1 && f1 > 0 && isNearer)) best = { f1, threshold };
  }
  return best.threshold;
}

/**
 * Computes all measures of predictions of several labels. Accuracy and error are of whole texts: all of its labels are
 * right, or not. Loss, calibration error and Brier score are of all decisions: the loss is the mean binary cross-entropy,
 * the calibration error that of the probabilities in 15 bins, the Brier score the mean over texts of the squared
 * distance, summed over labels.
 *
 * @param probabilities [N*C]
 * @param expected [N*C] as of {@linkcode labelMatrix}
 * @param thresholds [C]
 * @param given [N*C] 1 for a label that a text gets; by the thresholds if not given
 * @throws RangeError if there is no example, or the sizes do not fit.
 */
export function measureLabels(
  probabilities: ArrayLike<number>,
  expected: readonly number[],
  thresholds: readonly number[],
  given?: ArrayLike<number>,
): Metrics {
  requireArguments("measureLabels", {
    probabilities: [probabilities, numbers],
    expected: [expected, numbers],
    thresholds: [thresholds, numbers],
    given: [given, optional(numbers)],
  });
  const classes = thresholds.length;
  const examples = expected.length / classes;
  if (expected.length === 0 || !Number.isInteger(examples) || probabilities.length !== expected.length) {
    throw new RangeError(
      `Expected ${expected.length} decisions on texts with ${classes} labels, found ${probabilities.length} probabilities`,
    );
  }
  const predicted = given ?? assignLabels(probabilities, thresholds);
  const wrongOf = new Float64Array(examples);
  let [wrong, hit, claimed, known, loss, brier] = [0, 0, 0, 0, 0, 0];
  expected.forEach((truth, at) => {
    const p = probabilities[at]!;
    const answer = predicted[at]!;
    if (answer !== truth) wrongOf[Math.floor(at / classes)]!++;
    wrong += answer === truth ? 0 : 1;
    hit += answer * truth;
    claimed += answer;
    known += truth;
    loss -= Math.log(Math.max(1e-12, truth === 1 ? p : 1 - p));
    brier += (p - truth) ** 2;
  });
  const right = wrongOf.filter((count) => count === 0).length;
  const macroF1 = labelMetrics(predicted, expected, classes).reduce((sum, { f1 }) => sum + f1, 0) / classes;
  return {
    examples,
    accuracy: right / examples,
    errorRate: (examples - right) / examples,
    macroF1,
    loss: loss / expected.length,
    ece: calibrationError(probabilities, expected),
    brier: brier / examples,
    confusion: [],
    multiLabel: {
      microF1: claimed + known > 0 ? 2 * hit / (claimed + known) : 0,
      hammingLoss: wrong / expected.length,
      thresholds,
    },
  };
}

/**
 * Returns a number for each text [N] whose mean is 1 − micro F1, and the spread of whose differences is that of the
 * difference of two models' F1, for large N (the delta method). F = Σ a_n / Σ b_n with a_n = 2 TP_n and
 * b_n = 2 TP_n + FP_n + FN_n, so that text n moves F by (a_n − F b_n) / Σ b, and its number is 1 − F − (a_n − F b_n) N / Σ b.
 *
 * @param probabilities [N*C]
 * @param expected [N*C] as of {@linkcode labelMatrix}
 * @param thresholds [C]
 */
export function microF1Errors(
  probabilities: ArrayLike<number>,
  expected: readonly number[],
  thresholds: readonly number[],
): Float64Array {
  const C = thresholds.length;
  const predicted = assignLabels(probabilities, thresholds);
  const [hits, counts] = [new Float64Array(expected.length / C), new Float64Array(expected.length / C)];
  expected.forEach((truth, at) => {
    const n = Math.floor(at / C);
    hits[n]! += 2 * truth * predicted[at]!;
    counts[n]! += truth + predicted[at]!;
  });
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return counts.fill(1);
  const f1 = hits.reduce((sum, hit) => sum + hit, 0) / total;
  return counts.map((count, n) => 1 - f1 - (hits[n]! - f1 * count) * counts.length / total);
}

/** Computes the measures of each label, from predicted and true labels [N*C]. */
export function labelMetrics(
  predicted: ArrayLike<number>,
  expected: ArrayLike<number>,
  classes: number,
): ClassMetrics[] {
  const share = (part: number, whole: number) => whole > 0 ? part / whole : 0;
  return Array.from({ length: classes }, (_, c) => {
    let [known, claimed, right] = [0, 0, 0];
    for (let at = c; at < expected.length; at += classes) {
      known += expected[at]!;
      claimed += predicted[at]!;
      right += expected[at]! * predicted[at]!;
    }
    return {
      precision: share(right, claimed),
      recall: share(right, known),
      f1: share(2 * right, known + claimed),
      count: known,
    };
  });
}

/** Sums over bins (0, 1/15], (1/15, 2/15], …: |sum of probabilities − labels|, as a share of all decisions. */
function calibrationError(probabilities: ArrayLike<number>, expected: readonly number[]): number {
  const bins = 15;
  const surplus = new Float64Array(bins);
  expected.forEach((truth, at) => {
    const p = probabilities[at]!;
    surplus[Math.min(bins - 1, Math.max(0, Math.ceil(p * bins) - 1))]! += p - truth;
  });
  return surplus.reduce((sum, value) => sum + Math.abs(value), 0) / expected.length;
}
