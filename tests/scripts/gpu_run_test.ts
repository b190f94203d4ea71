/** The paper's training steps timed on a device: tiny ones on the CPU's plugin. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gpuCases } from "../../benchmarks/gpu.ts";
import { caseOf } from "../../benchmarks/gpu_run.ts";
import { hasNvidiaGpu } from "../../lib/engine/xla/discovery.ts";
import { benchCommand } from "../../scripts/bench.ts";
import { pluginForTests } from "../engine/engines.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { test } from "../helpers/slow.ts";

const plugin = await pluginForTests("steps that are timed on the engine xla");

test.slow("every case is timed, tiny, and its numbers are kept", () =>
  inFolder(async (folder) => {
    const history = join(folder, "history.jsonl");
    const tiny = ["gpu", "--run", "--tiny", "--seconds", "0.1", "--history", history];
    const { code, out, error } = await runInTest(benchCommand, ...tiny);
    strictEqual(code, 0, error);
    const { benchmark, results } = JSON.parse(await readFile(history, "utf8"));
    strictEqual(benchmark, "gpu --run");
    deepStrictEqual(Object.keys(results).filter((name) => !name.includes("PyTorch")), Object.keys(gpuCases));
    for (const [name, times] of Object.entries<Record<string, number> & { losses: number[] }>(results)) {
      ok(
        times.median! > 0 && times.best! <= times.median! && times.device! > 0,
        `${name}: ${JSON.stringify(times)}`,
      );
      ok(times.losses.every(Number.isFinite), name);
      match(out, new RegExp(`\n${name} +[\\d.]+ +[\\d.]+ +[\\d.]+ +-?[\\d.]+ +(–|[\\d.]+ GB)(\n|$)`));
    }
  }), { ignore: plugin === undefined });

Deno.test("without a GPU it says so in one sentence, and a case that is not there is named", async () => {
  const unknown = await runInTest(benchCommand, "gpu", "--run", "--tiny", "--only", "base");
  match(unknown.error, /^Unknown case "base": expected one of base B32 T128 f32, /);
  deepStrictEqual(caseOf("base B24 T512 f32"), gpuCases["base B24 T512 f32"]);
  if (await hasNvidiaGpu()) return;
  const { code, out, error } = await runInTest(benchCommand, "gpu", "--run");
  deepStrictEqual([code, out], [1, ""]);
  match(error, /^Cannot time steps on a GPU as this machine has none of NVIDIA's: --tiny times [^\n]+$/);
});
