/**
 * Tokenizers: BERT's of WordPiece, and those of other families (subword_folder.ts). They come from a Hugging Face
 * folder, from an old folder with only vocab.txt, or are made of given pieces or the characters of some texts. They
 * never cut or pad a text, whatever the folder's own settings are.
 */
import * as hub from "@huggingface/tokenizers";
import { placeTokens, tokenFinder } from "./added_tokens.ts";
import { vocabOf } from "./subword_files.ts";
import { readSubwordFolder, subwordAdvice, type SubwordFolder } from "./subword_folder.ts";
import { readTokenizerFolder } from "./tokenizer_folder.ts";
import {
  normalizerJson,
  specialPieces,
  specialToken,
  type specialTokens,
  type TokenizerConfig,
  tokenizerConfig,
  type TokenizerJson,
  tokenizerJson,
} from "./tokenizer_files.ts";
import { manyTexts, path, requireArguments, someOf } from "../storage/arguments.ts";
import { number } from "../storage/json.ts";
import { remembering } from "./word_memory.ts";

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
  /** Special tokens between the [SEP] after a pair's first text and its second text; none if not given. */
  readonly between?: readonly number[];
  /** Mark of the pieces that words begin with; if not given, those inside words have a mark, "##". */
  readonly wordStart?: string;
  /** Sentences for the user on what a folder leaves open or says twice, and what was decided. */
  readonly notes: readonly string[];
}

/**
 * Loads the tokenizer of a model folder from tokenizer.json or, without that file, from vocab.txt; the ids are those of
 * transformers' AutoTokenizer. One exception: where nothing says whether vocab.txt is cased, its capitals do.
 *
 * @throws InputError when neither file is there, one cannot be read, or it is no BERT tokenizer.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  requireArguments("loadTokenizer", { folder: [folder, path] });
  const subwords = await readSubwordFolder(folder);
  if (subwords) return await makeSubwordTokenizer(subwords);
  const { json, config, vocabulary, notes } = await readTokenizerFolder(folder);
  return makeTokenizer(json, config, vocabulary, notes);
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
  options: { maxVocabulary?: number } = {},
): Tokenizer {
  requireArguments("characterTokenizer", {
    texts: [texts, manyTexts],
    options: [options, someOf({ maxVocabulary: number() })],
  });
  const { maxVocabulary = 8000 } = options;
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
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
  const json = { ...tokenizerJson(vocab, config), added_tokens: placeTokens(specialPieces, vocab) };
  return makeTokenizer(json, config, vocabulary);
}

/** Counts words, as a lower-casing tokenizer sees them before it splits them into wordpieces. */
export function countWords(texts: Iterable<string>): Map<string, number> {
  const normal = normalizing(normalizerJson(tokenizerConfig(true)));
  const preTokenizer = new hub.BertPreTokenizer();
  const written = new Map<string, number>();
  for (const text of texts) {
    for (const word of spaced(text).split(/[ \t\r\n]+/)) written.set(word, (written.get(word) ?? 0) + 1);
  }
  const counts = new Map<string, number>();
  for (const [text, times] of written) {
    for (const word of preTokenizer.pre_tokenize_text(normal(text), {})) {
      counts.set(word, (counts.get(word) ?? 0) + times);
    }
  }
  return counts;
}

function makeTokenizer(
  json: TokenizerJson,
  config: TokenizerConfig,
  vocabulary?: string,
  notes: readonly string[] = [],
): Tokenizer {
  const files: Record<string, string> = {
    "tokenizer.json": JSON.stringify({ ...json, truncation: null, padding: null }),
    "tokenizer_config.json": JSON.stringify(config, null, 2) + "\n",
  };
  if (vocabulary !== undefined) files["vocab.txt"] = vocabulary;
  const allIds = [...Object.values(json.model.vocab), ...json.added_tokens.map(({ id }) => id)];
  return {
    encode: encoder(json),
    vocabSize: allIds.reduce((largest, id) => Math.max(largest, id), -1) + 1,
    ids: specialIds(json, config),
    files,
    notes,
  };
}

async function makeSubwordTokenizer(
  { json, config, ids, separators, path }: SubwordFolder,
): Promise<Tokenizer> {
  const { subwordEncoder, wordStartOf } = await import("./subword_encoder.ts");
  const allIds = [...Object.values(vocabOf(json.model)), ...json.added_tokens.map(({ id }) => id)];
  return {
    encode: subwordEncoder(json, path, subwordAdvice),
    vocabSize: allIds.reduce((largest, id) => Math.max(largest, id), -1) + 1,
    ids,
    ...separators === 2 ? { between: [ids.sep] } : {},
    wordStart: wordStartOf(json),
    files: {
      "tokenizer.json": JSON.stringify({ ...json, truncation: null, padding: null }),
      "tokenizer_config.json": JSON.stringify(config, null, 2) + "\n",
    },
    notes: [],
  };
}

/**
 * Splits words into the longest pieces of a vocabulary, from left to right. None is tried that is longer than the
 * longest of all, so that the time grows as the words do.
 */
function wordPieces(
  { vocab, unk_token, continuing_subword_prefix, max_input_chars_per_word }: TokenizerJson["model"],
): (word: string) => number[] {
  const ids = new Map(Object.entries(vocab));
  const unknown = [vocab[unk_token]!];
  const longest = ids.keys().reduce((most, { length }) => Math.max(most, length), 0);
  return (word) => {
    const characters = [...word];
    if (characters.length > max_input_chars_per_word) return unknown;
    const pieces: number[] = [];
    for (let start = 0; start < characters.length;) {
      let end = Math.min(characters.length, start + longest);
      const piece = () =>
        (start > 0 ? continuing_subword_prefix : "") + characters.slice(start, end).join("");
      while (end > start && !ids.has(piece())) end--;
      if (end === start) return unknown;
      pieces.push(ids.get(piece())!);
      start = end;
    }
    return pieces;
  };
}

function specialIds({ model: { vocab }, added_tokens }: TokenizerJson, config: TokenizerConfig): SpecialIds {
  const idOf = (name: keyof typeof specialTokens) => {
    const token = specialToken(config, name);
    return added_tokens.find(({ content }) => content === token)?.id ?? vocab[token]!;
  };
  return { cls: idOf("cls"), sep: idOf("sep"), pad: idOf("pad"), unk: idOf("unk"), mask: idOf("mask") };
}

/**
 * Returns a function that encodes as Hugging Face's tokenizers do: it looks for the added tokens in the text, normalizes
 * what is between them, looks there for those that are normalized, and splits the rest into words and wordpieces.
 */
function encoder({ added_tokens, normalizer, model }: TokenizerJson): (text: string) => Int32Array {
  const normal = normalizing(normalizer);
  const preTokenizer = new hub.BertPreTokenizer();
  const pieces = wordPieces(model);
  const ofNormal = (text: string) => preTokenizer.pre_tokenize_text(asUnicode(text), {}).flatMap(pieces);
  const [knownNormal, known] = [remembering(ofNormal), remembering((word) => ofNormal(normal(word)))];
  const written = tokenFinder(added_tokens.filter(({ normalized }) => !normalized));
  const normalized = added_tokens.filter((token) => token.normalized);
  const found = tokenFinder(normalized.map((token) => ({ ...token, content: normal(token.content) })));
  return (text) => {
    const ids: number[] = [];
    const encodeWords = (part: string, encode: (word: string) => readonly number[]) => {
      for (const word of part.split(/[ \t\r\n]+/)) {
        if (word !== "") { for (const id of encode(word)) ids.push(id); }
      }
    };
    for (const part of written(text)) {
      if (typeof part === "number") ids.push(part);
      else if (normalized.length === 0) {
        encodeWords(normalizer.handle_chinese_chars ? spaced(part) : part, known);
      } else {
        for (const piece of found(normal(part))) {
          if (typeof piece === "number") ids.push(piece);
          else encodeWords(piece, knownNormal);
        }
      }
    }
    return Int32Array.from(ids);
  };
}

/**
 * Returns a text whose blanks are those of Unicode for JavaScript too, which does not count U+0085 among them, but does
 * U+FEFF. Both are left only where a normalizer does not clean texts.
 */
function asUnicode(text: string): string {
  return text.replaceAll("\u0085", " ").replaceAll("\ufeff", "\ufffe");
}

/** Returns BERT's normalizer; JavaScript lower-cases a Σ at a word's end to ς, Hugging Face's tokenizers always to σ. */
function normalizing(settings: TokenizerJson["normalizer"]): (text: string) => string {
  const normalizer = new hub.BertNormalizer(
    { ...settings, strip_accents: settings.strip_accents ?? undefined } as never,
  );
  return (text) => {
    const prepared = settings.handle_chinese_chars ? spaced(text) : text;
    return normalizer.normalize(settings.lowercase ? prepared.replaceAll("Σ", "σ") : prepared);
  };
}

/** Puts blanks around Chinese characters outside the basic plane, which the package's normalizer misses. */
function spaced(text: string): string {
  return text.replace(/[\u{20000}-\u{2A6DF}\u{2A700}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/gu, " $& ");
}
