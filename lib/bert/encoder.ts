/**
 * BERT's encoder (Devlin et al. 2019) with its pooler and classifier, in tfjs operations; it computes what Hugging
 * Face's BertForSequenceClassification does, dropout sites included. B batch, T tokens, H hidden, F features,
 * L layers, C classes.
 */
import * as tf from "@tensorflow/tfjs";
import {
  attention,
  type AttentionRows,
  dropout,
  type DropoutKey,
  embedding,
  gelu,
  layerNorm,
  linear,
} from "../graph/composites.ts";
import type { BertConfig, HiddenAct } from "./config.ts";

/** BERT's parameters as tfjs tensors, by Hugging Face's names. */
export type Parameters = Readonly<Record<string, tf.Tensor>>;

/** Sequences of one length T, as int32 tensors [B, T], or packed ones, as a list of S tokens. */
export type EncoderInput = PaddedInput | PackedInput;

/** Sequences padded to one length, as int32 tensors [B, T]. */
export interface PaddedInput {
  /** Wordpiece ids, [CLS] first. */
  readonly ids: tf.Tensor;
  /** 1 for a token, 0 for padding. */
  readonly mask: tf.Tensor;
  /** Segment ids; all 0 where they are absent. */
  readonly typeIds?: tf.Tensor;
}

/** Sequences one after another without padding between them; several share a row of attention, which each has to itself. */
export interface PackedInput {
  /** int32 [S] wordpiece ids. */
  readonly ids: tf.Tensor;
  /** int32 [S] segment ids; all 0 where they are absent. */
  readonly typeIds?: tf.Tensor;
  /** int32 [S] places in their own sequences, from 0. */
  readonly positions: tf.Tensor;
  /** The tokens of the R rows of T places, and the tokens' places in them. */
  readonly rows: AttentionRows;
  /** int32 [R, T] number of the sequence at each place, from 1; 0 for none. */
  readonly sequences: tf.Tensor;
  /** int32 [P] the sequences' first tokens, [CLS], of P sequences. */
  readonly starts: tf.Tensor;
}

/** Added to the attention's scores at padding, so that its probability is exactly 0 in float32. */
const MASKED = -1e9;

/** The configuration's activations. */
export const ACTIVATIONS: Readonly<Record<HiddenAct, (x: tf.Tensor) => tf.Tensor>> = {
  gelu,
  gelu_new: geluTanh,
  relu: (x) => tf.relu(x),
};

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
 * Runs the encoder for the states of [CLS] alone: the last layer makes no others, as nothing reads them.
 *
 * @returns the L layers' states of the sequences' first tokens [B, H], or of packed sequences [P, H], the lowest first
 */
export function encodeCls(
  parameters: Parameters,
  config: BertConfig,
  input: EncoderInput,
  key?: DropoutKey,
): tf.Tensor[] {
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

/** Tells for each query and key of a row, [R, T, T], if they are of one sequence. */
function sameSequence(sequences: tf.Tensor): tf.Tensor {
  return tf.equal(tf.expandDims(sequences, 2), tf.expandDims(sequences, 1));
}

/** Returns the states of the sequences' first tokens, [CLS], from all states: [B, H], or of packed sequences [P, H]. */
export function clsStates(states: tf.Tensor, input: EncoderInput): tf.Tensor {
  if ("starts" in input) return embedding(states, input.starts);
  const [batch, , hidden] = states.shape as [number, number, number];
  return tf.reshape(tf.slice(states, [0, 0, 0], [batch, 1, hidden]), [batch, hidden]);
}

/** BERT's pooler: tanh(W h + b) of the [CLS] states [B, H], to [B, H]. */
export function pool(parameters: Parameters, cls: tf.Tensor): tf.Tensor {
  return tf.tanh(dense(parameters, "bert.pooler.dense", cls));
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

/** The sum of three embeddings, LayerNorm, dropout: [B, T, H], or of packed sequences [S, H]. */
function embed(parameters: Parameters, config: BertConfig, input: EncoderInput, key?: DropoutKey): tf.Tensor {
  const { ids, typeIds } = input;
  requireShapes(input);
  const { max_position_embeddings: longest, hidden_size: hidden } = config;
  const table = (name: string) => parameter(parameters, `bert.embeddings.${name}_embeddings.weight`);
  const first = (name: string, rows: number) => tf.slice(table(name), [0, 0], [rows, hidden]);
  const words = embedding(table("word"), ids);
  const types = typeIds ? embedding(table("token_type"), typeIds) : first("token_type", 1);
  const padded = (length: number) => {
    if (length <= longest) return first("position", length);
    throw new RangeError(`${length} tokens are more than the model's ${longest} positions`);
  };
  const positions = "positions" in input
    ? embedding(table("position"), input.positions)
    : tf.reshape(padded(ids.shape[1]!), [1, ids.shape[1]!, hidden]);
  const sum = tf.add(tf.add(words, types), positions);
  return dropout(norm(parameters, config, "bert.embeddings.LayerNorm", sum), config.hidden_dropout_prob, key);
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
  const attended = dropout(dense(parameters, `${name}.attention.output.dense`, wanted(context)), rate, key);
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

/** The linear map with the parameters `NAME.weight` [O, I] and `NAME.bias`: […, I] to […, O]. */
export function dense(parameters: Parameters, name: string, input: tf.Tensor): tf.Tensor {
  return linear(input, parameter(parameters, `${name}.weight`), parameter(parameters, `${name}.bias`));
}

/** LayerNorm with the parameters `NAME.weight` and `NAME.bias` [H]. */
export function norm(parameters: Parameters, config: BertConfig, name: string, input: tf.Tensor): tf.Tensor {
  const [weight, bias] = [parameter(parameters, `${name}.weight`), parameter(parameters, `${name}.bias`)];
  return layerNorm(input, weight, bias, config.layer_norm_eps);
}

/** @throws RangeError if there is no parameter of this name. */
export function parameter(parameters: Parameters, name: string): tf.Tensor {
  const tensor = parameters[name];
  if (!tensor) throw new RangeError(`The parameter ${name} is missing`);
  return tensor;
}

/** GELU by its tanh approximation (Hendrycks and Gimpel 2016), Hugging Face's "gelu_new". */
function geluTanh(x: tf.Tensor): tf.Tensor {
  const cubic = tf.add(x, tf.mul(0.044715, tf.mul(x, tf.mul(x, x))));
  return tf.mul(tf.mul(0.5, x), tf.add(1, tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), cubic))));
}
