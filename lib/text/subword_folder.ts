/**
 * A model folder's tokenizer of byte-level BPE or Unigram, as transformers' AutoTokenizer reads it (version 5.23): from
 * tokenizer.json, with the special tokens that tokenizer_config.json and special_tokens_map.json name.
 */
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import {
  anything,
  nullish,
  object,
  optional,
  parseJson,
  readJsonIfThere,
  readTextIfThere,
  text,
} from "../storage/json.ts";
import { placeTokens, readTokenFiles, tokensToAdd } from "./added_tokens.ts";
import { checkSubwordJson, separatorsOf, type SubwordJson, vocabOf } from "./subword_files.ts";
import { configShape, contentOf, requireOneId, type TokenizerConfig } from "./tokenizer_files.ts";

/** A folder's tokenizer. */
export interface SubwordFolder {
  readonly json: SubwordJson;
  readonly config: TokenizerConfig;
  /** Ids of the special tokens. */
  readonly ids: { cls: number; sep: number; pad: number; unk: number; mask: number };
  /** Special tokens between the texts of a pair: one or two [SEP]. */
  readonly separators: 1 | 2;
  /** Path of tokenizer.json. */
  readonly path: string;
}

/** What to do about files that cannot be used. */
export const subwordAdvice = "take the files of the model's tokenizer again, or another model";

/** Classes that put their own steps around the pieces, with those that take tokenizer.json as it is. */
const ownClasses = ["RobertaTokenizer", "XLMRobertaTokenizer", "CamembertTokenizer"];
const classes = [...ownClasses, ...ownClasses.map((name) => `${name}Fast`)]
  .concat("PreTrainedTokenizerFast", "TokenizersBackend");

/** Names of the special tokens where no file has them. */
const usual = { cls: "<s>", sep: "</s>", pad: "<pad>", unk: "<unk>", mask: "<mask>" } as const;

/**
 * Reads a folder's tokenizer; undefined if its tokenizer.json is missing or of WordPiece.
 *
 * @throws InputError if files are broken, or something in them is not read.
 */
export async function readSubwordFolder(folder: string): Promise<SubwordFolder | undefined> {
  const [at, advice] = [(name: string) => join(folder, name), subwordAdvice];
  const path = at("tokenizer.json");
  const isOwn = await namesOwnClass(folder);
  const content = await readTextIfThere(path, advice, "fatal").catch((error) => {
    if (isOwn) throw error;
  });
  if (isOwn && content === undefined) {
    throw new InputError(
      `Cannot load the tokenizer of ${folder}: found no tokenizer.json; put the model's there`,
    );
  }
  if (content === undefined || !isOwn && !/"(merges|unk_id)"/.test(content)) return undefined;
  const parsed = typed(parseJson(content, path, object({ model: optional(anything) }), advice));
  if (!parsed && !isOwn) return undefined;
  const checked = checkSubwordJson(parsed ?? JSON.parse(content), path, advice);
  const config = await readJsonIfThere(at("tokenizer_config.json"), configShape, advice) ?? {};
  const name = await requireClass(folder, config);

  const { specials, added } = await readTokenFiles(folder, config, advice);
  const names = Object.fromEntries(
    Object.entries(usual).map(([key, usual]) => {
      const given = specials?.[`${key}_token` as "cls_token"] ?? config[`${key}_token` as "cls_token"];
      return [`${key}_token`, given == null ? usual : contentOf(given)];
    }),
  ) as Record<`${keyof typeof usual}_token`, string>;
  const vocab = vocabOf(checked.model);
  const { withIds, special } = tokensToAdd({
    config: { ...config, ...names },
    specials,
    added,
    json: checked,
  });
  const json: SubwordJson = {
    ...checked,
    pre_tokenizer: withPrefix(checked, config, name),
    added_tokens: placeTokens([...checked.added_tokens, ...withIds, ...special], vocab),
  };
  requireOneId(json.added_tokens, vocab, path, advice);
  const idOf = (key: keyof typeof usual) => {
    const token = names[`${key}_token`];
    const id = json.added_tokens.find(({ content }) => content === token)?.id;
    if (id !== undefined && (Object.hasOwn(vocab, token) || isAdded(checked, withIds, token))) return id;
    throw new InputError(`Cannot use ${path}: its vocabulary has no ${shown(token)}; ${advice}`);
  };
  const { added_tokens_decoder: _, additional_special_tokens: __, extra_special_tokens: ___, ...saved } =
    config;
  return {
    json,
    config: { ...saved, ...names },
    ids: { cls: idOf("cls"), sep: idOf("sep"), pad: idOf("pad"), unk: idOf("unk"), mask: idOf("mask") },
    separators: separatorsOf(json, { cls: names.cls_token, sep: names.sep_token }, path, advice),
    path,
  };
}

function isAdded(json: SubwordJson, withIds: readonly { content: string }[], token: string): boolean {
  return [...json.added_tokens, ...withIds].some(({ content }) => content === token);
}

/** Tells whether tokenizer_config.json names a class that has byte-level BPE or Unigram. */
async function namesOwnClass(folder: string): Promise<boolean> {
  const content = await readTextIfThere(join(folder, "tokenizer_config.json"), subwordAdvice).catch(() =>
    undefined
  );
  const name = /"tokenizer_class"\s*:\s*"(\w+?)(Fast)?"/.exec(content ?? "")?.[1];
  return name !== undefined && ownClasses.includes(name);
}

/** Returns the JSON with its model's type, which old files leave out; undefined if it is WordPiece's. */
function typed(json: { readonly model?: unknown }): object | undefined {
  const model = json.model as { type?: unknown; merges?: unknown; unk_id?: unknown } | null | undefined;
  if (typeof model !== "object" || model === null) return undefined;
  const type = model.type ?? ("merges" in model ? "BPE" : "unk_id" in model ? "Unigram" : undefined);
  return type === "BPE" || type === "Unigram" ? { ...json, model: { ...model, type } } : undefined;
}

/** Returns the name of a folder's tokenizer class. @throws InputError if it is another than those that are read. */
async function requireClass(folder: string, config: TokenizerConfig): Promise<string | undefined> {
  let [file, name] = ["tokenizer_config.json", config.tokenizer_class];
  if (name == null) {
    file = "config.json";
    const shape = object({ tokenizer_class: nullish(text) });
    name = (await readJsonIfThere(join(folder, file), shape, subwordAdvice))?.tokenizer_class;
  }
  if (config.auto_map != null) {
    throw new InputError(
      `Cannot use ${
        join(folder, "tokenizer_config.json")
      } as its "auto_map" names code for a tokenizer of its own; ` +
        subwordAdvice,
    );
  }
  if (name == null || classes.includes(name)) return name ?? undefined;
  throw new InputError(
    `Cannot use ${join(folder, file)} as its "tokenizer_class" is ${shown(name)}: expected ${
      classes.join(", ")
    } or none; ${subwordAdvice}`,
  );
}

/** Returns the pre-tokenizer; RobertaTokenizer asks tokenizer_config.json alone if a text gets a blank before it. */
function withPrefix(
  { pre_tokenizer: step }: SubwordJson,
  config: TokenizerConfig & { readonly add_prefix_space?: unknown },
  name: string | undefined,
): SubwordJson["pre_tokenizer"] {
  if (step.type !== "ByteLevel" || !name?.startsWith("RobertaTokenizer")) return step;
  return { ...step, add_prefix_space: config.add_prefix_space === true };
}
