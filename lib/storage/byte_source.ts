/** Bytes read by position, so that no file has to fit into memory. */
import { open, stat } from "node:fs/promises";
import { InputError } from "../errors.ts";
import { noSuch, refuseSpecial } from "./input_file.ts";

/** An open file, or anything else that gives bytes by position. */
export interface ByteSource {
  /** Name for error messages, such as the path. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /** Fills `target` with the bytes from `position` on; fails if the file ends before. */
  read(target: Uint8Array, position: number): Promise<void>;
}

/** The beginning of the text that Git LFS leaves in place of a large file. */
const lfsPointer = "version https://git-lfs";

/**
 * Opens a file, passes it to `use`, and closes it.
 *
 * @param file a path, or a source, which is passed on as it is
 * @throws InputError if the file cannot be opened, or is a folder or a device.
 */
export async function withSource<Result>(
  file: string | ByteSource,
  use: (source: ByteSource) => Promise<Result>,
): Promise<Result> {
  if (typeof file !== "string") return await use(file);
  const failed = (error: Error & { code?: string }) => {
    const what = error.code === "ENOENT" ? `${noSuch("file", file)}; check the path` : error.message;
    throw new InputError(`Cannot open ${file}: ${what}`, { cause: error });
  };
  refuseSpecial(file, await stat(file).catch(failed)); // before it is opened, as that waits at a pipe
  const handle = await open(file, "r").catch(failed);
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new InputError(`Cannot read ${file} as it is a folder or a device`);
    const read = async (target: Uint8Array, position: number) => {
      for (let done = 0; done < target.length;) {
        const { bytesRead } = await handle.read(target, done, target.length - done, position + done);
        if (bytesRead === 0) {
          throw new InputError(`Cannot read ${file} as it ended at byte ${position + done}`);
        }
        done += bytesRead;
      }
    };
    const start = new Uint8Array(Math.min(info.size, lfsPointer.length));
    await read(start, 0);
    if (String.fromCharCode(...start) === lfsPointer) {
      throw new InputError(
        `Cannot read ${file} as it is a pointer of Git LFS: fetch the file itself with git lfs pull`,
      );
    }
    return await use({ name: file, size: info.size, read });
  } finally {
    await handle.close();
  }
}

/**
 * Reads some bytes of a source.
 *
 * @throws InputError if the source is too short; no memory is allocated then.
 */
export async function readBytes(
  source: ByteSource,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (position + length > source.size) {
    throw new InputError(
      `Cannot read ${source.name} as it is cut off: it ends at byte ${source.size} and should go on to byte ${
        position + length
      }`,
    );
  }
  const bytes = new Uint8Array(length);
  await source.read(bytes, position);
  return bytes;
}

/** Makes a name or a message from a file printable: at most 100 characters, all of them visible. */
export function shown(text: string): string {
  const start = text.length > 100 ? `${text.slice(0, 99)}…` : text;
  return start.replace(/\p{C}/gu, "\ufffd");
}
