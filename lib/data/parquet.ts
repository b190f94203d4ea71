/** Parquet files as rows, with one row group in memory at a time. */
import {
  asyncBufferFromFile,
  type Compressors,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  snappyUncompress,
} from "hyparquet";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { InputError } from "../errors.ts";

/** The codecs; none makes more of a page than the page's header says, and Snappy at most 64 bytes of one. */
const compressors: Compressors = {
  BROTLI: (bytes, size) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, size) }),
  GZIP: (bytes, size) => gunzipSync(bytes, { maxOutputLength: Math.max(1, size) }),
  ZSTD: (bytes, size) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, size) }),
  SNAPPY: (bytes, size) => {
    if (!(size >= 0 && size <= 64 * bytes.length)) {
      throw new Error(`a page of ${bytes.length} bytes cannot have ${size}`);
    }
    const page = new Uint8Array(size);
    snappyUncompress(bytes, page);
    return page;
  },
};

/**
 * The rows of a Parquet file in their order, as objects of the columns asked for: texts are strings, 64-bit integers
 * bigints.
 *
 * @throws InputError when the file is missing, damaged or not Parquet, or a column is missing.
 */
export async function* readParquet(
  path: string,
  columns: readonly string[],
): AsyncGenerator<Record<string, unknown>> {
  const file = await readable(path, asyncBufferFromFile(path));
  const metadata = await readable(path, parquetMetadataAsync(file));
  const schema = await readable(path, Promise.try(() => parquetSchema(metadata)));
  const found = schema.children.map(({ element }) => element.name);
  const missing = columns.find((column) => !found.includes(column));
  if (missing !== undefined) {
    throw new InputError(
      `Cannot read ${path} as column "${missing}" is missing: found ${
        found.map((name) => `"${name}"`).join(", ")
      }`,
    );
  }
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    yield* await readable(
      path,
      parquetReadObjects({ file, metadata, columns: [...columns], rowStart, rowEnd, compressors }),
    );
    rowStart = rowEnd;
  }
}

/** What is read, or a sentence on why it cannot be: hyparquet meets damage with errors of many kinds. */
async function readable<Value>(path: string, reading: Promise<Value>): Promise<Value> {
  try {
    return await reading;
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code === "ENOENT") throw new InputError(`Cannot read ${path}: there is no such file; check the path`);
    throw new InputError(
      `Cannot read ${path} as Parquet: ${message}; the file may be cut short or a pointer of Git LFS, fetch it again`,
    );
  }
}
