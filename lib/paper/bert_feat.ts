/**
 * BERT as features (paper section 5.4.3, Table 6, BERT-Feat): the last layer's states of a BERT that is not trained,
 * below a biLSTM with self-attention. The paper gives no sizes; here the biLSTM has one layer of 256 units a
 * direction, and the attention is that of long_text.ts, over tokens instead of fractions:
 *
 *     a = softmax_t(w₂ᵀ tanh(W₁ h_t)),  feature = Σ_t a_t h_t
 *
 * BERT's states are computed anew in every step, without dropout and without gradients: those of IMDb's 25,000
 * texts of 512 tokens would take 39 GB. A step takes about half of a fine-tuning step's time (ONNX Runtime, L 4,
 * H 384, B 16, T 64).
 */
import * as tf from "@tensorflow/tfjs";
import { classificationLoss } from "../bert/classification_loss.ts";
import { sequenceClassifier } from "../bert/classifier.ts";
import type { BertConfig } from "../bert/config.ts";
import { classify, encode } from "../bert/encoder.ts";
import { type EncoderInput, parameter, type Parameters } from "../bert/modules.ts";
import { encoderInput } from "../bert/feeds.ts";
import { InputError } from "../errors.ts";
import { linear, lstm } from "../graph/composites.ts";
import type { LayerFeatures } from "./layers.ts";
import {
  poolFractions,
  poolingParameters,
  type TextStrategy,
  textStrategy,
  textStrategyNames,
} from "./long_text.ts";
import { fold, Random } from "../random.ts";
import type { HostTensors } from "../tensors.ts";
import type { Trainable } from "../training/step.ts";

/** U, the biLSTM's units a direction. */
const units = 256;

/** F, the width of the feature that is classified: both directions side by side. */
const width = 2 * units;

/** Endings of torch.nn.LSTM's names for each direction. */
const directions = ["", "_reverse"] as const;

/**
 * A classifier of the features of a frozen BERT: F, its loss, and what it trains besides the classifier, from a seed.
 *
 * @param config of the layers that are used; the last one's states are read
 * @throws InputError if texts are read in fractions, or several layers' states are combined.
 */
export function bertFeatures(
  config: BertConfig,
  text: TextStrategy,
  features: LayerFeatures,
): { width: number; trainable: Trainable; additional: (seed: number) => HostTensors } {
  if (text.pooling) {
    const known = textStrategyNames.filter((name) => !textStrategy(name).pooling);
    throw new InputError(
      `Cannot read texts by "${text.name}" with feature-extraction: expected one of ${known.join(", ")}`,
    );
  }
  if (features.combination) {
    throw new InputError(
      `Cannot use the features "${features.name}" with feature-extraction: expected last or layer K`,
    );
  }
  return { width, trainable: trainableOf(config), additional: (seed) => additionalParameters(config, seed) };
}

/**
 * Returns the parameters besides the classifier: the biLSTM by torch.nn.LSTM's names after `lstm.`, as PyTorch draws it from
 * uniform(−1/√U, 1/√U), and the attention as {@linkcode poolingParameters} draws it.
 */
function additionalParameters({ hidden_size: hidden }: BertConfig, seed: number): HostTensors {
  const draw = (name: string, shape: readonly number[]): [string, HostTensors[string]] => {
    const random = new Random(fold(seed, ...new TextEncoder().encode(name)));
    const data = new Float32Array(shape.reduce((count, size) => count * size, 1));
    return [name, { shape, data: data.map(() => (2 * random.uniform() - 1) / Math.sqrt(units)) }];
  };
  const lstm = directions.flatMap((direction) => [
    draw(`lstm.weight_ih_l0${direction}`, [4 * units, hidden]),
    draw(`lstm.weight_hh_l0${direction}`, [4 * units, units]),
    draw(`lstm.bias_ih_l0${direction}`, [4 * units]),
    draw(`lstm.bias_hh_l0${direction}`, [4 * units]),
  ]);
  return { ...Object.fromEntries(lstm), ...poolingParameters("self-attention", width, seed) };
}

/**
 * The loss Σ weight · cross-entropy of texts or pairs of one sequence each; `bert.` parameters stay as they are. The biLSTM's
 * size is that of its parameters.
 */
function trainableOf(config: BertConfig): Trainable {
  return {
    feeds: sequenceClassifier(config).feeds,
    trains: (name) => !name.startsWith("bert."),
    loss(inputs, key) {
      const input = encoderInput(inputs);
      const { states, real } = sideBySide(encode(inputs, config, input).at(-1)!, input);
      const feature = poolFractions("self-attention", biLstm(inputs, states, real), real, inputs);
      const logits = classify(inputs, config, feature, key);
      return { loss: classificationLoss(logits, inputs), outputs: { logits } };
    },
  };
}

/**
 * The states of sequences side by side, [B, T, H], and which are those of tokens, [B, T]. Packed sequences are cut out of
 * the list [S, H] from where they start; a place is theirs if the token there has the place's position.
 */
function sideBySide(states: tf.Tensor, input: EncoderInput): { states: tf.Tensor; real: tf.Tensor } {
  if ("mask" in input) return { states, real: tf.cast(input.mask, "float32") };
  const [S, T] = [input.ids.shape[0]!, input.rows.tokens.shape[1]!];
  const places = tf.tensor2d(Array.from({ length: T }, (_, t) => t), [1, T], "int32");
  const last = tf.scalar(S - 1, "int32");
  const tokens = tf.minimum(tf.add(tf.expandDims(input.starts, 1), places), last);
  const real = tf.equal(tf.gather(input.positions, tokens as tf.Tensor2D), places);
  return { states: tf.gather(states, tokens as tf.Tensor2D), real: tf.cast(real, "float32") };
}

/**
 * The states of both directions of an LSTM with torch.nn.LSTM's parameters. Padding comes after all tokens, so that
 * the backward direction starts from zero at the last token, and what the forward one does there changes nothing.
 *
 * @param states [B, T, H]
 * @param real [B, T] float, 1 for a token, 0 for padding
 * @returns [B, T, 2U], the forward direction first
 */
function biLstm(parameters: Parameters, states: tf.Tensor, real: tf.Tensor): tf.Tensor {
  const byToken = tf.transpose(states, [1, 0, 2]); // [T, B, H]
  const mask = tf.expandDims(tf.transpose(real), 2); // [T, B, 1]
  const outputs = directions.map((direction) => {
    const named = (name: string) => parameter(parameters, `lstm.${name}_l0${direction}`);
    const inputs = linear(byToken, named("weight_ih"), tf.add(named("bias_ih"), named("bias_hh")));
    return lstm(inputs, named("weight_hh"), mask, direction === "_reverse");
  });
  return tf.transpose(tf.concat(outputs, 2), [1, 0, 2]);
}
