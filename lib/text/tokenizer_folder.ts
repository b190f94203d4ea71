/**
 * A model folder's tokenizer, as transformers' AutoTokenizer reads it (version 5.23): vocabulary and added tokens from
 * tokenizer.json or vocab.txt, and the settings of texts from tokenizer_config.json alone.
 */
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import { nullish, object, readJsonIfThere, readTextIfThere, text } from "../storage/json.ts";
import { placeTokens, readTokenFiles, tokensToAdd } from "./added_tokens.ts";
import {
  advice,
  configShape,
  contentOf,
  type PlacedToken,
  requireOneId,
  specialToken,
  specialTokens,
  type SpecialTokensMap,
  type TokenizerConfig,
  tokenizerConfig,
  type TokenizerJson,
  tokenizerJson,
  tokenizerShape,
} from "./tokenizer_files.ts";

/** The files of a folder's tokenizer, which do not contradict each other. */
export interface TokenizerFolder {
  readonly json: TokenizerJson;
  readonly config: TokenizerConfig;
  /** The text of vocab.txt, if there is one of these pieces. */
  readonly vocabulary?: string;
  /** Sentences on what was open or said twice, and what was decided. */
  readonly notes: readonly string[];
}

/** Classes that make a BertTokenizer of the files, and those that take tokenizer.json as it is. */
const bertClasses = ["Bert", "DistilBert", "Electra"].flatMap((
  name,
) => [`${name}Tokenizer`, `${name}TokenizerFast`]);
const plainClasses = ["PreTrainedTokenizerFast", "TokenizersBackend"];

/** Reads a folder's tokenizer. @throws InputError if files are missing, broken or not of BERT. */
export async function readTokenizerFolder(folder: string): Promise<TokenizerFolder> {
  const at = (name: string) => join(folder, name);
  const config = await readJsonIfThere(at("tokenizer_config.json"), configShape, advice) ?? {};
  const plain = await takesJsonAsItIs(folder, config);
  const vocabulary = await readTextIfThere(at("vocab.txt"), advice);
  const json = await readJsonIfThere(at("tokenizer.json"), tokenizerShape, advice);
  if (json) requireOneId(json.added_tokens, json.model.vocab, at("tokenizer.json"));
  else if (vocabulary === undefined || plain) {
    throw new InputError(
      `Cannot load the tokenizer of ${folder}: found neither tokenizer.json nor ${
        plain ? `the class BertTokenizer in tokenizer_config.json` : "vocab.txt"
      }; put the files of the model's tokenizer there`,
    );
  }
  const { specials, added } = await readTokenFiles(folder, config, advice);

  const notes: string[] = [];
  const pieces = vocabulary === undefined ? undefined : piecesOf(vocabulary);
  const vocab = json?.model.vocab ?? pieces!;
  const names = namesOf(config, specials);
  let read: TokenizerJson, full: TokenizerConfig;
  if (json && plain) {
    read = json;
    full = { ...config, ...names, ...settingsOf(json) };
  } else {
    if (json) requireStated(config, json, at("tokenizer.json"));
    const cased = !json && config.do_lower_case == null && looksCased(Object.keys(vocab));
    if (cased) notes.push(casedNote);
    const defaults = tokenizerConfig(config.do_lower_case ?? !cased);
    const { model_max_length: _, ...missing } = defaults as Record<string, unknown>;
    const stated = Object.fromEntries(
      Object.entries({ ...config, ...names }).filter(([key, value]) => value != null || !missing[key]),
    );
    full = json ? { ...stated, ...missing, ...stated } : { ...defaults, ...stated };
    const made = tokenizerJson(vocab, full);
    read = json ? { ...json, normalizer: made.normalizer, model: { ...json.model, ...made.model } } : made;
    const differing = json ? differences(json, read) : [];
    if (differing.length > 0) {
      notes.push(
        `tokenizer.json has its own ${
          differing.join(", ")
        }: left out, as transformers' BertTokenizer takes ` +
          "tokenizer_config.json's or BERT's.",
      );
    }
  }
  const source = json ? "tokenizer.json" : "vocab.txt";
  const { withIds, special } = tokensToAdd({
    config: plain ? config : { ...full, ...config, ...names },
    specials,
    added,
    json,
  });
  const own = plain ? json!.added_tokens : [];
  requireSpecials(placeTokens([...own, ...withIds], vocab), vocab, full, at(source));
  const added_tokens = placeTokens([...own, ...withIds, ...special], vocab);
  const stated = json?.added_tokens ?? [];
  const isStated = (token: PlacedToken) =>
    stated.some(({ content, id }) => content === token.content && id === token.id);
  notes.push(...sharedIds(added_tokens.filter((token) => !isStated(token)), vocab, source));
  const same = pieces !== undefined && samePieces(pieces, vocab);
  if (pieces && !same) notes.push("vocab.txt has other pieces than tokenizer.json, which counts.");
  const { added_tokens_decoder: _, additional_special_tokens: __, extra_special_tokens: ___, ...saved } =
    full;
  return { json: { ...read, added_tokens }, config: saved, ...same ? { vocabulary } : {}, notes };
}

/** Returns a sentence on the first added token that has the id of a piece; none if there is none. */
function sharedIds(
  added: readonly PlacedToken[],
  vocab: Readonly<Record<string, number>>,
  source: string,
): string[] {
  const pieces = new Map(Object.entries(vocab).map(([piece, id]) => [id, piece]));
  const shared = added.find(({ content, id }) => (pieces.get(id) ?? content) !== content);
  if (!shared) return [];
  return [
    `"${shown(shared.content)}" has the id ${shared.id} of "${
      shown(pieces.get(shared.id)!)
    }", as in transformers: ${source} names a piece twice or leaves ids out, so the model cannot tell the two apart.`,
  ];
}

/** Tells whether a folder's class takes tokenizer.json as it is. @throws InputError if it is not BERT's. */
async function takesJsonAsItIs(folder: string, config: TokenizerConfig): Promise<boolean> {
  let file = "tokenizer_config.json", name = config.tokenizer_class;
  if (name == null) {
    file = "config.json";
    name = (await readJsonIfThere(join(folder, file), object({ tokenizer_class: nullish(text) }), advice))
      ?.tokenizer_class;
  }
  const map = config.auto_map as { AutoTokenizer?: unknown } | null | undefined;
  if (Array.isArray(map) || map?.AutoTokenizer) {
    throw new InputError(
      `Cannot use ${
        join(folder, "tokenizer_config.json")
      } as its "auto_map" names code for a tokenizer of its own; ${advice}`,
    );
  }
  if (name == null || bertClasses.includes(name)) return false;
  if (plainClasses.includes(name)) return true;
  throw new InputError(
    `Cannot use ${join(folder, file)} as its "tokenizer_class" is ${shown(name)}: expected ${
      [...bertClasses, ...plainClasses].join(", ")
    } or none; ${advice}`,
  );
}

/** Returns the special tokens' names that special_tokens_map.json gives, which count before tokenizer_config.json's. */
function namesOf(config: TokenizerConfig, specials: SpecialTokensMap | undefined): Partial<SpecialTokensMap> {
  const keys = Object.keys(specialTokens).map((name) => `${name}_token` as "pad_token");
  return Object.fromEntries(
    keys.filter((key) => specials?.[key] != null && specials[key] !== config[key])
      .map((key) => [key, contentOf(specials![key]!)]),
  );
}

function settingsOf({ normalizer }: TokenizerJson): TokenizerConfig {
  return {
    do_lower_case: normalizer.lowercase,
    tokenize_chinese_chars: normalizer.handle_chinese_chars,
    strip_accents: normalizer.strip_accents ?? null,
  };
}

/** @throws InputError if tokenizer.json has settings that transformers takes from tokenizer_config.json, which has none. */
function requireStated(config: TokenizerConfig, json: TokenizerJson, path: string): void {
  const found = settingsOf(json);
  const lowercase = config.do_lower_case ?? true;
  const usual = { do_lower_case: true, tokenize_chinese_chars: true, strip_accents: lowercase };
  for (const key of Object.keys(usual) as (keyof typeof usual)[]) {
    if (config[key] != null || found[key] == null || found[key] === usual[key]) continue;
    throw new InputError(
      `Cannot use ${path} as it says "${key}": ${
        found[key]
      }, and tokenizer_config.json, which transformers asks, does ` +
        `not: write "${key}" there`,
    );
  }
}

/** @throws InputError if a special token is neither in the vocabulary nor among the tokens with an id. */
function requireSpecials(
  placed: readonly PlacedToken[],
  vocab: TokenizerJson["model"]["vocab"],
  config: TokenizerConfig,
  path: string,
): void {
  for (const name of Object.keys(specialTokens) as (keyof typeof specialTokens)[]) {
    const token = specialToken(config, name);
    if (Object.hasOwn(vocab, token)) continue;
    if (name !== "unk" && placed.some(({ content }) => content === token)) continue;
    const role = token === specialTokens[name] ? "" : `, the "${name}_token" of tokenizer_config.json`;
    throw new InputError(`Cannot use ${path}: its vocabulary has no ${shown(token)}${role}; ${advice}`);
  }
}

/** Lists the settings of a tokenizer.json that are not those that count. */
function differences(json: TokenizerJson, read: TokenizerJson): string[] {
  const strips = ({ normalizer: { strip_accents, lowercase } }: TokenizerJson) => strip_accents ?? lowercase;
  const { vocab: _, type: __, ...model } = read.model;
  const { strip_accents: ___, type: ____, ...normalizer } = read.normalizer;
  const other = (mine: object, theirs: object) =>
    Object.entries(mine).filter(([key, value]) => (theirs as Record<string, unknown>)[key] !== value)
      .map(([key]) => `"${key}"`);
  return [
    ...other(normalizer, json.normalizer),
    ...strips(json) === strips(read) || json.normalizer.strip_accents == null ? [] : ['"strip_accents"'],
    ...other(model, json.model),
  ];
}

/** Returns the ids of vocab.txt's pieces: lines without the blanks at their ends; of two alike the last counts. */
function piecesOf(vocabulary: string): Record<string, number> {
  const lines = vocabulary.replace(/\n$/, "").split("\n");
  return Object.fromEntries(lines.map((line, id) => [line.replace(/\p{White_Space}+$/u, ""), id]));
}

function samePieces(
  some: Readonly<Record<string, number>>,
  others: Readonly<Record<string, number>>,
): boolean {
  const pieces = Object.keys(some);
  return pieces.length === Object.keys(others).length &&
    pieces.every((piece) => Object.hasOwn(others, piece) && some[piece] === others[piece]);
}

/** Tells whether one piece of a hundred has a capital; [CLS], [unused1] and the like do not count. */
function looksCased(pieces: readonly string[]): boolean {
  const ordinary = pieces.filter((piece) => !/^[[<].+[\]>]$/.test(piece));
  return ordinary.filter((piece) => /\p{Lu}/u.test(piece)).length * 100 > ordinary.length;
}

const casedNote =
  "The folder does not say whether it is cased: its vocabulary has capitals, so texts keep theirs; transformers " +
  'lower-cases them until "do_lower_case" is false in tokenizer_config.json.';
