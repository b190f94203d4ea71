/** The probabilities that a classifier gives the classes of texts, and how right they are. */
import { InputError } from "../errors.ts";
import { measure, type Metrics } from "../results/metrics.ts";
import type { HostTensors } from "../tensors.ts";
import { type BatchOptions, evaluationBatches, type TextBatch } from "./batches.ts";
import type { EncodedExample } from "./text_tensors.ts";
import type { StepBatch } from "./step.ts";

/** A model without dropout: its outputs for a batch of one part, `logits` [B, C] among them. */
export type Evaluate = (batch: StepBatch) => Promise<HostTensors>;

/**
 * Probabilities [N*C] of all examples, in their order: softmax(logits / temperature).
 *
 * @param options.examples N
 * @param options.classes C
 * @param options.temperature of a calibrated model (Guo et al. 2017); 1 if not given
 * @param options.onExamples told after each batch how many examples are done
 * @throws InputError if a text's logits are not finite.
 */
export async function classProbabilities<Batch extends Pick<TextBatch, "indices" | "examples">>(
  evaluate: (batch: Batch) => Promise<HostTensors>,
  batches: Iterable<Batch>,
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
    const { logits } = await evaluate(batch);
    batch.indices.forEach((index, row) => {
      if (index < 0) return;
      const scores = Array.from(logits!.data.subarray(row * classes, (row + 1) * classes));
      const fault = scores.find((score) => !Number.isFinite(score));
      if (fault !== undefined) {
        throw new InputError(
          `Cannot tell the texts' classes as the model's logits are not finite (found ${fault}): its weights are ` +
            "damaged or too large, so take another copy of the model, or train it again at a lower learning rate",
        );
      }
      const largest = scores.reduce((largest, score) => Math.max(largest, score));
      const exponents = scores.map((score) => Math.exp((score - largest) / temperature));
      const sum = exponents.reduce((sum, exponent) => sum + exponent, 0);
      exponents.forEach((exponent, c) => probabilities[index * classes + c] = exponent / sum);
    });
    onExamples?.(done += batch.examples);
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
