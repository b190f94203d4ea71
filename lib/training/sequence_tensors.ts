/** Sequences of wordpieces as the tensors that a step is fed with: packed, or padded to one length. */
import type { SequenceShape } from "../bert/feeds.ts";
import type { HostTensor, HostTensors } from "../tensors.ts";
import { pack } from "./packing.ts";

/** Ids of the tokens that are added. */
export interface AddedIds {
  readonly cls: number;
  readonly sep: number;
  readonly pad: number;
}

/** A sequence with its [CLS] and [SEP]. */
export interface Sequence {
  readonly ids: Int32Array;
  /** Where the second segment begins; the end if there is none. */
  readonly second: number;
}

/** Makes [CLS] first [SEP], or of a pair [CLS] first [SEP] second [SEP]. */
export function sequence(
  first: Int32Array,
  second: Int32Array | undefined,
  { cls, sep }: AddedIds,
): Sequence {
  const middle = first.length + 2;
  const ids = new Int32Array(middle + (second ? second.length + 1 : 0)).fill(sep);
  ids[0] = cls;
  ids.set(first, 1);
  if (second) ids.set(second, middle);
  return { ids, second: middle };
}

/**
 * The tensors of P sequences, some of which may be missing, and where each begins: in its device's list, or in all
 * padded sequences. A missing one is read where a list begins.
 *
 * @param devices that share the sequences: each has its own list and rows, one after another
 */
export function sequenceTensors(
  sequences: readonly (Sequence | undefined)[],
  shape: SequenceShape,
  pad: number,
  devices = 1,
): { tensors: HostTensors; starts: Int32Array } {
  return shape.S === undefined ? padded(sequences, shape, pad) : packed(sequences, shape, pad, devices);
}

const int32 = (data: Int32Array, ...shape: number[]): HostTensor => ({ shape, data });

function padded(sequences: readonly (Sequence | undefined)[], { T, pairs }: SequenceShape, pad: number) {
  const P = sequences.length;
  const ids = new Int32Array(P * T).fill(pad);
  const mask = new Int32Array(P * T);
  const types = new Int32Array(P * T);
  sequences.forEach((sequence, p) => {
    const length = sequence?.ids.length ?? 1; // so that no attention is empty
    ids.set(sequence?.ids ?? [], p * T);
    mask.fill(1, p * T, p * T + length);
    types.fill(1, p * T + (sequence?.second ?? length), p * T + length);
  });
  return {
    tensors: {
      ids: int32(ids, P, T),
      ...pairs ? { type_ids: int32(types, P, T) } : {},
      mask: int32(mask, P, T),
    },
    starts: Int32Array.from(sequences, (_, p) => p * T),
  };
}

function packed(
  sequences: readonly (Sequence | undefined)[],
  { T, S = 0, R = 0, pairs }: SequenceShape,
  pad: number,
  devices: number,
) {
  const P = sequences.length;
  const size = { S: S / devices, R: R / devices, T };
  const ids = new Int32Array(S).fill(pad);
  const [positions, types, places] = [new Int32Array(S), new Int32Array(S), new Int32Array(S)];
  const [tokens, numbers] = [new Int32Array(R * T), new Int32Array(R * T)];
  const starts = new Int32Array(P);
  for (let device = 0; device < devices; device++) {
    const first = device * P / devices;
    const own = sequences.slice(first, first + P / devices);
    const packing = pack(own.map((sequence) => sequence?.ids.length ?? 0), size);
    places.set(packing.places, device * size.S);
    tokens.set(packing.tokens, device * size.R * T);
    numbers.set(packing.sequences, device * size.R * T);
    own.forEach((sequence, p) => {
      if (!sequence) return;
      const begin = starts[first + p] = packing.starts[p]!;
      const at = device * size.S + begin;
      const end = at + sequence.ids.length;
      ids.set(sequence.ids, at);
      types.fill(1, at + sequence.second, end);
      for (let t = at; t < end; t++) positions[t] = t - at;
    });
  }
  return {
    tensors: {
      ids: int32(ids, S),
      ...pairs ? { type_ids: int32(types, S) } : {},
      positions: int32(positions, S),
      places: int32(places, S),
      tokens: int32(tokens, R, T),
      sequences: int32(numbers, R, T),
      starts: int32(starts, P),
    },
    starts,
  };
}
