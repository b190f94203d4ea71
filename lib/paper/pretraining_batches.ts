/**
 * Batches of pre-training: examples of segments (segments.ts) with masked words (masked_words.ts), [CLS] A [SEP] B [SEP].
 * Pairs and masks are drawn anew for each epoch, from the key, the epoch and the place alone.
 */
import type { PreTrainingShape } from "../bert/pretraining.ts";
import { InputError } from "../errors.ts";
import { fold, Random } from "../random.ts";
import { groupsOfLikeLengths, type LazyBatches, lazyBatches, paddedLength } from "../training/batches.ts";
import { type MaskingOptions, masksOf, maskWords } from "./masked_words.ts";
import { type Documents, planSegments, type SegmentPlan } from "./segments.ts";

/** The options of {@linkcode preTrainingEpoch} and {@linkcode heldOutBatches}. */
export interface PreTrainingOptions extends MaskingOptions {
  /** B of every batch. */
  readonly batchSize: number;
  /** All that is drawn is a function of it, the epoch and the place. */
  readonly key: number;
  /** Largest T, with [CLS] and [SEP]; 128 if not given. */
  readonly maxLength?: number;
  /** Share of documents that are cut into shorter examples; .1 if not given. */
  readonly shortShare?: number;
  /** Pairs for next-sentence prediction; if false, single segments. True if not given. */
  readonly nextSentence?: boolean;
}

/** B examples, ready for a pre-training step. */
export interface PreTrainingBatch {
  /** [B*T] [CLS] A [SEP] B [SEP] padding, masked. */
  readonly ids: Int32Array;
  /** [B*T] 1 = token, 0 = padding. */
  readonly mask: Int32Array;
  /** [B*T] 1 in B and its [SEP], else 0. */
  readonly typeIds: Int32Array;
  /** [B*P] places t of masked tokens in their example, increasing; 0 where there are no more. */
  readonly positions: Int32Array;
  /** [B*P] the tokens that were there; 0 where there are no more. */
  readonly mlmLabels: Int32Array;
  /** [B*P] 1 = masked token, 0 = padding. */
  readonly mlmWeights: Float32Array;
  /** [B] 0 = B follows A, 1 = B is random, as in Hugging Face's BertForPreTraining; 0 without pairs. */
  readonly nspLabels: Int32Array;
  /** B, T and P of the arrays; P is a function of T. */
  readonly shape: PreTrainingShape;
  /** Examples, B: the last batch is filled up with the epoch's first examples. */
  readonly examples: number;
  /** Tokens with [CLS] and [SEP], without padding. */
  readonly tokens: number;
}

/** Batches that are made when they are asked for. */
export interface PreTrainingBatches extends LazyBatches<PreTrainingBatch> {
  /** The number of different examples. */
  readonly examples: number;
  /** Shapes of all batches, without making them. */
  readonly shapes: readonly PreTrainingShape[];
}

type Settings = PreTrainingOptions & { readonly maxLength: number };

/** A number for each thing that is drawn, with which the key is folded. */
const draw = { segments: 1, order: 2, masks: 3, heldOut: 4, shuffled: 5 } as const;

/** Batches in a window within which examples are sorted by length. */
const window = 50;

/**
 * The batches of an epoch: its examples in an order that is a function of the key and the epoch.
 *
 * @throws InputError when there is no document.
 */
export function preTrainingEpoch(
  documents: Documents,
  options: PreTrainingOptions,
  epoch: number,
): PreTrainingBatches {
  return batchesOf(documents, options, fold(options.key, epoch));
}

/**
 * A fixed evaluation set with fixed masks, drawn with another key than any epoch's.
 *
 * @param documents documents that are not trained on
 * @param count examples, or as many as there are, rounded down to whole batches; one batch at least
 * @throws InputError when there is no document.
 */
export function heldOutBatches(
  documents: Documents,
  options: PreTrainingOptions,
  count: number,
): PreTrainingBatches {
  if (!(count >= 1)) throw new RangeError(`Expected at least 1 held-out example, found ${count}`);
  return batchesOf(documents, options, fold(options.key, 0, draw.heldOut), count);
}

/** The same batches with the wordpieces of each row that are neither special nor masked in random order. */
export function withShuffledContext(
  batches: PreTrainingBatches,
  { tokenizerIds, key }: Pick<PreTrainingOptions, "tokenizerIds" | "key">,
): PreTrainingBatches {
  const specials = new Set(Object.values(tokenizerIds));
  const make = (place: number): PreTrainingBatch => {
    const batch = batches.at(place);
    const ids = batch.ids.slice();
    const { B, T, P } = batch.shape;
    for (let b = 0; b < B; b++) {
      const places = batch.positions.subarray(b * P, (b + 1) * P);
      const masked = new Set(places.filter((_, p) => batch.mlmWeights[b * P + p]! > 0));
      const context = Array.from({ length: T }, (_, t) => t)
        .filter((place) => !masked.has(place) && !specials.has(ids[b * T + place]!))
        .map((place) => b * T + place);
      const shuffled = new Random(fold(key, draw.shuffled, place, b)).shuffle(context);
      context.forEach((token, i) => ids[token] = batch.ids[shuffled[i]!]!);
    }
    return { ...batch, ids };
  };
  return { ...batches, ...lazyBatches(batches.length, make) };
}

/** The batches of what is drawn by a key: all examples, or whole batches of `count` of them. */
function batchesOf(
  documents: Documents,
  options: PreTrainingOptions,
  key: number,
  count?: number,
): PreTrainingBatches {
  const { batchSize: B, maxLength = 128, shortShare = .1, nextSentence = true } = options;
  const settings = { ...options, maxLength };
  check(documents, settings);
  const plan = planSegments(documents, { maxLength, shortShare, nextSentence }, fold(key, draw.segments));
  const all = new Random(fold(key, draw.order)).shuffle(Array.from(plan.startA.keys()));
  const wanted = Math.min(count ?? all.length, all.length);
  const order = count === undefined ? all : all.slice(0, Math.max(B, wanted - wanted % B));
  const filled = [...order];
  while (filled.length % B !== 0) filled.push(order[filled.length % order.length]!);

  const lengths = plan.startA.map((_, example) => tokensOf(plan, example));
  const longestFirst = (a: number, b: number) => lengths[b]! - lengths[a]!;
  const random = new Random(fold(key, draw.order, 1));
  const groups = groupsOfLikeLengths(filled, { batchSize: B, window, longestFirst }, random);
  const shapes = groups.map((group): PreTrainingShape => {
    const T = paddedLength(Math.max(...group.map((example) => lengths[example]!)), settings);
    return { B, T, P: masksOf(T, settings) };
  });
  const make = (place: number) =>
    makeBatch(documents, plan, groups[place]!, shapes[place]!, settings, fold(key, draw.masks));
  return { ...lazyBatches(groups.length, make), examples: order.length, shapes };
}

function check({ documents }: Documents, settings: Settings): void {
  const { batchSize, maxLength, vocabSize, tokenizerIds, maxMasks = 20 } = settings;
  const atLeast = (least: number, values: Record<string, number>) => {
    for (const [name, value] of Object.entries(values)) {
      if (Number.isInteger(value) && value >= least) continue;
      throw new RangeError(`Expected ${name} to be a whole number of at least ${least}, found ${value}`);
    }
  };
  atLeast(1, { batchSize, maxMasks });
  atLeast(5, { maxLength });
  atLeast(Object.keys(tokenizerIds).length + 1, { vocabSize });
  if (documents.length < 2) {
    throw new InputError("Cannot make pre-training examples: expected texts with words in them, found none");
  }
}

/** Tokens of a planned example, with [CLS] and each [SEP]. */
function tokensOf({ startA, endA, startB, endB }: SegmentPlan, example: number): number {
  const lengthB = endB[example]! - startB[example]!;
  return 2 + endA[example]! - startA[example]! + (lengthB > 0 ? lengthB + 1 : 0);
}

function makeBatch(
  { pieces }: Documents,
  plan: SegmentPlan,
  group: readonly number[],
  shape: PreTrainingShape,
  settings: Settings,
  key: number,
): PreTrainingBatch {
  const { B, T, P } = shape;
  const { cls, sep, pad } = settings.tokenizerIds;
  const batch = {
    ids: new Int32Array(B * T).fill(pad),
    mask: new Int32Array(B * T),
    typeIds: new Int32Array(B * T),
    positions: new Int32Array(B * P),
    mlmLabels: new Int32Array(B * P),
    mlmWeights: new Float32Array(B * P),
    nspLabels: new Int32Array(B),
    shape,
    examples: B,
    tokens: 0,
  };
  group.forEach((example, b) => {
    const tokens = tokensOf(plan, example);
    const segmentA = pieces.subarray(plan.startA[example], plan.endA[example]);
    const segmentB = pieces.subarray(plan.startB[example], plan.endB[example]);
    const middle = 2 + segmentA.length; // of [CLS] A [SEP]
    const row = batch.ids.subarray(b * T, b * T + tokens);
    row[0] = cls;
    row.set(segmentA, 1);
    row[middle - 1] = sep;
    if (tokens > middle) {
      row.set(segmentB, middle);
      row[tokens - 1] = sep;
      batch.typeIds.fill(1, b * T + middle, b * T + tokens);
    }
    batch.mask.fill(1, b * T, b * T + tokens);
    batch.nspLabels[b] = plan.isRandom[example]!;
    batch.tokens += tokens;
    maskWords(row, settings, new Random(fold(key, example))).forEach(([place, label], p) => {
      batch.positions[b * P + p] = place;
      batch.mlmLabels[b * P + p] = label;
      batch.mlmWeights[b * P + p] = 1;
    });
  });
  return batch;
}
