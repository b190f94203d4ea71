/** Engines by name; only the one that is asked for is loaded. */
import { InputError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { requireArguments } from "../storage/arguments.ts";
import { text, whole } from "../storage/json.ts";

/** Names on the command line; "auto" leaves the choice to {@linkcode chooseEngine}. */
export const engineNames = ["auto", "onnx", "xla", "tensorflow", "webgpu", "reference"] as const;

/**
 * Returns the engine that a name stands for: "auto" is xla where there is a GPU and a plugin for it that works, else ONNX
 * Runtime, which runs wherever the library does.
 */
export async function chooseEngine(
  name: typeof engineNames[number],
  say: (line: string) => void,
): Promise<Engine["name"]> {
  if (name !== "auto") return name;
  const { hasUsableGpu } = await import("./xla/gpu.ts");
  return await hasUsableGpu(say) ? "xla" : "onnx";
}

/** Precisions on the command line: bf16 is for xla, tf32 for tensorflow. */
export const precisions = ["f32", "bf16", "tf32"] as const;

/**
 * Opens an engine by name, ready to use; the caller disposes it.
 *
 * @param devices Devices that share each batch.
 * @throws InputError if there is no such engine, or it cannot compute in this precision or on so many devices.
 */
export async function openEngine(name: string, precision: string = "f32", devices = 1): Promise<Engine> {
  requireArguments("openEngine", {
    name: [name, text],
    precision: [precision, text],
    devices: [devices, whole(1)],
  });
  if (name === "xla" && (precision === "f32" || precision === "bf16")) {
    return await (await import("./xla/engine.ts")).xlaEngine({ precision, devices });
  }
  if (name === "auto" || !(engineNames as readonly string[]).includes(name)) {
    throw new InputError(
      `Cannot use the engine "${name}": expected onnx, xla, tensorflow, webgpu or reference`,
    );
  }
  const special = { xla: "bf16", tensorflow: "tf32" }[name];
  if (precision !== "f32" && precision !== special) {
    const known = special ? `f32 or ${special}` : "f32, bf16 with the engine xla, or tf32 with tensorflow";
    throw new InputError(`Cannot compute in ${precision} with the engine ${name}: expected ${known}`);
  }
  if (devices !== 1) {
    throw new InputError(
      `Cannot use ${devices} devices with the engine ${name}: expected 1, or the engine xla`,
    );
  }
  if (name === "tensorflow") {
    return await (await import("./tensorflow/engine.ts")).tensorflowEngine(precision as "f32" | "tf32");
  }
  if (name === "webgpu") return await (await import("./webgpu.ts")).webgpuEngine();
  return name === "onnx"
    ? (await import("./onnx.ts")).onnxEngine()
    : await (await import("./reference.ts")).referenceEngine();
}
