import assert from "node:assert/strict";
import { InputError } from "../lib/errors.ts";
import { paperSettings } from "../lib/configuration.ts";
import { fineTuneSettings, openEngine } from "../lib/run_cell.ts";

Deno.test("the settings of a configuration cut texts as it says", () => {
  const configuration = { ...paperSettings, text: "hierarchical-max", maxFractions: 2, layerDecay: 0.95 };
  const { text, layerDecay } = fineTuneSettings(configuration);
  assert.equal(text.pooling, "max");
  assert.equal(text.pieces(new Int32Array(100), 12).length, 2);
  assert.equal(layerDecay, 0.95);
  assert.throws(
    () => fineTuneSettings({ ...paperSettings, text: "middle" }),
    (error) => error instanceof InputError && /"middle": expected one of head, tail/.test(error.message),
  );
});

Deno.test("engines are opened by name, and others are refused", async () => {
  const engine = await openEngine("onnx");
  assert.equal(engine.name, "onnx");
  engine.dispose();
  await assert.rejects(
    openEngine("cuda"),
    new InputError('Cannot use the engine "cuda": expected onnx, xla or reference'),
  );
  await assert.rejects(
    openEngine("onnx", "bf16"),
    new InputError("Cannot compute in bf16 with the engine onnx: expected f32, or bf16 with the engine xla"),
  );
  await assert.rejects(
    openEngine("onnx", "f32", 2),
    new InputError("Cannot use 2 devices with the engine onnx: expected 1, or the engine xla"),
  );
});
