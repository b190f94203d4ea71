/**
 * Locks that keep two processes from doing the same thing at once. It is the kernel that locks an open file (flock,
 * LockFileEx), as in Python's filelock. A lock ends with its process, even with a killed one, so no lock is ever stale.
 * Where a lock's file is removed, the next one who gets the old file's lock sees that nothing names it, and takes a new one.
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
  const lock = await openLock(path, waiting).catch(() => undefined);
  if (!lock) return await action(false);
  using _file = lock.file;
  return lock.isFree ? await thenRemoved(path, () => action(true)) : await action(false);
}

/** Does something while a file of this process is there, which is removed at the end, or before at a signal. */
export async function thenRemoved<Result>(path: string, action: () => Promise<Result>): Promise<Result> {
  const forget = noteOwn(path);
  try {
    return await action();
  } finally {
    await rm(path, { force: true }).catch(() => {});
    forget();
  }
}

/**
 * Opens a lock's file, which is made if it is not there, and takes its lock if no other process holds it.
 *
 * @param waiting if given, the lock is waited for, and this is called before
 * @returns the file, and whether this process may go on; so it may on a file system without locks
 * @throws the file system's error if the file cannot be made.
 */
export async function openLock(
  path: string,
  waiting?: () => void,
): Promise<{ file: Deno.FsFile; isFree: boolean }> {
  for (;;) {
    const file = await Deno.open(path, { create: true, read: true, write: true, mode: 0o664 });
    let isFree = await file.tryLock(true).catch(() => true);
    if (!isFree && waiting) {
      waiting();
      isFree = await file.lock(true).then(() => true, () => true);
    }
    if (!isFree || (await file.stat()).nlink !== 0) return { file, isFree };
    file.close(); // the one who held it before has removed it, which makes a lock on it useless
  }
}

async function lock(path: string, waiting: () => void): Promise<Deno.FsFile> {
  await mkdir(dirname(path), { recursive: true });
  return (await openLock(path, waiting)).file;
}
