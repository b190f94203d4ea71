/** JSON as rows of named columns: an object a line, or a list of objects; and cells as text. */
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import { longestRow } from "./delimited.ts";
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
  let found: unknown;
  try {
    found = parseExactly(content);
  } catch (error) {
    throw new InputError(
      `Cannot read line ${line} of ${name} as JSON: ${
        shown((error as Error).message)
      }; expected an object a line`,
    );
  }
  return rowOf(found, name, line);
}

/** Parses JSON, with all digits of large numbers. */
export function parseExactly(content: string): unknown {
  return JSON.parse(content, longNumber.test(content) ? exactNumber : undefined);
}

/** Returns a JSON object as a row. @throws InputError if it is none. */
export function rowOf(found: unknown, name: string, line: number): Row {
  if (typeof found !== "object" || found === null || Array.isArray(found) || isRawJSON(found)) {
    throw new InputError(
      `Cannot read line ${line} of ${name}: expected a JSON object, found ${cellText(found).slice(0, 40)}`,
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
