/**
 * Locks that keep two processes from doing the same thing at once. It is the kernel that locks an open file (flock,
 * LockFileEx), as in Python's filelock. A lock ends with its process, even with a killed one, so no lock is ever stale.
 * The empty file stays: if it were removed, one process could lock the old file and another one a new file.
 */
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { InputError } from "../errors.ts";
import { noteOwn } from "./whole_file.ts";

/**
 * Runs an action while no other process runs one under the same lock. On a file system without locks it runs unlocked,
 * so the action must be correct without the lock too, if perhaps done twice.
 *
 * @param path the lock's file, which is made if it is not there
 * @param waiting called if another process holds the lock
 * @throws the file system's error if the file cannot be made; errors of the action pass through.
 */
export async function withLock<T>(path: string, waiting: () => void, action: () => Promise<T>): Promise<T> {
  using _lock = await lock(path, waiting);
  return await action();
}

/**
 * Runs an action under a lock in bertlab's cache folder, as {@link withLock} does.
 *
 * @throws InputError if the file cannot be made; errors of the action pass through.
 */
export async function withCacheLock<T>(
  path: string,
  waiting: () => void,
  action: () => Promise<T>,
): Promise<T> {
  using _lock = await lock(path, waiting).catch((error) => {
    throw new InputError(
      `Cannot make the lock ${path}: ${error.message}; name another cache folder in BERTLAB_CACHE`,
      { cause: error },
    );
  });
  return await action();
}

/**
 * Does something while it holds the lock of a file, which is removed at the end, or without if another holds it.
 *
 * @param waiting if given, the lock is waited for, and this is called before
 */
export async function withLockIfFree<Result>(
  path: string,
  action: (isFree: boolean) => Promise<Result>,
  waiting?: () => void,
): Promise<Result> {
  await mkdir(dirname(path), { recursive: true }).catch(() => {});
  for (;;) {
    using file = await Deno.open(path, { create: true, write: true, mode: 0o664 }).catch(() => null);
    // A file system without locks is taken to have no second process.
    let isFree = file !== null && await file.tryLock(true).catch(() => true);
    if (file !== null && !isFree && waiting) {
      waiting();
      await file.lock(true);
      isFree = true;
    }
    if (isFree && (await file!.stat()).nlink === 0) continue; // the one before has removed it: it locks nothing
    const forget = isFree ? noteOwn(path) : () => {};
    try {
      return await action(isFree);
    } finally {
      if (isFree) await rm(path, { force: true }).catch(() => {});
      forget();
    }
  }
}

async function lock(path: string, waiting: () => void): Promise<Deno.FsFile> {
  await mkdir(dirname(path), { recursive: true });
  for (;;) {
    const file = await Deno.open(path, { create: true, write: true, mode: 0o664 });
    try {
      if (!await file.tryLock(true)) {
        waiting();
        await file.lock(true);
      }
    } catch {
      return file;
    }
    // Some versions of filelock remove the file, which makes a lock on it useless.
    if ((await file.stat()).nlink !== 0) return file;
    file.close();
  }
}
