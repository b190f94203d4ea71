/** Padded sequences in packed form. */
import { firstFit, pack } from "../../lib/training/packing.ts";
import type { HostTensor, HostTensors } from "../../lib/tensors.ts";

/** Sequences that were padded, packed. */
export interface Packed {
  /** The size of their list and their rows. */
  readonly shape: { readonly S: number; readonly R: number; readonly T: number };
  /** ids, type_ids, positions, places, tokens, sequences, starts. */
  readonly tensors: HostTensors;
  /** Where each real token stood among the padded B · T. */
  readonly padded: readonly number[];
}

/**
 * Packs ids, mask and, where there are any, type_ids [B, T] whose padding is at the end: in rows of twice the length,
 * one of them empty, with a few tokens of padding at the list's end.
 */
export function packedOf({ ids, mask, type_ids: types }: HostTensors): Packed {
  const [B, T] = ids!.shape as [number, number];
  const lengths = Array.from(
    { length: B },
    (_, b) => Array.from(mask!.data.subarray(b * T, (b + 1) * T)).filter((one) => one === 1).length,
  );
  const padded = lengths.flatMap((length, b) => Array.from({ length }, (_, t) => b * T + t));
  const shape = { S: padded.length + 5, R: firstFit(lengths, 2 * T).length + 1, T: 2 * T };
  const { S, R } = shape;
  const { starts, tokens, places, sequences } = pack(lengths, shape);
  const int32 = (data: Iterable<number>, ...shape: number[]): HostTensor => ({
    shape,
    data: Int32Array.from(data),
  });
  const inList = (value: (place: number) => number) =>
    int32(Array.from({ length: S }, (_, s) => s < padded.length ? value(padded[s]!) : 0), S);
  return {
    shape,
    tensors: {
      ids: inList((place) => ids!.data[place]!),
      ...types && { type_ids: inList((place) => types.data[place]!) },
      positions: inList((place) => place % T),
      places: int32(places, S),
      tokens: int32(tokens, R, 2 * T),
      sequences: int32(sequences, R, 2 * T),
      starts: int32(starts, B),
    },
    padded,
  };
}

/** Of states [B, T, H] those of the real tokens, as a packed list has them. */
export function statesOf({ data, shape }: HostTensor, padded: readonly number[]): number[] {
  const H = shape.at(-1)!;
  return padded.flatMap((place) => Array.from(data.subarray(place * H, (place + 1) * H)));
}
