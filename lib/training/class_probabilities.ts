/** The probabilities that a classifier gives the classes of texts, and how right they are. */
import { InputError } from "../errors.ts";
import { measure, type Metrics } from "../results/metrics.ts";
import { chooseThresholds, labelMatrix, measureLabels } from "../results/multi_label.ts";
import type { HostTensors } from "../tensors.ts";
import { type BatchOptions, evaluationBatches, type TextBatch } from "./batches.ts";
import type { EncodedExample } from "./text_tensors.ts";
import type { StepBatch } from "./step.ts";

/** A model without dropout: its outputs for a batch of one part, `logits` [B, C] among them. */
export type Evaluate = (batch: StepBatch) => Promise<HostTensors>;

/**
 * Probabilities [N*C] of all examples, in their order: softmax(logits / temperature), or, where a text may have several
 * labels, sigmoid(logits).
 *
 * @param options.examples N
 * @param options.classes C
 * @param options.temperature of a calibrated model (Guo et al. 2017); 1 if not given
 * @param options.multiLabel whether a text may have several labels; false if not given
 * @param options.onExamples told after each batch how many examples are done
 * @throws InputError if a text's logits are not finite.
 */
export async function classProbabilities<Batch extends Pick<TextBatch, "indices" | "examples">>(
  evaluate: (batch: Batch) => Promise<HostTensors>,
  batches: Iterable<Batch>,
  { examples, classes, temperature = 1, multiLabel = false, onExamples }: {
    readonly examples: number;
    readonly classes: number;
    readonly temperature?: number;
    readonly multiLabel?: boolean;
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
      const own = multiLabel
        ? scores.map((score) => 1 / (1 + Math.exp(-score)))
        : softmax(scores, temperature);
      probabilities.set(own, index * classes);
    });
    onExamples?.(done += batch.examples);
  }
  return probabilities;
}

function softmax(scores: readonly number[], temperature: number): number[] {
  const largest = scores.reduce((largest, score) => Math.max(largest, score));
  const exponents = scores.map((score) => Math.exp((score - largest) / temperature));
  const sum = exponents.reduce((sum, exponent) => sum + exponent, 0);
  return exponents.map((exponent) => exponent / sum);
}

/** The predictions for a split. */
export interface Evaluated {
  /** True classes [N]; where a text may have several labels, 1 for each that it has and 0 for the others [N*C]. */
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
 * @param options.thresholds [C] of labels of which a text may have several; those that suit the examples if not given
 */
export async function evaluateExamples(
  evaluate: Evaluate,
  examples: readonly EncodedExample[],
  { classes, thresholds, ...batching }: BatchOptions & {
    readonly classes: number;
    readonly thresholds?: readonly number[];
  },
): Promise<Evaluated> {
  const batches = evaluationBatches(examples, batching);
  const multiLabel = batching.multiLabel !== undefined;
  const all = { examples: examples.length, classes, multiLabel };
  const probabilities = await classProbabilities(evaluate, batches, all);
  if (multiLabel) {
    const expected = labelMatrix(examples, classes);
    const chosen = thresholds ?? chooseThresholds(probabilities, expected, classes).thresholds;
    return { expected, probabilities, metrics: measureLabels(probabilities, expected, chosen) };
  }
  const expected = examples.map(({ label }) => label);
  return { expected, probabilities, metrics: measure(probabilities, expected, classes) };
}

/**
 * Returns true if a model is better: fewer errors, or as many and a smaller loss; where a text may have several labels,
 * a larger micro F1 takes the place of fewer errors.
 */
export function isBetter(first: Compared, than: Compared): boolean {
  const [error, other] = [errorOf(first), errorOf(than)];
  return error < other || (error === other && first.loss < than.loss);
}

type Compared = Pick<Metrics, "errorRate" | "loss" | "multiLabel">;

function errorOf({ errorRate, multiLabel }: Compared): number {
  return multiLabel ? 1 - multiLabel.microF1 : errorRate;
}
