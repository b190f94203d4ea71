/**
 * How sure a number is: mean and spread over seeds, two paired tests of the difference between two rows of a table,
 * and Holm's correction for several tests at once. The bootstrap resamples test examples (is the difference due to the
 * test set's draw?); the t test looks at seeds (is it due to the training's draw?).
 */
import { Random } from "../random.ts";
import { binomial, studentP } from "./distributions.ts";

/** The mean. @throws RangeError if there is no value. */
export function mean(values: ArrayLike<number>): number {
  if (values.length === 0) throw new RangeError("Cannot take the mean of no values");
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** The sample standard deviation (n - 1 below); undefined for fewer than two values. */
export function standardDeviation(values: ArrayLike<number>): number | undefined {
  if (values.length < 2) return undefined;
  const centre = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - centre) ** 2;
  return Math.sqrt(sum / (values.length - 1));
}

/** A mean difference with a 95 % interval and a two-sided p of it being 0. */
export interface BootstrapResult {
  /** The mean of the differences. */
  readonly difference: number;
  /** Lower end of the 95 % interval. */
  readonly low: number;
  /** Upper end of the 95 % interval. */
  readonly high: number;
  /** Two-sided p of no difference. */
  readonly p: number;
}

/** How a bootstrap draws. */
export interface BootstrapOptions {
  /** Default: 10,000. */
  readonly resamples?: number;
  /** Key of the draws; 1 if not given. */
  readonly key?: number;
}

/**
 * Paired bootstrap over test examples (Efron and Tibshirani 1993, chapter 13; percentile interval) of the mean of
 * first - second: both hold one value an example, such as 0 or 1 for right or wrong, or the mean of that over seeds.
 *
 * @throws RangeError if the lengths differ or there is no example.
 */
export function pairedBootstrap(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  options: BootstrapOptions = {},
): BootstrapResult {
  return stratifiedBootstrap([paired(first, second)], options);
}

/** Sums of differences nearer to 0 than this are 0: their terms, such as thirds, do not cancel exactly. */
const rounding = 1e-12;

/**
 * Stratified bootstrap of the sum of several test sets' mean differences: each set is resampled by itself.
 * p = 2 min(share of resamples <= 0, share >= 0), with one added to each count, at most 1.
 *
 * @param strata the differences of each set's examples
 * @throws RangeError if there is no set, or one has no example.
 */
export function stratifiedBootstrap(
  strata: readonly ArrayLike<number>[],
  { resamples = 10_000, key = 1 }: BootstrapOptions = {},
): BootstrapResult {
  if (strata.length === 0) throw new RangeError("Cannot resample no test sets");
  const difference = strata.reduce((sum, values) => sum + mean(values), 0);
  const random = new Random(key);
  const draws = strata.map((values) => resampler(values, random));
  const sums = Float64Array.from({ length: resamples }, () => draws.reduce((sum, draw) => sum + draw(), 0));
  const below = 1 + sums.filter((sum) => sum <= rounding).length;
  const above = 1 + sums.filter((sum) => sum >= -rounding).length;
  sums.sort();
  return {
    difference,
    low: sums[Math.floor(0.025 * (resamples - 1))]!,
    high: sums[Math.ceil(0.975 * (resamples - 1))]!,
    p: Math.min(1, 2 * Math.min(below, above) / (resamples + 1)),
  };
}

/**
 * Draws means of resamples. Differences of errors have few distinct values, so a resample is drawn as the number of times
 * that each of them occurs in it: binomial, among the draws and the values that are left.
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

/** Student's t of paired values. */
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
 * Paired t test, two-sided: one value a seed, the same seeds in the same order in both. Where all differences are
 * equal, t is infinite and p is 0, or 0 and 1 if they are 0.
 *
 * @throws RangeError if the lengths differ or are below 2.
 */
export function pairedT(first: ArrayLike<number>, second: ArrayLike<number>): PairedTResult {
  const differences = paired(first, second);
  const spread = standardDeviation(differences);
  if (spread === undefined) throw new RangeError("A paired t test needs two pairs or more, found 1");
  const difference = mean(differences);
  const degreesOfFreedom = differences.length - 1;
  const t = difference === 0 ? 0 : difference / (spread / Math.sqrt(differences.length));
  return { difference, t, degreesOfFreedom, p: studentP(t, degreesOfFreedom) };
}

/**
 * P values of several tests, adjusted so that the chance of any false finding among all of them stays below the level
 * they are compared with (Holm 1979): the k-th smallest of m is multiplied by m - k + 1, is at least its predecessor
 * and at most 1.
 *
 * @throws RangeError if one is not between 0 and 1.
 */
export function holm(pValues: readonly number[]): number[] {
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
