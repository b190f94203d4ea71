/**
 * The steps of further pre-training (paper section 5.4): at which rates they are made, on which batches, and what a model
 * knows of held-out documents between them.
 */
import { InputError } from "../errors.ts";
import type { PreTrainingMeasures } from "../results/records.ts";
import type { HostTensors } from "../tensors.ts";
import { sequenceTensors } from "../training/sequence_tensors.ts";
import type { StepBatch } from "../training/step.ts";
import type { Trainer } from "../training/trainer.ts";
import type { PreTrainingBatch, PreTrainingBatches, PreTrainingOptions } from "./pretraining_batches.ts";

/** Steps in which the rate of pre-training rises and falls, and the values between which it does. */
export interface PreTrainingRateSettings {
  /** Updates of the whole model. */
  readonly steps: number;
  /** Updates of the heads alone before those. */
  readonly headSteps: number;
  /** The constant rate of those. */
  readonly headLearningRate: number;
  /** The highest rate of the whole model. */
  readonly learningRate: number;
  /** Steps over which the rate rises from 0. */
  readonly warmupSteps: number;
  /** Steps at the end over which it falls to 0, at most all after the warm-up. */
  readonly decaySteps: number;
  /** `true` if it jumps after the warm-up to a straight line from step 0 on, as in BERT's own code (optimization.py). */
  readonly jumps: boolean;
}

/** Rates by parameter and update: first of the heads alone, then of all, up, level and down in straight lines. */
export function preTrainingRates(
  { steps, headSteps, headLearningRate, learningRate, warmupSteps, decaySteps, jumps }:
    PreTrainingRateSettings,
): (parameter: string, update: number) => number {
  const decay = jumps ? steps : Math.max(1, Math.min(decaySteps, steps - warmupSteps));
  return (_, update) => {
    const step = update - headSteps;
    if (step < 0) return headLearningRate;
    const warm = warmupSteps > 0 ? step / warmupSteps : 1;
    const left = (steps - step) / decay;
    return learningRate * (jumps && step < warmupSteps ? warm : Math.min(1, warm, left));
  };
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

type MaskedStepOptions = Pick<PreTrainingOptions, "nextSentence" | "tokenizerIds" | "devices">;

/** A batch as the training step takes it: losses are means over the masked places, and over the pairs. */
export function maskedStep(
  { sequences, shape, tokens }: PreTrainingBatch,
  { nextSentence = true, tokenizerIds: { pad }, devices }: MaskedStepOptions,
  headsOnly = false,
): StepBatch {
  const { B, P } = shape;
  const { tensors, starts } = sequenceTensors(sequences, { ...shape, pairs: true }, pad, devices);
  const count = sequences.reduce((sum, { masked }) => sum + masked.length, 0);
  const masked = new Int32Array(B * P);
  const labels = new Int32Array(B * P);
  const weights = new Float32Array(B * P);
  sequences.forEach((sequence, b) => {
    masked.fill(starts[b]!, b * P, (b + 1) * P);
    sequence.masked.forEach(([place, label], p) => {
      masked[b * P + p]! += place;
      labels[b * P + p] = label;
      weights[b * P + p] = 1 / count;
    });
  });
  const pairs: HostTensors = {
    nsp_labels: { shape: [B], data: Int32Array.from(sequences, ({ nspLabel }) => nspLabel) },
    weights: { shape: [B], data: new Float32Array(B).fill(1 / B) },
  };
  const part: HostTensors = {
    ...tensors,
    masked: { shape: [B * P], data: masked },
    mlm_labels: { shape: [B * P], data: labels },
    mlm_weights: { shape: [B * P], data: weights },
    ...nextSentence ? pairs : {},
  };
  return { shape: headsOnly ? { ...shape, headsOnly } : shape, parts: [part], examples: B, tokens };
}

/** Measures of a model on the held-out documents, always with the same masks. */
export interface PreTrainingEvaluation extends PreTrainingMeasures {
  /** Updates made before, head steps included; 0 is the model that it started from. */
  readonly step: number;
}

/**
 * Losses and right guesses over all held-out batches, without dropout.
 *
 * @throws InputError if no wordpiece of them can be masked.
 */
export async function measureHeldOut(
  trainer: Trainer,
  batches: PreTrainingBatches,
  options: MaskedStepOptions,
): Promise<PreTrainingEvaluation> {
  const { nextSentence: nsp = true } = options;
  const mlm = { loss: 0, right: 0, count: 0 };
  const next = { loss: 0, right: 0, count: 0 };
  for (const batch of batches) {
    const outputs = await trainer.evaluate(maskedStep(batch, options));
    batch.sequences.forEach(({ masked, nspLabel: label }, b) => {
      for (const p of masked.keys()) {
        mlm.loss += outputs.mlm_losses!.data[b * batch.shape.P + p]!;
        mlm.right += outputs.mlm_correct!.data[b * batch.shape.P + p]!;
        mlm.count++;
      }
      if (!nsp) return;
      const logits = outputs.nsp_logits!.data.subarray(2 * b, 2 * b + 2);
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

/** Steps after which the model is measured: every so many in both phases, at the end of each, and where asked for. */
export function evaluationSteps(
  headSteps: number,
  total: number,
  every: number,
  besides: readonly number[] = [],
): number[] {
  if (!(every >= 1)) throw new RangeError(`Expected at least 1 step between measurements, found ${every}`);
  const phase = (from: number, to: number) =>
    Array.from({ length: Math.ceil((to - from) / every) }, (_, i) => Math.min(to, from + (i + 1) * every));
  const asked = besides.map((step) => headSteps + step).filter((step) => step > headSteps && step < total);
  return [...new Set([...phase(0, headSteps), ...phase(headSteps, total), ...asked])].sort((a, b) => a - b);
}
