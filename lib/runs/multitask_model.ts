/**
 * The multi-task model that a configuration asks for (paper section 5.5): made once, kept in the cache folder under
 * the hash of what it depends on, and shared by the runs of all its tasks.
 */
import { join } from "node:path";
import { saveCheckpoint } from "../bert/checkpoint.ts";
import { readSafetensors, writeSafetensors } from "../bert/safetensors.ts";
import { cachedModel, type MakingRun } from "../training/cached_model.ts";
import type { Configuration, MultiTaskSettings } from "./configuration.ts";
import { type Dataset, wholeText } from "../data/examples.ts";
import { InputError } from "../errors.ts";
import {
  type MultiTaskEpoch,
  multiTaskTune,
  type MultiTaskTuneSettings,
  taskModel,
} from "../paper/multitask.ts";
import { fineTuneSettings } from "../paper/settings.ts";
import { preTrainedModel, type PreTrainedModelOptions } from "./pretrained_model.ts";
import {
  metricsShape,
  type MultiTaskRecord,
  multiTaskShape,
  type PreTrainingRecord,
  preTrainingShape,
} from "../results/record.ts";
import { list, map, number, object, optional, type Shape, text, whole } from "../storage/json.ts";
import { runModel, runModelIdentity, type StartModel, startModel } from "../bert/start_model.ts";

/** Options of {@linkcode multiTaskModel}. */
export interface MultiTaskModelOptions extends Omit<PreTrainedModelOptions, "labels"> {
  /** Finds a task's data by name: as many examples as the configuration's limits leave. */
  readonly task: (name: string) => Promise<Dataset>;
}

/** A model of several tasks to go on from with one of them, and how it was made. */
export interface MultiTaskModel {
  /** The model with the classifier of the configuration's task. */
  readonly model: StartModel;
  /** Record of its learning, and of the cost. */
  readonly record: MultiTaskRecord;
  /** The further pre-training before, if there was any. */
  readonly preTraining?: PreTrainingRecord;
  /** Seconds to make or find it. */
  readonly seconds: number;
}

/** The record beside the model. */
interface Made {
  readonly record: MultiTaskRecord;
  readonly preTraining?: PreTrainingRecord;
  readonly description: string;
  /** Remarks on the model that it started from. */
  readonly notes: readonly string[];
  readonly bestEpoch: number;
  readonly epochs: readonly MultiTaskEpoch[];
}

const recordShape: Shape<Made> = object<Made>({
  ...{ record: multiTaskShape, preTraining: optional(preTrainingShape) },
  ...{ description: text, notes: list(text), bestEpoch: whole(1) },
  epochs: list(object<MultiTaskEpoch>({
    ...{ epoch: number(0), trainLoss: number(), seconds: number(0), tasks: map(metricsShape) },
  })),
});

const modelPart = "model";
const classifiersFile = "classifiers.safetensors";

/**
 * Finds the multi-task model in the cache, or makes it from the configuration's model, which may itself be one that
 * is pre-trained further; a run that was stopped goes on from its checkpoint. It has the configuration's seed.
 *
 * @throws InputError if the configuration's data set is not one of the tasks, the model or a data set cannot be had,
 * or the tasks do not go together.
 */
export async function multiTaskModel(
  configuration: Configuration,
  settings: MultiTaskSettings,
  options: MultiTaskModelOptions,
): Promise<MultiTaskModel> {
  const start = performance.now();
  const { data: task, architecture, preTraining, seed, limits, resample, protocol } = configuration;
  const { tasks, epochs, learningRate } = settings;
  const { content, say } = options;
  if (!tasks.includes(task)) {
    throw new InputError(
      `Cannot go on with ${task} from a model of several tasks as it is not one of them: found ${
        tasks.join(", ")
      }`,
    );
  }
  const { method: _, features: __, evaluationsPerEpoch: ___, ...own } = fineTuneSettings(configuration);
  const tuning = { ...own, epochs, learningRate };
  const sets = [...tasks, ...preTraining ? [...preTraining.corpus, ...preTraining.unseen] : []];
  const cached = {
    kind: "multitask",
    identity: {
      ...await runModelIdentity(configuration, { sets, content, say }),
      ...{ preTraining, tasks, limits, resample, ...tuning },
      ...protocol === "paper" ? { devInTrain: true } : {},
    },
    part: modelPart,
    recordFile: "multitask.json",
    recordShape,
    say,
    stop: options.stop,
  };
  const { folder, record: made } = await cachedModel<Made>(
    cached,
    (run) => makeModel(configuration, tasks, tuning, run, options),
  );
  const shared = await startModel(folder, { seed, architecture, texts: [] });
  const classifiers = await readSafetensors(join(folder, classifiersFile));
  const { labels } = await options.task(task);
  return {
    model: {
      ...taskModel(shared, classifiers, task, labels),
      description: made.description,
      notes: made.notes,
    },
    record: made.record,
    ...made.preTraining ? { preTraining: made.preTraining } : {},
    seconds: (performance.now() - start) / 1000,
  };
}

async function makeModel(
  configuration: Configuration,
  names: readonly string[],
  settings: MultiTaskTuneSettings,
  run: MakingRun<Made>,
  options: MultiTaskModelOptions,
): Promise<void> {
  const { engine, onStep, say } = options;
  const tasks = await Promise.all(names.map(async (name) => ({ name, data: await options.task(name) })));
  const { preTraining, seed } = configuration;
  const pretrained = preTraining && await preTrainedModel(configuration, preTraining, options);
  const texts = tasks.flatMap(({ data }) => data.train.map(wholeText));
  const model = pretrained?.model ?? await runModel(configuration, { seed, texts, say });
  say(`multi-task fine-tuning on ${names.join(", ")}: ${settings.epochs} epochs`);
  const started = performance.now();
  const tuned = await multiTaskTune(model, tasks, settings, {
    engine,
    checkpoint: run.checkpoint,
    onStep: ({ step, steps, loss }) => onStep(step, steps, loss),
  });
  const { config, parameters, tokenizer, description } = tuned.shared;
  const save = async (folder: string) => {
    await saveCheckpoint(folder, { config, parameters, tokenizerFiles: tokenizer.files });
    await writeSafetensors(join(folder, classifiersFile), tuned.classifiers);
  };
  await run.keep(modelPart, save, {
    record: {
      start: model.description,
      tasks: names,
      steps: tuned.steps,
      seconds: (performance.now() - started) / 1000,
    },
    ...pretrained ? { preTraining: pretrained.record } : {},
    description,
    notes: model.notes,
    bestEpoch: tuned.bestEpoch,
    epochs: tuned.epochs,
  });
}
