/**
 * How sure a number is: mean and spread over seeds, and two paired tests of the difference between two rows of a
 * table. The bootstrap resamples test examples (is the difference due to the test set's draw?); the t test looks at
 * seeds (is it due to the training's draw?).
 */
import { Random } from "../random.ts";

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

/** The mean difference of paired values, with a 95 % interval and a two-sided p of it being 0. */
export interface BootstrapResult {
  /** Mean of first - second. */
  readonly difference: number;
  /** Lower end of the 95 % interval. */
  readonly low: number;
  /** Upper end of the 95 % interval. */
  readonly high: number;
  /** Two-sided p of no difference. */
  readonly p: number;
}

/**
 * Paired bootstrap over test examples (Efron and Tibshirani 1993, chapter 13; percentile interval): `first` and
 * `second` hold one value an example, such as 0 or 1 for right or wrong, or the mean of that over seeds.
 * p = 2 min(share of resamples <= 0, share >= 0), with one added to each count, at most 1.
 *
 * @throws RangeError if the lengths differ or there is no example.
 */
export function pairedBootstrap(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  options: { readonly resamples?: number; readonly key?: number } = {},
): BootstrapResult {
  const { resamples = 10_000, key = 1 } = options;
  const differences = paired(first, second);
  const random = new Random(key);
  const means = new Float64Array(resamples);
  let below = 1, above = 1;
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < differences.length; i++) sum += differences[random.below(differences.length)]!;
    means[r] = sum / differences.length;
    if (sum <= 0) below++;
    if (sum >= 0) above++;
  }
  means.sort();
  return {
    difference: mean(differences),
    low: means[Math.floor(0.025 * (resamples - 1))]!,
    high: means[Math.ceil(0.975 * (resamples - 1))]!,
    p: Math.min(1, 2 * Math.min(below, above) / (resamples + 1)),
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

function paired(first: ArrayLike<number>, second: ArrayLike<number>): Float64Array {
  if (first.length !== second.length || first.length === 0) {
    throw new RangeError(`Expected pairs, found ${first.length} and ${second.length} values`);
  }
  return Float64Array.from({ length: first.length }, (_, i) => first[i]! - second[i]!);
}

/** Two-sided p of Student's t: I_x(df / 2, 1 / 2) with x = df / (df + t²). */
export function studentP(t: number, degreesOfFreedom: number): number {
  const square = t * t;
  if (square === Infinity) return 0;
  return incompleteBeta(
    degreesOfFreedom / (degreesOfFreedom + square),
    square / (degreesOfFreedom + square),
    degreesOfFreedom / 2,
    0.5,
  );
}

/** The regularized incomplete beta function I_x(a, b), y = 1 - x (Press et al., Numerical Recipes, 6.4). */
function incompleteBeta(x: number, y: number, a: number, b: number): number {
  if (x === 0 || y === 0) return y === 0 ? 1 : 0;
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(y),
  );
  return x < (a + 1) / (a + b + 2)
    ? front * betaFraction(x, a, b) / a
    : 1 - front * betaFraction(y, b, a) / b;
}

/** The continued fraction of I_x(a, b) by Lentz's method. */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const safe = (value: number) => Math.abs(value) < tiny ? tiny : value;
  let c = 1, d = 1 / safe(1 - (a + b) * x / (a + 1)), fraction = d;
  for (let m = 1; m <= 300; m++) {
    const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / safe(1 + even * d);
    c = safe(1 + even / c);
    fraction *= d * c;
    const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / safe(1 + odd * d);
    c = safe(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return fraction;
}

/** ln Gamma(x) for x > 0 (Lanczos 1964, g = 7, nine coefficients: about 15 digits). */
function logGamma(x: number): number {
  const coefficients = [
    0.99999999999980993,
    676.5203681218851,
    -1259.1392167224028,
    771.32342877765313,
    -176.61502916214059,
    12.507343278686905,
    -0.13857109526572012,
    9.9843695780195716e-6,
    1.5056327351493116e-7,
  ];
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const shifted = x - 1;
  let sum = coefficients[0]!;
  for (let i = 1; i < coefficients.length; i++) sum += coefficients[i]! / (shifted + i);
  const base = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(base) - base + Math.log(sum);
}
