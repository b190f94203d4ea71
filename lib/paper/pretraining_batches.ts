/**
 * Batches of pre-training: examples of segments (segments.ts) with masked words (masked_words.ts), [CLS] A [SEP] B [SEP].
 * Pairs and masks are drawn anew for each epoch, from the key, the epoch and the place alone.
 */
import type { PreTrainingShape } from "../bert/pretraining.ts";
import { InputError } from "../errors.ts";
import { fold, Random } from "../random.ts";
import { chunks, evenly, type LazyBatches, lazyBatches } from "../training/batches.ts";
import { fittingSize, type PackedSize, packedSizes } from "../training/packing.ts";
import { type Sequence, sequence } from "../training/sequence_tensors.ts";
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
  /** Devices that share each batch; 1 if not given. */
  readonly devices?: number;
  /** The sizes of a device's list of tokens; those that the epoch itself needs if not given. */
  readonly sizes?: readonly PackedSize[];
}

/** A sequence with masked words. */
export interface MaskedSequence extends Sequence {
  /** Masked places, increasing, and the tokens that were there. */
  readonly masked: readonly (readonly [place: number, label: number])[];
  /** 0 = the second segment follows the first, 1 = it is random, as in Hugging Face's BertForPreTraining; 0 without pairs. */
  readonly nspLabel: number;
}

/** B examples, ready for a pre-training step. */
export interface PreTrainingBatch {
  /** [B] [CLS] A [SEP] B [SEP], masked. */
  readonly sequences: readonly MaskedSequence[];
  /** B and P, and the size of the list that they are packed in. */
  readonly shape: PreTrainingShape;
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

/** T at most, if nothing is said. */
const defaultLength = 128;

/** A number for each thing that is drawn, with which the key is folded. */
const draw = { segments: 1, order: 2, masks: 3, heldOut: 4, shuffled: 5 } as const;

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

/** The sizes of a device's list for all epochs, from those that the first one needs. */
export function pretrainingSizes(documents: Documents, options: PreTrainingOptions): PackedSize[] {
  const { batchSize, maxLength = defaultLength, devices = 1 } = options;
  const { lists } = drawn(documents, options, fold(options.key, 0));
  return packedSizes(lists.flat(), { sequences: batchSize / devices, longest: maxLength });
}

/** The same batches with the wordpieces of each sequence that are neither special nor masked in random order. */
export function withShuffledContext(
  batches: PreTrainingBatches,
  { tokenizerIds, key }: Pick<PreTrainingOptions, "tokenizerIds" | "key">,
): PreTrainingBatches {
  const specials = new Set(Object.values(tokenizerIds));
  const make = (place: number): PreTrainingBatch => {
    const batch = batches.at(place);
    const sequences = batch.sequences.map((sequence, b) => {
      const masked = new Set(sequence.masked.map(([place]) => place));
      const context = [...sequence.ids.keys()]
        .filter((place) => !masked.has(place) && !specials.has(sequence.ids[place]!));
      const shuffled = new Random(fold(key, draw.shuffled, place, b)).shuffle(context);
      const ids = sequence.ids.slice();
      context.forEach((token, i) => ids[token] = sequence.ids[shuffled[i]!]!);
      return { ...sequence, ids };
    });
    return { ...batch, sequences };
  };
  return { ...batches, ...lazyBatches(batches.length, make) };
}

/** The examples of a key, in groups of a batch, and the lengths of the sequences of each device's list. */
function drawn(documents: Documents, options: PreTrainingOptions, key: number, count?: number) {
  const { batchSize: B, maxLength = defaultLength, shortShare = .1, nextSentence = true } = options;
  const { devices = 1 } = options;
  check(documents, options);
  const plan = planSegments(documents, { maxLength, shortShare, nextSentence }, fold(key, draw.segments));
  const all = new Random(fold(key, draw.order)).shuffle(Array.from(plan.startA.keys()));
  const wanted = Math.min(count ?? all.length, all.length);
  const order = count === undefined ? all : all.slice(0, Math.max(B, wanted - wanted % B));
  const filled = [...order];
  while (filled.length % B !== 0) filled.push(order[filled.length % order.length]!);
  const lengths = plan.startA.map((_, example) => tokensOf(plan, example));
  const groups = chunks(filled, B)
    .map((group) => evenly(group, devices, (example) => lengths[example]!).flat());
  const lists = groups.map((group) => chunks(group.map((example) => lengths[example]!), B / devices));
  return { plan, examples: order.length, groups, lists };
}

/** The batches of what is drawn by a key: all examples, or whole batches of `count` of them. */
function batchesOf(
  documents: Documents,
  options: PreTrainingOptions,
  key: number,
  count?: number,
): PreTrainingBatches {
  const { batchSize: B, maxLength = defaultLength, devices = 1 } = options;
  const { plan, examples, groups, lists } = drawn(documents, options, key, count);
  const sizes = options.sizes ?? packedSizes(lists.flat());
  const P = masksOf(maxLength, options);
  const shapes = lists.map((lists): PreTrainingShape => {
    const { S, R, T } = fittingSize(lists, sizes);
    return { B, P, S: S * devices, R: R * devices, T };
  });
  const make = (place: number): PreTrainingBatch => ({
    sequences: groups[place]!.map((example) =>
      maskedSequence(documents, plan, example, options, fold(key, draw.masks))
    ),
    shape: shapes[place]!,
    tokens: lists[place]!.flat().reduce((sum, length) => sum + length, 0),
  });
  return { ...lazyBatches(groups.length, make), examples, shapes };
}

function check({ documents }: Documents, options: PreTrainingOptions): void {
  const { batchSize, maxLength = defaultLength, vocabSize, tokenizerIds, maxMasks = 20 } = options;
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

function maskedSequence(
  { pieces }: Documents,
  { startA, endA, startB, endB, isRandom }: SegmentPlan,
  example: number,
  options: PreTrainingOptions,
  key: number,
): MaskedSequence {
  const second = pieces.subarray(startB[example], endB[example]);
  const own = sequence(
    pieces.subarray(startA[example], endA[example]),
    second.length > 0 ? second : undefined,
    options.tokenizerIds,
  );
  const masked = maskWords(own.ids, options, new Random(fold(key, example)));
  return { ...own, masked, nspLabel: isRandom[example]! };
}
