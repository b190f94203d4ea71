/** Distributions for the statistics: the normal, Student's t, and draws from the binomial. */
import type { Random } from "../random.ts";

/**
 * Draws the number of successes in n independent trials, each with probability p: by the waiting times between
 * successes if few are expected (Devroye 1986, X.4.3), else by transformed rejection (Hörmann 1993, algorithm BTRS).
 */
export function binomial(n: number, p: number, random: Random): number {
  if (p > 0.5) return n - binomial(n, 1 - p, random);
  if (n * p >= 10) return rejected(n, p, random);
  const failure = Math.log(1 - p);
  const wait = () => 1 + Math.floor(Math.log(1 - random.uniform()) / failure);
  let successes = 0;
  for (let trial = wait(); trial <= n; trial += wait()) successes++;
  return successes;
}

/** Draws by Hörmann's BTRS, with its names and constants, for n p of at least 10 and p of at most 1/2. */
function rejected(n: number, p: number, random: Random): number {
  const deviation = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const alpha = (2.83 + 5.1 / b) * deviation;
  const mode = Math.floor((n + 1) * p);
  const logOdds = Math.log(p / (1 - p));
  while (true) {
    const u = random.uniform() - 0.5;
    const v = random.uniform();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor((2 * a / us + b) * u + n * p + 0.5);
    if (us >= 0.07 && v <= 0.92 - 4.2 / b) return k;
    if (k < 0 || k > n) continue;
    // ln of P(k) / P(mode)
    const ratio = logGamma(mode + 1) + logGamma(n - mode + 1) - logGamma(k + 1) - logGamma(n - k + 1) +
      (k - mode) * logOdds;
    if (Math.log(v * alpha / (a / us ** 2 + b)) <= ratio) return k;
  }
}

/** Returns the two-sided p of Student's t: I_x(df / 2, 1 / 2) with x = df / (df + t²). */
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

/** Returns the probability that a standard normal number is below x (Marsaglia 2004), to about 1e-15. */
export function normalBelow(x: number): number {
  if (Math.abs(x) > 8) return x > 0 ? 1 : 0;
  let sum = x;
  for (let term = x, n = 3; sum + term !== sum; n += 2) sum += term *= x * x / n;
  return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}

/** Returns the size that a standard normal number exceeds, in either direction, with probability `level`. */
export const criticalNormal = (level: number): number => crossing((x) => 2 * normalBelow(x) - 1, 1 - level);

/** Returns the size that Student's t exceeds, in either direction, with probability `level`. */
export const criticalT = (level: number, degreesOfFreedom: number): number =>
  crossing((t) => 1 - studentP(t, degreesOfFreedom), 1 - level);

/** Finds the x above 0 at which a rising function reaches a value; the function must reach it. */
export function crossing(rising: (x: number) => number, value: number): number {
  let low = 0, high = 1;
  while (rising(high) < value) [low, high] = [high, 2 * high];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (rising(middle) < value) low = middle;
    else high = middle;
  }
  return high;
}

/** Computes the regularized incomplete beta function I_x(a, b), y = 1 - x (Press et al., Numerical Recipes, 6.4). */
function incompleteBeta(x: number, y: number, a: number, b: number): number {
  if (x === 0 || y === 0) return y === 0 ? 1 : 0;
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(y),
  );
  return x < (a + 1) / (a + b + 2)
    ? front * betaFraction(x, a, b) / a
    : 1 - front * betaFraction(y, b, a) / b;
}

/** Computes the continued fraction of I_x(a, b) by Lentz's method. */
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

/** Computes ln Gamma(x) for x > 0 (Lanczos 1964, g = 7, nine coefficients: about 15 digits). */
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
