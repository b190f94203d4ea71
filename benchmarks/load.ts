/**
 * A training step while another process uses one core fully, against the same step alone: growth of ours and, if a
 * Python with PyTorch and transformers is named, of PyTorch's. All take turns, alone and beside it.
 */
import { openEngine } from "../lib/engine/open.ts";
import type { Side } from "./sides.ts";
import { classifierSide, startPeer, stepShapes } from "./step.ts";
import { median } from "../lib/results/statistics.ts";
import { type BenchmarkOptions, silence } from "./timing.ts";

/** Milliseconds of a side's steps. */
interface Times {
  readonly alone: number[];
  readonly beside: number[];
}

/** Runs the benchmark; returns its numbers for the history. */
export async function benchLoad(
  { engine, python, repeats, say }: BenchmarkOptions,
): Promise<Record<string, Record<string, Times>>> {
  const other = new Deno.Command(Deno.execPath(), { args: ["eval", "for (;;);"], env: { ...silence } })
    .spawn();
  const results: Record<string, Record<string, Times>> = {};
  try {
    other.kill("SIGSTOP");
    for (const shape of stepShapes) {
      const { L, H, B, T } = shape;
      const ours = await classifierSide(await openEngine(engine), shape);
      const sides: Record<string, Side> = { [engine]: ours.step };
      const peer = python === undefined ? undefined : await startPeer(python, shape);
      if (peer) sides[peer.greeting] = () => peer.ask();
      const label = `L${L} H${H} B${B} T${T}`;
      const times = results[label] = Object.fromEntries(
        Object.keys(sides).map((name) => [name, { alone: [], beside: [] } as Times]),
      );
      for (let n = 0; n < repeats; n++) {
        for (const where of ["alone", "beside"] as const) {
          other.kill(where === "beside" ? "SIGCONT" : "SIGSTOP");
          for (const [name, step] of Object.entries(sides)) times[name]![where].push(await step());
        }
      }
      other.kill("SIGSTOP");
      await ours.end();
      await peer?.stop();
      const told = Object.entries(times).map(([name, { alone, beside }]) => {
        const [before, after] = [median(alone), median(beside)];
        return `${name} ${before.toFixed(0)} → ${after.toFixed(0)} ms (${(after / before).toFixed(2)} times)`;
      });
      say(`${label}, alone → beside a process that uses one core: ${told.join("; ")}`);
    }
  } finally {
    other.kill("SIGKILL");
    await other.status;
  }
  return results;
}
