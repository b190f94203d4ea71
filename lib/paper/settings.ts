/** The settings of fine-tuning, each declared once, and their values in the paper (section 5.2). */
import type { OptimizerOptions } from "../training/optimizers.ts";
import { type TextStrategy, textStrategy } from "./long_text.ts";
import type { ScheduleName } from "./schedules.ts";
import { number, object, type Shape, whole } from "../storage/json.ts";

/** Settings that a classifier is trained with. */
export interface FineTuneSettings {
  /**
   * The part that is trained: all of the model (if not given), or, BERT being frozen, only a biLSTM that reads its states
   * (section 5.4.3, BERT-Feat).
   */
  readonly method?: "fine-tuning" | "feature-extraction";
  /** Treatment of long texts (section 5.3.1): a name of lib/paper/long_text.ts, or a strategy. */
  readonly text: string | TextStrategy;
  /** Layers whose states are classified (section 5.3.2): a name of lib/paper/layers.ts; "last" if not given. */
  readonly features?: string;
  /** Cap on the fractions of the hierarchical methods, where `text` is a name; 8 if not given. */
  readonly maxFractions?: number;
  /** T, the longest input in wordpieces, [CLS] and [SEP] included. */
  readonly maxLength: number;
  /** Passes over the training texts. */
  readonly epochs: number;
  /**
   * Measurements in each pass, evenly spread; 1 if not given. With more, it is the best of them that is kept, not the
   * best epoch, and a sample of the training texts is measured as well.
   */
  readonly evaluationsPerEpoch?: number;
  /** Updates between two measurements, instead of some in each pass. */
  readonly evaluateEvery?: number;
  /** Updates at most; the schedule of the rate ends with them. */
  readonly maxSteps?: number;
  /** Early stopping: measurements in a row without a better one that end the training; none if not given. */
  readonly patience?: number;
  /** Measured parameters that are kept and tested: the best ones (if not given), or the last. */
  readonly keep?: "best" | "last";
  /** Texts of one optimizer step. */
  readonly batchSize: number;
  /** Texts of one pass, a divisor of the batch size (all if not given): less takes less memory, the step is the same. */
  readonly microBatchSize?: number | null;
  /** The base rate, that of the top layer. */
  readonly learningRate: number;
  /** xi of section 5.3.4; 1 is none. */
  readonly layerDecay: number;
  /** Schedule of the rate from step to step. */
  readonly schedule: ScheduleName;
  /** Share of the steps that warm up. */
  readonly warmupProportion: number;
  /** AdamW, or the BertAdam of the paper's code. */
  readonly optimizer: OptimizerOptions["name"];
  /** Dropout rate of the attention's probabilities; the model's own if not given. */
  readonly attentionDropout?: number | null;
  /** Each text is padded to the longest input, instead of packing the tokens of a batch. */
  readonly padToMax?: boolean;
  /** Weights in the loss: all texts alike (if not given), or all classes alike. */
  readonly classWeights?: "none" | "balanced";
  /** `clean` chooses the epoch by the development split, `paper` by the test split as the paper's code does. */
  readonly protocol: "clean" | "paper";
  /** Key of the dropout masks, the batches and what is drawn. */
  readonly seed: number;
}

/** The paper's values; how classes weigh, what is kept and early stopping are not a matter of its runs. */
export const paperFineTuning = {
  method: "fine-tuning",
  text: "head+tail",
  features: "last",
  maxFractions: 8,
  maxLength: 512,
  epochs: 4,
  evaluationsPerEpoch: 1,
  batchSize: 24,
  microBatchSize: null,
  learningRate: 2e-5,
  layerDecay: 1,
  schedule: "linear",
  warmupProportion: 0.1,
  optimizer: "adamw",
  attentionDropout: null,
  padToMax: false,
  protocol: "clean",
  seed: 1,
} as const satisfies FineTuneSettings;

/** Returns the settings of {@linkcode paperFineTuning} alone. */
export function fineTuneSettings(given: FineTuneSettings): FineTuneSettings {
  const names = Object.keys(paperFineTuning) as (keyof FineTuneSettings)[];
  return Object.fromEntries(names.map((name) => [name, given[name]])) as unknown as FineTuneSettings;
}

/** Returns the part of a checkpoint's identity that settings give: a text strategy by the values it is made of. */
export function settingsIdentity({ maxFractions, ...settings }: FineTuneSettings): object {
  return { ...settings, text: textStrategy(settings.text, { maxFractions }) };
}

/** The shape of settings as a caller hands them over, as far as a wrong one would be taken in silence. */
export const fineTuningShape: Shape<unknown> = object({
  maxLength: whole(1),
  epochs: whole(1),
  batchSize: whole(1),
  learningRate: number(0),
  layerDecay: number(0),
  warmupProportion: number(0, 1),
  seed: whole(0),
});
