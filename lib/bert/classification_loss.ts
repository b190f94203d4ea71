/**
 * The loss of a classifier: of one class for each text the cross-entropy of a softmax over the classes, of several labels
 * for each text the binary cross-entropy of a sigmoid for each class. Weights say how much a text, or each of its labels,
 * counts; with weights of 1 / B, or 1 / (B · C), the loss is PyTorch's CrossEntropyLoss or BCEWithLogitsLoss.
 */
import * as tf from "@tensorflow/tfjs";
import { sigmoidCrossEntropy, softmaxCrossEntropy } from "../graph/composites.ts";
import type { Signature, Tensors } from "../graph/graph.ts";

/**
 * Returns shapes and types of a batch's labels and of their weights: [B] classes as numbers, or, where a text may have
 * several, [B, C] with 1 for a label that it has and 0 for another.
 *
 * @param sizes.C classes, only where a text may have several
 */
export function labelFeeds({ B, C }: { readonly B: number; readonly C?: number }): Record<string, Signature> {
  return C === undefined
    ? { labels: { shape: [B], dtype: "int32" }, weights: { shape: [B], dtype: "float32" } }
    : { labels: { shape: [B, C], dtype: "float32" }, weights: { shape: [B, C], dtype: "float32" } };
}

/** Returns the loss Σ weight · cross-entropy of logits [B, C] with the `labels` and `weights` of {@linkcode labelFeeds}. */
export function classificationLoss(logits: tf.Tensor, { labels, weights }: Tensors): tf.Scalar {
  const ofLabels = labels!.shape.length === 2 ? sigmoidCrossEntropy : softmaxCrossEntropy;
  return tf.sum(tf.mul(ofLabels(logits, labels!), weights!));
}
