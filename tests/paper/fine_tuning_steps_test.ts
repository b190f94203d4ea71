import assert from "node:assert/strict";
import { stepBatch } from "../../lib/paper/reading.ts";
import { evaluationBatches } from "../../lib/training/batches.ts";
import type { Dataset, Example } from "../../lib/data/examples.ts";
import {
  balancedWeights,
  encodeDataset,
  evaluationSize,
  passSize,
} from "../../lib/paper/fine_tuning_steps.ts";
import { head, hierarchical } from "../../lib/paper/long_text.ts";
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
  const notesOf = (...texts: string[]) =>
    encodeDataset(of(texts.map((text) => ({ text, label: 0 }))), tokenizer, settings).notes;
  assert.deepEqual(notesOf("a a a a a a a a a a", "a a a a a a a a ж"), []);
  assert.deepEqual(notesOf("a", "ж ж ж", "ж"), [
    "66.7 % of the wordpieces are unknown to the model's vocabulary: take a model of the texts' language.",
  ]);
});

Deno.test("a pass is a part of a batch, and each device computes as much of it", () => {
  assert.equal(passSize({ batchSize: 24, microBatchSize: 8 }, 4), 8);
  assert.throws(() => passSize({ batchSize: 24, microBatchSize: 7 }), {
    name: "InputError",
    message: "Cannot split a batch of 24 texts into passes of 7: give a divisor of the batch size",
  });
  assert.throws(() => passSize({ batchSize: 25 }, 2), {
    name: "InputError",
    message: "Cannot split passes of 25 texts evenly over 2 devices: give batches of a size that they divide",
  });
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

Deno.test("balanced weights are n / (C n_c), and those of a batch sum to 1 over its parts", () => {
  const labels = [0, 0, 0, 1, 0, 2, 0];
  assert.deepEqual(balancedWeights(labels.map((label) => ({ label })), 4), [7 / 20, 7 / 4, 7 / 4, 0]);
  const examples = labels.map((label, index) => ({ pieces: [Int32Array.of(index)], label, index }));
  const options = { batchSize: 8, maxLength: 8, tokenizerIds: tokenizer.ids };
  const batch = evaluationBatches(examples, options).at(0);
  const weighted = stepBatch(batch, 4, [1, 3, 2]);
  const weights = weighted.parts.flatMap(({ weights }) => [...weights!.data]);
  assert.deepEqual(weights, [1, 1, 1, 3, 1, 2, 1, 0].map((weight) => Math.fround(weight / 10)));
  assert.equal(weighted.examples, 7);
  const plain = stepBatch(batch, 8).parts[0]!.weights!.data;
  assert.deepEqual([...plain], [1, 1, 1, 1, 1, 1, 1, 0].map((weight) => Math.fround(weight / 7)));
});

Deno.test("an evaluation batch is smaller where the last one would be mostly padding", () => {
  const sizes = [[100, 24], [4, 24], [48, 24], [25, 24], [2500, 24], [600, 24], [456, 24], [7, 1]] as const;
  const on = (devices: number) => sizes.map(([examples, size]) => evaluationSize(examples, size, devices));
  assert.deepEqual(on(1), [20, 4, 24, 13, 24, 24, 24, 1]);
  assert.deepEqual(on(4).slice(0, -1), [20, 4, 24, 16, 24, 24, 24], "the devices share each batch evenly");
});
