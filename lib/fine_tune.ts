/** Fine-tuning (paper sections 5.2 and 5.3): a start model, a data set, a text strategy and a rate, made into a classifier. */
import { saveCheckpoint } from "./bert/checkpoint.ts";
import { type BertConfig, requirePositions } from "./bert/config.ts";
import { sequenceClassifier } from "./bert/classifier.ts";
import { freshTensor, keepLayers } from "./bert/parameters.ts";
import {
  type Batch,
  type Batches,
  type EncodedExample,
  encodeExamples,
  evaluationBatches,
  trainingBatches,
} from "./data/batches.ts";
import type { Dataset, Example } from "./data/examples.ts";
import type { Engine } from "./engine/engine.ts";
import type { HostTensors } from "./tensors.ts";
import { InputError } from "./errors.ts";
import { combineLayers, featureWidth, layerFeatures } from "./layers.ts";
import { poolFractions, poolingParameters, shareCut, type TextStrategy } from "./long_text.ts";
import { layerLearningRate } from "./lr_decay.ts";
import { fold } from "./random.ts";
import { measure, type Metrics } from "./results/metrics.ts";
import { configurationHash, type EpochRecord, type Predictions } from "./results/records.ts";
import { schedule, type ScheduleName } from "./schedules.ts";
import type { StartModel } from "./start_model.ts";
import type { CheckpointOptions } from "./training/checkpoints.ts";
import { type EpochResult, type StepReport, train } from "./training/loop.ts";
import { optimizer, type OptimizerOptions } from "./training/optimizers.ts";
import type { Trainable } from "./training/step.ts";
import { type StepBatch, Trainer } from "./training/trainer.ts";

/** What a classifier is trained with. */
export interface FineTuneSettings {
  /** What is done with long texts (section 5.3.1). */
  readonly text: TextStrategy;
  /** Which layers' states are classified (section 5.3.2): a name of lib/layers.ts; "last" if not given. */
  readonly features?: string;
  /** T, the longest input in wordpieces, [CLS] and [SEP] included. */
  readonly maxLength: number;
  /** Passes over the training texts. */
  readonly epochs: number;
  /** Texts of one optimizer step. */
  readonly batchSize: number;
  /** Texts of one pass, a divisor of the batch size (all if not given): less takes less memory, the step is the same. */
  readonly microBatchSize?: number | null;
  /** The base rate, that of the top layer. */
  readonly learningRate: number;
  /** xi of section 5.3.4; 1 is none. */
  readonly layerDecay: number;
  /** How the rate changes from step to step. */
  readonly schedule: ScheduleName;
  /** Share of the steps that warm up. */
  readonly warmupProportion: number;
  /** AdamW, or the BertAdam of the paper's code. */
  readonly optimizer: OptimizerOptions["name"];
  /** Dropout rate of the attention's probabilities; the model's own if not given. */
  readonly attentionDropout?: number | null;
  /** Every batch at the maximum length. */
  readonly padToMax?: boolean;
  /** `clean` chooses the epoch by the development split, `paper` by the test split as the paper's code does. */
  readonly protocol: "clean" | "paper";
  /** Key of the dropout masks, the batches and what is drawn. */
  readonly seed: number;
}

/** What {@linkcode fineTune} works with besides. */
export interface FineTuneContext {
  /** Where the steps run. */
  readonly engine: Engine;
  /** Where to save the run on the way, every how many steps, and whether to go on from there. */
  readonly checkpoint?: Omit<CheckpointOptions, "identity">;
  /** Told after each step. */
  onStep?(report: StepReport): void;
  /** Told after each epoch. */
  onEpoch?(epoch: EpochRecord): void;
}

/** A trained classifier. */
export interface FineTuned {
  /** What it started from. */
  readonly model: StartModel;
  /** What it was trained with. */
  readonly settings: FineTuneSettings;
  /** The parameters after the best epoch. */
  readonly parameters: HostTensors;
  /** What each epoch came to. */
  readonly epochs: readonly EpochRecord[];
  /** From 1. */
  readonly bestEpoch: number;
  /** Of the development split after the best epoch. */
  readonly dev?: Metrics;
  /** Of the test split after the best epoch. */
  readonly test?: Metrics;
  /** Of the test split, if there is one. */
  readonly testPredictions?: Predictions;
  /** Optimizer updates. */
  readonly steps: number;
  /** Seconds of training steps. */
  readonly trainSeconds: number;
  /** What a reader of the numbers should know. */
  readonly notes: readonly string[];
}

/**
 * Fine-tunes a model on a data set: trains, measures after each epoch, keeps the best one and tests it.
 *
 * @throws InputError if the maximum length is more than the model's positions, there is nothing to choose the epoch
 * by, or the loss stops being finite.
 */
export async function fineTune(
  model: StartModel,
  data: Dataset,
  settings: FineTuneSettings,
  context: FineTuneContext,
): Promise<FineTuned> {
  const { tokenizer } = model;
  const plan = classifierPlan(model.config, settings);
  const { config, trainable } = plan;
  const parameters = classifierParameters(plan, model, data.labels.length, settings);
  const { text, maxLength, batchSize, seed, protocol } = settings;
  requirePositions(config, maxLength);
  const microBatchSize = settings.microBatchSize ?? batchSize;
  if (batchSize % microBatchSize !== 0) {
    throw new InputError(
      `Cannot split a batch of ${batchSize} texts into passes of ${microBatchSize}: give a divisor of the batch size`,
    );
  }
  const wordpieces: Int32Array[] = [];
  const encode = (examples: readonly Example[]) =>
    encodeExamples(examples, (example) => {
      const ids = tokenizer.encode(example);
      wordpieces.push(ids);
      return text.pieces(ids, maxLength);
    });
  const split = { train: encode(data.train), dev: encode(data.dev), test: encode(data.test) };
  const chosenBy = protocol === "paper" ? "test" : "dev";
  if (split[chosenBy].length === 0) {
    const missing = chosenBy === "dev" ? "development" : "test";
    throw new InputError(
      `Cannot choose the best epoch on ${data.name} as it has no ${missing} texts: give some, or more training texts`,
    );
  }
  const cut = shareCut(text, wordpieces, maxLength);
  const notes = [
    ...model.notes,
    ...cut > 0 ? [`${(100 * cut).toFixed(1)} % of the texts are cut.`] : [],
  ];

  const trainer = new Trainer(context.engine, trainable, parameters, optimizer(settings.optimizer), seed);
  try {
    const batching = { batchSize, maxLength, tokenizerIds: tokenizer.ids, padToMax: settings.padToMax };
    const epochBatches = (epoch: number) =>
      trainingBatches(split.train, { ...batching, key: fold(seed, 1, epoch) });
    const rate = learningRates(settings, config.num_hidden_layers, epochBatches(0).length * settings.epochs);
    const predict = (examples: readonly EncodedExample[]) =>
      classProbabilities(trainer, evaluationBatches(examples, batching), examples.length, data.labels.length);
    const evaluate = async (examples: readonly EncodedExample[]) => {
      const probabilities = await predict(examples);
      return {
        probabilities,
        metrics: measure(probabilities, examples.map(({ label }) => label), data.labels.length),
      };
    };
    const record = ({ evaluation, ...epoch }: EpochResult<Metrics>): EpochRecord => ({
      ...epoch,
      [chosenBy]: evaluation,
    });
    const result = await train<Metrics>(trainer, {
      epochs: settings.epochs,
      batches: (epoch) => stepBatches(epochBatches(epoch), microBatchSize),
      rate,
      evaluate: async () => (await evaluate(split[chosenBy])).metrics,
      better: (a, b) => a.errorRate < b.errorRate || (a.errorRate === b.errorRate && a.loss < b.loss),
      checkpoint: context.checkpoint && {
        ...context.checkpoint,
        identity: await configurationHash({
          ...settings,
          model: model.description,
          data: data.fingerprint,
        }),
      },
      onStep: context.onStep,
      onEpoch: (epoch) => context.onEpoch?.(record(epoch)),
    });
    trainer.load(result.parameters);
    const test = split.test.length > 0 ? await evaluate(split.test) : undefined;
    const epochs = result.epochs.map(record);
    return {
      model: { ...model, config },
      settings,
      parameters: result.parameters,
      epochs,
      bestEpoch: result.bestEpoch,
      dev: epochs[result.bestEpoch - 1]!.dev,
      test: test?.metrics,
      testPredictions: test && {
        labels: data.labels,
        expected: split.test.map(({ label }) => label),
        probabilities: Array.from(test.probabilities, (p) => Number(p.toPrecision(6))),
      },
      steps: result.steps,
      trainSeconds: result.seconds,
      notes,
    };
  } finally {
    await trainer.dispose();
  }
}

/** A classifier without its numbers: the layers of the model that it uses, and how its loss comes from them. */
export interface ClassifierPlan {
  /** Of the layers that are used. */
  readonly config: BertConfig;
  /** F, the width of the feature that is classified. */
  readonly width: number;
  /** Whether the feature goes through the pooler. */
  readonly pooler: boolean;
  /** The loss. */
  readonly trainable: Trainable;
}

/** @throws InputError if there are no features of that name, or the model has too few layers for them. */
export function classifierPlan(
  model: BertConfig,
  { text, features: name = "last", attentionDropout }: Pick<
    FineTuneSettings,
    "text" | "features" | "attentionDropout"
  >,
): ClassifierPlan {
  const features = layerFeatures(name, model.num_hidden_layers);
  const config = {
    ...keepLayers({}, model, features.layers.at(-1)! + 1).config,
    ...typeof attentionDropout === "number" ? { attention_probs_dropout_prob: attentionDropout } : {},
  };
  const { pooling } = text;
  const pooler = features.combination === undefined;
  const trainable = sequenceClassifier(config, {
    layers: (states) => combineLayers(features, states),
    fractions: pooling && ((states, mask, tensors) => poolFractions(pooling, states, mask, tensors)),
    pooler,
  });
  return { config, width: featureWidth(features, config.hidden_size), pooler, trainable };
}

/** The parameters that a classifier trains: those of the model that it uses, and what it needs besides. */
function classifierParameters(
  { config, width, pooler }: ClassifierPlan,
  model: StartModel,
  classes: number,
  { text: { pooling }, seed }: FineTuneSettings,
): HostTensors {
  const { parameters } = keepLayers(model.parameters, model.config, config.num_hidden_layers);
  const kept = Object.entries(parameters).filter(([name]) => pooler || !name.startsWith("bert.pooler."));
  const weight = freshTensor("classifier.weight", [classes, width], {
    seed,
    range: config.initializer_range,
  });
  return {
    ...Object.fromEntries(kept),
    ...width === config.hidden_size ? {} : { "classifier.weight": weight },
    ...pooling ? poolingParameters(pooling, width, seed) : {},
  };
}

/** Saves a classifier as a Hugging Face folder with bertlab.json beside it. */
export async function saveClassifier(
  folder: string,
  { model, parameters, settings }: FineTuned,
): Promise<void> {
  const { text, ...rest } = settings;
  await saveCheckpoint(folder, {
    config: model.config,
    parameters,
    tokenizerFiles: model.tokenizer.files,
    extra: { text: text.name, max_fractions: text.maxFractions, ...rest, start: model.description },
  });
}

/** Layer-wise rates times the schedule, as a function of a parameter's name and the update. */
function learningRates(settings: FineTuneSettings, layers: number, totalSteps: number) {
  const { learningRate, layerDecay: decay, warmupProportion } = settings;
  const multiplier = schedule(settings.schedule, {
    totalSteps,
    warmupSteps: Math.round(totalSteps * warmupProportion),
    baseRate: learningRate,
  });
  return (parameter: string, update: number) =>
    layerLearningRate(parameter, { layers, decay, learningRate }) * multiplier(update);
}

/** Batches as the training step takes them, in parts of `rows` texts. */
function stepBatches(batches: Batches, rows: number): { length: number; at(place: number): StepBatch } {
  return { length: batches.length, at: (place) => stepBatch(batches.at(place), rows) };
}

function stepBatch(batch: Batch, rows: number): StepBatch {
  const { B, K, T } = batch.shape;
  const examples = batch.weights.reduce((sum, weight) => sum + weight, 0);
  const parts = Array.from({ length: B / rows }, (_, part): HostTensors => {
    const [from, to] = [part * rows, (part + 1) * rows];
    return {
      ids: { shape: [rows * K, T], data: batch.ids.subarray(from * K * T, to * K * T) },
      mask: { shape: [rows * K, T], data: batch.mask.subarray(from * K * T, to * K * T) },
      fraction_mask: { shape: [rows, K], data: batch.fractionMask.subarray(from * K, to * K) },
      labels: { shape: [rows], data: batch.labels.subarray(from, to) },
      weights: { shape: [rows], data: batch.weights.subarray(from, to).map((weight) => weight / examples) },
    };
  });
  return { shape: { B: rows, K, T }, parts, examples, tokens: batch.realTokens };
}

/** Probabilities [N*C] of all examples, in their order. */
async function classProbabilities(
  trainer: Trainer,
  batches: Batches,
  examples: number,
  classes: number,
): Promise<Float64Array> {
  const probabilities = new Float64Array(examples * classes);
  for (const batch of batches) {
    const { logits } = await trainer.evaluate(stepBatch(batch, batch.shape.B));
    batch.indices.forEach((index, row) => {
      if (index < 0) return;
      const scores = Array.from(logits!.data.subarray(row * classes, (row + 1) * classes));
      const largest = Math.max(...scores);
      const exponents = scores.map((score) => Math.exp(score - largest));
      const sum = exponents.reduce((sum, exponent) => sum + exponent, 0);
      exponents.forEach((exponent, c) => probabilities[index * classes + c] = exponent / sum);
    });
  }
  return probabilities;
}
