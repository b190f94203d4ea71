/** Files written whole: a path holds the old file or the new one, never a part of one. */
import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../errors.ts";

/** Pattern of the names of temporary files, which a killed process may leave behind. */
export const temporaryFile = /\.[0-9a-f]{8}-[0-9a-f-]{27}\.tmp$/;

/** Makes a folder if it is not there. @throws InputError unless files can be written into it. */
export async function requireWritable(folder: string): Promise<void> {
  const probe = join(folder, `.${crypto.randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(probe, "");
    await rm(probe);
  } catch (error) {
    throw new InputError(`Cannot write into ${folder}: ${(error as Error).message}; name another folder`, {
      cause: error,
    });
  }
}

/**
 * Writes a file whole: the parts go into a temporary file beside it, which is flushed to the disk and then renamed.
 * If anything fails, such as a full disk, the temporary file is removed and an older file stays as it was.
 *
 * @throws InputError if the file cannot be written; errors of `parts` pass through.
 */
export async function writeWhole(path: string, parts: Iterable<string | Uint8Array>): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "wx");
    try {
      for (const part of parts) {
        const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
        for (let done = 0; done < bytes.length;) {
          done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
        }
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    const { code, message } = error as Error & { code?: string };
    if (code === undefined) throw error;
    const advice = code === "ENOSPC" ? "; make room and start again" : "";
    throw new InputError(`Cannot write ${path}: ${message}${advice}`, { cause: error });
  }
}
