/** The engines that the compliance suite and the golden tests run on. */
import type { Engine } from "../../lib/engine/engine.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { referenceEngine } from "../../lib/engine/reference.ts";

/** Every engine by name. */
export const engines: Readonly<Record<string, () => Promise<Engine>>> = {
  reference: referenceEngine,
  onnx: () => Promise.resolve(onnxEngine()),
};
