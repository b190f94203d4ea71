import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageFolder } from "../../lib/storage/packages.ts";
import { withEnvironment } from "../helpers/environment.ts";
import { inFolder } from "../helpers/in_folder.ts";

Deno.test("a package's folder has the version asked for, and only what takes long is talked about", async () => {
  const wanted = { name: "sentiment", version: "5.0.2", megabytes: 1 };
  const { setTimeout } = globalThis;
  for (const takesLong of [false, true]) {
    const notes: string[] = [];
    globalThis.setTimeout = ((action: () => void) =>
      takesLong ? action() : 0) as unknown as typeof setTimeout;
    const folder = await packageFolder(wanted, (note) => notes.push(note))
      .finally(() => globalThis.setTimeout = setTimeout);
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    assert.equal(version, "5.0.2");
    assert.deepEqual(notes, takesLong ? ["Fetching sentiment 5.0.2 from npm, once: 1 MB …"] : []);
  }
});

Deno.test("a package that cannot be fetched is an error that says what to do", () =>
  inFolder((cache) =>
    withEnvironment({ DENO_DIR: cache, NPM_CONFIG_REGISTRY: "http://127.0.0.1:9" }, async () => {
      await assert.rejects(packageFolder({ name: "sentiment", version: "5.0.2", megabytes: 1 }, () => {}), {
        name: "InputError",
        message:
          "Cannot fetch the npm package sentiment 5.0.2: Failed loading http://127.0.0.1:9/sentiment for " +
          'package "sentiment"; check the network, or point NPM_CONFIG_REGISTRY to a registry that can be reached',
      });
    })
  ));
