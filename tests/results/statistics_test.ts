import assert from "node:assert/strict";
import { Random } from "../../lib/random.ts";
import { binomial, studentP } from "../../lib/results/distributions.ts";
import { measure } from "../../lib/results/metrics.ts";
import {
  holm,
  mean,
  pairedBootstrap,
  pairedT,
  standardDeviation,
  stratifiedBootstrap,
} from "../../lib/results/statistics.ts";
import golden from "../golden/statistics.json" with { type: "json" };

function close(found: number | undefined, expected: number, tolerance: number, what = "") {
  assert.ok(
    found !== undefined && Math.abs(found - expected) <= tolerance,
    `${what} expected ${expected}, found ${found}`,
  );
}

/** Within 1e-9 of the expected value's size. */
const same = (found: number | undefined, expected: number) =>
  close(found, expected, 1e-9 * Math.max(Math.abs(expected), 1e-9));

Deno.test("mean, standard deviation and paired t agree with numpy and scipy", () => {
  for (const { first, second, mean: centre, sd, difference, t, p } of golden.pairedT) {
    same(mean(first), centre);
    same(standardDeviation(first), sd);
    const result = pairedT(first, second);
    same(result.difference, difference);
    same(result.t, t);
    same(result.p, p);
    assert.equal(result.degreesOfFreedom, first.length - 1);
  }
});

Deno.test("a mean needs a value, a standard deviation two", () => {
  assert.equal(standardDeviation([1]), undefined);
  assert.throws(() => mean([]), RangeError);
});

Deno.test("two-sided p of Student's t agrees with scipy", () => {
  for (const { t, df, p } of golden.studentP) same(studentP(t, df), p);
});

Deno.test("binomial draws are distributed as scipy says", () => {
  const draws = 20_000;
  for (const { n, p, cumulative } of golden.binomial) {
    const random = new Random(n);
    const drawn = Array.from({ length: draws }, () => binomial(n, p, random));
    assert.ok(drawn.every((k) => Number.isInteger(k) && k >= 0 && k <= n));
    for (const [k, share] of Object.entries(cumulative)) {
      const found = drawn.filter((other) => other <= Number(k)).length / draws;
      close(found, share!, 4 * Math.sqrt(share! * (1 - share!) / draws), `P(k <= ${k}) of ${n}, ${p}:`);
    }
  }
});

Deno.test("paired t of equal differences is certain", () => {
  assert.deepEqual(pairedT([3, 4], [2, 3]), { difference: 1, t: Infinity, degreesOfFreedom: 1, p: 0 });
  assert.deepEqual(pairedT([3, 4], [3, 4]), { difference: 0, t: 0, degreesOfFreedom: 1, p: 1 });
});

Deno.test("paired t needs two pairs or more", () => {
  assert.throws(() => pairedT([1], [2]), /two pairs or more/);
  assert.throws(() => pairedT([1, 2], [2]), /found 2 and 1 values/);
});

/**
 * Four standard deviations of what 10,000 resamples give: of an end of the interval (a quantile of a nearly normal
 * distribution, and a step of the lattice that means of whole numbers lie on), and of p (twice a share).
 */
function assertBootstrap(
  found: ReturnType<typeof pairedBootstrap>,
  expected: { difference: number; low: number; high: number; error: number; p: number },
  examples: number,
) {
  same(found.difference, expected.difference);
  close(found.low, expected.low, 0.11 * expected.error + 1 / examples, "low:");
  close(found.high, expected.high, 0.11 * expected.error + 1 / examples, "high:");
  const share = expected.p / 2;
  close(found.p, expected.p, 8 * Math.sqrt(share * (1 - share) / 10_000) + 2 / 10_000, "p:");
}

Deno.test("the paired bootstrap agrees with scipy's within what resampling leaves open", () => {
  for (const { first, second, ...expected } of golden.bootstrap) {
    assertBootstrap(pairedBootstrap(first, second), expected, first.length);
  }
});

Deno.test("the stratified bootstrap agrees with scipy's of several samples", () => {
  for (const { strata, ...expected } of golden.stratified) {
    assertBootstrap(stratifiedBootstrap(strata), expected, 1000);
  }
});

Deno.test("resamples of fractions that cancel out count as 0, as those of whole numbers do", () => {
  const whole = [1, -1, 2, -2, 3, -3, 2, 1, 1, 0, 0, 0];
  const { p } = stratifiedBootstrap([whole]);
  assert.ok(p < 0.9);
  for (const parts of [3, 5, 7]) {
    assert.equal(stratifiedBootstrap([whole.map((value) => value / parts)]).p, p);
  }
});

Deno.test("the bootstrap is a function of its key", () => {
  const { first, second } = golden.bootstrap[1]!;
  assert.deepEqual(pairedBootstrap(first, second, { key: 7 }), pairedBootstrap(first, second, { key: 7 }));
  assert.notDeepEqual(
    pairedBootstrap(first, second, { key: 7, resamples: 500 }),
    pairedBootstrap(first, second, { key: 8, resamples: 500 }),
  );
});

Deno.test("equal predictions are not distinguishable", () => {
  assert.deepEqual(pairedBootstrap([1, 0, 1], [1, 0, 1]), { difference: 0, low: 0, high: 0, p: 1 });
});

Deno.test("a bootstrap needs examples", () => {
  assert.throws(() => pairedBootstrap([], []), /found 0 and 0 values/);
  assert.throws(() => stratifiedBootstrap([]), /no test sets/);
  assert.throws(() => stratifiedBootstrap([[1], []]), /no values/);
});

Deno.test("Holm's adjusted p values agree with statsmodels", () => {
  for (const { p, adjusted } of golden.holm) {
    const found = holm(p);
    assert.equal(found.length, p.length);
    adjusted.forEach((expected, place) => close(found[place], expected, 1e-12));
  }
  assert.deepEqual(holm([]), []);
  assert.throws(() => holm([0.5, 1.1]), /found 1.1/);
  assert.throws(() => holm([NaN]), /found NaN/);
});

Deno.test("measures agree with scikit-learn, the calibration error with torchmetrics", () => {
  for (const { probabilities, labels, ...expected } of golden.measures) {
    const found = measure(probabilities.flat(), labels, probabilities[0]!.length);
    for (const name of ["accuracy", "macroF1", "loss", "brier"] as const) same(found[name], expected[name]);
    close(found.ece, expected.ece, 1e-6, "ece:"); // torchmetrics computes it in single precision
    assert.deepEqual(found.confusion, expected.confusion);
    same(found.errorRate, 1 - expected.accuracy);
  }
});
