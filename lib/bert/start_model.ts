/** The model that a run starts from: a checkpoint by name, folder or hub id, or a new one drawn from a seed. */
import { loadCheckpoint } from "./checkpoint.ts";
import { type BertConfig, newConfig, requireVocabulary, withLabels } from "./config.ts";
import { modelContent, resolveModel } from "./models.ts";
import { initialParameters, type PreTrainingHeads } from "./parameters.ts";
import { learnWordpieces } from "../text/wordpiece_vocabulary.ts";
import type { HostTensors } from "../tensors.ts";
import { InputError } from "../errors.ts";
import { characterTokenizer, loadTokenizer, type Tokenizer, vocabularyTokenizer } from "../text/tokenizer.ts";

/** The shape of a model from nothing. */
export interface NewModel {
  /**
   * What the text is cut into: characters, the wordpieces of MiniLM's vocabulary (bert-base-uncased's), or wordpieces
   * that are learnt from the texts.
   */
  readonly tokens: "characters" | "wordpieces" | "learnt-wordpieces";
  /** Largest vocabulary of characters or learnt wordpieces, special tokens included. */
  readonly vocabulary: number;
  /** L */
  readonly layers: number;
  /** H */
  readonly hidden: number;
  /** N */
  readonly heads: number;
  /** Width of the feed-forward layers. */
  readonly intermediate: number;
  /** Standard deviation of the initial weights: BERT's .02 suits its width of 768, a narrow model learns sooner with more. */
  readonly initializerRange: number;
}

/** What {@linkcode startModel} needs to know. */
export interface StartModelOptions {
  /** The classes' names; without them a new model has no classifier, and a folder's keeps its own. */
  readonly labels?: readonly string[];
  /** The heads of pre-training to load, or to draw where there are none; without it they are left out. */
  readonly preTraining?: PreTrainingHeads;
  /** Key of everything that is drawn. */
  readonly seed: number;
  /** Keep only the lowest layers; a `new` model has this many. */
  readonly layers?: number;
  /** The shape of a `new` model. */
  readonly architecture: NewModel;
  /** Start from a new model, with a note, when the named one can be fetched from nowhere. */
  readonly orNew?: boolean;
  /** Training texts, for the vocabulary of a new model. */
  readonly texts: Iterable<string>;
  /** Whether nothing may be downloaded: the model is a folder or in the cache. */
  readonly offline?: boolean;
  /** Told how downloads go on. */
  readonly say?: (line: string) => void;
}

/** A model with its tokenizer, ready to be trained. */
export interface StartModel {
  /** Its shape and labels. */
  readonly config: BertConfig;
  /** By Hugging Face's names, with a classifier or heads of pre-training. */
  readonly parameters: HostTensors;
  /** Texts to its wordpieces. */
  readonly tokenizer: Tokenizer;
  /** Drawn from the seed and not trained yet. */
  readonly fresh: boolean;
  /** What it is, for records and tables. */
  readonly description: string;
  /** sha256 of its files, where the name does not say what they hold. */
  readonly content?: string;
  /** What a reader of the results should know. */
  readonly notes: readonly string[];
}

/** Whether experiments put a new model in its place if it can be had from nowhere: that of the mini scale, MiniLM. */
export function mayStandIn(name: string): boolean {
  return name === "minilm";
}

/**
 * What the identity of a model that is kept needs besides the name of the model that it is made from: whether a new
 * model stands in for that, as it may and the named one can be fetched from nowhere.
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
 * What the identity of a model that is kept needs besides the names of the model and the data sets that it is made from:
 * their contents, where a name does not say them, and whether a new model stands in.
 *
 * @param content of a data set by name (`datasetContent`); none is asked for if not given
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

/** What a model that is made from a run's model and kept depends on so far; see {@linkcode startIdentity}. */
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
 * @throws InputError if it cannot be had or is no BERT.
 */
export async function startModel(name: string, options: StartModelOptions): Promise<StartModel> {
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
  return { config, parameters, tokenizer, fresh: false, description, ...content, notes };
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
