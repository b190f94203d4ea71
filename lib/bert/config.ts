/** A model's configuration: reads, checks and makes Hugging Face's config.json, with the keys of its family. */
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { familyOf, requireFamily } from "./family/families.ts";
import { type BertConfig, HIDDEN_ACTS, type HiddenAct, type ModernConfig } from "./family/model_config.ts";
import {
  anything,
  checkJson,
  either,
  fitting,
  flag,
  map,
  nullish,
  number,
  numberThat,
  object,
  oneOf,
  optional,
  parseJson,
  readJson,
  type Shape,
  text,
  whole,
} from "../storage/json.ts";

export { type BertConfig, HIDDEN_ACTS, type HiddenAct, type ModernConfig };

/** The entries of config.json that are read; those that old files leave out, or that are null, have defaults. */
type ConfigFile =
  & Pick<BertConfig, Required>
  & {
    readonly [
      Key in Exclude<keyof BertConfig, Required | "id2label" | "label2id" | "modern" | "model_type">
    ]?: BertConfig[Key] | null;
  }
  & {
    /** Numbers count as texts. */
    readonly id2label?: Readonly<Record<string, string | number>> | null;
    readonly model_type?: string;
    readonly modern?: ModernConfig;
    readonly position_embedding_type?: "absolute" | null;
    readonly is_decoder?: boolean | null;
  };

type Required =
  | "vocab_size"
  | "hidden_size"
  | "num_hidden_layers"
  | "num_attention_heads"
  | "intermediate_size"
  | "max_position_embeddings";

const below = (most: number) =>
  numberThat(`a number from 0 to below ${most}`, (value) => value >= 0 && value < most);

/** Names of the classes 0, 1, …, no two of them alike. */
const labelNames = fitting(
  map(either<string | number>("a text or a number", text, number())),
  "names of the classes 0, 1, …, no two alike",
  (names) => {
    const labels = Object.keys(names).map((_, index) => String(names[String(index)] ?? ""));
    return labels.length > 0 && Object.keys(names).every((_, index) => String(index) in names) &&
      new Set(labels).size === labels.length;
  },
);

/** The largest sizes are far beyond any BERT: they keep a wrong file from asking for more memory than there is. */
const fields: { readonly [Key in Exclude<keyof ConfigFile, "modern">]-?: Shape<ConfigFile[Key]> } = {
  model_type: optional(text),
  embedding_size: nullish(whole(1, 65_536)),
  vocab_size: whole(1, 10_000_000),
  hidden_size: whole(1, 65_536),
  num_hidden_layers: whole(1, 1000),
  num_attention_heads: whole(1, 65_536),
  intermediate_size: whole(1, 1_000_000),
  max_position_embeddings: whole(1, 1_000_000),
  hidden_act: nullish(oneOf(HIDDEN_ACTS)),
  hidden_dropout_prob: nullish(below(1)),
  attention_probs_dropout_prob: nullish(below(1)),
  classifier_dropout: nullish(below(1)),
  type_vocab_size: nullish(whole(1, 1000)),
  initializer_range: nullish(below(10)),
  layer_norm_eps: nullish(below(1)),
  pad_token_id: nullish(whole(0)),
  id2label: nullish(labelNames),
  position_embedding_type: nullish(oneOf(["absolute"])),
  is_decoder: nullish(fitting(flag, "false, as only encoders are read", (value) => !value)),
};

/** Returns a file's entries under BERT's keys, with the defaults of its family. @throws InputError if it has another shape. */
function checkConfig(json: unknown, where: string, advice?: string): ConfigFile {
  const { model_type } = checkJson(
    json,
    where,
    object({ model_type: optional(anything) }),
    advice,
  ) as ConfigFile;
  requireFamily(model_type, where, advice ?? "choose one of these");
  const { configKeys = {}, defaults, modern: own } = familyOf({ model_type });
  const keys = new Map(
    Object.keys(fields).map((key) => [key, key in configKeys ? configKeys[key as keyof BertConfig] : key]),
  );
  const shapes = [...keys].flatMap(([key, theirs]) =>
    theirs == null ? [] : [[theirs, fields[key as keyof typeof fields]] as const]
  );
  const shape = object(Object.fromEntries(shapes) as Record<string, Shape<unknown>>);
  const file = checkJson(json, where, shape, advice);
  const found = [...keys].flatMap(([key, theirs]) =>
    theirs == null || file[theirs] == null ? [] : [[key, file[theirs]]]
  );
  const values: ConfigFile = { ...defaults, ...Object.fromEntries(found) };
  return own
    ? { ...values, modern: own.read(checkJson(json, where, own.shape, advice), values.num_hidden_layers) }
    : values;
}

/** Returns a configuration as the entries of config.json, whose keys are the family's. */
export function configFile(config: BertConfig): Record<string, unknown> {
  const { configKeys = {} } = familyOf(config);
  const entries = Object.entries(config).map(([key, value]) =>
    [key in configKeys ? configKeys[key as keyof BertConfig] : key, value] as const
  );
  const own = config.modern && familyOf(config).modern?.write(config);
  return { ...Object.fromEntries(entries.filter(([key]) => key != null)), ...own };
}

/** Most numbers of a model, 40 GB. */
const mostNumbers = 10_000_000_000;

const advice = "take the model's config.json again, or another model";

/**
 * Reads and checks `config.json` of a model folder.
 *
 * @throws InputError if the file is missing, or as {@linkcode parseConfig} says.
 */
export async function readConfig(folder: string): Promise<BertConfig> {
  const path = join(folder, "config.json");
  return makeConfig(checkConfig(await readJson(path, anything, advice), path, advice), path);
}

/**
 * Parses and checks the text of a config.json. Keys that do not matter to the encoder are dropped; a file without
 * `model_type`, as in BERT's first releases, counts as BERT's.
 *
 * @param where the name of the text in error messages, such as its path
 * @throws InputError if it is not JSON, not of a family that is read, lacks a key, or asks for something that the encoder cannot do.
 */
export function parseConfig(text: string, where: string): BertConfig {
  return makeConfig(checkConfig(parseJson(text, where, anything, advice), where, advice), where);
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
  const values = {
    hidden_size: hidden,
    num_hidden_layers: 4,
    num_attention_heads: Math.max(1, Math.floor(hidden / 64)),
    intermediate_size: 4 * hidden,
    max_position_embeddings: 512,
    ...options,
  };
  const where = "the new model's configuration";
  return makeConfig(checkConfig(configFile(values as BertConfig), where), where);
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

/** Returns the configuration of a file, with the defaults of Hugging Face's BertConfig. */
function makeConfig(json: ConfigFile, where: string): BertConfig {
  const fail = (why: string) => new InputError(`Cannot use ${where} as ${why}`);
  const labels = json.id2label && Object.keys(json.id2label).map((_, index) => String(json.id2label![index]));
  const config: BertConfig = {
    ...json.model_type === undefined || json.model_type === "bert" ? {} : { model_type: json.model_type },
    vocab_size: json.vocab_size,
    hidden_size: json.hidden_size,
    ...familyOf(json).defaults?.embedding_size && json.embedding_size
      ? { embedding_size: json.embedding_size }
      : {},
    num_hidden_layers: json.num_hidden_layers,
    num_attention_heads: json.num_attention_heads,
    intermediate_size: json.intermediate_size,
    hidden_act: json.hidden_act ?? "gelu",
    hidden_dropout_prob: json.hidden_dropout_prob ?? 0.1,
    attention_probs_dropout_prob: json.attention_probs_dropout_prob ?? 0.1,
    ...json.classifier_dropout == null ? {} : { classifier_dropout: json.classifier_dropout },
    max_position_embeddings: json.max_position_embeddings,
    type_vocab_size: json.type_vocab_size ?? 2,
    initializer_range: json.initializer_range ?? 0.02,
    layer_norm_eps: json.layer_norm_eps ?? 1e-12,
    pad_token_id: json.pad_token_id ?? 0,
    ...json.modern ? { modern: json.modern } : {},
    ...labels && {
      id2label: Object.fromEntries(labels.map((label, index) => [String(index), label])),
      label2id: Object.fromEntries(labels.map((label, index) => [label, index])),
    },
  };
  const listed = config.modern?.layer_types.length ?? Infinity;
  if (listed < config.num_hidden_layers) {
    throw fail(`"layer_types" has fewer entries than "num_hidden_layers" says: found ${listed}`);
  }
  const { hidden_size: H, num_attention_heads: N, vocab_size: V, pad_token_id } = config;
  if (H % N !== 0) throw fail(`"num_attention_heads" does not divide "hidden_size": found ${N} and ${H}`);
  if (positionsOf(config) < 1) {
    throw fail(
      `"max_position_embeddings" leaves no position to a text: found ${config.max_position_embeddings}`,
    );
  }
  if (pad_token_id >= V) throw fail(`"pad_token_id" is not below "vocab_size" ${V}: found ${pad_token_id}`);
  const rows = V + config.max_position_embeddings + config.type_vocab_size;
  const numbers = H * (rows + config.num_hidden_layers * (4 * H + 2 * config.intermediate_size));
  if (numbers > mostNumbers) {
    throw fail(`its sizes make a model of ${numbers} numbers: expected at most ${mostNumbers}`);
  }
  return config;
}

/** Returns the longest sequence of a model: the positions from a text's first one on. */
export function positionsOf(config: BertConfig): number {
  return config.max_position_embeddings - (familyOf(config).firstPosition?.(config) ?? 0);
}

/**
 * Checks that a model can read sequences of a length.
 *
 * @throws InputError if it has fewer positions.
 */
export function requirePositions(config: BertConfig, maxLength: number): void {
  const positions = positionsOf(config);
  if (maxLength <= positions) return;
  throw new InputError(
    `Cannot read ${maxLength} wordpieces at once as the model has ${positions} positions: ` +
      "give a smaller maximum length",
  );
}

/**
 * Checks that a model can read pairs of texts.
 *
 * @throws InputError if it has no second segment type.
 */
export function requireSegments(config: BertConfig, without = "one column"): void {
  const { type_vocab_size: segments } = config;
  if (segments >= 2 || familyOf(config).segments !== "read") return;
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
    `Cannot use ${folder} as its tokenizer.json or vocab.txt is that of another model: it has ${vocabSize} pieces, and the ` +
      `model knows ${config.vocab_size}`,
  );
}
