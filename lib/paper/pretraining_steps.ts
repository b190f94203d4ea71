/** Batches of further pre-training as the training step takes them, and what a model knows of held-out documents. */
import type { PreTrainingBatch, PreTrainingBatches } from "./masked_words.ts";
import { InputError } from "../errors.ts";
import type { HostTensors } from "../tensors.ts";
import type { StepBatch, Trainer } from "../training/trainer.ts";

/** What a model knows of the held-out documents, always with the same masks. */
export interface PreTrainingEvaluation {
  /** Updates made before, head steps included; 0 is the model that it started from. */
  readonly step: number;
  /** Mean cross-entropy of the masked wordpieces, in nats. */
  readonly mlmLoss: number;
  /** Share of the masked wordpieces whose likeliest guess is right. */
  readonly mlmAccuracy: number;
  /** Mean cross-entropy of "does the second segment follow", in nats. */
  readonly nspLoss?: number;
  /** Share of the pairs that are told right. */
  readonly nspAccuracy?: number;
}

/** The batch of a step, counted over all passes through the documents; passes differ in length. */
export function batchFinder(
  pass: (epoch: number) => PreTrainingBatches,
): (step: number) => PreTrainingBatch {
  const starts = [0];
  let current: { epoch: number; batches: PreTrainingBatches } | undefined;
  const open = (epoch: number) => {
    if (current?.epoch !== epoch) current = { epoch, batches: pass(epoch) };
    return current.batches;
  };
  return (step) => {
    while (starts.at(-1)! <= step) starts.push(starts.at(-1)! + open(starts.length - 1).length);
    const epoch = starts.findLastIndex((start) => start <= step);
    return open(epoch).at(step - starts[epoch]!);
  };
}

/** A batch as the training step takes it: losses are means over the masked places, and over the pairs. */
export function preTrainingStep(batch: PreTrainingBatch, nsp: boolean, headsOnly = false): StepBatch {
  const { B, T, P } = batch.shape;
  const masked = batch.mlmWeights.reduce((sum, weight) => sum + weight, 0);
  const pairs: HostTensors = {
    nsp_labels: { shape: [B], data: batch.nspLabels },
    weights: { shape: [B], data: new Float32Array(B).fill(1 / B) },
  };
  const part: HostTensors = {
    ids: { shape: [B, T], data: batch.ids },
    mask: { shape: [B, T], data: batch.mask },
    type_ids: { shape: [B, T], data: batch.typeIds },
    positions: { shape: [B * P], data: batch.positions },
    mlm_labels: { shape: [B * P], data: batch.mlmLabels },
    mlm_weights: { shape: [B * P], data: batch.mlmWeights.map((weight) => weight / Math.max(1, masked)) },
    ...nsp ? pairs : {},
  };
  const shape = headsOnly ? { B, T, P, headsOnly } : { B, T, P };
  return { shape, parts: [part], examples: batch.examples, tokens: batch.tokens };
}

/**
 * Losses and right guesses over all held-out batches, without dropout.
 *
 * @throws InputError if no wordpiece of them can be masked.
 */
export async function measurePreTraining(
  trainer: Trainer,
  batches: PreTrainingBatches,
  nsp: boolean,
): Promise<PreTrainingEvaluation> {
  const mlm = { loss: 0, right: 0, count: 0 };
  const next = { loss: 0, right: 0, count: 0 };
  for (const batch of batches) {
    const outputs = await trainer.evaluate(preTrainingStep(batch, nsp));
    batch.mlmWeights.forEach((weight, place) => {
      mlm.loss += weight * outputs.mlm_losses!.data[place]!;
      mlm.right += weight * outputs.mlm_correct!.data[place]!;
      mlm.count += weight;
    });
    if (!nsp) continue;
    batch.nspLabels.forEach((label, row) => {
      const logits = outputs.nsp_logits!.data.subarray(2 * row, 2 * row + 2);
      const margin = logits[label]! - logits[1 - label]!;
      next.loss += Math.max(0, -margin) + Math.log1p(Math.exp(-Math.abs(margin)));
      next.right += margin > 0 ? 1 : 0;
      next.count++;
    });
  }
  if (mlm.count === 0) {
    throw new InputError(
      "Cannot measure how masked words are guessed as no wordpiece of the held-out texts can be masked: take a model " +
        "whose vocabulary knows the texts' language, or more texts",
    );
  }
  return {
    step: trainer.updates,
    mlmLoss: mlm.loss / mlm.count,
    mlmAccuracy: mlm.right / mlm.count,
    ...nsp ? { nspLoss: next.loss / next.count, nspAccuracy: next.right / next.count } : {},
  };
}
