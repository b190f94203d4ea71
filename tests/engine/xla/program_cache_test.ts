import { rejects, strictEqual } from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedExecutable } from "../../../lib/engine/xla/executable.ts";
import type { OpenPlugin } from "../../../lib/engine/xla/open.ts";
import { ProgramCache } from "../../../lib/engine/xla/program_cache.ts";
import { inFolder } from "../../helpers/in_folder.ts";

/** Returns the parts, as the cache uses them, of a plugin that compiles everything to one program. */
function compiling(program: Partial<LoadedExecutable>): OpenPlugin {
  return {
    plugin: { api: { version: 99 }, attributes: new Map() },
    client: { platform: "made up", platformVersion: "1", devices: [], compile: () => program },
  } as unknown as OpenPlugin;
}

const settings = { replicas: 1, overrides: {} };

Deno.test("a folder that cannot be written to does not end a run, a mistake of the program does", () =>
  inFolder(async (folder) => {
    const file = join(folder, "file");
    await writeFile(file, "");
    const cache = new ProgramCache(join(file, "programs"));
    const executable = (serialize: () => Uint8Array<ArrayBuffer>) =>
      ({ executable: { serialize } }) as unknown as LoadedExecutable;
    const good = executable(() => Uint8Array.of(1));
    strictEqual(await cache.compile(compiling(good), "text", settings), good);
    const broken = executable(() => {
      throw new TypeError("a mistake");
    });
    await rejects(cache.compile(compiling(broken), "text", settings), TypeError);
  }));
