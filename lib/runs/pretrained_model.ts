/**
 * The further pre-trained model that a configuration asks for (paper section 5.4): made once, kept in the cache
 * folder under the hash of what it depends on, and shared by all runs that start from it.
 */
import { cachedModel, type MakingRun } from "../training/cached_model.ts";
import type { Configuration, ResolvedPreTraining } from "./configuration.ts";
import { corpusTexts, holdOut } from "../paper/corpora.ts";
import type { Dataset } from "../data/examples.ts";
import type { Engine } from "../engine/engine.ts";
import { furtherPretrain } from "../paper/further_pretraining.ts";
import type { PreTrainingEvaluation } from "../paper/pretraining_steps.ts";
import { type PreTrainingRecord, preTrainingShape } from "../results/record.ts";
import { both, list, object, optional, type Shape, text } from "../storage/json.ts";
import {
  runModel,
  runModelIdentity,
  savePretrained,
  type StartModel,
  startModel,
} from "../bert/start_model.ts";
import { having, requireArguments } from "../storage/arguments.ts";

/** Options of {@linkcode preTrainedModel}. */
export interface PreTrainedModelOptions {
  /** The engine that runs the steps. */
  readonly engine: Engine;
  /** Finds a data set by name. */
  readonly dataset: (name: string) => Promise<Dataset>;
  /** Returns the identity of a data set's content (`datasetContent`), where the model depends on that. */
  readonly content?: (name: string) => Promise<string | undefined>;
  /** The classes' names of the task that follows; without them there is no classifier. */
  readonly labels?: readonly string[];
  /** Told after each step, if there are steps to make. */
  readonly onStep: (done: number, total: number, loss?: number) => void;
  /** Told what is going on. */
  readonly say: (line: string) => void;
  /** Once aborted, the training saves a checkpoint at the end of its step and throws the signal's reason. */
  readonly stop?: AbortSignal;
}

/** A model to fine-tune, and the result of its pre-training. */
export interface PreTrainedModel {
  /** The model, with a new classifier if there are labels. */
  readonly model: StartModel;
  /** Record of its learning, and of the cost. */
  readonly record: PreTrainingRecord;
  /** Seconds to make or find it. */
  readonly seconds: number;
}

/** The record beside the model. */
interface Made extends PreTrainingRecord {
  /** Remarks on the model that it started from; older records have none. */
  readonly notes?: readonly string[];
}

const recordShape: Shape<Made> = both(
  preTrainingShape,
  object<Pick<Made, "notes">>({ notes: optional(list(text)) }),
);

const heldOutShare = .02;

/**
 * Finds the pre-trained model in the cache, or pre-trains it; a run that was stopped goes on from its checkpoint.
 *
 * @throws InputError if the model or a data set of the corpus cannot be had.
 */
export async function preTrainedModel(
  configuration: Configuration,
  settings: ResolvedPreTraining,
  options: PreTrainedModelOptions,
): Promise<PreTrainedModel> {
  requireArguments("preTrainedModel", {
    configuration: [configuration, having("the configuration of a run", "model", "data")],
    settings: [settings, having("settings of pre-training", "steps")],
    options: [options, having("an object with options")],
  });
  const start = performance.now();
  const { architecture, protocol, seed } = configuration;
  const { point, points: _, ...shared } = settings;
  const { content, say } = options;
  const identity = {
    ...await runModelIdentity(configuration, {
      sets: [...settings.corpus, ...settings.unseen],
      content,
      say,
    }),
    protocol,
    ...shared,
    points: pointSteps(settings),
    ...optimizerOf(configuration),
    ...protocol === "paper" ? { devInTrain: true } : {},
  };
  const cached = {
    kind: "pretrained",
    identity,
    part: partOf(stepsOf(settings, point)),
    parts: pointSteps(settings).map(partOf),
    recordFile: "pretraining.json",
    recordShape,
    say,
    stop: options.stop,
  };
  const { folder, record: { notes = [], ...record } } = await cachedModel<Made>(
    cached,
    (run) => pretrain(configuration, settings, run, options),
  );
  const model = await startModel(folder, { labels: options.labels, seed, architecture, texts: [] });
  const corpus = settings.corpus.join(", ");
  return {
    model: {
      ...model,
      description: `${record.start}, pre-trained ${record.steps} steps on ${corpus}`,
      notes: [...notes, ...model.notes],
    },
    record,
    seconds: (performance.now() - start) / 1000,
  };
}

async function pretrain(
  configuration: Configuration,
  settings: ResolvedPreTraining,
  run: MakingRun<Made>,
  { engine, dataset, onStep, say }: PreTrainedModelOptions,
): Promise<void> {
  const { protocol } = configuration;
  const { point: _, ...shared } = settings; // which of the kept models is asked for does not change the run
  const { steps, headSteps, seed, nsp, corpus } = shared;
  const sets = await Promise.all(corpus.map(dataset));
  const unseen = await Promise.all(settings.unseen.map(dataset));
  const documents = holdOut(corpusTexts(sets, unseen, protocol), heldOutShare, seed);
  const model = await runModel(configuration, { seed, preTraining: { nsp }, texts: documents.train, say });
  say(`pre-training on ${corpus.join(", ")}: ${documents.train.length} texts, ${steps} steps`);
  const evaluations: PreTrainingEvaluation[] = [];
  const started = performance.now();
  await furtherPretrain({
    ...shared,
    model,
    documents,
    language: sets[0]!.language,
    evaluateEvery: steps,
    evaluateAt: pointSteps(settings),
    ...optimizerOf(configuration),
  }, {
    engine,
    checkpoint: run.checkpoint,
    onStep: ({ step, loss }) => onStep(step, headSteps + steps, loss),
    onEvaluation: async (evaluation, parameters) => {
      evaluations.push(evaluation);
      const done = evaluation.step - headSteps;
      if (done <= 0) return;
      const save = async (folder: string) =>
        await savePretrained(folder, { model, parameters: await parameters() });
      await run.keep(partOf(done), save, {
        start: model.description,
        corpus,
        texts: documents.train.length,
        steps: done,
        seconds: (performance.now() - started) / 1000,
        before: evaluations[0]!,
        after: evaluation,
        notes: model.notes,
      });
    },
  });
}

/** AdamW is what pre-training uses if nothing is said, and models made with it were kept before others were known. */
function optimizerOf({ optimizer }: Configuration): Partial<Pick<Configuration, "optimizer">> {
  return optimizer === "adamw" ? {} : { optimizer };
}

/** The folder of the model after so many steps. */
function partOf(steps: number): string {
  return `step-${steps}`;
}

/** Steps after which the parameters are kept. */
function pointSteps(settings: ResolvedPreTraining): number[] {
  return settings.points.map((share) => stepsOf(settings, share));
}

/** A share of the steps, at least one. */
function stepsOf({ steps }: ResolvedPreTraining, share: number): number {
  return Math.max(1, Math.round(share * steps));
}
