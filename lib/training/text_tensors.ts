/** Texts with their labels as the tensors that a classifier's step is fed with. */
import type { ClassifierShape } from "../bert/classifier.ts";
import type { HostTensor, HostTensors } from "../tensors.ts";
import { type AddedIds, sequence, sequenceTensors } from "./sequence_tensors.ts";

/** A text as wordpieces: one sequence, several fractions of a long text, or a pair, without [CLS] and [SEP]. */
export interface EncodedExample {
  /** Wordpieces of each fraction; of a pair those of the first text. */
  readonly pieces: readonly Int32Array[];
  /** Wordpieces of a pair's second text. */
  readonly second?: Int32Array;
  /** The class's place in `Dataset.labels`. */
  readonly label: number;
  /** The places of all its classes, only where a text may have several labels. */
  readonly classes?: readonly number[];
  /** The example's place in its split. */
  readonly index: number;
}

/** Tokens of each sequence of a text, with [CLS] and each [SEP]. */
export function sequenceLengths({ pieces, second }: EncodedExample): number[] {
  return pieces.map(({ length }) => 2 + length + (second ? second.length + 1 : 0));
}

/** Tokens of a text, with [CLS] and each [SEP]. */
export function countTokens(example: EncodedExample): number {
  return sequenceLengths(example).reduce((sum, length) => sum + length, 0);
}

/** The labels of B texts: [B] their classes, or, where a text may have several, [B, C] with 1 for each that it has. */
function labelTensor(texts: readonly (EncodedExample | undefined)[], { B, C }: ClassifierShape): HostTensor {
  if (C === undefined) return { shape: [B], data: Int32Array.from(texts, (text) => text?.label ?? 0) };
  const data = new Float32Array(B * C);
  texts.forEach((text, b) => text?.classes?.forEach((c) => data[b * C + c] = 1));
  return { shape: [B, C], data };
}

/**
 * The tensors of B texts; one that is missing is empty.
 *
 * @param weights [B] of the texts in the loss, or [B, C] of their labels
 * @param devices that share the texts: each has its own list and rows, one after another
 */
export function textTensors(
  texts: readonly (EncodedExample | undefined)[],
  shape: ClassifierShape,
  { ids, weights, devices = 1 }: {
    readonly ids: AddedIds;
    readonly weights: Float32Array;
    readonly devices?: number;
  },
): HostTensors {
  const { B, K, C } = shape;
  const fractionMask = new Float32Array(B * K);
  texts.forEach((text, b) => fractionMask.fill(1, b * K, b * K + (text?.pieces.length ?? 1)));
  const sequences = texts.flatMap((text) =>
    Array.from({ length: K }, (_, k) => text?.pieces[k] && sequence(text.pieces[k], text.second, ids))
  );
  return {
    ...sequenceTensors(sequences, shape, ids.pad, devices).tensors,
    ...K > 1 ? { fraction_mask: { shape: [B, K], data: fractionMask } } : {},
    labels: labelTensor(texts, shape),
    weights: { shape: C === undefined ? [B] : [B, C], data: weights },
  };
}
