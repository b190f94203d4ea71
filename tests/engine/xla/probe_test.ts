/** Trying a plugin: it must compute a first program, within its time, and GPUs are found with the tasks' permissions. */
import { deepStrictEqual, match, rejects } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "../../../lib/engine/xla/client.ts";
import { searchIn } from "../../../lib/engine/xla/cuda_data.ts";
import { cudaLibraries, gpuCount } from "../../../lib/engine/xla/cuda_libraries.ts";
import { describe, problemOf } from "../../../lib/engine/xla/probe.ts";
import { pluginForTests } from "../engines.ts";
import { runChild } from "./child.ts";
import { FaultyPlugin } from "./faulty.ts";
import { withEnvironment } from "../../helpers/environment.ts";
import { inFolder } from "../../helpers/in_folder.ts";

const path = await pluginForTests("trying a plugin");

Deno.test({
  name: "a plugin whose devices open and that cannot compile exp(x) is not usable, with the compiler's words",
  ignore: path === undefined,
  async fn() {
    using faulty = new FaultyPlugin(path!);
    const client = new Client(faulty.plugin.api);
    deepStrictEqual(await problemOf(faulty.plugin, client), undefined);
    faulty.faults.set("Client_Compile", { status: 14, message: "No PTX compilation provider is available." });
    match(
      (await problemOf(faulty.plugin, client))!,
      /^Cannot use \S+: Cannot compile a program: No PTX compilation provider is available \(UNAVAILABLE\)$/,
    );
    faulty.faults.clear();
    faulty.rewrite = (text) => text.replace("stablehlo.exponential", "stablehlo.negate");
    match(
      (await problemOf(faulty.plugin, client))!,
      /^Cannot use \S+: exp\(-1, 0, 1, 2\) came out as 1,0,-1,-2$/,
    );
  },
});

Deno.test({
  name: "CUDA's compiler is asked of plugins for NVIDIA's GPUs alone",
  ignore: path === undefined,
  fn: () =>
    inFolder(async (folder) => {
      using faulty = new FaultyPlugin(path!);
      // The compiler for CPUs knows the flags for GPUs, so its client can pass for another platform's.
      const client = new Client(faulty.plugin.api);
      const plugin = { ...faulty.plugin, path: join(folder, "a", "b", "plugin.so") };
      const none = { CUDA_HOME: "", CUDA_PATH: "", CUDA_ROOT: "", BERTLAB_PYTHON: "" };
      const problem = (platform: string) => {
        Object.defineProperty(client, "platform", { value: platform });
        return withEnvironment(
          { ...none, BERTLAB_CACHE: folder, PATH: folder },
          () => problemOf(plugin, client),
        );
      };
      deepStrictEqual(await problem("rocm"), undefined);
      const isInstalled = searchIn(["/usr/local/cuda"]).folder !== undefined;
      if (!isInstalled) match((await problem("cuda"))!, /^Cannot find ptxas and libdevice, /);
    }),
});

Deno.test("a plugin that does not answer within its time is told so, and its trial is ended", async () => {
  await rejects(describe("plugin.so", { seconds: 1, program: import.meta.resolve("./never_answers.ts") }), {
    name: "InputError",
    message:
      "Cannot use the plugin plugin.so: it did not compute a first program within 1 s, in the process that " +
      "tried it; another program may hold the GPU",
  });
});

/** Makes a library of C functions; undefined where there is no compiler. */
async function library(path: string, source: string): Promise<string | undefined> {
  await writeFile(`${path}.c`, source);
  try {
    execFileSync("cc", ["-shared", "-fPIC", "-o", path, `${path}.c`], { stdio: "ignore" });
    return path;
  } catch {
    console.warn("SKIPPED: simulated libraries: there is no C compiler");
    return undefined;
  }
}

const driver = (devices: number) => `
  int cuInit(unsigned flags) { return ${devices} ? 0 : 100; }
  int cuDeviceGetCount(int* count) { *count = ${devices}; return 0; }
  int cuDriverGetVersion(int* version) { *version = 13000; return 0; }`;

Deno.test("GPUs are counted by the driver, with the permissions of the tasks", () =>
  inFolder(async (folder) => {
    deepStrictEqual(gpuCount([join(folder, "no-driver.so")]), 0);
    const one = await library(join(folder, "one.so"), driver(1));
    const none = await library(join(folder, "none.so"), driver(0));
    if (!one || !none) return;
    deepStrictEqual([gpuCount([none]), gpuCount([one]), gpuCount([join(folder, "no.so"), one])], [0, 1, 1]);
    await library(join(folder, "libcuda.so.1"), driver(1));
    const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-ffi", "--allow-run"];
    const env = { LD_LIBRARY_PATH: folder };
    deepStrictEqual(await runChild("has_gpu.ts", [], { env, permissions }), { code: 0, output: "true\n" });
  }));

Deno.test("the libraries of a CUDA plugin tell their versions", () =>
  inFolder(async (folder) => {
    const plugin = { path: join(folder, "jax_plugins", "xla_cuda13", "plugin.so"), options: {} };
    const lib = (...names: string[]) => join(folder, "nvidia", ...names);
    await mkdir(lib("cudnn", "lib"), { recursive: true });
    await mkdir(lib("cu13", "lib"), { recursive: true });
    const made = await library(
      lib("cudnn", "lib", "libcudnn.so.9"),
      "unsigned long cudnnGetVersion() { return 92000; }",
    );
    if (!made) return;
    await library(
      lib("cu13", "lib", "libcublasLt.so.13"),
      "unsigned long cublasLtGetVersion() { return 130100; }",
    );
    const attributes = new Map([["cuda_version", "13000"]]);
    const { cudnn, cublas } = cudaLibraries({ ...plugin, attributes, api: undefined! });
    deepStrictEqual([cudnn, cublas], [92000, 130100]);
    deepStrictEqual(cudaLibraries({ ...plugin, attributes: new Map(), api: undefined! }), {});
  }));
