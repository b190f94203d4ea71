/** BERT for sequence classification as a model to train: from a batch of texts to its loss and logits. */
import * as tf from "@tensorflow/tfjs";
import { type DropoutKey, softmaxCrossEntropy } from "../graph/composites.ts";
import type { Signature, Tensors } from "../graph/graph.ts";
import type { BertConfig } from "./config.ts";
import { classify, clsStates, encode, pool } from "./encoder.ts";

/** The shape of a batch: B texts of K fractions of T tokens, or B pairs of T tokens, which have type ids. */
export interface ClassifierShape {
  readonly B: number;
  readonly K: number;
  readonly T: number;
  readonly pairs?: boolean;
}

/** The feature that is classified; by default the last layer's [CLS] state through the pooler. */
export interface ClassifierFeatures {
  /** Returns the features [rows, F] from the layers' [CLS] states [rows, H], the lowest layer first. */
  readonly layers?: (states: readonly tf.Tensor[]) => tf.Tensor;
  /** Combines the features [B, K, F] of each text's fractions into one [B, F]; mask [B, K] is 0 for padding. */
  readonly fractions?: (features: tf.Tensor, mask: tf.Tensor, parameters: Tensors) => tf.Tensor;
  /** True if the feature goes through the pooler; then F is H. */
  readonly pooler?: boolean;
}

/** Returns names, shapes and types of a batch's tensors. */
function classifierFeeds({ B, K, T, pairs }: ClassifierShape): Record<string, Signature> {
  return {
    ids: { shape: [B * K, T], dtype: "int32" },
    mask: { shape: [B * K, T], dtype: "int32" },
    ...(pairs ? { type_ids: { shape: [B * K, T], dtype: "int32" } } : {}),
    ...(K > 1 ? { fraction_mask: { shape: [B, K], dtype: "float32" } } : {}),
    labels: { shape: [B], dtype: "int32" },
    weights: { shape: [B], dtype: "float32" },
  };
}

/**
 * Returns the classifier's loss, Σ weight · cross-entropy over texts. A text's feature is the pooler's output for its
 * [CLS] state, for a combination of its fractions' [CLS] states (paper section 5.3.1) or of several layers' (5.3.2).
 */
export function sequenceClassifier(
  config: BertConfig,
  { layers = (states) => states.at(-1)!, fractions, pooler = true }: ClassifierFeatures = {},
): {
  feeds(shape: unknown): Record<string, Signature>;
  loss(inputs: Tensors, key?: DropoutKey): { loss: tf.Scalar; outputs: Tensors };
} {
  return {
    feeds: (shape) => classifierFeeds(shape as ClassifierShape),
    loss(inputs, key) {
      const { ids, mask, type_ids: typeIds, labels, weights, fraction_mask: fractionMask } = inputs;
      const [, ...states] = encode(inputs, config, { ids: ids!, mask: mask!, typeIds }, key);
      const each = layers(states.map((each) => clsStates(each)));
      const [rows, width] = each.shape as [number, number];
      const batch = labels!.shape[0]!;
      const feature = fractions
        ? fractions(
          tf.reshape(each, [batch, rows / batch, width]),
          fractionMask ?? tf.ones([batch, rows / batch]),
          inputs,
        )
        : each;
      const logits = classify(inputs, config, pooler ? pool(inputs, feature) : feature, key);
      const losses = softmaxCrossEntropy(logits, labels!);
      return { loss: tf.sum(tf.mul(losses, weights!)), outputs: { logits } };
    },
  };
}
