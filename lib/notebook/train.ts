/** Training a classifier in a few lines of a notebook: its loss is drawn meanwhile, and the result classifies texts. */
import type { Classification, ClassifierText } from "../classifier/classification.ts";
import { classifierOf } from "../classifier/tested.ts";
import { prepareLog, TrainingLog } from "../classifier/training_log.ts";
import { type Draft, merge, override, paperDraft, type Settings } from "../runs/configuration.ts";
import { type Dataset, wholeText } from "../data/examples.ts";
import type { Engine } from "../engine/engine.ts";
import { fineTune, type FineTuned } from "../paper/fine_tune.ts";
import { type FineTuneSettings, fineTuneSettings } from "../paper/settings.ts";
import { escapeMarkdown } from "../printable.ts";
import { markdown } from "../results/markdown.ts";
import { openEngine } from "../engine/open.ts";
import { startModel } from "../bert/start_model.ts";
import { type Displayable, withDisplay } from "./displayable.ts";
import { watch } from "./live.ts";
import { showRun } from "./show.ts";
import { aDataset, having, requireArguments } from "../storage/arguments.ts";

/** The settings of a training; all are optional. */
export type TrainSettings =
  & Omit<Settings, "data" | "limits" | "resample" | "preTraining" | "multiTask" | "forgetting">
  & Pick<FineTuneSettings, "classWeights" | "evaluateEvery" | "maxSteps" | "patience">
  & {
    /** Folder for TensorBoard's event files. */
    readonly log?: string;
  };

/** Settings that no experiment states. */
const ownSettings = ["classWeights", "evaluateEvery", "maxSteps", "patience"] as const;

/** Returns a draft of settings over the paper's, with MiniLM as model, and the settings of its fine-tuning. */
export function trainDraft(settings: TrainSettings): { draft: Draft; tuning: FineTuneSettings } {
  const { log: _, ...own } = settings;
  const draft = merge({ ...paperDraft, model: "minilm" }, own);
  const others = Object.fromEntries(ownSettings.map((name) => [name, settings[name]]));
  return { draft, tuning: { ...fineTuneSettings(draft), ...others } };
}

/** A classifier with the run that made it. */
export interface TrainedClassifier extends FineTuned, Displayable {
  /** The classes' names. */
  readonly labels: readonly string[];
  /**
   * Returns the class of each text or pair of texts, and its labels where it may have several; the probabilities are not
   * calibrated.
   */
  classify(texts: readonly ClassifierText[]): Promise<Classification[] & Displayable>;
}

/**
 * Fine-tunes a model on a data set. Default settings are the paper's (section 5.2), except for the model, which is
 * MiniLM; the default engine is ONNX Runtime.
 *
 * @throws InputError if the model or the engine cannot be had, or the settings do not fit them.
 */
export async function trainClassifier(
  data: Dataset,
  settings: TrainSettings = {},
): Promise<TrainedClassifier> {
  requireArguments("trainClassifier", {
    data: [data, aDataset],
    settings: [settings, having("an object with settings, such as { learningRate: 5e-5 }")],
  });
  const { log, ...own } = settings;
  requireSettings(own);
  const { draft, tuning } = trainDraft(settings);
  const withEngine = withEngineOf(draft);
  const { model: name, layers, seed, architecture } = draft;
  const { labels } = data;
  const texts = data.train.map(wholeText);
  const start = { labels, seed, layers: layers ?? undefined, architecture, texts, say: console.error };
  const model = await startModel(name, start);
  const logged = log === undefined ? undefined : new TrainingLog(log);
  if (log !== undefined) await prepareLog(log, {});
  const run = await withEngine((engine) =>
    watch(
      data.name,
      (onStep) => fineTune(model, data, tuning, { engine, ...logged?.around({ onStep }) ?? { onStep } }),
    )
  ).then((run) => {
    if (run.test) logged?.test(run.test, run.steps);
    return run;
  }).finally(() => logged?.close());
  return showRun(data.name, { ...run, labels, classify: classifyBy(run, withEngine) });
}

/** Runs something with an engine of its own. */
export type WithEngine = <Result>(use: (engine: Engine) => Promise<Result>) => Promise<Result>;

/** Returns a function that opens the engine of some settings, and disposes it after its use. */
export function withEngineOf({ engine: name, precision }: Pick<Draft, "engine" | "precision">): WithEngine {
  return async (use) => {
    const engine = await openEngine(name, precision);
    return await use(engine).finally(() => engine.dispose());
  };
}

/** Returns `classify` of a trained classifier. */
export function classifyBy(run: FineTuned, withEngine: WithEngine): TrainedClassifier["classify"] {
  return (texts) =>
    withEngine(async (engine) => {
      const classifier = classifierOf(run, { engine });
      const found = await classifier.classify(texts).finally(() => classifier.dispose());
      return withDisplay(found, () => {
        const text = predictions(texts, found);
        return { text, markdown: text };
      });
    });
}

/** @throws InputError if there is no such setting of a training, or it cannot hold its value. */
export function requireSettings(settings: Omit<TrainSettings, "log">): void {
  const {
    data: _,
    limits: __,
    resample: ___,
    preTraining: ____,
    multiTask: _____,
    forgetting: ______,
    ...all
  } = paperDraft;
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined || (ownSettings as readonly string[]).includes(name)) continue;
    const parts = name === "architecture" && typeof value === "object" && value !== null
      ? Object.entries(value).map(([part, value]) => [`${name}.${part}`, value] as const)
      : [[name, value] as const];
    for (const [field, value] of parts) override(all, field, value);
  }
}

function predictions(texts: readonly ClassifierText[], found: readonly Classification[]): string {
  const cell = (text: string) => escapeMarkdown(text.slice(0, 80).toWellFormed());
  const written = texts.map((text) => typeof text === "string" ? text : wholeText(text));
  const lines = found.map(({ label, probability, labels }, n) => {
    const told = labels ? labels.join(", ") : label;
    return [cell(written[n]!), escapeMarkdown(told), probability.toFixed(3)];
  });
  return markdown(["text", found[0]?.labels ? "labels" : "label", "probability"], lines, 2);
}
