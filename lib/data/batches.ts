/**
 * Batches of like lengths: examples are drawn at random, sorted by length inside a window of batches, and padded to
 * the smallest of a few lengths, so that few shapes are compiled and little padding is computed. The optimizer's
 * batch size never changes: a last incomplete batch is filled with rows of weight 0.
 */
import { Random } from "../random.ts";

/** An example as wordpieces: one sequence, or several fractions of a long text, without [CLS] and [SEP]. */
export interface EncodedExample {
  /** Wordpieces of each fraction, without [CLS] and [SEP]. */
  readonly pieces: readonly Int32Array[];
  /** The class's place in `Dataset.labels`. */
  readonly label: number;
  /** The example's place in its split. */
  readonly index: number;
}

/** B texts of K fractions of T tokens, ready for a training or an evaluation step. */
export interface Batch {
  /** [B*K*T] [CLS] wordpieces [SEP] padding. */
  readonly ids: Int32Array;
  /** [B*K*T] 1 = token, 0 = padding; padding fractions and rows hold [CLS] [SEP], so that no attention is empty. */
  readonly mask: Int32Array;
  /** [B*K] 1 = real fraction, 0 = padding; a padding row has one real fraction, so that no pooling is empty. */
  readonly fractionMask: Float32Array;
  /** [B] 0 in padding rows. */
  readonly labels: Int32Array;
  /** [B] 1 = example, 0 = padding row. */
  readonly weights: Float32Array;
  /** [B] `EncodedExample.index`, −1 in padding rows. */
  readonly indices: Int32Array;
  /** B, K and T of the arrays. */
  readonly shape: BatchShape;
  /** Tokens of real fractions of examples, with [CLS] and [SEP]. */
  readonly realTokens: number;
}

/** The shape of a batch. */
export interface BatchShape {
  /** Texts, padding rows included. */
  readonly B: number;
  /** Fractions of a text. */
  readonly K: number;
  /** Tokens of a fraction, with [CLS], [SEP] and padding. */
  readonly T: number;
}

/** What {@link trainingBatches} and {@link evaluationBatches} need to know. */
export interface BatchOptions {
  /** B of every batch. */
  readonly batchSize: number;
  /** Ids of the tokens that are added. */
  readonly tokenizerIds: { readonly cls: number; readonly sep: number; readonly pad: number };
  /** Largest T, with [CLS] and [SEP]. */
  readonly maxLength: number;
  /** Values that T may take below `maxLength`; 32, 64, 96, 128, 192, 256, 384, 512 if not given. */
  readonly lengths?: readonly number[];
  /** Always T = `maxLength` and the largest K, and no sorting by length. */
  readonly padToMax?: boolean;
}

/** What {@link trainingBatches} needs besides. */
export interface TrainingBatchOptions extends BatchOptions {
  /** The order's key, folded with the epoch. */
  readonly key: number;
  /** Batches in a window within which examples are sorted by length; 4 if not given. */
  readonly window?: number;
}

/** The batches of an epoch, made when they are asked for. */
export interface Batches extends Iterable<Batch> {
  /** How many batches. */
  readonly length: number;
  /** Shapes of all batches, without making them. */
  readonly shapes: readonly BatchShape[];
  /** The batch at a place (from 0), so that a resumed epoch can go on in its middle. */
  at(place: number): Batch;
}

/** Tokens computed with and without buckets. */
export interface PaddingStatistics {
  /** Tokens of all examples, with [CLS] and [SEP] of each fraction. */
  readonly realTokens: number;
  /** Tokens computed per real token with these batches. */
  readonly bucketed: number;
  /** Tokens computed per real token if each fraction were padded to `maxLength` and each text to the largest K. */
  readonly padded: number;
  /** Different shapes, each of which is compiled once. */
  readonly shapes: number;
}

const defaultLengths: readonly number[] = [32, 64, 96, 128, 192, 256, 384, 512];
/** Small: sorting a whole epoch makes batches of one kind, which cost 3 points of error (LOG.md). */
const defaultWindow = 4;

/** Examples as wordpieces, numbered by their place. */
export function encodeExamples(
  examples: readonly { readonly text: string; readonly label: number }[],
  pieces: (text: string) => Int32Array[],
): EncodedExample[] {
  return examples.map(({ text, label }, index) => ({ pieces: pieces(text), label, index }));
}

/** Each example exactly once, in an order that is a function of the key. */
export function trainingBatches(
  examples: readonly EncodedExample[],
  options: TrainingBatchOptions,
): Batches {
  check(examples, options);
  const { batchSize, key, window = defaultWindow, padToMax = false } = options;
  const random = new Random(key);
  const shuffled = random.shuffle(examples);
  if (padToMax) return batchesOf(cut(shuffled, batchSize), options, largestFractions(examples));
  const groups = cut(shuffled, window * batchSize).flatMap((inWindow) =>
    random.shuffle(cut(inWindow.toSorted(longestFirst), batchSize))
  );
  return batchesOf(groups, options);
}

/** Each example exactly once, longest first. */
export function evaluationBatches(examples: readonly EncodedExample[], options: BatchOptions): Batches {
  check(examples, options);
  const groups = cut(examples.toSorted(longestFirst), options.batchSize);
  return batchesOf(groups, options, options.padToMax ? largestFractions(examples) : undefined);
}

/** How many tokens are computed for each real one. */
export function paddingStatistics(
  examples: readonly EncodedExample[],
  batches: Batches,
  maxLength: number,
): PaddingStatistics {
  const realTokens = examples.reduce((sum, { pieces }) => sum + countTokens(pieces), 0);
  const computed = batches.shapes.reduce((sum, { B, K, T }) => sum + B * K * T, 0);
  const rows = batches.shapes.reduce((sum, { B }) => sum + B, 0);
  return {
    realTokens,
    bucketed: computed / realTokens,
    padded: rows * largestFractions(examples) * maxLength / realTokens,
    shapes: new Set(batches.shapes.map(({ B, K, T }) => `${B},${K},${T}`)).size,
  };
}

function check(examples: readonly EncodedExample[], { batchSize, maxLength }: BatchOptions): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`Expected a whole batch size of at least 1, found ${batchSize}`);
  }
  for (const { pieces, index } of examples) {
    if (pieces.length === 0) {
      throw new RangeError(`Expected at least one piece of example ${index}, found none`);
    }
    const longest = longestPiece(pieces);
    if (longest > maxLength - 2) {
      throw new RangeError(
        `Expected pieces of at most ${maxLength - 2} wordpieces, found ${longest} in example ${index}`,
      );
    }
  }
}

/** By fractions, then by the longest of them, decreasing; equal ones keep their (random) order. */
function longestFirst(a: EncodedExample, b: EncodedExample): number {
  return b.pieces.length - a.pieces.length || longestPiece(b.pieces) - longestPiece(a.pieces);
}

function longestPiece(pieces: readonly Int32Array[]): number {
  return pieces.reduce((longest, piece) => Math.max(longest, piece.length), 0);
}

function countTokens(pieces: readonly Int32Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length + 2, 0);
}

/** K for a number of fractions: the next of 1, 2, 4, 8, … */
function fractionsBucket(fractions: number): number {
  return 2 ** Math.ceil(Math.log2(fractions));
}

function largestFractions(examples: readonly EncodedExample[]): number {
  return fractionsBucket(examples.reduce((largest, { pieces }) => Math.max(largest, pieces.length), 1));
}

function cut<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from(
    { length: Math.ceil(items.length / size) },
    (_, i) => items.slice(i * size, (i + 1) * size),
  );
}

/** Lazy batches of groups of examples; `K` is given when all are padded to the maximum. */
function batchesOf(groups: readonly EncodedExample[][], options: BatchOptions, K?: number): Batches {
  const { batchSize: B, maxLength, lengths = defaultLengths } = options;
  const shapes = groups.map((group): BatchShape => {
    if (K) return { B, K, T: maxLength };
    const needed = 2 + Math.max(...group.map(({ pieces }) => longestPiece(pieces)));
    const T = Math.min(maxLength, ...lengths.filter((length) => length >= needed));
    return { B, K: largestFractions(group), T };
  });
  const at = (place: number) => {
    const group = groups[place];
    const shape = shapes[place];
    if (!group || !shape) throw new RangeError(`Expected a batch below ${groups.length}, found ${place}`);
    return makeBatch(group, shape, options.tokenizerIds);
  };
  return {
    length: groups.length,
    shapes,
    at,
    *[Symbol.iterator]() {
      for (let place = 0; place < groups.length; place++) yield at(place);
    },
  };
}

function makeBatch(
  group: readonly EncodedExample[],
  shape: BatchShape,
  { cls, sep, pad }: BatchOptions["tokenizerIds"],
): Batch {
  const { B, K, T } = shape;
  const ids = new Int32Array(B * K * T).fill(pad);
  const mask = new Int32Array(B * K * T);
  const fractionMask = new Float32Array(B * K);
  const labels = new Int32Array(B);
  const weights = new Float32Array(B);
  const indices = new Int32Array(B).fill(-1);
  let realTokens = 0;
  for (let b = 0; b < B; b++) {
    const example = group[b];
    if (example) {
      labels[b] = example.label;
      weights[b] = 1;
      indices[b] = example.index;
      realTokens += countTokens(example.pieces);
    }
    const fractions = example?.pieces.length ?? 1;
    for (let k = 0; k < K; k++) {
      const start = (b * K + k) * T;
      const piece = example?.pieces[k] ?? new Int32Array(0);
      ids[start] = cls;
      ids.set(piece, start + 1);
      ids[start + 1 + piece.length] = sep;
      mask.fill(1, start, start + piece.length + 2);
      if (k < fractions) fractionMask[b * K + k] = 1;
    }
  }
  return { ids, mask, fractionMask, labels, weights, indices, shape, realTokens };
}
