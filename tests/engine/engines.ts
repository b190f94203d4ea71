/** The engines that the compliance suite and the golden tests run on. */
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Engine } from "../../lib/engine/engine.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { tensorflowEngine } from "../../lib/engine/tensorflow/engine.ts";
import { findLibrary } from "../../lib/engine/tensorflow/libraries.ts";
import { webgpuDevice, webgpuEngine } from "../../lib/engine/webgpu.ts";
import { findPlugin } from "../../lib/engine/xla/discovery.ts";
import type { Api } from "../../lib/engine/xla/api.ts";
import { xlaEngine } from "../../lib/engine/xla/engine.ts";
import { loadPlugin } from "../../lib/engine/xla/plugin.ts";

/** The path of the plugin that tests use; says what is skipped where there is none. */
export async function pluginForTests(test: string): Promise<string | undefined> {
  try {
    return (await findPlugin()).path;
  } catch (error) {
    // A place that promises a plugin says so: there a skipped test is a failed one.
    if (process.env.BERTLAB_REQUIRE_XLA) throw error;
    console.warn(`SKIPPED: ${test}: ${(error as Error).message}`);
    return undefined;
  }
}

/** The functions of the CUDA plugin, which compiles without a GPU; says what is skipped where there is none. */
export async function cudaForTests(test: string): Promise<Api | undefined> {
  try {
    return loadPlugin((await findPlugin(undefined, "cuda")).path).api;
  } catch (error) {
    if (process.env.BERTLAB_REQUIRE_XLA) throw error;
    console.warn(`SKIPPED: ${test}: ${(error as Error).message}`);
    return undefined;
  }
}

/** Tells whether TensorFlow is here; says what is skipped where it is not. */
export async function tensorflowForTests(test: string): Promise<boolean> {
  try {
    await findLibrary();
    return true;
  } catch (error) {
    if (process.env.BERTLAB_REQUIRE_TENSORFLOW) throw error;
    console.warn(`SKIPPED: ${test}: ${(error as Error).message}`);
    return false;
  }
}

/** Tells whether WebGPU is tested: with a device, among the slow tests; says what is skipped and why. */
async function webgpuForTests(test: string): Promise<boolean> {
  const isLeftOut = process.env.BERTLAB_TESTS !== "all";
  if (!isLeftOut && await webgpuDevice() !== undefined) return true;
  const reason = isLeftOut ? "slow in software (deno task test:all)" : "WebGPU has no device here";
  console.warn(`SKIPPED: ${test}: ${reason}`);
  return false;
}

/** The suites compile the same programs again and again. */
const cacheFolder = await mkdtemp(join(tmpdir(), "bertlab-programs-"));
globalThis.addEventListener("unload", () => rmSync(cacheFolder, { recursive: true, force: true }));

const plugin = await pluginForTests("the engine xla");

/** Every engine by name. */
export const engines: Readonly<Record<string, () => Promise<Engine>>> = {
  reference: referenceEngine,
  onnx: () => Promise.resolve(onnxEngine()),
  ...plugin === undefined ? {} : { xla: () => xlaEngine({ plugin, cacheFolder }) },
  ...await tensorflowForTests("the engine tensorflow") ? { tensorflow: tensorflowEngine } : {},
  ...await webgpuForTests("the engine webgpu") ? { webgpu: webgpuEngine } : {},
};
