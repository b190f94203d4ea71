/** Texts with their labels as the tensors that a classifier's step is fed with. */
import type { ClassifierShape } from "../bert/classifier.ts";
import type { HostTensors } from "../tensors.ts";
import { type AddedIds, sequence, sequenceTensors } from "./sequence_tensors.ts";

/** A text as wordpieces: one sequence, several fractions of a long text, or a pair, without [CLS] and [SEP]. */
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

/** Tokens of each sequence of a text, with [CLS] and each [SEP]. */
export function sequenceLengths({ pieces, second }: EncodedExample): number[] {
  return pieces.map(({ length }) => 2 + length + (second ? second.length + 1 : 0));
}

/** Tokens of a text, with [CLS] and each [SEP]. */
export function countTokens(example: EncodedExample): number {
  return sequenceLengths(example).reduce((sum, length) => sum + length, 0);
}

/**
 * The tensors of B texts; one that is missing is empty.
 *
 * @param weights [B] of the texts in the loss
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
  const { B, K } = shape;
  const fractionMask = new Float32Array(B * K);
  texts.forEach((text, b) => fractionMask.fill(1, b * K, b * K + (text?.pieces.length ?? 1)));
  const sequences = texts.flatMap((text) =>
    Array.from({ length: K }, (_, k) => text?.pieces[k] && sequence(text.pieces[k], text.second, ids))
  );
  return {
    ...sequenceTensors(sequences, shape, ids.pad, devices).tensors,
    ...K > 1 ? { fraction_mask: { shape: [B, K], data: fractionMask } } : {},
    labels: { shape: [B], data: Int32Array.from(texts, (text) => text?.label ?? 0) },
    weights: { shape: [B], data: weights },
  };
}
