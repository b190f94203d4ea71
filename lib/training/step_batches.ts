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

/** Weights in the loss of each class [C]: of a text that has its label, and of one that has not. */
export interface LabelWeights {
  readonly present: readonly number[];
  readonly absent: readonly number[];
}

/**
 * The weights n / (2 n_c) of the n_c texts with the label c, and n / (2 (n − n_c)) of those without it: all labels weigh
 * alike in the loss, and of each label both answers.
 */
export function balancedLabelWeights(
  examples: readonly { readonly classes?: readonly number[] }[],
  classes: number,
): LabelWeights {
  const counts = new Array<number>(classes).fill(0);
  for (const c of examples.flatMap(({ classes = [] }) => classes)) counts[c]!++;
  const n = examples.length;
  const weight = (count: number) => count > 0 ? n / (2 * count) : 0;
  return { present: counts.map(weight), absent: counts.map((count) => weight(n - count)) };
}

/** The weight n / (C · n_c) of each class c, which has n_c of the n examples: all classes weigh alike in the loss. */
export function balancedWeights(examples: readonly { readonly label: number }[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { label } of examples) counts[label]!++;
  return counts.map((count) => count > 0 ? examples.length / (classes * count) : 0);
}

/**
 * Returns the options of batches on which the loss depends: classes of which a text may have several, and their weights.
 *
 * @param train the training texts, by which weights are balanced
 */
export function lossOptions(
  { labels, multiLabel }: { readonly labels: readonly string[]; readonly multiLabel?: boolean },
  train: readonly { readonly label: number; readonly classes?: readonly number[] }[] = [],
  classWeights?: "none" | "balanced",
): { multiLabel?: number; labelWeights?: LabelWeights; classWeights?: number[] } {
  const [C, balanced] = [labels.length, classWeights === "balanced" && train.length > 0];
  if (!multiLabel) return { classWeights: balanced ? balancedWeights(train, C) : undefined };
  return { multiLabel: C, labelWeights: balanced ? balancedLabelWeights(train, C) : undefined };
}

/** Returns the weights of a text in the loss, before they are divided by their sum: one, or one for each of its labels. */
export function weightsOf(
  text: { readonly label: number; readonly classes?: readonly number[] } | undefined,
  { classWeights, multiLabel: C, labelWeights }: {
    readonly classWeights?: readonly number[];
    readonly multiLabel?: number;
    readonly labelWeights?: LabelWeights;
  },
): number[] {
  if (C === undefined) return [text ? classWeights?.[text.label] ?? 1 : 0];
  if (!text || !labelWeights) return new Array<number>(C).fill(text ? 1 : 0);
  const weights = [...labelWeights.absent];
  for (const c of text.classes ?? []) weights[c] = labelWeights.present[c]!;
  return weights;
}
