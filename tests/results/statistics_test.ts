import assert from "node:assert/strict";
import { mean, pairedBootstrap, pairedT, standardDeviation, studentP } from "../../lib/results/statistics.ts";

// The expected values come from make_constants.py (numpy, scipy).
const close = (found: number | undefined, expected: number, tolerance = 1e-9) =>
  assert.ok(
    found !== undefined && Math.abs(found - expected) <= tolerance * Math.max(Math.abs(expected), 1e-9),
    `expected ${expected}, found ${found}`,
  );

const first = [5.63, 5.41, 5.52, 5.6];
const second = [5.44, 5.45, 5.4, 5.31];

Deno.test("mean and standard deviation", () => {
  close(mean(first), 5.54);
  close(standardDeviation(first), 0.09831920802501738);
  assert.equal(standardDeviation([1]), undefined);
  assert.throws(() => mean([]), RangeError);
});

Deno.test("two-sided p of Student's t agrees with scipy", () => {
  close(studentP(0, 3), 1);
  close(studentP(0.5, 1), 0.7048327646991335);
  close(studentP(2, 2), 0.18350341907227397);
  close(studentP(-4.3, 2), 0.05005715411709159);
  close(studentP(1.96, 200), 0.051384840845813295);
  close(studentP(12, 9), 7.699886222985653e-07);
  close(studentP(60, 4), 4.621068727635128e-07);
});

Deno.test("paired t agrees with scipy", () => {
  const result = pairedT(first, second);
  close(result.difference, 0.14);
  close(result.t, 2.017226846997907);
  assert.equal(result.degreesOfFreedom, 3);
  close(result.p, 0.13702274899685396);
});

Deno.test("paired t of equal differences is certain", () => {
  assert.deepEqual(pairedT([3, 4], [2, 3]), { difference: 1, t: Infinity, degreesOfFreedom: 1, p: 0 });
  assert.deepEqual(pairedT([3, 4], [3, 4]), { difference: 0, t: 0, degreesOfFreedom: 1, p: 1 });
});

Deno.test("paired t needs two pairs or more", () => {
  assert.throws(() => pairedT([1], [2]), /two pairs or more/);
  assert.throws(() => pairedT([1, 2], [2]), /found 2 and 1 values/);
});

const wrongs = (a: number, b: number, c: number) =>
  [
    [...Array(a).fill(1), ...Array(b).fill(1), ...Array(c).fill(0), ...Array(300 - a - b - c).fill(0)],
    [...Array(a).fill(1), ...Array(b).fill(0), ...Array(c).fill(1), ...Array(300 - a - b - c).fill(0)],
  ] as const;

Deno.test("the paired bootstrap's interval agrees with scipy's within its resampling error", () => {
  const [one, other] = wrongs(30, 30, 10);
  const result = pairedBootstrap(one, other);
  close(result.difference, 20 / 300);
  close(result.low, 0.02666666666666667, 0.13);
  close(result.high, 0.10666666666666667, 0.05);
  assert.ok(result.p < 0.01, `p ${result.p}`);
});

Deno.test("the paired bootstrap is a function of its key", () => {
  const [one, other] = wrongs(30, 12, 10);
  assert.deepEqual(pairedBootstrap(one, other, { key: 7 }), pairedBootstrap(one, other, { key: 7 }));
  assert.notDeepEqual(
    pairedBootstrap(one, other, { key: 7, resamples: 500 }),
    pairedBootstrap(one, other, { key: 8, resamples: 500 }),
  );
});

Deno.test("equal predictions are not distinguishable", () => {
  const [one, other] = wrongs(30, 12, 12);
  assert.ok(pairedBootstrap(one, other).p > 0.8);
  assert.deepEqual(pairedBootstrap(one, one), { difference: 0, low: 0, high: 0, p: 1 });
});
