import { ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { engines } from "../engine/engines.ts";
import { test } from "../helpers/slow.ts";

// Plain JavaScript and WebGPU in software take minutes for as many steps.
const leftOut = ["reference", "webgpu"];
for (const name of Object.keys(engines).filter((name) => !leftOut.includes(name))) {
  test.slow(`${name}: hundreds of steps take less than 50 MB of memory more`, async () => {
    // In a process of its own: what other tests leave would hide a leak.
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--allow-all",
        "--v8-flags=--expose-gc",
        join(import.meta.dirname!, "thousand_steps.ts"),
        name,
      ],
    }).output();
    strictEqual(code, 0, new TextDecoder().decode(stderr));
    const resident: number[] = JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
    strictEqual(resident.length, 50);
    // The least of a window: what lies around for a moment is no leak. The embeddings' gradient kept in each step would
    // be more than 200 MB; a system that is short of memory takes a few and gives them back.
    const [early, late] = [Math.min(...resident.slice(10, 20)), Math.min(...resident.slice(40))];
    ok(
      late <= early + 50e6,
      `${early / 1e6} MB after 200 to 400 steps and ${late / 1e6} MB after 800 to 1000`,
    );
  });
}
