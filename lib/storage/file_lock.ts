/**
 * Locks that keep two processes from doing the same thing at once. A lock is the kernel's on an open file (flock,
 * LockFileEx), as in Python's filelock: it ends with the process that holds it, also with one that is killed, so no
 * lock is ever stale. The empty file stays: removed, it would let one process lock the old file, another a new one.
 */
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { InputError } from "../errors.ts";

/**
 * Does something while no other process does it under the same lock. On a file system that has no locks it is done
 * without: what it does must be right also then, if perhaps done twice.
 *
 * @param path the lock's file, which is made if it is not there
 * @param waiting called if another process holds the lock
 * @throws the file system's error if the file cannot be made; what the action throws is thrown on.
 */
export async function withLock<T>(path: string, waiting: () => void, action: () => Promise<T>): Promise<T> {
  using _lock = await lock(path, waiting);
  return await action();
}

/**
 * The same in bertlab's cache folder.
 *
 * @throws InputError if the file cannot be made; what the action throws is thrown on.
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

/** Does something while it holds the lock of a file, which is removed at the end, or without if another holds it. */
export async function withLockIfFree<Result>(
  path: string,
  action: (isFree: boolean) => Promise<Result>,
): Promise<Result> {
  await mkdir(dirname(path), { recursive: true }).catch(() => {});
  using file = await Deno.open(path, { create: true, write: true, mode: 0o664 }).catch(() => null);
  // A file that was removed meanwhile locks nothing; a file system without locks is taken to have no second process.
  const isFree = file !== null && await file.tryLock(true).catch(() => true) &&
    (await file.stat()).nlink !== 0;
  try {
    return await action(isFree);
  } finally {
    if (isFree) await rm(path, { force: true }).catch(() => {});
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
    // Some versions of filelock remove the file; then the lock that was waited for is of no use.
    if ((await file.stat()).nlink !== 0) return file;
    file.close();
  }
}
