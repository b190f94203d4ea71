/** XLA's data folder is found in environments that have its parts elsewhere. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { chmod, copyFile, link, mkdir, readlink, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cudaData, searchIn } from "../../../lib/engine/xla/cuda_data.ts";
import { findPlugin } from "../../../lib/engine/xla/discovery.ts";
import { wheels } from "../../../lib/engine/xla/wheels.ts";
import { cudaForTests } from "../engines.ts";
import { withEnvironment } from "../../helpers/environment.ts";
import { inFolder } from "../../helpers/in_folder.ts";
import { runChild } from "./child.ts";

async function write(path: string, mode = 0o644): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, "");
  await chmod(path, mode);
  return path;
}

/** Runs a test with an empty cache and no Python, and a plugin's path in an environment of packages. */
const inEnvironment = (test: (site: string, plugin: string, folder: string) => Promise<void>) =>
  inFolder((folder) => {
    const site = join(folder, "site-packages");
    const none = { BERTLAB_PYTHON: "", CUDA_HOME: "", CUDA_PATH: "", CUDA_ROOT: "" };
    return withEnvironment(
      { ...none, BERTLAB_CACHE: join(folder, "cache"), PATH: join(folder, "none") },
      () => test(site, join(site, "jax_plugins", "xla_cuda13", "xla_cuda_plugin.so"), folder),
    );
  });

Deno.test("NVIDIA's wheels beside the plugin are a data folder as they are", () =>
  inEnvironment(async (site, plugin) => {
    await write(join(site, "nvidia", "cu13", "bin", "ptxas"), 0o755);
    await write(join(site, "nvidia", "cu13", "nvvm", "libdevice", "libdevice.10.bc"));
    deepStrictEqual(cudaData(plugin).folder, join(site, "nvidia", "cu13"));
  }));

Deno.test("what is missing is searched again, as it may have been installed meanwhile", () =>
  inEnvironment(async (site, plugin) => {
    if (cudaData(plugin).folder !== undefined) return; // a toolkit in /usr/local
    await write(join(site, "nvidia", "cu13", "bin", "ptxas"), 0o755);
    deepStrictEqual(cudaData(plugin).missing, ["libdevice"]);
    await write(join(site, "nvidia", "cu13", "nvvm", "libdevice", "libdevice.10.bc"));
    deepStrictEqual(cudaData(plugin).folder, join(site, "nvidia", "cu13"));
  }));

Deno.test("in an environment of PyTorch the parts are Triton's, and are linked into one folder", () =>
  inEnvironment(async (site, plugin, folder) => {
    const triton = join(site, "triton", "backends", "nvidia");
    const ptxas = await write(join(triton, "bin", "ptxas"), 0o755);
    const libdevice = await write(join(triton, "lib", "libdevice.10.bc"));
    const { folder: found, missing } = cudaData(plugin);
    deepStrictEqual([missing, dirname(found!)], [[], join(folder, "cache", "xla", "cuda-data")]);
    deepStrictEqual(await readlink(join(found!, "bin", "ptxas")), ptxas);
    deepStrictEqual(await readlink(join(found!, "nvvm", "libdevice", "libdevice.10.bc")), libdevice);
    deepStrictEqual(searchIn([triton]).folder, found, "made once");
  }));

Deno.test("parts may lie in different folders; a toolkit that is named has both", () =>
  inEnvironment(async (_, __, folder) => {
    const [one, two] = [join(folder, "one"), join(folder, "two")];
    await write(join(one, "bin", "ptxas"), 0o644);
    deepStrictEqual(
      searchIn([one]),
      { missing: ["ptxas", "libdevice"], searched: [one] },
      "it cannot be run",
    );
    await write(join(two, "bin", "ptxas"), 0o755);
    deepStrictEqual(searchIn([one, two]), { missing: ["libdevice"], searched: [one, two] });
    await write(join(one, "nvvm", "libdevice", "libdevice.10.bc"));
    ok(searchIn([one, two]).folder!.startsWith(join(folder, "cache")));
    const toolkit = join(folder, "toolkit");
    await write(join(toolkit, "bin", "ptxas"), 0o755);
    await write(join(toolkit, "nvvm", "libdevice", "libdevice.10.bc"));
    await withEnvironment({ CUDA_HOME: toolkit }, () => {
      deepStrictEqual(cudaData(join(folder, "other", "a", "b", "plugin.so")).folder, toolkit);
      return Promise.resolve();
    });
  }));

Deno.test("xla install brings both parts, for compiling alone too", () => {
  for (const name of ["nvidia-cuda-nvcc", "nvidia-nvvm"]) {
    ok(wheels.cuda13.find((wheel) => wheel.name === name)?.compiles, name);
  }
});

const api = await cudaForTests("the CUDA compiler without ptxas and libdevice beside it");

Deno.test({
  name: "the CUDA compiler works in an environment that has no wheels of its parts",
  ignore: api === undefined,
  fn: () =>
    inFolder(async (folder) => {
      const { path } = await findPlugin(undefined, "cuda");
      const site = join(folder, "site-packages");
      const plugin = join(site, "jax_plugins", "xla_cuda13", "xla_cuda_plugin.so");
      await mkdir(dirname(plugin), { recursive: true });
      await link(path, plugin).catch(() => copyFile(path, plugin));
      const run = (withFolder: boolean) =>
        runChild("compile_exp.ts", [plugin, withFolder ? "search" : "alone"], {
          env: { BERTLAB_CACHE: join(folder, "cache"), PATH: join(folder, "none"), BERTLAB_PYTHON: "" },
        });
      match((await run(false)).output, /no PTX compilation provider|libdevice/i);
      const wheel = join(dirname(path), "..", "..", "nvidia", "cu13");
      const triton = join(site, "triton", "backends", "nvidia");
      await mkdir(join(triton, "bin"), { recursive: true });
      await mkdir(join(triton, "lib"), { recursive: true });
      await symlink(join(wheel, "bin", "ptxas"), join(triton, "bin", "ptxas"));
      await symlink(
        join(wheel, "nvvm", "libdevice", "libdevice.10.bc"),
        join(triton, "lib", "libdevice.10.bc"),
      );
      match((await run(true)).output, /^compiled \d+ bytes$/m);
    }),
});
