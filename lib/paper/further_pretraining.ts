/**
 * Further pre-training (paper section 5.4): BERT's own two tasks, masked words (masked_words.ts) and next sentences
 * (segments.ts), go on with texts of the task (5.4.1) or of its domain (5.4.2) before the model is fine-tuned:
 *
 *     loss = mean −log p(word | text with masks) + mean −log p(B follows A)
 *
 * The defaults are the paper's: batches of 32 texts of 128 wordpieces, a rate of 5e-5 that warms up over a tenth of the
 * steps and then falls to 0.
 */
import { createHash } from "node:crypto";
import { requirePositions, requireSegments } from "../bert/config.ts";
import { nextSentences, preTrainingParameters, unigramStart } from "../bert/parameters.ts";
import { pretrainer } from "../bert/pretraining.ts";
import type { StartModel } from "../bert/start_model.ts";
import type { Engine } from "../engine/engine.ts";
import { fold } from "../random.ts";
import { configurationHash } from "../results/records.ts";
import type { HostTensors } from "../tensors.ts";
import type { CheckpointOptions } from "../training/checkpoints.ts";
import { type StepReport, train } from "../training/loop.ts";
import { optimizer, type OptimizerOptions } from "../training/optimizers.ts";
import { Trainer } from "../training/trainer.ts";
import { continuationPieces, vocabularyOf } from "./masked_words.ts";
import {
  heldOutBatches,
  type PreTrainingBatches,
  preTrainingEpoch,
  pretrainingSizes,
  withShuffledContext,
} from "./pretraining_batches.ts";
import {
  batchFinder,
  evaluationSteps,
  maskedStep,
  measureHeldOut,
  type PreTrainingEvaluation,
  preTrainingRates,
} from "./pretraining_steps.ts";
import { type Documents, encodeDocuments } from "./segments.ts";
import { aContext, requireArguments, withModel } from "../storage/arguments.ts";

/**
 * Defaults of {@linkcode furtherPretrain}: the paper's (section 5.2) for a trained model. A small model from nothing learns
 * only how often words occur that way; it needs a higher rate, more masked words, and {@linkcode unigramStart} (LOG.md).
 */
export const usualPreTraining = {
  trained: { learningRate: 5e-5, warmupProportion: .1, decayProportion: 1, maskedShare: .15 },
  fresh: { learningRate: 7e-4, warmupProportion: .06, decayProportion: .35, maskedShare: .25 },
} as const;

/** Model, texts and settings of {@linkcode furtherPretrain}. */
export interface FurtherPretrainOptions {
  /** The model, with heads of pre-training: `startModel` with `preTraining`. */
  readonly model: StartModel;
  /** Texts, each a document, or documents already cut into wordpieces: to train on, and to measure on. */
  readonly documents: {
    /** Texts to train on. */
    readonly train: readonly string[] | Documents;
    /** Texts to measure on; never trained on. */
    readonly heldOut: readonly string[] | Documents;
  };
  /** Language by whose rules texts are split into sentences; "en" if not given. */
  readonly language?: "en" | "zh";
  /** Optimizer updates of the whole model; the paper's best is 100,000. */
  readonly steps: number;
  /** Updates before those, in which only the heads learn, the body and its pooler being at rest; 0 if not given. */
  readonly headSteps?: number;
  /** The constant rate of the head steps; .001 if not given. */
  readonly headLearningRate?: number;
  /** B, the sequences of an update; 32 if not given. */
  readonly batchSize?: number;
  /** T at most, with [CLS] and [SEP]; 128 if not given. */
  readonly maxLength?: number;
  /** The highest rate; 5e-5 if not given, 7e-4 for a new model. */
  readonly learningRate?: number;
  /** Share of `steps` that warm up; .1 if not given, .06 for a new model. */
  readonly warmupProportion?: number;
  /** Share of `steps` over which the rate falls to 0 at the end; all after the warm-up if not given, .35 for a new model. */
  readonly decayProportion?: number;
  /** Share of a sequence's wordpieces that are masked; .15 if not given, .25 for a new model. */
  readonly maskedShare?: number;
  /** Pairs and next sentence prediction; otherwise masked words of single segments. True if not given. */
  readonly nsp?: boolean;
  /** Mask whole words and not single wordpieces; false if not given. */
  readonly wholeWords?: boolean;
  /** AdamW, or that of BERT's own code, which the paper pre-trains with; "adamw" if not given. */
  readonly optimizer?: OptimizerOptions["name"];
  /** Key of the pairs, masks and dropout. */
  readonly seed: number;
  /** Updates between two measurements; all if not given. */
  readonly evaluateEvery?: number;
  /** Updates of the whole model after which it is measured besides. */
  readonly evaluateAt?: readonly number[];
  /** Held-out sequences to measure on at most; 512 if not given. */
  readonly heldOutExamples?: number;
}

/** Engine, checkpoints and callbacks of {@linkcode furtherPretrain}. */
export interface FurtherPretrainContext {
  /** The engine that runs the steps. */
  readonly engine: Engine;
  /** Folder and frequency of the run's checkpoints, and whether to go on from them. */
  readonly checkpoint?: Omit<CheckpointOptions, "identity">;
  /** Told after each step. */
  onStep?(report: StepReport): void;
  /** Told after each measurement; `parameters` copies all of the model's as they are then. */
  onEvaluation?(
    evaluation: PreTrainingEvaluation,
    parameters: () => Promise<HostTensors>,
  ): void | Promise<void>;
}

/** The result of further pre-training. */
export interface FurtherPretrained {
  /** The model that pre-training started from. */
  readonly model: StartModel;
  /** All of the model's parameters after the last step; those that pre-training does not train are as they were. */
  readonly parameters: HostTensors;
  /** Before the first step, on the way and after the last one. */
  readonly evaluations: readonly PreTrainingEvaluation[];
  /**
   * `mlmLoss` after the last step when the words that are not masked are in random order: no more than in their own
   * order if the model has learnt only which words occur together.
   */
  readonly shuffledMlmLoss: number;
  /** Updates made, head steps included. */
  readonly steps: number;
  /** Seconds of training steps, of all sittings. */
  readonly seconds: number;
  /** Tokens without padding, a second of this sitting's steps; undefined if it made none. */
  readonly tokensPerSecond?: number;
  /** Remarks for a reader of the numbers. */
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
  requireArguments("furtherPretrain", { options: [options, withModel], context: [context, aContext] });
  const { model, steps, seed, language = "en", headSteps = 0, wholeWords = false } = options;
  const { batchSize = 32, maxLength = 128, heldOutExamples = 512 } = options;
  const usual = usualPreTraining[model.fresh ? "fresh" : "trained"];
  const { maskedShare = usual.maskedShare, learningRate = usual.learningRate } = options;
  const { warmupProportion = usual.warmupProportion, decayProportion = usual.decayProportion } = options;
  const [{ config, tokenizer }, total] = [model, headSteps + steps];
  const { nsp, notes } = nextSentences(model, options);
  if (!(steps >= 0 && headSteps >= 0 && total >= 1 && Number.isInteger(total))) {
    throw new RangeError(`Expected whole numbers of steps, found ${steps} and ${headSteps} head steps`);
  }
  requirePositions(config, maxLength);
  if (nsp) requireSegments(config, "no next sentences (--no-nsp)");
  const documentsOf = (given: readonly string[] | Documents): Documents => {
    if ("pieces" in given) return given;
    const { documents, cuts } = encodeDocuments(given, tokenizer, language);
    if (cuts > 0) notes.push(`Very long sentences were cut at ${cuts} places.`);
    return documents;
  };
  const documents = documentsOf(options.documents.train);
  const heldOut = documentsOf(options.documents.heldOut);
  const batching = {
    ...{ batchSize, maxLength, maskedShare, maxMasks: Math.ceil(maskedShare * maxLength) },
    ...{ tokenizerIds: tokenizer.ids, vocabSize: tokenizer.vocabSize, nextSentence: nsp, key: fold(seed, 1) },
    wholeWords: wholeWords ? continuationPieces(vocabularyOf(tokenizer), tokenizer.wordStart) : undefined,
    devices: context.engine.capabilities.devices.length,
  };
  const heldOutSet = heldOutBatches(heldOut, batching, heldOutExamples);
  const training = { ...batching, sizes: pretrainingSizes(documents, batching) };
  const batchOf = batchFinder((epoch) => preTrainingEpoch(documents, training, epoch));
  const own = preTrainingParameters(config, model.parameters, { nsp });
  const asBert = options.optimizer === "bertadam" && !model.fresh;
  const trainer = new Trainer(
    context.engine,
    pretrainer(config, { nsp }),
    model.fresh ? unigramStart(config, own, documents.pieces) : own,
    // BERT's own code clips all gradients together, unlike the paper's for fine-tuning.
    { ...optimizer(options.optimizer ?? "adamw"), clip: "global" },
    fold(seed, 2),
  );
  try {
    const ends = evaluationSteps(headSteps, total, options.evaluateEvery ?? total, options.evaluateAt);
    const sitting = { tokens: 0, seconds: 0 };
    const measure = (batches: PreTrainingBatches) => measureHeldOut(trainer, batches, batching);
    const first = await measure(heldOutSet);
    const parameters = async () => ({ ...model.parameters, ...await trainer.parameters() });
    await context.onEvaluation?.(first, parameters);
    const result = await train<PreTrainingEvaluation>(trainer, {
      epochs: ends.length,
      batches: (epoch) => {
        const start = ends[epoch - 1] ?? 0;
        return {
          length: ends[epoch]! - start,
          at: (place) => maskedStep(batchOf(start + place), batching, start + place < headSteps),
        };
      },
      rate: preTrainingRates({
        steps,
        headSteps,
        headLearningRate: options.headLearningRate ?? 1e-3,
        learningRate,
        warmupSteps: Math.round(steps * warmupProportion),
        decaySteps: Math.round(steps * decayProportion),
        jumps: asBert && options.decayProportion === undefined,
      }),
      evaluate: () => measure(heldOutSet),
      better: () => true, // the last parameters are kept
      checkpoint: context.checkpoint && {
        ...context.checkpoint,
        identity: await identityOf(options, documents, heldOut),
      },
      onStep: (report) => {
        sitting.tokens += report.tokens;
        sitting.seconds += report.seconds;
        context.onStep?.(report);
      },
      onEpoch: ({ evaluation }) => context.onEvaluation?.(evaluation, parameters),
    });
    return {
      model,
      parameters: { ...model.parameters, ...result.parameters },
      shuffledMlmLoss: (await measure(withShuffledContext(heldOutSet, batching))).mlmLoss,
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

/** Returns the identity of a run for its checkpoints: everything that its parameters and measurements depend on. */
function identityOf(options: FurtherPretrainOptions, ...corpora: readonly Documents[]): Promise<string> {
  const { model, documents: _, ...settings } = options;
  const data = createHash("sha256");
  for (const { pieces, sentences, documents } of corpora) {
    for (const part of [pieces, sentences, documents]) data.update(`${part.length} `).update(part);
  }
  const { description, content } = model;
  return configurationHash({ ...settings, model: description, content, data: data.digest("hex") });
}
