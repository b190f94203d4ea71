/**
 * BERT's two tasks of pre-training (Devlin et al. 2019, section 3.1), which further pre-training continues (paper
 * section 5.4): the masked language model and next sentence prediction. The same is computed as by Hugging Face's
 * BertForPreTraining, or without next sentence prediction by BertForMaskedLM.
 */
import * as tf from "@tensorflow/tfjs";
import { type DropoutKey, embedding, linear, softmaxCrossEntropy } from "../graph/composites.ts";
import type { Signature, Tensors } from "../graph/graph.ts";
import type { BertConfig } from "./config.ts";
import { ACTIVATIONS, clsStates, dense, encode, norm, parameter, type Parameters, pool } from "./encoder.ts";
import type { PreTrainingHeads } from "./parameters.ts";

/** The shape of a batch: B sequences of T tokens, up to P of them masked. */
export interface PreTrainingShape {
  readonly B: number;
  readonly T: number;
  readonly P: number;
  /** True if only the heads are trained; the encoder and the pooler stay as they are. */
  readonly headsOnly?: boolean;
}

/**
 * Returns names, shapes and types of a batch's tensors. `positions` are the masked places, counted from the start of
 * their own sequence; a sequence with fewer than P of them is filled up with places of weight 0.
 */
function preTrainingFeeds({ B, T, P }: PreTrainingShape, nsp: boolean): Record<string, Signature> {
  return {
    ids: { shape: [B, T], dtype: "int32" },
    mask: { shape: [B, T], dtype: "int32" },
    type_ids: { shape: [B, T], dtype: "int32" },
    positions: { shape: [B * P], dtype: "int32" },
    mlm_labels: { shape: [B * P], dtype: "int32" },
    mlm_weights: { shape: [B * P], dtype: "float32" },
    ...(nsp ? { nsp_labels: { shape: [B], dtype: "int32" }, weights: { shape: [B], dtype: "float32" } } : {}),
  };
}

/** Returns the states [B·P, H] at P places of each sequence, from all states [B, T, H] and the places [B·P]. */
function statesAt(states: tf.Tensor, positions: tf.Tensor): tf.Tensor {
  const [sequences, tokens, hidden] = states.shape as [number, number, number];
  const starts = Array.from({ length: sequences }, (_, b) => b * tokens);
  const places = tf.add(tf.reshape(positions, [sequences, -1]), tf.tensor2d(starts, [sequences, 1], "int32"));
  return embedding(tf.reshape(states, [-1, hidden]), tf.reshape(places, [-1]));
}

/** Computes the logits [R, V] of the words at masked places from their states [R, H]; the word table is the decoder. */
function wordLogits(parameters: Parameters, config: BertConfig, states: tf.Tensor): tf.Tensor {
  const name = "cls.predictions.transform";
  const inner = ACTIVATIONS[config.hidden_act](dense(parameters, `${name}.dense`, states));
  return linear(
    norm(parameters, config, `${name}.LayerNorm`, inner),
    parameter(parameters, "bert.embeddings.word_embeddings.weight"),
    parameter(parameters, "cls.predictions.bias"),
  );
}

/**
 * Returns the loss of pre-training: Σ mlm_weights · cross-entropy of the masked words, plus Σ weights · cross-entropy
 * of "does the second text follow" (0 it does, 1 it does not). The weights are 1 / (masked places) and 1 / (sequences)
 * of the optimizer's batch. The outputs are `mlm_losses` [B · P], the loss of each place; `mlm_correct` [B · P], 1 if
 * the likeliest word is the right one, else 0; and `nsp_logits` [B, 2].
 */
export function pretrainer(config: BertConfig, { nsp = true }: PreTrainingHeads = {}): {
  feeds(shape: unknown): Record<string, Signature>;
  trains(parameter: string, shape: unknown): boolean;
  loss(inputs: Tensors, key?: DropoutKey): { loss: tf.Scalar; outputs: Tensors };
} {
  return {
    feeds: (shape) => preTrainingFeeds(shape as PreTrainingShape, nsp),
    trains: (parameter, shape) => !(shape as PreTrainingShape).headsOnly || parameter.startsWith("cls."),
    loss(inputs, key) {
      const { ids, mask, type_ids: typeIds, mlm_labels: words } = inputs;
      const states = encode(inputs, config, { ids: ids!, mask: mask!, typeIds }, key).at(-1)!;
      const masked = statesAt(states, inputs.positions!);
      const logits = wordLogits(inputs, config, masked);
      const losses = softmaxCrossEntropy(logits, words!);
      const loss: tf.Scalar = tf.sum(tf.mul(losses, inputs.mlm_weights!));
      const correct = tf.cast(tf.equal(tf.argMax(logits, -1), words!), "int32");
      const outputs = { mlm_losses: losses, mlm_correct: correct };
      if (!nsp) return { loss, outputs };

      const nspLogits = dense(inputs, "cls.seq_relationship", pool(inputs, clsStates(states)));
      const nspLosses = softmaxCrossEntropy(nspLogits, inputs.nsp_labels!);
      return {
        loss: tf.add(loss, tf.sum(tf.mul(nspLosses, inputs.weights!))),
        outputs: { ...outputs, nsp_logits: nspLogits },
      };
    },
  };
}
