/**
 * Files written whole: a path holds the old file or the new one, never a part of one. What is written beside it
 * meanwhile is locked, so that one which a killed process left is known by being free, and the next one that writes
 * there removes it.
 */
import { rmSync } from "node:fs";
import { lstat, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { InputError } from "../errors.ts";

/** Pattern of the names of temporary files and folders, and of the folders' locks, which a killed process may leave. */
export const temporaryName = /\.[0-9a-f]{8}-[0-9a-f-]{27}\.tmp(\.lock)?$/;

/** Temporary files and folders, and locks, of this process. */
const own = new Set<string>();

/** Notes a file or folder that {@linkcode discardOwn} is to remove; the result takes the note back. */
export function noteOwn(path: string): () => void {
  own.add(path);
  return () => void own.delete(path);
}

/** Removes this process's temporary files, before it ends at a signal. */
export function discardOwn(): void {
  for (const path of own) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // The next process that writes there removes it.
    }
  }
}

/** Makes a folder if it is not there. @throws InputError unless files can be written into it. */
export async function requireWritable(folder: string): Promise<void> {
  const probe = join(folder, `.${crypto.randomUUID()}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    await removeOrphans(folder, ".");
    await writeFile(probe, "");
    await rm(probe, { force: true });
  } catch (error) {
    throw new InputError(`Cannot write into ${folder}: ${(error as Error).message}; name another folder`, {
      cause: error,
    });
  }
}

/** A file written beside its place under a temporary name, until `keep` puts it there or `discard` removes it. */
export class Temporary {
  readonly #forget: () => void;

  private constructor(
    readonly path: string,
    readonly name: string,
    readonly file: Deno.FsFile,
    forget: () => void,
  ) {
    this.#forget = forget;
  }

  /** Opens one. @throws the file system's error. */
  static async beside(path: string): Promise<Temporary> {
    const { name, file, forget } = await lockedBeside(path);
    return new Temporary(path, name, file, forget);
  }

  /** Writes at the end. */
  async write(part: string | Uint8Array): Promise<void> {
    const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
    for (let done = 0; done < bytes.length;) done += await this.file.write(bytes.subarray(done));
  }

  /** Puts the file, which is flushed to the disk before, in its place; removes it if that cannot be done. */
  async keep(): Promise<void> {
    try {
      await rename(this.name, this.path);
      this.#close();
    } finally {
      await this.discard();
    }
  }

  /** Removes the file, unless it was kept. */
  async discard(): Promise<void> {
    if (this.#close()) await rm(this.name, { force: true });
  }

  #isOpen = true;

  #close(): boolean {
    if (!this.#isOpen) return false;
    this.#isOpen = false;
    this.#forget();
    this.file.close();
    return true;
  }
}

/** Makes a file beside a path under a temporary name, and locks it. */
async function lockedBeside(path: string, ending = "") {
  for (;;) {
    const name = `${path}.${crypto.randomUUID()}.tmp${ending}`;
    const forget = noteOwn(name); // before it is there, as a signal may come at any time
    const file = await Deno.open(name, { createNew: true, write: true });
    const isFree = await file.tryLock(true).catch(() => true); // there are file systems without locks
    if (isFree && (await file.stat()).nlink !== 0) return { name, file, forget };
    // Another process took it for an orphan before it was locked, and removes it.
    file.close();
    forget();
  }
}

/** A temporary folder beside its place. */
export interface TemporaryFolder {
  readonly name: string;
  /** Removes it, unless it was renamed. */
  discard(): Promise<void>;
}

/** Makes a folder beside a path under a temporary name; its lock, a file beside it, is there before and after it. */
export async function temporaryFolder(path: string): Promise<TemporaryFolder> {
  await mkdir(dirname(path), { recursive: true });
  const { name: lock, file, forget } = await lockedBeside(path, ".lock");
  const name = lock.slice(0, -".lock".length);
  const forgetFolder = noteOwn(name);
  await mkdir(name);
  return {
    name,
    async discard() {
      await rm(name, { recursive: true, force: true });
      await rm(lock, { force: true });
      file.close();
      forget();
      forgetFolder();
    },
  };
}

/** Removes the temporary files and folders of a folder that dead processes left, if their names start so. */
export async function removeOrphans(folder: string, start = ""): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.startsWith(start) && temporaryName.test(name)) await removeOrphan(join(folder, name));
  }
}

async function removeOrphan(path: string): Promise<void> {
  const isFolder = (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
  using file = await Deno.open(isFolder ? `${path}.lock` : path, { write: true }).catch(() => null);
  const isOrphan = file === null ? isFolder : await file.tryLock(true).catch(() => false);
  if (isOrphan) await rm(path, { recursive: true, force: true }).catch(() => {});
}

/**
 * Writes a file whole: the parts go into a temporary file beside it, which is flushed to the disk and then renamed.
 * If anything fails, such as a full disk, the temporary file is removed and an older file stays as it was.
 *
 * @throws InputError if the file cannot be written; errors of `parts` pass through.
 */
export async function writeWhole(path: string, parts: Iterable<string | Uint8Array>): Promise<void> {
  await removeOrphans(dirname(path), `${basename(path)}.`);
  await (await writeBeside(path, parts)).keep().catch((error) => cannotWrite(path, error));
}

/** Writes a file beside its place and flushes it to the disk. @throws as {@linkcode writeWhole}. */
export async function writeBeside(path: string, parts: Iterable<string | Uint8Array>): Promise<Temporary> {
  const temporary = await Temporary.beside(path).catch((error) => cannotWrite(path, error));
  try {
    for (const part of parts) await temporary.write(part);
    await temporary.file.sync();
    return temporary;
  } catch (error) {
    await temporary.discard();
    return cannotWrite(path, error as Error);
  }
}

/** Throws a sentence about an error of the file system, and any other error as it is. */
export function cannotWrite(path: string, error: Error & { code?: string }): never {
  if (error.code === undefined) throw error;
  const advice = error.code === "ENOSPC" ? "; make room and start again" : "";
  throw new InputError(`Cannot write ${path}: ${error.message}${advice}`, { cause: error });
}
