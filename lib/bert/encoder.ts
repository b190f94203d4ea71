/**
 * BERT's encoder (Devlin et al. 2019) with its pooler and classifier, in tfjs operations; it computes the same as
 * Hugging Face's BertForSequenceClassification, with dropout at the same places. B batch, T tokens, H hidden,
 * F features, L layers, C classes.
 */
import * as tf from "@tensorflow/tfjs";
import {
  attention,
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

/** A batch of sequences of one length T, as int32 tensors [B, T]. */
export interface EncoderInput {
  /** Wordpiece ids, [CLS] first. */
  readonly ids: tf.Tensor;
  /** 1 for a token, 0 for padding. */
  readonly mask: tf.Tensor;
  /** Segment ids; all 0 if absent. */
  readonly typeIds?: tf.Tensor;
}

/** The number added to the attention's scores at padding, so that its probability is exactly 0 in float32. */
const MASKED = -1e9;

/** The activations by their names in a configuration. */
export const ACTIVATIONS: Readonly<Record<HiddenAct, (x: tf.Tensor) => tf.Tensor>> = {
  gelu,
  gelu_new: geluTanh,
  relu: (x) => tf.relu(x),
};

/**
 * Runs the encoder.
 *
 * @param key the step's dropout key; without it there is no dropout
 * @returns the L + 1 hidden states [B, T, H]: the embeddings' first, then each layer's, the lowest first
 * @throws RangeError if the sequences are longer than the model's positions, or the shapes do not agree.
 */
export function encode(
  parameters: Parameters,
  config: BertConfig,
  input: EncoderInput,
  key?: DropoutKey,
): tf.Tensor[] {
  const maskBias = tf.mul(tf.sub(1, tf.cast(input.mask, "float32")), MASKED);
  const states = [embed(parameters, config, input, key)];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    states.push(encoderLayer(parameters, config, layer, states[layer]!, maskBias, key));
  }
  return states;
}

/** Returns the states [B, H] of the first token, [CLS], from the states [B, T, H]. */
export function clsStates(states: tf.Tensor): tf.Tensor {
  const [batch, , hidden] = states.shape as [number, number, number];
  return tf.reshape(tf.slice(states, [0, 0, 0], [batch, 1, hidden]), [batch, hidden]);
}

/** Computes BERT's pooler: tanh(W h + b) of the [CLS] states [B, H], to [B, H]. */
export function pool(parameters: Parameters, cls: tf.Tensor): tf.Tensor {
  return tf.tanh(dense(parameters, "bert.pooler.dense", cls));
}

/** Computes the classifier: dropout of the features [B, F], then a linear map to logits [B, C]. */
export function classify(
  parameters: Parameters,
  config: BertConfig,
  features: tf.Tensor,
  key?: DropoutKey,
): tf.Tensor {
  const rate = config.classifier_dropout ?? config.hidden_dropout_prob;
  return dense(parameters, "classifier", dropout(features, rate, key));
}

/** Computes the embeddings [B, T, H]: the sum of words, positions and types, then LayerNorm and dropout. */
function embed(parameters: Parameters, config: BertConfig, input: EncoderInput, key?: DropoutKey): tf.Tensor {
  const { ids, mask, typeIds } = input;
  const length = ids.shape[1]!;
  const { max_position_embeddings: longest, hidden_size: hidden } = config;
  for (const other of [mask, typeIds ?? mask]) {
    if (ids.rank === 2 && String(other.shape) === String(ids.shape)) continue;
    throw new RangeError(
      `ids, mask and typeIds must all be [B, T]: found [${ids.shape}] and [${other.shape}]`,
    );
  }
  if (length > longest) {
    throw new RangeError(`${length} tokens are more than the model's ${longest} positions`);
  }
  const table = (name: string) => parameter(parameters, `bert.embeddings.${name}_embeddings.weight`);
  const words = embedding(table("word"), ids);
  const types = typeIds
    ? embedding(table("token_type"), typeIds)
    : tf.reshape(tf.slice(table("token_type"), [0, 0], [1, hidden]), [1, 1, hidden]);
  const positions = tf.reshape(tf.slice(table("position"), [0, 0], [length, hidden]), [1, length, hidden]);
  const sum = tf.add(tf.add(words, types), positions);
  return dropout(norm(parameters, config, "bert.embeddings.LayerNorm", sum), config.hidden_dropout_prob, key);
}

/** Computes one layer, self-attention and feed-forward, each with LayerNorm after it; [B, T, H] to [B, T, H]. */
function encoderLayer(
  parameters: Parameters,
  config: BertConfig,
  layer: number,
  input: tf.Tensor,
  maskBias: tf.Tensor,
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
  const context = attention(query!, keys!, values!, maskBias, heads, attentionRate, key);
  const attended = dropout(dense(parameters, `${name}.attention.output.dense`, context), rate, key);
  const middle = norm(parameters, config, `${name}.attention.output.LayerNorm`, tf.add(attended, input));
  const inner = ACTIVATIONS[config.hidden_act](dense(parameters, `${name}.intermediate.dense`, middle));
  const output = dropout(dense(parameters, `${name}.output.dense`, inner), rate, key);
  return norm(parameters, config, `${name}.output.LayerNorm`, tf.add(output, middle));
}

/** Applies the linear map with the parameters `NAME.weight` [O, I] and `NAME.bias`: […, I] to […, O]. */
export function dense(parameters: Parameters, name: string, input: tf.Tensor): tf.Tensor {
  return linear(input, parameter(parameters, `${name}.weight`), parameter(parameters, `${name}.bias`));
}

/** Applies LayerNorm with the parameters `NAME.weight` and `NAME.bias` [H]. */
export function norm(parameters: Parameters, config: BertConfig, name: string, input: tf.Tensor): tf.Tensor {
  const [weight, bias] = [parameter(parameters, `${name}.weight`), parameter(parameters, `${name}.bias`)];
  return layerNorm(input, weight, bias, config.layer_norm_eps);
}

/** Returns a parameter by name. @throws RangeError if there is none of this name. */
export function parameter(parameters: Parameters, name: string): tf.Tensor {
  const tensor = parameters[name];
  if (!tensor) throw new RangeError(`The parameter ${name} is missing`);
  return tensor;
}

/** Computes GELU by its tanh approximation (Hendrycks and Gimpel 2016), Hugging Face's "gelu_new". */
function geluTanh(x: tf.Tensor): tf.Tensor {
  const cubic = tf.add(x, tf.mul(0.044715, tf.mul(x, tf.mul(x, x))));
  return tf.mul(tf.mul(0.5, x), tf.add(1, tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), cubic))));
}
