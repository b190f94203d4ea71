/** A trained classifier at work: texts in, their classes with probabilities out. */
import { readExamples } from "../paper/reading.ts";
import { evaluationBatches } from "../training/batches.ts";
import { classProbabilities } from "../training/class_probabilities.ts";
import type { Engine, Program, State } from "../engine/engine.ts";
import { type Classification, classifications, type ClassifierText } from "./classification.ts";
import { loadTrainedModel, type TrainedModel } from "./trained.ts";
import { evaluationGraph, signatures } from "../training/step.ts";
import type { StepBatch } from "../training/step.ts";
import { anEngine, callback, listOf, path, requireArguments, someOf } from "../storage/arguments.ts";
import { anything, either, object, optional, text as anyText, whole } from "../storage/json.ts";

/** Options of loading a classifier. */
export interface ClassifierOptions {
  /** The engine to compute on; the caller disposes it, after the classifier. */
  readonly engine: Engine;
  /** Texts of the longest length in a batch, and more of shorter ones, as their tokens are packed; 32 if not given. */
  readonly batchSize?: number;
}

/** A trained model on an engine; `dispose` frees what it holds there. */
export class Classifier {
  readonly #model: Omit<TrainedModel, "parameters">;
  readonly #engine: Engine;
  readonly #batchSize: number;
  readonly #state: State;
  readonly #signatures: ReturnType<typeof signatures>;
  readonly #programs = new Map<string, Promise<Program>>();

  /** @internal {@linkcode loadClassifier} makes one. */
  constructor({ parameters, ...model }: TrainedModel, { engine, batchSize = 32 }: ClassifierOptions) {
    this.#model = model;
    this.#engine = engine;
    this.#batchSize = batchSize;
    this.#signatures = signatures(parameters);
    this.#state = engine.state(parameters);
  }

  /** The classes' names. */
  get labels(): readonly string[] {
    return this.#model.labels;
  }

  /** [C] the least probabilities of labels that a text gets, only where it may have several. */
  get thresholds(): readonly number[] | undefined {
    return this.#model.thresholds;
  }

  /** `true` if the labels of its training texts were lists in their file. */
  get labelLists(): boolean | undefined {
    return this.#model.labelLists;
  }

  /** `true` if it was trained on pairs of texts; undefined for a model of another library. */
  get pairs(): boolean | undefined {
    return this.#model.pairs;
  }

  /** Remarks for a reader of the predictions. */
  get notes(): readonly string[] {
    return this.#model.notes;
  }

  /** The class of each text. @param onTexts told on the way how many texts are done */
  async classify(
    texts: readonly ClassifierText[],
    onTexts?: (done: number) => void,
  ): Promise<Classification[]> {
    requireTexts("classify", texts, onTexts);
    return classifications(await this.#compute(texts, onTexts), this);
  }

  /**
   * Probabilities [N*C] of the classes for each of N texts, computed in batches whose tokens are packed.
   *
   * @param onTexts told on the way how many texts are done
   */
  async probabilities(
    texts: readonly ClassifierText[],
    onTexts?: (done: number) => void,
  ): Promise<Float64Array> {
    requireTexts("probabilities", texts, onTexts);
    return await this.#compute(texts, onTexts);
  }

  async #compute(
    texts: readonly ClassifierText[],
    onTexts?: (done: number) => void,
  ): Promise<Float64Array> {
    const { tokenizer, text, maxLength, temperature, thresholds } = this.#model;
    const examples = readExamples(
      texts.map((text) => ({ ...typeof text === "string" ? { text } : text, label: 0 })),
      { tokenizer, text, maxLength },
    );
    const { devices, fewLargeShapes } = this.#engine.capabilities;
    const batches = evaluationBatches(examples, {
      batchSize: this.#batchSize,
      maxLength,
      tokenizerIds: tokenizer.ids,
      devices: devices.length,
      fewLargeShapes,
      ...thresholds ? { multiLabel: thresholds.length } : {},
    });
    return await classProbabilities((batch) => this.#evaluate(batch), batches, {
      examples: texts.length,
      classes: this.labels.length,
      temperature,
      multiLabel: thresholds !== undefined,
      onExamples: onTexts,
    });
  }

  async #evaluate({ shape, parts }: StepBatch) {
    const key = JSON.stringify(shape);
    let program = this.#programs.get(key);
    if (!program) {
      program = this.#engine.compile(evaluationGraph(this.#model.plan.trainable, this.#signatures, shape));
      this.#programs.set(key, program);
    }
    return (await program).run(this.#state, parts[0]!);
  }

  /** Frees programs and parameters. */
  async dispose(): Promise<void> {
    for (const program of this.#programs.values()) (await program.catch(() => undefined))?.dispose();
    this.#state.dispose();
  }
}

const aText = either<unknown>(
  "a text, or an object with a text and perhaps a pair",
  anyText,
  object({ text: anyText, pair: optional(anyText) }),
);

/** Makes sure that what is to be classified is a list of texts. @throws InputError if it is not. */
function requireTexts(call: string, texts: unknown, onTexts: unknown): void {
  const arePlain = Array.isArray(texts) && texts.every((text) => typeof text === "string"); // a million take 10 ms
  requireArguments(call, {
    texts: [texts, arePlain ? anything : someTexts],
    onTexts: [onTexts, optional(callback)],
  });
}

const someTexts = listOf('a list of texts, such as ["Not worth the money."]', aText);

/**
 * Opens a model folder for predictions.
 *
 * @param folder a folder of `deno task train`, or another BertForSequenceClassification
 * @throws InputError as {@linkcode loadTrainedModel}.
 */
export async function loadClassifier(folder: string, options: ClassifierOptions): Promise<Classifier> {
  requireArguments("loadClassifier", {
    folder: [folder, path],
    options: [options, someOf({ engine: anEngine, batchSize: whole(1) })],
    "options.engine": [options?.engine, anEngine],
  });
  return new Classifier(await loadTrainedModel(folder), options);
}
