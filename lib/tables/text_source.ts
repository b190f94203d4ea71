/**
 * The text of files and of standard input, piece by piece: UTF-8, or UTF-16 with a byte order mark. Files that are not
 * text are recognized by their first bytes and refused in one sentence.
 */
import { lstat, open, readlink, stat } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { InputError } from "../errors.ts";
import { noSuch, refuseSpecial } from "../storage/input_file.ts";

/** Line end of a file from any system. */
export const lineEnd = /\r\n|\n|\r/;

/** The path that stands for standard input or standard output. */
export const standardStream = "-";

/**
 * Reads a file as text, without a byte order mark.
 *
 * @param expected for the error: the kind of file, and what should be in it
 * @throws InputError when the file is missing, empty, no text, or not UTF-8.
 */
export async function readText(
  path: string,
  expected: { readonly file: string; readonly content: string },
): Promise<string> {
  await requireReadable(path, expected.file);
  const pieces: string[] = [];
  for await (const piece of textPieces(path, fileBytes(path))) pieces.push(piece);
  const text = pieces.join("");
  if (text.trim() === "") throw emptyFile(path, expected.content);
  return text;
}

/** Returns the error of a file without content. */
export function emptyFile(name: string, content: string): InputError {
  return new InputError(`Cannot read ${name} as it is empty: expected ${content}`);
}

/**
 * Makes sure that a file can be read at a path, or a link to one.
 *
 * @throws InputError when it is missing, a link to nothing, a folder, a pipe or a device.
 */
export async function requireReadable(path: string, expected: string): Promise<void> {
  const info = await stat(path).catch(async (error) => {
    if (error.code !== "ENOENT") throw new InputError(`Cannot read ${path}: ${error.message}`);
    if (await lstat(path).then((link) => link.isSymbolicLink(), () => false)) {
      throw new InputError(
        `Cannot read ${path}: it is a link to ${await readlink(path)}, which is not there`,
      );
    }
    throw new InputError(`Cannot read ${path}: ${noSuch("file", path)}; check the path`);
  });
  if (info.isDirectory()) {
    throw new InputError(`Cannot read ${path} as it is a folder: expected ${expected}`);
  }
  refuseSpecial(path, info);
}

/** Yields the bytes of a file or of standard input. */
export async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  if (path === standardStream) {
    yield* Deno.stdin.readable;
    return;
  }
  const failed = (error: Error) => {
    throw new InputError(`Cannot read ${path}: ${error.message}`);
  };
  refuseSpecial(path, await stat(path).catch(failed));
  const file = await open(path, "r").catch(failed);
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(1 << 18));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/**
 * Yields the bytes of a file or of standard input, unpacked if they are packed with gzip.
 *
 * @throws InputError if the packed file is damaged.
 */
export async function* unpackedBytes(path: string, name: string): AsyncGenerator<Uint8Array> {
  const chunks = fileBytes(path);
  try {
    const first = await chunks.next();
    if (first.done) return;
    const packed = first.value[0] === 0x1f && first.value[1] === 0x8b;
    const all = startingWith(first.value, chunks);
    if (!packed) {
      yield* all;
      return;
    }
    const unpacked = createGunzip();
    pipeline(Readable.from(all), unpacked, () => {}); // the loop below throws any error
    try {
      yield* unpacked as AsyncIterable<Uint8Array>;
    } catch (error) {
      if (error instanceof InputError) throw error;
      throw new InputError(
        `Cannot unpack ${name} with gzip: ${
          (error as Error).message
        }; it is damaged or cut off, fetch it again`,
      );
    }
  } finally {
    await chunks.return(undefined);
  }
}

async function* startingWith<Part>(first: Part, rest: AsyncIterable<Part>): AsyncGenerator<Part> {
  yield first;
  yield* rest;
}

/** Choices of {@linkcode textPieces}. */
export interface TextOptions {
  /** The encoding, such as "windows-1252"; if not given UTF-8 or, with a byte order mark, UTF-16. */
  readonly encoding?: string;
  /** Told once that the text is UTF-16. */
  readonly onUtf16?: () => void;
}

/** Makes sure that an encoding is known. @throws InputError if it is not. */
export function requireEncoding(encoding: string): void {
  try {
    new TextDecoder(encoding);
  } catch {
    throw new InputError(
      `Cannot read the encoding ${encoding}: expected one that browsers know, such as utf-8, utf-16le or windows-1252`,
    );
  }
}

/**
 * Decodes bytes as text, without a byte order mark.
 *
 * @param name name for error messages, such as the path
 * @throws InputError when they are no text, or not UTF-8 (with the offset and the line).
 */
export async function* textPieces(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  options: TextOptions = {},
): AsyncGenerator<string> {
  let decode: ((bytes: Uint8Array, last: boolean) => string) | undefined;
  let start = new Uint8Array();
  for await (const chunk of chunks) {
    if (!decode) {
      start = joined(start, chunk);
      if (start.length < headSize) continue;
      refuseOtherKinds(name, start, options);
      decode = decoderOf(name, start, options);
    }
    const text = decode(start.length > 0 ? start : chunk, false);
    start = new Uint8Array();
    if (text !== "") yield text;
  }
  if (!decode) refuseOtherKinds(name, start, options);
  const rest = (decode ?? decoderOf(name, start, options))(start, true);
  if (rest !== "") yield rest;
}

/** Number of bytes that tell the kind of a file. */
const headSize = 512;

/** Kinds of files that are refused: the characters that they begin with, what they are, and what to do. */
const kinds: readonly (readonly [start: string, what: string, advice: string])[] = [
  ["\x1f\x8b", "compressed with gzip", "unpack it first, as with gunzip"],
  ["BZh", "compressed with bzip2", "unpack it first, as with bunzip2"],
  ["\xfd7zXZ", "compressed with xz", "unpack it first, as with unxz"],
  ["\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it first, as with unzstd"],
  ["\xd0\xcf\x11\xe0", "an Excel workbook", "save it from Excel as CSV UTF-8"],
  ["PAR1", "a Parquet file", "give it a name that ends in .parquet"],
  ["version https://git-lfs", "a pointer of Git LFS", "fetch the file itself with git lfs pull"],
  ["ARROW1", "an Arrow file (Feather)", "write it as Parquet or CSV"],
  ["SQLite format 3", "a database of SQLite", "export its table as CSV"],
  ["%PDF", "a PDF document", "give a table with texts and labels"],
];

/**
 * Refuses archives, workbooks and the like, whatever their name.
 *
 * @param head the first bytes
 */
export function refuseOtherKinds(name: string, head: Uint8Array, { encoding }: TextOptions = {}): void {
  const refuse = (what: string, advice: string) => {
    throw new InputError(`Cannot read ${name} as it is ${what}: ${advice}`);
  };
  const text = String.fromCharCode(...head.subarray(0, headSize));
  const kind = kinds.find(([start]) => text.startsWith(start));
  if (kind) refuse(kind[1], kind[2]);
  if (text.startsWith("PK\x03\x04")) {
    if (/\[Content_Types\]\.xml|xl\//.test(text)) {
      refuse("an Excel workbook", "save it from Excel as CSV UTF-8");
    }
    refuse("a zip archive", "unpack it first");
  }
  if (/^(\xef\xbb\xbf)?\s*<(!doctype html|html)/i.test(text)) {
    refuse("a web page (HTML)", "download the file that it offers");
  }
  if (/^(\xff\xfe\0\0|\0\0\xfe\xff|[^\0]\0{3}[^\0]\0{3}|\0{3}[^\0]\0{3}[^\0])/.test(text)) {
    refuse("UTF-32", "save it as UTF-8");
  }
  const [first, second, third, fourth] = head;
  const little = first !== 0 && second === 0 && third !== 0 && fourth === 0;
  const big = first === 0 && second !== 0 && third === 0 && fourth !== 0;
  if (!encoding && (little || big)) {
    refuse("UTF-16 without a byte order mark", `give --encoding utf-16${little ? "le" : "be"}`);
  }
}

/** Returns a decoder of chunks of bytes, for the encoding that the first bytes show. */
function decoderOf(
  name: string,
  head: Uint8Array,
  { encoding, onUtf16 }: TextOptions,
): (bytes: Uint8Array, last: boolean) => string {
  if (encoding) {
    return otherDecoder(encoding, `Cannot read ${name} as ${encoding}, which --encoding says it is`);
  }
  const mark = head[0]! << 8 | head[1]!;
  if (mark !== 0xfffe && mark !== 0xfeff) return utf8Decoder(name);
  onUtf16?.();
  return otherDecoder(
    mark === 0xfffe ? "utf-16le" : "utf-16be",
    `Cannot read ${name} as UTF-16, which its byte order mark says it is: it is damaged or cut off`,
  );
}

function otherDecoder(encoding: string, problem: string): (bytes: Uint8Array, last: boolean) => string {
  const decoder = new TextDecoder(encoding, { fatal: true });
  return (bytes, last) => {
    try {
      return decoder.decode(bytes, { stream: !last });
    } catch {
      throw new InputError(problem);
    }
  };
}

function utf8Decoder(name: string): (bytes: Uint8Array, last: boolean) => string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let carried = new Uint8Array();
  let offset = 0;
  const ends = { lineFeeds: 0, returns: 0 };
  return (chunk, last) => {
    const bytes = joined(carried, chunk);
    const whole = bytes.subarray(0, last ? bytes.length : wholeCharacters(bytes));
    carried = bytes.slice(whole.length);
    let text: string;
    try {
      text = decoder.decode(whole);
    } catch {
      const place = firstInvalid(whole);
      countEnds(whole.subarray(0, place), ends);
      const value = whole[place]!.toString(16).toUpperCase().padStart(2, "0");
      throw new InputError(
        `Cannot read ${name} as UTF-8: found the byte 0x${value} at offset ${offset + place} in line ${
          1 + (ends.lineFeeds || ends.returns)
        }; save the file as UTF-8, or say what it is, as with --encoding windows-1252`,
      );
    }
    if (offset === 0 && text.startsWith("\ufeff")) text = text.slice(1);
    offset += whole.length;
    countEnds(whole, ends);
    return text;
  };
}

/** Counts both kinds of line ends; carriage returns end lines only in a file without line feeds. */
function countEnds(bytes: Uint8Array, ends: { lineFeeds: number; returns: number }): void {
  const count = (byte: number) => {
    let found = 0;
    for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) found++;
    return found;
  };
  ends.lineFeeds += count(0x0a);
  if (ends.lineFeeds === 0) ends.returns += count(0x0d);
}

/** Returns the number of bytes without an incomplete UTF-8 character at their end. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return back < length ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Returns the offset where bytes stop being UTF-8: decoded, they have a replacement character of their own there. */
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

function joined(some: Uint8Array, others: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(some.length + others.length);
  all.set(some);
  all.set(others, some.length);
  return all;
}
