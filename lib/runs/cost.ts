/**
 * Cost of a run, before any of its weights are there: floating-point operations, counted from its shapes. B batch,
 * T tokens, H hidden, I inner width, L layers, V vocabulary, C classes, K fractions, P masked places.
 *
 * Matrix products are counted, a multiplication with its addition as two operations, and the optimizer's updates.
 * Embeddings, LayerNorm, GELU, softmax and dropout are not, and neither are the biLSTM of BERT-Feat, the pooling of
 * fractions and the measurements of pre-training. Tokens and pairs of places are those of the batches
 * (training/batches.ts) that a sample of the texts makes. Where there is none, and in pre-training, all sequences are
 * as long as they may be.
 */
import { type BertConfig, newConfig, readConfig } from "../bert/config.ts";
import { familyOf } from "../bert/family/families.ts";
import { namedConfig } from "../bert/models.ts";
import { parameterShapes, preTrainingShapes, readsNextSentences } from "../bert/parameters.ts";
import { paperSets } from "../data/paper_sets.ts";
import { usualPreTraining } from "../paper/further_pretraining.ts";
import { featureWidth, layerFeatures } from "../paper/layers.ts";
import { textStrategy } from "../paper/long_text.ts";
import {
  type BatchOptions,
  type Computed,
  evaluationBatches,
  type TextBatches,
  trainingBatches,
} from "../training/batches.ts";
import { type PackedSize, packedSizes } from "../training/packing.ts";
import type { EncodedExample } from "../training/text_tensors.ts";
import type { Configuration, ResolvedPreTraining } from "./configuration.ts";
import { having, requireArguments } from "../storage/arguments.ts";
import { number, object, optional } from "../storage/json.ts";

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
  /** Texts of a data set as the run reads them, or a sample of them, by its name; the longest ones if not given. */
  readonly samples?: Readonly<Record<string, readonly EncodedExample[] | undefined>>;
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
const backwardPass = 2;

/** Operations of an update (training/optimizers.ts) for each parameter. */
const updateOperations = 15;

/**
 * Forward pass of sequences through the encoder: L (2 (4 H² + 2 H I) tokens + 4 H pairs), for the four projections, the
 * feed-forward layers, and the attention's scores and sums.
 *
 * @param computed tokens, and pairs of places in the rows of attention
 * @param kept tokens whose states the last layer makes: it projects the attention's sums and feeds them forward for
 * these alone; all if not given
 */
export function encoderFlops(
  config: BertConfig,
  computed: { readonly tokens: number; readonly pairs: number },
  kept?: number,
): number {
  requireArguments("encoderFlops", {
    config: [config, having("a model's configuration", "hidden_size", "num_hidden_layers")],
    computed: [computed, object({ tokens: number(0), pairs: number(0) })],
    kept: [kept, optional(number(0))],
  });
  const { num_hidden_layers: layers, hidden_size: hidden, intermediate_size: inner } = config;
  const { tokens, pairs } = computed;
  const matrices = familyOf(config).modern ? 3 : 2; // GeGLU has a gate besides
  const all = layers * (2 * (4 * hidden ** 2 + matrices * hidden * inner) * tokens + 4 * hidden * pairs);
  return all - (tokens - (kept ?? tokens)) * 2 * (hidden ** 2 + matrices * hidden * inner);
}

/**
 * Operations of a run of a model.
 *
 * @param config of the whole model, before the configuration's `layers` are kept
 * @throws InputError if the model does not have the layers, or there is no such text strategy.
 */
export function runFlops(config: BertConfig, configuration: Configuration, data: RunData): RunFlops {
  requireArguments("runFlops", {
    config: [config, having("a model's configuration", "hidden_size", "num_hidden_layers")],
    configuration: [configuration, having("the configuration of a run", "epochs")],
    data: [data, having("the data of a run")],
  });
  const { layers, epochs, evaluationsPerEpoch, protocol, preTraining, multiTask, batchSize } = configuration;
  const model = { ...config, num_hidden_layers: layers ?? config.num_hidden_layers };
  const { forward, backward, update } = classifierFlops(model, configuration, data.classes ?? 2);
  const options = batchesOf(configuration);
  const sampleOf = (name: string) => data.samples?.[name] ?? longestTexts(configuration, name);
  const training = (name: string, examples: number) => {
    const make = (texts: readonly EncodedExample[]) => trainingBatches(texts, options, [0])[0]!;
    const computed = computedFor(examples, sampleOf(name), make, batchSize);
    return (1 + backward) * forward(computed) + Math.ceil(examples / batchSize) * update;
  };
  const measuring = (examples: number) =>
    forward(
      computedFor(examples, sampleOf(configuration.data), (texts) => evaluationBatches(texts, options)),
    );
  const tasks = multiTask?.tasks.map((name, i) => training(name, data.tasks?.[i] ?? data.train)) ?? [];
  const chosenBy = protocol === "paper" ? data.test : data.dev;
  const splits = evaluationsPerEpoch > 1 ? 2 : 1; // a curve shows a sample of the training texts, too
  return {
    preTraining: preTraining ? preTrainingFlops(model, preTraining, maskedPlaces(configuration)) : 0,
    multiTask: (multiTask?.epochs ?? 0) * tasks.reduce((sum, flops) => sum + flops, 0),
    fineTuning: epochs * training(configuration.data, data.train),
    evaluation: epochs * evaluationsPerEpoch * splits * measuring(chosenBy) + measuring(data.test),
  };
}

/** The options of a run's batches, on one device. */
export function batchesOf(
  { batchSize, microBatchSize, maxLength, padToMax }: Configuration,
): BatchOptions {
  const tokenizerIds = { cls: 0, sep: 0, pad: 0 };
  return { batchSize, passSize: microBatchSize ?? batchSize, maxLength, padToMax, tokenizerIds };
}

/** Sixteen batches of the longest texts that a run can read of a data set: all fractions, all tokens. */
export function longestTexts(
  { text, maxFractions, maxLength, batchSize }: Configuration,
  data: string,
): EncodedExample[] {
  const isOfPairs = paperSets.some(({ name, pair }) => name === data && pair !== undefined);
  const whole = isOfPairs
    ? { pieces: [new Int32Array(maxLength - 3)], second: new Int32Array(0) }
    : { pieces: longestPieces(text, maxFractions, maxLength) };
  return Array.from({ length: 16 * batchSize }, (_, index) => ({ ...whole, label: 0, index }));
}

function longestPieces(text: string, maxFractions: number, maxLength: number): Int32Array[] {
  const fractions = textStrategy(text).pooling === undefined ? 1 : maxFractions;
  return new Array<Int32Array>(fractions).fill(new Int32Array(maxLength - 2));
}

/** What batches of some examples compute, by those of a sample, of whole batches if it has fewer texts. */
function computedFor(
  examples: number,
  sample: readonly EncodedExample[],
  make: (texts: readonly EncodedExample[]) => TextBatches,
  batchSize = 1,
): Computed {
  const whole = Math.max(batchSize, sample.length - sample.length % batchSize);
  const texts = sample.slice(0, examples <= sample.length ? examples : whole);
  const { computed } = make(texts);
  const steps = (count: number) => Math.ceil(count / batchSize);
  const times = texts.length === 0 ? 0 : steps(examples) / steps(texts.length);
  return {
    texts: times * computed.texts,
    sequences: times * computed.sequences,
    tokens: times * computed.tokens,
    pairs: times * computed.pairs,
  };
}

/** P, the places of a sequence whose words are masked in pre-training; 0 without. */
export function maskedPlaces({ model, preTraining }: Configuration): number {
  const { maskedShare } = usualPreTraining[model === "new" ? "fresh" : "trained"];
  return Math.ceil(maskedShare * (preTraining?.maxLength ?? 0));
}

/** A forward pass, the forward passes that a backward one costs, and an update. */
function classifierFlops(model: BertConfig, configuration: Configuration, classes: number) {
  const features = layerFeatures(configuration.features, model.num_hidden_layers);
  const used = { ...model, num_hidden_layers: features.layers.at(-1)! + 1 };
  if (configuration.method === "feature-extraction") {
    return { forward: (computed: Computed) => encoderFlops(used, computed), backward: 0, update: 0 };
  }
  const width = featureWidth(features, model.hidden_size);
  const pooler = features.combination === undefined ? 2 * model.hidden_size ** 2 : 0;
  const meansAll = model.modern?.classifier_pooling === "mean";
  return {
    forward: (computed: Computed) =>
      encoderFlops(used, computed, meansAll ? undefined : computed.sequences) +
      computed.texts * (pooler + 2 * width * classes),
    backward: backwardPass,
    update: updateOperations * sizeOf(parameterShapes(used, { labels: classes, features: width })),
  };
}

/** Head steps, in which only the heads learn, then steps of the whole model. */
function preTrainingFlops(
  model: BertConfig,
  { steps, headSteps, batchSize, maxLength, nsp }: ResolvedPreTraining,
  masked: number,
): number {
  const { hidden_size: hidden, vocab_size: vocabulary, embedding_size: width = hidden } = model;
  const [{ S, R, T }] = packedSizes([new Array<number>(batchSize).fill(maxLength)]) as [PackedSize];
  const encoder = encoderFlops(model, { tokens: S, pairs: R * T ** 2 });
  const words = masked * (2 * hidden * width + 2 * width * vocabulary);
  const heads = batchSize *
    (words + (readsNextSentences(model, { nsp }) ? 2 * hidden ** 2 + 2 * hidden * 2 : 0));
  const update = updateOperations * sizeOf(preTrainingShapes(model, { nsp }));
  const headStep = encoder + (1 + backwardPass) * heads;
  const step = (1 + backwardPass) * (encoder + heads) + update;
  return headSteps * headStep + steps * step;
}

function sizeOf(shapes: ReadonlyMap<string, readonly number[]>): number {
  return [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((size, n) => size * n, 1), 0);
}
