/** CSV, TSV, JSON Lines and Parquet files as rows of named columns, with errors that name the line. */
import type { SchemaElement } from "hyparquet";
import { extname } from "node:path";
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import { delimitedRecords, type Quotes, separatorName } from "./delimited.ts";
import { jsonFileRows } from "./json_document.ts";
import type { Row, TableFormat } from "./rows.ts";
import { sampleSize, sniff } from "./sniff.ts";
import {
  emptyFile,
  fileBytes,
  refuseOtherKinds,
  requireEncoding,
  requireReadable,
  standardStream,
  textPieces,
  unpackedBytes,
} from "./text_source.ts";

export { readText } from "./text_source.ts";
export type { Row } from "./rows.ts";

/** The formats' names. */
export const tableFormats: readonly TableFormat[] = ["csv", "tsv", "jsonl", "parquet"];

/** The layout of a table where it is not to be found out from the file. */
export interface TableOptions {
  /** The format of files whose names do not tell it. */
  readonly format?: TableFormat;
  /** The character between values in CSV and TSV; if not given it is found out. */
  readonly separator?: string;
  /** The encoding of text, such as "windows-1252". */
  readonly encoding?: string;
  /** The meaning of quotes in CSV and TSV: "csv", around values, or "none", characters as any other. */
  readonly quotes?: Quotes;
}

/** Picks columns of a file that are needed; names that the file lacks are left out. */
export type NeededColumns = (columns: readonly string[]) => readonly string[];

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
  /** The columns' names in the rows: the first of several of one name has it, others have their place added. */
  readonly keys: readonly string[];
  /** A sentence on what was found out about the file's layout; "" if it is the usual one. */
  readonly note: string;
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

/** Returns the format that a name's ending stands for, if any; ".gz" after it is left out. */
export function formatOf(path: string): TableFormat | undefined {
  return endings[endingOf(path)];
}

function endingOf(path: string): string {
  return extname(path.replace(/\.gz$/i, "")).toLowerCase();
}

/** Tells whether {@link readTable} reads files with a name like this one. */
export function isTable(path: string): boolean {
  return formatOf(path) !== undefined;
}

/**
 * Opens a file by its name's ending: .csv, .tsv, .tab or .txt with a header line and quotes as in RFC 4180; .jsonl,
 * .ndjson or .json with an object a line or a list of objects; or .parquet. The separator is found out from the first
 * rows. Text is UTF-8 or, with a byte order mark, UTF-16, with any line ends, and may be packed with gzip.
 *
 * @param path a path, or "-" for standard input
 * @param options the layout, where the file does not tell it
 * @param needed picks the columns that the rows must have from the file's; of a Parquet file only these are read
 * @throws InputError when the file is missing, empty, of another kind, not UTF-8, or broken in some line: now, or when
 * that line is reached.
 */
export async function openTable(
  path: string,
  options: TableOptions = {},
  needed: NeededColumns = (columns) => columns,
): Promise<TableStream> {
  const name = path === standardStream ? "standard input" : path;
  if (path !== standardStream) await requireReadable(path, "a CSV, TSV, JSON Lines or Parquet file");
  const format = formatOf(path) ?? options.format ?? (endingOf(path) === ".txt" ? "tsv" : undefined);
  if (!format) {
    if (path !== standardStream) refuseOtherKinds(name, await headOf(path));
    throw new InputError(
      `Cannot read ${name}: expected a name that ends in .csv, .tsv, .txt, .jsonl or .parquet, or --format`,
    );
  }
  if (options.encoding) requireEncoding(options.encoding);
  const { rows, source, ...rest } = await openers[format](path, name, options, needed);
  const close = async () => void await source.return(undefined);
  return { path: name, format, ...rest, rows: someRows(name, rows), [Symbol.asyncDispose]: close };
}

async function headOf(path: string): Promise<Uint8Array> {
  for await (const bytes of fileBytes(path)) return bytes;
  return new Uint8Array();
}

interface OpenRows extends Pick<TableStream, "columns" | "keys" | "note" | "types" | "rows"> {
  /** What the rows come from, to be closed at the end. */
  readonly source: AsyncGenerator<unknown>;
}

type Opener = (
  path: string,
  name: string,
  options: TableOptions,
  needed: NeededColumns,
) => Promise<OpenRows>;

const openers: Readonly<Record<TableFormat, Opener>> = {
  csv: (path, name, options) => openDelimited(path, name, ",", options),
  tsv: (path, name, options) => openDelimited(path, name, "\t", options),
  jsonl: openJsonLines,
  parquet: openParquet,
};

async function openDelimited(
  path: string,
  name: string,
  usual: string,
  { separator: given, encoding, quotes }: TableOptions,
): Promise<OpenRows> {
  let isUtf16 = false;
  const pieces = textPieces(name, unpackedBytes(path, name), {
    encoding,
    onUtf16: () => void (isUtf16 = true),
  });
  let text = "", isWhole = false;
  while (text.length < sampleSize && !isWhole) {
    const next = await pieces.next();
    if (next.done) isWhole = true;
    else text += next.value;
  }
  const found = sniff({ text, isWhole, quotes }, usual);
  const separator = given ?? found.separator;
  const all = async function* () {
    yield text.slice(found.skip);
    text = "";
    yield* pieces;
  };
  const records = delimitedRecords(name, all(), { separator, quotes, firstLine: found.skip > 0 ? 2 : 1 });
  const header = await records.next();
  const columns = header.done ? [] : header.value.values.map((column) => column.trim());
  if (columns.every((column) => column === "")) {
    await pieces.return(undefined);
    throw emptyFile(name, "column names and rows");
  }
  const keys = keysOf(columns);
  const rows = async function* (): AsyncGenerator<Row> {
    for await (const { line, values } of records) {
      yield { line, values: new Map(keys.map((key, place) => [key, values[place]!])) };
    }
  };
  const taken = [
    isUtf16 && "as UTF-16",
    given === undefined && separator !== usual && `with ${separatorName(separator)} between values`,
  ].filter(Boolean);
  const note = taken.length > 0 ? `${name} is read ${taken.join(", ")}` : "";
  return { columns, keys, note, rows: rows(), source: pieces };
}

/** Returns a name of its own for each column: the first of several has theirs, others have their place added. */
function keysOf(columns: readonly string[]): string[] {
  const taken = new Set(columns);
  const seen = new Set<string>();
  return columns.map((column, place) => {
    let key = column;
    for (let n = place + 1; seen.has(key); n++) {
      const next = `${column || "column"}_${n}`;
      if (!taken.has(next)) key = next;
    }
    seen.add(key);
    return key;
  });
}

/** Rows of JSON Lines read ahead to find the columns, which the format does not state. */
const rowsAhead = 100;

async function openJsonLines(path: string, name: string, { encoding }: TableOptions): Promise<OpenRows> {
  const pieces = textPieces(name, unpackedBytes(path, name), { encoding });
  const all = jsonFileRows(name, pieces);
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
  return { columns, keys: columns, note: "", rows: rows(), source: pieces };
}

async function openParquet(
  path: string,
  name: string,
  _options: TableOptions,
  needed: NeededColumns,
): Promise<OpenRows> {
  if (path === standardStream) {
    throw new InputError(`Cannot read Parquet from ${name} as its index is at its end: give a file`);
  }
  const { parquetColumns, parquetRows } = await import("./parquet_table.ts"); // few tables are Parquet
  const types = await parquetColumns(path);
  const columns = types.map((type) => type.name);
  const wanted = needed(columns);
  const rows = parquetRows(path, columns.filter((column) => wanted.includes(column)));
  return { columns, keys: columns, note: "", types, rows, source: rows };
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
export async function readTable(
  path: string,
  options?: TableOptions,
  needed?: NeededColumns,
): Promise<Table> {
  await using table = await openTable(path, options, needed);
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
    const found = columns.slice(0, mostNamed).map((name) => `"${shown(name)}"`).join(", ") +
      (columns.length > mostNamed ? ` and ${columns.length - mostNamed} more` : "");
    throw new InputError(
      times > 0
        ? `Cannot read ${path} as column ${
          JSON.stringify(column)
        } occurs ${times} times: found ${found}; rename the others`
        : `Cannot read ${path} as column ${JSON.stringify(column)} is missing: found ${found}; ${
          adviceOn(columns)
        }`,
    );
  }
}

/** Returns what to do about columns that are not those expected. */
function adviceOn(columns: readonly string[]): string {
  if (columns.length === 1 && /[^\p{L}\p{N}_\s-]/u.test(columns[0]!)) {
    return "give --separator if another character stands between the columns";
  }
  const isProse = columns.some((column) => column.split(/\s+/).length > 3);
  return isProse
    ? "the first line must name the columns"
    : "name another with --text-column or --label-column";
}

/** Most columns named in an error. */
const mostNamed = 20;
