/** What is said where WebGPU has no device, and after an error of one. */
import * as tf from "@tensorflow/tfjs";
import assert from "node:assert/strict";
import { webgpuDevice, webgpuEngine } from "../../lib/engine/webgpu.ts";
import { InputError } from "../../lib/errors.ts";
import { record } from "../../lib/graph/record.ts";
import { test } from "../helpers/slow.ts";

Deno.test("without a device for WebGPU the driver that is missing is named", async () => {
  const { gpu } = navigator as Navigator & { gpu?: unknown };
  // The standard has null for a machine without a device.
  Object.defineProperty(navigator, "gpu", { value: { requestAdapter: () => null }, configurable: true });
  try {
    await assert.rejects(
      webgpuEngine(),
      new InputError(
        "Cannot use the engine webgpu: Deno finds no device for it; expected a driver for Vulkan, Metal or " +
          "DirectX 12 (mesa-vulkan-drivers is one in software, for Linux)",
      ),
    );
  } finally {
    Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  }
});

// After the one above, as a device stays open.
test.slow("an error of the device ends the run that it came in, and no later one", async () => {
  if (await webgpuDevice() === undefined) {
    return console.warn("SKIPPED: an error of WebGPU: it has no device");
  }
  const engine = await webgpuEngine();
  const graph = record("sum", { state: {}, feeds: { x: { shape: [2], dtype: "float32" } } }, ({ x }) => ({
    state: {},
    outputs: { sum: tf.sum(x!) },
  }));
  const program = await engine.compile(graph);
  const state = engine.state({});
  const sum = async () =>
    (await program.run(state, { x: { shape: [2], data: Float32Array.of(1, 2) } })).sum!.data;
  const { device } = tf.findBackend("webgpu") as unknown as {
    device: EventTarget & { createBuffer(of: { size: number; usage: number }): unknown };
  };
  const came = new Promise((resolve) => device.addEventListener("uncapturederror", resolve, { once: true }));
  device.createBuffer({ size: 4, usage: 0 }); // a buffer must be for something
  await came;
  await assert.rejects(sum(), /^InputError: Cannot compute "sum" with the engine webgpu: /);
  assert.deepEqual(await sum(), Float32Array.of(3));
});
