import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { findPlugin, findPlugins, pluginFolder } from "../../../lib/engine/xla/discovery.ts";
import { noteInstalled } from "../../../lib/storage/wheels.ts";
import { wheels } from "../../../lib/engine/xla/wheels.ts";
import { withEnvironment } from "../../helpers/environment.ts";
import { inFolder } from "../../helpers/in_folder.ts";

/** Runs a test with an empty cache, no Python and no plugin named. */
const alone = (test: (folder: string) => Promise<void>) =>
  inFolder((folder) =>
    withEnvironment({ BERTLAB_CACHE: folder, BERTLAB_XLA_PLUGIN: "", PATH: folder }, () => test(folder))
  );

async function write(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, "");
  return path;
}

Deno.test("an argument comes before the variable, the variable before the cache", () =>
  alone(async (folder) => {
    const installed = await write(
      join(pluginFolder("cpu"), "lammps_jax_pjrt_cpu", "pjrt_c_api_cpu_plugin.so"),
    );
    deepStrictEqual((await findPlugins()).found, [], "not unpacked to the end");
    await noteInstalled(wheels.cpu[0]!, pluginFolder("cpu"));
    deepStrictEqual((await findPlugin(undefined, "cpu")).path, installed);
    process.env.BERTLAB_XLA_PLUGIN = await write(join(folder, "variable.so"));
    deepStrictEqual((await findPlugin()).path, join(folder, "variable.so"));
    deepStrictEqual(
      (await findPlugin(await write(join(folder, "argument.so")))).path,
      join(folder, "argument.so"),
    );
    await rejects(findPlugin(join(folder, "nowhere.so")), {
      message: `Cannot load the plugin ${join(folder, "nowhere.so")} (named): there is no such file`,
    });
  }));

Deno.test("where there is none, every place is named and the next step", () =>
  alone(async () => {
    await rejects(findPlugin(undefined, "cuda"), {
      message:
        `Cannot find a PJRT plugin for cuda in BERTLAB_XLA_PLUGIN (not set), ${pluginFolder("cuda13")}, ` +
        `${
          pluginFolder("cpu")
        }, Python's packages (there is no python3): run \`deno task xla install cuda13\`, ` +
        "or name one in BERTLAB_XLA_PLUGIN",
    });
  }));

Deno.test("every wheel is pinned, and a set's plugin is its last", () => {
  for (const [set, list] of Object.entries(wheels)) {
    for (const { version, sha256 } of list) {
      ok(/^[\d.]+$/.test(version) && /^[0-9a-f]{64}$/.test(sha256), set);
    }
    deepStrictEqual(new Set(list.map(({ name }) => name)).size, list.length);
    ok(/pjrt/.test(list.at(-1)!.name));
  }
});
