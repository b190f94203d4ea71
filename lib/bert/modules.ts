/** The inputs of encoders, and the modules that they are made of, in tfjs operations. */
import * as tf from "@tensorflow/tfjs";
import { type AttentionRows, gelu, layerNorm, linear } from "../graph/composites.ts";
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
export const MASKED = -1e9;

/** The configuration's activations. */
export const ACTIVATIONS: Readonly<Record<HiddenAct, (x: tf.Tensor) => tf.Tensor>> = {
  gelu,
  gelu_new: geluTanh,
  relu: (x) => tf.relu(x),
};

/** Tells for each query and key of a row, [R, T, T], if they are of one sequence. */
export function sameSequence(sequences: tf.Tensor): tf.Tensor {
  return tf.equal(tf.expandDims(sequences, 2), tf.expandDims(sequences, 1));
}

/** The linear map without a bias, with the parameter `NAME.weight` [O, I]: […, I] to […, O]. */
export function plain(parameters: Parameters, name: string, input: tf.Tensor): tf.Tensor {
  const weight = parameter(parameters, `${name}.weight`);
  const [outputs, inputs] = weight.shape as [number, number];
  const rows = tf.matMul(tf.reshape(input, [-1, inputs]), weight as tf.Tensor2D, false, true);
  return tf.reshape(rows, [...input.shape.slice(0, -1), outputs]);
}

/** LayerNorm without a bias, with the parameter `NAME.weight` [H]. */
export function plainNorm(
  parameters: Parameters,
  config: BertConfig,
  name: string,
  input: tf.Tensor,
): tf.Tensor {
  const weight = parameter(parameters, `${name}.weight`);
  return layerNorm(input, weight, tf.zeros(weight.shape), config.layer_norm_eps);
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
