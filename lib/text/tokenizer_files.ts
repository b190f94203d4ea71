/** The files of BERT's tokenizers: tokenizer.json and tokenizer_config.json, read, checked and made. */
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import {
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

/** The parts of tokenizer.json that texts are read by. */
export interface TokenizerJson {
  readonly added_tokens: readonly {
    readonly id: number;
    readonly content: string;
    readonly single_word: boolean;
    readonly lstrip: boolean;
    readonly rstrip: boolean;
    readonly normalized: boolean;
    readonly special: boolean;
  }[];
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

const notWhole = fitting(flag, "false, which is all that is read", (value) => !value);

/** The shape of tokenizer.json. */
export const tokenizerShape: Shape<TokenizerJson> = object({
  added_tokens: list(object({
    ...{ id, content: text, single_word: notWhole, lstrip: flag },
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

/** The parts of tokenizer_config.json that are read: names of special tokens, and, beside vocab.txt, how to read texts. */
export interface TokenizerConfig
  extends Partial<Record<`${keyof typeof specialTokens}_token`, SpecialToken | null>> {
  readonly do_lower_case?: boolean | null;
  readonly tokenize_chinese_chars?: boolean | null;
  readonly strip_accents?: boolean | null;
}

type SpecialToken = string | { readonly content: string };

const specialToken = nullish(
  either<SpecialToken>("a text, or an object with one", text, object({ content: text })),
);

/** The shape of tokenizer_config.json. */
export const configShape: Shape<TokenizerConfig> = object({
  do_lower_case: nullish(flag),
  tokenize_chinese_chars: nullish(flag),
  strip_accents: nullish(flag),
  ...{ pad_token: specialToken, unk_token: specialToken, cls_token: specialToken },
  ...{ sep_token: specialToken, mask_token: specialToken },
});

/** What to do about a tokenizer that cannot be used. */
export const advice = "take the files of the model's tokenizer again; only BERT's are read";

/** @throws InputError if two pieces have one id, or one piece two. */
export function requireOneId({ model: { vocab }, added_tokens }: TokenizerJson, path: string): void {
  const pieces = new Map<number, string>();
  const all = [...Object.entries(vocab), ...added_tokens.map(({ content, id }) => [content, id] as const)];
  for (const [piece, id] of all) {
    const other = pieces.get(id) ?? piece;
    const own = Object.hasOwn(vocab, piece) ? vocab[piece] : id;
    if (other === piece && own === id) pieces.set(id, piece);
    else {
      throw new InputError(
        `Cannot use ${path} as ${
          other === piece
            ? `"${shown(piece)}" has the ids ${own} and ${id}`
            : `"${shown(other)}" and "${shown(piece)}" have one id, ${id}`
        }; ${advice}`,
      );
    }
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

/** Returns the tokenizer.json that Hugging Face writes for a BERT vocabulary. */
export function tokenizerJson(
  pieces: readonly string[],
  config: TokenizerConfig,
): TokenizerJson & Readonly<Record<string, unknown>> {
  const vocab: Record<string, number> = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
  const { cls, sep } = specialTokens;
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const token = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: Object.values(specialTokens)
      .filter((content) => content in vocab)
      .map((content) => ({ id: vocab[content]!, content, ...flags }))
      .sort((a, b) => a.id - b.id),
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
    model: {
      type: "WordPiece",
      unk_token: specialTokens.unk,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
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
