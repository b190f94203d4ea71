/** The parts of a text that a classifier reads, in the places of the text itself. */
import type { Reading } from "../paper/reading.ts";
import type { TextPart } from "./occlusion.ts";

/** A part of a text that is read, or is not. */
export interface ReadPart extends TextPart {
  /** Place of the fraction that it is read in, from 0; undefined where it is not read. */
  readonly fraction?: number;
}

/** A text as it is read. */
export interface ReadText {
  /** Its wordpieces. */
  readonly wordpieces: number;
  /** Those that are read. */
  readonly read: number;
  /** Sequences in which it is read. */
  readonly fractions: number;
  /** The whole text in parts, each read or not; empty where a wordpiece's place cannot be told. */
  readonly parts: readonly ReadPart[];
}

/** Words between blanks; Chinese characters stand alone, as each is a word for BERT. */
const unit = /\p{Script=Han}|[^\s\p{Script=Han}]+/gu;

/**
 * Tells what is read of a text. The strategy is asked about the wordpieces' places in place of their ids, so that it may
 * be any strategy; a word is read where its first wordpiece is.
 */
export function readParts(text: string, { tokenizer, text: strategy, maxLength }: Reading): ReadText {
  const { length } = tokenizer.encode(text);
  const pieces = strategy.pieces(Int32Array.from({ length }, (_, place) => place), maxLength);
  const fractionOf = new Map<number, number>();
  pieces.forEach((piece, fraction) => piece.forEach((place) => fractionOf.set(place, fraction)));
  const parts: { start: number; end: number; fraction?: number }[] = [];
  let place = 0;
  for (const { index, 0: word } of text.matchAll(unit)) {
    const fraction = fractionOf.get(place);
    const end = index + word.length;
    const last = parts.at(-1);
    if (last && last.fraction === fraction) last.end = end;
    else parts.push({ start: index, end, ...fraction === undefined ? {} : { fraction } });
    place += tokenizer.encode(word).length;
  }
  return {
    wordpieces: length,
    read: fractionOf.size,
    fractions: pieces.length,
    parts: place === length ? parts : [],
  };
}
