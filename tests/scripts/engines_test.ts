import { deepStrictEqual, match, ok } from "node:assert/strict";
import process from "node:process";
import { enginesCommand } from "../../scripts/engines.ts";
import { runCommand } from "../../scripts/command.ts";
import { xlaCommand } from "../../scripts/xla.ts";

async function run(
  make: typeof enginesCommand,
  ...args: string[]
): Promise<{ code: number; out: string[]; error: string[] }> {
  const out: string[] = [], error: string[] = [];
  const output = { out: (text: string) => out.push(text), error: (text: string) => error.push(text) };
  return { code: await runCommand(make(output), args, output), out, error };
}

Deno.test("every engine is told of, what auto chooses, and what is wrong with a plugin", async () => {
  const before = process.env.BERTLAB_XLA_PLUGIN;
  process.env.BERTLAB_XLA_PLUGIN = import.meta.filename!;
  try {
    const { code, out } = await run(enginesCommand);
    deepStrictEqual(code, 0);
    for (const start of ["reference: ", "onnx: ", "xla: Cannot load the plugin ", "GPU: ", "auto: "]) {
      ok(out.some((line) => line.startsWith(start)), start);
    }
    match(out.at(-1)!, /^Next: `deno task xla install (cpu|cuda13)`/);
  } finally {
    if (before === undefined) delete process.env.BERTLAB_XLA_PLUGIN;
    else process.env.BERTLAB_XLA_PLUGIN = before;
  }
});

Deno.test("what cannot be understood is one sentence", async () => {
  const target = await run(enginesCommand, "--target", "b200");
  deepStrictEqual([target.code, target.error], [1, ["Cannot use --target b200: expected one of h100, h200"]]);
  const plugin = await run(xlaCommand, "install", "rocm");
  deepStrictEqual(plugin.code, 1);
  deepStrictEqual(plugin.error.length, 1);
  match(plugin.error[0]!, /'rocm' is invalid .*cpu, cuda13/);
});
