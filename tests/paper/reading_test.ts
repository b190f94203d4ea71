import assert from "node:assert/strict";
import type { Dataset, Example } from "../../lib/data/examples.ts";
import { languageOf } from "../../lib/data/files.ts";
import { head, hierarchical } from "../../lib/paper/long_text.ts";
import { cutPair, encodeDataset } from "../../lib/paper/reading.ts";
import { characterTokenizer } from "../../lib/text/tokenizer.ts";
import { exampleDataset } from "../helpers/example_model.ts";

const tokenizer = characterTokenizer(["a"]);
const letters = (count: number) => "a ".repeat(count);
const of = (train: readonly Example[]): Dataset => ({
  ...exampleDataset(),
  train,
  dev: [train[0]!],
  test: [],
});
const settings = { text: head(), maxLength: 128, protocol: "clean" } as const;

Deno.test("a data set as wordpieces: lengths before the cut, and the share of texts that lose some", () => {
  const data = of([0, 100, 126, 127, 2000].map((count) => ({ text: letters(count), label: 0 })));
  const { split, cut, pairs, notes } = encodeDataset(data, tokenizer, settings);
  assert.deepEqual(split.train.map(({ length }) => length), [0, 100, 126, 127, 2000]);
  assert.deepEqual(split.train.map(({ pieces }) => pieces[0]!.length), [0, 100, 126, 126, 126]);
  assert.deepEqual([cut, pairs, notes], [2 / 6, false, ["33.3 % of the texts are cut."]]);
  const fractions = encodeDataset(data, tokenizer, { ...settings, text: hierarchical("mean") });
  assert.equal(fractions.cut, 1 / 6);
});

Deno.test("texts that the vocabulary cannot spell are told, but not a few words of them", () => {
  const notesOf = (...texts: string[]) => {
    const data = { ...of(texts.map((text) => ({ text, label: 0 }))), language: languageOf(texts) };
    return encodeDataset(data, tokenizer, settings).notes;
  };
  assert.deepEqual(notesOf("a ".repeat(50), "a a ж"), []);
  assert.deepEqual(notesOf("a", "ж ж ж", "ж"), [
    "66.7 % of the wordpieces are unknown to the model's vocabulary, which reads nothing there: take a model of the texts' language.",
  ]);
  const ofChinese =
    " of the wordpieces are unknown to the model's vocabulary, which reads nothing there: take a model of the texts' " +
    "language, such as bge-small-zh for Chinese.";
  assert.deepEqual(notesOf("这个酒店不错，a b c"), [`90.0 %${ofChinese}`]);
  assert.deepEqual(notesOf("かなカナ", "漢字 ж"), [
    "100.0 % of the wordpieces are unknown to the model's vocabulary, which reads nothing there: " +
    "take a model of the texts' language.",
  ]);
});

Deno.test("pairs are read as pairs, whatever the text strategy", () => {
  const data = of([[1, 2], [100, 100]].map(([a, b]) => ({ text: letters(a!), pair: letters(b!), label: 0 })));
  const { split, cut, pairs, notes } = encodeDataset(data, tokenizer, {
    ...settings,
    text: hierarchical("max"),
  });
  assert.deepEqual(
    split.train.map((
      { pieces, second, length },
    ) => [pieces.length, pieces[0]!.length, second!.length, length]),
    [[1, 1, 2, 3], [1, 62, 63, 200]],
  );
  assert.deepEqual([cut, pairs], [1 / 3, true]);
  assert.deepEqual(notes, [
    "33.3 % of the texts are cut.",
    "The texts are pairs: of each the longer text is cut first, and not by hierarchical-max.",
  ]);
});

Deno.test("of a pair the longer text is cut first, as by Hugging Face's tokenizers", () => {
  // Lengths before and after, for 16 and 15 tokens, by the Python package tokenizers 0.22, "longest_first".
  const expected: [number, number, number, number, number][] = [
    [16, 3, 4, 3, 4],
    [16, 20, 3, 10, 3],
    [16, 3, 20, 3, 10],
    [16, 7, 7, 6, 7],
    [16, 20, 21, 6, 7],
    [16, 21, 20, 7, 6],
    [16, 7, 6, 7, 6],
    [16, 0, 20, 0, 13],
    [16, 20, 0, 13, 0],
    [15, 7, 7, 6, 6],
    [15, 6, 9, 6, 6],
  ];
  for (const [maxLength, first, second, ...lengths] of expected) {
    const numbers = (length: number) => Int32Array.from({ length }, (_, i) => i);
    const { pieces, second: rest } = cutPair(numbers(first), numbers(second), maxLength);
    assert.deepEqual([pieces.length, pieces[0]!.length, rest.length], [1, ...lengths], `${first}, ${second}`);
    assert.deepEqual([pieces[0], rest], lengths.map(numbers), "the beginnings are kept");
  }
});
