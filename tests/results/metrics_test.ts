import assert from "node:assert/strict";
import { argmax, classMetrics, confusions, measure, mistakes } from "../../lib/results/metrics.ts";

// The expected values come from ../golden/make_statistics.py (scikit-learn).
const probabilities = [
  [0.7, 0.2, 0.1],
  [0.1, 0.8, 0.1],
  [0.3, 0.3, 0.4],
  [0.25, 0.5, 0.25],
  [0.05, 0.05, 0.9],
  [0.6, 0.3, 0.1],
].flat();
const labels = [0, 1, 0, 2, 2, 0];

const close = (found: number, expected: number) =>
  assert.ok(Math.abs(found - expected) < 1e-12, `expected ${expected}, found ${found}`);

Deno.test("measures agree with scikit-learn", () => {
  const metrics = measure(probabilities, labels, 3);
  assert.equal(metrics.examples, 6);
  close(metrics.accuracy, 4 / 6);
  close(metrics.errorRate, 2 / 6);
  close(metrics.macroF1, 0.6555555555555556);
  close(metrics.loss, 0.631045300020431);
  close(metrics.brier, 0.34833333333333333);
  close(metrics.ece, 0.31666666666666665);
  assert.deepEqual(metrics.confusion, [[2, 0, 1], [0, 1, 0], [0, 1, 1]]);
});

Deno.test("a class that never occurs counts 0 in macro F1", () => {
  close(measure([1, 0, 0, 0, 1, 0], [0, 1], 3).macroF1, 2 / 3);
});

Deno.test("a certain and wrong prediction has a finite loss", () => {
  close(measure([1, 0], [1], 2).loss, -Math.log(1e-12));
  close(measure([1, 0], [1], 2).brier, 2);
  close(measure([1, 0], [1], 2).ece, 1);
});

Deno.test("the first of equal scores is the prediction", () => {
  assert.deepEqual([...argmax([0.5, 0.5, 0.1, 0.9], 2)], [0, 1]);
});

Deno.test("mistakes are 1 where the prediction is wrong", () => {
  assert.deepEqual([...mistakes(probabilities, labels)], [0, 0, 1, 1, 0, 0]);
});

Deno.test("sizes and labels that do not fit are refused", () => {
  assert.throws(() => measure([], [], 2), /found 0/);
  assert.throws(() => measure([1, 0, 1], [0], 2), /1 examples and 2 classes, found 3/);
  assert.throws(() => measure([1, 0], [2], 2), /Label 2 of example 0 is not one of 2 classes/);
});

Deno.test("each class has its precision, recall and F1, and macro F1 is their mean", () => {
  const found = classMetrics(argmax(probabilities, 3), labels, 3);
  const expected = [[1, 2 / 3, 0.8, 3], [0.5, 1, 2 / 3, 1], [0.5, 0.5, 0.5, 2]];
  found.forEach((of, c) => Object.values(of).forEach((value, i) => close(value, expected[c]![i]!)));
  close(found.reduce((sum, { f1 }) => sum + f1, 0) / 3, measure(probabilities, labels, 3).macroF1);
  assert.deepEqual(classMetrics([0], [0], 2)[1], { precision: 0, recall: 0, f1: 0, count: 0 });
});

Deno.test("confusions are counted, the most frequent first", () => {
  assert.deepEqual(confusions([0, 1, 1, 0, 2, 2], [0, 0, 0, 1, 1, 1]), [
    { label: 0, predicted: 1, count: 2 },
    { label: 1, predicted: 2, count: 2 },
    { label: 1, predicted: 0, count: 1 },
  ]);
});

Deno.test("ten thousand classes are measured without a matrix of them", () => {
  const classes = 10_000;
  const expected = [3, 9_999, 3];
  const scores = new Float64Array(3 * classes);
  [3, 9_999, 4].forEach((label, n) => scores[n * classes + label] = 1);
  const metrics = measure(scores, expected, classes);
  close(metrics.errorRate, 1 / 3);
  close(metrics.macroF1, (2 / 3 + 1) / classes);
  assert.deepEqual(metrics.confusion, []);
});
