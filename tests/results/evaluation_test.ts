import assert from "node:assert/strict";
import type { Example } from "../../lib/data/examples.ts";
import { evaluationOf, evaluationText, macroF1Text } from "../../lib/results/evaluation.ts";
import { shortened } from "../../lib/wording.ts";

const labels = ["bad", "fair", "good"];
const examples: Example[] = [
  { text: "one", label: 0 },
  { text: "two", label: 0 },
  { text: "three\n\nlines", label: 2 },
  { text: "four", pair: "five", label: 2 },
];
const probabilities = [0.8, 0.1, 0.1, 0.1, 0.2, 0.7, 0.3, 0.4, 0.3, 0.9, 0, 0.1];

Deno.test("an evaluation has measures, classes, confusions and the surest mistakes first", () => {
  const found = evaluationOf({ labels, examples, lines: [2, 3, 4, 7] }, probabilities);
  assert.deepEqual([found.examples, found.accuracy, found.error_rate], [4, 0.25, 0.75]);
  assert.deepEqual(found.confusion, [[1, 0, 1], [0, 0, 0], [1, 1, 0]]);
  assert.deepEqual(found.classes[0], { label: "bad", precision: 0.5, recall: 0.5, f1: 0.5, count: 2 });
  assert.equal(found.macro_f1, 0.5 / 3);
  assert.deepEqual([found.macro_f1_present, found.classes_present], [0.25, 2], "no text is fair");
  assert.equal(
    macroF1Text(found),
    "macro F1 0.1667 over all 3 labels, 0.2500 over the 2 labels that these texts have",
  );
  const all = evaluationOf({
    labels: ["a", "b"],
    examples: examples.slice(1, 3).map((of, label) => ({ ...of, label })),
  }, [
    ...[0.9, 0.1, 0.2, 0.8],
  ]);
  assert.equal(macroF1Text(all), "macro F1 1.0000 over all 2 labels");
  assert.deepEqual(found.confused.map(({ label, predicted, count }) => `${label} ${predicted} ${count}`), [
    "bad good 1",
    "good bad 1",
    "good fair 1",
  ]);
  assert.deepEqual(found.surest_mistakes, [
    { line: 7, label: "good", predicted: "bad", probability: 0.9, text: "four five" },
    { line: 3, label: "bad", predicted: "good", probability: 0.7, text: "two" },
    { line: 4, label: "good", predicted: "fair", probability: 0.4, text: "three lines" },
  ]);
});

Deno.test("as text: a table of the labels, the matrix, and the mistakes", () => {
  const parts = evaluationText(evaluationOf({ labels, examples }, probabilities));
  assert.equal(parts.length, 3);
  assert.match(
    parts[0]!,
    /^\| label \| precision \| recall \| {5}F1 \| texts \|\n.*\n\| bad {3}\| {4}0\.5000 \|/,
  );
  assert.match(parts[1]!, /\| good {14}\| {3}1 \| {4}1 \| {4}0 \|/);
  assert.equal(
    parts[2],
    "The surest mistakes:\nbad (90.00 %) instead of good: four five\ngood (70.00 %) instead of bad: two\n" +
      "fair (40.00 %) instead of good: three lines",
  );
  const right = evaluationText(evaluationOf({ labels, examples: [examples[0]!] }, [0.8, 0.1, 0.1]));
  assert.equal(right.length, 1, "without a mistake there are only the labels");
  const many = Array.from({ length: 40 }, (_, n) => `label ${n}`);
  const shown = evaluationText(
    evaluationOf({ labels: many, examples: [{ text: "a", label: 39 }] }, many.map((_, n) => n === 7 ? 1 : 0)),
  );
  assert.match(shown[0]!, /\| label 39 .*\n… and 10 smaller classes$/);
  assert.match(shown[1]!, /\| label 39 +\| label 7 +\| +1 \|$/);
});

Deno.test("a text is shortened to one line, with no half characters", () => {
  assert.equal(shortened(" a\n\tb\u0000 c ", 10), "a b c");
  assert.equal(shortened("😀".repeat(5), 4), "😀😀😀…");
});

Deno.test("of several labels a text all that it gets are told, and the surest of the wrong answers", () => {
  const texts: Example[] = [
    { text: "one", label: 0, classes: [0, 2] },
    { text: "two", label: 0, classes: [] },
    { text: "three", label: 1, classes: [1] },
  ];
  const thresholds = [.5, .5, .3];
  const data = { labels, examples: texts, lines: [2, 3, 4] };
  const found = evaluationOf(data, [.9, .1, .2, .1, .2, .4, .1, .6, .1], thresholds);
  assert.deepEqual([found.accuracy, found.thresholds, found.confused], [1 / 3, thresholds, []]);
  // Of three answers "yes" two are right, and one of three labels is missed.
  assert.equal(found.micro_f1, 2 / 3);
  assert.equal(found.hamming_loss, 2 / 9);
  assert.deepEqual(found.classes.map(({ label, f1, count, threshold }) => [label, f1, count, threshold]), [
    ["bad", 1, 1, .5],
    ["fair", 1, 1, .5],
    ["good", 0, 1, .3],
  ]);
  assert.deepEqual(found.surest_mistakes, [
    { line: 2, label: "bad, good", predicted: "bad", probability: .8, text: "one" },
    { line: 3, label: "none", predicted: "good", probability: .4, text: "two" },
  ]);
  const parts = evaluationText(found);
  assert.match(parts[0]!, /\| good {2}\| {4}0\.0000 \| 0\.0000 \| 0\.0000 \| {5}1 \| {4}0\.3000 \|/);
  assert.equal(
    parts[1],
    "The surest mistakes:\nline 2: bad (80.00 %) instead of bad, good: one\nline 3: good (40.00 %) instead of none: two",
  );
});
