/** A trained classifier's folder: the model, its tokenizer, and how it reads texts. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint } from "../bert/checkpoint.ts";
import { type BertConfig, configLabels, positionsOf, requireVocabulary } from "../bert/config.ts";
import { requireFinite } from "../bert/elements.ts";
import { familyOf } from "../bert/family/families.ts";
import { readSafetensors, readSafetensorsHeader } from "../bert/safetensors.ts";
import { InputError } from "../errors.ts";
import { type ClassifierPlan, classifierPlan } from "../paper/classifier_plan.ts";
import { type TextStrategy, textStrategy, textStrategyNames } from "../paper/long_text.ts";
import type { HostTensors } from "../tensors.ts";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.ts";
import {
  fitting,
  flag,
  list,
  nullish,
  number,
  numberThat,
  object,
  oneOf,
  optional,
  readJson,
  readJsonIfThere,
  type Shape,
  text as anyText,
  whole,
} from "../storage/json.ts";
import { noSuch } from "../storage/input_file.ts";

/** A trained classifier, as its folder has it. */
export interface TrainedModel {
  /** The configuration, with the labels. */
  readonly config: BertConfig;
  /** The classes' names. */
  readonly labels: readonly string[];
  /** Parameters of BERT and its classifier, and of the pooling of fractions if there is one that learns. */
  readonly parameters: HostTensors;
  /** Texts to its wordpieces. */
  readonly tokenizer: Tokenizer;
  /** Treatment of long texts. */
  readonly text: TextStrategy;
  /** T, the longest input in wordpieces, [CLS] and [SEP] included. */
  readonly maxLength: number;
  /** Layers whose states are classified: a name of lib/paper/layers.ts. */
  readonly features: string;
  /** The way from the parameters to the logits. */
  readonly plan: ClassifierPlan;
  /** Divisor of the logits; 1 unless the model was calibrated. */
  readonly temperature: number;
  /** [C] the least probabilities of labels that a text gets, only where it may have several. */
  readonly thresholds?: readonly number[];
  /** `true` if the labels of its training texts were lists in their file; older folders do not tell. */
  readonly labelLists?: boolean;
  /** `true` if it was trained on pairs of texts; undefined for a folder of another library. */
  readonly pairs?: boolean;
  /** Remarks for a reader of its predictions. */
  readonly notes: readonly string[];
}

/**
 * Loads a classifier from a folder that `saveClassifier` wrote, or from any other BertForSequenceClassification; how
 * that reads long texts is not known, so their head is taken, as transformers does.
 *
 * @throws InputError if a file is missing or broken, the model has no classifier, or its parts do not fit together.
 */
export async function loadTrainedModel(folder: string): Promise<TrainedModel> {
  const training = await readTraining(folder);
  const { config, parameters, notes, drawn } = await loadCheckpoint(folder, { seed: 0 });
  const labels = configLabels(config) ?? [];
  if (!Object.hasOwn(parameters, "classifier.weight")) {
    throw new InputError(`Cannot use ${folder} as it has no classifier: train it first with deno task train`);
  }
  const { problem_type: type } = await readJson(
    join(folder, "config.json"),
    classifierShape(`${familyOf(config).className}ForSequenceClassification`),
    "give a model that has one label or several for each text",
  );
  if (labels.length < 2) {
    throw new InputError(`Cannot use ${folder} as its classifier knows only one label: found "${labels[0]}"`);
  }
  const text = textStrategy(training?.text ?? "head", { maxFractions: training?.max_fractions });
  const positions = positionsOf(config);
  const maxLength = training?.maxLength ?? Math.min(512, positions);
  const fail = (why: string) =>
    new InputError(`Cannot use ${join(folder, "bertlab.json")} as ${why}; ${advice}`);
  if (training && text.pooling && training.max_fractions === undefined) {
    throw fail(`"max_fractions" is missing, which ${text.name} needs`);
  }
  if (maxLength > positions) {
    throw fail(`"maxLength" is ${maxLength} and the model has ${positions} positions`);
  }
  const tokenizer = await loadTokenizer(folder);
  requireVocabulary(config, tokenizer, folder);
  const features = training?.features ?? "last";
  const plan = planOf(config, { text, features }, fail);
  const width = parameters["classifier.weight"]!.shape[1];
  if (width !== plan.width) {
    throw new InputError(
      `Cannot use ${folder} as its classifier reads ${width} features: expected ${plan.width}, those of "${features}"`,
    );
  }
  if (plan.pooler && drawn.includes("bert.pooler.dense.weight")) {
    throw new InputError(
      `Cannot use ${folder} as it lacks bert.pooler.dense.weight and .bias, which its classifier reads: save the ` +
        "whole model, or train it again with deno task train",
    );
  }
  const pairs = training && (training.pairs ?? false);
  if (pairs && config.type_vocab_size < 2 && familyOf(config).segments === "read") {
    throw new InputError(
      `Cannot use ${folder} as its bertlab.json speaks of pairs of texts, and its config.json of ` +
        `${config.type_vocab_size} kind of segment: expected 2; take both files from one model`,
    );
  }
  const thresholds = type === multiLabelType ? training?.thresholds ?? labels.map(() => .5) : undefined;
  if (thresholds && thresholds.length !== labels.length) {
    throw fail(`"thresholds" are ${thresholds.length} and the model has ${labels.length} labels`);
  }
  const pooling = Object.keys(plan.additional(0));
  const used = Object.entries(parameters).filter(([name]) => plan.pooler || !name.startsWith("bert.pooler."));
  // What loadCheckpoint takes for unknown or missing is as it should be where the classifier is not BERT's own.
  const own = pooling.length > 0 || !plan.pooler;
  return {
    config,
    labels,
    parameters: { ...Object.fromEntries(used), ...await readPooling(folder, pooling) },
    tokenizer,
    text,
    maxLength,
    features,
    plan,
    temperature: thresholds ? 1 : training?.temperature ?? 1,
    ...thresholds ? { thresholds } : {},
    ...training?.label_lists ? { labelLists: true } : {},
    pairs,
    notes: [
      ...own ? [] : notes,
      ...tokenizer.notes,
      ...training
        ? []
        : [`${folder} has no bertlab.json: of long texts the first ${maxLength} wordpieces are read.`],
      ...thresholds && !training?.thresholds
        ? [`${folder} has no thresholds: a text gets the labels of a probability of 0.5 or more.`]
        : [],
    ],
  };
}

/**
 * Makes sure that a model reads as many texts as columns are given: of two columns the texts are a pair, of one or of
 * several they are single.
 *
 * @param name name of the model
 * @throws InputError if it was trained otherwise.
 */
export function requireTextColumns(
  { pairs }: Pick<TrainedModel, "pairs">,
  name: string,
  columns: readonly string[],
): void {
  if (pairs === undefined || pairs === (columns.length === 2)) return;
  const found = columns.map((column) => `"${column}"`).join(", ");
  throw new InputError(
    pairs
      ? `Cannot use ${name} as it was trained on pairs of texts: expected two columns in --text-column, with a comma ` +
        `between, found ${found}`
      : `Cannot use ${name} as it was trained on single texts: expected one column in --text-column, found the pair ` +
        found,
  );
}

/** Returns the way from the parameters to the logits. @throws InputError if the model has no such features. */
function planOf(
  config: BertConfig,
  reading: { text: TextStrategy; features: string },
  fail: (why: string) => InputError,
): ClassifierPlan {
  try {
    return classifierPlan(config, reading);
  } catch (error) {
    throw error instanceof InputError ? fail(`"features" are not the model's: ${error.message}`) : error;
  }
}

/** Hugging Face's name in config.json for a classifier of several labels a text. */
export const multiLabelType = "multi_label_classification";

interface ClassifierFile {
  readonly problem_type?: string | null;
  readonly architectures?: readonly string[] | null;
}

/** The shape of the config.json of a classifier, as other kinds have tensors of the same names. */
const classifierShape = (className: string): Shape<ClassifierFile> =>
  object<ClassifierFile>({
    problem_type: nullish(oneOf(["single_label_classification", multiLabelType])),
    architectures: nullish(fitting(
      list(anyText),
      `a list with ${className}`,
      (names) => names.length === 0 || names.includes(className),
    )),
  });

/** The parameters of a pooling by these names. */
async function readPooling(folder: string, names: readonly string[]): Promise<HostTensors> {
  if (names.length === 0) return {};
  const path = join(folder, "model.safetensors");
  const { tensors } = await readSafetensorsHeader(path);
  const missing = names.filter((name) => !tensors.has(name));
  if (missing.length > 0) throw new InputError(`Cannot use ${path} as it lacks ${missing.join(", ")}`);
  const pooling = await readSafetensors(path, names);
  requireFinite(pooling, path);
  return pooling;
}

/** Entries of bertlab.json on how texts are read. */
interface Training {
  readonly text: string;
  /** Needed by the hierarchical strategies. */
  readonly max_fractions?: number;
  readonly maxLength: number;
  readonly features?: string;
  readonly temperature?: number;
  /** Where a text may have several labels. */
  readonly thresholds?: readonly number[];
  readonly label_lists?: boolean;
  readonly pairs?: boolean;
}

const trainingShape: Shape<Training> = object<Training>({
  text: oneOf(textStrategyNames),
  max_fractions: optional(whole(1)),
  maxLength: whole(4),
  features: optional(anyText),
  temperature: optional(numberThat("a number above 0", (value) => value > 0)),
  thresholds: optional(list(number(0, 1))),
  label_lists: optional(flag),
  pairs: optional(flag),
});

const advice = "train the model again, or take its folder from where it came";

/** bertlab.json, or undefined where there is none. */
async function readTraining(folder: string): Promise<Training | undefined> {
  await access(folder).catch(() => {
    throw new InputError(`Cannot find the model ${folder}: ${noSuch("folder", folder)}; check the path`);
  });
  return await readJsonIfThere(join(folder, "bertlab.json"), trainingShape, advice);
}
