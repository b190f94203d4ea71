/**
 * Everything a run depends on, as a typed value: the paper's settings where nothing else is stated, and how statements
 * are laid over each other.
 */
import type { Corpus } from "../paper/corpora.ts";
import { InputError } from "../errors.ts";
import { type FineTuneSettings, paperFineTuning } from "../paper/settings.ts";
import { scheduleNames } from "../paper/schedules.ts";
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

/** Choice of the best epoch: by a development split held out of train, or, as the paper's code, by the test set. */
export type Protocol = FineTuneSettings["protocol"];

/** Further pre-training before the model is fine-tuned (section 5.4). */
export interface PreTrainingSettings {
  /** Texts that it learns from. */
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
  /** `true` for pairs and next sentence prediction. */
  readonly nsp: boolean;
  /** Key of its randomness; the fine-tuning of every seed starts from the same model, unless a scale says otherwise. */
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

/**
 * Everything a run depends on, settings of fine-tuning among it; two runs with equal ones give equal numbers. Those that
 * only one's own classifiers have are left out, so that the hashes of records do not depend on them.
 */
export interface Configuration extends
  Required<
    Omit<FineTuneSettings, "text" | "keep" | "classWeights" | "evaluateEvery" | "maxSteps" | "patience">
  > {
  /** Name of the data set. */
  readonly data: string;
  /** Number of examples of each split. */
  readonly limits: Limits;
  /** `true` if each seed has its own draw of limited training examples; otherwise all have the same. */
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
  /** Treatment of long texts: a name of lib/paper/long_text.ts. */
  readonly text: string;
  /**
   * Updates that first train a head of masked words on general text, for a model that has none, where forgetting is
   * measured (lib/paper/forgetting.ts). The model that is tested then is the one at the end of training,
   * not at its best. Null if forgetting is not measured.
   */
  readonly forgetting: number | null;
  /** The engine by name, as `--engine` takes it. */
  readonly engine: string;
  /** Element type of matrix products. */
  readonly precision: "f32" | "bf16" | "tf32";
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
  ...paperFineTuning,
  forgetting: null,
  engine: "onnx",
  precision: "f32",
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

/** The start of a configuration: the paper's settings, without further pre-training or other tasks. */
export const paperDraft: Draft = {
  ...paperSettings,
  preTraining: paperPreTraining,
  multiTask: paperMultiTask,
};

/** Changes by `protocol: "paper"` besides the choice of the epoch: the optimizer of the paper's code. */
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
  const expected = expectedOf(field, old, value);
  if (expected !== undefined) {
    throw new InputError(`Cannot set "${field}" to ${JSON.stringify(value)}: expected ${expected}`);
  }
  return { ...object, [key]: value };
}

/** Returns what is expected of a field's value, in words, if it cannot hold this one. */
function expectedOf(field: string, old: unknown, value: unknown): string | undefined {
  const check = checks[field] ?? checks[field.split(".").at(-1)!] ??
    (typeof old === "number" ? positive : undefined);
  if (check) return check.fits(value) ? undefined : check.expected;
  if (isObject(old)) return `${field}.FIELD`;
  if (Array.isArray(old)) return Array.isArray(value) ? undefined : "a list, such as [1]";
  return typeof value === typeof old ? undefined : `a ${typeof old}`;
}

const isObject = (value: unknown): value is object =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** A check of a field's value from a command line. */
interface Check {
  readonly fits: (value: unknown) => boolean;
  readonly expected: string;
}

const whole = (least: number): Check => ({
  fits: (value) => Number.isSafeInteger(value) && (value as number) >= least,
  expected: `a whole number of at least ${least}`,
});

const wholeOrNull = (least: number): Check => ({
  fits: (value) => value === null || whole(least).fits(value),
  expected: `${whole(least).expected}, or null`,
});

const oneOf = (words: readonly string[]): Check => ({
  fits: (value) => words.includes(value as string),
  expected: `one of ${words.join(", ")}`,
});

const share: Check = {
  fits: (value) => typeof value === "number" && value >= 0 && value <= 1,
  expected: "a number from 0 to 1",
};

const positive: Check = {
  fits: (value) => typeof value === "number" && value > 0 && Number.isFinite(value),
  expected: "a number above 0",
};

const corpusWords = ["within-task", "in-domain", "cross-domain"] as const;

/** Checks by a field's dotted name or the last part of it; other numbers are {@linkcode positive}. */
const checks: Readonly<Record<string, Check>> = {
  train: wholeOrNull(1),
  dev: wholeOrNull(0),
  test: wholeOrNull(1),
  layers: wholeOrNull(1),
  "architecture.layers": whole(1),
  tokens: oneOf(["characters", "wordpieces", "learnt-wordpieces"]),
  vocabulary: whole(6),
  hidden: whole(1),
  heads: whole(1),
  intermediate: whole(1),
  corpus: {
    fits: (value) =>
      oneOf(corpusWords).fits(value) ||
      (Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === "string")),
    expected: `${oneOf(corpusWords).expected}, or a list of data sets, such as ["imdb"]`,
  },
  steps: whole(1),
  headSteps: whole(0),
  point: share,
  points: {
    fits: (value) => Array.isArray(value) && value.length > 0 && value.every(share.fits),
    expected: "a list of numbers from 0 to 1, such as [1]",
  },
  method: oneOf(["fine-tuning", "feature-extraction"]),
  maxFractions: whole(1),
  maxLength: whole(4),
  epochs: whole(1),
  evaluationsPerEpoch: whole(1),
  forgetting: wholeOrNull(0),
  batchSize: whole(1),
  microBatchSize: wholeOrNull(1),
  schedule: oneOf(scheduleNames),
  warmupProportion: share,
  optimizer: oneOf(["adamw", "bertadam"]),
  protocol: oneOf(["clean", "paper"]),
  precision: oneOf(["f32", "bf16", "tf32"]),
  attentionDropout: {
    fits: (value) => value === null || (share.fits(value) && value !== 1),
    expected: "a number from 0 to below 1, or null",
  },
  seed: whole(0),
};
