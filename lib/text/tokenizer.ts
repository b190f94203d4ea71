/**
 * BERT's WordPiece tokenizers: from a Hugging Face folder, from an old folder with only vocab.txt, or made of given
 * pieces or the characters of some texts. They never cut or pad a text, whatever the folder's own settings are.
 */
import * as hub from "@huggingface/tokenizers";
import { basename, join, resolve } from "node:path";
import { InputError } from "../errors.ts";
import { readTextFile } from "../storage/input_file.ts";

/** Ids of BERT's special tokens. */
export interface SpecialIds {
  /** [CLS], the first token. */
  readonly cls: number;
  /** [SEP], the last token. */
  readonly sep: number;
  /** [PAD], which fills up a sequence. */
  readonly pad: number;
  /** [UNK], a word that the vocabulary cannot spell. */
  readonly unk: number;
  /** [MASK], a hidden token. */
  readonly mask: number;
}

/** A tokenizer from texts to wordpiece ids. */
export interface Tokenizer {
  /** Returns the ids of all wordpieces of a text, without [CLS] and [SEP]; lone surrogates are dropped. */
  encode(text: string): Int32Array;
  /** V: one more than the largest id. */
  readonly vocabSize: number;
  /** The special tokens. */
  readonly ids: SpecialIds;
  /** Files to save beside a model, by name; Hugging Face's libraries load them. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
}

/** The parts of tokenizer.json that are read or written here. */
interface TokenizerJson {
  truncation?: unknown;
  padding?: unknown;
  added_tokens: { id: number; content: string; special: boolean }[];
  normalizer: { type: string; lowercase?: boolean; handle_chinese_chars?: boolean } | null;
  pre_tokenizer: { type: string } | null;
  model: { type?: string; vocab: Record<string, number> };
  [key: string]: unknown;
}

type TokenizerConfig = Record<string, unknown>;

const specialTokens = { pad: "[PAD]", unk: "[UNK]", cls: "[CLS]", sep: "[SEP]", mask: "[MASK]" } as const;

/** The first pieces of every vocabulary made here. */
export const specialPieces: readonly string[] = Object.values(specialTokens);

/**
 * Loads the tokenizer of a model folder from tokenizer.json or, without that file, from vocab.txt (lower-cased unless
 * tokenizer_config.json or a folder name with "cased" says otherwise).
 *
 * @throws InputError when neither file is there, one cannot be read, or it is no BERT tokenizer.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const configText = await readIfThere(join(folder, "tokenizer_config.json"));
  const config = configText === undefined
    ? {}
    : parse<TokenizerConfig>(configText, folder, "tokenizer_config.json");
  const vocabulary = await readIfThere(join(folder, "vocab.txt"));
  const tokenizerText = await readIfThere(join(folder, "tokenizer.json"));
  if (tokenizerText !== undefined) {
    const json = parse<TokenizerJson>(tokenizerText, folder, "tokenizer.json");
    return makeTokenizer(json, config, folder, vocabulary);
  }
  if (vocabulary === undefined) {
    throw new InputError(
      `Cannot load the tokenizer of ${folder}: found neither tokenizer.json nor vocab.txt; ` +
        `put the files of the model's tokenizer there`,
    );
  }
  const pieces = vocabulary.replace(/\r?\n$/, "").split(/\r?\n/);
  const snapshot = /([^/\\]+)[/\\]snapshots[/\\][0-9a-f]{40}$/.exec(resolve(folder));
  const name = snapshot?.[1] ?? basename(resolve(folder));
  const lowercase = config.do_lower_case ?? !(/cased/i.test(name) && !/uncased/i.test(name));
  const full = { ...tokenizerConfig(lowercase === true), ...config };
  return makeTokenizer(tokenizerJson(pieces, full), full, folder, vocabulary);
}

/**
 * Makes a tokenizer whose vocabulary is the special tokens and the most frequent characters of some texts, for Chinese
 * models that start from nothing; a character inside a Latin word or a number has its own piece ("##a").
 *
 * @param texts the texts to count, training texts only
 * @param options.maxVocabulary largest V
 */
export function characterTokenizer(
  texts: Iterable<string>,
  { maxVocabulary = 8000 }: { maxVocabulary?: number } = {},
): Tokenizer {
  if (!(maxVocabulary > specialPieces.length)) {
    throw new RangeError(
      `Expected a vocabulary of more than ${specialPieces.length} pieces, found ${maxVocabulary}`,
    );
  }
  const counts = new Map<string, number>();
  for (const [word, times] of countWords(texts)) {
    [...word].forEach((character, place) => {
      const piece = place === 0 ? character : `##${character}`;
      counts.set(piece, (counts.get(piece) ?? 0) + times);
    });
  }
  const frequent = [...counts.keys()].sort((a, b) => counts.get(b)! - counts.get(a)! || (a < b ? -1 : 1));
  return vocabularyTokenizer([...specialPieces, ...frequent].slice(0, maxVocabulary));
}

/** Makes the lower-casing tokenizer of a vocabulary: all pieces by id, {@link specialPieces} included. */
export function vocabularyTokenizer(pieces: readonly string[]): Tokenizer {
  const vocabulary = pieces.join("\n") + "\n";
  const config = tokenizerConfig(true);
  return makeTokenizer(tokenizerJson(pieces, config), config, "these pieces", vocabulary);
}

/** Counts words, as a lower-casing tokenizer sees them before it splits them into wordpieces. */
export function countWords(texts: Iterable<string>): Map<string, number> {
  const normalizer = new hub.BertNormalizer({
    ...normalizerJson(tokenizerConfig(true)),
    strip_accents: undefined,
  });
  const preTokenizer = new hub.BertPreTokenizer();
  const written = new Map<string, number>();
  for (const text of texts) {
    for (const word of spaced(text).split(/[ \t\r\n]+/)) written.set(word, (written.get(word) ?? 0) + 1);
  }
  const counts = new Map<string, number>();
  for (const [text, times] of written) {
    const normalized = normalizer.normalize(text.replaceAll("Σ", "σ"));
    for (const word of preTokenizer.pre_tokenize_text(normalized, {})) {
      counts.set(word, (counts.get(word) ?? 0) + times);
    }
  }
  return counts;
}

function makeTokenizer(
  json: TokenizerJson,
  config: TokenizerConfig,
  where: string,
  vocabulary: string | undefined,
): Tokenizer {
  requireBert(json, where);
  const saved = { ...json, truncation: null, padding: null };
  const tokenizer = new hub.Tokenizer(saved as ConstructorParameters<typeof hub.Tokenizer>[0], config);
  const files: Record<string, string> = {
    "tokenizer.json": JSON.stringify(saved),
    "tokenizer_config.json": JSON.stringify(config, null, 2) + "\n",
  };
  if (vocabulary !== undefined) files["vocab.txt"] = vocabulary;
  const allIds = [...Object.values(json.model.vocab), ...json.added_tokens.map(({ id }) => id)];
  return {
    encode: encoder(tokenizer, json.normalizer!),
    vocabSize: allIds.reduce((largest, id) => Math.max(largest, id), -1) + 1,
    ids: specialIds(tokenizer, config, where),
    files,
  };
}

function requireBert(json: TokenizerJson, where: string): void {
  const found = [json.normalizer?.type, json.pre_tokenizer?.type, json.model?.type ?? "WordPiece"];
  const expected = ["BertNormalizer", "BertPreTokenizer", "WordPiece"];
  if (found.join() !== expected.join() || !json.model.vocab || !Array.isArray(json.added_tokens)) {
    throw new InputError(
      `Cannot use the tokenizer of ${where}: expected one of BERT (${expected.join(", ")}), ` +
        `found ${found.map((type) => type ?? "none").join(", ")}`,
    );
  }
}

function specialIds(tokenizer: hub.Tokenizer, config: TokenizerConfig, where: string): SpecialIds {
  const idOf = (name: keyof typeof specialTokens) => {
    const given = config[`${name}_token`] as string | { content: string } | undefined;
    const token = typeof given === "object" ? given?.content : given;
    const id = tokenizer.token_to_id(token ?? specialTokens[name]);
    if (id === undefined) {
      throw new InputError(
        `Cannot use the tokenizer of ${where}: its vocabulary has no ${token ?? specialTokens[name]}`,
      );
    }
    return id;
  };
  return { cls: idOf("cls"), sep: idOf("sep"), pad: idOf("pad"), unk: idOf("unk"), mask: idOf("mask") };
}

/** Longest word (in UTF-16 units) and largest number of words that an encoder remembers. */
const longestKnown = 40;
const mostKnown = 200_000;

/**
 * Returns a function that encodes word by word and remembers words. Blanks always separate wordpieces and words repeat,
 * so this is about eight times as fast on reviews as encoding whole texts.
 */
function encoder(
  tokenizer: hub.Tokenizer,
  normalizer: { lowercase?: boolean; handle_chinese_chars?: boolean },
): (text: string) => Int32Array {
  const known = new Map<string, readonly number[]>();
  return (text) => {
    let prepared = normalizer.handle_chinese_chars ? spaced(text) : text;
    // JavaScript lower-cases a Σ at a word's end to ς, Hugging Face's tokenizers always to σ.
    if (normalizer.lowercase) prepared = prepared.replaceAll("Σ", "σ");
    const ids: number[] = [];
    for (const word of prepared.split(/[ \t\r\n]+/)) {
      if (word === "") continue;
      let pieces = known.get(word);
      if (!pieces) {
        pieces = tokenizer.encode(word, { add_special_tokens: false }).ids;
        if (word.length <= longestKnown && known.size < mostKnown) known.set(word, pieces);
      }
      for (const id of pieces) ids.push(id);
    }
    return Int32Array.from(ids);
  };
}

/** Puts blanks around Chinese characters outside the basic plane, which the package's normalizer misses. */
function spaced(text: string): string {
  return text.replace(/[\u{20000}-\u{2A6DF}\u{2A700}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/gu, " $& ");
}

/** Returns the settings of BERT's normalizer; accents are stripped with lower-casing unless stated otherwise. */
function normalizerJson(config: TokenizerConfig) {
  return {
    type: "BertNormalizer" as const,
    clean_text: true,
    handle_chinese_chars: config.tokenize_chinese_chars !== false,
    strip_accents: typeof config.strip_accents === "boolean" ? config.strip_accents : null,
    lowercase: config.do_lower_case === true,
  };
}

/** Returns the tokenizer.json that Hugging Face writes for a BERT vocabulary. */
function tokenizerJson(pieces: readonly string[], config: TokenizerConfig): TokenizerJson {
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
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
    } as TokenizerJson["model"],
  };
}

function tokenizerConfig(lowercase: boolean): TokenizerConfig {
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

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readTextFile(path);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
}

function parse<Parsed>(text: string, folder: string, file: string): Parsed {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`Cannot read ${join(folder, file)} as JSON: ${(error as Error).message}`);
  }
}
