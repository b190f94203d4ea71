/** Batches of texts as the training step takes them: in parts that fit into memory, with weights that sum to 1. */
import { InputError } from "../errors.ts";
import type { HostTensors } from "../tensors.ts";
import type { Batch, Batches } from "./batches.ts";
import type { EpochBatches } from "./loop.ts";
import type { StepBatch } from "./trainer.ts";

/**
 * A batch as a step takes it, in parts of `rows` texts; the weights of all its texts sum to 1.
 *
 * @param classWeights [C] the weight of a class's texts in the loss; all alike if not given
 */
export function stepBatch(batch: Batch, rows: number, classWeights?: readonly number[]): StepBatch {
  const { B, K, T, pairs } = batch.shape;
  const { typeIds, labels } = batch;
  const total = (weights: Float32Array) => weights.reduce((sum, weight) => sum + weight, 0);
  const weights = classWeights
    ? batch.weights.map((weight, row) => weight * classWeights[labels[row]!]!)
    : batch.weights;
  const sum = total(weights);
  const parts = Array.from({ length: B / rows }, (_, part): HostTensors => {
    const [from, to] = [part * rows, (part + 1) * rows];
    const tokens = (all: Int32Array) => ({
      shape: [rows * K, T],
      data: all.subarray(from * K * T, to * K * T),
    });
    return {
      ids: tokens(batch.ids),
      mask: tokens(batch.mask),
      ...typeIds ? { type_ids: tokens(typeIds) } : {},
      fraction_mask: { shape: [rows, K], data: batch.fractionMask.subarray(from * K, to * K) },
      labels: { shape: [rows], data: labels.subarray(from, to) },
      weights: { shape: [rows], data: weights.subarray(from, to).map((weight) => weight / sum) },
    };
  });
  return {
    shape: { B: rows, K, T, ...pairs ? { pairs } : {} },
    parts,
    examples: total(batch.weights),
    tokens: batch.realTokens,
  };
}

/** All batches so, made when they are asked for. */
export function stepBatches(batches: Batches, rows: number, classWeights?: readonly number[]): EpochBatches {
  return { length: batches.length, at: (place) => stepBatch(batches.at(place), rows, classWeights) };
}

/** The batches of one of `parts` consecutive parts of an epoch. */
export function partOfEpoch({ length, at }: EpochBatches, part: number, parts: number): EpochBatches {
  const [from, to] = [part, part + 1].map((end) => Math.floor(end * length / parts)) as [number, number];
  return { length: to - from, at: (place) => at(from + place) };
}

/** Texts of one pass. @throws InputError if passes do not make whole batches, or the devices do not divide them. */
export function passSize(
  { batchSize, microBatchSize }: { readonly batchSize: number; readonly microBatchSize?: number | null },
  devices = 1,
): number {
  const size = microBatchSize ?? batchSize;
  if (batchSize % size !== 0) {
    throw new InputError(
      `Cannot split a batch of ${batchSize} texts into passes of ${size}: give a divisor of the batch size`,
    );
  }
  if (size % devices !== 0) {
    throw new InputError(
      `Cannot split passes of ${size} texts evenly over ${devices} devices: give batches of a size that they divide`,
    );
  }
  return size;
}

/** The weight n / (C · n_c) of each class c, which has n_c of the n examples: all classes weigh alike in the loss. */
export function balancedWeights(examples: readonly { readonly label: number }[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { label } of examples) counts[label]!++;
  return counts.map((count) => count > 0 ? examples.length / (classes * count) : 0);
}
