/**
 * BERT's WordPiece tokenizers: from a Hugging Face folder, from an old folder with only vocab.txt, or made of given
 * pieces or the characters of some texts. They never cut or pad a text, whatever the folder's own settings are.
 */
import * as hub from "@huggingface/tokenizers";
import { basename, join, resolve } from "node:path";
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import { readTextFile } from "../storage/input_file.ts";
import { readJsonIfThere } from "../storage/json.ts";
import {
  advice,
  configShape,
  normalizerJson,
  requireOneId,
  specialPieces,
  specialTokens,
  type TokenizerConfig,
  tokenizerConfig,
  type TokenizerJson,
  tokenizerJson,
  tokenizerShape,
} from "./tokenizer_files.ts";

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

/**
 * Loads the tokenizer of a model folder from tokenizer.json or, without that file, from vocab.txt (lower-cased unless
 * tokenizer_config.json or a folder name with "cased" says otherwise).
 *
 * @throws InputError when neither file is there, one cannot be read, or it is no BERT tokenizer.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const config = await readJsonIfThere(join(folder, "tokenizer_config.json"), configShape, advice) ?? {};
  const vocabulary = await readIfThere(join(folder, "vocab.txt"));
  const path = join(folder, "tokenizer.json");
  const json = await readJsonIfThere(path, tokenizerShape, advice);
  if (json) {
    requireOneId(json, path);
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
  // What follows the pieces, and turns ids into texts, is not used here.
  const used = { ...json, truncation: null, padding: null, post_processor: null, decoder: null };
  const tokenizer = new hub.Tokenizer(used as unknown as ConstructorParameters<typeof hub.Tokenizer>[0], {});
  tokenizer.model!.encode = wordPieces(tokenizer.model!.tokens_to_ids, json.model);
  const files: Record<string, string> = {
    "tokenizer.json": JSON.stringify({ ...json, truncation: null, padding: null }),
    "tokenizer_config.json": JSON.stringify(config, null, 2) + "\n",
  };
  if (vocabulary !== undefined) files["vocab.txt"] = vocabulary;
  const allIds = [...Object.values(json.model.vocab), ...json.added_tokens.map(({ id }) => id)];
  return {
    encode: encoder(tokenizer, json.normalizer),
    vocabSize: allIds.reduce((largest, id) => Math.max(largest, id), -1) + 1,
    ids: specialIds(tokenizer, json, config, where),
    files,
  };
}

/**
 * Splits words into the longest pieces of a vocabulary, from left to right. None is tried that is longer than the
 * longest of all, so that the time grows as the words do.
 */
function wordPieces(
  ids: ReadonlyMap<string, number>,
  { unk_token, continuing_subword_prefix, max_input_chars_per_word }: TokenizerJson["model"],
): (words: string[]) => string[] {
  const longest = ids.keys().reduce((most, { length }) => Math.max(most, length), 0);
  const split = (word: string): string[] => {
    const characters = [...word];
    if (characters.length > max_input_chars_per_word) return [unk_token];
    const pieces: string[] = [];
    for (let start = 0; start < characters.length;) {
      let end = Math.min(characters.length, start + longest);
      const piece = () =>
        (start > 0 ? continuing_subword_prefix : "") + characters.slice(start, end).join("");
      while (end > start && !ids.has(piece())) end--;
      if (end === start) return [unk_token];
      pieces.push(piece());
      start = end;
    }
    return pieces;
  };
  return (words) => words.flatMap(split);
}

function specialIds(
  tokenizer: hub.Tokenizer,
  { model: { unk_token } }: TokenizerJson,
  config: TokenizerConfig,
  where: string,
): SpecialIds {
  const known = (token: string, source: string) => {
    const id = tokenizer.token_to_id(token);
    if (id !== undefined) return id;
    throw new InputError(`Cannot use ${source}: its vocabulary has no ${shown(token)}; ${advice}`);
  };
  const idOf = (name: keyof typeof specialTokens) => {
    const given = config[`${name}_token`];
    if (given == null) return known(specialTokens[name], `the tokenizer of ${where}`);
    const source = `the tokenizer of ${join(where, "tokenizer_config.json")}`;
    return known(typeof given === "string" ? given : given.content, source);
  };
  known(unk_token, `the tokenizer of ${join(where, "tokenizer.json")}`);
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
  normalizer: TokenizerJson["normalizer"],
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

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readTextFile(path);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code === "ENOENT") return undefined;
    if (error instanceof InputError) throw error;
    throw new InputError(`Cannot read ${path}: ${message}; ${advice}`, { cause: error });
  }
}
