/**
 * A training step on several devices of the xla engine, each with its rows of the same batch. On a CPU the devices
 * share its cores, so that only the cost of the exchange shows there.
 */
import { openEngine } from "../lib/engine/open.ts";
import type { Side } from "./sides.ts";
import { classifierSide } from "./step.ts";
import { interleave } from "./timing.ts";

const shape = { L: 4, H: 256, B: 16, T: 128 };

/** Runs the benchmark with as many devices as there are, up to 4; returns its numbers for the history. */
export async function benchDevices(
  { repeats, say }: { repeats: number; say: (line: string) => void },
): Promise<Record<string, unknown>> {
  const sides: Record<string, Side> = {};
  const ends: (() => Promise<void>)[] = [];
  for (const devices of [1, 2, 4]) {
    const engine = await openEngine("xla", "f32", devices);
    const side = await classifierSide(engine, shape);
    sides[`${devices} devices`] = side.step;
    ends.push(side.end);
  }
  const timings = await interleave(sides, repeats);
  for (const end of ends) await end();
  const one = timings["1 devices"]!.best;
  for (const [name, { best, median }] of Object.entries(timings)) {
    say(
      `L${shape.L} H${shape.H} B${shape.B} T${shape.T}, ${name}: best ${best.toFixed(0)} ms, median ${
        median.toFixed(0)
      } ms, ` +
        `${(best / one).toFixed(2)} of one device's`,
    );
  }
  return timings;
}
