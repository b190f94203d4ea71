/** Text as rows of named columns: delimited values (CSV, TSV), and JSON Lines. */
import { type CastingContext, CsvError, type Options, parse } from "csv-parse";
import { pipeline, Readable } from "node:stream";
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import { lineEnd } from "./text_source.ts";

/** The format of a table's file. */
export type TableFormat = "csv" | "tsv" | "jsonl" | "parquet";

/** One row of a file. */
export interface Row {
  /** The line it starts in, from 1; in a Parquet file, which has no lines, the row's number. */
  readonly line: number;
  /** Values by column, as text; a null or a missing field is "". */
  readonly values: ReadonlyMap<string, string>;
  /** Values by column as the file types them, where it does: JSON Lines and Parquet. */
  readonly typed?: ReadonlyMap<string, unknown>;
}

/** A row's values by column: texts, numbers, or null for none. */
export type OutputRow = ReadonlyMap<string, unknown>;

/** An encoder of rows, part by part. */
export interface TableEncoder {
  /** Returns the part before the rows. */
  start(): string | Uint8Array;
  /** Returns the part for some rows. */
  rows(rows: readonly OutputRow[]): string | Uint8Array;
  /** Returns the part after the rows. */
  end(): string | Uint8Array;
}

/** A row of delimited text. */
export interface DelimitedRecord {
  /** Line it starts in, from 1. */
  readonly line: number;
  /** Its values, as many as the header has. */
  readonly values: readonly string[];
}

/** Longest row (64 MB): in a longer one a quote or a bracket is not closed. */
const longestRow = 64 << 20;

/**
 * Yields the records of delimited text, the header first, with quotes as in RFC 4180 and any line ends; blank lines are
 * left out.
 *
 * @throws InputError with the line, if quotes are not balanced or a row has not as many values as the header.
 */
export async function* delimitedRecords(
  name: string,
  pieces: AsyncIterable<string>,
  delimiter: string,
): AsyncGenerator<DelimitedRecord> {
  let width = 0;
  let ended = 0; // line ends of the records so far; csv-parse counts those of blank lines
  const located = (values: string[], { empty_lines }: CastingContext): DelimitedRecord => {
    const line = 1 + ended + empty_lines;
    width = values.length;
    ended += 1 + values.reduce((sum, value) => sum + breaksIn(value), 0);
    return { line, values };
  };
  const parser = parse({
    delimiter,
    record_delimiter: ["\r\n", "\n", "\r"],
    skip_empty_lines: true,
    max_record_size: longestRow,
    on_record: located as unknown as Options["on_record"], // its type does not allow another kind of record
  });
  pipeline(Readable.from(pieces), parser, () => {}); // the loop below throws any error
  try {
    yield* parser as AsyncIterable<DelimitedRecord>;
  } catch (error) {
    if (error instanceof CsvError) throw new InputError(explain(error, { name, delimiter, width, ended }));
    throw error;
  }
}

function breaksIn(value: string): number {
  return value.includes("\n") || value.includes("\r") ? value.split(lineEnd).length - 1 : 0;
}

/** Puts csv-parse's errors into our words. */
function explain(
  error: CsvError,
  { name, delimiter, width, ended }: { name: string; delimiter: string; width: number; ended: number },
): string {
  const { empty_lines, record } = error as CsvError & { empty_lines: number; record?: string[] };
  const line = 1 + ended + empty_lines;
  switch (error.code) {
    case "CSV_QUOTE_NOT_CLOSED":
    case "CSV_INVALID_CLOSING_QUOTE":
    case "INVALID_OPENING_QUOTE":
      return `Cannot read ${name} as the quotes in the row that starts in line ${line} are not balanced: expected ` +
        `a value with quotes to stand in quotes itself, with each inner quote doubled`;
    case "CSV_MAX_RECORD_SIZE":
      return `Cannot read ${name} as the row that starts in line ${line} is longer than ${
        longestRow >> 20
      } MB: ` +
        `a quote in it may not be closed`;
    case "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH":
      return `Cannot read ${name} as line ${line} has ${record?.length} values: expected ${width}, as many as ` +
        `the header has; put values with ${delimiter === "," ? "commas" : "tabs"} in quotes`;
  }
  return `Cannot read ${name}: ${error.message}`;
}

/**
 * Yields the rows of JSON Lines, one object a line; blank lines are left out.
 *
 * @throws InputError with the line that is no JSON object.
 */
export async function* jsonRows(name: string, pieces: AsyncIterable<string>): AsyncGenerator<Row> {
  let line = 0;
  for await (const content of linesOf(pieces)) {
    line++;
    if (content.length > longestRow) {
      throw new InputError(
        `Cannot read ${name} as line ${line} is longer than ${
          longestRow >> 20
        } MB: expected a JSON object a line`,
      );
    }
    if (content.trim() !== "") yield jsonRow(name, content, line);
  }
}

/** Yields lines, whatever their ends; a line that is too long comes in parts. */
async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = "";
  for await (const piece of pieces) {
    const text = rest + piece;
    // A carriage return at the end may be the first half of a line end.
    const lines = (text.endsWith("\r") ? text.slice(0, -1) : text).split(lineEnd);
    rest = lines.pop()! + (text.endsWith("\r") ? "\r" : "");
    yield* lines;
    if (rest.length > longestRow) break;
  }
  yield* rest.split(lineEnd);
}

function jsonRow(name: string, content: string, line: number): Row {
  if (line === 1 && content.trimStart().startsWith("[")) {
    throw new InputError(
      `Cannot read ${name} as JSON Lines as it is a JSON array: expected an object a line, as jq -c ".[]" writes them`,
    );
  }
  let found: unknown;
  try {
    found = JSON.parse(content, longNumber.test(content) ? exactNumber : undefined);
  } catch (error) {
    throw new InputError(`Cannot read line ${line} of ${name} as JSON: ${shown((error as Error).message)}`);
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new InputError(
      `Cannot read line ${line} of ${name}: expected a JSON object, found ${content.slice(0, 40)}`,
    );
  }
  const typed = new Map(Object.entries(found));
  try {
    return {
      line,
      values: new Map(Array.from(typed, ([column, value]) => [column, cellText(value)])),
      typed,
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(`Cannot read line ${line} of ${name} as its values are nested too deeply`);
  }
}

const longNumber = /\d{16}/;

/** The result of JSON.rawJSON, which TypeScript's library does not know yet. */
interface RawNumber {
  readonly rawJSON: string;
}
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
};

/** Keeps a number that would lose digits, such as a long id, as it is written. */
function exactNumber(_key: string, value: unknown, context?: { source: string }): unknown {
  const exact = typeof value !== "number" || context === undefined || String(value) === context.source;
  return exact ? value : rawJSON(context.source);
}

/** Returns a value as text; "" for none. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (isRawJSON(value)) return value.rawJSON;
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" ? cellJson(value) : String(value);
}

/** Returns a value as JSON, with all digits of large numbers. */
export function cellJson(value: unknown): string {
  return JSON.stringify(value, (_, inner) => typeof inner === "bigint" ? rawJSON(String(inner)) : inner);
}
