/** BERT's configuration: reads, checks and makes Hugging Face's config.json. */
import { join } from "node:path";
import { shown } from "../storage/byte_source.ts";
import { InputError } from "../errors.ts";
import { readTextFile } from "../storage/input_file.ts";

/** Names of the feed-forward layers' activations; "gelu" is the erf form. */
export const HIDDEN_ACTS = ["gelu", "gelu_new", "relu"] as const;

/** A name from {@linkcode HIDDEN_ACTS}. */
export type HiddenAct = (typeof HIDDEN_ACTS)[number];

/** The keys of Hugging Face's BertConfig that BERT's encoder and classifier depend on, under the same names. */
export interface BertConfig {
  /** V, the number of wordpieces. */
  readonly vocab_size: number;
  /** H, the width of the hidden states. */
  readonly hidden_size: number;
  /** L, the number of encoder layers. */
  readonly num_hidden_layers: number;
  /** N, the number of attention heads; divides `hidden_size`. */
  readonly num_attention_heads: number;
  /** The inner width of the feed-forward layers. */
  readonly intermediate_size: number;
  /** The feed-forward layers' activation. */
  readonly hidden_act: HiddenAct;
  /** Dropout rate after the embeddings and after each sublayer. */
  readonly hidden_dropout_prob: number;
  /** Dropout rate of the attention's probabilities. */
  readonly attention_probs_dropout_prob: number;
  /** Dropout rate before the classifier; `hidden_dropout_prob` if absent. */
  readonly classifier_dropout?: number;
  /** The longest sequence, [CLS] and [SEP] included. */
  readonly max_position_embeddings: number;
  /** The number of segment types. */
  readonly type_vocab_size: number;
  /** Standard deviation of new weights. */
  readonly initializer_range: number;
  /** The number that LayerNorm adds to the variance. */
  readonly layer_norm_eps: number;
  /** The id of [PAD]. */
  readonly pad_token_id: number;
  /** Label names by class index, as decimal strings. */
  readonly id2label?: Readonly<Record<string, string>>;
  /** The inverse of `id2label`. */
  readonly label2id?: Readonly<Record<string, number>>;
}

type Json = Readonly<Record<string, unknown>>;

/** The defaults of Hugging Face's BertConfig, for keys that old files leave out. */
const DEFAULTS: Json = {
  hidden_act: "gelu",
  hidden_dropout_prob: 0.1,
  attention_probs_dropout_prob: 0.1,
  type_vocab_size: 2,
  initializer_range: 0.02,
  layer_norm_eps: 1e-12,
  pad_token_id: 0,
};

/**
 * Reads and checks `config.json` of a model folder.
 *
 * @throws InputError if the file is missing, or as {@linkcode parseConfig} says.
 */
export async function readConfig(folder: string): Promise<BertConfig> {
  const path = join(folder, "config.json");
  let text: string;
  try {
    text = await readTextFile(path);
  } catch (error) {
    throw new InputError(`Cannot read ${path}, which a model folder must have: ${(error as Error).message}`);
  }
  return parseConfig(text, path);
}

/**
 * Parses and checks the text of a config.json. Keys that do not matter to the encoder are dropped; a file without
 * `model_type`, as in BERT's first releases, counts as BERT's.
 *
 * @param where the name of the text in error messages, such as its path
 * @throws InputError if it is not JSON, not of BERT, lacks a key, or asks for something that the encoder cannot do.
 */
export function parseConfig(text: string, where: string): BertConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(`Cannot read ${where} as it is not JSON: ${shown((error as Error).message)}`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new InputError(`Cannot read ${where} as it is not a JSON object`);
  }
  return checkConfig(json as Json, where);
}

/** The values for a new configuration: the vocabulary's size, and any others. */
export type NewConfig = Pick<BertConfig, "vocab_size"> & Partial<BertConfig>;

/**
 * Returns the configuration of a new model, by default BERT-mini (Turc et al. 2019: L 4, H 256, N 4). If only
 * `hidden_size` is given, a head has 64 units and the feed-forward layers are four times as wide.
 *
 * @throws InputError if the values do not make a BERT.
 */
export function newConfig(options: NewConfig): BertConfig {
  const hidden = options.hidden_size ?? 256;
  return checkConfig({
    hidden_size: hidden,
    num_hidden_layers: 4,
    num_attention_heads: Math.max(1, Math.floor(hidden / 64)),
    intermediate_size: 4 * hidden,
    max_position_embeddings: 512,
    ...options,
  }, "the new model's configuration");
}

/** Returns the label names by class index, or undefined if the configuration names none. */
export function configLabels(config: BertConfig): string[] | undefined {
  const names = config.id2label;
  return names && Array.from({ length: Object.keys(names).length }, (_, index) => names[String(index)]!);
}

/**
 * Returns the configuration with these label names, in the order of the classes.
 *
 * @throws InputError if there are no labels, or two are the same.
 */
export function withLabels(config: BertConfig, labels: readonly string[]): BertConfig {
  const repeated = labels.find((label, index) => labels.indexOf(label) !== index);
  if (labels.length === 0) throw new InputError("Cannot make a classifier without labels: found none");
  if (repeated !== undefined) {
    throw new InputError(
      `Cannot make a classifier as two of its labels are the same: found "${repeated}" twice`,
    );
  }
  return {
    ...config,
    id2label: Object.fromEntries(labels.map((label, index) => [String(index), label])),
    label2id: Object.fromEntries(labels.map((label, index) => [label, index])),
  };
}

function checkConfig(json: Json, where: string): BertConfig {
  const fail = (why: string) => new InputError(`Cannot use ${where} as ${why}`);
  if (json.model_type !== undefined && json.model_type !== "bert") {
    throw fail(`model_type is not "bert": found ${show(json.model_type)}`);
  }
  const value = (key: string) => json[key] ?? DEFAULTS[key];
  const required = [
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
  ];
  const missing = required.filter((key) => value(key) === undefined);
  if (missing.length > 0) throw fail(`${missing.map((key) => `"${key}"`).join(", ")} is missing`);

  const whole = (key: keyof BertConfig, least: number) => {
    const found = value(key);
    if (Number.isSafeInteger(found) && (found as number) >= least) return found as number;
    throw fail(`"${key}" is not a whole number of at least ${least}: found ${show(found)}`);
  };
  const number = (key: keyof BertConfig, below: number) => {
    const found = value(key);
    if (typeof found === "number" && found >= 0 && found < below) return found;
    throw fail(`"${key}" is not a number from 0 to below ${below}: found ${show(found)}`);
  };
  const config: BertConfig = {
    vocab_size: whole("vocab_size", 1),
    hidden_size: whole("hidden_size", 1),
    num_hidden_layers: whole("num_hidden_layers", 1),
    num_attention_heads: whole("num_attention_heads", 1),
    intermediate_size: whole("intermediate_size", 1),
    hidden_act: value("hidden_act") as HiddenAct,
    hidden_dropout_prob: number("hidden_dropout_prob", 1),
    attention_probs_dropout_prob: number("attention_probs_dropout_prob", 1),
    ...value("classifier_dropout") === undefined
      ? {}
      : { classifier_dropout: number("classifier_dropout", 1) },
    max_position_embeddings: whole("max_position_embeddings", 1),
    type_vocab_size: whole("type_vocab_size", 1),
    initializer_range: number("initializer_range", 10),
    layer_norm_eps: number("layer_norm_eps", 1),
    pad_token_id: whole("pad_token_id", 0),
    ...checkLabels(json, fail),
  };
  if (config.hidden_size % config.num_attention_heads !== 0) {
    const heads = config.num_attention_heads;
    throw fail(
      `"num_attention_heads" does not divide "hidden_size": found ${heads} and ${config.hidden_size}`,
    );
  }
  if (!HIDDEN_ACTS.includes(config.hidden_act)) {
    throw fail(`"hidden_act" is none of ${HIDDEN_ACTS.join(", ")}: found ${show(config.hidden_act)}`);
  }
  if (config.pad_token_id >= config.vocab_size) {
    throw fail(`"pad_token_id" is not below "vocab_size" ${config.vocab_size}: found ${config.pad_token_id}`);
  }
  if ((json.position_embedding_type ?? "absolute") !== "absolute") {
    throw fail(`"position_embedding_type" is not "absolute": found ${show(json.position_embedding_type)}`);
  }
  if (json.is_decoder === true) throw fail('"is_decoder" is true and only encoders are supported');
  return config;
}

function checkLabels(
  json: Json,
  fail: (why: string) => InputError,
): Pick<BertConfig, "id2label" | "label2id"> {
  if (json.id2label === undefined || json.id2label === null) return {};
  const entries = typeof json.id2label === "object" ? Object.entries(json.id2label) : [];
  const names = new Map<string, unknown>(entries);
  const labels = entries.map((_, index) => names.get(String(index)));
  if (entries.length === 0 || !labels.every((label) => typeof label === "string")) {
    throw fail(`"id2label" does not name the classes 0, 1, …: found ${show(json.id2label)}`);
  }
  if (new Set(labels).size !== labels.length) {
    throw fail(`"id2label" names two classes alike: found ${show(json.id2label)}`);
  }
  return {
    id2label: Object.fromEntries(labels.map((label, index) => [String(index), label as string])),
    label2id: Object.fromEntries(labels.map((label, index) => [label as string, index])),
  };
}

/** Returns a value as JSON, cut to a length that fits into a message. */
function show(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? "nothing";
  } catch {
    return "what is nested too deeply to be shown";
  }
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/**
 * Checks that a model can read sequences of a length.
 *
 * @throws InputError if it has fewer positions.
 */
export function requirePositions(config: BertConfig, maxLength: number): void {
  if (maxLength <= config.max_position_embeddings) return;
  throw new InputError(
    `Cannot read ${maxLength} wordpieces at once as the model has ${config.max_position_embeddings} positions: ` +
      "give a smaller maximum length",
  );
}

/**
 * Checks that a model can read pairs of texts.
 *
 * @throws InputError if it has no second segment type.
 */
export function requireSegments(
  { type_vocab_size: segments }: BertConfig,
  without = "one column",
): void {
  if (segments >= 2) return;
  throw new InputError(
    `Cannot read pairs of texts as the model knows ${segments} kind of segment: expected 2; use another model, or ${without}`,
  );
}

/**
 * Checks that a model knows all pieces of its folder's tokenizer.
 *
 * @throws InputError if the tokenizer has more pieces.
 */
export function requireVocabulary(
  config: BertConfig,
  { vocabSize }: { readonly vocabSize: number },
  folder: string,
): void {
  if (vocabSize <= config.vocab_size) return;
  throw new InputError(
    `Cannot use ${folder} as its tokenizer is that of another model: it has ${vocabSize} pieces, and the ` +
      `model knows ${config.vocab_size}`,
  );
}
