/**
 * ModernBERT's encoder (Warner et al. 2024): LayerNorm before each sublayer, no biases, GeGLU (Shazeer 2020), rotary
 * positions (Su et al. 2021), and attention that is global in some layers and local in others. Positions and windows are
 * a text's own, also where several texts share a row. B batch, T tokens, H hidden, N heads, D head size.
 */
import * as tf from "@tensorflow/tfjs";
import { attention, dropout, type DropoutKey, embedding } from "../graph/composites.ts";
import type { BertConfig } from "./config.ts";
import type { ModernConfig } from "./family/model_config.ts";
import {
  ACTIVATIONS,
  type EncoderInput,
  MASKED,
  parameter,
  type Parameters,
  plain,
  plainNorm,
  sameSequence,
} from "./modules.ts";

/** A layer's kind: how far its tokens see, and at which rates its positions turn. */
interface Kind {
  /** Added to the scores: [B, T], [B, T, T] or, packed, [R, T, T]. */
  readonly maskBias: tf.Tensor;
  /** Cosines and sines of the tokens' positions, [1, T, 1, D / 2] or, packed, [S, 1, D / 2]. */
  readonly cos: tf.Tensor;
  readonly sin: tf.Tensor;
}

/** The L + 1 hidden states, the last layer's after the final LayerNorm and as `wanted` chooses them from all tokens'. */
export function modernStates(
  parameters: Parameters,
  config: BertConfig,
  input: EncoderInput,
  key: DropoutKey | undefined,
  wanted: (states: tf.Tensor) => tf.Tensor,
): tf.Tensor[] {
  const modern = config.modern!;
  const kinds = new Map<string, Kind>();
  const kindOf = (type: ModernConfig["layer_types"][number]) => {
    let kind = kinds.get(type);
    if (!kind) kinds.set(type, kind = layerKind(config, input, type === "sliding_attention"));
    return kind;
  };
  const words = embedding(parameter(parameters, "bert.embeddings.word_embeddings.weight"), input.ids);
  const normal = plainNorm(parameters, config, "bert.embeddings.LayerNorm", words);
  const states = [dropout(normal, modern.embedding_dropout, key)];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const isLast = layer === config.num_hidden_layers - 1;
    const kind = kindOf(modern.layer_types[layer]!);
    const own = { input, kind, wanted: isLast ? wanted : (states: tf.Tensor) => states };
    states.push(modernLayer(parameters, config, layer, states[layer]!, own, key));
  }
  return [...states.slice(0, -1), plainNorm(parameters, config, "bert.final.LayerNorm", states.at(-1)!)];
}

/** One layer: x + attention(LayerNorm x), then x + GeGLU(LayerNorm x); the first layer's input is normal already. */
function modernLayer(
  parameters: Parameters,
  config: BertConfig,
  layer: number,
  x: tf.Tensor,
  { input, kind, wanted }: {
    readonly input: EncoderInput;
    readonly kind: Kind;
    readonly wanted: (states: tf.Tensor) => tf.Tensor;
  },
  key?: DropoutKey,
): tf.Tensor {
  const name = `bert.encoder.layer.${layer}`;
  const { num_attention_heads: heads, attention_probs_dropout_prob: attentionRate, hidden_size } = config;
  const normal = layer === 0 ? x : plainNorm(parameters, config, `${name}.attention.LayerNorm`, x);
  const [query, keys, values] = parted(plain(parameters, `${name}.attention.self.qkv`, normal), 3);
  const turned = [query!, keys!].map((part) => rotated(part, kind, heads, hidden_size / heads));
  const rows = "rows" in input ? input.rows : undefined;
  const context = attention(turned[0]!, turned[1]!, values!, kind.maskBias, heads, attentionRate, key, rows);
  const projected = plain(parameters, `${name}.attention.output.dense`, wanted(context));
  const middle = tf.add(wanted(x), dropout(projected, attentionRate, key));
  const inner = plain(
    parameters,
    `${name}.intermediate.dense`,
    plainNorm(parameters, config, `${name}.intermediate.LayerNorm`, middle),
  );
  const [values2, gate] = parted(inner, 2);
  const gated = tf.mul(ACTIVATIONS[config.hidden_act](values2!), gate!);
  const kept = dropout(gated, config.hidden_dropout_prob, key);
  return tf.add(middle, plain(parameters, `${name}.output.dense`, kept));
}

/** Parts the last axis in equal parts. */
function parted(x: tf.Tensor, parts: number): tf.Tensor[] {
  return tf.split(x, parts, x.rank - 1);
}

/** Turns each head's pairs (x_i, x_{i + D/2}) by the angles of its token's position: […, N·D] to the same. */
function rotated(x: tf.Tensor, { cos, sin }: Kind, heads: number, size: number): tf.Tensor {
  const perHead = tf.reshape(x, [...x.shape.slice(0, -1), heads, size]);
  const [one, two] = parted(perHead, 2) as [tf.Tensor, tf.Tensor];
  const turned = [
    tf.sub(tf.mul(one, cos), tf.mul(two, sin)),
    tf.add(tf.mul(two, cos), tf.mul(one, sin)),
  ];
  return tf.reshape(tf.concat(turned, perHead.rank - 1), x.shape);
}

/** What all layers of a kind share. */
function layerKind(config: BertConfig, input: EncoderInput, local: boolean): Kind {
  const { local_attention: window, rope_theta: theta } = config.modern!;
  const size = config.hidden_size / config.num_attention_heads;
  const packed = "rows" in input;
  const T = packed ? input.rows.tokens.shape[1]! : input.ids.shape[1]!;
  const longest = config.max_position_embeddings;
  if (!packed && T > longest) {
    throw new RangeError(`${T} tokens are more than the model's ${longest} positions`);
  }
  // Padded texts' places are cut from all, so that recordings at any length are the same but for their sizes.
  const places = tf.slice(numbersTo(packed ? T : longest), [0], [T]);
  const positions = packed ? tf.cast(input.positions, "float32") : places;
  const angles = tf.mul(tf.expandDims(positions, 1), rates(size, local ? theta.local : theta.global));
  const [cos, sin] = [tf.cos(angles), tf.sin(angles)].map((each) =>
    tf.reshape(each, packed ? [-1, 1, size / 2] : [1, T, 1, size / 2])
  );
  const visible = packed ? sameSequence(input.sequences) : input.mask;
  const bias = (visible: tf.Tensor) => tf.mul(tf.sub(1, tf.cast(visible, "float32")), MASKED);
  if (!local) return { maskBias: bias(visible), cos: cos!, sin: sin! };
  const far = tf.abs(tf.sub(tf.reshape(places, [T, 1]), tf.reshape(places, [1, T])));
  const near = tf.cast(tf.lessEqual(far, Math.floor(window / 2)), "float32");
  const keys = tf.cast(packed ? visible : tf.expandDims(visible, 1), "float32");
  return { maskBias: bias(tf.mul(keys, tf.expandDims(near, 0))), cos: cos!, sin: sin! };
}

/** theta^(−2 i / D) for i below D / 2, in float32 as in PyTorch: [1, D / 2]. */
function rates(size: number, theta: number): tf.Tensor {
  const found = Float32Array.from(
    { length: size / 2 },
    (_, i) => 1 / Math.fround(theta ** Math.fround(2 * i / size)),
  );
  return tf.tensor2d(found, [1, size / 2]);
}

/** The numbers 0, 1, …, at least so many, from two short lists: 64 i + j. */
function numbersTo(count: number): tf.Tensor1D {
  const list = (length: number, step: number) =>
    tf.tensor1d(Float32Array.from({ length }, (_, i) => step * i));
  const rows = Math.ceil(count / 64);
  return tf.reshape(tf.add(tf.reshape(list(rows, 64), [rows, 1]), list(64, 1)), [64 * rows]);
}
