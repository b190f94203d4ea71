/** A folder for a test alone. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs a test with an empty folder, which is removed at the end. */
export async function inFolder<Result>(test: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "bertlab-test-"));
  try {
    return await test(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
