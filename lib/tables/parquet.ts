/** Parquet files as rows, with one row group in memory at a time. */
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type Compressors,
  type FileMetaData,
  parquetMetadata,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from "hyparquet";
import { getTreePath } from "hyparquet/src/schema.js";
import { stat } from "node:fs/promises";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import { noSuch, refuseSpecial } from "../storage/input_file.ts";
import { checkPages, checkRowGroups, type RowGroup, spanOf } from "./parquet_pages.ts";
import { structEnd } from "./parquet_thrift.ts";
import { unpackSnappy } from "./snappy.ts";
import { emptyFile, refuseOtherKinds } from "./text_source.ts";

/** The codecs; none unpacks a page to more than its header states. */
const compressors: Compressors = {
  BROTLI: (bytes, size) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, size) }),
  GZIP: (bytes, size) => gunzipSync(bytes, { maxOutputLength: Math.max(1, size) }),
  ZSTD: (bytes, size) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, size) }),
  SNAPPY: unpackSnappy,
};

/** The last four bytes of a Parquet file, "PAR1". */
const parquetMark = 0x50415231;

/** A Parquet file whose metadata has been read. */
export interface ParquetFile {
  /** Its bytes. */
  readonly file: AsyncBuffer;
  /** Its metadata; the row groups are known to lie in the file. */
  readonly metadata: FileMetaData;
  /** Its columns. */
  readonly schema: SchemaTree;
}

/** Reads a Parquet file's metadata. @throws InputError when the file is missing, damaged or not Parquet. */
export function openParquet(path: string): Promise<ParquetFile> {
  return readable(path, async () => {
    refuseSpecial(path, await stat(path));
    const file = await asyncBufferFromFile(path);
    const size = file.byteLength;
    refuseOthers(path, new Uint8Array(await file.slice(0, Math.min(size, 512))));
    const end = new DataView(await file.slice(Math.max(0, size - 8), size));
    const length = end.byteLength === 8 ? 8 + end.getUint32(0, true) : Infinity;
    const isWhole = length <= size && end.getUint32(4) === parquetMark;
    // For a damaged file the end is enough for hyparquet to tell what is wrong.
    const footer = isWhole ? await file.slice(size - length, size) : end.buffer;
    if (isWhole) structEnd(new Uint8Array(footer), 0);
    const metadata = parquetMetadata(footer);
    if (metadata.schema.some(({ name }) => name === undefined)) throw new Error("a column has no name");
    checkRowGroups(size, metadata.row_groups);
    return { file, metadata, schema: parquetSchema(metadata) };
  });
}

/** @throws InputError if a file that begins so is no Parquet file. */
function refuseOthers(path: string, head: Uint8Array): void {
  if (head.length === 0) throw emptyFile(path, "a Parquet file");
  if (String.fromCharCode(...head.subarray(0, 4)) === "PAR1") return;
  refuseOtherKinds(path, head);
  throw new InputError(
    `Cannot read ${path} as Parquet: it does not begin with PAR1, as such files do; if it is text, give it a name that ` +
      "ends in .csv, .tsv or .jsonl, else fetch it again",
  );
}

/** @throws InputError if one of these columns is packed with a codec, or is of a type, that is not read. */
function refuseUnread(path: string, { metadata, schema }: ParquetFile, wanted: readonly string[]): void {
  for (const { meta_data: part } of metadata.row_groups.flatMap(({ columns }) => columns)) {
    if (!part || !wanted.includes(part.path_in_schema[0]!)) continue;
    const reason = unreadCodec(part.codec) ?? unreadType(getTreePath(schema, part.path_in_schema));
    if (reason === undefined) continue;
    throw new InputError(
      `Cannot read ${path} as column "${shown(part.path_in_schema.join("."))}" is ${reason}`,
    );
  }
}

/** Returns why a codec, such as LZ4, is not read, and what to do. */
function unreadCodec(codec: string): string | undefined {
  if (codec === "UNCOMPRESSED" || Object.hasOwn(compressors, codec)) return undefined;
  return `packed with ${shown(String(codec))}, which is not read: write the file with snappy or zstd`;
}

/** Returns why a type is not read with which a small file can keep hyparquet busy for hours, and what to do. */
function unreadType(path: readonly SchemaTree[]): string | undefined {
  const { element } = path.at(-1)!;
  if (path.some(({ element }) => element.logical_type?.type === "VARIANT")) {
    return "of the type VARIANT, which is not read: write it as text";
  }
  const isLong = element.type === "BYTE_ARRAY" || (element.type_length ?? 0) > 64;
  if (element.converted_type !== "DECIMAL" || !isLong) return undefined;
  return "of the type DECIMAL of any length, which is not read: write it as text or DOUBLE";
}

/**
 * Yields the rows of a Parquet file in order, as objects with the columns asked for. Texts are strings, 64-bit integers
 * bigints.
 *
 * @throws InputError when the file is missing, damaged or not Parquet, or a column is missing.
 */
export async function* readParquet(
  path: string,
  columns: readonly string[],
): AsyncGenerator<Record<string, unknown>> {
  const opened = await openParquet(path);
  const found = opened.schema.children.map(({ element }) => element.name);
  const missing = columns.find((column) => !found.includes(column));
  if (missing !== undefined) {
    throw new InputError(
      `Cannot read ${path} as column "${missing}" is missing: found ${
        found.map((name) => `"${shown(name)}"`).join(", ")
      }`,
    );
  }
  await readable(path, () => Promise.resolve(refuseUnread(path, opened, columns)));
  let rowStart = 0;
  for (const group of opened.metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    yield* await readable(path, () => readRows(opened, group, [...columns], { rowStart, rowEnd }));
    rowStart = rowEnd;
  }
}

/** Reads the rows of a row group after a check of its pages. */
async function readRows(
  { file, metadata, schema }: ParquetFile,
  group: RowGroup,
  columns: string[],
  range: { rowStart: number; rowEnd: number },
): Promise<Record<string, unknown>[]> {
  const rows = range.rowEnd - range.rowStart;
  if (rows === 0) return [];
  for (const { meta_data: part } of group.columns) {
    if (!part || !columns.includes(part.path_in_schema[0]!)) continue;
    const path = getTreePath(schema, part.path_in_schema);
    const { start, end } = spanOf(part);
    const bytes = new Uint8Array(await file.slice(start, end));
    checkPages({ bytes, part, path, rows }, compressors);
  }
  const objects = await parquetReadObjects({ file, metadata, columns, ...range, compressors });
  // A null is null, but in a nested column it may be undefined.
  const flat = schema.children.filter(({ element, children }) =>
    columns.includes(element.name) && children.length === 0
  );
  if (objects.some((object) => flat.some(({ element }) => object[element.name] === undefined))) {
    throw new Error("a value is not in its dictionary, or a column not in its row group");
  }
  return objects;
}

/** Reads, and turns errors into one sentence: hyparquet answers damage with errors of many kinds. */
async function readable<Value>(path: string, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { code, message } = error as Error & { code?: string };
    if (code === "ENOENT") {
      throw new InputError(`Cannot read ${path}: ${noSuch("file", path)}; check the path`);
    }
    throw new InputError(
      `Cannot read ${path} as Parquet: ${
        shown(message)
      }; the file may be cut short or damaged, fetch it again`,
    );
  }
}
