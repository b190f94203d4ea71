/**
 * Statistics of results: mean and spread over seeds, two paired tests of the difference between two rows of a table,
 * and Holm's correction for several tests at once. The bootstrap resamples test examples (is the difference due to the
 * test set's draw?); the t test looks at seeds (is it due to the training's draw?).
 */
import { Random } from "../random.ts";
import { binomial, studentP } from "./distributions.ts";
import { numbers, requireArguments, someOf } from "../storage/arguments.ts";
import { list, number, whole } from "../storage/json.ts";

/** Returns the mean. @throws RangeError if there is no value. */
export function mean(values: ArrayLike<number>): number {
  requireArguments("mean", { values: [values, numbers] });
  if (values.length === 0) throw new RangeError("Cannot take the mean of no values");
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** Returns the median. @throws RangeError if there is no value. */
export function median(values: ArrayLike<number>): number {
  requireArguments("median", { values: [values, numbers] });
  if (values.length === 0) throw new RangeError("Cannot take the median of no values");
  const sorted = Float64Array.from(values).sort();
  const [low, high] = [(sorted.length - 1) >> 1, sorted.length >> 1];
  return (sorted[low]! + sorted[high]!) / 2;
}

/** Returns the sample standard deviation (divided by n - 1); undefined for fewer than two values. */
export function standardDeviation(values: ArrayLike<number>): number | undefined {
  requireArguments("standardDeviation", { values: [values, numbers] });
  if (values.length < 2) return undefined;
  const centre = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - centre) ** 2;
  return Math.sqrt(sum / (values.length - 1));
}

/** A mean difference with its 95 % interval and the two-sided p of no difference. */
export interface BootstrapResult {
  /** The mean of the differences. */
  readonly difference: number;
  /** Lower end of the 95 % interval. */
  readonly low: number;
  /** Upper end of the 95 % interval. */
  readonly high: number;
  /** Two-sided p of no difference. */
  readonly p: number;
  /** The p of a difference of at least `margin`, in either direction; only with a margin. */
  readonly pWithin?: number;
}

/** Options of a bootstrap. */
export interface BootstrapOptions {
  /** Number of resamples; 10,000 by default. */
  readonly resamples?: number;
  /** Key of the draws; 1 by default. */
  readonly key?: number;
  /** The size that differences are shown to be below; none by default. */
  readonly margin?: number;
}

/**
 * Runs a paired bootstrap over test examples (Efron and Tibshirani 1993, chapter 13; percentile interval) of the mean
 * of first - second. Both have one value for each example, such as 0 for right and 1 for wrong, or its mean over seeds.
 *
 * @throws RangeError if the lengths differ or there is no example.
 */
export function pairedBootstrap(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  options: BootstrapOptions = {},
): BootstrapResult {
  requireArguments("pairedBootstrap", {
    first: [first, numbers],
    second: [second, numbers],
    options: [options, someOf({ resamples: whole(1), key: whole(0), margin: number(0) })],
  });
  return stratifiedBootstrap([paired(first, second)], options);
}

/** Sums of differences nearer to 0 than this count as 0, as terms such as thirds do not cancel exactly. */
const rounding = 1e-12;

/**
 * Runs a stratified bootstrap of the sum of several test sets' mean differences; each set is resampled by itself.
 * p = 2 min(share of resamples <= 0, share >= 0), with one added to each count, at most 1. With a margin,
 * pWithin = max(share <= -margin, share >= margin), also with one added: two one-sided tests (Schuirmann 1987).
 *
 * @param strata the differences of each set's examples
 * @throws RangeError if there is no set, or one has no example.
 */
export function stratifiedBootstrap(
  strata: readonly ArrayLike<number>[],
  options: BootstrapOptions = {},
): BootstrapResult {
  requireArguments("stratifiedBootstrap", {
    strata: [strata, list(numbers)],
    options: [options, someOf({ resamples: whole(1), key: whole(0), margin: number(0) })],
  });
  const { resamples = 10_000, key = 1, margin } = options;
  if (strata.length === 0) throw new RangeError("Cannot resample no test sets");
  const difference = strata.reduce((sum, values) => sum + mean(values), 0);
  const random = new Random(key);
  const draws = strata.map((values) => resampler(values, random));
  const sums = Float64Array.from({ length: resamples }, () => draws.reduce((sum, draw) => sum + draw(), 0));
  const below = (value: number) => 1 + sums.filter((sum) => sum <= value + rounding).length;
  const above = (value: number) => 1 + sums.filter((sum) => sum >= value - rounding).length;
  sums.sort();
  return {
    difference,
    low: sums[Math.floor(0.025 * (resamples - 1))]!,
    high: sums[Math.ceil(0.975 * (resamples - 1))]!,
    p: Math.min(1, 2 * Math.min(below(0), above(0)) / (resamples + 1)),
    ...margin === undefined ? {} : { pWithin: Math.max(below(-margin), above(margin)) / (resamples + 1) },
  };
}

/**
 * Returns a function that draws the mean of a resample. Differences of errors have few distinct values, so the count of
 * each value is drawn: from the binomial distribution, given the draws and values that are left.
 */
function resampler(values: ArrayLike<number>, random: Random): () => number {
  const counts = new Map<number, number>();
  for (let n = 0; n < values.length; n++) counts.set(values[n]!, (counts.get(values[n]!) ?? 0) + 1);
  return () => {
    let sum = 0, draws = values.length, left = values.length;
    for (const [value, count] of counts) {
      const drawn = count === left ? draws : binomial(draws, count / left, random);
      sum += value * drawn;
      draws -= drawn;
      left -= count;
    }
    return sum / values.length;
  };
}

/** The result of a paired t test. */
export interface PairedTResult {
  /** Mean of first - second. */
  readonly difference: number;
  /** The statistic. */
  readonly t: number;
  /** Pairs - 1. */
  readonly degreesOfFreedom: number;
  /** Two-sided p of no difference. */
  readonly p: number;
}

/**
 * Runs a two-sided paired t test: one value for each seed, the same seeds in the same order on both sides. If all
 * differences are equal, t is infinite and p is 0; if they are all 0, t is 0 and p is 1.
 *
 * @throws RangeError if the lengths differ or are below 2.
 */
export function pairedT(first: ArrayLike<number>, second: ArrayLike<number>): PairedTResult {
  requireArguments("pairedT", { first: [first, numbers], second: [second, numbers] });
  const differences = paired(first, second);
  const spread = standardDeviation(differences);
  if (spread === undefined) throw new RangeError("A paired t test needs two pairs or more, found 1");
  const difference = mean(differences);
  const degreesOfFreedom = differences.length - 1;
  const t = difference === 0 ? 0 : difference / (spread / Math.sqrt(differences.length));
  return { difference, t, degreesOfFreedom, p: studentP(t, degreesOfFreedom) };
}

/**
 * Runs two one-sided paired t tests (Schuirmann 1987) of a mean difference of at least `margin`, in either direction.
 * Returns the larger p of both: below a level, the difference is shown to be smaller than the margin.
 *
 * @throws RangeError if the lengths differ or are below 2.
 */
export function pairedWithin(first: ArrayLike<number>, second: ArrayLike<number>, margin: number): number {
  const { difference, degreesOfFreedom } = pairedT(first, second);
  const error = standardDeviation(paired(first, second))! / Math.sqrt(first.length);
  const room = margin - Math.abs(difference);
  const p = studentP(room === 0 ? 0 : room / error, degreesOfFreedom) / 2;
  return room > 0 ? p : 1 - p;
}

/**
 * Adjusts the p values of several tests so that the chance of any false finding among them stays below the level that
 * they are compared with (Holm 1979): the k-th smallest of m is multiplied by m - k + 1, and is at least its
 * predecessor and at most 1.
 *
 * @throws RangeError if one is not between 0 and 1.
 */
export function holm(pValues: readonly number[]): number[] {
  requireArguments("holm", { pValues: [pValues, numbers] });
  const wrong = pValues.find((p) => !(p >= 0 && p <= 1));
  if (wrong !== undefined) throw new RangeError(`A p value is between 0 and 1, found ${wrong}`);
  const adjusted = new Array<number>(pValues.length);
  const order = pValues.map((_, place) => place).sort((a, b) => pValues[a]! - pValues[b]!);
  let largest = 0;
  for (const [rank, place] of order.entries()) {
    largest = Math.min(1, Math.max(largest, (pValues.length - rank) * pValues[place]!));
    adjusted[place] = largest;
  }
  return adjusted;
}

function paired(first: ArrayLike<number>, second: ArrayLike<number>): Float64Array {
  if (first.length !== second.length || first.length === 0) {
    throw new RangeError(`Expected pairs, found ${first.length} and ${second.length} values`);
  }
  return Float64Array.from({ length: first.length }, (_, i) => first[i]! - second[i]!);
}
