/** The paper's training steps timed on a device: tiny ones on the CPU's plugin. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { gpuCases } from "../../benchmarks/gpu.ts";
import type { GpuTimes } from "../../benchmarks/gpu_case.ts";
import { caseOf } from "../../benchmarks/gpu_run.ts";
import { hasNvidiaGpu } from "../../lib/engine/discovery.ts";
import { benchCommand } from "../../scripts/bench.ts";
import { pluginForTests } from "../engine/engines.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { test } from "../helpers/slow.ts";

const plugin = await pluginForTests("steps that are timed on the engine xla");

const tiny = ["gpu", "--run", "--tiny", "--seconds", "0.1"];

test.slow("every case is timed, tiny, and its numbers are kept", () =>
  inFolder(async (folder) => {
    const history = join(folder, "history.jsonl");
    const { code, out, error } = await runInTest(benchCommand, ...tiny, "--history", history, "--python", "");
    strictEqual(code, 0, error);
    const { benchmark, results } = JSON.parse(await readFile(history, "utf8"));
    strictEqual(benchmark, "gpu --run");
    deepStrictEqual(Object.keys(results), Object.keys(gpuCases));
    for (const [name, times] of Object.entries<GpuTimes>(results)) {
      ok(
        times.median > 0 && times.best <= times.median && times.device! > 0,
        `${name}: ${JSON.stringify(times)}`,
      );
      ok(times.losses.every(Number.isFinite), name);
      match(out, new RegExp(`\n${name} +[\\d.]+ +[\\d.]+ +[\\d.]+ +-?[\\d.]+ +(–|[\\d.]+ GB)(\n|$)`));
    }
  }), { ignore: plugin === undefined });

test.slow(
  "a case is timed beside PyTorch, and what cannot be run there is a line of its own",
  () =>
    inFolder(async (folder) => {
      const python = process.env.BERTLAB_PYTHON;
      if (!python) return console.warn("SKIPPED: steps beside PyTorch: BERTLAB_PYTHON names no Python");
      const hasTorch =
        (await new Deno.Command(python, { args: ["-c", "import torch, transformers"] }).output()).success;
      const name = "base B32 T128 bf16", only = ["--only", name, "--only", "base masked words B32 T128 bf16"];
      const history = join(folder, "history.jsonl");
      const { code, out } = await runInTest(
        benchCommand,
        ...tiny,
        "--history",
        history,
        "--python",
        python,
        ...only,
      );
      strictEqual(code, 0);
      const { results } = JSON.parse(await readFile(history, "utf8"));
      deepStrictEqual(Object.keys(results), [name, `${name}, PyTorch`, `${name}, PyTorch compiled`, only[3]]);
      const peer = results[`${name}, PyTorch`];
      if (hasTorch) ok(peer.losses.every(Number.isFinite), out);
      else match(peer, /^no result: its process did not end well \(exit code 1\): .*No module/);
    }),
  { ignore: plugin === undefined },
);

Deno.test("without a GPU it says so in one sentence, and a case that is not there is named", async () => {
  const unknown = await runInTest(benchCommand, "gpu", "--run", "--tiny", "--only", "base");
  match(unknown.error, /^Unknown case "base": expected one of base B32 T128 f32, /);
  deepStrictEqual(caseOf("base B24 T512 f32"), gpuCases["base B24 T512 f32"]);
  if (hasNvidiaGpu()) return;
  const { code, out, error } = await runInTest(benchCommand, "gpu", "--run");
  deepStrictEqual([code, out], [1, ""]);
  match(error, /^Cannot time steps on a GPU as this machine has none of NVIDIA's: --tiny times [^\n]+$/);
});
