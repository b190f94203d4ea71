/**
 * Everything a run depends on, as a typed value: the paper's settings where nothing else is stated, and how statements
 * are laid over each other.
 */
import type { Corpus } from "../paper/corpora.ts";
import { InputError } from "../errors.ts";
import type { ScheduleName } from "../paper/schedules.ts";
import { checkOf } from "./setting_checks.ts";
import type { NewModel } from "../bert/start_model.ts";

/** Examples kept of each split, stratified by class; null keeps all. */
export interface Limits {
  /** Training examples. */
  readonly train: number | null;
  /** Development examples. */
  readonly dev: number | null;
  /** Test examples. */
  readonly test: number | null;
}

/** How the best epoch is chosen: by a development split held out of train, or, as the paper's code, by the test set. */
export type Protocol = "clean" | "paper";

/** Further pre-training before the model is fine-tuned (section 5.4). */
export interface PreTrainingSettings {
  /** What it learns from. */
  readonly corpus: Corpus;
  /** Data sets whose held-out texts it never sees: those of the corpus' domains. */
  readonly unseen: readonly string[];
  /** Updates of the whole model. */
  readonly steps: number;
  /** Updates of the heads alone before those, for a model that has none. */
  readonly headSteps: number;
  /** Shares of `steps` at which the parameters are kept; one run serves all of them. */
  readonly points: readonly number[];
  /** The one of `points` whose parameters are fine-tuned. */
  readonly point: number;
  /** B, sequences an update. */
  readonly batchSize: number;
  /** T, the longest sequence. */
  readonly maxLength: number;
  /** The highest rate. */
  readonly learningRate: number;
  /** Share of the steps that warm up; if not given, the usual one of lib/paper/further_pretraining.ts. */
  readonly warmupProportion?: number;
  /** Whether there are pairs and next sentence prediction. */
  readonly nsp: boolean;
  /** Key of its randomness: the fine-tuning of every seed starts from the same pre-trained model. */
  readonly seed: number;
}

/** The same with the corpus as names of data sets. */
export interface ResolvedPreTraining extends PreTrainingSettings {
  /** Names of the data sets that it learns from. */
  readonly corpus: readonly string[];
}

/** Multi-task fine-tuning before the model is fine-tuned on its own task (section 5.5). */
export interface MultiTaskSettings {
  /** The data sets that share the model; each has as many examples as the run's own. */
  readonly tasks: readonly string[];
  /** Passes over the training examples of all tasks. */
  readonly epochs: number;
  /** The base rate, that of the top layer. */
  readonly learningRate: number;
}

/** Everything a run depends on; two runs with equal configurations give equal numbers. */
export interface Configuration {
  /** Name of the data set. */
  readonly data: string;
  /** How many examples of each split. */
  readonly limits: Limits;
  /** Whether each seed has its own draw of limited training examples; otherwise all have the same. */
  readonly resample: boolean;
  /** A named model, a folder, a hub id, or "new". */
  readonly model: string;
  /** Keep only the lowest layers of the model's encoder; null keeps all. */
  readonly layers: number | null;
  /** The model's shape if it is "new", or if the named one cannot be had. */
  readonly architecture: NewModel;
  /** Further pre-training before, or none. */
  readonly preTraining: ResolvedPreTraining | null;
  /** Multi-task fine-tuning before, or none. */
  readonly multiTask: MultiTaskSettings | null;
  /** The whole model is trained, or a biLSTM on top of it, which stays as it is (lib/paper/bert_feat.ts). */
  readonly method: "fine-tuning" | "feature-extraction";
  /** What is done with long texts: a name of lib/paper/long_text.ts. */
  readonly text: string;
  /** Which layers' states are classified: a name of lib/paper/layers.ts. */
  readonly features: string;
  /** Cap on the fractions of the hierarchical methods. */
  readonly maxFractions: number;
  /** T, the longest input in wordpieces, [CLS] and [SEP] included. */
  readonly maxLength: number;
  /** Passes over the training examples. */
  readonly epochs: number;
  /** Measurements in each pass; more than one is a curve, of which the best point is kept, with training errors. */
  readonly evaluationsPerEpoch: number;
  /**
   * If what fine-tuning makes the model forget is measured (lib/paper/forgetting.ts): the updates that train a head of masked
   * words on general text first, for a model that has none. What is tested then is the model at the end of training,
   * not at its best. Null if it is not.
   */
  readonly forgetting: number | null;
  /** B, texts an update. */
  readonly batchSize: number;
  /** Texts of one pass where B take too much memory; null is B. */
  readonly microBatchSize: number | null;
  /** The base learning rate, that of the top layer. */
  readonly learningRate: number;
  /** xi of section 5.3.4; 1 is none. */
  readonly layerDecay: number;
  /** How the learning rate changes over the steps. */
  readonly schedule: ScheduleName;
  /** Share of the steps that warm up. */
  readonly warmupProportion: number;
  /** AdamW with bias correction, or the BertAdam of the paper's code. */
  readonly optimizer: "adamw" | "bertadam";
  /** How the best epoch is chosen. */
  readonly protocol: Protocol;
  /** The engine by name: onnx, xla or reference. */
  readonly engine: string;
  /** Element type of matrix products. */
  readonly precision: "f32" | "bf16";
  /** Dropout rate of the attention's probabilities; null is the model's own. cuDNN's fused attention needs 0. */
  readonly attentionDropout: number | null;
  /** Each text is padded to the longest input, instead of packing the tokens of a batch. */
  readonly padToMax: boolean;
  /** Key of all randomness. */
  readonly seed: number;
}

/** A configuration on its way: there is further pre-training if its corpus is not empty, and so with tasks. */
export type Draft = Omit<Configuration, "preTraining" | "multiTask"> & {
  readonly preTraining: PreTrainingSettings;
  readonly multiTask: MultiTaskSettings;
};

/** A part of a configuration, as rows, columns and scales state it. */
export type Settings = {
  readonly [Key in keyof Draft]?: Partial<Draft[Key]>;
};

/** The paper's settings (section 5.2), where nothing else is stated. */
export const paperSettings: Configuration = {
  data: "imdb",
  limits: { train: null, dev: null, test: null },
  resample: false,
  model: "bert-base-uncased",
  layers: null,
  architecture: {
    tokens: "wordpieces",
    vocabulary: 30_522,
    layers: 12,
    hidden: 768,
    heads: 12,
    intermediate: 3072,
    initializerRange: 0.02,
  },
  preTraining: null,
  multiTask: null,
  method: "fine-tuning",
  text: "head+tail",
  features: "last",
  maxFractions: 8,
  maxLength: 512,
  epochs: 4,
  evaluationsPerEpoch: 1,
  forgetting: null,
  batchSize: 24,
  microBatchSize: null,
  learningRate: 2e-5,
  layerDecay: 1,
  schedule: "linear",
  warmupProportion: 0.1,
  optimizer: "adamw",
  protocol: "clean",
  engine: "onnx",
  precision: "f32",
  attentionDropout: null,
  padToMax: false,
  seed: 1,
};

/** The paper's further pre-training (section 5.2), of rows that name a corpus. */
export const paperPreTraining: PreTrainingSettings = {
  corpus: [],
  unseen: [],
  steps: 100_000,
  headSteps: 0,
  points: [1],
  point: 1,
  batchSize: 32,
  maxLength: 128,
  learningRate: 5e-5,
  nsp: true,
  seed: 1,
};

/** The paper's multi-task fine-tuning (section 5.5), of rows that name tasks: as it fine-tunes on one. */
const paperMultiTask: MultiTaskSettings = { tasks: [], epochs: 4, learningRate: 2e-5 };

/** Where a configuration begins: the paper's settings, without further pre-training or other tasks. */
export const paperDraft: Draft = {
  ...paperSettings,
  preTraining: paperPreTraining,
  multiTask: paperMultiTask,
};

/** What `protocol: "paper"` changes besides the choice of the epoch: the optimizer of the paper's code. */
export const paperProtocol: Settings = { optimizer: "bertadam", schedule: "bertadam-linear" };

/** Settings over a configuration; nested fields are merged, undefined ones left as they are. */
export function merge(draft: Draft, settings: Settings): Draft {
  const merged: Record<string, unknown> = { ...draft };
  for (const [field, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    merged[field] = isObject(value) ? { ...merged[field] as object, ...value } : value;
  }
  return merged as unknown as Draft;
}

/**
 * A configuration with another value in one field, such as `limits.train`.
 *
 * @throws InputError if there is no such field, or it cannot hold the value.
 */
export function override<Value extends object>(
  object: Value,
  field: string,
  value: unknown,
  path = field.split("."),
): Value {
  const [key, ...rest] = path as [string, ...string[]];
  const old = (object as Record<string, unknown>)[key];
  if (!Object.hasOwn(object, key) || (rest.length > 0 && !isObject(old))) {
    throw new InputError(
      `Cannot set "${field}" as there is no field "${key}": expected one of ${
        Object.keys(object).join(", ")
      }`,
    );
  }
  if (rest.length > 0) return { ...object, [key]: override(old as object, field, value, rest) };
  const check = checkOf(field);
  const expected = check === undefined
    ? otherType(field, old, value)
    : check.fits(value)
    ? undefined
    : check.expected;
  if (expected !== undefined) {
    throw new InputError(`Cannot set "${field}" to ${JSON.stringify(value)}: expected ${expected}`);
  }
  return { ...object, [key]: value };
}

/** What is expected of a value, in words, if it is of another type than the field's. */
function otherType(field: string, old: unknown, value: unknown): string | undefined {
  if (isObject(old)) return `${field}.FIELD`;
  if (Array.isArray(old)) return Array.isArray(value) ? undefined : "a list, such as [1]";
  return typeof value === typeof old ? undefined : `a ${typeof old}`;
}

const isObject = (value: unknown): value is object =>
  value !== null && typeof value === "object" && !Array.isArray(value);
