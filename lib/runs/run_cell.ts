/** Trains and tests the classifier of a configuration: opens what the configuration names and fine-tunes. */
import { rm } from "node:fs/promises";
import { type Dataset, dataset, datasetContent } from "../data/dataset.ts";
import { wholeText } from "../data/examples.ts";
import { chineseGeneralText, generalText } from "../data/general_text.ts";
import { openEngine } from "../engine/open.ts";
import { InputError } from "../errors.ts";
import type { Configuration } from "./configuration.ts";
import { fineTune } from "../paper/fine_tune.ts";
import { fineTuneSettings } from "../paper/settings.ts";
import { forgettingProbe } from "./forgetting_probe.ts";
import { textStrategy } from "../paper/long_text.ts";
import { multiTaskModel, type MultiTaskModelOptions } from "./multitask_model.ts";
import { preTrainedModel } from "./pretrained_model.ts";
import { savedRunFolder } from "./saved_runs.ts";
import { usedPart } from "./used_part.ts";
import type { CellResult, RunCell } from "./run_experiment.ts";
import { runModel, startIdentity, type StartModel } from "../bert/start_model.ts";
import { configurationHash } from "../results/records.ts";
import { withLockIfFree } from "../storage/file_lock.ts";
import type { HostTensors } from "../tensors.ts";
import { type CheckpointOptions, fromCheckpoints } from "../training/checkpoints.ts";

/**
 * A runner of cells, which keeps the data sets and the general text that it has read. A run that was stopped goes on
 * from its last checkpoint and comes to the same numbers; its seconds are those of all sittings.
 */
export function cellRunner(): RunCell {
  const read = new Map<string, Promise<Dataset>>();
  const hashed = new Map<string, Promise<string | undefined>>();
  const general: Partial<Record<Dataset["language"], Promise<readonly string[]>>> = {};
  return async (configuration, { devices, onStep, onLine, stop }) => {
    const { forgetting: headSteps, preTraining, multiTask } = configuration;
    // What is forgotten is a matter of the whole training: rates are compared where all have made the same steps.
    const keep = headSteps === null ? {} : { keep: "last" as const };
    const settings = { ...fineTuneSettings(configuration), ...keep };
    textStrategy(configuration.text); // an unknown one is refused before anything is fetched
    if (headSteps !== null && (preTraining || multiTask)) {
      throw new InputError(
        "Cannot measure what is forgotten of further pre-training or of other tasks: expected forgetting=null, or a run " +
          "with neither",
      );
    }
    const engine = await openEngine(configuration.engine, configuration.precision, devices);
    try {
      const datasetOf = (name: string) => {
        const found = read.get(name) ?? dataset(name, { say: onLine });
        read.set(name, found);
        return found;
      };
      const contentOf = (name: string) => {
        const found = hashed.get(name) ?? datasetContent(name, { say: onLine });
        hashed.set(name, found);
        return found;
      };
      const task = async (name: string) => usedPart(await datasetOf(name), configuration);
      const { contents } = await startIdentity({
        name: configuration.model,
        sets: [
          configuration.data,
          ...preTraining?.corpus ?? [],
          ...preTraining?.unseen ?? [],
          ...multiTask?.tasks ?? [],
        ],
        content: contentOf,
        say: onLine,
      });
      const data = await task(configuration.data);
      const start = await startOf(configuration, data, {
        engine,
        dataset: datasetOf,
        content: contentOf,
        task,
        onStep,
        say: onLine,
        stop,
      });
      let { sharedSeconds } = start;
      const forgettingOf = async (headSteps: number, parameters: HostTensors) => {
        const began = performance.now();
        const probe = await forgettingProbe(configuration, headSteps, {
          engine,
          documents: () =>
            general[data.language] ??= (data.language === "zh" ? chineseGeneralText : generalText)({
              say: onLine,
            }),
          language: data.language,
          onStep,
          say: onLine,
          stop,
        });
        sharedSeconds += (performance.now() - began) / 1000;
        return { forgetting: await probe.measure(parameters) };
      };
      const { result: { run, forgetting }, forget } = await savedRun(
        configuration,
        onLine,
        stop,
        async (checkpoint) => {
          const run = await fineTune(start.model, data, settings, {
            engine,
            checkpoint,
            onStep: ({ step, steps, loss }) => {
              onStep(step, steps, loss);
              if (!checkpoint) stop?.throwIfAborted();
            },
          });
          const measured = headSteps === null || start.model.fresh
            ? {}
            : await forgettingOf(headSteps, run.parameters);
          return { run, forgetting: measured };
        },
      );
      if (!run.test || !run.testPredictions) {
        throw new InputError(`Cannot run an experiment on ${data.name}: it has no test split`);
      }
      return {
        data: {
          name: data.name,
          fingerprint: data.fingerprint,
          train: data.train.length,
          dev: data.dev.length,
          test: data.test.length,
        },
        model: start.model.description,
        ...contents ? { contents } : {},
        ...start.made,
        ...forgetting,
        sharedSeconds,
        engine: engine.name,
        precision: configuration.precision,
        notes: [
          ...run.notes.map((note) =>
            `${data.name}${start.model.notes.includes(note) ? "" : `, ${configuration.text}`}: ${note}`
          ),
          ...headSteps !== null && start.model.fresh
            ? [`${data.name}: The model is new, so there is nothing that it could forget.`]
            : [],
        ],
        steps: run.steps,
        trainSeconds: run.trainSeconds,
        earlierSeconds: run.earlierSeconds ?? 0,
        epochs: run.epochs,
        bestEpoch: run.bestEpoch,
        ...(run.dev ? { dev: run.dev } : {}),
        test: run.test,
        testPredictions: run.testPredictions,
        forget,
      };
    } finally {
      engine.dispose();
    }
  };
}

/**
 * Makes a run with checkpoints of its own, which `forget` removes, to be called when what came of it is kept. Where
 * another process makes the same run, or the cache folder cannot be written to, it is made without.
 */
async function savedRun<Result>(
  configuration: Configuration,
  say: (line: string) => void,
  stop: AbortSignal | undefined,
  make: (checkpoint?: Omit<CheckpointOptions, "identity">) => Promise<Result>,
): Promise<{ result: Result; forget: () => Promise<void> }> {
  const folder = savedRunFolder(await configurationHash(configuration));
  return await withLockIfFree(`${folder}.lock`, async (isFree) => {
    if (!isFree) return { result: await make(), forget: () => Promise.resolve() };
    const result = await fromCheckpoints(folder, say, make, stop);
    return { result, forget: () => rm(folder, { recursive: true, force: true }) };
  });
}

/** The model that is fine-tuned, and records of its earlier training. */
interface Start {
  readonly model: StartModel;
  readonly made: Pick<CellResult, "preTraining" | "multiTask">;
  /** Seconds to make or find what other runs use as well. */
  readonly sharedSeconds: number;
}

async function startOf(
  configuration: Configuration,
  data: Dataset,
  options: MultiTaskModelOptions,
): Promise<Start> {
  const { preTraining, multiTask } = configuration;
  const { labels } = data;
  if (multiTask) {
    const { model, record, preTraining, seconds } = await multiTaskModel(configuration, multiTask, options);
    const made = { multiTask: record, ...preTraining ? { preTraining } : {} };
    return { model, made, sharedSeconds: seconds };
  }
  if (preTraining) {
    const { model, record, seconds } = await preTrainedModel(configuration, preTraining, {
      ...options,
      labels,
    });
    return { model, made: { preTraining: record }, sharedSeconds: seconds };
  }
  const texts = data.train.map(wholeText);
  const model = await runModel(configuration, { labels, seed: configuration.seed, texts, say: options.say });
  return { model, made: {}, sharedSeconds: 0 };
}
