/** BERT for sequence classification as a model to train: from a batch of texts to its loss and logits. */
import * as tf from "@tensorflow/tfjs";
import type { DropoutKey } from "../graph/composites.ts";
import type { Signature, Tensors } from "../graph/graph.ts";
import { classificationLoss, labelFeeds } from "./classification_loss.ts";
import type { BertConfig } from "./config.ts";
import { encoderInput, sequenceFeeds, type SequenceShape } from "./feeds.ts";
import { classify, encodeSequences, pool } from "./encoder.ts";
import type { EncoderInput } from "./modules.ts";

/** The shape of B texts of K fractions each, as B · K sequences. */
export interface ClassifierShape extends SequenceShape {
  /** Texts, missing ones included. */
  readonly B: number;
  /** Fractions of a text. */
  readonly K: number;
  /** Classes, only where a text may have several labels. */
  readonly C?: number;
}

/** The feature that is classified; by default the last layer's state of the sequence through the pooler. */
export interface ClassifierFeatures {
  /** Returns the features [rows, F] from the layers' states of the sequences [rows, H], the lowest layer first. */
  readonly layers?: (states: readonly tf.Tensor[]) => tf.Tensor;
  /** Combines the features [B, K, F] of each text's fractions into one [B, F]; mask [B, K] is 0 for padding. */
  readonly fractions?: (features: tf.Tensor, mask: tf.Tensor, parameters: Tensors) => tf.Tensor;
  /** True if the feature goes through the pooler; then F is H. */
  readonly pooler?: boolean;
}

/** B texts of K fractions each, as B * K sequences. */
export type ClassifierInput = EncoderInput & {
  /** B. */
  readonly texts: number;
  /** [B, K] float, 0 for a fraction that is padding; all are real where it is absent. */
  readonly fractionMask?: tf.Tensor;
};

/**
 * The logits [B, C] of the texts' features: the pooler's output for a text's state, for the combination of its
 * fractions' states (paper section 5.3.1), or of several layers' (5.3.2). A state is that of [CLS], or the mean of all
 * tokens' where ModernBERT's configuration says so.
 *
 * @param key the step's dropout key; without it nothing is dropped
 */
export function classifierLogits(
  parameters: Tensors,
  config: BertConfig,
  { layers = (states) => states.at(-1)!, fractions, pooler = true }: ClassifierFeatures,
  input: ClassifierInput,
  key?: DropoutKey,
): tf.Tensor {
  const { texts, fractionMask } = input;
  let feature = layers(encodeSequences(parameters, config, input, key));
  if (fractions) {
    const [rows, width] = feature.shape as [number, number];
    const each = tf.reshape(feature, [texts, rows / texts, width]);
    feature = fractions(each, fractionMask ?? tf.ones([texts, rows / texts]), parameters);
  }
  return classify(parameters, config, pooler ? pool(parameters, feature, config, key) : feature, key);
}

/** Returns names, shapes and types of a batch's tensors. */
function classifierFeeds({ B, K, C, ...sequences }: ClassifierShape): Record<string, Signature> {
  return {
    ...sequenceFeeds(sequences, B * K),
    ...(K > 1 ? { fraction_mask: { shape: [B, K], dtype: "float32" } } : {}),
    ...labelFeeds({ B, C }),
  };
}

/** The classifier's loss ({@linkcode classificationLoss}) of the {@linkcode classifierLogits}. */
export function sequenceClassifier(
  config: BertConfig,
  features: ClassifierFeatures = {},
): {
  feeds(shape: unknown): Record<string, Signature>;
  loss(inputs: Tensors, key?: DropoutKey): { loss: tf.Scalar; outputs: Tensors };
} {
  return {
    feeds: (shape) => classifierFeeds(shape as ClassifierShape),
    loss(inputs, key) {
      const { labels, fraction_mask: fractionMask } = inputs;
      const input = { ...encoderInput(inputs), texts: labels!.shape[0]!, fractionMask };
      const logits = classifierLogits(inputs, config, features, input, key);
      return { loss: classificationLoss(logits, inputs), outputs: { logits } };
    },
  };
}
