/** CSV, TSV and JSON Lines files as rows of named columns, with errors that name the line. */
import { CsvError, parse } from "csv-parse/sync";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { InputError } from "../errors.ts";

/** One row of a file. */
export interface Row {
  /** The line it starts in, from 1. */
  readonly line: number;
  /** Values by column; a JSON null or a missing field is "". */
  readonly values: ReadonlyMap<string, string>;
}

/** A file's rows. */
export interface Table {
  /** The path, as it was given. */
  readonly path: string;
  /** Column names in the file's order. */
  readonly columns: readonly string[];
  /** The rows in the file's order. */
  readonly rows: readonly Row[];
}

/**
 * Reads a file by its name's ending: .csv (commas), .tsv or .tab (tabs), both with a header line and quotes as in
 * RFC 4180, or .jsonl, .ndjson or .json (one JSON object a line). UTF-8, with or without a byte order mark, any line ends.
 *
 * @throws InputError when the file is missing, empty, of another kind, not UTF-8, or broken in some line.
 */
export async function readTable(path: string): Promise<Table> {
  const read = readers[extname(path).toLowerCase()];
  const text = await readText(path, {
    file: "a CSV, TSV or JSON Lines file",
    content: "column names and rows",
  });
  if (!read) {
    throw new InputError(`Cannot read ${path}: expected a name that ends in .csv, .tsv or .jsonl`);
  }
  const table = read(path, text);
  if (table.rows.length === 0) {
    throw new InputError(
      `Cannot read ${path} as it has no rows: expected at least one below the header line`,
    );
  }
  return table;
}

/**
 * Makes sure that a table has columns.
 *
 * @throws InputError listing the columns found when one is missing, or when it occurs twice.
 */
export function requireColumns({ path, columns }: Table, ...required: readonly string[]): void {
  for (const column of required) {
    const times = columns.filter((name) => name === column).length;
    if (times === 1) continue;
    const found = columns.map((name) => JSON.stringify(name)).join(", ");
    const what = times === 0 ? "is missing" : `occurs ${times} times`;
    throw new InputError(`Cannot read ${path} as column ${JSON.stringify(column)} ${what}: found ${found}`);
  }
}

/** Whether a file's name ends as those that {@link readTable} reads. */
export function isTable(path: string): boolean {
  return Object.hasOwn(readers, extname(path).toLowerCase());
}

const readers: Readonly<Record<string, (path: string, text: string) => Table>> = {
  ".csv": (path, text) => readDelimited(path, text, ","),
  ".tsv": (path, text) => readDelimited(path, text, "\t"),
  ".tab": (path, text) => readDelimited(path, text, "\t"),
  ".jsonl": readJsonLines,
  ".ndjson": readJsonLines,
  ".json": readJsonLines,
};

/**
 * A file as text, without a byte order mark.
 *
 * @param expected for the error: the kind of file, and what should be in it
 * @throws InputError when the file is missing, empty or not UTF-8.
 */
export async function readText(
  path: string,
  expected: { readonly file: string; readonly content: string },
): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ENOENT") throw new InputError(`Cannot read ${path}: there is no such file; check the path`);
    if (code === "EISDIR") {
      throw new InputError(`Cannot read ${path} as it is a folder: expected ${expected.file}`);
    }
    throw error;
  }
  const text = decode(path, bytes);
  if (text.trim() === "") {
    throw new InputError(`Cannot read ${path} as it is empty: expected ${expected.content}`);
  }
  return text;
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const offset = firstInvalid(bytes);
    const line = bytes.subarray(0, offset).reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 1);
    const value = bytes[offset]?.toString(16).toUpperCase().padStart(2, "0");
    throw new InputError(
      `Cannot read ${path} as UTF-8: found the byte 0x${value} at offset ${offset} in line ${line}; ` +
        `save the file as UTF-8`,
    );
  }
}

/** The offset where bytes stop being UTF-8: a replacement character stands there that is not in the bytes. */
function firstInvalid(bytes: Uint8Array): number {
  const lossy = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const encoder = new TextEncoder();
  let offset = 0;
  let from = 0;
  for (;;) {
    const place = lossy.indexOf("\ufffd", from);
    offset += encoder.encode(lossy.slice(from, place)).length;
    const genuine = bytes[offset] === 0xef && bytes[offset + 1] === 0xbf && bytes[offset + 2] === 0xbd;
    if (!genuine) return offset;
    offset += 3;
    from = place + 1;
  }
}

interface Parsed {
  record: string[];
  /** `lines` is where the record ends. */
  info: { lines: number };
}

const lineEnd = /\r\n|\n|\r/;

function parseDelimited(text: string, delimiter: string, to = -1): Parsed[] {
  return parse(text, {
    delimiter,
    info: true,
    record_delimiter: ["\r\n", "\n", "\r"],
    skip_empty_lines: true,
    to,
  }) as unknown as Parsed[];
}

function readDelimited(path: string, text: string, delimiter: string): Table {
  let parsed: Parsed[];
  try {
    parsed = parseDelimited(text, delimiter);
  } catch (error) {
    if (error instanceof CsvError) throw new InputError(explain(path, text, delimiter, error));
    throw error;
  }
  const columns = (parsed[0]?.record ?? []).map((name) => name.trim());
  const rows = parsed.slice(1).map(({ record, info }) => ({
    line: info.lines - record.reduce((sum, value) => sum + value.split(lineEnd).length - 1, 0),
    values: new Map(columns.map((name, place) => [name, record[place] ?? ""])),
  }));
  return { path, columns, rows };
}

/** csv-parse's errors in our words. */
function explain(path: string, text: string, delimiter: string, error: CsvError): string {
  const { lines: line, records, record } = error as CsvError & {
    lines: number;
    records: number;
    record?: string[];
  };
  switch (error.code) {
    case "CSV_QUOTE_NOT_CLOSED":
    case "CSV_INVALID_CLOSING_QUOTE":
    case "INVALID_OPENING_QUOTE": {
      const first = lineAfter(
        text,
        records > 0 ? parseDelimited(text, delimiter, records).at(-1)!.info.lines : 0,
      );
      return `Cannot read ${path} as the quotes in the row that starts in line ${first} are not balanced: expected ` +
        `a value with quotes to stand in quotes itself, with each inner quote doubled`;
    }
    case "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH": {
      const expected = parseDelimited(text, delimiter, 1)[0]?.record.length;
      return `Cannot read ${path} as line ${line} has ${record?.length} values: expected ${expected}, as many as ` +
        `the header has; put values with ${delimiter === "," ? "commas" : "tabs"} in quotes`;
    }
  }
  return `Cannot read ${path}: ${error.message}`;
}

/** The first line after another that is not empty, from 1. */
function lineAfter(text: string, line: number): number {
  const lines = text.split(lineEnd);
  let next = line;
  while (next < lines.length - 1 && lines[next] === "") next++;
  return next + 1;
}

function readJsonLines(path: string, text: string): Table {
  const columns = new Set<string>();
  const rows = text.split(lineEnd).flatMap((content, place) => {
    if (content.trim() === "") return [];
    const row = jsonRow(path, content, place + 1);
    for (const column of row.values.keys()) columns.add(column);
    return [row];
  });
  return { path, columns: [...columns], rows };
}

function jsonRow(path: string, content: string, line: number): Row {
  let found: unknown;
  try {
    found = JSON.parse(content);
  } catch (error) {
    throw new InputError(`Cannot read line ${line} of ${path} as JSON: ${(error as Error).message}`);
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new InputError(
      `Cannot read line ${line} of ${path}: expected a JSON object, found ${content.slice(0, 40)}`,
    );
  }
  const values = Object.entries(found).map(([column, value]): [string, string] => {
    if (value === null) return [column, ""];
    return [column, typeof value === "object" ? JSON.stringify(value) : String(value)];
  });
  return { line, values: new Map(values) };
}
