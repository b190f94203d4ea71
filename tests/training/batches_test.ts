import assert from "node:assert/strict";
import {
  type BatchOptions,
  evaluationBatches,
  evenly,
  type TextBatch,
  trainingBatches,
} from "../../lib/training/batches.ts";
import { type EncodedExample, sequenceLengths } from "../../lib/training/text_tensors.ts";
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

const options: BatchOptions = { batchSize: 8, tokenizerIds, maxLength: 128 };
const keys = [fold(1, 0), fold(1, 1)];
const indicesOf = (batch: TextBatch) => [...batch.indices].filter((index) => index >= 0);
const numbers = ({ parts: [part] }: TextBatch, name: string) => Array.from(part![name]!.data);
const sum = (values: Iterable<number>) => Array.from(values).reduce((a, b) => a + b, 0);

/** Wordpieces, segments and positions of each text's sequences, read from a part's list where they start. */
function sequencesOf(part: TextBatch["parts"][number], devices: number) {
  const { ids, starts, tokens, sequences, positions, type_ids: types } = part;
  const [S, P] = [ids!.data.length / devices, starts!.data.length / devices];
  const [R, T] = tokens!.shape as [number, number];
  return Array.from(starts!.data, (start, p) => {
    const device = Math.floor(p / P);
    const rows = sequences!.data.slice(device * R * T / devices, (device + 1) * R * T / devices);
    const length = Array.from(rows).filter((number) => number === p % P + 1).length;
    const of = (data: ArrayLike<number>) => Array.from({ length }, (_, t) => data[device * S + start + t]!);
    return { ids: of(ids!.data), types: types && of(types.data), positions: of(positions!.data) };
  });
}

Deno.test("a batch holds [CLS] wordpieces [SEP] of one text after another, and a missing text of weight 0", () => {
  const [epoch] = trainingBatches(sized([[2], [0]]), { ...options, batchSize: 3 }, [0]);
  const batch = epoch!.at(0);
  assert.deepEqual(batch.shape, { B: 3, K: 1, S: 16, R: 1, T: 16 });
  assert.deepEqual(epoch!.computed, { texts: 3, sequences: 3, tokens: 16, pairs: 256 });
  const first = batch.indices[0]!; // the order is drawn
  const texts = [[101, 1000, 1000, 102], [101, 102]];
  const list = [...texts[first]!, ...texts[1 - first]!];
  assert.deepEqual(numbers(batch, "ids"), [...list, ...new Array(10).fill(7)]);
  assert.deepEqual(numbers(batch, "starts"), [0, texts[first]!.length, 0]);
  assert.deepEqual(numbers(batch, "labels"), [first, 1 - first, 0]);
  assert.deepEqual(numbers(batch, "weights"), [.5, .5, 0]);
  assert.deepEqual([...batch.indices], [first, 1 - first, -1]);
  assert.deepEqual([batch.examples, batch.tokens], [2, 6]);
});

Deno.test("with padToMax each sequence is padded to the longest input", () => {
  const [batch] = [
    ...evaluationBatches(sized([[2], [0], [1]]), { ...options, batchSize: 4, maxLength: 5, padToMax: true }),
  ];
  assert.deepEqual(batch!.shape, { B: 3, K: 1, T: 5 });
  assert.deepEqual(numbers(batch!, "ids"), [
    101,
    1000,
    1000,
    102,
    7,
    101,
    102,
    7,
    7,
    7,
    101,
    1002,
    102,
    7,
    7,
  ]);
  assert.deepEqual(numbers(batch!, "mask"), [1, 1, 1, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0]);
  const [filled] = trainingBatches(sized([[2]]), { ...options, batchSize: 2, maxLength: 5, padToMax: true }, [
    0,
  ]);
  assert.deepEqual(numbers(filled!.at(0), "mask"), [1, 1, 1, 1, 0, 1, 0, 0, 0, 0], "no attention is empty");
  assert.deepEqual(numbers(filled!.at(0), "weights"), [1, 0]);
});

Deno.test("texts have as many fractions as the longest; one that is padding is masked out and has no token", () => {
  const examples = sized([[3, 3, 1], [2], [1, 1, 1, 1, 1]]);
  const [epoch] = trainingBatches(examples, { ...options, batchSize: 3, maxLength: 5 }, [0]);
  const batch = epoch!.at(0);
  assert.equal(batch.shape.K, 5);
  const order = [...batch.indices];
  const counts = [3, 1, 5];
  assert.deepEqual(
    numbers(batch, "fraction_mask"),
    order.flatMap((index) => [1, 1, 1, 1, 1].fill(0, counts[index])),
  );
  const lengths = sequencesOf(batch.parts[0]!, 1).map(({ ids }) => ids.length);
  assert.deepEqual(
    lengths,
    order.flatMap((index) => [[5, 5, 3, 0, 0], [4, 0, 0, 0, 0], [3, 3, 3, 3, 3]][index]!),
  );
  assert.equal(batch.tokens, 13 + 4 + 15);
});

Deno.test("an epoch holds each example once, batches of one size, and as each sequence its [CLS] wordpieces [SEP]", () => {
  const examples = reviews(101, 128);
  for (const more of [{}, { padToMax: true }, { passSize: 4 }, { passSize: 2, devices: 2 }, { devices: 4 }]) {
    const given = { ...options, ...more };
    const { passSize = 8, devices = 1, padToMax } = given as BatchOptions;
    for (const epoch of trainingBatches(examples, given, keys)) {
      const batches = [...epoch];
      assert.equal(batches.length, 13);
      assert.deepEqual(
        batches.flatMap(indicesOf).sort((a, b) => a - b),
        Array.from({ length: 101 }, (_, i) => i),
      );
      for (const [place, batch] of batches.entries()) {
        const { shape, parts, indices } = batch;
        assert.deepEqual([shape.B, parts.length, indices.length], [passSize, 8 / passSize, 8]);
        assert.deepEqual(shape, epoch.shapes[place]);
        assert.ok(Math.abs(sum(parts.flatMap(({ weights }) => [...weights!.data])) - 1) < 1e-6);
        if (padToMax) continue;
        const found = parts.flatMap((part) => sequencesOf(part, devices));
        const expected = Array.from(indices, (index) => {
          if (index < 0) return { ids: [], types: undefined, positions: [] };
          const ids = [101, ...examples[index]!.pieces[0]!, 102];
          return { ids, types: undefined, positions: [...ids.keys()] };
        });
        assert.deepEqual(found, expected);
      }
    }
  }
});

Deno.test("the order is drawn from the epoch's key alone; the sizes are those of all epochs", () => {
  const examples = reviews(100, 128);
  const orders = (keys: number[]) =>
    trainingBatches(examples, options, keys).map((epoch) => [...epoch].flatMap(indicesOf));
  assert.deepEqual(orders(keys), orders(keys));
  assert.deepEqual(orders(keys)[1], orders([7, keys[1]!])[1]);
  assert.notDeepEqual(orders(keys)[0], orders(keys)[1]);
  const padded = trainingBatches(examples, { ...options, padToMax: true }, keys);
  assert.deepEqual(
    padded.map((epoch) => [...epoch].flatMap(indicesOf)),
    orders(keys),
    "padded the same batches",
  );
  const lengths = orders(keys)[0]!.map((index) => examples[index]!.pieces[0]!.length);
  const means = Array.from({ length: 12 }, (_, b) => sum(lengths.slice(8 * b, 8 * b + 8)) / 8);
  assert.ok(Math.max(...means) - Math.min(...means) < 64, `batches are of all lengths: ${means}`);
});

Deno.test("an evaluation has each example once, in few large shapes or in rows that the texts nearly fill", () => {
  const examples = reviews(500, 512);
  const needed = sum(examples.map(({ pieces }) => (pieces[0]!.length + 2) ** 2));
  for (
    const [devices, fewLargeShapes] of [[1, true], [2, true], [3, true], [1, false], [2, false]] as const
  ) {
    const given = { ...options, batchSize: 16, maxLength: 512, devices, fewLargeShapes };
    const made = evaluationBatches(examples, given);
    const batches = [...made];
    assert.deepEqual(
      batches.flatMap(indicesOf).sort((a, b) => a - b),
      Array.from({ length: 500 }, (_, i) => i),
    );
    for (const batch of batches) {
      const { shape: { S, R, B } } = batch;
      assert.deepEqual([S! % devices, R! % devices, B % devices], [0, 0, 0]);
      sequencesOf(batch.parts[0]!, devices).forEach(({ ids }, row) => {
        const index = batch.indices[row]!;
        assert.deepEqual(ids, index < 0 ? [] : [101, ...examples[index]!.pieces[0]!, 102]);
      });
    }
    const shapes = new Set(batches.map(({ shape }) => JSON.stringify(shape))).size;
    const pairs = made.computed.pairs / needed;
    const [mostShapes, mostPairs] = fewLargeShapes ? [8, 2.3] : [25, 1.6];
    assert.ok(shapes <= mostShapes, `${shapes} shapes`);
    assert.ok(pairs <= mostPairs, `${pairs} pairs of places for each needed one`);
  }
});

Deno.test("an evaluation of fewer texts than devices, of one, and of none", () => {
  const more = { ...options, devices: 4 };
  for (const padToMax of [false, true]) {
    const [batch, second] = [...evaluationBatches(sized([[3], [1]]), { ...more, padToMax })];
    assert.equal(second, undefined);
    assert.deepEqual([indicesOf(batch!).sort(), batch!.indices.length % 4], [[0, 1], 0]);
    assert.deepEqual([...evaluationBatches([], { ...options, padToMax })], []);
  }
  const [alone] = [...evaluationBatches(sized([[3]]), options)];
  assert.deepEqual(indicesOf(alone!), [0]);
  assert.ok(alone!.shape.S! <= 128, "a list of one short text is small");
});

Deno.test("a text of more tokens than a batch is meant for has a list of its own", () => {
  const fractions = [new Array(8).fill(62), new Array(8).fill(62)];
  const batches = evaluationBatches(sized(fractions), { ...options, batchSize: 1, maxLength: 512 });
  assert.deepEqual([...batches].flatMap(indicesOf).sort(), [0, 1]);
});

Deno.test("passes and devices get texts of like tokens", () => {
  const texts = reviews(480, 512);
  for (const [passSize, devices] of [[24, 1], [12, 1], [6, 1], [12, 2]] as const) {
    const [batches] = trainingBatches(
      texts,
      { ...options, batchSize: 24, maxLength: 512, passSize, devices },
      [3],
    );
    const real = [...batches!].reduce((sum, { tokens }) => sum + tokens, 0);
    const ratio = batches!.computed.tokens / real;
    assert.ok(ratio < 1.15, `passes of ${passSize} on ${devices} devices compute ${ratio}`);
  }
  assert.deepEqual(evenly([5, 1, 4, 2, 3, 6], 2, (size) => size), [[6, 3, 2], [5, 4, 1]]);
  assert.deepEqual(evenly([5, 1, 4], 1, (size) => size), [[5, 1, 4]]);
});

Deno.test("a resumed epoch gets the batch at its place", () => {
  const [batches] = trainingBatches(reviews(40, 128), options, [3]);
  assert.deepEqual(batches!.at(2), [...batches!][2]);
  assert.throws(() => batches!.at(5), RangeError);
});

Deno.test("no examples are no batches", () => {
  assert.deepEqual(trainingBatches([], options, keys).map(({ length }) => length), [0, 0]);
});

Deno.test("pieces that do not fit and batch sizes that are none are refused", () => {
  assert.throws(
    () => trainingBatches(sized([[127]]), options, [0]),
    /at most 126 wordpieces, found 127 in example 0/,
  );
  assert.throws(() => evaluationBatches(sized([[]]), options), /at least one piece of example 0/);
  assert.throws(
    () => trainingBatches([], { ...options, batchSize: 0 }, [0]),
    /batch size of at least 1, found 0/,
  );
});

Deno.test("a pair is [CLS] first [SEP] second [SEP], the second with type 1, its positions go on", () => {
  const examples = [[2, 1], [1, 3], [0, 0]].map(([first, second], index): EncodedExample => ({
    pieces: [new Int32Array(first!).fill(1000 + index)],
    second: new Int32Array(second!).fill(2000 + index),
    label: index,
    index,
  }));
  const pairs = { ...options, batchSize: 4, maxLength: 7 };
  const [batch] = [...evaluationBatches(examples, pairs)];
  assert.equal(batch!.shape.pairs, true);
  const expected = [
    [[101, 1000, 1000, 102, 2000, 102], [0, 0, 0, 0, 1, 1]],
    [[101, 1001, 102, 2001, 2001, 2001, 102], [0, 0, 0, 1, 1, 1, 1]],
    [[101, 102, 102], [0, 0, 1]],
  ].map(([ids, types]) => ({ ids, types, positions: [...ids!.keys()] }));
  const found = sequencesOf(batch!.parts[0]!, 1);
  assert.deepEqual(found.slice(0, 3), expected);
  assert.ok(found.slice(3).every(({ ids }) => ids.length === 0));
  assert.deepEqual(examples.map((example) => sequenceLengths(example)), [[6], [7], [3]]);
  assert.equal(batch!.tokens, 6 + 7 + 3);
  const [padded] = [...evaluationBatches(examples, { ...pairs, padToMax: true })];
  assert.deepEqual(padded!.shape, { B: 3, K: 1, pairs: true, T: 7 });
  assert.deepEqual(numbers(padded!, "type_ids"), [
    0,
    0,
    0,
    0,
    1,
    1,
    0,
    0,
    0,
    0,
    1,
    1,
    1,
    1,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
  ]);
  assert.throws(
    () => evaluationBatches(examples, { ...pairs, maxLength: 6 }),
    /at most 3 wordpieces, found 4/,
  );
  const [single] = [...evaluationBatches(sized([[2]]), pairs)];
  assert.deepEqual([single!.parts[0]!.type_ids, single!.shape.pairs], [undefined, undefined]);
});
