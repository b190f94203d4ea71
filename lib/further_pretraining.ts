/**
 * Further pre-training (paper section 5.4): BERT's own two tasks, masked words and next sentences, go on with texts of
 * the task (5.4.1) or of its domain before the model is fine-tuned. The defaults are the paper's: batches of 32 texts
 * of 128 wordpieces, a rate of 5e-5 that warms up over a tenth of the steps and then falls to 0.
 */
import { createHash } from "node:crypto";
import { saveCheckpoint } from "./bert/checkpoint.ts";
import { preTrainingShapes } from "./bert/parameters.ts";
import { requirePositions } from "./bert/config.ts";
import { preTrainer } from "./bert/pretraining.ts";
import type { Dataset } from "./data/examples.ts";
import {
  continuationPieces,
  heldOutBatches,
  type PreTrainingBatch,
  type PreTrainingBatches,
  preTrainingEpoch,
} from "./data/pretraining_examples.ts";
import { type Documents, encodeDocuments } from "./data/pretraining_segments.ts";
import type { Engine } from "./engine/engine.ts";
import { InputError } from "./errors.ts";
import { fold, Random } from "./random.ts";
import { configurationHash } from "./results/records.ts";
import { schedule } from "./schedules.ts";
import type { StartModel } from "./start_model.ts";
import type { HostTensors } from "./tensors.ts";
import type { Tokenizer } from "./text/tokenizer.ts";
import type { CheckpointOptions } from "./training/checkpoints.ts";
import { type StepReport, train } from "./training/loop.ts";
import { optimizer, type OptimizerOptions } from "./training/optimizers.ts";
import { type StepBatch, Trainer } from "./training/trainer.ts";

/** What {@linkcode furtherPretrain} trains, on what, and how. */
export interface FurtherPretrainOptions {
  /** The model, with heads of pre-training: `startModel` with `preTraining`. */
  readonly model: StartModel;
  /** Texts, each a document, or documents already cut into wordpieces: to train on, and to measure on. */
  readonly documents: {
    /** What the model learns from. */
    readonly train: readonly string[] | Documents;
    /** What it is measured on; never trained on. */
    readonly heldOut: readonly string[] | Documents;
  };
  /** How texts are split into sentences; "en" if not given. */
  readonly language?: "en" | "zh";
  /** Optimizer updates of the whole model; the paper's best is 100,000. */
  readonly steps: number;
  /** Updates before those, in which only the heads and the pooler learn; 0 if not given. */
  readonly headSteps?: number;
  /** The constant rate of the head steps; ten times `learningRate` if not given. */
  readonly headLearningRate?: number;
  /** B, the sequences of an update; 32 if not given. */
  readonly batchSize?: number;
  /** T at most, with [CLS] and [SEP]; 128 if not given. */
  readonly maxLength?: number;
  /** The highest rate; 5e-5 if not given. */
  readonly learningRate?: number;
  /** Share of `steps` that warm up; .1 if not given. */
  readonly warmupProportion?: number;
  /** Pairs and next sentence prediction; otherwise masked words of single segments. True if not given. */
  readonly nsp?: boolean;
  /** Mask whole words and not single wordpieces; false if not given. */
  readonly wholeWords?: boolean;
  /** AdamW, or the BertAdam of the paper's code; "adamw" if not given. */
  readonly optimizer?: OptimizerOptions["name"];
  /** Key of the pairs, masks and dropout. */
  readonly seed: number;
  /** Updates between two measurements; all if not given. */
  readonly evaluateEvery?: number;
  /** Held-out sequences to measure on at most; 512 if not given. */
  readonly heldOutExamples?: number;
}

/** What {@linkcode furtherPretrain} works with besides. */
export interface FurtherPretrainContext {
  /** Where the steps run. */
  readonly engine: Engine;
  /** Where to save the run on the way, every how many steps, and whether to go on from there. */
  readonly checkpoint?: Omit<CheckpointOptions, "identity">;
  /** Told after each step. */
  onStep?(report: StepReport): void;
  /** Told after each measurement. */
  onEvaluation?(evaluation: PreTrainingEvaluation): void;
}

/** What a model knows of the held-out documents, always with the same masks. */
export interface PreTrainingEvaluation {
  /** Updates made before, head steps included; 0 is the model that it started from. */
  readonly step: number;
  /** Mean cross-entropy of the masked wordpieces, in nats. */
  readonly mlmLoss: number;
  /** Share of the masked wordpieces whose likeliest guess is right. */
  readonly mlmAccuracy: number;
  /** Mean cross-entropy of "does the second segment follow", in nats. */
  readonly nspLoss?: number;
  /** Share of the pairs that are told right. */
  readonly nspAccuracy?: number;
}

/** What came of further pre-training. */
export interface FurtherPretrained {
  /** What it started from. */
  readonly model: StartModel;
  /** All of the model's parameters after the last step; those that pre-training does not train are as they were. */
  readonly parameters: HostTensors;
  /** Before the first step, on the way and after the last one. */
  readonly evaluations: readonly PreTrainingEvaluation[];
  /** Updates made, head steps included. */
  readonly steps: number;
  /** Seconds of training steps, of all sittings. */
  readonly seconds: number;
  /** Tokens without padding, a second of this sitting's steps; undefined if it made none. */
  readonly tokensPerSecond?: number;
  /** What a reader of the numbers should know. */
  readonly notes: readonly string[];
}

/**
 * Pre-trains a model further on documents and keeps the parameters after the last step. A run that was stopped and
 * goes on from its checkpoint ends with the same parameters, bit for bit.
 *
 * @throws InputError if the maximum length is more than the model's positions, there are no documents with words, the
 * model lacks heads of pre-training, or the loss stops being finite.
 */
export async function furtherPretrain(
  options: FurtherPretrainOptions,
  context: FurtherPretrainContext,
): Promise<FurtherPretrained> {
  const { model, steps, seed, language = "en", headSteps = 0, nsp = true, wholeWords = false } = options;
  const { batchSize = 32, maxLength = 128, heldOutExamples = 512 } = options;
  const { config, tokenizer } = model;
  const total = headSteps + steps;
  if (!(steps >= 0 && headSteps >= 0 && total >= 1 && Number.isInteger(total))) {
    throw new RangeError(`Expected whole numbers of steps, found ${steps} and ${headSteps} head steps`);
  }
  requirePositions(config, maxLength);
  const notes = [...model.notes];
  const documentsOf = (given: readonly string[] | Documents): Documents => {
    if ("pieces" in given) return given;
    const { documents, cuts } = encodeDocuments(given, tokenizer, language);
    if (cuts > 0) notes.push(`Very long sentences were cut at ${cuts} places.`);
    return documents;
  };
  const documents = documentsOf(options.documents.train);
  const heldOut = documentsOf(options.documents.heldOut);
  const batching = {
    batchSize,
    maxLength,
    tokenizerIds: tokenizer.ids,
    vocabSize: tokenizer.vocabSize,
    nextSentence: nsp,
    wholeWords: wholeWords ? continuationPieces(piecesOf(tokenizer)) : undefined,
    key: fold(seed, 1),
  };
  const heldOutSet = heldOutBatches(heldOut, batching, heldOutExamples);
  const stepBatchOf = batchFinder((epoch) => preTrainingEpoch(documents, batching, epoch));

  const trainer = new Trainer(
    context.engine,
    preTrainer(config, { nsp }),
    trainedParameters(model, nsp),
    optimizer(options.optimizer ?? "adamw"),
    fold(seed, 2),
  );
  try {
    const ends = evaluationSteps(headSteps, total, options.evaluateEvery ?? total);
    const sitting = { tokens: 0, seconds: 0, began: 0 };
    const first = await measure(trainer, heldOutSet, nsp);
    context.onEvaluation?.(first);
    const result = await train<PreTrainingEvaluation>(trainer, {
      epochs: ends.length,
      batches: (epoch) => {
        const start = ends[epoch - 1] ?? 0;
        return {
          length: ends[epoch]! - start,
          at: (place) => {
            sitting.began = performance.now();
            return stepBatch(stepBatchOf(start + place), nsp);
          },
        };
      },
      rate: rates(options),
      evaluate: () => measure(trainer, heldOutSet, nsp),
      better: () => true, // the last parameters are kept
      checkpoint: context.checkpoint && {
        ...context.checkpoint,
        identity: await identityOf(options, documents, heldOut),
      },
      onStep: (report) => {
        sitting.tokens += report.tokens;
        sitting.seconds += (performance.now() - sitting.began) / 1000;
        context.onStep?.(report);
      },
      onEpoch: ({ evaluation }) => context.onEvaluation?.(evaluation),
    });
    return {
      model,
      parameters: { ...model.parameters, ...result.parameters },
      evaluations: [first, ...result.epochs.map(({ evaluation }) => evaluation)],
      steps: result.steps,
      seconds: result.seconds,
      ...sitting.seconds > 0 ? { tokensPerSecond: sitting.tokens / sitting.seconds } : {},
      notes,
    };
  } finally {
    await trainer.dispose();
  }
}

/** Saves the result as a Hugging Face folder of BertForPreTraining or BertForMaskedLM; a classifier is left out. */
export async function savePretrained(
  folder: string,
  { model, parameters }: FurtherPretrained,
): Promise<void> {
  const { id2label: _, label2id: __, ...config } = model.config;
  await saveCheckpoint(folder, {
    config,
    parameters: Object.fromEntries(
      Object.entries(parameters).filter(([name]) => !name.startsWith("classifier.")),
    ),
    tokenizerFiles: model.tokenizer.files,
  });
}

/**
 * The texts of within-task further pre-training (section 5.4.1): under "clean" the training texts, without those that
 * also stand in the development or test split; under "paper" training and test texts, as in the authors' code.
 */
export function withinTask(data: Dataset, protocol: "clean" | "paper"): string[] {
  const texts = (split: "train" | "dev" | "test") => data[split].map(({ text }) => text);
  if (protocol === "paper") return [...texts("train"), ...texts("test")];
  const unseen = new Set([...texts("dev"), ...texts("test")]);
  return texts("train").filter((text) => !unseen.has(text));
}

/**
 * Parts texts into those to train on and those to measure on, at least one each; equal texts stay together.
 *
 * @param share share of the different texts that are held out, drawn by the seed
 * @throws InputError if there are fewer than two different texts.
 */
export function holdOut(
  texts: readonly string[],
  share: number,
  seed: number,
): { train: string[]; heldOut: string[] } {
  const different = [...new Set(texts)];
  if (different.length < 2) {
    throw new InputError(
      `Cannot hold out documents to measure on: expected at least two different ones, found ${different.length}`,
    );
  }
  const count = Math.min(different.length - 1, Math.max(1, Math.round(share * different.length)));
  const held = new Set(new Random(fold(seed, 3)).shuffle(different).slice(0, count));
  return { train: texts.filter((text) => !held.has(text)), heldOut: [...held] };
}

/** The parameters that pre-training trains. */
function trainedParameters({ config, parameters }: StartModel, nsp: boolean): HostTensors {
  const names = [...preTrainingShapes(config, { nsp }).keys()];
  const missing = names.filter((name) => !Object.hasOwn(parameters, name));
  if (missing.length > 0) {
    throw new InputError(
      `Cannot pre-train a model without ${missing.join(", ")}: start it with its heads of pre-training`,
    );
  }
  return Object.fromEntries(names.map((name) => [name, parameters[name]!]));
}

/** Steps after which the model is measured: every so many in both phases, and at the end of each. */
function evaluationSteps(headSteps: number, total: number, every: number): number[] {
  if (!(every >= 1)) throw new RangeError(`Expected at least 1 step between measurements, found ${every}`);
  const phase = (from: number, to: number) =>
    Array.from({ length: Math.ceil((to - from) / every) }, (_, i) => Math.min(to, from + (i + 1) * every));
  return [...phase(0, headSteps), ...phase(headSteps, total)];
}

/** Rates by parameter and update: first of the heads alone, then of all, linear with warm-up. */
function rates(options: FurtherPretrainOptions): (parameter: string, update: number) => number {
  const { steps, headSteps = 0, learningRate = 5e-5, warmupProportion = .1 } = options;
  const { headLearningRate = 10 * learningRate } = options;
  const multiplier = schedule("linear", {
    totalSteps: steps,
    warmupSteps: Math.round(steps * warmupProportion),
  });
  return (parameter, update) => {
    if (update >= headSteps) return learningRate * multiplier(update - headSteps);
    return /^(cls|bert\.pooler)\./.test(parameter) ? headLearningRate : 0;
  };
}

/** The batch of a step, counted over all passes through the documents; passes differ in length. */
function batchFinder(
  pass: (epoch: number) => PreTrainingBatches,
): (step: number) => PreTrainingBatch {
  const starts = [0];
  let current: { epoch: number; batches: PreTrainingBatches } | undefined;
  const open = (epoch: number) => {
    if (current?.epoch !== epoch) current = { epoch, batches: pass(epoch) };
    return current.batches;
  };
  return (step) => {
    while (starts.at(-1)! <= step) starts.push(starts.at(-1)! + open(starts.length - 1).length);
    const epoch = starts.findLastIndex((start) => start <= step);
    return open(epoch).at(step - starts[epoch]!);
  };
}

/** A batch as the training step takes it: losses are means over the masked places, and over the pairs. */
function stepBatch(batch: PreTrainingBatch, nsp: boolean): StepBatch {
  const { B, T, P } = batch.shape;
  const masked = batch.mlmWeights.reduce((sum, weight) => sum + weight, 0);
  const pairs: HostTensors = {
    nsp_labels: { shape: [B], data: batch.nspLabels },
    weights: { shape: [B], data: new Float32Array(B).fill(1 / B) },
  };
  const part: HostTensors = {
    ids: { shape: [B, T], data: batch.ids },
    mask: { shape: [B, T], data: batch.mask },
    type_ids: { shape: [B, T], data: batch.typeIds },
    positions: { shape: [B * P], data: batch.positions },
    mlm_labels: { shape: [B * P], data: batch.mlmLabels },
    mlm_weights: { shape: [B * P], data: batch.mlmWeights.map((weight) => weight / Math.max(1, masked)) },
    ...nsp ? pairs : {},
  };
  return { shape: { B, T, P }, parts: [part], examples: batch.examples, tokens: batch.tokens };
}

/** Losses and right guesses over all held-out batches, without dropout. */
async function measure(
  trainer: Trainer,
  batches: PreTrainingBatches,
  nsp: boolean,
): Promise<PreTrainingEvaluation> {
  const mlm = { loss: 0, right: 0, count: 0 };
  const next = { loss: 0, right: 0, count: 0 };
  for (const batch of batches) {
    const outputs = await trainer.evaluate(stepBatch(batch, nsp));
    batch.mlmWeights.forEach((weight, place) => {
      mlm.loss += weight * outputs.mlm_losses!.data[place]!;
      mlm.right += weight * outputs.mlm_correct!.data[place]!;
      mlm.count += weight;
    });
    if (!nsp) continue;
    batch.nspLabels.forEach((label, row) => {
      const logits = outputs.nsp_logits!.data.subarray(2 * row, 2 * row + 2);
      const margin = logits[label]! - logits[1 - label]!;
      next.loss += Math.max(0, -margin) + Math.log1p(Math.exp(-Math.abs(margin)));
      next.right += margin > 0 ? 1 : 0;
      next.count++;
    });
  }
  return {
    step: trainer.updates,
    mlmLoss: mlm.loss / mlm.count,
    mlmAccuracy: mlm.right / mlm.count,
    ...nsp ? { nspLoss: next.loss / next.count, nspAccuracy: next.right / next.count } : {},
  };
}

/** What a run is, for its checkpoints: everything that its parameters and measurements depend on. */
function identityOf(
  options: FurtherPretrainOptions,
  ...corpora: readonly Documents[]
): Promise<string> {
  const { model, documents: _, ...settings } = options;
  const data = createHash("sha256");
  for (const { pieces, sentences, documents } of corpora) {
    for (const part of [pieces, sentences, documents]) data.update(`${part.length} `).update(part);
  }
  return configurationHash({ ...settings, model: model.description, data: data.digest("hex") });
}

/** A tokenizer's vocabulary by id. */
function piecesOf(tokenizer: Tokenizer): string[] {
  const text = tokenizer.files["tokenizer.json"]! as string;
  const { vocab } = (JSON.parse(text) as { model: { vocab: Record<string, number> } }).model;
  const pieces = new Array<string>(tokenizer.vocabSize).fill("");
  for (const [piece, id] of Object.entries(vocab)) pieces[id] = piece;
  return pieces;
}
