/** A cache folder for a test alone. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs a test with an empty cache, which is removed at the end. */
export async function withCache(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bertlab-cache-"));
  const before = Deno.env.get("BERTLAB_CACHE");
  Deno.env.set("BERTLAB_CACHE", folder);
  try {
    await test(folder);
  } finally {
    if (before === undefined) Deno.env.delete("BERTLAB_CACHE");
    else Deno.env.set("BERTLAB_CACHE", before);
    await rm(folder, { recursive: true });
  }
}
