/**
 * Zip archives, such as Python wheels: what lies in one folder of them is unpacked, by the central directory.
 * Source: APPNOTE.TXT 6.3.10 (PKWARE), sections 4.3.7, 4.3.12, 4.3.16.
 */
import { createWriteStream } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { Buffer } from "node:buffer";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32, createInflateRaw } from "node:zlib";

/** A file in an archive. */
interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly compressed: number;
  readonly size: number;
  /** Where its local header starts. */
  readonly offset: number;
}

/**
 * Unpacks the files under one folder of an archive.
 *
 * @param inside the folder in the archive, without a slash at the end
 * @param target the folder that gets them, under their paths below `inside`
 * @param wanted tells by such a path whether to unpack a file
 * @throws Error if the archive is broken, a file in it is, or a name would leave `target`.
 */
export async function unzip(
  archive: string,
  inside: string,
  target: string,
  wanted: (path: string) => boolean = () => true,
): Promise<void> {
  const file = await open(archive, "r");
  try {
    for (const entry of await readDirectory(file, archive)) {
      if (!entry.name.startsWith(`${inside}/`) || entry.name.endsWith("/")) continue;
      const path = entry.name.slice(inside.length + 1);
      if (!wanted(path)) continue;
      // No part of a path may lead out of the folder, name a drive or a stream, or be absolute.
      if (
        path.split("/").some((part) => part === "" || part === "." || part === ".." || /[\\:\0]/.test(part))
      ) {
        throw new Error(`${archive} holds a file whose name leaves its folder: ${entry.name}`);
      }
      await mkdir(dirname(join(target, path)), { recursive: true });
      await unpack(file, archive, entry, join(target, path));
    }
  } finally {
    await file.close();
  }
}

async function readDirectory(file: FileHandle, archive: string): Promise<Entry[]> {
  const { size } = await file.stat();
  // The end record has 22 bytes and a comment of up to 65,535.
  const tail = await readRange(file, Math.max(0, size - 22 - 0xffff), Math.min(size, 22 + 0xffff), archive);
  let end = tail.length - 22;
  while (end >= 0 && tail.readUInt32LE(end) !== 0x06054b50) end--;
  if (end < 0) throw new Error(`${archive} is not a zip archive, or it is cut off`);
  const count = tail.readUInt16LE(end + 10),
    length = tail.readUInt32LE(end + 12),
    start = tail.readUInt32LE(end + 16);
  if (count === 0xffff || start === 0xffffffff) {
    throw new Error(`${archive} is in zip64 format, which is not read`);
  }
  const directory = await readRange(file, start, length, archive);
  const entries: Entry[] = [];
  for (let at = 0; entries.length < count;) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== 0x02014b50) {
      throw new Error(`${archive} has a broken directory`);
    }
    const nameLength = directory.readUInt16LE(at + 28);
    entries.push({
      name: directory.toString("utf8", at + 46, at + 46 + nameLength),
      method: directory.readUInt16LE(at + 10),
      crc: directory.readUInt32LE(at + 16),
      compressed: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    });
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

async function unpack(file: FileHandle, archive: string, entry: Entry, path: string): Promise<void> {
  const broken = () => new Error(`${archive} holds a broken file: ${entry.name}`);
  if (entry.method !== 0 && entry.method !== 8) throw broken();
  const header = await readRange(file, entry.offset, 30, archive);
  if (header.readUInt32LE(0) !== 0x04034b50) throw broken();
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);

  async function* packed() {
    const step = 1 << 20;
    for (let done = 0; done < entry.compressed; done += step) {
      yield await readRange(file, start + done, Math.min(step, entry.compressed - done), archive);
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
  await pipeline(packed, inflate, checked, createWriteStream(path));
  if (crc !== entry.crc || size !== entry.size) throw broken();
}

async function readRange(file: FileHandle, start: number, length: number, archive: string): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, length - done, start + done);
    if (bytesRead === 0) throw new Error(`${archive} is cut off`);
    done += bytesRead;
  }
  return bytes;
}
