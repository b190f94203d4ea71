/**
 * Checks that a Parquet page has room for as many and as long values as it claims. hyparquet counts and copies as far
 * as the lengths in a page say, and never stops if one of them is negative.
 * Source: apache/parquet-format, Encodings.md.
 */
import type { Encoding, ParquetType } from "hyparquet";
import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { readRleBitPackedHybrid } from "hyparquet/src/encoding.js";

/** A position in a page. */
export interface PageReader {
  /** The page. */
  readonly view: DataView;
  /** Offset of the next byte to read. */
  offset: number;
}

/** The values of a page. */
export interface PageValues {
  /** Their encoding. */
  readonly encoding: Encoding;
  /** Their type. */
  readonly type: ParquetType;
  /** Bytes of a value of FIXED_LEN_BYTE_ARRAY. */
  readonly typeLength?: number;
  /** Their number, without nulls. */
  readonly count: number;
  /** `true` if there is a dictionary. */
  readonly dictionary: boolean;
  /** The version of the page. */
  readonly version: 1 | 2;
}

/** Returns the largest unpacked size of packed bytes: a small page may be all zeros. */
export function mostUnpacked(bytes: number): number {
  return Math.max(2 ** 26, 1000 * bytes);
}

/**
 * Reads the levels of a page, which mark nulls and the beginnings of lists, and moves the reader after them.
 *
 * @param most the highest level
 * @param length their length in bytes, if they do not begin with it
 * @throws Error if they are not as many as the page's values.
 */
export function readLevels(reader: PageReader, most: number, count: number, length?: number): number[] {
  const width = 32 - Math.clz32(most);
  checkRuns(reader.view, reader.offset + (length === undefined ? 4 : 0), width, count);
  const levels = new Array<number>(count);
  readRleBitPackedHybrid(reader, width, levels, length);
  if (reader.offset > reader.view.byteLength) throw new Error("levels go on after their page");
  return levels;
}

/**
 * Checks the values from the reader's offset on; the offset has no meaning afterwards.
 *
 * @throws Error if they are not all in the page, or hyparquet does not know their encoding.
 */
export function checkValues(reader: PageReader, values: PageValues): void {
  const { encoding, type, count } = values;
  const bytes = type === "BYTE_ARRAY" || type === "FIXED_LEN_BYTE_ARRAY";
  if (encoding === "PLAIN") checkPlain(reader, values);
  else if (encoding === "RLE_DICTIONARY" || encoding === "PLAIN_DICTIONARY") checkIndices(reader, values);
  else if (encoding === "RLE" && type === "BOOLEAN") checkRuns(reader.view, reader.offset + 4, 1, count);
  else if (encoding === "BYTE_STREAM_SPLIT" && type !== "BYTE_ARRAY") checkPlain(reader, values);
  else if (encoding === "DELTA_BINARY_PACKED" && (type === "INT32" || type === "INT64")) {
    checkDeltas(reader, count);
  } else if (encoding === "DELTA_LENGTH_BYTE_ARRAY" && type === "BYTE_ARRAY") {
    checkLengths(reader, readDeltas(reader, count));
  } else if (encoding === "DELTA_BYTE_ARRAY" && bytes) checkPrefixes(reader, count);
  else throw new Error(`a page has the encoding ${encoding} of ${type}, which is not supported`);
}

/** Most filling values after a packed run's last value: 7 by the format, 255 by DuckDB. */
const mostFilling = 2 ** 16;

/** @throws Error unless the runs of equal and of packed values are `count` values inside the page. */
function checkRuns(view: DataView, start: number, width: number, count: number): void {
  let at = start;
  for (let seen = 0; seen < count;) {
    let head = 0, bytes = 0, next: number;
    do {
      next = view.getUint8(at++);
      head += (next & 0x7f) * 2 ** (7 * bytes++);
    } while (next >= 0x80 && bytes < 5);
    const run = Math.floor(head / 2);
    const isPacked = head % 2 === 1;
    seen += isPacked ? 8 * run : run;
    // hyparquet reads a byte of a packed run without bits, if there is one.
    at += isPacked ? Math.max(run * width, at < view.byteLength ? 1 : 0) : Math.ceil(width / 8);
    if (next >= 0x80 || seen > count + (isPacked ? mostFilling : 0)) {
      throw new Error(`a page has runs of ${seen} values or more, and should have ${count}`);
    }
    if (at > view.byteLength) throw new Error("a page's runs go on after it");
  }
}

function checkPlain({ view, offset }: PageReader, { type, typeLength = 0, count }: PageValues): void {
  const room = view.byteLength - offset;
  if (type !== "BYTE_ARRAY") {
    const bits = { BOOLEAN: 1, INT32: 32, FLOAT: 32, INT64: 64, DOUBLE: 64, INT96: 96 };
    const each = type === "FIXED_LEN_BYTE_ARRAY" ? 8 * typeLength : bits[type];
    if (each > 0 && count * each <= 8 * room) return;
    throw new Error(`a page has ${count} values of ${type} in ${room} bytes`);
  }
  let at = offset;
  for (let n = 0; n < count; n++) {
    if (at + 4 <= view.byteLength) at += 4 + view.getUint32(at, true);
    else at = Infinity;
    if (at > view.byteLength) throw new Error(`value ${n + 1} of ${count} goes on after its page`);
  }
}

function checkIndices(
  { view, offset }: PageReader,
  { type, count, dictionary, version }: PageValues,
): void {
  if (!dictionary) throw new Error("a page has the items of a dictionary that is not there");
  if (type === "BOOLEAN") throw new Error("a page has booleans of a dictionary, which is not supported");
  if (count === 0) return;
  const width = view.getUint8(offset);
  if (width > 32) throw new Error(`a page has the items of a dictionary in ${width} bits`);
  if (width > 0 || version === 2) checkRuns(view, offset + 1, width, count);
}

/** @throws Error if the blocks of differences are not all in the page. */
function checkDeltas({ view, offset }: PageReader, count: number): void {
  let at = offset;
  const varint = () => {
    let value = 0;
    for (let n = 0; n < 10; n++) {
      const next = view.getUint8(at++);
      value += (next & 0x7f) * 2 ** (7 * n);
      if (next < 0x80) return value;
    }
    throw new Error("a page has a number of more than 10 bytes");
  };
  const block = varint(), parts = varint();
  varint(); // the number of values, which is in the page's header too
  varint(); // the first of them
  const each = block / parts;
  if (!(each > 0 && each % 32 === 0 && block < 2 ** 31)) {
    throw new Error(`a page has blocks of ${block} differences in ${parts} parts`);
  }
  for (let seen = 1; seen < count;) {
    varint(); // the smallest difference
    const widths = at;
    at += parts;
    if (at > view.byteLength) throw new Error("a page's differences go on after it");
    for (let part = 0; part < parts && seen < count; part++) {
      const width = view.getUint8(widths + part);
      if (width > 64) throw new Error(`a page has differences of ${width} bits`);
      at += each * width / 8;
      seen += each;
    }
  }
}

/** Reads differences as the numbers that they make, and moves the reader after them. */
function readDeltas(reader: PageReader, count: number): Int32Array {
  checkDeltas(reader, count);
  const numbers = new Int32Array(count);
  deltaBinaryUnpack(reader, count, numbers);
  return numbers;
}

function checkLengths({ view, offset }: PageReader, lengths: Int32Array): void {
  let at = offset;
  for (let n = 0; n < lengths.length; n++) {
    at += lengths[n]!;
    if (lengths[n]! < 0 || at > view.byteLength) {
      throw new Error(`value ${n + 1} of ${lengths.length} goes on after its page`);
    }
  }
}

/** @throws Error if a prefix is longer than the value before, or all values together are far too long. */
function checkPrefixes(reader: PageReader, count: number): void {
  const prefixes = readDeltas(reader, count), rest = readDeltas(reader, count);
  checkLengths(reader, rest);
  const most = mostUnpacked(reader.view.byteLength);
  let before = 0, all = 0;
  for (let n = 0; n < count; n++) {
    const prefix = prefixes[n]!;
    if (prefix < 0 || prefix > before) {
      throw new Error(`value ${n + 1} of ${count} begins with ${prefix} bytes of one of ${before}`);
    }
    before = prefix + rest[n]!;
    all += before;
    if (all > most) throw new Error(`a page of ${reader.view.byteLength} bytes becomes more than ${most}`);
  }
}
