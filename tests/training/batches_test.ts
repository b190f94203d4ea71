import assert from "node:assert/strict";
import {
  type Batch,
  type EncodedExample,
  evaluationBatches,
  trainingBatches,
} from "../../lib/training/batches.ts";
import { fold, Random } from "../../lib/random.ts";

const tokenizerIds = { cls: 101, sep: 102, pad: 7 };

function sized(lengths: readonly (readonly number[])[]): EncodedExample[] {
  return lengths.map((pieces, index) => ({
    pieces: pieces.map((length) => new Int32Array(length).fill(1000 + index)),
    label: index % 3,
    index,
  }));
}

function reviews(count: number, maxLength: number): EncodedExample[] {
  const random = new Random(5);
  return sized(Array.from({ length: count }, () => [random.below(maxLength - 1)]));
}

const options = { batchSize: 8, tokenizerIds, maxLength: 128, key: 3 };
const indicesOf = (batch: Batch) => [...batch.indices].filter((index) => index >= 0);

Deno.test("a batch holds [CLS] wordpieces [SEP] padding, and a padding row of weight 0", () => {
  const [batch] = [...evaluationBatches(sized([[2], [0]]), { ...options, batchSize: 3, lengths: [5] })];
  assert.ok(batch);
  assert.deepEqual(batch.shape, { B: 3, K: 1, T: 5 });
  assert.deepEqual([...batch.ids], [101, 1000, 1000, 102, 7, 101, 102, 7, 7, 7, 101, 102, 7, 7, 7]);
  assert.deepEqual([...batch.mask], [1, 1, 1, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0]);
  assert.deepEqual([...batch.labels], [0, 1, 0]);
  assert.deepEqual([...batch.weights], [1, 1, 0]);
  assert.deepEqual([...batch.indices], [0, 1, -1]);
  assert.deepEqual([...batch.fractionMask], [1, 1, 1]);
  assert.equal(batch.realTokens, 4 + 2);
});

Deno.test("fractions are padded to 1, 2, 4, 8, …; a padding fraction is masked out but not empty", () => {
  const examples = sized([[3, 3, 1], [2], [1, 1, 1, 1, 1]]);
  const batches = evaluationBatches(examples, { ...options, batchSize: 1, maxLength: 5 });
  assert.deepEqual(batches.shapes.map(({ K }) => K), [8, 4, 1]);
  const three = batches.at(1);
  assert.deepEqual([...three.fractionMask], [1, 1, 1, 0]);
  assert.deepEqual([...three.ids.subarray(10)], [101, 1000, 102, 7, 7, 101, 102, 7, 7, 7]);
  assert.deepEqual([...three.mask.subarray(10)], [1, 1, 1, 0, 0, 1, 1, 0, 0, 0]);
  assert.equal(three.realTokens, 5 + 5 + 3);
});

Deno.test("training batches hold each example exactly once, and their size never changes", () => {
  for (const padToMax of [false, true]) {
    const batches = [...trainingBatches(reviews(101, 128), { ...options, padToMax, window: 4 })];
    assert.equal(batches.length, 13);
    assert.ok(batches.every(({ shape, labels }) => shape.B === 8 && labels.length === 8));
    assert.deepEqual(
      batches.flatMap(indicesOf).sort((a, b) => a - b),
      Array.from({ length: 101 }, (_, i) => i),
    );
    assert.equal(batches.reduce((sum, { weights }) => sum + weights.reduce((a, b) => a + b), 0), 101);
  }
});

Deno.test("T is the smallest length that holds the batch", () => {
  const examples = reviews(64, 128);
  for (const batch of trainingBatches(examples, { ...options, lengths: [16, 32, 64] })) {
    const needed = 2 + Math.max(...indicesOf(batch).map((index) => examples[index]!.pieces[0]!.length));
    assert.equal(batch.shape.T, [16, 32, 64, 128].find((length) => length >= needed));
  }
  const lengths = (sizes: number[]) =>
    evaluationBatches(sized(sizes.map((n) => [n])), { ...options, batchSize: 1 });
  assert.deepEqual(lengths([126, 94, 95, 30, 31]).shapes.map(({ T }) => T), [128, 128, 96, 64, 32]);
  const odd = { ...options, batchSize: 1, maxLength: 100 };
  assert.deepEqual(evaluationBatches(sized([[98], [60]]), odd).shapes.map(({ T }) => T), [100, 64]);
});

Deno.test("the order is a function of the key", () => {
  const examples = reviews(100, 128);
  const order = (key: number) => [...trainingBatches(examples, { ...options, key })].flatMap(indicesOf);
  assert.deepEqual(order(fold(1, 0)), order(fold(1, 0)));
  assert.notDeepEqual(order(fold(1, 0)), order(fold(1, 1)));
});

Deno.test("examples are sorted by length inside a window only", () => {
  const examples = reviews(96, 128);
  const lengthsOf = (batch: Batch) => indicesOf(batch).map((index) => examples[index]!.pieces[0]!.length);
  const batches = [...trainingBatches(examples, { ...options, window: 3 })];
  const windows = [0, 3, 6, 9].map((start) => batches.slice(start, start + 3).map(lengthsOf));
  for (const window of windows) {
    // The window's batches cut its sorted lengths, in some order.
    const sorted = window.flat().sort((a, b) => b - a);
    const cuts = [0, 8, 16].map((start) => sorted.slice(start, start + 8));
    assert.deepEqual(window.toSorted((a, b) => b[0]! - a[0]!), cuts);
  }
  const ranges = windows.map((window) => [Math.min(...window.flat()), Math.max(...window.flat())]);
  assert.ok(ranges.every(([low, high]) => low! < 40 && high! > 90), "each window is drawn from all lengths");
});

Deno.test("padToMax switches the buckets and the sorting off", () => {
  const examples = sized(Array.from({ length: 40 }, (_, i) => i % 9 === 0 ? [10, 10, 3] : [i]));
  const batches = [...trainingBatches(examples, { ...options, padToMax: true })];
  assert.ok(batches.every(({ shape }) => shape.T === 128 && shape.K === 4));
  const first = indicesOf(batches[0]!).map((index) => examples[index]!.pieces[0]!.length);
  assert.notDeepEqual(first, first.toSorted((a, b) => b - a));
});

Deno.test("evaluation goes from long to short", () => {
  const batches = [...evaluationBatches(reviews(50, 128), options)];
  const lengths = batches.map(({ shape }) => shape.T);
  assert.deepEqual(lengths, lengths.toSorted((a, b) => b - a));
  assert.deepEqual(batches.flatMap(indicesOf).sort((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i));
});

Deno.test("a resumed epoch gets the batch at its place", () => {
  const batches = trainingBatches(reviews(40, 128), options);
  assert.deepEqual(batches.at(2), [...batches][2]);
  assert.throws(() => batches.at(5), RangeError);
});

Deno.test("no examples are no batches", () => {
  assert.equal(trainingBatches([], options).length, 0);
  assert.deepEqual([...evaluationBatches([], { ...options, padToMax: true })], []);
});

Deno.test("pieces that do not fit and batch sizes that are none are refused", () => {
  assert.throws(
    () => trainingBatches(sized([[127]]), options),
    /at most 126 wordpieces, found 127 in example 0/,
  );
  assert.throws(() => evaluationBatches(sized([[]]), options), /at least one piece of example 0/);
  assert.throws(() => trainingBatches([], { ...options, batchSize: 0 }), /batch size of at least 1, found 0/);
});

Deno.test("a pair is [CLS] first [SEP] second [SEP], the second with type 1", () => {
  const examples = [[2, 1], [1, 3], [0, 0]].map(([first, second], index): EncodedExample => ({
    pieces: [new Int32Array(first!).fill(1000 + index)],
    second: new Int32Array(second!).fill(2000 + index),
    label: index,
    index,
  }));
  const pairs = { ...options, batchSize: 4, maxLength: 7, lengths: [] };
  const [batch] = [...evaluationBatches(examples, pairs)];
  assert.deepEqual(batch!.shape, { B: 4, K: 1, T: 7, pairs: true });
  const rows = (values: Int32Array) => [0, 1, 2, 3].map((row) => [...values.subarray(7 * row, 7 * row + 7)]);
  assert.deepEqual(rows(batch!.ids), [
    [101, 1001, 102, 2001, 2001, 2001, 102],
    [101, 1000, 1000, 102, 2000, 102, 7],
    [101, 102, 102, 7, 7, 7, 7],
    [101, 102, 7, 7, 7, 7, 7],
  ]);
  assert.deepEqual(rows(batch!.typeIds!), [
    [0, 0, 0, 1, 1, 1, 1],
    [0, 0, 0, 0, 1, 1, 0],
    [0, 0, 1, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0],
  ]);
  assert.deepEqual(rows(batch!.mask).map((row) => row.reduce((sum, one) => sum + one)), [7, 6, 3, 2]);
  assert.equal(batch!.realTokens, 7 + 6 + 3);
  assert.throws(
    () => evaluationBatches(examples, { ...pairs, maxLength: 6 }),
    /at most 3 wordpieces, found 4/,
  );
  const [single] = [...evaluationBatches(sized([[2]]), pairs)];
  assert.deepEqual([single!.typeIds, Object.keys(single!.shape)], [undefined, ["B", "K", "T"]]);
});
