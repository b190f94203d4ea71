/** Tiny trained classifiers, and what training's own evaluation says of texts. */
import { readExamples } from "../../lib/paper/reading.ts";
import type { ClassifierText } from "../../lib/classifier/classification.ts";
import { evaluationBatches } from "../../lib/training/batches.ts";
import type { Example } from "../../lib/data/examples.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { classifierPlan } from "../../lib/paper/classifier_plan.ts";
import { fineTune, type FineTuned } from "../../lib/paper/fine_tune.ts";
import { textStrategy } from "../../lib/paper/long_text.ts";
import { startModel } from "../../lib/bert/start_model.ts";
import { optimizer } from "../../lib/training/optimizers.ts";
import { Trainer } from "../../lib/training/trainer.ts";
import { exampleDataset, tinyArchitecture } from "../helpers/example_model.ts";
import { severalDataset } from "../helpers/several_labels.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";

const engine = await referenceEngine();
const maxLength = 16;

/** The most tokens that the models can read. */
export const positions = 24;
/** By class. */
export const labels = ["o", "u", "neither"];

/** Kind of texts that a classifier is made for. */
export interface ClassifierKind {
  /** A text strategy's name, head+tail if not given. */
  readonly text?: string;
  /** "last" if not given. */
  readonly features?: string;
  /** `true` if the texts are pairs; false if not given. */
  readonly pairs?: boolean;
  /** `true` if a text may have several labels, "o" and "u" or none; false if not given. */
  readonly several?: boolean;
}

const trained = new Map<string, Promise<FineTuned>>();

/** A classifier of 5 layers after a few steps, or of one layer that tells several labels; trained once for each kind. */
export function trainedClassifier(
  { text = "head+tail", features = "last", pairs = false, several = false }: ClassifierKind,
): Promise<FineTuned> {
  const key = `${text} ${features} ${pairs} ${several}`;
  let run = trained.get(key);
  if (!run) trained.set(key, run = trainClassifier({ text, features, pairs, several }));
  return run;
}

async function trainClassifier(
  { text, features, pairs, several }: Required<ClassifierKind>,
): Promise<FineTuned> {
  const texts = several ? severalDataset(256, 3) : { ...exampleDataset({ count: 16, words: 20 }), labels };
  const paired = (examples: readonly Example[]) =>
    examples.map((example) => pairs ? { ...example, pair: example.text.slice(0, 12) } : example);
  const data = {
    ...texts,
    train: paired(texts.train),
    dev: paired(texts.dev),
    test: paired(texts.test),
  };
  const { config, parameters, ...model } = await startModel("new", {
    labels: data.labels,
    seed: 7,
    architecture: { ...tinyArchitecture, layers: several ? 1 : 5 },
    texts: data.train.map(({ text }) => text),
  });
  const name = "bert.embeddings.position_embeddings.weight";
  const table = parameters[name]!.data.subarray(0, positions * config.hidden_size);
  const start = {
    ...model,
    config: { ...config, max_position_embeddings: positions },
    parameters: { ...parameters, [name]: { shape: [positions, config.hidden_size], data: table } },
  };
  const settings = tinySettings({
    text: textStrategy(text, { maxFractions: 3 }),
    features,
    maxLength,
    seed: 7,
    ...several ? { epochs: 8 } : {},
  });
  return await fineTune(start, data, settings, { engine: onnxEngine({ threads: 1 }) });
}

/** The classifier as training evaluates it, by eager tfjs. */
export function evaluator({ model, settings, parameters }: FineTuned): Trainer {
  const { trainable } = classifierPlan(model.config, settings);
  return new Trainer(engine, trainable, parameters, optimizer("adamw"), 1);
}

/** The logits of texts, or of pairs, as training evaluates them. */
export async function ownLogits(run: FineTuned, texts: readonly ClassifierText[]): Promise<number[][]> {
  const { tokenizer } = run.model;
  const trainer = evaluator(run);
  const examples = readExamples(
    texts.map((text) => ({ ...typeof text === "string" ? { text } : text, label: 0 })),
    { tokenizer, text: textStrategy(run.settings.text), maxLength },
  );
  const logits: number[][] = [];
  const options = { batchSize: 4, maxLength, tokenizerIds: tokenizer.ids };
  for (const batch of evaluationBatches(examples, options)) {
    const { logits: found } = await trainer.evaluate(batch);
    batch.indices.forEach((index, row) => {
      if (index >= 0) logits[index] = Array.from(found!.data.subarray(row * 3, row * 3 + 3));
    });
  }
  await trainer.dispose();
  return logits;
}
