/**
 * From texts to what a classifier reads of them: a tokenizer makes wordpieces of a text, the text strategy
 * (long_text.ts, paper section 5.3.1) cuts them to size, and of a pair the longer text is cut first.
 */
import type { StartModel } from "../bert/start_model.ts";
import type { Dataset, Example } from "../data/examples.ts";
import { InputError } from "../errors.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { EncodedExample } from "../training/text_tensors.ts";
import { type UsedRows, usedRows } from "../training/used_rows.ts";
import { type TextStrategy, textStrategy } from "./long_text.ts";
import type { FineTuneSettings } from "./settings.ts";
import { percent } from "../wording.ts";
import { aDataset, aTokenizer, requireArguments } from "../storage/arguments.ts";
import { object, whole } from "../storage/json.ts";

/** A tokenizer and a text strategy, by which texts are read. */
export interface Reading {
  /** Texts to wordpieces. */
  readonly tokenizer: Pick<Tokenizer, "encode" | "between">;
  /** The strategy for long texts. */
  readonly text: TextStrategy;
  /** T, the longest input in wordpieces, [CLS] and [SEP] included. */
  readonly maxLength: number;
}

/** An example as what is read of it. */
export interface ReadExample extends EncodedExample {
  /** Wordpieces of its text, or of both texts of a pair, before anything is cut. */
  readonly length: number;
}

/** Returns the wordpieces that a classifier reads of examples, numbered by their place. The text strategy says nothing of pairs. */
export function readExamples(
  examples: readonly Example[],
  { tokenizer, text: strategy, maxLength }: Reading,
): ReadExample[] {
  return examples.map(({ text, pair, label, classes }, index) => {
    const first = tokenizer.encode(text);
    const labels = { label, ...classes ? { classes } : {} };
    if (pair === undefined) {
      return { pieces: strategy.pieces(first, maxLength), length: first.length, ...labels, index };
    }
    const second = tokenizer.encode(pair);
    const { between = [] } = tokenizer;
    const cut = cutPair(first, second, maxLength - between.length);
    const rest = Int32Array.of(...between, ...cut.second);
    return { ...cut, second: rest, length: first.length + second.length + between.length, ...labels, index };
  });
}

/**
 * The texts of a pair so that they fit: the longer one is cut at its end, down to half the room if both are longer, as
 * Hugging Face's truncation "longest_first".
 *
 * @param maxLength tokens of a pair at most, with [CLS] and two [SEP]
 */
export function cutPair(
  first: Int32Array,
  second: Int32Array,
  maxLength: number,
): Required<Pick<EncodedExample, "pieces" | "second">> {
  const room = maxLength - 3;
  const shorter = Math.min(first.length, second.length, Math.floor(room / 2));
  const longer = room - shorter;
  const [left, right] = first.length > second.length ? [longer, shorter] : [shorter, longer];
  return { pieces: [first.subarray(0, left)], second: second.subarray(0, right) };
}

/** A data set as wordpieces. */
export interface EncodedDataset {
  /** The texts by split. */
  readonly split: Readonly<Record<"train" | "dev" | "test", readonly ReadExample[]>>;
  /** Share of the texts of which something is cut. */
  readonly cut: number;
  /** Share of the wordpieces that the model's vocabulary does not have. */
  readonly unknown: number;
  /** True if they are pairs. */
  readonly pairs: boolean;
  /** The split that the best epoch is chosen by. */
  readonly chosenBy: "dev" | "test";
  /** Notes for readers of the numbers. */
  readonly notes: readonly string[];
}

/**
 * A data set as a tokenizer and a text strategy make it.
 *
 * @throws InputError if there is nothing to choose the best epoch by, and not the last one is kept.
 */
export function encodeDataset(
  data: Dataset,
  tokenizer: Tokenizer,
  settings: Pick<FineTuneSettings, "text" | "maxFractions" | "maxLength" | "protocol" | "keep">,
): EncodedDataset {
  requireArguments("encodeDataset", {
    data: [data, aDataset],
    tokenizer: [tokenizer, aTokenizer],
    settings: [settings, object({ maxLength: whole(1) })],
  });
  const { maxLength, protocol, keep } = settings;
  const text = textStrategy(settings.text, settings);
  const read = (examples: readonly Example[]) => readExamples(examples, { tokenizer, text, maxLength });
  const split = { train: read(data.train), dev: read(data.dev), test: read(data.test) };
  const chosenBy = protocol === "paper" ? "test" : "dev";
  if (split[chosenBy].length === 0 && keep !== "last") {
    const missing = chosenBy === "dev" ? "development" : "test";
    throw new InputError(
      `Cannot choose the best epoch on ${data.name} as it has no ${missing} texts: give some, or more training texts`,
    );
  }
  const all = [split.train, split.dev, split.test].flat();
  const pairs = all.some(({ second }) => second);
  const cut = all.filter((example) => piecesOf(example) < example.length).length / all.length;
  const unknown = unknownShare(all, tokenizer);
  const notes = [
    unknownNote(unknown, data.language),
    cut > 0 && `${percent(cut)} of the texts are cut.`,
    pairs && `The texts are pairs: of each the longer text is cut first, and not by ${text.name}.`,
  ].filter((note): note is string => note !== false && note !== "");
  return { split, cut, unknown, pairs, chosenBy, notes };
}

/** Share of unknown wordpieces that is worth a word; of texts in the model's language it is far below. */
const manyUnknown = .02;

/** Returns a sentence on the share of wordpieces that a model does not know; "" if it is small. */
export function unknownNote(unknown: number, language: Dataset["language"]): string {
  if (unknown <= manyUnknown) return "";
  // Han characters may be Japanese, too.
  const such = language === "zh" ? ", such as bge-small-zh for Chinese" : "";
  return `${
    percent(unknown)
  } of the wordpieces are unknown to the model's vocabulary, which reads nothing there: ` +
    `take a model of the texts' language${such}.`;
}

/** Share of the wordpieces that are [UNK]. */
function unknownShare(examples: readonly ReadExample[], { ids }: Tokenizer): number {
  let [unknown, total] = [0, 0];
  for (const example of examples) {
    total += piecesOf(example);
    for (const piece of [...example.pieces, example.second ?? []]) {
      for (const id of piece) if (id === ids.unk) unknown++;
    }
  }
  return unknown / Math.max(1, total);
}

/** Wordpieces that are read. */
function piecesOf({ pieces, second }: ReadExample): number {
  return pieces.reduce((sum, piece) => sum + piece.length, second?.length ?? 0);
}

/** The rows of the word embeddings that the examples of data sets use, unless they are nearly all. */
export function usedWords(
  { config, tokenizer: { ids } }: Pick<StartModel, "config" | "tokenizer">,
  encoded: readonly Pick<EncodedDataset, "split">[],
): UsedRows | undefined {
  const examples = encoded.flatMap(({ split: { train, dev, test } }) => [train, dev, test].flat());
  const pieces = examples.flatMap(({ pieces, second = new Int32Array() }) => [...pieces, second]);
  const added = [ids.cls, ids.sep, ids.pad];
  return usedRows("bert.embeddings.word_embeddings.weight", "ids", config.vocab_size, [...pieces, added]);
}
