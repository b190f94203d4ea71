/** CSV, TSV, JSON Lines and Parquet files as rows of named columns, with errors that name the line. */
import type { SchemaElement } from "hyparquet";
import { extname } from "node:path";
import { InputError } from "../errors.ts";
import { parquetColumns, parquetRows } from "./parquet_table.ts";
import { delimitedRecords, jsonRows, type Row, type TableFormat } from "./rows.ts";
import {
  emptyFile,
  fileBytes,
  refuseOtherKinds,
  requireReadable,
  standardStream,
  textPieces,
} from "./text_source.ts";

export { readText } from "./text_source.ts";
export type { Row } from "./rows.ts";

/** The formats' names. */
export const tableFormats: readonly TableFormat[] = ["csv", "tsv", "jsonl", "parquet"];

/** A file's rows. */
export interface Table {
  /** The path, as it was given. */
  readonly path: string;
  /** Column names in the file's order. */
  readonly columns: readonly string[];
  /** The rows in the file's order. */
  readonly rows: readonly Row[];
}

/** A file's rows, read in order as they are asked for. */
export interface TableStream extends AsyncDisposable {
  /** The path, or "standard input". */
  readonly path: string;
  /** Its format. */
  readonly format: TableFormat;
  /** Column names in the file's order; JSON Lines may have more of them in rows that have not been read yet. */
  readonly columns: readonly string[];
  /** The columns' types in a Parquet file. */
  readonly types?: readonly SchemaElement[];
  /** The rows, which can be read only once. */
  readonly rows: AsyncIterable<Row>;
}

const endings: Readonly<Record<string, TableFormat>> = {
  ".csv": "csv",
  ".tsv": "tsv",
  ".tab": "tsv",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".json": "jsonl",
  ".parquet": "parquet",
};

/** Returns the format that a name's ending stands for, if any. */
export function formatOf(path: string): TableFormat | undefined {
  return endings[extname(path).toLowerCase()];
}

/** Tells whether {@link readTable} reads files with a name like this one. */
export function isTable(path: string): boolean {
  return formatOf(path) !== undefined;
}

/**
 * Opens a file by its name's ending: .csv (commas), .tsv or .tab (tabs), both with a header line and quotes as in RFC
 * 4180, .jsonl, .ndjson or .json (one JSON object a line), or .parquet. Text is UTF-8 or, with a byte order mark,
 * UTF-16, with any line ends.
 *
 * @param path a path, or "-" for standard input
 * @param options.format the format, if the name does not tell it
 * @throws InputError when the file is missing, empty, of another kind, not UTF-8, or broken in some line: now, or when
 * that line is reached.
 */
export async function openTable(
  path: string,
  { format = formatOf(path) }: { readonly format?: TableFormat } = {},
): Promise<TableStream> {
  const name = path === standardStream ? "standard input" : path;
  if (path !== standardStream) await requireReadable(path, "a CSV, TSV, JSON Lines or Parquet file");
  if (!format) {
    if (path !== standardStream) refuseOtherKinds(name, await headOf(path));
    throw new InputError(
      `Cannot read ${name}: expected a name that ends in .csv, .tsv, .jsonl or .parquet, or a format`,
    );
  }
  const { rows, source, ...rest } = await openers[format](path, name);
  const close = async () => void await source.return(undefined);
  return { path: name, format, ...rest, rows: someRows(name, rows), [Symbol.asyncDispose]: close };
}

async function headOf(path: string): Promise<Uint8Array> {
  for await (const bytes of fileBytes(path)) return bytes;
  return new Uint8Array();
}

interface OpenRows extends Pick<TableStream, "columns" | "types" | "rows"> {
  /** What the rows come from, to be closed at the end. */
  readonly source: AsyncGenerator<unknown>;
}

const openers: Readonly<Record<TableFormat, (path: string, name: string) => Promise<OpenRows>>> = {
  csv: (path, name) => openDelimited(path, name, ","),
  tsv: (path, name) => openDelimited(path, name, "\t"),
  jsonl: openJsonLines,
  parquet: openParquet,
};

async function openDelimited(path: string, name: string, delimiter: string): Promise<OpenRows> {
  const records = delimitedRecords(name, textPieces(name, fileBytes(path)), delimiter);
  const header = await records.next();
  const columns = header.done ? [] : header.value.values.map((column) => column.trim());
  if (columns.every((column) => column === "")) throw emptyFile(name, "column names and rows");
  const rows = async function* (): AsyncGenerator<Row> {
    for await (const { line, values } of records) {
      yield { line, values: new Map(columns.map((column, place) => [column, values[place]!])) };
    }
  };
  return { columns, rows: rows(), source: records };
}

/** Rows of JSON Lines read ahead to find the columns, which the format does not state. */
const rowsAhead = 100;

async function openJsonLines(path: string, name: string): Promise<OpenRows> {
  const all = jsonRows(name, textPieces(name, fileBytes(path)));
  const first: Row[] = [];
  while (first.length < rowsAhead) {
    const next = await all.next();
    if (next.done) break;
    first.push(next.value);
  }
  if (first.length === 0) throw emptyFile(name, "JSON objects, one a line");
  const columns: string[] = [];
  const known = new Set<string>();
  const note = (row: Row) => {
    for (const column of row.values.keys()) {
      if (known.has(column)) continue;
      known.add(column);
      columns.push(column);
    }
    return row;
  };
  first.forEach(note);
  const rows = async function* (): AsyncGenerator<Row> {
    yield* first;
    for await (const row of all) yield note(row);
  };
  return { columns, rows: rows(), source: all };
}

async function openParquet(path: string, name: string): Promise<OpenRows> {
  if (path === standardStream) {
    throw new InputError(`Cannot read Parquet from ${name} as its index is at its end: give a file`);
  }
  const types = await parquetColumns(path);
  const columns = types.map((type) => type.name);
  const rows = parquetRows(path, columns);
  return { columns, types, rows, source: rows };
}

async function* someRows(name: string, rows: AsyncIterable<Row>): AsyncGenerator<Row> {
  let none = true;
  for await (const row of rows) {
    none = false;
    yield row;
  }
  if (none) throw new InputError(`Cannot read ${name} as it has no rows: expected at least one`);
}

/** Reads a whole file as {@link openTable} does. */
export async function readTable(path: string): Promise<Table> {
  await using table = await openTable(path);
  const rows: Row[] = [];
  for await (const row of table.rows) rows.push(row);
  return { path, columns: table.columns, rows };
}

/**
 * Makes sure that a table has columns.
 *
 * @throws InputError listing the columns found when one is missing, or when it occurs twice.
 */
export function requireColumns(
  { path, columns }: Pick<Table, "path" | "columns">,
  ...required: readonly string[]
): void {
  for (const column of required) {
    const times = columns.filter((name) => name === column).length;
    if (times === 1) continue;
    const found = columns.slice(0, mostNamed).map((name) => JSON.stringify(name)).join(", ") +
      (columns.length > mostNamed ? ` and ${columns.length - mostNamed} more` : "");
    const what = times === 0 ? "is missing" : `occurs ${times} times`;
    throw new InputError(`Cannot read ${path} as column ${JSON.stringify(column)} ${what}: found ${found}`);
  }
}

/** Most columns named in an error. */
const mostNamed = 20;
