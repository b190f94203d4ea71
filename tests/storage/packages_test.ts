import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageFolder } from "../../lib/storage/packages.ts";

/** Runs with environment variables that the fetching process inherits. */
async function withEnvironment(values: Record<string, string>, run: () => Promise<void>): Promise<void> {
  const before = Object.keys(values).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(values)) Deno.env.set(name, value);
  try {
    await run();
  } finally {
    for (const [name, value] of before) {
      value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    }
  }
}

Deno.test("a package's folder has the version asked for, and a quick answer is not talked about", async () => {
  const wanted = { name: "sentiment", version: "5.0.2", megabytes: 1 };
  await packageFolder(wanted, () => {});
  const notes: string[] = [];
  const folder = await packageFolder(wanted, (note) => notes.push(note));
  const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  assert.equal(version, "5.0.2");
  assert.deepEqual(notes, []);
});

Deno.test("a package that cannot be fetched is an error that says what to do", async () => {
  const cache = await mkdtemp(join(tmpdir(), "bertlab-packages-"));
  try {
    await withEnvironment({ DENO_DIR: cache, NPM_CONFIG_REGISTRY: "http://127.0.0.1:9" }, async () => {
      await assert.rejects(packageFolder({ name: "sentiment", version: "5.0.2", megabytes: 1 }, () => {}), {
        name: "InputError",
        message:
          "Cannot fetch the npm package sentiment 5.0.2: Failed loading http://127.0.0.1:9/sentiment for " +
          'package "sentiment"; check the network, or point NPM_CONFIG_REGISTRY to a registry that can be reached',
      });
    });
  } finally {
    await rm(cache, { recursive: true });
  }
});
