/**
 * Cost of a run, before any of its weights are there: floating-point operations, counted from its shapes. B batch,
 * T tokens, H hidden, I inner width, L layers, V vocabulary, C classes, K fractions, P masked places.
 *
 * Matrix products are counted, a multiplication with its addition as two operations, and the optimizer's updates.
 * Embeddings, LayerNorm, GELU, softmax and dropout are not, and neither are the biLSTM of BERT-Feat, the pooling of
 * fractions and the measurements of pre-training. All sequences are as long as they may be: shorter
 * ones, whose tokens are packed, take less.
 */
import { type BertConfig, newConfig, readConfig } from "../bert/config.ts";
import { namedConfig } from "../bert/models.ts";
import { parameterShapes, preTrainingShapes } from "../bert/parameters.ts";
import type { Configuration, ResolvedPreTraining } from "./configuration.ts";
import { featureWidth, layerFeatures } from "../paper/layers.ts";
import { usualPreTraining } from "../paper/further_pretraining.ts";
import { textStrategy } from "../paper/long_text.ts";

/** Sizes of a run's data. */
export interface RunData {
  /** Training examples. */
  readonly train: number;
  /** Development examples. */
  readonly dev: number;
  /** Test examples. */
  readonly test: number;
  /** C; 2 if not given. */
  readonly classes?: number;
  /** Training examples of each task of multi-task fine-tuning; as many as `train` if not given. */
  readonly tasks?: readonly number[];
}

/** Floating-point operations of a run. */
export interface RunFlops {
  /** Operations of further pre-training; all runs that start from it share it. */
  readonly preTraining: number;
  /** Operations of multi-task fine-tuning; the runs of all its tasks share it. */
  readonly multiTask: number;
  /** Operations of the run's own training steps. */
  readonly fineTuning: number;
  /** Operations of measuring the classifier after epochs and at the end. */
  readonly evaluation: number;
}

/**
 * The model's configuration, all of its layers; a hub id's is not known before it is fetched.
 *
 * @throws InputError if it is neither a named model, nor new, nor a folder with a config.json.
 */
export async function modelShape({ model, architecture }: Configuration): Promise<BertConfig> {
  if (model !== "new") return namedConfig(model) ?? await readConfig(model);
  return newConfig({
    vocab_size: architecture.vocabulary,
    num_hidden_layers: architecture.layers,
    hidden_size: architecture.hidden,
    num_attention_heads: architecture.heads,
    intermediate_size: architecture.intermediate,
  });
}

/** A backward pass takes two products for each of the forward pass: for the inputs' gradient and the weights'. */
const forwardAndBackward = 3;

/** Operations of an update (training/optimizers.ts) for each parameter. */
const updateOperations = 15;

/**
 * Forward pass of one sequence through the encoder: L T (2 (4 H² + 2 H I) + 4 T H), for the four projections, the
 * feed-forward layers, and the attention's scores and sums.
 */
export function encoderFlops(config: BertConfig, tokens: number): number {
  const { num_hidden_layers: layers, hidden_size: hidden, intermediate_size: inner } = config;
  return layers * tokens * (2 * (4 * hidden ** 2 + 2 * hidden * inner) + 4 * tokens * hidden);
}

/**
 * Operations of a run of a model.
 *
 * @param config of the whole model, before the configuration's `layers` are kept
 * @throws InputError if the model does not have the layers, or there is no such text strategy.
 */
export function runFlops(config: BertConfig, configuration: Configuration, data: RunData): RunFlops {
  const { layers, epochs, evaluationsPerEpoch, protocol, preTraining, multiTask } = configuration;
  const model = { ...config, num_hidden_layers: layers ?? config.num_hidden_layers };
  const classifier = classifierFlops(model, configuration, data.classes ?? 2);
  const training = (examples: readonly number[], passes: number) =>
    passes * examples.reduce((sum, count) => sum + classifier.training(count), 0);
  const tasks = data.tasks ?? multiTask?.tasks.map(() => data.train) ?? [];
  const chosenBy = protocol === "paper" ? data.test : data.dev;
  const splits = evaluationsPerEpoch > 1 ? 2 : 1; // a curve shows a sample of the training texts, too
  const measured = epochs * evaluationsPerEpoch * splits * chosenBy + data.test;
  return {
    preTraining: preTraining ? preTrainingFlops(model, preTraining, maskedPlaces(configuration)) : 0,
    multiTask: multiTask ? training(tasks, multiTask.epochs) : 0,
    fineTuning: training([data.train], epochs),
    evaluation: measured * classifier.forward,
  };
}

/** P, the places of a sequence whose words are masked in pre-training; 0 without. */
export function maskedPlaces({ model, preTraining }: Configuration): number {
  const { maskedShare } = usualPreTraining[model === "new" ? "fresh" : "trained"];
  return Math.ceil(maskedShare * (preTraining?.maxLength ?? 0));
}

/** Forward pass of one text, and a pass of training over a number of texts. */
function classifierFlops(model: BertConfig, configuration: Configuration, classes: number) {
  const { text, maxFractions, maxLength, batchSize, method } = configuration;
  const features = layerFeatures(configuration.features, model.num_hidden_layers);
  const used = { ...model, num_hidden_layers: features.layers.at(-1)! + 1 };
  const fractions = textStrategy(text).pooling === undefined ? 1 : maxFractions;
  const width = featureWidth(features, model.hidden_size);
  const encoder = fractions * encoderFlops(used, maxLength);
  const steps = (examples: number) => Math.ceil(examples / batchSize);
  if (method === "feature-extraction") {
    return { forward: encoder, training: (examples: number) => steps(examples) * batchSize * encoder };
  }
  const pooler = features.combination === undefined ? 2 * model.hidden_size ** 2 : 0;
  const forward = encoder + pooler + 2 * width * classes;
  const update = updateOperations * sizeOf(parameterShapes(used, { labels: classes, features: width }));
  const step = batchSize * forwardAndBackward * forward + update;
  return { forward, training: (examples: number) => steps(examples) * step };
}

/** Head steps, in which only the heads learn, then steps of the whole model. */
function preTrainingFlops(
  model: BertConfig,
  { steps, headSteps, batchSize, maxLength, nsp }: ResolvedPreTraining,
  masked: number,
): number {
  const { hidden_size: hidden, vocab_size: vocabulary } = model;
  const encoder = encoderFlops(model, maxLength);
  const words = masked * (2 * hidden ** 2 + 2 * hidden * vocabulary);
  const heads = words + (nsp ? 2 * hidden ** 2 + 2 * hidden * 2 : 0);
  const update = updateOperations * sizeOf(preTrainingShapes(model, { nsp }));
  const headStep = batchSize * (encoder + forwardAndBackward * heads);
  const step = batchSize * forwardAndBackward * (encoder + heads) + update;
  return headSteps * headStep + steps * step;
}

function sizeOf(shapes: ReadonlyMap<string, readonly number[]>): number {
  return [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((size, n) => size * n, 1), 0);
}
