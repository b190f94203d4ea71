/** Training a classifier in a few lines of a notebook: its loss is drawn meanwhile, and the result classifies texts. */
import { type Classification, classifierOf, type ClassifierText } from "../classifier/classifier.ts";
import { merge, paperDraft, type Settings } from "../runs/configuration.ts";
import { type Dataset, wholeText } from "../data/examples.ts";
import type { Engine } from "../engine/engine.ts";
import { fineTune, type FineTuned } from "../paper/fine_tune.ts";
import { fineTuneSettings } from "../paper/settings.ts";
import { escapeMarkdown } from "../printable.ts";
import { markdown } from "../results/markdown.ts";
import { openEngine } from "../engine/open.ts";
import { startModel } from "../bert/start_model.ts";
import { type Displayable, withDisplay } from "./displayable.ts";
import { watch } from "./live.ts";
import { showRun } from "./show.ts";

/** The settings of a training; all are optional. */
export type TrainSettings = Omit<
  Settings,
  "data" | "limits" | "resample" | "preTraining" | "multiTask" | "forgetting"
>;

/** A classifier with the run that made it. */
export interface TrainedClassifier extends FineTuned, Displayable {
  /** The classes' names. */
  readonly labels: readonly string[];
  /** Returns the class of each text or pair of texts; the probabilities are not calibrated. */
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
  const draft = merge({ ...paperDraft, model: "minilm" }, settings);
  const { model: name, layers, seed, architecture } = draft;
  const { labels } = data;
  const texts = data.train.map(wholeText);
  const start = { labels, seed, layers: layers ?? undefined, architecture, texts, say: console.error };
  const model = await startModel(name, start);
  const tuning = fineTuneSettings(draft);
  const withEngine = async <Result>(use: (engine: Engine) => Promise<Result>) => {
    const engine = await openEngine(draft.engine, draft.precision);
    return await use(engine).finally(() => engine.dispose());
  };
  const run = await withEngine((engine) =>
    watch(data.name, (onStep) => fineTune(model, data, tuning, { engine, onStep }))
  );
  const classify = (texts: readonly ClassifierText[]) =>
    withEngine(async (engine) => {
      const classifier = classifierOf(run, labels, { engine });
      const found = await classifier.classify(texts).finally(() => classifier.dispose());
      return withDisplay(found, () => {
        const text = predictions(texts, found);
        return { text, markdown: text };
      });
    });
  return showRun(data.name, { ...run, labels, classify });
}

function predictions(texts: readonly ClassifierText[], found: readonly Classification[]): string {
  const cell = (text: string) => escapeMarkdown(text.slice(0, 80).toWellFormed());
  const written = texts.map((text) => typeof text === "string" ? text : wholeText(text));
  const lines = found.map((
    { label, probability },
    n,
  ) => [cell(written[n]!), escapeMarkdown(label), probability.toFixed(3)]);
  return markdown(["text", "label", "probability"], lines, 2);
}
