/**
 * BERT's two tasks of pre-training (Devlin et al. 2019, section 3.1), which further pre-training continues (paper
 * section 5.4): the masked language model and next sentence prediction. The same is computed as by Hugging Face's
 * BertForPreTraining, or without next sentence prediction by BertForMaskedLM.
 */
import * as tf from "@tensorflow/tfjs";
import { type DropoutKey, embedding, linear, softmaxCrossEntropy } from "../graph/composites.ts";
import type { Signature, Tensors } from "../graph/graph.ts";
import type { BertConfig } from "./config.ts";
import { encoderInput, sequenceFeeds, type SequenceShape } from "./feeds.ts";
import { clsStates, encode, pool } from "./encoder.ts";
import { ACTIVATIONS, dense, norm, parameter, type Parameters } from "./modules.ts";
import { familyOf } from "./family/families.ts";
import { type PreTrainingHeads, readsNextSentences } from "./parameters.ts";

/** The shape of a batch: B sequences, up to P tokens of each masked. */
export interface PreTrainingShape extends SequenceShape {
  readonly B: number;
  readonly P: number;
  /** True if only the heads are trained; the encoder and the pooler stay as they are. */
  readonly headsOnly?: boolean;
}

/**
 * Returns names, shapes and types of a batch's tensors. `masked` are the masked places in the list of tokens, or in all
 * padded sequences; a sequence with fewer than P of them is filled up with places of weight 0.
 */
function preTrainingFeeds({ B, P, ...sequences }: PreTrainingShape, nsp: boolean): Record<string, Signature> {
  return {
    ...sequenceFeeds({ ...sequences, pairs: true }, B),
    masked: { shape: [B * P], dtype: "int32" },
    mlm_labels: { shape: [B * P], dtype: "int32" },
    mlm_weights: { shape: [B * P], dtype: "float32" },
    ...(nsp ? { nsp_labels: { shape: [B], dtype: "int32" }, weights: { shape: [B], dtype: "float32" } } : {}),
  };
}

/** Computes the logits [R, V] of the words at masked places from their states [R, H]; the word table is the decoder. */
function wordLogits(parameters: Parameters, config: BertConfig, states: tf.Tensor): tf.Tensor {
  const { head, wordsActivation: activation = config.hidden_act } = familyOf(config);
  const name = "cls.predictions.transform";
  const transformed = () => {
    const inner = ACTIVATIONS[activation](dense(parameters, `${name}.dense`, states));
    return norm(parameters, config, `${name}.LayerNorm`, inner);
  };
  return linear(
    head.norm ? pool(parameters, states, config) : transformed(),
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
export function pretrainer(config: BertConfig, heads: PreTrainingHeads = {}): {
  feeds(shape: unknown): Record<string, Signature>;
  trains(parameter: string, shape: unknown): boolean;
  loss(inputs: Tensors, key?: DropoutKey): { loss: tf.Scalar; outputs: Tensors };
} {
  const nsp = readsNextSentences(config, heads);
  return {
    feeds: (shape) => preTrainingFeeds(shape as PreTrainingShape, nsp),
    trains: (parameter, shape) =>
      !(shape as PreTrainingShape).headsOnly || parameter.startsWith("cls.") ||
      familyOf(config).head.norm === true && parameter.startsWith("bert.pooler."),
    loss(inputs, key) {
      const { mlm_labels: words, masked: places } = inputs;
      const input = encoderInput(inputs);
      const states = encode(inputs, config, input, key).at(-1)!;
      const masked = embedding(tf.reshape(states, [-1, config.hidden_size]), places!);
      const logits = wordLogits(inputs, config, masked);
      const losses = softmaxCrossEntropy(logits, words!);
      const loss: tf.Scalar = tf.sum(tf.mul(losses, inputs.mlm_weights!));
      const correct = tf.cast(tf.equal(tf.argMax(logits, -1), words!), "int32");
      const outputs = { mlm_losses: losses, mlm_correct: correct };
      if (!nsp) return { loss, outputs };

      const nspLogits = dense(inputs, "cls.seq_relationship", pool(inputs, clsStates(states, input)));
      const nspLosses = softmaxCrossEntropy(nspLogits, inputs.nsp_labels!);
      return {
        loss: tf.add(loss, tf.sum(tf.mul(nspLosses, inputs.weights!))),
        outputs: { ...outputs, nsp_logits: nspLogits },
      };
    },
  };
}
