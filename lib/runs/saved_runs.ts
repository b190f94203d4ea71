/** The checkpoints that runs of experiments save in the cache folder on the way, by the hash of the configuration. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../storage/cache.ts";
import { withLockIfFree } from "../storage/file_lock.ts";

const runsFolder = () => join(cacheFolder(), "runs");
const nameOf = (hash: string) => hash.slice(0, 24);

/** Returns the folder of a run's checkpoints; the lock is a file beside it. */
export function savedRunFolder(hash: string): string {
  return join(runsFolder(), nameOf(hash));
}

/**
 * Removes what runs left that are on record: one that is killed just after its record was kept has not done so itself.
 * Locks of dead processes in the folder of the records go as well.
 */
export async function forgetRuns(hashes: Iterable<string>, records: string): Promise<void> {
  const done = new Set(Array.from(hashes, nameOf));
  for (const name of await readdir(runsFolder()).catch(() => [])) {
    const run = name.replace(/\.lock$/, "");
    if (!done.has(run)) continue;
    const folder = join(runsFolder(), run);
    await withLockIfFree(`${folder}.lock`, async (isFree) => {
      if (isFree) await rm(folder, { recursive: true, force: true });
    });
  }
  for (const name of await readdir(records).catch(() => [])) {
    if (cellLock.test(name)) await withLockIfFree(join(records, name), () => Promise.resolve());
  }
}

const cellLock = /^\.[0-9a-f]{16}\.lock$/;

/** Returns the lock of a run in the folder of the records, which the process that makes it holds. */
export function cellLockOf(records: string, hash: string): string {
  return join(records, `.${hash.slice(0, 16)}.lock`);
}
