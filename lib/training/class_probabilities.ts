/** The probabilities that a classifier gives the classes of texts, and how right they are. */
import { measure, type Metrics } from "../results/metrics.ts";
import type { HostTensors } from "../tensors.ts";
import { type Batches, type BatchOptions, type EncodedExample, evaluationBatches } from "./batches.ts";
import { stepBatch } from "./step_batches.ts";
import type { StepBatch } from "./trainer.ts";

/** A model without dropout: its outputs for a batch of one part, `logits` [B, C] among them. */
export type Evaluate = (batch: StepBatch) => Promise<HostTensors>;

/**
 * Probabilities [N*C] of all examples, in their order: softmax(logits / temperature).
 *
 * @param options.examples N
 * @param options.classes C
 * @param options.temperature of a calibrated model (Guo et al. 2017); 1 if not given
 * @param options.onExamples told after each batch how many examples are done
 */
export async function classProbabilities(
  evaluate: Evaluate,
  batches: Batches,
  { examples, classes, temperature = 1, onExamples }: {
    readonly examples: number;
    readonly classes: number;
    readonly temperature?: number;
    readonly onExamples?: (done: number) => void;
  },
): Promise<Float64Array> {
  const probabilities = new Float64Array(examples * classes);
  let done = 0;
  for (const batch of batches) {
    const step = stepBatch(batch, batch.shape.B);
    const { logits } = await evaluate(step);
    batch.indices.forEach((index, row) => {
      if (index < 0) return;
      const scores = Array.from(logits!.data.subarray(row * classes, (row + 1) * classes));
      const largest = scores.reduce((largest, score) => Math.max(largest, score));
      const exponents = scores.map((score) => Math.exp((score - largest) / temperature));
      const sum = exponents.reduce((sum, exponent) => sum + exponent, 0);
      exponents.forEach((exponent, c) => probabilities[index * classes + c] = exponent / sum);
    });
    onExamples?.(done += step.examples);
  }
  return probabilities;
}

/** The predictions for a split. */
export interface Evaluated {
  /** True classes [N]. */
  readonly expected: readonly number[];
  /** [N*C] */
  readonly probabilities: Float64Array;
  /** The measures of the predictions. */
  readonly metrics: Metrics;
}

/**
 * Evaluates a model in training on labelled examples.
 *
 * @param options.classes C
 */
export async function evaluateExamples(
  evaluate: Evaluate,
  examples: readonly EncodedExample[],
  { classes, ...batching }: BatchOptions & { readonly classes: number },
): Promise<Evaluated> {
  const batches = evaluationBatches(examples, batching);
  const probabilities = await classProbabilities(evaluate, batches, { examples: examples.length, classes });
  const expected = examples.map(({ label }) => label);
  return { expected, probabilities, metrics: measure(probabilities, expected, classes) };
}

/** Returns true if a model is better: fewer errors, or as many and a smaller loss. */
export function isBetter(
  { errorRate, loss }: Pick<Metrics, "errorRate" | "loss">,
  than: Pick<Metrics, "errorRate" | "loss">,
): boolean {
  return errorRate < than.errorRate || (errorRate === than.errorRate && loss < than.loss);
}

/**
 * Texts of an evaluation batch: as many as of a training batch, or fewer where the rows that fill up the last batch would
 * be more than a twentieth of all; a multiple of the devices, if the training batch is.
 */
export function evaluationSize(examples: number, batchSize: number, devices: number): number {
  const batches = Math.ceil(examples / batchSize);
  return batches * batchSize - examples > examples / 20
    ? Math.min(batchSize, Math.ceil(examples / batches / devices) * devices)
    : batchSize;
}
