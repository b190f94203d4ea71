import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packageFolder } from "../../lib/storage/packages.ts";
import { withEnvironment } from "../helpers/environment.ts";
import { inFolder } from "../helpers/in_folder.ts";

const configuration = join(import.meta.dirname!, "../../deno.json");

/** A package that no data set takes from Deno's cache: those of data sets have version 5.0.2. */
const absent = { name: "sentiment", version: "5.0.1", megabytes: 1 };

Deno.test("a package's folder has the version asked for, and only what takes long is talked about", async () => {
  await inFolder((cache) =>
    withEnvironment({ DENO_DIR: cache }, async () => {
      const { setTimeout } = globalThis;
      for (const takesLong of [false, true]) {
        const notes: string[] = [];
        globalThis.setTimeout = ((action: () => void) =>
          takesLong ? action() : 0) as unknown as typeof setTimeout;
        const folder = await packageFolder(absent, (note) => notes.push(note))
          .finally(() => globalThis.setTimeout = setTimeout);
        const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
        assert.equal(version, "5.0.1");
        assert.deepEqual(notes, takesLong ? ["Fetching sentiment 5.0.1 from npm, once: 1 MB …"] : []);
      }
    })
  );
});

Deno.test("a package that is there is found without a process, and another is asked for in vain", async () => {
  const library = JSON.stringify(import.meta.resolve("../../lib/storage/packages.ts"));
  const script = `import { packageFolder } from ${library};
    for (const [name, version] of [["commander", "14.0.2"], ["sentiment", "5.0.1"]]) {
      console.log(await packageFolder({ name, version, megabytes: 1 }, () => {}).catch(({ message }) => message));
    }`;
  await inFolder(async (folder) => {
    const file = join(folder, "find.ts");
    await writeFile(file, script);
    const args = ["run", "--config", configuration, "--no-prompt", "--allow-read", "--allow-env", file];
    const lines = execFileSync(Deno.execPath(), args, { encoding: "utf8" }).trim().split("\n");
    const { name, version } = JSON.parse(await readFile(join(lines[0]!, "package.json"), "utf8"));
    assert.deepEqual([name, version], ["commander", "14.0.2"]);
    assert.match(lines[1]!, /^Cannot find the npm package sentiment 5\.0\.1 .* without --allow-run$/);
  });
});

Deno.test("a package that cannot be fetched is an error that says what to do", () =>
  inFolder((cache) =>
    withEnvironment({ DENO_DIR: cache, NPM_CONFIG_REGISTRY: "http://127.0.0.1:9" }, async () => {
      await assert.rejects(packageFolder(absent, () => {}), {
        name: "InputError",
        message:
          "Cannot fetch the npm package sentiment 5.0.1: Failed loading http://127.0.0.1:9/sentiment for " +
          'package "sentiment"; check the network, or point NPM_CONFIG_REGISTRY to a registry that can be reached',
      });
    })
  ));
