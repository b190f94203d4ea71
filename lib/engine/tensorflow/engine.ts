/**
 * The tensorflow engine: tfjs-node's operations on the TensorFlow that Python's package index ships, on the CPU or an
 * NVIDIA GPU. It is eager as the reference engine is, so that each operation can be looked into, and computes in native
 * code.
 */
import * as tf from "@tensorflow/tfjs";
import { InputError } from "../../errors.ts";
import { hasNvidiaGpu } from "../discovery.ts";
import { eagerEngine } from "../eager.ts";
import type { Engine } from "../engine.ts";
import { Addon } from "./addon.ts";
import { type Library, loadLibrary } from "./api.ts";
import { backendName, registerBackend } from "./backend.ts";
import { findLibrary } from "./libraries.ts";
import { maskDrawer } from "./masks.ts";
import { allowTf32, isForGpu } from "./options.ts";

/** TensorFlow as a process has it. */
interface Opened {
  readonly library: Library;
  readonly addon: Addon;
}

let opened: Promise<Opened> | undefined;

/** Opens the library that is found, once in a process. */
async function open(): Promise<Opened> {
  opened ??= openFound();
  try {
    return await opened;
  } catch (error) {
    opened = undefined; // what was wrong may have been mended
    throw error;
  }
}

async function openFound(): Promise<Opened> {
  const library = await loadLibrary((await findLibrary()).path);
  const addon = new Addon(library);
  const found = addon.isUsingGpuDevice();
  refuseLostCard({ forGpu: isForGpu(library), found, card: hasNvidiaGpu() });
  return { library, addon };
}

/** Returns TensorFlow's version and devices. @throws InputError if it cannot be used. */
export async function describeTensorFlow(): Promise<{ version: string; devices: readonly string[] }> {
  const { library: { version }, addon: { devices } } = await open();
  return { version, devices };
}

/**
 * Opens TensorFlow as an engine.
 *
 * @param precision f32, or tf32: matrix products of numbers cut to ten bits, on a GPU alone
 * @throws InputError if there is no TensorFlow, it cannot be used, or there is a GPU that it does not find.
 */
export async function tensorflowEngine(precision: "f32" | "tf32" = "f32"): Promise<Engine> {
  tf.enableProdMode(); // keeps tfjs from advertising another package on the terminal
  await tf.ready(); // so that this backend does not become the usual one
  const { library, addon } = await open();
  const gpu = addon.isUsingGpuDevice();
  if (precision === "tf32" && !gpu) {
    throw new InputError(
      "Cannot compute in tf32 with the engine tensorflow on a CPU: expected f32, or a GPU",
    );
  }
  allowTf32(library, precision === "tf32");
  const backend = await registerBackend(addon);
  const device = addon.devices.find((name) => !gpu || name.startsWith("GPU"))!;
  return eagerEngine({
    name: "tensorflow",
    capabilities: { dtypes: ["float32"], devices: [`TensorFlow ${library.version} ${device}`] },
    backend: backendName,
    drawMask: maskDrawer(addon, backend),
  });
}

/**
 * Refuses a card that TensorFlow does not find: a run that was meant for it would take days.
 *
 * @param state.forGpu whether the library is the GPU's
 * @param state.found whether it lists a GPU
 * @param state.card whether the machine has one
 * @throws InputError that says what to look at.
 */
export function refuseLostCard(state: {
  readonly forGpu: boolean;
  readonly found: boolean;
  readonly card: boolean;
}): void {
  if (!state.forGpu || state.found || !state.card || Deno.env.get("CUDA_VISIBLE_DEVICES") === "") return;
  throw new InputError(
    "Cannot use the GPU with the engine tensorflow: TensorFlow finds none though there is one, so its driver does not " +
      "work or is older than CUDA 12 (525); see what nvidia-smi says, or set CUDA_VISIBLE_DEVICES to nothing to " +
      "compute on the CPU",
  );
}
