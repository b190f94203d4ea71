/**
 * A training step on several devices of the xla engine, each with its rows of the same batch. On a CPU they are parts
 * of it that share its cores, so that no more than what the exchange costs can be seen there.
 */
import { sequenceClassifier } from "../lib/bert/classifier.ts";
import { newConfig } from "../lib/bert/config.ts";
import { initialParameters } from "../lib/bert/parameters.ts";
import { Random } from "../lib/random.ts";
import { openEngine } from "../lib/run_cell.ts";
import { type Side, trainerSide } from "./sides.ts";
import { interleave } from "./timing.ts";

const [L, H, B, T] = [4, 256, 16, 128];

/** Runs the benchmark with as many devices as there are, up to 4; returns its numbers for the history. */
export async function benchDevices(
  { repeats, say }: { repeats: number; say: (line: string) => void },
): Promise<Record<string, unknown>> {
  const config = newConfig({ vocab_size: 30_522, hidden_size: H, num_hidden_layers: L });
  const random = new Random(1);
  const batch = {
    shape: { B, K: 1, T },
    parts: [{
      ids: { shape: [B, T], data: Int32Array.from({ length: B * T }, () => random.below(30_522)) },
      mask: { shape: [B, T], data: new Int32Array(B * T).fill(1) },
      labels: { shape: [B], data: Int32Array.from({ length: B }, () => random.below(2)) },
      weights: { shape: [B], data: new Float32Array(B).fill(1 / B) },
    }],
    examples: B,
    tokens: B * T,
  };
  const sides: Record<string, Side> = {};
  const ends: (() => Promise<void>)[] = [];
  for (const devices of [1, 2, 4]) {
    const engine = await openEngine("xla", "f32", devices);
    const parameters = initialParameters(config, { seed: 1, labels: 2 });
    const side = await trainerSide(engine, sequenceClassifier(config), parameters, batch);
    sides[`${devices} devices`] = side.step;
    ends.push(side.end);
  }
  const timings = await interleave(sides, repeats);
  for (const end of ends) await end();
  const one = timings["1 devices"]!.best;
  for (const [name, { best, median }] of Object.entries(timings)) {
    say(
      `L${L} H${H} B${B} T${T}, ${name}: best ${best.toFixed(0)} ms, median ${median.toFixed(0)} ms, ` +
        `${(best / one).toFixed(2)} of one device's`,
    );
  }
  return timings;
}
