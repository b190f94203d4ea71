/** Fine-tuning (paper sections 5.2 and 5.3): a start model, a data set, a text strategy and a rate, made into a classifier. */
import { saveCheckpoint } from "../bert/checkpoint.ts";
import { type BertConfig, requirePositions, requireSegments } from "../bert/config.ts";
import { sequenceClassifier } from "../bert/classifier.ts";
import { bertFeatures } from "./bert_feat.ts";
import { freshTensor, keepLayers } from "../bert/parameters.ts";
import { type Evaluated, evaluateExamples } from "./reading.ts";
import { type EncodedExample, trainingBatches } from "../training/batches.ts";
import type { Dataset } from "../data/examples.ts";
import type { Engine } from "../engine/engine.ts";
import type { HostTensors } from "../tensors.ts";
import { InputError } from "../errors.ts";
import {
  balancedWeights,
  encodeDataset,
  type EncodedDataset,
  encodedSample,
  evaluationSize,
  learningRates,
  partOf,
  passSize,
  settingsIdentity,
  stepBatches,
} from "./fine_tuning_steps.ts";
import { combineLayers, featureWidth, layerFeatures } from "./layers.ts";
import { poolFractions, poolingParameters, textStrategy } from "./long_text.ts";
import { fold } from "../random.ts";
import type { Metrics } from "../results/metrics.ts";
import { configurationHash, type EpochRecord, type Predictions } from "../results/records.ts";
import type { FineTuneSettings } from "./settings.ts";
import type { StartModel } from "../bert/start_model.ts";
import type { CheckpointOptions } from "../training/checkpoints.ts";
import { type EpochResult, type StepReport, train } from "../training/loop.ts";
import { optimizer } from "../training/optimizers.ts";
import type { Trainable } from "../training/step.ts";
import { Trainer } from "../training/trainer.ts";

/** What {@linkcode fineTune} works with besides. */
export interface FineTuneContext {
  /** Where the steps run. */
  readonly engine: Engine;
  /** Where to save the run on the way, how often, and whether to go on from there. */
  readonly checkpoint?: Omit<CheckpointOptions, "identity">;
  /** The data set as {@linkcode encodeDataset} makes it, if that was done before. */
  readonly encoded?: EncodedDataset;
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
  /** The parameters that are kept: those after the best epoch, if the settings do not say otherwise. */
  readonly parameters: HostTensors;
  /** What each epoch came to. */
  readonly epochs: readonly EpochRecord[];
  /** The one of `epochs` whose parameters are kept: passes over the training texts. */
  readonly bestEpoch: number;
  /** Of the development split after the best epoch. */
  readonly dev?: Metrics;
  /** Of the test split after the best epoch. */
  readonly test?: Metrics;
  /** Of the development split, where the epoch was chosen by it. */
  readonly devPredictions?: Predictions;
  /** Of the test split, if there is one. */
  readonly testPredictions?: Predictions;
  /** Whether the texts are pairs. */
  readonly pairs: boolean;
  /** Optimizer updates. */
  readonly steps: number;
  /** Seconds of training steps, of all sittings. */
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
  const { maxLength, batchSize, seed, evaluationsPerEpoch: points = 1 } = settings;
  requirePositions(config, maxLength);
  const devices = context.engine.capabilities.devices.length;
  const rows = passSize(settings, devices);
  const encoded = context.encoded ?? encodeDataset(data, tokenizer, settings);
  const { split, chosenBy, pairs } = encoded;
  if (pairs) requireSegments(config);
  const notes = [...model.notes, ...encoded.notes];
  const classes = data.labels.length;
  const weights = settings.classWeights === "balanced" ? balancedWeights(split.train, classes) : undefined;

  const trainer = new Trainer(context.engine, trainable, parameters, optimizer(settings.optimizer), seed);
  try {
    const batching = { batchSize, maxLength, tokenizerIds: tokenizer.ids, padToMax: settings.padToMax };
    const epochBatches = (epoch: number) =>
      trainingBatches(split.train, { ...batching, key: fold(seed, 1, epoch) });
    if (epochBatches(0).length < points) {
      throw new InputError(
        `Cannot measure ${points} times an epoch: an epoch has only ${epochBatches(0).length} steps`,
      );
    }
    const rate = learningRates(settings, config.num_hidden_layers, epochBatches(0).length * settings.epochs);
    const evaluate = (examples: readonly EncodedExample[]) =>
      evaluateExamples((batch) => trainer.evaluate(batch), examples, {
        ...batching,
        batchSize: evaluationSize(examples.length, batchSize, devices),
        classes,
      });
    const record = ({ evaluation, epoch, ...rest }: EpochResult<Measured>): EpochRecord => ({
      epoch: epoch / points,
      ...rest,
      ...evaluation.train ? { train: evaluation.train } : {},
      [chosenBy]: evaluation.chosenBy,
    });
    const trainSample = points > 1 ? encodedSample(data.train, split.train, split[chosenBy].length) : [];
    const isBetter = settings.keep === "last" ? () => true : better;
    let kept: { readonly measured: Measured; readonly evaluated: Evaluated } | undefined; // the best of this sitting
    const result = await train<Measured>(trainer, {
      epochs: settings.epochs * points,
      batches: (point) =>
        partOf(stepBatches(epochBatches(Math.floor(point / points)), rows, weights), point % points, points),
      rate,
      evaluate: async () => {
        const evaluated = await evaluate(split[chosenBy]);
        const train = points > 1 ? { train: (await evaluate(trainSample)).metrics } : {};
        const measured = { chosenBy: evaluated.metrics, ...train };
        if (!kept || isBetter(measured, kept.measured)) kept = { measured, evaluated };
        return measured;
      },
      better: isBetter,
      checkpoint: context.checkpoint && {
        ...context.checkpoint,
        identity: await configurationHash({
          ...settingsIdentity(settings),
          model: model.description,
          content: model.content,
          data: data.fingerprint,
        }),
      },
      onStep: context.onStep,
      onEpoch: (epoch) => context.onEpoch?.(record(epoch)),
    });
    trainer.load(result.parameters);
    const epochs = result.epochs.map(record);
    const best = epochs[result.bestEpoch - 1]!;
    const isKept = kept?.measured === result.epochs[result.bestEpoch - 1]!.evaluation;
    const chosen = isKept ? kept!.evaluated : await evaluate(split[chosenBy]);
    const dev = chosenBy === "dev" ? chosen : undefined;
    const test = chosenBy === "test"
      ? chosen
      : split.test.length > 0
      ? await evaluate(split.test)
      : undefined;
    const predictions = ({ expected, probabilities }: Evaluated): Predictions => ({
      labels: data.labels,
      expected,
      probabilities: Array.from(probabilities, (p) => Number(p.toPrecision(6))),
    });
    return {
      model: { ...model, config },
      settings,
      parameters: result.parameters,
      epochs,
      bestEpoch: best.epoch,
      dev: best.dev,
      test: test?.metrics,
      devPredictions: dev && predictions(dev),
      testPredictions: test && predictions(test),
      pairs,
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
  /** The parameters besides those of BERT and the classifier, from a seed. */
  readonly additional: (seed: number) => HostTensors;
}

/**
 * @throws InputError if there are no features or text strategy of that name, the model has too few layers, or there is no such
 * method or it does not read such texts or features.
 */
export function classifierPlan(
  model: BertConfig,
  { method = "fine-tuning", text, features: name = "last", attentionDropout }: Pick<
    FineTuneSettings,
    "method" | "text" | "features" | "attentionDropout"
  >,
): ClassifierPlan {
  const features = layerFeatures(name, model.num_hidden_layers);
  const config = {
    ...keepLayers({}, model, features.layers.at(-1)! + 1).config,
    ...typeof attentionDropout === "number" ? { attention_probs_dropout_prob: attentionDropout } : {},
  };
  const strategy = textStrategy(text);
  const { pooling } = strategy;
  if (method === "feature-extraction") {
    return { config, pooler: false, ...bertFeatures(config, strategy, features) };
  }
  if (method !== "fine-tuning") {
    throw new InputError(
      `Cannot train by the method "${method}": expected fine-tuning or feature-extraction`,
    );
  }
  const pooler = features.combination === undefined;
  const width = featureWidth(features, config.hidden_size);
  const trainable = sequenceClassifier(config, {
    layers: (states) => combineLayers(features, states),
    fractions: pooling && ((states, mask, tensors) => poolFractions(pooling, states, mask, tensors)),
    pooler,
  });
  return {
    config,
    width,
    pooler,
    trainable,
    additional: (seed) => pooling ? poolingParameters(pooling, width, seed) : {},
  };
}

/** The parameters that a classifier trains: those of the model that it uses, and what it needs besides. */
function classifierParameters(
  { config, width, pooler, additional }: ClassifierPlan,
  model: StartModel,
  classes: number,
  { seed }: FineTuneSettings,
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
    ...additional(seed),
  };
}

/**
 * Saves a classifier as a Hugging Face folder with bertlab.json beside it.
 *
 * @param temperature of a calibrated model: what its logits are divided by
 *
 * @throws InputError if it reads BERT's features by a biLSTM, which no Hugging Face class does.
 */
export async function saveClassifier(
  folder: string,
  { model, parameters, settings, pairs }: FineTuned,
  temperature?: number,
): Promise<void> {
  const { text: name, maxFractions, ...rest } = settings;
  const text = textStrategy(name, { maxFractions });
  if (rest.method === "feature-extraction") {
    throw new InputError(
      `Cannot save a classifier that was trained by feature-extraction in ${folder}: a Hugging Face folder has no ` +
        "place for its biLSTM; train by fine-tuning to save one",
    );
  }
  await saveCheckpoint(folder, {
    config: model.config,
    parameters,
    tokenizerFiles: model.tokenizer.files,
    extra: {
      text: text.name,
      max_fractions: text.maxFractions,
      ...rest,
      ...pairs ? { pairs } : {},
      ...temperature === undefined ? {} : { temperature },
      start: model.description,
    },
  });
}

/** What a measurement comes to. */
interface Measured {
  /** Of the split that the epoch is chosen by. */
  readonly chosenBy: Metrics;
  /** Of a sample of the training texts. */
  readonly train?: Metrics;
}

/** Fewer errors, or as many and a smaller loss. */
function better({ chosenBy: a }: Measured, { chosenBy: b }: Measured): boolean {
  return a.errorRate < b.errorRate || (a.errorRate === b.errorRate && a.loss < b.loss);
}
