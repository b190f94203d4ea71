/** The division of a batch into passes, and of the loss among classes. */
import { InputError } from "../errors.ts";

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
