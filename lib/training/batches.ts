/**
 * Batches of like lengths: examples are drawn at random, sorted by length inside a window of batches, and padded to
 * the smallest of a few lengths, so that few shapes are compiled and little padding is computed. The optimizer's
 * batch size never changes: a last incomplete batch is filled with rows of weight 0.
 */
import { Random } from "../random.ts";

/** An example as wordpieces: one sequence, several fractions of a long text, or a pair, without [CLS] and [SEP]. */
export interface EncodedExample {
  /** Wordpieces of each fraction; of a pair those of the first text. */
  readonly pieces: readonly Int32Array[];
  /** Wordpieces of a pair's second text. */
  readonly second?: Int32Array;
  /** The class's place in `Dataset.labels`. */
  readonly label: number;
  /** The example's place in its split. */
  readonly index: number;
}

/** B texts of K fractions of T tokens, ready for a training or an evaluation step. */
export interface Batch {
  /** [B*K*T] [CLS] wordpieces [SEP] padding; of pairs [CLS] first [SEP] second [SEP] padding. */
  readonly ids: Int32Array;
  /** [B*K*T] 1 = token, 0 = padding; padding fractions and rows hold [CLS] [SEP], so that no attention is empty. */
  readonly mask: Int32Array;
  /** [B*K*T] 1 in a pair's second text and its [SEP], else 0; only of pairs. */
  readonly typeIds?: Int32Array;
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
  /** `true` if the texts are pairs, which have type ids; absent otherwise. */
  readonly pairs?: true;
}

/** Options of {@link trainingBatches} and {@link evaluationBatches}. */
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

/** Options of {@link trainingBatches} alone. */
export interface TrainingBatchOptions extends BatchOptions {
  /** The order's key, folded with the epoch. */
  readonly key: number;
  /** Batches in a window within which examples are sorted by length; 4 if not given. */
  readonly window?: number;
}

/** Batches that are made when they are asked for. */
export interface LazyBatches<Made> extends Iterable<Made> {
  /** Number of batches. */
  readonly length: number;
  /** The batch at a place (from 0), whichever were made before it, so that a resumed epoch can go on in its middle. */
  at(place: number): Made;
}

/** The batches of an epoch. */
export interface Batches extends LazyBatches<Batch> {
  /** Shapes of all batches, without making them. */
  readonly shapes: readonly BatchShape[];
}

/** Values that T takes below the longest, if none are given. */
const defaultLengths: readonly number[] = [32, 64, 96, 128, 192, 256, 384, 512];
/** Small: sorting a whole epoch makes batches of one kind, which cost 3 points of error (LOG.md). */
const defaultWindow = 4;

/** Each example exactly once, in an order that is a function of the key. */
export function trainingBatches(
  examples: readonly EncodedExample[],
  options: TrainingBatchOptions,
): Batches {
  check(examples, options);
  const { batchSize, key, window = defaultWindow, padToMax = false } = options;
  const random = new Random(key);
  const shuffled = random.shuffle(examples);
  if (padToMax) return batchesOf(chunks(shuffled, batchSize), options, largestFractions(examples));
  return batchesOf(groupsOfLikeLengths(shuffled, { batchSize, window, longestFirst }, random), options);
}

/** Items in groups of a batch: sorted inside each window of batches, and a window's groups in random order. */
export function groupsOfLikeLengths<Item>(
  items: readonly Item[],
  { batchSize, window, longestFirst }: {
    readonly batchSize: number;
    readonly window: number;
    readonly longestFirst: (a: Item, b: Item) => number;
  },
  random: Random,
): Item[][] {
  return chunks(items, window * batchSize)
    .flatMap((inWindow) => random.shuffle(chunks(inWindow.toSorted(longestFirst), batchSize)));
}

/** T of a batch whose longest sequence has so many tokens: the next of the lengths, `maxLength` at most. */
export function paddedLength(
  longest: number,
  { maxLength, lengths = defaultLengths }: Pick<BatchOptions, "maxLength" | "lengths">,
): number {
  return Math.min(maxLength, ...lengths.filter((length) => length >= longest));
}

/** So many batches, made by their place. */
export function lazyBatches<Made>(length: number, make: (place: number) => Made): LazyBatches<Made> {
  const at = (place: number) => {
    if (!(place >= 0 && place < length)) {
      throw new RangeError(`Expected a batch below ${length}, found ${place}`);
    }
    return make(place);
  };
  return {
    length,
    at,
    *[Symbol.iterator]() {
      for (let place = 0; place < length; place++) yield at(place);
    },
  };
}

/** Each example exactly once, longest first. */
export function evaluationBatches(examples: readonly EncodedExample[], options: BatchOptions): Batches {
  check(examples, options);
  const groups = chunks(examples.toSorted(longestFirst), options.batchSize);
  return batchesOf(groups, options, options.padToMax ? largestFractions(examples) : undefined);
}

function check(examples: readonly EncodedExample[], { batchSize, maxLength }: BatchOptions): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`Expected a whole batch size of at least 1, found ${batchSize}`);
  }
  for (const example of examples) {
    const { pieces, second, index } = example;
    if (pieces.length === 0) {
      throw new RangeError(`Expected at least one piece of example ${index}, found none`);
    }
    const added = second ? 3 : 2;
    const longest = longestFraction(example);
    if (longest > maxLength) {
      throw new RangeError(
        `Expected pieces of at most ${maxLength - added} wordpieces, found ${
          longest - added
        } in example ${index}`,
      );
    }
  }
}

/** Compares by fractions, then by the longest of them, decreasing; equal ones keep their (random) order. */
function longestFirst(a: EncodedExample, b: EncodedExample): number {
  return b.pieces.length - a.pieces.length || longestFraction(b) - longestFraction(a);
}

/** Tokens of the longest fraction, or of the pair, with [CLS] and each [SEP]. */
function longestFraction({ pieces, second }: EncodedExample): number {
  const longest = pieces.reduce((longest, piece) => Math.max(longest, piece.length), 0);
  return 2 + longest + secondTokens(second);
}

function countTokens({ pieces, second }: EncodedExample): number {
  return pieces.reduce((sum, piece) => sum + piece.length + 2, secondTokens(second));
}

function secondTokens(second: Int32Array | undefined): number {
  return second ? second.length + 1 : 0;
}

/** K for a number of fractions: the next of 1, 2, 4, 8, … */
function fractionsBucket(fractions: number): number {
  return 2 ** Math.ceil(Math.log2(fractions));
}

function largestFractions(examples: readonly EncodedExample[]): number {
  return fractionsBucket(examples.reduce((largest, { pieces }) => Math.max(largest, pieces.length), 1));
}

/** Consecutive pieces of `size` items each, of which the last may have fewer. */
function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from(
    { length: Math.ceil(items.length / size) },
    (_, i) => items.slice(i * size, (i + 1) * size),
  );
}

/** Lazy batches of groups of examples; `K` is given when all are padded to the maximum. */
function batchesOf(groups: readonly EncodedExample[][], options: BatchOptions, K?: number): Batches {
  const { batchSize: B, maxLength } = options;
  const shapes = groups.map((group): BatchShape => {
    const pairs = group.some(({ second }) => second) ? { pairs: true } as const : {};
    if (K) return { B, K, T: maxLength, ...pairs };
    const T = paddedLength(Math.max(...group.map(longestFraction)), options);
    return { B, K: largestFractions(group), T, ...pairs };
  });
  const make = (place: number) => makeBatch(groups[place]!, shapes[place]!, options.tokenizerIds);
  return { ...lazyBatches(groups.length, make), shapes };
}

function makeBatch(
  group: readonly EncodedExample[],
  shape: BatchShape,
  { cls, sep, pad }: BatchOptions["tokenizerIds"],
): Batch {
  const { B, K, T } = shape;
  const ids = new Int32Array(B * K * T).fill(pad);
  const mask = new Int32Array(B * K * T);
  const typeIds = shape.pairs && new Int32Array(B * K * T);
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
      realTokens += countTokens(example);
    }
    const fractions = example?.pieces.length ?? 1;
    for (let k = 0; k < K; k++) {
      const start = (b * K + k) * T;
      const piece = example?.pieces[k] ?? new Int32Array(0);
      let end = start + piece.length + 2;
      ids[start] = cls;
      ids.set(piece, start + 1);
      ids[end - 1] = sep;
      if (example?.second) {
        const from = end;
        end += secondTokens(example.second);
        ids.set(example.second, from);
        ids[end - 1] = sep;
        typeIds?.fill(1, from, end);
      }
      mask.fill(1, start, end);
      if (k < fractions) fractionMask[b * K + k] = 1;
    }
  }
  return { ids, mask, ...typeIds && { typeIds }, fractionMask, labels, weights, indices, shape, realTokens };
}
