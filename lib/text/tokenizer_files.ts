/** The files of BERT's tokenizers: tokenizer.json and tokenizer_config.json, read, checked and made. */
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import {
  anything,
  either,
  fitting,
  flag,
  list,
  map,
  nullish,
  object,
  oneOf,
  optional,
  type Shape,
  text,
  whole,
} from "../storage/json.ts";

/** The special tokens, by what they are for. */
export const specialTokens = {
  pad: "[PAD]",
  unk: "[UNK]",
  cls: "[CLS]",
  sep: "[SEP]",
  mask: "[MASK]",
} as const;

/** The first pieces of every vocabulary made here. */
export const specialPieces: readonly string[] = Object.values(specialTokens);

/** A token that is looked for in texts before they are split into words. */
export interface AddedToken {
  readonly content: string;
  /** Found only where no letter or digit stands beside it. */
  readonly single_word?: boolean;
  /** Takes the blanks before it. */
  readonly lstrip?: boolean;
  /** Takes the blanks after it. */
  readonly rstrip?: boolean;
  /** Looked for in the normalized text, normalized itself; by default if it is not special. */
  readonly normalized?: boolean;
  readonly special?: boolean;
}

/** An added token with its id and all flags. */
export type PlacedToken = Required<AddedToken> & { readonly id: number };

/** The parts of tokenizer.json that texts are read by. */
export interface TokenizerJson {
  readonly added_tokens: readonly PlacedToken[];
  readonly normalizer: {
    readonly type: string;
    readonly clean_text: boolean;
    readonly handle_chinese_chars: boolean;
    readonly strip_accents?: boolean | null;
    readonly lowercase: boolean;
  };
  readonly pre_tokenizer: { readonly type: string };
  readonly model: {
    readonly type?: string;
    readonly unk_token: string;
    readonly continuing_subword_prefix: string;
    readonly max_input_chars_per_word: number;
    readonly vocab: Readonly<Record<string, number>>;
  };
}

/** An id; far more than any vocabulary has, so that no list by id is too long for the memory. */
const id = whole(0, 9_999_999);

/** Longest word, in characters, that a tokenizer may split; BERT's own splits 100. */
const longestWord = 1000;

/** The shape of tokenizer.json. */
export const tokenizerShape: Shape<TokenizerJson> = object({
  added_tokens: list(object({
    ...{ id, content: text, single_word: flag, lstrip: flag },
    ...{ rstrip: flag, normalized: flag, special: flag },
  })),
  normalizer: object({
    type: oneOf(["BertNormalizer"]),
    ...{ clean_text: flag, handle_chinese_chars: flag, strip_accents: nullish(flag), lowercase: flag },
  }),
  pre_tokenizer: object({ type: oneOf(["BertPreTokenizer"]) }),
  model: object({
    type: optional(oneOf(["WordPiece"])),
    unk_token: text,
    continuing_subword_prefix: text,
    max_input_chars_per_word: whole(1, longestWord),
    vocab: map(id),
  }),
});

/** A token as a text, or as an object with one. */
export type TokenEntry = string | AddedToken;

/** The special tokens by name, as tokenizer_config.json and special_tokens_map.json have them. */
export interface SpecialTokensMap
  extends Partial<Record<`${keyof typeof specialTokens | "bos" | "eos"}_token`, TokenEntry | null>> {
  readonly additional_special_tokens?: readonly TokenEntry[] | null;
  readonly extra_special_tokens?: readonly TokenEntry[] | Readonly<Record<string, TokenEntry>> | null;
}

/** The parts of tokenizer_config.json that are read. */
export interface TokenizerConfig extends SpecialTokensMap {
  readonly tokenizer_class?: string | null;
  readonly auto_map?: unknown;
  readonly do_lower_case?: boolean | null;
  readonly tokenize_chinese_chars?: boolean | null;
  readonly strip_accents?: boolean | null;
  readonly split_special_tokens?: boolean | null;
  readonly added_tokens_decoder?: Readonly<Record<string, AddedToken>> | null;
}

const addedToken: Shape<AddedToken> = object<AddedToken>({
  ...{ content: text, single_word: optional(flag), lstrip: optional(flag) },
  ...{ rstrip: optional(flag), normalized: optional(flag), special: optional(flag) },
});
const tokenEntry = either<TokenEntry>("a text, or an object with one", text, addedToken);
const named = nullish(tokenEntry);
const specialEntries = {
  ...{ pad_token: named, unk_token: named, cls_token: named, sep_token: named, mask_token: named },
  ...{ bos_token: named, eos_token: named, additional_special_tokens: nullish(list(tokenEntry)) },
  extra_special_tokens: nullish(
    either<readonly TokenEntry[] | Readonly<Record<string, TokenEntry>>>(
      "a list or an object of tokens",
      list(tokenEntry),
      map(tokenEntry),
    ),
  ),
};

/** The shape of special_tokens_map.json. */
export const specialTokensShape: Shape<SpecialTokensMap> = object<SpecialTokensMap>(specialEntries);

/** The shape of added_tokens.json: ids by token. */
export const addedTokensShape: Shape<Readonly<Record<string, number>>> = map(id);

/** The shape of tokenizer_config.json. */
export const configShape: Shape<TokenizerConfig> = object<TokenizerConfig>({
  tokenizer_class: nullish(text),
  auto_map: optional(anything),
  do_lower_case: nullish(flag),
  tokenize_chinese_chars: nullish(flag),
  strip_accents: nullish(flag),
  split_special_tokens: nullish(fitting(flag, "false, which is all that is read", (value) => !value)),
  added_tokens_decoder: nullish(fitting(
    map(addedToken),
    "an object of tokens by their ids",
    (tokens) => Object.keys(tokens).every((key) => /^\d{1,7}$/.test(key)),
  )),
  ...specialEntries,
});

/** What to do about a tokenizer that cannot be used. */
export const advice = "take the files of the model's tokenizer again; only BERT's are read";

/**
 * Makes sure that pieces and ids belong together. An added token may have the id of a piece, as it gets in transformers
 * where a vocabulary has fewer pieces than ids.
 *
 * @throws InputError if two pieces or two added tokens have one id, or one piece two.
 */
export function requireOneId(
  added_tokens: TokenizerJson["added_tokens"],
  vocab: TokenizerJson["model"]["vocab"],
  path: string,
  todo: string = advice,
): void {
  const fail = (why: string) => new InputError(`Cannot use ${path} as ${why}; ${todo}`);
  const pieces = new Map<number, string>(), added = new Map<number, string>();
  const requireNew = (known: Map<number, string>, piece: string, id: number) => {
    const other = known.get(id) ?? piece;
    if (other !== piece) throw fail(`"${shown(other)}" and "${shown(piece)}" have one id, ${id}`);
    known.set(id, piece);
  };
  for (const [piece, id] of Object.entries(vocab)) requireNew(pieces, piece, id);
  for (const { content, id } of added_tokens) {
    const own = Object.hasOwn(vocab, content) ? vocab[content] : id;
    if (own !== id) throw fail(`"${shown(content)}" has the ids ${own} and ${id}`);
    requireNew(added, content, id);
  }
}

/** Returns the settings of BERT's normalizer; accents are stripped with lower-casing unless stated otherwise. */
export function normalizerJson(
  config: TokenizerConfig,
): TokenizerJson["normalizer"] & { type: "BertNormalizer" } {
  return {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: config.tokenize_chinese_chars !== false,
    strip_accents: config.strip_accents ?? null,
    lowercase: config.do_lower_case === true,
  };
}

/** Returns the content of a token. */
export function contentOf(token: TokenEntry): string {
  return typeof token === "string" ? token : token.content;
}

/** Returns the text of a special token, which a file may rename. */
export function specialToken(config: TokenizerConfig, name: keyof typeof specialTokens): string {
  return contentOf(config[`${name}_token`] ?? specialTokens[name]);
}

/** Returns the settings that BertTokenizer has for its vocabulary, whatever a tokenizer.json says. */
function modelJson(vocab: Readonly<Record<string, number>>, config: TokenizerConfig) {
  return {
    type: "WordPiece",
    unk_token: specialToken(config, "unk"),
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab,
  };
}

/** Returns the tokenizer.json that Hugging Face writes for a BERT vocabulary. */
export function tokenizerJson(
  vocab: Readonly<Record<string, number>>,
  config: TokenizerConfig,
): TokenizerJson & Readonly<Record<string, unknown>> {
  const [cls, sep] = [specialToken(config, "cls"), specialToken(config, "sep")];
  const token = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: normalizerJson(config),
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [token(cls), { Sequence: { id: "A", type_id: 0 } }, token(sep)],
      pair: [
        token(cls),
        { Sequence: { id: "A", type_id: 0 } },
        token(sep),
        { Sequence: { id: "B", type_id: 1 } },
        { SpecialToken: { id: sep, type_id: 1 } },
      ],
      special_tokens: Object.fromEntries(
        [cls, sep].map((id) => [id, { id, ids: [vocab[id]], tokens: [id] }]),
      ),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: modelJson(vocab, config),
  };
}

/** Returns the tokenizer_config.json that Hugging Face writes for a BERT vocabulary. */
export function tokenizerConfig(lowercase: boolean): TokenizerConfig {
  const tokens = Object.entries(specialTokens).map(([name, token]) => [`${name}_token`, token]);
  return {
    tokenizer_class: "BertTokenizer",
    do_lower_case: lowercase,
    tokenize_chinese_chars: true,
    strip_accents: null,
    model_max_length: 512,
    ...Object.fromEntries(tokens),
  };
}
