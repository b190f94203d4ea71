import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { continuationPieces } from "../../lib/paper/masked_words.ts";
import {
  heldOutBatches,
  type PreTrainingBatch,
  preTrainingEpoch,
  type PreTrainingOptions,
} from "../../lib/paper/pretraining_batches.ts";
import { type Documents, encodeDocuments, packDocuments } from "../../lib/paper/segments.ts";
import { Random } from "../../lib/random.ts";
import { characterTokenizer } from "../../lib/text/tokenizer.ts";

const tokenizerIds = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 };
const firstPiece = 5;

/** Documents of random sentences in which each wordpiece is its own place: piece p has the id firstPiece + p. */
function numbered(count: number, sentencesAtMost = 30): Documents {
  const random = new Random(7);
  let next = firstPiece;
  return packDocuments(
    Array.from(
      { length: count },
      () =>
        Array.from(
          { length: 1 + random.below(sentencesAtMost) },
          () => Int32Array.from({ length: 1 + random.below(40) }, () => next++),
        ),
    ),
  );
}

const documents = numbered(3500);
const options: PreTrainingOptions = {
  batchSize: 32,
  tokenizerIds,
  vocabSize: firstPiece + documents.pieces.length,
  key: 11,
};

/** An example as it was before masking, read back from its batch. */
interface Example {
  readonly a: number[];
  readonly b: number[];
  readonly random: boolean;
  readonly tokens: number;
  /** Place in the example, what was there, what is there. */
  readonly masked: { readonly place: number; readonly label: number; readonly found: number }[];
}

/** Reads a batch's rows and checks all that the arrays promise. */
function examplesOf(batch: PreTrainingBatch): Example[] {
  const { B, T, P } = batch.shape;
  const examples = Array.from({ length: B }, (_, b): Example => {
    const row = batch.ids.slice(b * T, (b + 1) * T);
    const tokens = batch.mask.subarray(b * T, (b + 1) * T).reduce((sum, one) => sum + one, 0);
    assert.ok(batch.mask.subarray(b * T, b * T + tokens).every((one) => one === 1));
    assert.ok(row.subarray(tokens).every((id) => id === tokenizerIds.pad));
    const masked: Example["masked"] = [];
    for (let p = b * P; p < (b + 1) * P; p++) {
      const place = batch.positions[p]!;
      if (batch.mlmWeights[p] === 0) {
        assert.deepEqual([place, batch.mlmLabels[p]], [0, 0]);
        continue;
      }
      assert.equal(batch.mlmWeights[p], 1);
      assert.ok(
        place > (masked.at(-1)?.place ?? 0) && place < tokens - 1,
        "increasing, and no padding between",
      );
      assert.equal(masked.length, p - b * P);
      masked.push({ place, label: batch.mlmLabels[p]!, found: row[place]! });
    }
    for (const { place, label } of masked) row[place] = label;
    const separators = [...row.keys()].filter((place) => row[place] === tokenizerIds.sep);
    assert.equal(row[0], tokenizerIds.cls);
    assert.equal(separators.at(-1), tokens - 1);
    const middle = separators.length === 2 ? separators[0]! + 1 : tokens;
    const types = batch.typeIds.subarray(b * T, (b + 1) * T);
    assert.ok(types.every((type, place) => type === (place >= middle && place < tokens ? 1 : 0)));
    const a = [...row.subarray(1, middle - 1)];
    const second = [...row.subarray(middle, Math.max(middle, tokens - 1))];
    assert.equal(separators.length, second.length > 0 ? 2 : 1);
    return { a, b: second, random: batch.nspLabels[b] === 1, tokens, masked };
  });
  assert.equal(batch.examples, B);
  assert.equal(batch.tokens, examples.reduce((sum, { tokens }) => sum + tokens, 0));
  return examples;
}

/** Each example of an epoch once. */
function allExamples(given: Documents, settings: Partial<PreTrainingOptions> = {}, epoch = 0): Example[] {
  return Array.from(preTrainingEpoch(given, { ...options, batchSize: 1, ...settings }, epoch), examplesOf)
    .flat();
}

const share = <Item>(items: readonly Item[], test: (item: Item) => boolean) =>
  items.filter(test).length / items.length;

function assertNear(found: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(found - expected) <= tolerance, `expected ${expected} ± ${tolerance}, found ${found}`);
}

/** [wordpieces] the document of each. */
function owners({ pieces, sentences, documents }: Documents): Int32Array {
  const owner = new Int32Array(pieces.length);
  for (let d = 0; d < documents.length - 1; d++) {
    owner.fill(d, sentences[documents[d]!], sentences[documents[d + 1]!]);
  }
  return owner;
}

Deno.test("documents are packed one after another, without empty sentences and documents", () => {
  const pieces = (...ids: number[]) => Int32Array.from(ids);
  const packed = packDocuments([[pieces(5, 6), pieces(), pieces(7)], [], [pieces()], [pieces(8)]]);
  assert.deepEqual([...packed.pieces], [5, 6, 7, 8]);
  assert.deepEqual([...packed.sentences], [0, 2, 3, 4]);
  assert.deepEqual([...packed.documents], [0, 2, 3]);
  const tokenizer = characterTokenizer(["ab."]);
  const { documents, cuts } = encodeDocuments(["Ab a. B", " ", "a ".repeat(600)], tokenizer, "en");
  assert.deepEqual([...documents.sentences], [0, 4, 5, 505, 605]);
  assert.deepEqual([...documents.documents], [0, 2, 4]);
  assert.equal(cuts, 1);
});

Deno.test("examples are like those of the recipe's own code on the same documents", async () => {
  const golden: Record<string, { mean: number; deviation: number }> = JSON.parse(
    await readFile(new URL("../golden/pretraining_examples.json", import.meta.url), "utf8"),
  );
  const lengthOf = (d: number, s: number) => {
    return 1 + Math.floor((d * d + 31 * s * s + 17 * s * d) % 89 * (d % 3 + 1) / 4);
  };
  const same = packDocuments(
    Array.from(
      { length: 4000 },
      (_, d) => Array.from({ length: 1 + d * 37 % 25 }, (_, s) => new Int32Array(lengthOf(d, s)).fill(9)),
    ),
  );
  const examples = Array.from({ length: 4 }, (_, epoch) => allExamples(same, {}, epoch)).flat();
  const mean = (value: (example: Example) => number) =>
    examples.reduce((sum, example) => sum + value(example), 0) / examples.length;
  const found: Record<string, number> = {
    examples: examples.length / 4,
    random: share(examples, ({ random }) => random),
    tokens: mean(({ tokens }) => tokens),
    full: share(examples, ({ tokens }) => tokens === 128),
    below32: share(examples, ({ tokens }) => tokens < 32),
    lengthA: mean(({ a }) => a.length),
    masks: mean(({ masked }) => masked.length),
  };
  assert.deepEqual(Object.keys(found), Object.keys(golden));
  for (const [name, { mean, deviation }] of Object.entries(golden)) {
    assertNear(found[name]!, mean, 2 * deviation);
  }
});

Deno.test("masks over ten thousand examples: 15 %, of them 80 % [MASK], 10 % random, 10 % unchanged", () => {
  const examples = allExamples(documents);
  assert.ok(examples.length > 10_000);
  for (const { tokens, masked } of examples) {
    // the recipe: min(20, max(1, round(.15 tokens))), rounded to even as in Python
    const exact = .15 * tokens;
    const counts = exact % 1 === .5
      ? [Math.floor(exact), Math.ceil(exact)].filter((n) => n % 2 === 0)
      : [Math.round(exact)];
    assert.deepEqual([masked.length], counts.map((count) => Math.min(20, Math.max(1, count))));
    assert.ok(masked.every(({ label }) => label >= firstPiece), "no special token is masked");
  }
  const masked = examples.flatMap((example) => example.masked);
  assertNear(masked.length / examples.reduce((sum, { tokens }) => sum + tokens, 0), .15, .002);
  assertNear(share(masked, ({ found }) => found === tokenizerIds.mask), .8, .005);
  assertNear(share(masked, ({ found, label }) => found === label), .1, .005);
  const random = masked.filter(({ found, label }) => found !== tokenizerIds.mask && found !== label);
  assert.ok(random.every(({ found }) => found >= firstPiece), "no random token is a special one");
  assertNear(random.reduce((sum, { found }) => sum + found, 0) / random.length / options.vocabSize, .5, .01);
  // each place of a full example is masked about as often as another
  const full = examples.filter(({ tokens, a }) => tokens === 128 && a.length < 60);
  const places = full.flatMap((example) => example.masked.map(({ place }) => place));
  assertNear(share(places, (place) => place < 32), 31 / 125, .01);
  assertNear(share(places, (place) => place >= 96), 31 / 125, .01);
});

Deno.test("the number of masks is a parameter, and one token is masked in the shortest example", () => {
  const few = preTrainingEpoch(documents, { ...options, maxMasks: 3, maskedShare: .5 }, 0);
  assert.ok(few.shapes.every(({ P }) => P === 3));
  assert.ok(examplesOf(few.at(0)).every(({ masked }) => masked.length === 3));
  const two = packDocuments([[Int32Array.of(5)], [Int32Array.of(6)]]);
  const [batch] = preTrainingEpoch(two, { ...options, batchSize: 2 }, 0);
  assert.deepEqual(batch!.shape, { B: 2, T: 32, P: 5 });
  assert.deepEqual(examplesOf(batch!).map(({ masked }) => masked.length), [1, 1]);
});

Deno.test("pairs: B follows A in half of them, and comes from another document in the others", () => {
  const examples = allExamples(documents);
  const runs = (ids: readonly number[]) => ids.every((id, i) => i === 0 || id === ids[i - 1]! + 1);
  for (const { a, b, tokens } of examples) {
    assert.ok(a.length > 0 && b.length > 0 && tokens === a.length + b.length + 3 && tokens <= 128);
    assert.ok(runs(a) && runs(b), "a segment is a run of a document");
  }
  const starts = new Set(documents.sentences);
  const owner = owners(documents);
  for (const { a, b, random, tokens } of examples) {
    const same = owner[a[0]! - firstPiece] === owner[b[0]! - firstPiece];
    assert.equal(same, !random);
    if (same && tokens < 128) {
      assert.equal(b[0], a.at(-1)! + 1, "nothing was truncated: B begins where A ends");
    }
    if (same) assert.ok(b[0]! > a.at(-1)!);
    if (tokens < 128) assert.ok(starts.has(a[0]! - firstPiece) && starts.has(b[0]! - firstPiece));
  }
  // a chunk of one sentence always gets a random B, so somewhat more than half; with many sentences, nearly half
  const tiny = packDocuments(
    Array.from({ length: 200 }, () => Array.from({ length: 300 }, () => Int32Array.of(9, 9, 9))),
  );
  assertNear(share(allExamples(tiny, { shortShare: 0 }), ({ random }) => random), .5, .02);
  assert.ok(share(examples, ({ random }) => random) < .65);
});

Deno.test("every sentence is used each epoch: what a random B displaces is put back", () => {
  const seen = new Set<number>();
  for (const { a, b, random } of allExamples(documents, { maxLength: 512 })) {
    for (const id of random ? a : [...a, ...b]) seen.add(id);
  }
  assertNear(seen.size / documents.pieces.length, 1, .05); // truncation takes some
});

Deno.test("examples are full but for the documents' ends and a tenth of the documents, which are cut short", () => {
  const sentence = Int32Array.of(9, 9, 9, 9);
  const long = packDocuments(Array.from({ length: 50 }, () => Array.from({ length: 2000 }, () => sentence)));
  assert.ok(share(allExamples(long, { shortShare: 0 }), ({ tokens }) => tokens === 128) > .9);

  // sentences of one wordpiece, so that a document's first example shows its target length
  const letters = Array.from({ length: 130 }, (_, i) => Int32Array.of(firstPiece + i));
  const spelt = packDocuments(Array.from({ length: 10_000 }, () => letters));
  const targets = allExamples(spelt, { nextSentence: false, maskedShare: .01 })
    .filter(({ a }) => a[0] === firstPiece).map(({ a }) => a.length);
  assert.equal(targets.length, 10_000);
  const short = targets.filter((target) => target < 126);
  assertNear(short.length / targets.length, .1 * 124 / 125, .01);
  assert.deepEqual([Math.min(...short), Math.max(...short)], [2, 125]);
  assertNear(short.reduce((sum, target) => sum + target, 0) / short.length, 63.5, 4);
});

Deno.test("the longer segment is truncated, at either end", () => {
  const examples = allExamples(documents, { maxLength: 32 }).filter(({ tokens }) => tokens === 32);
  const starts = new Set(documents.sentences);
  const cutAt = (place: (ids: number[]) => number) =>
    share(examples, ({ a }) => !starts.has(place(a) - firstPiece));
  const front = cutAt((ids) => ids[0]!);
  assert.ok(front > .1);
  assertNear(front, cutAt((ids) => ids.at(-1)! + 1), .03);
});

Deno.test("one document, or one sentence: B is random all the same", () => {
  const one = packDocuments([Array.from({ length: 40 }, (_, i) => new Int32Array(10).fill(5 + i))]);
  const examples = allExamples(one);
  assert.ok(examples.length > 0 && examples.some(({ random }) => random));
  const [only] = allExamples(packDocuments([[Int32Array.of(8)]]));
  assert.deepEqual([only!.a, only!.b, only!.random], [[8], [8], true]);
});

Deno.test("without next-sentence prediction: single segments, all of a text that is not truncated", () => {
  const examples = allExamples(documents, { nextSentence: false });
  assert.ok(examples.every(({ b, random, tokens }) => b.length === 0 && !random && tokens <= 128));
  const ids = examples.flatMap(({ a }) => a);
  assert.equal(new Set(ids).size, ids.length, "nothing twice");
  assert.ok(ids.length > .8 * documents.pieces.length);
});

Deno.test("whole words are masked together; a word does not begin in A and end in B", () => {
  const wholeWords = new Uint8Array(options.vocabSize).map((_, id) =>
    id >= firstPiece && id % 3 !== 0 ? 1 : 0
  );
  const examples = allExamples(documents, { wholeWords });
  assert.ok(examples.length > 10_000);
  for (const { a, b, masked } of examples) {
    const places = new Set(masked.map(({ place }) => place));
    for (const [segment, start] of [[a, 1], [b, a.length + 2]] as const) {
      segment.forEach((id, i) => {
        if (i > 0 && wholeWords[id]) assert.equal(places.has(start + i), places.has(start + i - 1));
      });
    }
    assert.ok(masked.length <= 20);
  }
  const masked = examples.reduce((sum, example) => sum + example.masked.length, 0);
  assertNear(masked / examples.reduce((sum, { tokens }) => sum + tokens, 0), .15, .01);
  const pieces = ["[PAD]", "un", "##s", "#", "##"];
  assert.deepEqual([...continuationPieces(pieces)], [0, 0, 1, 0, 1]);
});

Deno.test("special tokens that a text holds are not masked either", () => {
  const text = Int32Array.from({ length: 60 }, (_, i) => i % 2 ? 9 : i % 10 / 2);
  const special = packDocuments([[text], [text]]);
  for (let epoch = 0; epoch < 50; epoch++) {
    const batch = preTrainingEpoch(special, { ...options, batchSize: 2, vocabSize: 10 }, epoch).at(0);
    const labels = batch.mlmLabels.filter((_, p) => batch.mlmWeights[p] === 1);
    assert.ok(labels.length === 2 * 18 && labels.every((label) => label === 9));
  }
});

Deno.test("a batch is a function of key, epoch and place, whichever were made before", () => {
  const epoch = preTrainingEpoch(documents, options, 4);
  const again = preTrainingEpoch(documents, options, 4);
  const last = epoch.length - 1;
  const backwards = [last, 17, 0].map((place) => again.at(place));
  assert.deepEqual(backwards, [epoch.at(last), epoch.at(17), epoch.at(0)]);
  assert.deepEqual(epoch.at(17), backwards[1]);
  assert.deepEqual(epoch.shapes[17], epoch.at(17).shape);
  for (
    const other of [
      preTrainingEpoch(documents, options, 5),
      preTrainingEpoch(documents, { ...options, key: 12 }, 4),
    ]
  ) {
    assert.notDeepEqual(other.at(17).ids, epoch.at(17).ids);
  }
  assert.throws(() => epoch.at(epoch.length), RangeError);
  assert.throws(() => epoch.at(-1), RangeError);
});

Deno.test("pairs and masks are drawn anew each epoch", () => {
  const few = numbered(1, 4);
  const epochs = Array.from({ length: 20 }, (_, epoch) => allExamples(few, { maxLength: 512 }, epoch));
  const different = (what: (examples: Example[]) => unknown) =>
    new Set(epochs.map((examples) => JSON.stringify(what(examples)))).size;
  assert.ok(different((examples) => examples.map(({ a }) => a.length)) > 1);
  assert.ok(different((examples) => examples.map(({ masked }) => masked)) > 15);
});

Deno.test("each example once an epoch; the last batch is filled up with the first examples", () => {
  const few = numbered(101);
  const batches = preTrainingEpoch(few, { ...options, nextSentence: false }, 0);
  const examples = Array.from(batches, examplesOf).flat();
  assert.equal(examples.length, 32 * Math.ceil(batches.examples / 32));
  assert.equal(new Set(examples.map(({ a }) => a[0])).size, batches.examples);
  assert.deepEqual(new Set(batches.shapes.map(({ T }) => T)), new Set([32, 64, 96, 128]));
  const [first, second] = preTrainingEpoch(numbered(1, 1), { ...options, batchSize: 3 }, 0);
  assert.equal(second, undefined);
  const rows = examplesOf(first!);
  assert.deepEqual([rows[1], rows[2]], [rows[0], rows[0]]);
});

Deno.test("lengths below the largest save padding", () => {
  const { shapes } = preTrainingEpoch(numbered(500, 5), options, 0);
  assert.ok(shapes.reduce((sum, { B, T }) => sum + B * T, 0) < .85 * shapes.length * 32 * 128);
});

Deno.test("a held-out set is fixed: whole batches of other examples than an epoch's", () => {
  const held = heldOutBatches(documents, options, 100);
  assert.deepEqual([held.length, held.examples], [3, 96]);
  assert.deepEqual([...held], [...heldOutBatches(documents, options, 100)]);
  assert.notDeepEqual(held.at(0).ids, preTrainingEpoch(documents, options, 0).at(0).ids);
  assert.equal(heldOutBatches(documents, options, 1).examples, 32);
  const all = heldOutBatches(numbered(101), options, 1e9);
  assert.equal(all.examples, 32 * all.length);
  const fewer = heldOutBatches(numbered(1, 1), options, 100);
  assert.deepEqual([fewer.length, fewer.examples], [1, 1]);
});

Deno.test("an epoch of 25,000 reviews is planned", () => {
  const random = new Random(1);
  const reviews = packDocuments(
    Array.from(
      { length: 25_000 },
      () => Array.from({ length: 1 + random.below(24) }, () => new Int32Array(1 + random.below(50)).fill(9)),
    ),
  );
  assert.ok(reviews.pieces.length > 6e6);
  assert.ok(preTrainingEpoch(reviews, options, 0).length > 1000);
});

Deno.test("errors", () => {
  assert.throws(() => preTrainingEpoch(packDocuments([]), options, 0), {
    name: "InputError",
    message: "Cannot make pre-training examples: expected texts with words in them, found none",
  });
  const wrong = (settings: Partial<PreTrainingOptions>) => () =>
    preTrainingEpoch(documents, { ...options, ...settings }, 0);
  assert.throws(
    wrong({ maxLength: 4 }),
    /^RangeError: Expected maxLength to be a whole number of at least 5, found 4$/,
  );
  assert.throws(wrong({ batchSize: 0 }), RangeError);
  assert.throws(wrong({ maxMasks: .5 }), RangeError);
  assert.throws(wrong({ vocabSize: 5 }), RangeError);
  assert.throws(() => heldOutBatches(documents, options, 0), RangeError);
});
