/** An engine that computes within the call does not keep signals from the process. */
import { ok } from "node:assert/strict";
import process from "node:process";
import { record } from "../../lib/graph/record.ts";
import { engines } from "./engines.ts";

for (const name of ["reference", "tensorflow"].filter((name) => engines[name])) {
  Deno.test(`${name}: a signal is heard while programs run one after another`, async () => {
    const engine = await engines[name]!();
    const program = await engine.compile(record("sum", {
      state: {},
      feeds: { x: { shape: [2], dtype: "float32" } },
    }, ({ x }) => ({ state: {}, outputs: { y: x!.sum() } })));
    const state = engine.state({});
    let heard = false;
    const hear = () => heard = true;
    process.once("SIGTERM", hear);
    try {
      process.kill(process.pid, "SIGTERM");
      const start = performance.now();
      while (!heard && performance.now() - start < 5000) {
        await program.run(state, { x: { shape: [2], data: Float32Array.of(1, 2) } });
      }
      ok(heard, "in five seconds of programs");
    } finally {
      process.off("SIGTERM", hear);
      program.dispose();
      state.dispose();
      engine.dispose();
    }
  });
}
