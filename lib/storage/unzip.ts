/**
 * Zip archives, such as Python wheels and PyTorch's files, read by their central directory.
 * Source: APPNOTE.TXT 6.3.10 (PKWARE), sections 4.3.7, 4.3.12, 4.3.16.
 */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PassThrough, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32, createInflateRaw } from "node:zlib";
import { InputError } from "../errors.ts";
import { type ByteSource, readBytes, shown, withSource } from "./byte_source.ts";
import { isInnerPath } from "./file_name.ts";

/** A file in an archive. */
export interface ZipEntry {
  /** Its path in the archive, which may be any text. */
  readonly name: string;
  /** Compression: 0 none, 8 deflate. */
  readonly method: number;
  /** CRC-32 of the unpacked bytes. */
  readonly crc: number;
  /** Size in the archive, in bytes. */
  readonly compressed: number;
  /** Unpacked size in bytes. */
  readonly size: number;
  /** Offset of its local header. */
  readonly offset: number;
}

/**
 * Unpacks the files under one folder of an archive.
 *
 * @param inside the folder in the archive, without a slash at the end; "" for the whole archive
 * @param target the folder to write to, with paths as below `inside`, or a function that opens a stream for such a path
 * @param wanted tells for such a path if the file is to be unpacked
 * @throws InputError if the archive or a file in it is broken, a name leads out of `target`, or a file cannot be
 * written.
 */
export function unzip(
  archive: string | ByteSource,
  inside: string,
  target: string | ((path: string) => Writable),
  wanted: (path: string) => boolean = () => true,
): Promise<void> {
  const start = inside && `${inside}/`;
  return withSource(archive, async (source) => {
    for (const entry of await readZipDirectory(source)) {
      if (!entry.name.startsWith(start) || entry.name.endsWith("/")) continue;
      const path = entry.name.slice(start.length);
      if (!wanted(path)) continue;
      if (!isInnerPath(path)) {
        throw new InputError(
          `${source.name} holds a file whose name leaves its folder: ${shown(entry.name)}`,
        );
      }
      await unpack(
        source,
        entry,
        () => typeof target === "string" ? create(join(target, path)) : target(path),
      );
    }
  });
}

/**
 * Lists the files of an archive.
 *
 * @throws InputError if it is no archive or a broken one, such as with files that overlap or share a name.
 */
export async function readZipDirectory(source: ByteSource): Promise<ZipEntry[]> {
  const { name: archive, size } = source;
  const broken = (why: string) => new InputError(`${archive} has a broken directory: ${why}`);
  // The end record has 22 bytes and a comment of up to 65,535.
  const tailLength = Math.min(size, 22 + 0xffff);
  const tail = viewOf(await readBytes(source, size - tailLength, tailLength));
  let end = tailLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) throw new InputError(`${archive} is not a zip archive, or it is cut off`);
  const count = tail.getUint16(end + 10, true),
    length = tail.getUint32(end + 12, true),
    start = tail.getUint32(end + 16, true);
  if (count === 0xffff || start === 0xffffffff) {
    throw new InputError(`${archive} is in zip64 format, which is not read`);
  }
  if (start + length > size) throw broken("it does not lie in the archive");
  const bytes = await readBytes(source, start, length);
  const directory = viewOf(bytes);
  const entries = new Map<string, ZipEntry>();
  const spans: { name: string; from: number; to: number }[] = [];
  for (let at = 0; entries.size < count;) {
    if (at + 46 > length || directory.getUint32(at, true) !== 0x02014b50) {
      throw broken(`it should name ${count} files and names ${entries.size}`);
    }
    const nameLength = directory.getUint16(at + 28, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const compressed = directory.getUint32(at + 20, true), offset = directory.getUint32(at + 42, true);
    if (entries.has(name)) throw broken(`it names ${shown(name)} twice`);
    entries.set(name, {
      name,
      method: directory.getUint16(at + 10, true),
      crc: directory.getUint32(at + 16, true),
      compressed,
      size: directory.getUint32(at + 24, true),
      offset,
    });
    spans.push({ name, from: offset, to: offset + 30 + nameLength + compressed });
    at += 46 + nameLength + directory.getUint16(at + 30, true) + directory.getUint16(at + 32, true);
  }
  // With files that share bytes a small archive could unpack to an endless amount.
  spans.sort((a, b) => a.from - b.from);
  for (const [index, { name, to }] of spans.entries()) {
    if (to > (spans[index + 1]?.from ?? start)) throw broken(`${shown(name)} overlaps what comes after it`);
  }
  return [...entries.values()];
}

/**
 * Returns the offset of a file's bytes, after its local header.
 *
 * @throws InputError if there is no such header.
 */
export async function zipEntryStart(source: ByteSource, { name, offset }: ZipEntry): Promise<number> {
  const header = viewOf(await readBytes(source, offset, 30));
  if (header.getUint32(0, true) !== 0x04034b50) {
    throw new InputError(`${source.name} holds a broken file: ${shown(name)}`);
  }
  return offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
}

async function create(path: string): Promise<Writable> {
  await mkdir(dirname(path), { recursive: true }).catch((error) => {
    throw new InputError(`Cannot make the folder ${dirname(path)}: ${error.message}`, { cause: error });
  });
  return createWriteStream(path);
}

async function unpack(
  source: ByteSource,
  entry: ZipEntry,
  target: () => Writable | Promise<Writable>,
): Promise<void> {
  const broken = () => new InputError(`${source.name} holds a broken file: ${shown(entry.name)}`);
  if (entry.method !== 0 && entry.method !== 8) throw broken();
  const start = await zipEntryStart(source, entry);

  async function* packed() {
    const step = 1 << 20;
    for (let done = 0; done < entry.compressed; done += step) {
      yield await readBytes(source, start + done, Math.min(step, entry.compressed - done));
    }
  }
  let crc = 0, size = 0;
  async function* checked(parts: AsyncIterable<Uint8Array>) {
    for await (const part of parts) {
      crc = crc32(part, crc);
      size += part.length;
      if (size > entry.size) throw broken();
      yield part;
    }
  }
  const inflate = entry.method === 8 ? createInflateRaw() : new PassThrough();
  try {
    await pipeline(packed, inflate, checked, await target());
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { code, message } = error as Error & { code?: string };
    if (code?.startsWith("Z_")) throw broken();
    throw new InputError(`Cannot unpack ${shown(entry.name)}: ${message}`, { cause: error });
  }
  if (crc !== entry.crc || size !== entry.size) throw broken();
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
