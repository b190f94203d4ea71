/** Zip archives for tests. */
import { Buffer } from "node:buffer";
import { crc32, deflateRawSync } from "node:zlib";

/** A zip archive of these files. */
export function zip(entries: Record<string, string | Uint8Array>, damage: { crc?: number } = {}): Buffer {
  const locals: Buffer[] = [], directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(entries)) {
    const bytes = Buffer.from(content as Uint8Array);
    const store = bytes.length < 10;
    const packed = store ? bytes : deflateRawSync(bytes);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(store ? 0 : 8, 4);
    fields.writeUInt32LE(damage.crc ?? crc32(bytes), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const end = Buffer.alloc(14);
    end.writeUInt32LE(offset, 10);
    locals.push(Buffer.from("PK\x03\x04"), fields, Buffer.from(name), packed);
    directory.push(Buffer.from("PK\x01\x02\x14\x00"), fields, end, Buffer.from(name));
    offset += 30 + Buffer.byteLength(name) + packed.length;
  }
  const length = Buffer.concat(directory).length;
  const end = Buffer.alloc(18);
  end.writeUInt16LE(Object.keys(entries).length, 6);
  end.writeUInt32LE(length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, ...directory, Buffer.from("PK\x05\x06"), end]);
}
