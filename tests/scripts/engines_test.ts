import { deepStrictEqual, match, ok } from "node:assert/strict";
import { enginesCommand } from "../../scripts/engines.ts";
import { tensorflowCommand } from "../../scripts/tensorflow.ts";
import { xlaCommand } from "../../scripts/xla.ts";
import { withEnvironment } from "../helpers/environment.ts";
import { runInTest } from "../helpers/run_command.ts";

Deno.test("every engine is told of, what auto chooses, and what is wrong with a plugin", () =>
  withEnvironment({ BERTLAB_XLA_PLUGIN: import.meta.filename! }, async () => {
    const { code, out } = await runInTest(enginesCommand);
    const lines = out.split("\n");
    deepStrictEqual(code, 0);
    for (
      const start of [
        "reference: ",
        "onnx: ",
        "xla: Cannot load the plugin ",
        "tensorflow: ",
        "webgpu: ",
        "GPU: ",
        "auto: ",
      ]
    ) {
      ok(lines.some((line) => line.startsWith(start)), start);
    }
    match(lines.at(-1)!, /^Next: `deno task xla install (cpu|cuda13)`/);
  }));

Deno.test("what cannot be understood is one sentence", async () => {
  const target = await runInTest(enginesCommand, "--target", "b200");
  deepStrictEqual([target.code, target.error], [1, "Cannot use --target b200: expected one of h100, h200"]);
  const plugin = await runInTest(xlaCommand, "install", "rocm");
  deepStrictEqual(plugin.code, 1);
  match(plugin.error, /^.*'rocm' is invalid .*cpu, cuda13.*$/);
  const library = await runInTest(tensorflowCommand, "install", "cuda13");
  deepStrictEqual(library.code, 1);
  match(library.error, /^.*'cuda13' is invalid .*cpu, cuda12.*$/);
});
