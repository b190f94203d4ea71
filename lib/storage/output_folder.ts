/** Output folders: one process at a time writes into one, and nothing in it is replaced unasked. */
import { readdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { InputError } from "../errors.ts";
import { openLock, thenRemoved } from "./file_lock.ts";
import { requireWritable, temporaryName } from "./whole_file.ts";

/** The lock in an output folder. The kernel holds it (see file_lock.ts), so that it ends with its process. */
const lockFile = ".bertlab.lock";

/** The process that holds a lock, as the lock's file says. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  /** ISO 8601, in UTC. */
  readonly start: string;
}

/**
 * Does something while no other process writes into the folder, which is made if it is not there. What a dead process
 * left of its lock is taken over.
 *
 * @throws InputError that names the other process; errors of the action pass through.
 */
export async function withOutputFolder<Result>(
  folder: string,
  action: () => Promise<Result>,
): Promise<Result> {
  await requireWritable(folder);
  const path = join(folder, lockFile);
  const { file, isFree } = await openLock(path);
  if (!isFree) {
    const text = await new Response(file.readable).text().catch(() => "");
    throw new InputError(
      `Cannot write into ${folder} as ${
        ownerOf(text)
      } is writing there: wait until it has ended, or name another folder`,
    );
  }
  using _file = file;
  return await thenRemoved(path, async () => {
    const owner: Owner = { pid: process.pid, host: hostname(), start: new Date().toISOString() };
    await file.truncate();
    await file.write(new TextEncoder().encode(JSON.stringify(owner)));
    return await action();
  });
}

/** "process 12 of HOST (since 2026-11-28 10:00 UTC)" */
function ownerOf(text: string): string {
  try {
    const { pid, host, start } = JSON.parse(text) as Owner;
    return `process ${pid} of ${host} (since ${start.slice(0, 16).replace("T", " ")} UTC)`;
  } catch {
    return "another process";
  }
}

/**
 * Makes sure that nothing in an output folder would be replaced that the user has not allowed to be.
 *
 * @param options.overwrite the user allows it
 * @param options.except names of what may be there
 * @throws InputError if a model or other files are there.
 */
export async function requireRoom(
  folder: string,
  { overwrite = false, except = [] }: { readonly overwrite?: boolean; readonly except?: readonly string[] },
): Promise<void> {
  if (overwrite) return;
  const names = (await readdir(folder).catch(() => [])).sort()
    .filter((name) => !name.startsWith(".") && !temporaryName.test(name) && !except.includes(name));
  if (names.length === 0) return;
  const found = names.includes("config.json") ? "a model is there" : `${names[0]} is there`;
  throw new InputError(
    `Cannot write into ${folder} as ${found} already: give --overwrite to replace it, or another folder`,
  );
}
