/**
 * Examples for further pre-training (section 5.4), by BERT's own recipe (create_pretraining_data.py of
 * google-research/bert): pairs of segments packed from sentences, half of them with a random second segment, 15 % of
 * the wordpieces masked. Pairs and masks are drawn anew for each epoch, from the key, the epoch and the place alone.
 */
import type { PreTrainingShape } from "../bert/pretraining.ts";
import { InputError } from "../errors.ts";
import { fold, Random } from "../random.ts";
import type { SpecialIds } from "../text/tokenizer.ts";
import { chunks, defaultLengths } from "../training/batches.ts";
import { type Documents, planSegments, type SegmentPlan } from "./segments.ts";

/** What {@link preTrainingEpoch} and {@link heldOutBatches} need to know. */
export interface PreTrainingOptions {
  /** B of every batch. */
  readonly batchSize: number;
  /** Ids of the special tokens: they are never masked, and never the random token in another's place. */
  readonly tokenizerIds: SpecialIds;
  /** V: random tokens are drawn from below it. */
  readonly vocabSize: number;
  /** All that is drawn is a function of it, the epoch and the place. */
  readonly key: number;
  /** Largest T, with [CLS] and [SEP]; 128 if not given. */
  readonly maxLength?: number;
  /** Share of documents that are cut into shorter examples; .1 if not given. */
  readonly shortShare?: number;
  /** Share of an example's tokens that are masked; .15 if not given. */
  readonly maskedShare?: number;
  /** Masked tokens of an example at most; 20 if not given. */
  readonly maxMasks?: number;
  /** [V] 1 = a piece inside a word ("##s"): words are masked as a whole; see {@link continuationPieces}. */
  readonly wholeWords?: Uint8Array;
  /** Pairs for next-sentence prediction; if false, single segments. True if not given. */
  readonly nextSentence?: boolean;
  /** Values that T may take below `maxLength`; 32, 64, 96, 128, 192, 256, 384, 512 if not given. */
  readonly lengths?: readonly number[];
  /** Always T = `maxLength`, and no sorting by length. */
  readonly padToMax?: boolean;
  /** Batches in a window within which examples are sorted by length; 50 if not given. */
  readonly window?: number;
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
export interface PreTrainingBatches extends Iterable<PreTrainingBatch> {
  /** How many batches. */
  readonly length: number;
  /** How many different examples. */
  readonly examples: number;
  /** Shapes of all batches, without making them. */
  readonly shapes: readonly PreTrainingShape[];
  /** The batch at a place (from 0), whichever were made before it. */
  at(place: number): PreTrainingBatch;
}

type Settings = ReturnType<typeof settingsOf>;

/** What the key is folded with: which random numbers are drawn. */
const draw = { segments: 1, order: 2, masks: 3, heldOut: 4, shuffled: 5 } as const;

/** [V] 1 = a piece inside a word, for `wholeWords`, from a vocabulary by id. */
export function continuationPieces(pieces: readonly string[]): Uint8Array {
  return Uint8Array.from(pieces, (piece) => piece.startsWith("##") ? 1 : 0);
}

/**
 * The batches of an epoch: its examples in an order that is a function of the key and the epoch.
 *
 * Unlike the recipe: random tokens are never special ones; [UNK] is not masked; a word that is masked as a whole does
 * not begin in A and end in B. A document of one sentence always gets a random B, as in the recipe.
 *
 * @throws InputError when there is no document.
 */
export function preTrainingEpoch(
  documents: Documents,
  options: PreTrainingOptions,
  epoch: number,
): PreTrainingBatches {
  const settings = settingsOf(documents, options);
  const key = fold(options.key, epoch);
  const plan = planSegments(documents, settings, fold(key, draw.segments));
  return batchesOf(documents, plan, orderOf(plan, key), settings, key);
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
  const settings = settingsOf(documents, options);
  const key = fold(options.key, 0, draw.heldOut);
  const plan = planSegments(documents, settings, fold(key, draw.segments));
  const order = orderOf(plan, key);
  const wanted = Math.min(count, order.length);
  const whole = Math.max(settings.batchSize, wanted - wanted % settings.batchSize);
  return batchesOf(documents, plan, order.slice(0, whole), settings, key);
}

/** The same batches with the wordpieces of each row that are neither special nor masked in random order. */
export function withShuffledContext(
  batches: PreTrainingBatches,
  { tokenizerIds, key }: Pick<PreTrainingOptions, "tokenizerIds" | "key">,
): PreTrainingBatches {
  const specials = new Set(Object.values(tokenizerIds));
  const at = (place: number): PreTrainingBatch => {
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
  return {
    ...batches,
    at,
    *[Symbol.iterator]() {
      for (let place = 0; place < batches.length; place++) yield at(place);
    },
  };
}

function settingsOf(documents: Documents, options: PreTrainingOptions) {
  const { maxLength = 128, shortShare = .1, maskedShare = .15, maxMasks = 20, nextSentence = true } = options;
  const { lengths = defaultLengths, padToMax = false, window = 50 } = options;
  const { batchSize, tokenizerIds, vocabSize } = options;
  const atLeast = (least: number, values: Record<string, number>) => {
    for (const [name, value] of Object.entries(values)) {
      if (Number.isInteger(value) && value >= least) continue;
      throw new RangeError(`Expected ${name} to be a whole number of at least ${least}, found ${value}`);
    }
  };
  const specials = Object.values(tokenizerIds);
  atLeast(1, { batchSize, maxMasks, window });
  atLeast(5, { maxLength });
  atLeast(specials.length + 1, { vocabSize });
  if (documents.documents.length < 2) {
    throw new InputError("Cannot make pre-training examples: expected texts with words in them, found none");
  }
  return {
    ...options,
    specials,
    maxLength,
    shortShare,
    maskedShare,
    maxMasks,
    nextSentence,
    lengths,
    padToMax,
    window,
  };
}

/** All examples of a plan in random order. */
function orderOf({ startA }: SegmentPlan, key: number): number[] {
  return new Random(fold(key, draw.order)).shuffle(Array.from(startA.keys()));
}

function batchesOf(
  documents: Documents,
  plan: SegmentPlan,
  order: readonly number[],
  settings: Settings,
  key: number,
): PreTrainingBatches {
  const { batchSize: B, window, padToMax } = settings;
  const filled = [...order];
  while (filled.length % B !== 0) filled.push(order[filled.length % order.length]!);
  const lengths = plan.startA.map((_, example) => tokensOf(plan, example));
  const random = new Random(fold(key, draw.order, 1));
  const groups = padToMax
    ? chunks(filled, B)
    : chunks(filled, window * B).flatMap((inWindow) =>
      random.shuffle(chunks(inWindow.sort((a, b) => lengths[b]! - lengths[a]!), B))
    );
  const shapes = groups.map((group) =>
    shapeOf(Math.max(...group.map((example) => lengths[example]!)), settings)
  );
  const at = (place: number) => {
    const group = groups[place];
    const shape = shapes[place];
    if (!group || !shape) throw new RangeError(`Expected a batch below ${groups.length}, found ${place}`);
    return makeBatch(documents, plan, group, shape, settings, fold(key, draw.masks));
  };
  return {
    length: groups.length,
    examples: order.length,
    shapes,
    at,
    *[Symbol.iterator]() {
      for (let place = 0; place < groups.length; place++) yield at(place);
    },
  };
}

/** Tokens of a planned example, with [CLS] and each [SEP]. */
function tokensOf({ startA, endA, startB, endB }: SegmentPlan, example: number): number {
  const lengthB = endB[example]! - startB[example]!;
  return 2 + endA[example]! - startA[example]! + (lengthB > 0 ? lengthB + 1 : 0);
}

/** How many tokens of an example are masked, rounded as in Python. */
function masksOf(tokens: number, { maskedShare, maxMasks }: Settings): number {
  const exact = tokens * maskedShare;
  const rounded = Math.round(exact);
  const toEven = rounded - exact === .5 && rounded % 2 === 1 ? rounded - 1 : rounded;
  return Math.min(maxMasks, Math.max(1, toEven));
}

function shapeOf(longest: number, settings: Settings): PreTrainingShape {
  const { batchSize: B, maxLength, lengths, padToMax } = settings;
  const T = padToMax ? maxLength : Math.min(maxLength, ...lengths.filter((length) => length >= longest));
  return { B, T, P: masksOf(T, settings) };
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
    maskRow(row, settings, new Random(fold(key, example))).forEach(([place, label], p) => {
      batch.positions[b * P + p] = place;
      batch.mlmLabels[b * P + p] = label;
      batch.mlmWeights[b * P + p] = 1;
    });
  });
  return batch;
}

/** create_masked_lm_predictions: masks a row in place; the masked places in order, with what was there. */
function maskRow(row: Int32Array, settings: Settings, random: Random): [place: number, label: number][] {
  const { tokenizerIds, vocabSize, wholeWords, specials } = settings;
  const words: number[][] = [];
  row.forEach((id, place) => {
    if (specials.includes(id)) return;
    const word = words.at(-1);
    if (wholeWords?.[id] && word?.at(-1) === place - 1) word.push(place);
    else words.push([place]);
  });
  const most = masksOf(row.length, settings);
  const masked: [place: number, label: number][] = [];
  for (const word of random.shuffle(words)) {
    if (masked.length + word.length > most) continue;
    for (const place of word) {
      masked.push([place, row[place]!]);
      if (random.uniform() < .8) row[place] = tokenizerIds.mask;
      else if (random.uniform() < .5) row[place] = randomToken(vocabSize, specials, random);
    }
  }
  return masked.sort(([a], [b]) => a - b);
}

function randomToken(vocabSize: number, specials: readonly number[], random: Random): number {
  let token = random.below(vocabSize);
  while (specials.includes(token)) token = random.below(vocabSize);
  return token;
}
