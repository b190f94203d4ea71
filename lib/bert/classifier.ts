/** BERT for sequence classification as something that can be trained: batches in, a loss for each text out. */
import * as tf from "@tensorflow/tfjs";
import { type DropoutKey, softmaxCrossEntropy } from "../graph/composites.ts";
import type { Signature, Tensors } from "../graph/graph.ts";
import type { BertConfig } from "./config.ts";
import { classify, clsStates, encode, pool } from "./encoder.ts";

/** B texts of K fractions of T tokens. */
export interface ClassifierShape {
  readonly B: number;
  readonly K: number;
  readonly T: number;
}

/** How the states [B, K, H] of a text's fractions become one [B, H]; mask [B, K] is 0 for padding. */
export type CombineFractions = (states: tf.Tensor, mask: tf.Tensor, parameters: Tensors) => tf.Tensor;

/** The tensors that a batch of one shape is fed as. */
function classifierFeeds({ B, K, T }: ClassifierShape): Record<string, Signature> {
  return {
    ids: { shape: [B * K, T], dtype: "int32" },
    mask: { shape: [B * K, T], dtype: "int32" },
    ...(K > 1 ? { fraction_mask: { shape: [B, K], dtype: "float32" } } : {}),
    labels: { shape: [B], dtype: "int32" },
    weights: { shape: [B], dtype: "float32" },
  };
}

/**
 * The classifier's loss Σ weight · cross-entropy. A text's feature is the pooler's output for its [CLS] state, or for
 * the combination of its fractions' [CLS] states (paper section 5.3.1).
 */
export function sequenceClassifier(config: BertConfig, combine?: CombineFractions): {
  feeds(shape: unknown): Record<string, Signature>;
  loss(inputs: Tensors, key?: DropoutKey): { loss: tf.Scalar; outputs: Tensors };
} {
  return {
    feeds: (shape) => classifierFeeds(shape as ClassifierShape),
    loss(inputs, key) {
      const { ids, mask, labels, weights, fraction_mask: fractionMask } = inputs;
      const states = encode(inputs, config, { ids: ids!, mask: mask! }, key).at(-1)!;
      const cls = clsStates(states);
      const [rows, hidden] = cls.shape as [number, number];
      const batch = labels!.shape[0]!;
      const feature = combine
        ? combine(
          tf.reshape(cls, [batch, rows / batch, hidden]),
          fractionMask ?? tf.ones([batch, rows / batch]),
          inputs,
        )
        : cls;
      const logits = classify(inputs, config, pool(inputs, feature), key);
      const losses = softmaxCrossEntropy(logits, labels!);
      return { loss: tf.sum(tf.mul(losses, weights!)), outputs: { logits } };
    },
  };
}
