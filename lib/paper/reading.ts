/** What a classifier says of texts: the probabilities of the classes, from batches through whatever runs the model. */
import {
  type Batch,
  type Batches,
  type BatchOptions,
  cutPair,
  type EncodedExample,
  evaluationBatches,
  type Wordpieces,
} from "../training/batches.ts";
import type { Example } from "../data/examples.ts";
import type { TextStrategy } from "./long_text.ts";
import { measure, type Metrics } from "../results/metrics.ts";
import type { HostTensors } from "../tensors.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { StepBatch } from "../training/trainer.ts";

/** How a classifier reads texts. */
export interface Reading {
  /** Texts to wordpieces. */
  readonly tokenizer: Pick<Tokenizer, "encode">;
  /** What is done with long texts. */
  readonly text: TextStrategy;
  /** T, the longest input in wordpieces, [CLS] and [SEP] included. */
  readonly maxLength: number;
}

/**
 * What a classifier reads of an example, and how many wordpieces its texts have. The text strategy says nothing of
 * pairs: of those the longer text is cut first.
 */
export function readExample(
  { text, pair }: Omit<Example, "label">,
  { tokenizer, text: strategy, maxLength }: Reading,
): Wordpieces & { readonly length: number } {
  const first = tokenizer.encode(text);
  if (pair === undefined) return { pieces: strategy.pieces(first, maxLength), length: first.length };
  const second = tokenizer.encode(pair);
  return { ...cutPair(first, second, maxLength), length: first.length + second.length };
}

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
    return {
      ids: { shape: [rows * K, T], data: batch.ids.subarray(from * K * T, to * K * T) },
      mask: { shape: [rows * K, T], data: batch.mask.subarray(from * K * T, to * K * T) },
      ...typeIds
        ? { type_ids: { shape: [rows * K, T], data: typeIds.subarray(from * K * T, to * K * T) } }
        : {},
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

/**
 * Probabilities [N*C] of all examples, in their order: softmax(logits / temperature).
 *
 * @param evaluate the model without dropout: its outputs for a batch of one part, `logits` [B, C] among them
 * @param options.examples N
 * @param options.classes C
 * @param options.temperature of a calibrated model (Guo et al. 2017); 1 if not given
 * @param options.onExamples told after each batch how many examples are done
 */
export async function classProbabilities(
  evaluate: (batch: StepBatch) => Promise<HostTensors>,
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

/** What a model says of a split. */
export interface Evaluated {
  /** True classes [N]. */
  readonly expected: readonly number[];
  /** [N*C] */
  readonly probabilities: Float64Array;
  /** How right it is. */
  readonly metrics: Metrics;
}

/**
 * What a model in training says of labelled examples, and how right it is.
 *
 * @param evaluate as for {@linkcode classProbabilities}
 * @param options.classes C
 */
export async function evaluateExamples(
  evaluate: (batch: StepBatch) => Promise<HostTensors>,
  examples: readonly EncodedExample[],
  { classes, ...batching }: BatchOptions & { readonly classes: number },
): Promise<Evaluated> {
  const batches = evaluationBatches(examples, batching);
  const probabilities = await classProbabilities(evaluate, batches, { examples: examples.length, classes });
  const expected = examples.map(({ label }) => label);
  return { expected, probabilities, metrics: measure(probabilities, expected, classes) };
}
