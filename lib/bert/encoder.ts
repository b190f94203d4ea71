/**
 * BERT's encoder (Devlin et al. 2019) with its pooler and classifier, in tfjs operations; it computes what Hugging
 * Face's BertForSequenceClassification does, or that class of another family, dropout sites included. B batch,
 * T tokens, H hidden, F features, L layers, C classes, E the width of the embeddings.
 */
import * as tf from "@tensorflow/tfjs";
import { attention, type AttentionRows, dropout, type DropoutKey, embedding } from "../graph/composites.ts";
import type { BertConfig } from "./config.ts";
import { familyOf } from "./family/families.ts";
import { modernStates } from "./modern_encoder.ts";
import {
  ACTIVATIONS,
  dense,
  type EncoderInput,
  MASKED,
  norm,
  parameter,
  type Parameters,
  plain,
  plainNorm,
  sameSequence,
} from "./modules.ts";

/**
 * Runs the encoder.
 *
 * @param key the step's dropout key; without it nothing is dropped
 * @returns the L + 1 hidden states [B, T, H]: the embeddings' first, then each layer's, the lowest first
 * @throws RangeError if the sequences are longer than the model's positions, or the shapes do not agree.
 */
export function encode(
  parameters: Parameters,
  config: BertConfig,
  input: EncoderInput,
  key?: DropoutKey,
): tf.Tensor[] {
  return layerStates(parameters, config, input, key, (states) => states);
}

/**
 * Runs the encoder for one state of each sequence. Where it is that of [CLS] the last layer makes no others, as nothing
 * reads them; where the configuration says so it is the mean of all tokens' states.
 *
 * @returns the L layers' states of the sequences [B, H], or of packed sequences [P, H], the lowest first
 */
export function encodeSequences(
  parameters: Parameters,
  config: BertConfig,
  input: EncoderInput,
  key?: DropoutKey,
): tf.Tensor[] {
  if (config.modern?.classifier_pooling === "mean") {
    const [, ...states] = encode(parameters, config, input, key);
    return states.map((each) => meanStates(each, input));
  }
  const [, ...states] = layerStates(parameters, config, input, key, (states) => clsStates(states, input));
  return states.map((each, layer) => layer === states.length - 1 ? each : clsStates(each, input));
}

/** The hidden states, the last layer's as `wanted` chooses them from all tokens'. */
function layerStates(
  parameters: Parameters,
  config: BertConfig,
  input: EncoderInput,
  key: DropoutKey | undefined,
  wanted: (states: tf.Tensor) => tf.Tensor,
): tf.Tensor[] {
  if (familyOf(config).modern) return modernStates(parameters, config, input, key, wanted);
  const visible = "mask" in input ? input.mask : sameSequence(input.sequences);
  const scope = {
    maskBias: tf.mul(tf.sub(1, tf.cast(visible, "float32")), MASKED),
    rows: "rows" in input ? input.rows : undefined,
  };
  const states = [embed(parameters, config, input, key)];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const isLast = layer === config.num_hidden_layers - 1;
    const own = { ...scope, wanted: isLast ? wanted : (states: tf.Tensor) => states };
    states.push(encoderLayer(parameters, config, layer, states[layer]!, own, key));
  }
  return states;
}

/** Returns the states of the sequences' first tokens, [CLS], from all states: [B, H], or of packed sequences [P, H]. */
export function clsStates(states: tf.Tensor, input: EncoderInput): tf.Tensor {
  if ("starts" in input) return embedding(states, input.starts);
  const [batch, , hidden] = states.shape as [number, number, number];
  return tf.reshape(tf.slice(states, [0, 0, 0], [batch, 1, hidden]), [batch, hidden]);
}

/**
 * Returns the means of the sequences' states, padding left out, from all states: [B, H], or of packed sequences [P, H].
 * A sequence without tokens has zeros.
 */
function meanStates(states: tf.Tensor, input: EncoderInput): tf.Tensor {
  const hidden = states.shape.at(-1)!;
  const mean = (sums: tf.Tensor, counts: tf.Tensor) =>
    tf.div(sums, tf.maximum(tf.reshape(counts, [-1, 1]), 1));
  if ("mask" in input) {
    const real = tf.cast(input.mask, "float32");
    return mean(tf.sum(tf.mul(states, tf.expandDims(real, 2)), 1), tf.sum(real, 1));
  }
  // [S, P + 1]: 1 where a token is of a sequence; the first column is that of none.
  const [count] = input.starts.shape as [number];
  const numbers = tf.gather(tf.reshape(input.sequences, [-1]), input.rows.places);
  const members = tf.oneHot(numbers, count + 1, 1, 0, "float32") as tf.Tensor2D;
  const sums = tf.matMul(members, states as tf.Tensor2D, true, false);
  return mean(tf.slice(sums, [1, 0], [count, hidden]), tf.slice(tf.sum(members, 0), [1], [count]));
}

/**
 * The head before the classifier, of the sequences' states [B, H] to [B, H]: BERT's pooler tanh(W h + b), or another
 * family's activation and dropout.
 */
export function pool(
  parameters: Parameters,
  states: tf.Tensor,
  config: Partial<BertConfig> = {},
  key?: DropoutKey,
): tf.Tensor {
  const { activation, dropout: drops, norm: epsilon } = familyOf(config).head;
  if (epsilon && activation !== "tanh") {
    const inner = ACTIVATIONS[activation](plain(parameters, "bert.pooler.dense", states));
    return plainNorm(parameters, config as BertConfig, "bert.pooler.LayerNorm", inner);
  }
  const rate = drops ? config.classifier_dropout ?? config.hidden_dropout_prob ?? 0 : 0;
  const inner = dense(parameters, "bert.pooler.dense", dropout(states, rate, key));
  return activation === "tanh" ? tf.tanh(inner) : ACTIVATIONS[activation](inner);
}

/** The classifier: dropout of the features [B, F], then a linear map to logits [B, C]. */
export function classify(
  parameters: Parameters,
  config: BertConfig,
  features: tf.Tensor,
  key?: DropoutKey,
): tf.Tensor {
  const rate = config.classifier_dropout ?? config.hidden_dropout_prob;
  return dense(parameters, "classifier", dropout(features, rate, key));
}

/** The sum of three embeddings, LayerNorm, dropout, and a projection from E to H: [B, T, H], or packed [S, H]. */
function embed(parameters: Parameters, config: BertConfig, input: EncoderInput, key?: DropoutKey): tf.Tensor {
  const { ids, typeIds } = input;
  requireShapes(input);
  const { hidden_size, embedding_size: width = hidden_size } = config;
  const { segments, firstPosition } = familyOf(config);
  const from = firstPosition?.(config) ?? 0;
  const longest = config.max_position_embeddings - from;
  const table = (name: string) => parameter(parameters, `bert.embeddings.${name}_embeddings.weight`);
  const first = (table: tf.Tensor, rows: number) => tf.slice(table, [0, 0], [rows, width]);
  const places = from === 0 ? table("position") : tf.slice(table("position"), [from, 0], [longest, width]);
  const words = embedding(table("word"), ids);
  const types = segments === "none"
    ? undefined
    : typeIds && segments === "read"
    ? embedding(table("token_type"), typeIds)
    : first(table("token_type"), 1);
  const padded = (length: number) => {
    if (length <= longest) return first(places, length);
    throw new RangeError(`${length} tokens are more than the model's ${longest} positions`);
  };
  const positions = "positions" in input
    ? embedding(places, input.positions)
    : tf.reshape(padded(ids.shape[1]!), [1, ids.shape[1]!, width]);
  const sum = tf.add(types ? tf.add(words, types) : words, positions);
  const normal = norm(parameters, config, "bert.embeddings.LayerNorm", sum);
  const embedded = dropout(normal, config.hidden_dropout_prob, key);
  return width === hidden_size ? embedded : dense(parameters, "bert.embeddings.project", embedded);
}

/** @throws RangeError if the tensors of an input do not fit together. */
function requireShapes(input: EncoderInput): void {
  const { ids, typeIds } = input;
  const others = "mask" in input ? [input.mask] : [input.positions, input.rows.places];
  const rank = "mask" in input ? 2 : 1;
  const wrong = [...others, typeIds ?? ids].find(({ shape }) => String(shape) !== String(ids.shape));
  if (ids.rank === rank && !wrong) return;
  const expected = "mask" in input ? "ids, mask and typeIds must all be [B, T]" : "tokens must be [S]";
  throw new RangeError(`${expected}: found [${ids.shape}] and [${(wrong ?? ids).shape}]`);
}

/** One layer with LayerNorm after each sublayer: self-attention, then feed-forward; [B, T, H] to [B, T, H]. */
function encoderLayer(
  parameters: Parameters,
  config: BertConfig,
  layer: number,
  input: tf.Tensor,
  { maskBias, rows, wanted }: {
    readonly maskBias: tf.Tensor;
    readonly rows?: AttentionRows;
    /** Chooses the tokens whose states are made. */
    readonly wanted: (states: tf.Tensor) => tf.Tensor;
  },
  key?: DropoutKey,
): tf.Tensor {
  const name = `bert.encoder.layer.${layer}`;
  const {
    num_attention_heads: heads,
    attention_probs_dropout_prob: attentionRate,
    hidden_dropout_prob: rate,
  } = config;
  const [query, keys, values] = ["query", "key", "value"]
    .map((part) => dense(parameters, `${name}.attention.self.${part}`, input));
  const context = attention(query!, keys!, values!, maskBias, heads, attentionRate, key, rows);
  const projected = dense(parameters, `${name}.attention.output.dense`, wanted(context));
  const attended = familyOf(config).keepsAttention ? projected : dropout(projected, rate, key);
  const middle = norm(
    parameters,
    config,
    `${name}.attention.output.LayerNorm`,
    tf.add(attended, wanted(input)),
  );
  const inner = ACTIVATIONS[config.hidden_act](dense(parameters, `${name}.intermediate.dense`, middle));
  const output = dropout(dense(parameters, `${name}.output.dense`, inner), rate, key);
  return norm(parameters, config, `${name}.output.LayerNorm`, tf.add(output, middle));
}
