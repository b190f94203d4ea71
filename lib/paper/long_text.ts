/**
 * Long texts, paper section 5.3.1 and Table 2: BERT takes at most 512 tokens, so a longer text is cut (head-only,
 * tail-only, head+tail) or read in fractions whose states are pooled (hierarchical).
 *
 * The paper writes 510 = 512 − [CLS] − [SEP]; here the room is `maxLength − 2` for any maximum length.
 */
import * as tf from "@tensorflow/tfjs";
import type { HostTensors } from "../tensors.ts";
import { InputError } from "../errors.ts";
import { fold, Random } from "../random.ts";
import { having, requireArguments } from "../storage/arguments.ts";
import { either, number, object, optional, text, whole } from "../storage/json.ts";

/** A way to make one state of the states of a text's fractions. */
export type Pooling = "mean" | "max" | "self-attention";

/** Consecutive wordpieces that are kept of a text that is too long. */
export interface Stretch {
  /** Number of wordpieces. */
  readonly length: number;
  /** The share of all wordpieces left out that lies before them: 0 at the text's beginning, 1 at its end. */
  readonly after: number;
}

/** A way to read texts that are too long. */
export interface TextStrategy {
  /** The name on the command line, in records and in tables. */
  readonly name: string;
  /** A text's wordpieces as one or more sequences of at most `maxLength − 2`; an empty text is one empty sequence. */
  pieces(ids: Int32Array, maxLength: number): Int32Array[];
  /**
   * The stretches, in order, that are kept of a text of more than `room` wordpieces, together `room`; absent where it is
   * read in fractions.
   */
  readonly stretches?: (room: number) => readonly Stretch[];
  /** Pooling of the sequences' states; absent where there is always one sequence. */
  readonly pooling?: Pooling;
  /** The cap on the fractions, where there are several. */
  readonly maxFractions?: number;
}

/** Wordpieces beside [CLS] and [SEP]. */
function roomOf(maxLength: number): number {
  if (!Number.isInteger(maxLength) || maxLength < 4) {
    throw new RangeError(`Expected a whole maximum length of at least 4 tokens, found ${maxLength}`);
  }
  return maxLength - 2;
}

/** A strategy that keeps some stretches of a text that is too long, and all of one that is not. */
export function keepStretches(name: string, stretches: (room: number) => readonly Stretch[]): TextStrategy {
  return {
    name,
    stretches,
    pieces: (ids, maxLength) => {
      const room = roomOf(maxLength);
      if (ids.length <= room) return [ids];
      const kept = new Int32Array(room);
      let place = 0;
      for (const { length, after } of stretches(room)) {
        const start = place + Math.floor(after * (ids.length - room));
        kept.set(ids.subarray(start, start + length), place);
        place += length;
      }
      return [kept];
    },
  };
}

/** head-only: the first 510 wordpieces. */
export function head(): TextStrategy {
  return keepStretches("head", (room) => [{ length: room, after: 0 }]);
}

/** tail-only: the last 510 wordpieces. */
export function tail(): TextStrategy {
  return keepStretches("tail", (room) => [{ length: room, after: 1 }]);
}

/** head+tail: the first 128 and the last 382 of 510 wordpieces, in proportion for other lengths (32 and 94 of 126). */
export function headTail(): TextStrategy {
  return keepStretches("head+tail", (room) => {
    const first = Math.round(room * 128 / 510);
    return [{ length: first, after: 0 }, { length: room - first, after: 1 }];
  });
}

/**
 * Hierarchical: k = ⌈L / 510⌉ consecutive fractions, each encoded by itself, their [CLS] states pooled. The paper
 * gives no cap on k; here a text's wordpieces after the first `maxFractions` fractions are cut.
 */
export function hierarchical(
  pooling: Pooling,
  options: { maxFractions?: number } = {},
): TextStrategy {
  requireArguments("hierarchical", {
    pooling: [pooling, text],
    options: [options, object({ maxFractions: optional(number()) })],
  });
  const { maxFractions = 8 } = options;
  if (!Number.isInteger(maxFractions) || maxFractions < 1) {
    throw new RangeError(`Expected a whole number of fractions of at least 1, found ${maxFractions}`);
  }
  return {
    name: `hierarchical-${pooling === "self-attention" ? "attention" : pooling}`,
    pooling,
    maxFractions,
    pieces: (ids, maxLength) => {
      const room = roomOf(maxLength);
      const fractions = Math.min(maxFractions, Math.max(1, Math.ceil(ids.length / room)));
      return Array.from({ length: fractions }, (_, k) => ids.subarray(k * room, (k + 1) * room));
    },
  };
}

/** The strategies by name, in the order of Table 2: one more is a line here. */
const strategies: Readonly<Record<string, (options: { maxFractions?: number }) => TextStrategy>> = {
  "head": head,
  "tail": tail,
  "head+tail": headTail,
  "hierarchical-mean": (options) => hierarchical("mean", options),
  "hierarchical-max": (options) => hierarchical("max", options),
  "hierarchical-attention": (options) => hierarchical("self-attention", options),
};

/** Names that {@link textStrategy} knows. */
export const textStrategyNames: readonly string[] = Object.keys(strategies);

/**
 * The strategy of a name; a strategy as it is.
 *
 * @throws InputError listing the names when it is not one of {@link textStrategyNames}.
 */
export function textStrategy(
  name: string | TextStrategy,
  options: { readonly maxFractions?: number } = {},
): TextStrategy {
  requireArguments("textStrategy", {
    name: [name, either("the name of a text strategy, or one", text, having("", "pieces"))],
    options: [options, object({ maxFractions: optional(whole(1)) })],
  });
  if (typeof name !== "string") return name;
  if (Object.hasOwn(strategies, name)) return strategies[name]!(options);
  throw new InputError(`Cannot cut texts by "${name}": expected one of ${textStrategyNames.join(", ")}`);
}

/**
 * The parameters of a pooling: for self-attention "pooling.w1.weight" [A,H] and "pooling.w2.weight" [1,A] with A = H,
 * drawn from normal(0, 0.02); none for mean and max.
 */
export function poolingParameters(pooling: Pooling, hiddenSize: number, seed: number): HostTensors {
  if (pooling !== "self-attention") return {};
  const draw = (site: number, rows: number) => {
    const random = new Random(fold(seed, 0x531, site));
    const data = Float32Array.from({ length: rows * hiddenSize }, () => 0.02 * random.normal());
    return { shape: [rows, hiddenSize], data };
  };
  return { "pooling.w1.weight": draw(1, hiddenSize), "pooling.w2.weight": draw(2, 1) };
}

/**
 * One state of each text from the states h_1 … h_K of its fractions; a fraction whose mask is 0 changes neither the
 * value nor a gradient.
 *
 * - mean: Σ_k m_k h_k / Σ_k m_k
 * - max: the maximum over the real fractions, by component
 * - self-attention (the paper gives no form; structured self-attention with one head, Lin et al. 2017):
 *   a = softmax_k(w₂ᵀ tanh(W₁ h_k)), Σ_k a_k h_k
 *
 * @param states [B,K,H]
 * @param mask [B,K] float, 1 for a real fraction, 0 for padding; each row needs a real one
 * @param parameters as {@link poolingParameters} names them
 * @returns [B,H]
 */
export function poolFractions(
  pooling: Pooling,
  states: tf.Tensor,
  mask: tf.Tensor,
  parameters: Record<string, tf.Tensor>,
): tf.Tensor {
  const [B, K, H] = states.shape as [number, number, number];
  const real = tf.reshape(mask, [B, K, 1]);
  if (pooling === "mean") return tf.div(tf.sum(tf.mul(states, real), 1), tf.sum(real, 1));
  if (pooling === "max") return tf.max(tf.add(states, excluded(real)), 1);

  const w1 = parameters["pooling.w1.weight"];
  const w2 = parameters["pooling.w2.weight"];
  if (!w1 || !w2) throw new RangeError("Expected parameters pooling.w1.weight and pooling.w2.weight");
  const inner = tf.tanh(tf.matMul(tf.reshape(states, [B * K, H]), w1, false, true)); // [B*K,A]
  const scores = tf.reshape(tf.matMul(inner, w2, false, true), [B, K]);
  const attention = tf.softmax(tf.add(scores, excluded(mask)));
  return tf.sum(tf.mul(states, tf.reshape(attention, [B, K, 1])), 1);
}

/** 0 where the mask is 1, −1e9 where it is 0. */
function excluded(mask: tf.Tensor): tf.Tensor {
  return tf.mul(tf.sub(mask, 1), 1e9);
}
