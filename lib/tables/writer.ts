/** Rows written as CSV, TSV, JSON Lines or Parquet, to standard output or to a file that appears only when complete. */
import { stringify } from "csv-stringify/sync";
import { open, realpath, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { InputError } from "../errors.ts";
import type { ParquetType } from "./parquet_types.ts";
import { cellJson, cellText, type OutputRow, type TableEncoder, type TableFormat } from "./rows.ts";
import { standardStream } from "./text_source.ts";
import { printable } from "../printable.ts";
import { cannotWrite, removeOrphans, Temporary } from "../storage/whole_file.ts";

/** Format and columns of a table to write. */
export interface TableLayout {
  /** Its format. */
  readonly format: TableFormat;
  /** Its columns in their order; JSON Lines may have others and lack some. */
  readonly columns: readonly string[];
  /** Types of a Parquet file's columns that are not texts. */
  readonly types?: readonly ParquetType[];
  /** `true` if CSV and TSV get no cell that a spreadsheet takes for a formula: see {@linkcode withoutFormula}. */
  readonly safe?: boolean;
}

/**
 * Returns a cell's text with an apostrophe in front if it begins as a formula does; a plain number stays.
 *
 * Spreadsheets run formulas, also those in texts of others: https://owasp.org/www-community/attacks/CSV_Injection
 */
export function withoutFormula(text: string): string {
  return /^[=+\-@\t\r\n＝＋－＠]/.test(text) && !/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)
    ? `'${text}`
    : text;
}

/**
 * Writes rows as they come. A file is written under a temporary name and renamed at the end, so that an older file is
 * replaced only by a complete one.
 *
 * @param path a path, or "-" for standard output
 * @param batches the rows in their order, some at a time
 * @throws InputError if the file cannot be written; errors of `batches` pass through.
 */
export async function writeTable(
  path: string,
  layout: TableLayout,
  batches: AsyncIterable<readonly OutputRow[]>,
): Promise<void> {
  const encoder = await encoderOf(layout);
  const sink = await openSink(path);
  try {
    await sink.write(encoder.start());
    for await (const rows of batches) await sink.write(encoder.rows(rows));
    await sink.write(encoder.end());
    await sink.close();
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

/** Returns the encoder of a table's format. */
export async function encoderOf({ format, columns, types, safe }: TableLayout): Promise<TableEncoder> {
  switch (format) {
    case "csv":
      return delimitedEncoder(columns, ",", safe);
    case "tsv":
      return delimitedEncoder(columns, "\t", safe);
    case "jsonl":
      return {
        start: () => "",
        rows: (rows) => rows.map((row) => `${cellJson(Object.fromEntries(row))}\n`).join(""),
        end: () => "",
      };
    case "parquet":
      return (await import("./parquet_table.ts")).parquetEncoder(columns, types);
  }
}

function delimitedEncoder(columns: readonly string[], delimiter: string, safe = false): TableEncoder {
  const cell = safe ? withoutFormula : (text: string) => text;
  // Values with any kind of line end are quoted, as readers take each kind for the end of a row.
  const text = (records: string[][]) => stringify(records, { delimiter, quoted_match: /[\r\n]/ });
  return {
    start: () => text([columns.map(cell)]),
    rows: (rows) => text(rows.map((row) => columns.map((column) => cell(cellText(row.get(column)))))),
    end: () => "",
  };
}

interface Sink {
  write(part: string | Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

async function openSink(given: string): Promise<Sink> {
  if (given === standardStream) {
    const write = (bytes: Uint8Array) =>
      Deno.stdout.write(bytes).catch((error) => {
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
        throw new InputError("Cannot write to standard output as its reader has stopped");
      });
    const safe = (part: string | Uint8Array) =>
      typeof part === "string" && Deno.stdout.isTerminal() ? printable(part) : part;
    return { write: (part) => writeAll(safe(part), write), close: async () => {}, abort: async () => {} };
  }
  const path = await realpath(given).catch(() => given);
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) throw new InputError(`Cannot write ${given} as it is a folder: give a file`);
  const said = (error: Error) => cannotWrite(given, error);
  if (info && !info.isFile()) {
    // A device cannot be renamed.
    const device = await open(path, "w").catch(said);
    return {
      write: (part) => writeAll(part, async (bytes) => (await device.write(bytes)).bytesWritten).catch(said),
      close: () => device.close(),
      abort: () => device.close().catch(() => {}), // it may be closed already
    };
  }
  await removeOrphans(dirname(path), `${basename(path)}.`);
  const file = await Temporary.beside(path).catch(said);
  return {
    write: (part) => file.write(part).catch(said),
    async close() {
      await file.file.sync().catch(said);
      await file.keep().catch(said);
    },
    abort: () => file.discard(),
  };
}

async function writeAll(
  part: string | Uint8Array,
  write: (bytes: Uint8Array) => Promise<number>,
): Promise<void> {
  const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
  for (let done = 0; done < bytes.length;) done += await write(bytes.subarray(done));
}
