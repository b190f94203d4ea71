/**
 * Archives of tar and gzip, such as the sources of Python packages, read from front to end.
 * Source: POSIX.1-2017, pax, section "ustar Interchange Format".
 */
import { createReadStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createGunzip } from "node:zlib";
import { InputError } from "../errors.ts";
import { isInnerPath } from "./file_name.ts";

/** Bytes of a header, and the unit that files are filled up to. */
const block = 512;

/**
 * Unpacks the files under one folder of an archive. Links, and names over 100 characters that ustar cannot hold, are
 * left out.
 *
 * @param inside the folder in the archive, without a slash at the end
 * @param target the folder to write to, with paths as below `inside`
 * @param wanted tells for such a path if the file is to be unpacked
 * @throws InputError if the archive is broken, or a name leads out of `target`.
 */
export async function untar(
  archive: string,
  inside: string,
  target: string,
  wanted: (path: string) => boolean = () => true,
): Promise<void> {
  const broken = (why: string) => new InputError(`Cannot unpack ${archive} as ${why}`);
  const unpacked = createReadStream(archive).on("error", (error) => unpacked.destroy(error)).pipe(
    createGunzip(),
  );
  const parts = unpacked[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let rest: Uint8Array = new Uint8Array();
  /** Returns the next bytes; undefined at the archive's end. Bytes that are not kept need no memory. */
  const take = async (length: number, keep: boolean): Promise<Uint8Array | undefined> => {
    const kept = new Uint8Array(keep ? length : 0);
    for (let done = 0; done < length;) {
      if (rest.length === 0) {
        const next = await parts.next().catch((error: Error) => {
          throw broken(`it is no whole gzip file (${error.message})`);
        });
        if (next.done) {
          if (done > 0) throw broken("it is cut off");
          return undefined;
        }
        rest = next.value;
      }
      const part = rest.subarray(0, length - done);
      if (keep) kept.set(part, done);
      done += part.length;
      rest = rest.subarray(part.length);
    }
    return kept;
  };
  try {
    for (;;) {
      const header = await take(block, true);
      if (!header || header.every((byte) => byte === 0)) return;
      const sum = header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);
      if (numberIn(header, 148, 8) !== sum) throw broken("a header of it is broken");
      const size = numberIn(header, 124, 12);
      const [name, prefix] = [textIn(header, 0, 100), textIn(header, 345, 155)];
      const full = prefix ? `${prefix}/${name}` : name;
      const isFile = header[156] === 0 || header[156] === 0x30;
      const path = full.startsWith(`${inside}/`) ? full.slice(inside.length + 1) : undefined;
      const keep = isFile && path !== undefined && wanted(path);
      const bytes = await take(size, keep);
      await take((block - size % block) % block, false);
      if (!keep) continue;
      if (!bytes) throw broken("it is cut off");
      if (!isInnerPath(path)) throw broken("it holds a file whose name leaves its folder");
      await mkdir(dirname(join(target, path)), { recursive: true });
      await writeFile(join(target, path), bytes);
    }
  } finally {
    unpacked.destroy();
  }
}

/** Returns the text of a field, which ends at its first zero byte. */
function textIn(header: Uint8Array, start: number, length: number): string {
  return new TextDecoder().decode(header.subarray(start, start + length)).replace(/\0.*$/s, "");
}

/** Returns the octal number of a field. */
function numberIn(header: Uint8Array, start: number, length: number): number {
  return parseInt(textIn(header, start, length).trim() || "0", 8);
}
