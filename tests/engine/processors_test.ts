/** A process that may use one processor computes on that one alone, also where the machine has more. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { graphOf } from "../../scripts/engine_check/case_graphs.ts";
import { cases } from "../../scripts/engine_check/cases.ts";

/** Returns true where `taskset` binds a process to a processor of several. */
function canBind(): boolean {
  try {
    execFileSync("taskset", ["-c", "0", "true"], { stdio: "ignore" });
    return cpus().length > 1;
  } catch {
    return false;
  }
}

Deno.test({
  name: "onnx starts no thread on a processor that the process may not use",
  ignore: !canBind(),
  fn: () => {
    const found = execFileSync("taskset", ["-c", "0", Deno.execPath(), "run", "-A", import.meta.filename!], {
      encoding: "utf8",
      env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
    });
    assert.deepEqual(JSON.parse(found), ["0"]);
  },
});

if (import.meta.main) {
  const [name, one] = Object.entries(cases)[0]!;
  const program = await onnxEngine().compile(graphOf(name, one));
  const processorsOf = (task: string) =>
    readFileSync(`/proc/self/task/${task}/status`, "utf8").match(/Cpus_allowed_list:\s*(.*)/)![1]!;
  console.log(JSON.stringify([...new Set(readdirSync("/proc/self/task").map(processorsOf))]));
  program.dispose();
}
