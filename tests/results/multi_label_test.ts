/** Measures and thresholds of several labels a text against scikit-learn. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  assignLabels,
  chooseThresholds,
  labelMetrics,
  measureLabels,
  microF1Errors,
} from "../../lib/results/multi_label.ts";

const golden = JSON.parse(
  await readFile(join(import.meta.dirname!, "..", "golden", "label_metrics.json"), "utf8"),
);
const probabilities: number[] = golden.probabilities.flat();
const truth: number[] = golden.truth.flat();
const classes = golden.truth[0].length;

const close = (found: number, expected: number, what: string) =>
  assert.ok(Math.abs(found - expected) < 1e-12, `${what}: ${found} and not ${expected}`);

for (const name of ["half", "others"]) {
  Deno.test(`measures at thresholds (${name}) are those of scikit-learn`, () => {
    const { thresholds, microF1, hammingLoss, precision, recall, f1, count, ...expected } = golden[name];
    const metrics = measureLabels(probabilities, truth, thresholds);
    close(metrics.multiLabel!.microF1, microF1, "microF1");
    close(metrics.multiLabel!.hammingLoss, hammingLoss, "hammingLoss");
    for (const [key, value] of Object.entries(expected)) {
      close(metrics[key as keyof typeof metrics] as number, value as number, key);
    }
    const each = labelMetrics(assignLabels(probabilities, thresholds), truth, classes);
    each.forEach((of, c) => {
      assert.equal(of.count, count[c]);
      close(of.precision, precision[c], `precision ${c}`);
      close(of.recall, recall[c], `recall ${c}`);
      close(of.f1, f1[c], `F1 ${c}`);
    });
  });
}

Deno.test("thresholds are the best there are: of common labels each for itself, of rare ones one for all", () => {
  const { thresholds, common, own } = chooseThresholds(probabilities, truth, classes);
  assert.equal(own, 2);
  const chosen = labelMetrics(assignLabels(probabilities, thresholds), truth, classes);
  golden.bestOfLabels.forEach((best: number | null, c: number) => {
    if (best === null) assert.equal(thresholds[c], common);
    else close(chosen[c]!.f1, best, `label ${c}`);
  });
  const all = measureLabels(probabilities, truth, new Array(classes).fill(common));
  close(all.multiLabel!.microF1, golden.bestOfAll, "common");
});

Deno.test("a threshold is 0.5 where no text has a label, and no threshold stands between equal probabilities", () => {
  assert.deepEqual(chooseThresholds([.9, .2], [0, 0], 2), { thresholds: [.5, .5], common: .5, own: 0 });
  const { common } = chooseThresholds([.6, .6, .2, .2], [1, 0, 0, 0], 1);
  assert.equal(common, .4);
  assert.equal(measureLabels([.9, .2], [0, 0], [.95, .95]).multiLabel!.microF1, 0);
});

Deno.test("the texts' errors have 1 − micro F1 as mean, and move as F1 does when a text is left out", () => {
  const thresholds = new Array<number>(classes).fill(.5);
  const f1 = (probabilities: readonly number[], truth: readonly number[]) =>
    measureLabels(probabilities, truth, thresholds).multiLabel!.microF1;
  const errors = microF1Errors(probabilities, truth, thresholds);
  const N = truth.length / classes;
  const whole = f1(probabilities, truth);
  close(errors.reduce((sum, error) => sum + error, 0) / N, 1 - whole, "mean");
  // The jackknife's pseudo-values, N F − (N − 1) F without n, are the same but for terms of 1 / N.
  const leftOut = (values: readonly number[], n: number) => values.toSpliced(n * classes, classes);
  const pseudo = Array.from(
    errors,
    (_, n) => 1 - (N * whole - (N - 1) * f1(leftOut(probabilities, n), leftOut(truth, n))),
  );
  errors.forEach((error, n) =>
    assert.ok(Math.abs(error - pseudo[n]!) < 10 / N, `${n}: ${error} and ${pseudo[n]}`)
  );
  assert.deepEqual([...microF1Errors([.1, .2], [0, 0], [.5, .5])], [1], "no label anywhere: F1 is 0");
});

Deno.test("answers that are given take the place of the thresholds'", () => {
  const given = assignLabels(probabilities, new Array(classes).fill(.3));
  const { thresholds } = golden.half;
  const [own, by] = [
    measureLabels(probabilities, truth, thresholds, given),
    measureLabels(probabilities, truth, new Array(classes).fill(.3)),
  ];
  assert.deepEqual(own, { ...by, multiLabel: { ...by.multiLabel!, thresholds } });
});

Deno.test("sizes that do not fit are told", () => {
  assert.throws(() => measureLabels([], [], [.5]), /Expected 0 decisions/);
  assert.throws(
    () => measureLabels([.5, .5], [1, 0, 1], [.5, .5]),
    /Expected 3 decisions on texts with 2 labels, found 2/,
  );
});
