/** The tensors that sequences are fed to a recorded step as. */
import type { Signature, Tensors } from "../graph/graph.ts";
import type { EncoderInput } from "./modules.ts";

/** The shape of P sequences: padded to T tokens, or packed in lists of S tokens and R rows of T places. */
export interface SequenceShape {
  /** Tokens of a padded sequence, or places of a packed row. */
  readonly T: number;
  /** Tokens of all devices' lists; absent if the sequences are padded. */
  readonly S?: number;
  /** Rows of all devices; absent if the sequences are padded. */
  readonly R?: number;
  /** `true` if there are segment ids; absent otherwise. */
  readonly pairs?: boolean;
}

/** Returns names, shapes and types of the tensors of P sequences. */
export function sequenceFeeds({ S, R, T, pairs }: SequenceShape, P: number): Record<string, Signature> {
  const int32 = (...shape: number[]): Signature => ({ shape, dtype: "int32" });
  const tokens = S === undefined ? int32(P, T) : int32(S);
  return {
    ids: tokens,
    ...pairs ? { type_ids: tokens } : {},
    ...S === undefined || R === undefined ? { mask: tokens } : {
      positions: tokens,
      places: tokens,
      tokens: int32(R, T),
      sequences: int32(R, T),
      starts: int32(P),
    },
  };
}

/** Returns the encoder's input among the tensors of a step. */
export function encoderInput(inputs: Tensors): EncoderInput {
  const { ids, type_ids: typeIds, mask, positions, places, tokens, sequences, starts } = inputs;
  if (mask) return { ids: ids!, typeIds, mask };
  const rows = { tokens: tokens!, places: places! };
  return { ids: ids!, typeIds, positions: positions!, rows, sequences: sequences!, starts: starts! };
}
