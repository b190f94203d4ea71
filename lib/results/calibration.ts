/**
 * Temperature scaling (Guo, Pleiss, Sun and Weinberger 2017, "On Calibration of Modern Neural Networks", section 4.2):
 * logits are divided by one number T, chosen on examples outside the training set. No predicted class changes.
 */
import { mistakes } from "./metrics.ts";
import { numbers, requireArguments } from "../storage/arguments.ts";
import { number, whole } from "../storage/json.ts";

/** Largest T that is tried; the smallest is 1 / 20. */
const most = 20;

/**
 * Fewest examples that a temperature is fitted on. On 30 or fewer it makes the loss of a classifier that is 1.5 times too
 * sure worse in three of ten cases, on 50 in one or none (LOG.md).
 */
export const leastCalibrated = 50;

/** A temperature, with a sentence on what a reader should know about it. */
export interface Calibration {
  /** Divisor of the logits; 1 where none was fitted. */
  readonly temperature: number;
  /** The reason why none was fitted, or that the one found is a bound; "" if there is nothing to say. */
  readonly note: string;
}

/**
 * Fits a temperature, if there are enough examples.
 *
 * @param probabilities [N*C], each row sums to 1
 * @param labels [N] the true classes
 */
export function calibrate(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): Calibration {
  const none = (why: string) => ({
    temperature: 1,
    note: `The probabilities are not calibrated, as ${why}.`,
  });
  if (labels.length < leastCalibrated) {
    return none(`there are only ${labels.length} texts to do it on: at least ${leastCalibrated} are needed`);
  }
  if (mistakes(probabilities, labels).every((wrong) => wrong === 0)) {
    return none(
      `there is no mistake among the ${labels.length} texts to do it on: every certainty fits them`,
    );
  }
  const temperature = fitTemperature(probabilities, labels, classes);
  const isBound = Math.abs(Math.log(temperature)) > Math.log(most) - 1e-6;
  const bound = temperature > 1 ? `largest that is tried, ${most}` : `smallest that is tried, 1/${most}`;
  return {
    temperature,
    note: isBound
      ? `The temperature of calibration is the ${bound}: the probabilities tell little of how sure a prediction is.`
      : "",
  };
}

/**
 * Finds the temperature T that minimises the mean negative log-likelihood of the true classes,
 *
 *     L(β) = mean_n (log Σ_c exp(β z_nc) − β z_ny),  β = 1 / T,
 *
 * which is convex in β: bisection finds the zero of its derivative, mean_n (Σ_c p_nc z_nc − z_ny). Log probabilities
 * take the place of the logits z; they differ from them by one number for each example.
 *
 * @param probabilities [N*C], each row sums to 1
 * @param labels [N] the true classes
 * @returns T between 1/20 and 20; 1 if there is no mistake, as the likelihood then has no maximum
 */
export function fitTemperature(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): number {
  requireArguments("fitTemperature", {
    probabilities: [probabilities, numbers],
    labels: [labels, numbers],
    classes: [classes, whole(1)],
  });
  if (mistakes(probabilities, labels).every((wrong) => wrong === 0)) return 1;
  const logits = Float64Array.from(probabilities, logOf);
  let [low, high] = [1 / most, most];
  for (let step = 0; step < 50; step++) {
    const middle = Math.sqrt(low * high);
    if (derivative(logits, labels, classes, middle) < 0) low = middle;
    else high = middle;
  }
  return 1 / Math.sqrt(low * high);
}

/** Returns the probabilities [N*C] of a classifier whose logits are divided by a temperature: softmax(log p / T). */
export function atTemperature(
  probabilities: ArrayLike<number>,
  classes: number,
  temperature: number,
): Float64Array {
  requireArguments("atTemperature", {
    probabilities: [probabilities, numbers],
    classes: [classes, whole(1)],
    temperature: [temperature, number()],
  });
  const scaled = Float64Array.from(probabilities, (p) => logOf(p) / temperature);
  for (let start = 0; start < scaled.length; start += classes) {
    const row = scaled.subarray(start, start + classes);
    const largest = row.reduce((largest, logit) => Math.max(largest, logit), -Infinity);
    const sum = row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
    row.forEach((logit, c) => row[c] = Math.exp(logit - largest) / sum);
  }
  return scaled;
}

/** Returns the logarithm, finite also for a probability that is rounded to 0. */
function logOf(probability: number): number {
  return Math.log(Math.max(1e-300, probability));
}

/** Computes dL/dβ. */
function derivative(
  logits: Float64Array,
  labels: ArrayLike<number>,
  classes: number,
  beta: number,
): number {
  let total = 0;
  for (let n = 0; n < labels.length; n++) {
    const start = n * classes;
    let largest = -Infinity;
    for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[start + c]!);
    let [sum, weighted] = [0, 0];
    for (let c = 0; c < classes; c++) {
      const exponent = Math.exp(beta * (logits[start + c]! - largest));
      sum += exponent;
      weighted += exponent * logits[start + c]!;
    }
    total += weighted / sum - logits[start + labels[n]!]!;
  }
  return total / labels.length;
}
