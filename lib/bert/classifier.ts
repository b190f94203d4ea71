/** BERT for sequence classification as something that can be trained: batches in, a loss for each text out. */
import * as tf from "@tensorflow/tfjs";
import { type DropoutKey, softmaxCrossEntropy } from "../graph/composites.ts";
import type { Signature, Tensors } from "../graph/graph.ts";
import type { BertConfig } from "./config.ts";
import { classify, encode, pool } from "./encoder.ts";

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
 * The classifier's loss. A text's feature is the pooler's output for its [CLS] state, or for the combination of its
 * fractions' [CLS] states (paper section 5.3.1).
 */
export function sequenceClassifier(config: BertConfig, combine?: CombineFractions): {
  feeds(shape: unknown): Record<string, Signature>;
  loss(inputs: Tensors, key?: DropoutKey): { losses: tf.Tensor; outputs: Tensors };
} {
  return {
    feeds: (shape) => classifierFeeds(shape as ClassifierShape),
    loss(inputs, key) {
      const { ids, mask, labels, fraction_mask: fractionMask } = inputs;
      const states = encode(inputs, config, { ids: ids!, mask: mask! }, key).at(-1)!;
      const [rows, , hidden] = states.shape as [number, number, number];
      const cls = tf.reshape(tf.slice(states, [0, 0, 0], [rows, 1, hidden]), [rows, hidden]);
      const batch = labels!.shape[0]!;
      const feature = combine
        ? combine(
          tf.reshape(cls, [batch, rows / batch, hidden]),
          fractionMask ?? tf.ones([batch, rows / batch]),
          inputs,
        )
        : cls;
      const logits = classify(inputs, config, pool(inputs, feature), key);
      return { losses: softmaxCrossEntropy(logits, labels!), outputs: { logits } };
    },
  };
}
