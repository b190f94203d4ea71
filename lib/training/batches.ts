/**
 * Batches of texts. For training they are drawn at random, as in the paper, and their size never changes: the last one
 * of an epoch is filled up with missing texts of weight 0. Their tokens are packed (packing.ts); with `padToMax` each
 * sequence is padded to the longest input instead, which computes the same and is the oracle of the tests.
 */
import type { ClassifierShape } from "../bert/classifier.ts";
import { Random } from "../random.ts";
import { firstFit, fittingSize, type PackedSize, packedSizes, roundUp } from "./packing.ts";
import type { AddedIds } from "./sequence_tensors.ts";
import { type LabelWeights, weightsOf } from "./step_batches.ts";
import { countTokens, type EncodedExample, sequenceLengths, textTensors } from "./text_tensors.ts";
import type { StepBatch } from "./step.ts";

/** The options of {@linkcode trainingBatches} and {@linkcode evaluationBatches}. */
export interface BatchOptions {
  /** B: texts of a training batch, or most texts of the longest length in an evaluation batch. */
  readonly batchSize: number;
  /** Ids of the tokens that are added. */
  readonly tokenizerIds: AddedIds;
  /** Longest sequence, with [CLS] and [SEP]. */
  readonly maxLength: number;
  /** `true` to pad each sequence to `maxLength`. */
  readonly padToMax?: boolean;
  /** Texts of one pass, a divisor of the batch size; all if not given. */
  readonly passSize?: number;
  /** Devices that share each pass; 1 if not given. */
  readonly devices?: number;
  /** `true` for few large shapes in an evaluation; otherwise lists stay small, as memory that is in the cache is faster. */
  readonly fewLargeShapes?: boolean;
  /** [C] the weight of a class's texts in the loss; all alike if not given. */
  readonly classWeights?: readonly number[];
  /** C, only where a text may have several labels. */
  readonly multiLabel?: number;
  /** Weights of such labels in the loss; all alike if not given. */
  readonly labelWeights?: LabelWeights;
}

/** A batch as a step takes it, and whose texts it has. */
export interface TextBatch extends StepBatch {
  /** Of a pass. */
  readonly shape: ClassifierShape;
  /** `EncodedExample.index` of each text of the passes; −1 for a missing one. */
  readonly indices: Int32Array;
}

/** Batches that are made when they are asked for. */
export interface LazyBatches<Made> extends Iterable<Made> {
  /** Number of batches. */
  readonly length: number;
  /** The batch at a place (from 0), whichever were made before it, so that a resumed epoch can go on in its middle. */
  at(place: number): Made;
}

/** The sizes that a model's operations grow with, padding and missing texts included. */
export interface Computed {
  readonly texts: number;
  /** K of each text. */
  readonly sequences: number;
  readonly tokens: number;
  /** Pairs of places, R·T² of the rows of attention. */
  readonly pairs: number;
}

/** Batches of texts with their shapes, without making them. */
export interface TextBatches extends LazyBatches<TextBatch> {
  /** Shapes of a pass of each batch. */
  readonly shapes: readonly ClassifierShape[];
  /** Sums over all passes of all batches. */
  readonly computed: Computed;
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

/**
 * The batches of epochs, with each example once in each.
 *
 * @param keys of the epochs: an epoch's order is a function of its key
 */
export function trainingBatches(
  examples: readonly EncodedExample[],
  options: BatchOptions,
  keys: readonly number[],
): TextBatches[] {
  check(examples, options);
  const { batchSize, padToMax, maxLength, passSize = batchSize, devices = 1 } = options;
  const epochs = keys.map((key) =>
    chunks(new Random(key).shuffle(examples), batchSize).map((batch) => {
      const lists = evenly(batch, batchSize * devices / passSize, countTokens);
      return {
        texts: lists.flatMap((texts) => filled(texts, passSize / devices)),
        lengths: lists.map(lengthsOf),
      };
    })
  );
  const common = { B: passSize, ...commonShape(examples, options) };
  const sizes = padToMax ? [] : packedSizes(epochs.flat().flatMap(({ lengths }) => lengths));
  return epochs.map((groups) =>
    batchesOf(
      groups.map(({ texts, lengths }) => ({
        texts,
        shape: padToMax
          ? { ...common, T: maxLength }
          : { ...common, ...shared(fittingSize(lengths, sizes), devices) },
      })),
      options,
    )
  );
}

/** Tokens of a device's list in an evaluation, at least. */
const evaluationTokens = 2048;

/** Shares of such a list, of which the last list takes the smallest that it fits. */
const shares = [1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4, 7 / 8, 1];

/**
 * Batches of as many texts as a list of tokens holds, with each example once. Where texts differ much in length, long and
 * short ones are apart, since attention computes all pairs of a row's places: a text is in rows of the least of 64, 80,
 * 96, 112, 128, 160, … places that it fits (four to each doubling; with few large shapes 64, 128, 256, …).
 */
export function evaluationBatches(examples: readonly EncodedExample[], options: BatchOptions): TextBatches {
  check(examples, options);
  const { batchSize, maxLength, padToMax, devices = 1, fewLargeShapes = false } = options;
  const common = commonShape(examples, options);
  if (padToMax) {
    const B = Math.ceil(Math.min(batchSize, Math.max(1, examples.length)) / devices) * devices;
    const groups = chunks(examples, B).map((texts) => ({
      texts: filled(texts, B),
      shape: { B, ...common, T: maxLength },
    }));
    return batchesOf(groups, options);
  }
  const groups = byRowLength(examples, fewLargeShapes ? 1 : 4).flatMap(({ T, texts }) => {
    const longest = fewLargeShapes ? batchSize : Math.min(batchSize, 8);
    const S = roundUp(Math.max(evaluationTokens, longest * T / devices, common.K * T), 16);
    const room = { S, R: Math.ceil(4 * S / (3 * T)), T, texts: Math.ceil(S / 8) };
    const lists = fill(texts, room);
    const most = { ...room, R: rowsOf(lists, room), texts: textsOf(lists) };
    return chunks(lists, devices).map((ofDevices) => {
      const each = Array.from({ length: devices }, (_, device) => ofDevices[device] ?? []);
      const needed = textsOf(each);
      const fits = shares.map((share) => shareOf(most, share, needed))
        .find((size) => each.every((list) => fitsIn(list, size)))!;
      const B = fits.texts * devices;
      return {
        texts: each.flatMap((list) => filled(list, fits.texts)),
        shape: { B, ...common, ...shared(fits, devices) },
      };
    });
  });
  return batchesOf(groups, options);
}

type Texts = readonly (EncodedExample | undefined)[];
type ListSize = PackedSize & { readonly texts: number };

/**
 * Texts by the length of the rows that they are packed in; few of one length go with the longer ones.
 *
 * @param steps lengths for each doubling, from 64 on
 */
function byRowLength(
  examples: readonly EncodedExample[],
  steps: number,
): { T: number; texts: EncodedExample[] }[] {
  const longest = examples.map((example) => Math.max(...sequenceLengths(example)));
  const top = roundUp(longest.reduce((a, b) => Math.max(a, b), 1), 16);
  const lengths = [64];
  while (lengths.at(-1)! < top) {
    lengths.push(lengths.at(-1)! + 2 ** Math.floor(Math.log2(lengths.at(-1)!)) / steps);
  }
  lengths.push(Math.min(top, lengths.pop()!));
  const groups = lengths.map((T, i) => ({
    T,
    texts: examples.filter((_, at) => longest[at]! <= T && longest[at]! > (lengths[i - 1] ?? 0)),
  }));
  for (let i = 0; i + 1 < groups.length; i++) {
    const tokens = groups[i]!.texts.reduce((sum, text) => sum + countTokens(text), 0);
    if (tokens < evaluationTokens) groups[i + 1]!.texts.unshift(...groups[i]!.texts.splice(0));
  }
  return groups.filter(({ texts }) => texts.length > 0);
}

/** Lists of texts, one after another, each as full as it gets. */
function fill(texts: readonly EncodedExample[], size: ListSize): EncodedExample[][] {
  const lists: EncodedExample[][] = [];
  let left = 0;
  let rows: number[] = [];
  for (const text of texts) {
    const lengths = sequenceLengths(text);
    const tokens = lengths.reduce((sum, length) => sum + length, 0);
    const list = lists.at(-1);
    const tried = list && tokens <= left && list.length < size.texts
      ? placed(rows, lengths, size)
      : undefined;
    if (list && tried) {
      list.push(text);
      rows = tried;
      left -= tokens;
    } else {
      lists.push([text]);
      rows = placed([], lengths, size)!;
      left = size.S - tokens;
    }
  }
  return lists;
}

/** What is left in the rows after these sequences, each in the first row with room; undefined if there are too few rows. */
function placed(
  rows: readonly number[],
  lengths: readonly number[],
  { R, T }: PackedSize,
): number[] | undefined {
  const left = [...rows];
  for (const length of lengths) {
    const row = left.findIndex((room) => room >= length);
    if (row >= 0) left[row]! -= length;
    else if (left.push(T - length) > R) return undefined;
  }
  return left;
}

/** The rows of the list that needs most, in steps of a sixteenth, so that other texts of such lengths have the same shape. */
function rowsOf(lists: readonly (readonly EncodedExample[])[], { S, T }: ListSize): number {
  const rows = lists.map((list) => firstFit(lengthsOf(list), T).length);
  return roundUp(rows.reduce((most, each) => Math.max(most, each), Math.ceil(S / T)), Math.ceil(S / T / 16));
}

/** The texts of the fullest list, as a power of two, so that other texts of such lengths have the same shape. */
function textsOf(lists: readonly (readonly EncodedExample[])[]): number {
  return 2 ** Math.ceil(Math.log2(lists.reduce((most, list) => Math.max(most, list.length), 1)));
}

/** A share of a list's size, with room for the last texts; all of it is the size itself. */
function shareOf(most: ListSize, share: number, texts: number): ListSize {
  if (share === 1) return most;
  return { S: roundUp(most.S * share, 16), R: Math.ceil(most.R * share), T: most.T, texts };
}

function fitsIn(list: readonly EncodedExample[], { S, R, T, texts }: ListSize): boolean {
  const lengths = lengthsOf(list);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  return list.length <= texts && tokens <= S && firstFit(lengths, T).length <= R;
}

/** A list's size as a part of the batch's shape. */
function shared({ S, R, T }: PackedSize, devices: number): Pick<ClassifierShape, "S" | "R" | "T"> {
  return { S: S * devices, R: R * devices, T };
}

function commonShape(
  examples: readonly EncodedExample[],
  { multiLabel: C }: Pick<BatchOptions, "multiLabel">,
): Pick<ClassifierShape, "K" | "pairs" | "C"> {
  const K = examples.reduce((largest, { pieces }) => Math.max(largest, pieces.length), 1);
  return {
    K,
    ...examples.some(({ second }) => second) ? { pairs: true } as const : {},
    ...C === undefined ? {} : { C },
  };
}

function lengthsOf(texts: Texts): number[] {
  return texts.flatMap((text) => text ? sequenceLengths(text) : []);
}

function filled(texts: Texts, size: number): Texts {
  return [...texts, ...new Array<undefined>(size - texts.length).fill(undefined)];
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
    const longest = Math.max(...sequenceLengths(example));
    if (longest > maxLength) {
      throw new RangeError(
        `Expected pieces of at most ${maxLength - added} wordpieces, found ${
          longest - added
        } in example ${index}`,
      );
    }
  }
}

/**
 * Items in so many lists of like sums, each of as many items: the largest first, to each list in turn and back again.
 * One list keeps their order.
 */
export function evenly<Item>(
  items: readonly Item[],
  lists: number,
  sizeOf: (item: Item) => number,
): Item[][] {
  if (lists === 1) return [[...items]];
  const made = Array.from({ length: lists }, (): Item[] => []);
  items.toSorted((a, b) => sizeOf(b) - sizeOf(a)).forEach((item, i) => {
    const [round, place] = [Math.floor(i / lists), i % lists];
    made[round % 2 === 0 ? place : lists - 1 - place]!.push(item);
  });
  return made;
}

/** Consecutive pieces of `size` items each, of which the last may have fewer. */
export function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from(
    { length: Math.ceil(items.length / size) },
    (_, i) => items.slice(i * size, (i + 1) * size),
  );
}

/** The batches of groups of texts, with the shape of a pass. */
function batchesOf(
  groups: readonly { readonly texts: Texts; readonly shape: ClassifierShape }[],
  options: BatchOptions,
): TextBatches {
  const { tokenizerIds, devices } = options;
  const make = (place: number): TextBatch => {
    const { texts, shape } = groups[place]!;
    const sum = texts.flatMap((text) => weightsOf(text, options)).reduce((sum, weight) => sum + weight, 0);
    const real = texts.filter((text) => text !== undefined);
    return {
      shape,
      parts: chunks(texts, shape.B).map((own) => {
        const weights = Float32Array.from(
          own.flatMap((text) => weightsOf(text, options)),
          (weight) => weight / sum,
        );
        return textTensors(own, shape, { ids: tokenizerIds, weights, devices });
      }),
      examples: real.length,
      tokens: real.reduce((sum, text) => sum + countTokens(text), 0),
      indices: Int32Array.from(texts, (text) => text?.index ?? -1),
    };
  };
  const sum = (ofPass: (shape: ClassifierShape) => number) =>
    groups.reduce((sum, { texts, shape }) => sum + texts.length / shape.B * ofPass(shape), 0);
  const computed = {
    texts: sum(({ B }) => B),
    sequences: sum(({ B, K }) => B * K),
    tokens: sum(({ B, K, T, S }) => S ?? B * K * T),
    pairs: sum(({ B, K, T, R }) => (R ?? B * K) * T ** 2),
  };
  return { ...lazyBatches(groups.length, make), shapes: groups.map(({ shape }) => shape), computed };
}
