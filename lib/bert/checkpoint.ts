/**
 * Models as folders in Hugging Face's layout: config.json, model.safetensors (or other weights: weights.ts) and
 * the tokenizer's files.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { HostTensors } from "../tensors.ts";
import { shown } from "../storage/byte_source.ts";
import { InputError } from "../errors.ts";
import { type BertConfig, configFile, configLabels, readConfig, withLabels } from "./config.ts";
import { requireFinite } from "./elements.ts";
import { familyOf } from "./family/families.ts";
import { type Family, fileName, ownName } from "./family/family.ts";
import { freshTensor, keepLayers, parameterShapes, type PreTrainingHeads } from "./parameters.ts";
import { safetensorsOf } from "./safetensors.ts";
import { openWeights } from "./weights.ts";
import { type Content, writeTogether } from "../storage/whole_folder.ts";
import { isFileName } from "../storage/file_name.ts";
import { readTextFile } from "../storage/input_file.ts";

/** Options for loading a model. */
export interface LoadOptions {
  /** Seed for drawing the parts that the folder lacks (pooler, classifier, heads of pre-training). */
  readonly seed: number;
  /** The task's label names; without them the folder's own classifier is kept, if it has one. */
  readonly labels?: readonly string[];
  /** Number of encoder layers to keep, the lowest ones; by default all. */
  readonly layers?: number;
  /** F, the width of the feature that is classified; without it the folder's own, or H. */
  readonly features?: number;
  /** The heads of pre-training to load as well; without it they are left out. */
  readonly preTraining?: PreTrainingHeads;
}

/** A loaded model. */
export interface LoadedCheckpoint {
  /** The configuration, with the layers and labels asked for. */
  readonly config: BertConfig;
  /** The parameters under the names of BertForSequenceClassification and BertForPreTraining. */
  readonly parameters: HostTensors;
  /** Sentences for the user about tensors that were left out or drawn anew. */
  readonly notes: readonly string[];
  /** Names of the parameters that were drawn anew, as the folder lacks them. */
  readonly drawn: readonly string[];
}

/** The contents of a model folder. */
export interface CheckpointContents {
  /** The configuration, with the labels. */
  readonly config: BertConfig;
  /** The parameters under the names of BertForSequenceClassification and BertForPreTraining. */
  readonly parameters: HostTensors;
  /** The tokenizer's files by name, such as vocab.txt. */
  readonly tokenizerFiles?: Readonly<Record<string, string | Uint8Array>>;
  /** Data of this library, written as bertlab.json. */
  readonly extra?: unknown;
  /** Further files that belong to the model, such as result.json, by their paths in the folder. */
  readonly files?: Readonly<Record<string, Content>>;
}

/**
 * Loads a model from a folder, saved by any of its classes: names with and without `bert.`, LayerNorm's old names gamma
 * and beta. Position ids, and heads of pre-training that were not asked for, are left out; a missing pooler, classifier
 * or head is drawn from the seed; a classifier of other labels is replaced. The notes say so.
 *
 * @throws InputError if a file is missing or broken, or tensors are missing, of the wrong shape or not finite; it names
 * them.
 */
export async function loadCheckpoint(folder: string, options: LoadOptions): Promise<LoadedCheckpoint> {
  const whole = await readConfig(folder);
  const config = options.layers === undefined ? whole : keepLayers({}, whole, options.layers).config;
  const family = familyOf(whole);
  const { path, tensors, read } = await openWeights(folder);
  if (whole.num_hidden_layers > tensors.size) {
    throw new InputError(
      `Cannot use ${path} as its ${tensors.size} tensors are not those of its config.json, which speaks of ` +
        `${whole.num_hidden_layers} layers`,
    );
  }
  const notes: string[] = [];
  if (config.num_hidden_layers < whole.num_hidden_layers) {
    notes.push(`Only the lowest ${config.num_hidden_layers} of ${whole.num_hidden_layers} layers were kept.`);
  }

  const stored = new Map<string, { name: string; shape: readonly number[] }>();
  for (const [name, { shape }] of tensors) {
    const known = currentName(name, family);
    const other = stored.get(known);
    if (other) {
      throw new InputError(
        `Cannot use ${path} as it holds ${shown(known)} twice: ${shown(other.name)} and ${shown(name)}`,
      );
    }
    stored.set(known, { name, shape });
  }
  const { preTraining } = options;
  const expected = parameterShapes(config, { ...storedClassifier(stored, config, path), preTraining });
  const absent = optionalParts.filter(({ prefix }) => {
    const names = [...expected.keys()].filter((name) => name.startsWith(prefix));
    if (names.some((name) => stored.has(name))) return false;
    names.forEach((name) => expected.delete(name));
    return names.length > 0;
  });

  const wanted = new Map<string, string>();
  const upper = parameterShapes(whole);
  const missing = new Map(expected);
  const misshapen: string[] = [], heads: string[] = [], unknown: string[] = [];
  for (const [known, { name, shape }] of stored) {
    const shapeWanted = expected.get(known);
    missing.delete(known);
    if (shapeWanted) {
      wanted.set(known, name);
      if (String(shape) !== String(shapeWanted)) {
        misshapen.push(`${name} [${shape}] and not [${shapeWanted}]`);
      }
    } else if (preTraining && Object.hasOwn(tied, known)) wanted.set(known, name);
    else if (/^cls\.|\.(position|token_type)_ids$/.test(known)) heads.push(name);
    else if (!upper.has(known)) unknown.push(name);
  }
  if (missing.size > 0 || misshapen.length > 0) {
    const faults = [
      missing.size > 0 && `missing are ${list([...missing.keys()].map((name) => fileName(family, name)), 2)}`,
      misshapen.length > 0 && `of another shape are ${list(misshapen, 2)}`,
      unknown.length > 0 && `unknown are ${list(unknown, 2)}`,
    ].filter(Boolean);
    throw new InputError(
      `Cannot use ${path} as its tensors are not those of its config.json: ${faults.join("; ")}`,
    );
  }
  const use = preTraining ? "pre-training" : "fine-tuning";
  if (heads.length > 0) notes.push(`Left out, as ${use} does not need them: ${list(heads)}.`);
  if (unknown.length > 0) notes.push(`Left out, as they are not ${family.title}'s: ${list(unknown)}.`);

  const classifier = chooseClassifier(config, expected.get("classifier.weight"), options, notes);
  if (classifier.fresh) { for (const name of ["classifier.weight", "classifier.bias"]) wanted.delete(name); }
  const values = await read(wanted.values());
  requireFinite(values, path);
  const parameters = Object.fromEntries([...wanted].map(([known, name]) => [known, values[name]!]));
  dropTied(parameters, notes);
  const drawn: string[] = [];
  for (const [name, shape] of parameterShapes(classifier.config, { ...classifier, preTraining })) {
    if (Object.hasOwn(parameters, name)) continue;
    parameters[name] = freshTensor(name, shape, { seed: options.seed, range: config.initializer_range });
    drawn.push(name);
  }
  for (const { title } of absent) notes.push(`The ${title} is new: the folder has none.`);
  return { config: classifier.config, parameters, notes, drawn };
}

/**
 * Saves a model so that transformers' AutoModelForSequenceClassification loads it, by its family's names. The files are written together: one
 * that is killed leaves the earlier model, this one, or a folder without config.json, which nobody can load. Files of
 * an earlier model and of interrupted saves are removed.
 *
 * @throws InputError if the folder or a file cannot be written.
 * @throws RangeError if a tokenizer file's name is not a plain file name, or is that of another file of the model.
 */
export async function saveCheckpoint(folder: string, contents: CheckpointContents): Promise<void> {
  const { config, parameters, tokenizerFiles = {}, extra, files = {} } = contents;
  const taken = ["config.json", "model.safetensors", "bertlab.json"];
  for (const name of Object.keys(tokenizerFiles)) {
    if (!isFileName(name) || name.startsWith(".") || taken.includes(name)) {
      throw new RangeError(`A tokenizer file cannot be called "${name}"`);
    }
  }
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw new InputError(`Cannot make the folder ${folder}: ${error.message}`, { cause: error });
  });
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  const architectures = [architecture(config, parameters)];
  const all: Record<string, Content> = {
    "model.safetensors": safetensorsOf(inFile(config, parameters)),
    ...tokenizerFiles,
    ...extra === undefined ? {} : { "bertlab.json": json(extra) },
    ...files,
    "config.json": json({ architectures, model_type: "bert", ...configFile(config) }),
  };
  const ofExport = await hasOwnCard(folder) ? ["README.md", "onnx/model.onnx"] : [];
  const remove = [...replaced, ...ofExport].filter((name) => !Object.hasOwn(all, name));
  await writeTogether(folder, all, "config.json", { remove });
}

/** Files of an older model that would change how a library reads the new one, or say what was measured of the older. */
const replaced = ["bertlab.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"]
  .concat("special_tokens_map.json", "added_tokens.json", "result.json", "report.html");

/** Tells whether a folder's README.md is an export's card (lib/classifier/export_card.ts); undefined without one. */
export async function hasOwnCard(folder: string): Promise<boolean | undefined> {
  const text = await readTextFile(join(folder, "README.md")).catch(() => undefined);
  return text === undefined ? undefined : /^tags: \[.*\bbertlab\]$/m.test(text);
}

/** Returns the name of Hugging Face's class for these parameters. */
function architecture(config: BertConfig, parameters: HostTensors): string {
  const { className } = familyOf(config);
  if (Object.hasOwn(parameters, "classifier.weight")) return `${className}ForSequenceClassification`;
  if (Object.hasOwn(parameters, "cls.seq_relationship.weight")) return `${className}ForPreTraining`;
  return Object.hasOwn(parameters, "cls.predictions.bias") ? `${className}ForMaskedLM` : `${className}Model`;
}

/** Returns the parameters by the names of the family's files, without a classifier's head that has no classifier. */
function inFile(config: BertConfig, parameters: HostTensors): HostTensors {
  const family = familyOf(config);
  const headless = family.head.of === "classifier" && !Object.hasOwn(parameters, "classifier.weight");
  const kept = Object.entries(parameters).filter(([name]) => !(headless && name.startsWith("bert.pooler.")));
  return Object.fromEntries(kept.map(([name, tensor]) => [fileName(family, name), tensor]));
}

/** Parts that a folder may lack entirely. */
const optionalParts = [
  { prefix: "bert.pooler.", title: "pooler" },
  { prefix: "cls.predictions.", title: "head of the masked language model" },
  { prefix: "cls.seq_relationship.", title: "head of next sentence prediction" },
] as const;

/** Tensors of the masked language model's decoder in old files, with the tensors that they are copies of. */
const tied: Readonly<Record<string, string>> = {
  "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
  "cls.predictions.decoder.bias": "cls.predictions.bias",
};

/** Removes the decoder's copies; adds a note about one that differs from its original. */
function dropTied(parameters: HostTensors, notes: string[]): void {
  for (const [name, original] of Object.entries(tied)) {
    const copy = parameters[name]?.data;
    if (!copy) continue;
    delete parameters[name];
    const data = parameters[original]?.data;
    if (copy.length === data?.length && copy.every((value, i) => value === data[i])) continue;
    notes.push(`Left out, as ${original} takes its place: ${name}, which differs from it.`);
  }
}

/** Returns our name of a tensor in a file of any time; DataParallel puts `module.` before all, torch.compile `_orig_mod.`. */
function currentName(name: string, family: Family): string {
  const plain = name.replace(/^(module\.|_orig_mod\.)+/, "");
  const renamed = plain.replace(/LayerNorm\.gamma$/, "LayerNorm.weight").replace(
    /LayerNorm\.beta$/,
    "LayerNorm.bias",
  );
  return ownName(family, renamed);
}

/** Returns the size of the file's classifier; its input is any whole number of hidden states. */
function storedClassifier(
  stored: ReadonlyMap<string, { shape: readonly number[] }>,
  config: BertConfig,
  path: string,
): { labels?: number; features?: number } {
  const [shape, bias] = ["weight", "bias"].map((part) => stored.get(`classifier.${part}`)?.shape);
  if (!shape && !bias) return {};
  const labels = configLabels(config)?.length ?? shape?.[0] ?? bias?.[0] ?? 0;
  const columns = shape?.[1] ?? 0;
  if (
    shape &&
    (shape.length !== 2 || shape[0] !== labels || columns === 0 || columns % config.hidden_size !== 0)
  ) {
    throw new InputError(
      `Cannot use ${path} as classifier.weight should have ${labels} rows (one a label of config.json) and a ` +
        `multiple of ${config.hidden_size} columns: found [${shape}]`,
    );
  }
  return { labels, features: shape?.[1] };
}

/** Chooses between the file's classifier and a new one. */
function chooseClassifier(
  config: BertConfig,
  shape: readonly number[] | undefined,
  options: LoadOptions,
  notes: string[],
): { config: BertConfig; fresh: boolean; labels?: number; features?: number } {
  const { labels: asked, features = shape?.[1] ?? config.hidden_size } = options;
  if (!shape && !asked) return { config, fresh: false };
  const generic = Array.from({ length: shape?.[0] ?? 0 }, (_, index) => `LABEL_${index}`);
  const own = configLabels(config) ?? generic;
  const labels = asked ?? own;
  const size = { config: withLabels(config, labels), labels: labels.length, features };
  if (!shape) {
    notes.push("The classifier is new: the folder has none.");
    return { ...size, fresh: true };
  }
  const unnamed = same(own, generic) && own.length === labels.length && !same(own, labels);
  if (!same(own, labels) && !unnamed) {
    notes.push(
      `The classifier is new: the folder's tells apart ${list(own)}, and asked for are ${list(labels)}.`,
    );
    return { ...size, fresh: true };
  }
  if (shape[1] !== features) {
    notes.push(
      `The classifier is new: the folder's reads ${shape[1]} features, and asked for are ${features}.`,
    );
    return { ...size, fresh: true };
  }
  if (asked && unnamed) {
    notes.push(`The folder does not name its labels: taken for ${list(labels)}, in this order.`);
  }
  return { ...size, fresh: false };
}

function same(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((item, index) => item === others[index]);
}

/** Joins names for a sentence, the first of them. */
function list(names: readonly string[], most = 20): string {
  const first = names.slice(0, most).map(shown).join(", ");
  return names.length > most ? `${first} and ${names.length - most} more` : first;
}
