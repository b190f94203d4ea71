import assert from "node:assert/strict";
import type { Dataset, Example } from "../../lib/data/examples.ts";
import { encodeDataset } from "../../lib/paper/reading.ts";
import { head } from "../../lib/paper/long_text.ts";
import { surveyLines, surveyOf } from "../../lib/classifier/survey.ts";
import { characterTokenizer } from "../../lib/text/tokenizer.ts";
import { exampleDataset } from "../helpers/example_model.ts";

const settings = { text: head(), maxLength: 12, protocol: "clean" } as const;
const tokenizer = characterTokenizer(["abc"]);
const words = (word: string, count: number, label = 0): Example => ({
  text: `${word} `.repeat(count).trim(),
  label,
});

function survey(changes: Partial<Dataset>) {
  const data = { ...exampleDataset(), labels: ["x", "y"], dev: [words("c", 1)], test: [], ...changes };
  return surveyOf(data, encodeDataset(data, tokenizer, settings));
}

Deno.test("a survey counts texts, labels and wordpieces", () => {
  const train = Array.from({ length: 20 }, (_, n) => words("a", n + 1, n % 4 === 0 ? 1 : 0));
  const found = survey({ train, test: [words("b", 2, 1)] });
  assert.deepEqual(found.texts, { train: 20, dev: 1, test: 1 });
  assert.deepEqual(found.labels, [
    { label: "x", train: 15, dev: 1, test: 0 },
    { label: "y", train: 5, dev: 0, test: 1 },
  ]);
  assert.deepEqual(found.wordpieces.map(({ percent, most }) => [percent, most]), [
    [5, 1],
    [50, 10],
    [90, 18],
    [95, 19],
    [99, 20],
    [100, 20],
  ]);
  assert.equal(found.cut, 10 / 22);
  assert.deepEqual(surveyLines(found, settings), [
    "Training texts by label: x 15, y 5",
    "Wordpieces of a training text: 5 % up to 1, 50 % up to 10, 90 % up to 18, 95 % up to 19, 99 % up to 20, " +
    "100 % up to 20; 45.5 % of all are cut by head",
    "1 label has fewer than 8 training texts: more of them would help most",
  ]);
});

Deno.test("what occurs twice is counted, with other labels and in other splits", () => {
  const train = [words("a", 1), words("a", 1), words("a", 1, 1), words("b", 1), words("b", 2)];
  const dev = [words("b", 1), words("c", 3)];
  const found = survey({ train, dev, test: [words("b", 2), words("c", 3), words("c", 4), words("b", 1)] });
  const { repeated, contradictory, devInTrain, testInTrain, testInDev } = found;
  assert.deepEqual([repeated, contradictory, devInTrain, testInTrain, testInDev], [2, 3, 1, 2, 2]);
  const lines = surveyLines(found, settings);
  assert.deepEqual(lines.slice(-2), [
    "2 training texts stand in train before, word for word; 3 texts have different labels there",
    "1 development text also stands in train: the epoch is chosen by texts that are known",
  ]);
  const pair = (text: string, pair: string): Example => ({ text, pair, label: 0 });
  const pairs = survey({ train: [pair("a", "b"), pair("a", "c")], dev: [pair("a", "d")] });
  assert.deepEqual([pairs.pairs, pairs.repeated, pairs.devInTrain], [true, 0, 0]);
  assert.match(
    surveyLines(pairs, settings)[1]!,
    /^Wordpieces of a training pair: .*; 0\.0 % of all are cut to fit$/,
  );
});

Deno.test("very unequal classes are told, with what can be done about it", () => {
  const train = Array.from({ length: 110 }, (_, n) => words("a", n + 1, n < 10 ? 1 : 0));
  const found = survey({ train });
  const told = (classWeights?: "none" | "balanced") => surveyLines(found, { ...settings, classWeights })[2];
  const unequal = 'The classes are very unequal: "x" has 100 training texts and "y" 10; ';
  assert.equal(told(), `${unequal}--class-weights balanced gives all classes the same weight in the loss`);
  assert.equal(told("balanced"), `${unequal}their weights make up for it`);
  const equal = survey({ train: train.map((example, n) => ({ ...example, label: n < 15 ? 1 : 0 })) });
  assert.equal(surveyLines(equal, settings).length, 2);
});

Deno.test("unknown wordpieces are told before training", () => {
  const train = Array.from({ length: 20 }, (_, n) => words("a", 4, n % 2));
  // The one text of dev is unknown to the model, beside 20 of 4 wordpieces.
  const few = survey({ train });
  assert.equal(few.unknown, 1 / 81);
  assert.ok(!surveyLines(few, settings).some((line) => line.includes("unknown")));
  const many = survey({ train, dev: [words("ж", 20)] });
  assert.equal(many.unknown, 10 / 90);
  assert.match(
    surveyLines(many, settings)[2]!,
    /^11\.1 % of the wordpieces are unknown to the model's vocabulary, which reads nothing there: take a model of/,
  );
});

Deno.test("of several labels a text each is counted, and how many a text has", () => {
  const several = (word: string, count: number, classes: number[]) => ({ ...words(word, count), classes });
  const train = [several("a", 1, [0, 1]), several("a", 2, []), several("b", 1, [1]), several("b", 1, [0])];
  const found = survey({ multiLabel: true, train, dev: [several("c", 1, [1])] });
  assert.deepEqual(found.labels.map(({ label, train, dev }) => [label, train, dev]), [["x", 2, 0], [
    "y",
    2,
    1,
  ]]);
  assert.deepEqual(found.labelsOfText, { mean: 1, most: 2, none: 1 });
  assert.deepEqual([found.repeated, found.contradictory], [1, 2]);
  assert.equal(
    surveyLines(found, settings)[1],
    "Labels of a training text: 1.00 on average, 2 at most; 1 text has none",
  );
});
