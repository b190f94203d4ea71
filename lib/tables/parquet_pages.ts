/**
 * Checks of a Parquet file's pages against its metadata. hyparquet believes what a page says of itself, so a wrong
 * number can make it count to 2^31, or for ever. Each page of a column is therefore checked before hyparquet reads it,
 * at the cost of unpacking it twice.
 */
import type { Compressors, FileMetaData, SchemaTree } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { decompressPage } from "hyparquet/src/datapage.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel, isFlatColumn } from "hyparquet/src/schema.js";
import { structEnd } from "./parquet_thrift.ts";
import { checkValues, mostUnpacked, readLevels } from "./parquet_values.ts";

type PageHeader = ReturnType<typeof parquetHeader>;

/** The metadata of a row group. */
export type RowGroup = FileMetaData["row_groups"][number];

/** The metadata of a column's part of a row group. */
export type ColumnPart = NonNullable<RowGroup["columns"][number]["meta_data"]>;

/** Returns the span in the file of a column's part of a row group. */
export function spanOf({ dictionary_page_offset, data_page_offset, total_compressed_size }: ColumnPart): {
  start: number;
  end: number;
} {
  const start = dictionary_page_offset || data_page_offset;
  return { start: Number(start), end: Number(start + total_compressed_size) };
}

/**
 * Makes sure that the row groups lie in the file, together are no longer than it, and have each column once. None may
 * claim more rows than a million and more than the file has bytes.
 *
 * @param size bytes of the file
 */
export function checkRowGroups(size: number, groups: readonly RowGroup[]): void {
  const mostRows = Math.max(2 ** 20, size);
  let bytes = 0;
  for (const [n, { num_rows: rows, columns }] of groups.entries()) {
    const group = `row group ${n + 1}`;
    if (typeof rows !== "bigint" || !isCount(Number(rows), mostRows)) {
      throw new Error(`${group} claims ${rows} rows in a file of ${size} bytes`);
    }
    const seen = new Set<string>();
    for (const { meta_data: part } of columns) {
      if (!part) throw new Error(`${group} does not say where a column is`);
      const name = part.path_in_schema.join(".");
      if (seen.has(name)) throw new Error(`${group} has column "${name}" twice`);
      seen.add(name);
      const { start, end } = spanOf(part);
      bytes += end - start;
      if (!(start >= 0 && start <= end && end <= size && bytes <= size)) {
        throw new Error(
          `column "${name}" of ${group} is to go from byte ${start} to ${end} of a file of ${size}`,
        );
      }
    }
  }
}

/** A column's part of a row group. */
export interface ColumnPages {
  /** Its bytes. */
  readonly bytes: Uint8Array;
  /** Its metadata. */
  readonly part: ColumnPart;
  /** The schema from its root to the column. */
  readonly path: SchemaTree[];
  /** Rows of the row group. */
  readonly rows: number;
}

/**
 * Checks a column's pages.
 *
 * @throws Error if they do not have the rows of their group, or claim what is impossible.
 */
export function checkPages(column: ColumnPages, compressors: Compressors): void {
  const { bytes, part, path, rows } = column;
  const { element } = path.at(-1)!;
  const isFlat = isFlatColumn(path);
  const most = isFlat ? rows : Math.min(Number(part.num_values), Math.max(2 ** 20, 100 * bytes.length));
  if (element.type === undefined || element.type !== part.type) {
    throw new Error(`a column of ${element.type} has pages of ${part.type}`);
  }
  let room = mostUnpacked(bytes.length), values = 0, rowsSeen = 0, hasDictionary = false;
  for (let at = 0; at < bytes.length - 1 && !(isFlat && values >= rows);) {
    const start = structEnd(bytes, at);
    const header = parquetHeader({ view: new DataView(bytes.buffer, bytes.byteOffset, start), offset: at });
    const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header;
    if (!isCount(packed, bytes.length - start) || !isCount(unpacked, room)) {
      throw new Error(`a page of ${packed} bytes, ${unpacked} unpacked, is in ${bytes.length - start} bytes`);
    }
    room -= unpacked;
    at = start + packed;
    const page = { header, bytes: bytes.subarray(start, at), column, most: most - values, hasDictionary };
    if (header.type === "DICTIONARY_PAGE") {
      checkDictionary(page, compressors);
      hasDictionary = true;
    } else {
      const found = header.type === "DATA_PAGE_V2"
        ? checkSecond(page, compressors)
        : checkFirst(page, compressors);
      values += found.values;
      rowsSeen += found.rows;
    }
  }
  if (rowsSeen !== rows) throw new Error(`the pages of a column have ${rowsSeen} of its ${rows} rows`);
}

/** A page to check. */
interface Page {
  readonly header: PageHeader;
  readonly bytes: Uint8Array;
  readonly column: ColumnPages;
  /** Most values that it may have. */
  readonly most: number;
  readonly hasDictionary: boolean;
}

function isCount(value: unknown, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

function requireCount(value: unknown, most: number): number {
  if (isCount(value, most)) return value;
  throw new Error(`a page claims ${value} values, expected at most ${most}`);
}

function readerOf(bytes: Uint8Array) {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
}

function checkDictionary({ header, bytes, column: { part, path } }: Page, compressors: Compressors): void {
  const unpacked = decompressPage(bytes, header.uncompressed_page_size, part.codec, compressors);
  checkValues(readerOf(unpacked), {
    ...{ encoding: "PLAIN", type: part.type, typeLength: path.at(-1)!.element.type_length },
    ...{ count: requireCount(header.dictionary_page_header?.num_values, unpacked.length * 8) },
    ...{ dictionary: false, version: 1 },
  });
}

/** Checks a data page of the first version, whose levels are packed too. */
function checkFirst(page: Page, compressors: Compressors): { values: number; rows: number } {
  const { header, bytes, column: { part, path }, most, hasDictionary } = page;
  const { data_page_header: data } = header;
  if (header.type !== "DATA_PAGE" || !data) throw new Error("a page is of no kind that is supported");
  const values = requireCount(data.num_values, most);
  const unpacked = decompressPage(bytes, header.uncompressed_page_size, part.codec, compressors);
  const reader = readerOf(unpacked);
  const [repetition, definition] = [getMaxRepetitionLevel(path), getMaxDefinitionLevel(path)];
  const rows = repetition > 0 ? countOf(readLevels(reader, repetition, values), 0) : values;
  const count = definition > 0 ? countOf(readLevels(reader, definition, values), definition) : values;
  checkValues(reader, {
    ...{ encoding: data.encoding, type: part.type, typeLength: path.at(-1)!.element.type_length },
    ...{ count, dictionary: hasDictionary, version: 1 },
  });
  return { values, rows };
}

/** Checks a data page of the second version, whose levels are not packed. */
function checkSecond(page: Page, compressors: Compressors): { values: number; rows: number } {
  const { header, bytes, column: { part, path }, most, hasDictionary } = page;
  const { data_page_header_v2: data } = header;
  if (!data) throw new Error("a page is of no kind that is supported");
  const values = requireCount(data.num_values, most);
  const repetitionBytes = requireCount(data.repetition_levels_byte_length, bytes.length);
  const levelBytes = repetitionBytes +
    requireCount(data.definition_levels_byte_length, bytes.length - repetitionBytes);
  const [repetition, definition] = [getMaxRepetitionLevel(path), getMaxDefinitionLevel(path)];
  const levels = readerOf(bytes.subarray(0, levelBytes));
  const rows = repetition > 0 ? countOf(readLevels(levels, repetition, values, repetitionBytes), 0) : values;
  levels.offset = repetitionBytes;
  const count = definition > 0
    ? countOf(readLevels(levels, definition, values, levelBytes - repetitionBytes), definition)
    : values;
  if (data.num_nulls !== values - count || !isCount(data.num_rows, values)) {
    throw new Error(
      `a page claims ${data.num_rows} rows and ${data.num_nulls} nulls: it has ${rows} rows and ${
        values - count
      }`,
    );
  }
  const packed = bytes.subarray(levelBytes);
  const unpacked = data.is_compressed === false
    ? packed
    : decompressPage(packed, header.uncompressed_page_size - levelBytes, part.codec, compressors);
  checkValues(readerOf(unpacked), {
    ...{ encoding: data.encoding, type: part.type, typeLength: path.at(-1)!.element.type_length },
    ...{ count, dictionary: hasDictionary, version: 2 },
  });
  return { values, rows };
}

function countOf(levels: readonly number[], wanted: number): number {
  let count = 0;
  for (const level of levels) if (level === wanted) count++;
  return count;
}
