import assert from "node:assert/strict";
import { openEngine } from "../../lib/engine/open.ts";
import { InputError } from "../../lib/errors.ts";

Deno.test("engines are opened by name, and others are refused", async () => {
  const engine = await openEngine("onnx");
  assert.equal(engine.name, "onnx");
  engine.dispose();
  await assert.rejects(
    openEngine("cuda"),
    new InputError('Cannot use the engine "cuda": expected onnx, xla, tensorflow, webgpu or reference'),
  );
  await assert.rejects(
    openEngine("onnx", "bf16"),
    new InputError(
      "Cannot compute in bf16 with the engine onnx: expected f32, bf16 with the engine xla, or tf32 with tensorflow",
    ),
  );
  await assert.rejects(
    openEngine("onnx", "f32", 2),
    new InputError("Cannot use 2 devices with the engine onnx: expected 1, or the engine xla"),
  );
});
