/** Runs that are saved on the way in the cache folder, so that one that was stopped goes on where it was. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Configuration } from "./configuration.ts";
import { cacheFolder } from "../storage/cache.ts";
import { configurationHash } from "../results/records.ts";
import { type CheckpointOptions, fromCheckpoints } from "../training/checkpoints.ts";

/**
 * Makes a run with checkpoints of its own, which `forget` removes, to be called when what came of it is kept. Where
 * another process makes the same run, or the cache folder cannot be written to, it is made without.
 */
export async function savedRun<Result>(
  configuration: Configuration,
  say: (line: string) => void,
  make: (checkpoint?: Omit<CheckpointOptions, "identity">) => Promise<Result>,
): Promise<{ result: Result; forget: () => Promise<void> }> {
  const folder = join(cacheFolder(), "runs", (await configurationHash(configuration)).slice(0, 24));
  return await ifFree(`${folder}.lock`, async (isFree) => {
    if (!isFree) return { result: await make(), forget: () => Promise.resolve() };
    const result = await fromCheckpoints(folder, say, make);
    return { result, forget: () => rm(folder, { recursive: true, force: true }) };
  });
}

/** Does something while it holds the lock of a file, which is removed at the end, or without if another holds it. */
async function ifFree<Result>(
  path: string,
  action: (isFree: boolean) => Promise<Result>,
): Promise<Result> {
  await mkdir(join(path, ".."), { recursive: true }).catch(() => {});
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
