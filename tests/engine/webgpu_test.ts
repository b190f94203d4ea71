/** What is said where WebGPU has no device. */
import assert from "node:assert/strict";
import { webgpuEngine } from "../../lib/engine/webgpu.ts";
import { InputError } from "../../lib/errors.ts";

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
