/**
 * Delimited text (CSV, TSV) as records. Quotes are as in RFC 4180 where a value begins with one; elsewhere they are
 * characters, as for pandas and Python's csv. (csv-parse has one switch for these and for text after a closing quote,
 * which must be refused: it ends a value that nobody meant to begin.)
 */
import { InputError } from "../errors.ts";
import { counted } from "../wording.ts";
import { StrayQuotes } from "./stray_quotes.ts";
import { lineEnd } from "./text_source.ts";

/** A meaning of quotes: "csv", around values as in RFC 4180, or "none", characters as any other. */
export type Quotes = "csv" | "none";

/** A row of delimited text. */
export interface DelimitedRecord {
  /** Line it starts in, from 1. */
  readonly line: number;
  /** Its values, as many as the header has. */
  readonly values: readonly string[];
}

/** The layout of delimited text. */
export interface DelimitedLayout {
  /** The character between two values. */
  readonly separator: string;
  /** The meaning of quotes; without it they are as in CSV, and a quote that seems to swallow rows is refused. */
  readonly quotes?: Quotes;
  /** Number of the first line; 1 if not given. */
  readonly firstLine?: number;
}

/** Longest row (64 MB): in a longer one a quote or a bracket is not closed. */
export const longestRow = 64 << 20;

const separatorNames: Readonly<Record<string, string>> = {
  ",": "commas",
  "\t": "tabs",
  ";": "semicolons",
  "|": "bars",
};

/** Returns a separator's name in the plural, such as "commas". */
export function separatorName(separator: string): string {
  return separatorNames[separator] ?? `"${separator}"`;
}

/**
 * Yields the records of delimited text, the header first, with any line ends; blank lines are left out.
 *
 * @throws InputError with the line, if quotes are not balanced or seem to swallow rows, or a row has not as many values
 * as the header.
 */
export async function* delimitedRecords(
  name: string,
  pieces: AsyncIterable<string>,
  { separator, quotes, firstLine = 1 }: DelimitedLayout,
): AsyncGenerator<DelimitedRecord> {
  const stray = quotes === undefined ? new StrayQuotes(name, separator) : undefined;
  const splitter = new Splitter(name, separator, quotes !== "none", firstLine);
  let width: number | undefined;
  const checked = (record: DelimitedRecord) => {
    const { line, values } = record;
    width ??= values.length;
    if (values.length !== width) {
      const advice = values.length > width
        ? `put values with ${separatorName(separator)} in double quotes (")`
        : `a value is missing, or one with a line end in it is not in double quotes (")`;
      throw new InputError(
        `Cannot read ${name} as line ${line} has ${
          counted(values.length, "value")
        }: expected ${width}, as many as the ` +
          `header has; ${advice}`,
      );
    }
    stray?.check(record);
    return record;
  };
  for await (const piece of pieces) {
    for (const record of splitter.records(piece)) yield checked(record);
  }
  for (const record of splitter.records("", true)) yield checked(record);
}

/** Splits text that comes in pieces into records. */
export class Splitter {
  #rest = "";
  #line: number;
  #from = 0;

  /**
   * @param name name for errors
   * @param separator the character between two values
   * @param quoted `false` where quotes are characters as any other
   * @param line number of the first line
   */
  constructor(
    readonly name: string,
    readonly separator: string,
    readonly quoted = true,
    line = 1,
  ) {
    this.#line = line;
  }

  /** Yields the records that end in the text so far. */
  *records(piece: string, last = false): Generator<DelimitedRecord> {
    const text = this.#rest + piece;
    this.#from = 0;
    let [feed, back, quote] = [-1, -1, -1];
    /** Returns the first place of a sign from a place on, the one found before if it still holds. */
    const next = (found: number, sign: string, from: number) => {
      if (found >= from) return found;
      const place = text.indexOf(sign, from);
      return place < 0 ? Infinity : place;
    };
    while (this.#from < text.length) {
      const start = this.#from;
      feed = next(feed, "\n", start);
      back = next(back, "\r", start);
      const end = Math.min(feed, back, text.length);
      if (this.quoted) quote = next(quote, '"', start);
      const isQuoted = quote < end && this.#beginsValue(text, start, end, quote);
      const record = isQuoted
        ? this.#quotedRecord(text, start, last)
        : { values: end > start ? text.slice(start, end).split(this.separator) : [], end, breaks: 0 };
      const after = record && afterLineEnd(text, record.end, last);
      if (!record || after === undefined) break; // the rest comes with the next piece
      this.#from = after;
      const line = this.#line;
      this.#line += 1 + record.breaks;
      if (record.values.length > 0) yield { line, values: record.values };
    }
    this.#rest = text.slice(this.#from);
    if (this.#rest.length > longestRow) {
      throw new InputError(
        `Cannot read ${this.name} as the row that starts in line ${this.#line} is longer than ${
          longestRow >> 20
        } MB: a quote in it may not be closed`,
      );
    }
  }

  /** Tells whether a line has a quote that begins a value. */
  #beginsValue(text: string, start: number, end: number, quote: number): boolean {
    for (let at = quote; at >= 0 && at < end; at = text.indexOf('"', at + 1)) {
      if (at === start || text[at - 1] === this.separator) return true;
    }
    return false;
  }

  /** Returns the values of a record with quotes, its end and the line ends in it; nothing if it goes on. */
  #quotedRecord(
    text: string,
    start: number,
    last: boolean,
  ): { values: string[]; end: number; breaks: number } | undefined {
    const values: string[] = [];
    let breaks = 0;
    for (let at = start;; at++) {
      if (text[at] === '"') {
        const close = closingQuote(text, at + 1);
        // A quote at the end may be the first of two.
        if (close < 0 || (close === text.length - 1 && !last)) {
          if (last) throw this.#unbalanced();
          return undefined;
        }
        const value = text.slice(at + 1, close).replaceAll('""', '"');
        breaks += breaksIn(value);
        values.push(value);
        at = close + 1;
      } else {
        let end = at;
        while (end < text.length && !this.#endsValue(text[end]!)) end++;
        if (end === text.length && !last) return undefined;
        values.push(text.slice(at, end));
        at = end;
      }
      if (text[at] === this.separator) continue;
      if (at < text.length && text[at] !== "\n" && text[at] !== "\r") throw this.#unbalanced();
      return { values, end: at, breaks };
    }
  }

  #endsValue(sign: string): boolean {
    return sign === this.separator || sign === "\n" || sign === "\r";
  }

  #unbalanced(): InputError {
    return new InputError(
      `Cannot read ${this.name} as the quotes in the row that starts in line ${this.#line} are not balanced: expected ` +
        "a value that begins with a quote to end with one, with each inner quote doubled; if quotes mean nothing in " +
        "this file, give --quotes none",
    );
  }
}

/** Returns the place after a line end; nothing if the text may go on there. */
function afterLineEnd(text: string, end: number, last: boolean): number | undefined {
  if (end === text.length) return last ? end : undefined;
  if (text[end] === "\n") return end + 1;
  if (end + 1 === text.length && !last) return undefined; // it may be the first half of a line end
  return text[end + 1] === "\n" ? end + 2 : end + 1;
}

/** Returns the place of the quote that closes a value, after any doubled ones; -1 if there is none. */
function closingQuote(text: string, from: number): number {
  let place = text.indexOf('"', from);
  while (place >= 0 && text[place + 1] === '"') place = text.indexOf('"', place + 2);
  return place;
}

function breaksIn(value: string): number {
  return value.includes("\n") || value.includes("\r") ? value.split(lineEnd).length - 1 : 0;
}
