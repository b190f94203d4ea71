/**
 * The general solution (paper section 1) on any data set: BERT is pre-trained further on the task's own texts without
 * their labels (BERT-ITPT-FiT, section 5.4.1) or not (BERT-FiT), then fine-tuned; in the end its probabilities are
 * calibrated on the development split. Everything is saved on the way.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { requirePositions, requireSegments } from "../bert/config.ts";
import { readsNextSentences } from "../bert/parameters.ts";
import { type Dataset, wholeText } from "../data/examples.ts";
import { type Documents, encodeDocuments, planSegments } from "../paper/segments.ts";
import type { Engine } from "../engine/engine.ts";
import { InputError } from "../errors.ts";
import { fineTune, type FineTuned } from "../paper/fine_tune.ts";
import type { FineTuneSettings } from "../paper/settings.ts";
import { learningRates } from "../paper/layer_decay.ts";
import { encodeDataset, type EncodedDataset } from "../paper/reading.ts";
import { passSize } from "../training/step_batches.ts";
import { furtherPretrain } from "../paper/further_pretraining.ts";
import type { PreTrainingEvaluation } from "../paper/pretraining_steps.ts";
import { atTemperature, calibrate } from "../results/calibration.ts";
import { measure } from "../results/metrics.ts";
import { measuresShape } from "../results/record.ts";
import { configurationHash, type EpochRecord, type Predictions } from "../results/records.ts";
import { both, flag, list, number, object, type Shape, text, whole } from "../storage/json.ts";
import {
  savePretrained,
  startIdentity,
  type StartModel,
  startModel,
  type StartModelOptions,
} from "../bert/start_model.ts";
import { preTrainingTexts } from "./pretraining_texts.ts";
import { type Survey, surveyOf } from "./survey.ts";
import { keptModel } from "../training/cached_model.ts";
import { type CheckpointOptions, removeCheckpoints } from "../training/checkpoints.ts";
import type { StepReport } from "../training/loop.ts";
import { anEngine, having, path, requireArguments } from "../storage/arguments.ts";

/** A task and how to train for it. */
export interface Recipe {
  /** The task. */
  readonly data: Dataset;
  /** The model to start from: `minilm`, a folder, a hub id, or `new`. */
  readonly model: string;
  /** Options of finding the model, and its shape if it is new. */
  readonly start: Omit<StartModelOptions, "labels" | "preTraining" | "texts">;
  /** Settings of fine-tuning. */
  readonly fineTuning: FineTuneSettings;
  /** Settings of pre-training before; there is none if this is absent. */
  readonly preTraining?: RecipePreTraining;
}

/** Further pre-training within the task. */
export interface RecipePreTraining {
  /** Texts besides the training texts; those that stand in dev or test are left out. */
  readonly unlabelled: readonly string[];
  /** Further texts that are left out, such as test texts that the data set does not hold. */
  readonly leftOut?: readonly string[];
  /** Passes over the texts; {@linkcode paperPasses} if not given, and at most the paper's 100,000 updates. */
  readonly passes?: number;
  /** Updates, instead of `passes`. */
  readonly steps?: number;
  /** B, the sequences of an update; 32 if not given. */
  readonly batchSize?: number;
  /** T at most; 128 if not given. */
  readonly maxLength?: number;
  /** The highest rate; 5e-5 if not given, more for a new model. */
  readonly learningRate?: number;
}

/** Passes over IMDb's training texts that the paper's 100,000 updates make: its 25,000 texts are 96,000 sequences. */
export const paperPasses = 33;
const paperSteps = 100_000;

/** The plan of pre-training. */
export interface PreTrainingPlan {
  /** Split whose masked words are measured: the training texts themselves where there is no development text. */
  readonly measuredOn: "dev" | "train";
  /** Number of texts. */
  readonly texts: number;
  /** Number of texts without a label. */
  readonly unlabelled: number;
  /** `true` if next sentences are predicted beside masked words: where most texts have any. */
  readonly nsp: boolean;
  /** Sequences of a pass over the texts. */
  readonly sequences: number;
  /** Updates of the heads alone, if the model has none that are trained. */
  readonly headSteps: number;
  /** Updates of the whole model. */
  readonly steps: number;
}

/** Returns a phrase on the masked words that are measured. */
export function measuredWords({ measuredOn }: Pick<PreTrainingPlan, "measuredOn">): string {
  return `masked words of the ${measuredOn === "dev" ? "development" : "training"} texts`;
}

/** The result of pre-training. */
export interface PreTrainingOutcome extends PreTrainingPlan {
  /** Measures of masked words: before the first step, on the way and after the last one. */
  readonly evaluations: readonly PreTrainingEvaluation[];
  /** Seconds of training steps. */
  readonly seconds: number;
}

/** Engine, checkpoints and callbacks of {@linkcode runRecipe}. */
export interface RecipeContext {
  /** The engine that runs the steps. */
  readonly engine: Engine;
  /** Folder of the run's checkpoints, steps between them, and whether to go on from there. */
  readonly checkpoint: Omit<CheckpointOptions, "identity">;
  /** Told the survey of the data set before anything is trained. */
  onSurvey?(survey: Survey): void;
  /** Told the plan of pre-training before its first step. */
  onPreTraining?(plan: PreTrainingPlan): void;
  /** Told after each step of pre-training. */
  onPreTrainingStep?(report: StepReport): void;
  /** Told after each measurement of pre-training. */
  onEvaluation?(evaluation: PreTrainingEvaluation): void;
  /** Told after each step of fine-tuning. */
  onStep?(report: StepReport): void;
  /** Told after each epoch of fine-tuning. */
  onEpoch?(epoch: EpochRecord): void;
}

/** The result of {@linkcode runRecipe}. */
export interface RecipeRun {
  /** The classifier. */
  readonly tuned: FineTuned;
  /** The survey of the data set. */
  readonly survey: Survey;
  /** The result of pre-training, if there was any. */
  readonly preTraining?: PreTrainingOutcome;
  /** Divisor of the classifier's logits (lib/results/calibration.ts); 1 where a text may have several labels. */
  readonly temperature: number;
  /** A sentence on why it is 1 or a bound; "" if there is nothing to say. */
  readonly calibrationNote: string;
}

/**
 * Carries a recipe out. A run that was stopped goes on from its last checkpoint and ends with the same parameters, bit
 * for bit.
 *
 * @throws InputError as `startModel`, `furtherPretrain` and `fineTune`, or if a checkpoint is of another run.
 */
export async function runRecipe(recipe: Recipe, context: RecipeContext): Promise<RecipeRun> {
  requireArguments("runRecipe", {
    recipe: [recipe, having("a recipe", "data", "model", "start", "fineTuning")],
    context: [context, object({ engine: anEngine, checkpoint: object({ folder: path }) })],
  });
  const { data, model: name, start, fineTuning, preTraining } = recipe;
  const { engine, checkpoint } = context;
  // What fine-tuning would refuse is refused before hours of pre-training.
  passSize(fineTuning, engine.capabilities.devices.length);
  learningRates(fineTuning, 1, 1);
  if (!checkpoint.resume) await removeCheckpoints(checkpoint);
  let seen: { readonly encoded: EncodedDataset; readonly survey: Survey } | undefined;
  /** All models that are read on the way have the same tokenizer. */
  const see = ({ config, tokenizer }: StartModel) => {
    if (seen) return seen;
    requirePositions(config, Math.max(fineTuning.maxLength, preTraining?.maxLength ?? 0));
    const encoded = encodeDataset(data, tokenizer, fineTuning);
    if (encoded.pairs) requireSegments(config);
    seen = { encoded, survey: surveyOf(data, encoded) };
    context.onSurvey?.(seen.survey);
    return seen;
  };
  const made = preTraining && await pretrained(recipe, preTraining, context, see);
  const model = made?.model ?? await startModel(name, {
    ...start,
    labels: data.labels,
    texts: data.train.map(wholeText),
  });
  const { encoded, survey } = see(model);
  const tuned = await fineTune(model, data, fineTuning, {
    engine,
    checkpoint,
    encoded,
    onStep: context.onStep,
    onEpoch: context.onEpoch,
  });
  const calibration = calibrationOf(tuned.devPredictions, tuned); // never by test texts
  return { tuned, survey, ...made ? { preTraining: made.outcome } : {}, ...calibration };
}

/**
 * Returns the temperature that suits predictions, and what is to be said of it; 1 where there are thresholds instead.
 *
 * @param predictions those of development texts; undefined if there are none
 */
export function calibrationOf(
  predictions: Predictions | undefined,
  { thresholds }: Pick<FineTuned, "thresholds">,
): Pick<RecipeRun, "temperature" | "calibrationNote"> {
  if (thresholds) return { temperature: 1, calibrationNote: "" };
  if (!predictions) {
    const calibrationNote =
      "The probabilities are not calibrated, as there are no development texts to do it on.";
    return { temperature: 1, calibrationNote };
  }
  const { probabilities, expected, labels } = predictions;
  const { temperature, note } = calibrate(probabilities, expected, labels.length);
  return { temperature, calibrationNote: note };
}

/** The expected calibration error of predictions whose logits are divided by a temperature. */
export function calibratedError(
  { labels, expected, probabilities }: Predictions,
  temperature: number,
): number {
  const calibrated = atTemperature(probabilities, labels.length, temperature);
  return measure(calibrated, expected, labels.length).ece;
}

/** The record beside a pre-trained model. */
interface Made {
  readonly identity: string;
  readonly description: string;
  readonly notes: readonly string[];
  readonly outcome: Omit<PreTrainingOutcome, "measuredOn">;
}

const recordShape: Shape<Made> = object<Made>({
  ...{ identity: text, description: text, notes: list(text) },
  outcome: object<Made["outcome"]>({
    ...{
      texts: whole(0),
      unlabelled: whole(0),
      nsp: flag,
      sequences: whole(0),
      headSteps: whole(0),
      steps: whole(0),
    },
    evaluations: list(both(measuresShape, object<Pick<PreTrainingEvaluation, "step">>({ step: whole(0) }))),
    seconds: number(0),
  }),
});

/**
 * The model after pre-training, from the folder of the checkpoints if it is there already.
 *
 * @param see called with the model that it starts from
 */
export async function pretrained(
  recipe: Recipe,
  settings: RecipePreTraining,
  context: RecipeContext,
  see: (model: StartModel) => void = () => {},
): Promise<{ model: StartModel; outcome: PreTrainingOutcome }> {
  const { data, model: name, start } = recipe;
  const { unlabelled: given, leftOut, ...numbers } = settings;
  const { labelled, unlabelled } = preTrainingTexts(data, given, leftOut);
  const texts = [...labelled, ...unlabelled];
  const { seed, layers, architecture } = start;
  const identity = await configurationHash({
    ...{ name, layers, seed, ...numbers },
    ...name === "new" ? { architecture } : {},
    ...await startIdentity({ name, sets: [], offline: start.offline, say: start.say ?? (() => {}) }),
    data: data.fingerprint,
    texts: hashOf(texts),
  });
  const measuredOn = data.dev.length > 0 ? "dev" : "train"; // a run on all rows has nothing else to measure on
  const { folder: run, ...checkpoint } = context.checkpoint;
  const kept = {
    run,
    part: "pre-trained",
    recordFile: "pretraining.json",
    recordShape,
    checkpoint: { ...checkpoint, folder: join(run, "pre-training") },
  };
  const { folder, record } = await keptModel<Made>(kept, async ({ checkpoint, keep }) => {
    const model = await startModel(name, { ...start, preTraining: {}, texts });
    see(model);
    const { language } = data;
    const encode = (texts: Iterable<string>) => encodeDocuments(texts, model.tokenizer, language).documents;
    const documents = { train: encode(texts), heldOut: encode(data[measuredOn].map(wholeText)) };
    const plan = {
      texts: texts.length,
      unlabelled: unlabelled.length,
      ...stepsOf(model, documents.train, settings, seed),
    };
    context.onPreTraining?.({ measuredOn, ...plan });
    const { nsp, steps, headSteps } = plan;
    const run = await furtherPretrain({
      ...{ ...numbers, model, documents, language, nsp, steps, headSteps, seed },
      evaluateEvery: Math.ceil((headSteps + steps) / 4),
      heldOutExamples: 256,
    }, {
      engine: context.engine,
      checkpoint,
      onStep: context.onPreTrainingStep,
      onEvaluation: (evaluation) => context.onEvaluation?.(evaluation),
    });
    const { evaluations, seconds, notes } = run;
    await keep("pre-trained", (folder) => savePretrained(folder, run), {
      identity,
      description: `${model.description}, pre-trained ${steps} steps on ${texts.length} texts`,
      notes,
      outcome: { ...plan, evaluations, seconds },
    });
  });
  if (record.identity !== identity) {
    throw new InputError(
      `Cannot resume from ${folder} as it was pre-trained with other settings or texts: give those of that run, or ` +
        "start anew with --overwrite, which removes it",
    );
  }
  const { description, notes, outcome } = record;
  const model = await startModel(folder, { seed, architecture, labels: data.labels, texts: [] });
  return { model: { ...model, description, notes }, outcome: { measuredOn, ...outcome } };
}

function hashOf(texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text.length} `).update(text);
  return hash.digest("hex");
}

/** Returns the predictions of pre-training and its length. */
export function stepsOf(
  { fresh, config, parameters }: StartModel,
  documents: Documents,
  { passes = paperPasses, steps, batchSize = 32, maxLength = 128 }: RecipePreTraining,
  seed: number,
): Pick<PreTrainingPlan, "nsp" | "sequences" | "steps" | "headSteps"> {
  const nsp = config.type_vocab_size >= 2 && readsNextSentences(config) && haveNextSentences(documents);
  const sequences = planSegments(documents, { maxLength, shortShare: .1, nextSentence: nsp }, seed)
    .startA.length;
  const updates = steps ?? Math.min(paperSteps, Math.max(1, Math.ceil(passes * sequences / batchSize)));
  // A head that was trained once has biases that are not 0.
  const isNew = !fresh && parameters["cls.predictions.bias"]!.data.every((bias) => bias === 0);
  return { nsp, sequences, steps: updates, headSteps: isNew ? Math.min(100, Math.ceil(updates / 10)) : 0 };
}

/** Tells whether at least half of the documents have a second sentence. */
function haveNextSentences({ documents }: Documents): boolean {
  const several = documents.filter((start, document) => (documents[document + 1] ?? 0) > start + 1).length;
  return 2 * several >= documents.length - 1;
}
