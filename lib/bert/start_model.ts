/** The model that a run starts from: a checkpoint by name, folder or hub id, or a new one drawn from a seed. */
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { type BertConfig, newConfig, requireVocabulary, withLabels } from "./config.ts";
import { modelContent, modelNotes, resolveModel } from "./models.ts";
import { initialParameters, type PreTrainingHeads } from "./parameters.ts";
import { learnWordpieces } from "../text/wordpiece_vocabulary.ts";
import type { HostTensors } from "../tensors.ts";
import { InputError } from "../errors.ts";
import { characterTokenizer, loadTokenizer, type Tokenizer, vocabularyTokenizer } from "../text/tokenizer.ts";
import { having, path, requireArguments } from "../storage/arguments.ts";
import { optional, text } from "../storage/json.ts";

/** The shape of a new model. */
export interface NewModel {
  /**
   * The pieces of a text: characters, the wordpieces of MiniLM's vocabulary (bert-base-uncased's), or wordpieces that
   * are learnt from the texts.
   */
  readonly tokens: "characters" | "wordpieces" | "learnt-wordpieces";
  /** Largest vocabulary of characters or learnt wordpieces, special tokens included. */
  readonly vocabulary: number;
  /** L, the number of encoder layers. */
  readonly layers: number;
  /** H, the width of the hidden states. */
  readonly hidden: number;
  /** N, the number of attention heads. */
  readonly heads: number;
  /** Width of the feed-forward layers. */
  readonly intermediate: number;
  /** Standard deviation of the initial weights; BERT's .02 suits width 768, narrower models learn sooner with more. */
  readonly initializerRange: number;
}

/** Options of {@linkcode startModel}. */
export interface StartModelOptions {
  /** The classes' names; without them a new model has no classifier, and a loaded one keeps its own. */
  readonly labels?: readonly string[];
  /** The heads of pre-training to load, or to draw if the model has none; without it they are left out. */
  readonly preTraining?: PreTrainingHeads;
  /** Seed of everything that is drawn. */
  readonly seed: number;
  /** Number of layers: of a loaded model the lowest ones are kept, a `new` model is made with so many. */
  readonly layers?: number;
  /** The shape of a `new` model. */
  readonly architecture: NewModel;
  /** True to start from a new model, with a note, if the named one can be fetched from nowhere. */
  readonly orNew?: boolean;
  /** Training texts, for the vocabulary of a new model. */
  readonly texts: Iterable<string>;
  /** True if nothing may be downloaded: the model is a folder or in the cache. */
  readonly offline?: boolean;
  /** Gets lines about downloads. */
  readonly say?: (line: string) => void;
}

/** A model with its tokenizer, ready to be trained. */
export interface StartModel {
  /** The model's shape and labels. */
  readonly config: BertConfig;
  /** The parameters by Hugging Face's names, with a classifier or heads of pre-training. */
  readonly parameters: HostTensors;
  /** The tokenizer, which turns texts into the model's wordpieces. */
  readonly tokenizer: Tokenizer;
  /** True if the model is drawn from the seed and not trained yet. */
  readonly fresh: boolean;
  /** A short description for records and tables. */
  readonly description: string;
  /** sha256 of its files; absent if its name alone identifies them. */
  readonly content?: string;
  /** Sentences for readers of the results. */
  readonly notes: readonly string[];
}

/** Tells whether a new model may stand in for a model that cannot be had: only for MiniLM, the mini scale's. */
function mayStandIn(name: string): boolean {
  return name === "minilm";
}

/**
 * Returns the part of a kept model's identity that the name of its start model does not tell: `standIn` is true if a
 * new model stands in for the start model, which can be fetched from nowhere.
 */
export async function standInIdentity(
  name: string,
  say: (line: string) => void,
  offline?: boolean,
): Promise<{ readonly standIn?: true }> {
  if (!mayStandIn(name)) return {};
  return await resolveModel(name, { offline, onProgress: say }).then(() => ({}), (error) => {
    if (error instanceof InputError) return { standIn: true };
    throw error;
  });
}

/**
 * Returns the part of a kept model's identity that the names of its start model and data sets do not tell: hashes of
 * their contents, if a name does not identify them, and `standIn` if a new model stands in.
 *
 * @param content returns the hash of a data set by name (`datasetContent`); without it data sets are not hashed
 * @throws InputError if the model or a data set cannot be had.
 */
export async function startIdentity(
  { name, sets, content, offline, say }: {
    readonly name: string;
    readonly sets: readonly string[];
    readonly content?: (name: string) => Promise<string | undefined>;
    readonly offline?: boolean;
    readonly say: (line: string) => void;
  },
): Promise<{ readonly standIn?: true; readonly contents?: Readonly<Record<string, string>> }> {
  const contents: Record<string, string> = {};
  for (const set of content ? new Set(sets) : []) {
    const found = await content!(set);
    if (found !== undefined) contents[set] = found;
  }
  if (name !== "new" && !mayStandIn(name)) {
    contents["model"] = await modelContent(await resolveModel(name, { offline, onProgress: say }));
  }
  return {
    ...Object.keys(contents).length > 0 ? { contents } : {},
    ...await standInIdentity(name, say, offline),
  };
}

/** The model that a run of an experiment names. */
export interface RunModel {
  /** A named model, a folder, a hub id, or "new". */
  readonly model: string;
  /** Only the lowest layers of its encoder; null is all. */
  readonly layers: number | null;
  /** Its shape if it is "new", or if the named one cannot be had. */
  readonly architecture: NewModel;
}

/** Finds and loads a run's model; a new one where that may stand in. @throws InputError as {@linkcode startModel}. */
export function runModel(
  { model, layers, architecture }: RunModel,
  options: Omit<StartModelOptions, "layers" | "architecture" | "orNew">,
): Promise<StartModel> {
  const orNew = mayStandIn(model);
  return startModel(model, { ...options, layers: layers ?? undefined, architecture, orNew });
}

/** Returns the part of a kept model's identity that the run's model gives, which it is made from. */
export async function runModelIdentity(
  { model: name, layers, architecture, precision }: RunModel & { readonly precision: string },
  options: Omit<Parameters<typeof startIdentity>[0], "name">,
): Promise<object> {
  return { name, layers, architecture, precision, ...await startIdentity({ name, ...options }) };
}

/**
 * Finds and loads the model to start from.
 *
 * @param name `minilm`, a folder, a hub id, or `new`
 * @throws InputError if it can be fetched from nowhere or is no BERT.
 */
export async function startModel(name: string, options: StartModelOptions): Promise<StartModel> {
  requireArguments("startModel", {
    name: [name, text],
    options: [options, having("an object with options, such as { seed: 1, labels }")],
  });
  if (name === "new") return newModel(options);
  let folder: string;
  try {
    folder = await resolveModel(name, { offline: options.offline, onProgress: options.say });
  } catch (error) {
    if (!options.orNew || !(error instanceof InputError)) throw error;
    const model = await newModel({
      ...options,
      architecture: { ...options.architecture, tokens: "characters" },
    });
    return { ...model, notes: [`${error.message}; a new model stands in for it.`, ...model.notes] };
  }
  const { labels, seed, layers, preTraining } = options;
  const tokenizer = await loadTokenizer(folder);
  const { config, parameters, notes } = await loadCheckpoint(folder, { labels, seed, layers, preTraining });
  requireVocabulary(config, tokenizer, folder);
  const content = mayStandIn(name) ? {} : { content: await modelContent(folder) };
  const description = `${name}, ${layers ? `lowest ${layers} layers` : `${config.num_hidden_layers} layers`}`;
  return {
    ...{ config, parameters, tokenizer, fresh: false, description, ...content },
    notes: [...modelNotes(name, folder), ...tokenizer.notes, ...notes],
  };
}

/**
 * Saves a pre-trained model as a Hugging Face folder of BertForPreTraining or BertForMaskedLM, in the place of a model
 * that is there; a classifier is left out.
 *
 * @param files further files that belong to it, such as result.json
 */
export async function savePretrained(
  folder: string,
  pretrained: { readonly model: StartModel; readonly parameters: HostTensors },
  files?: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  requireArguments("savePretrained", {
    folder: [folder, path],
    pretrained: [pretrained, having("a model and its parameters", "model", "parameters")],
    files: [files, optional(having("files by name"))],
  });
  const { model, parameters } = pretrained;
  const { id2label: _, label2id: __, ...config } = model.config;
  const kept = Object.entries(parameters).filter(([name]) => !name.startsWith("classifier."));
  const tokenizerFiles = model.tokenizer.files;
  await saveCheckpoint(folder, { config, parameters: Object.fromEntries(kept), tokenizerFiles, files });
}

async function newModel(options: StartModelOptions): Promise<StartModel> {
  const { labels, seed, texts, offline, say, preTraining } = options;
  const { tokens, vocabulary, hidden, heads, intermediate, initializerRange } = options.architecture;
  const layers = options.layers ?? options.architecture.layers;
  const tokenizers = {
    "characters": () => characterTokenizer(texts, { maxVocabulary: vocabulary }),
    "learnt-wordpieces": () => vocabularyTokenizer(learnWordpieces(texts, { maxVocabulary: vocabulary })),
    "wordpieces": async () => loadTokenizer(await resolveModel("minilm", { offline, onProgress: say })),
  };
  const tokenizer = await tokenizers[tokens]();
  const shape = newConfig({
    vocab_size: tokenizer.vocabSize,
    num_hidden_layers: layers,
    hidden_size: hidden,
    num_attention_heads: heads,
    intermediate_size: intermediate,
    initializer_range: initializerRange,
  });
  return {
    config: labels ? withLabels(shape, labels) : shape,
    parameters: initialParameters(shape, { seed, labels: labels?.length, preTraining }),
    tokenizer,
    fresh: true,
    description: `new over ${
      tokens.replace("-", " ")
    }, ${layers} layers of ${hidden}, ${tokenizer.vocabSize} pieces`,
    notes: [],
  };
}
