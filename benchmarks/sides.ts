/** The sides of a benchmark of training steps, and their times as text. */
import type { Engine } from "../lib/engine/engine.ts";
import type { HostTensors } from "../lib/tensors.ts";
import { optimizer } from "../lib/training/optimizers.ts";
import type { StepBatch } from "../lib/training/step.ts";
import { Trainer } from "../lib/training/trainer.ts";
import type { Trainable } from "../lib/training/step.ts";
import type { Timing } from "./timing.ts";

/** A function that makes one step and returns its milliseconds. */
export type Side = () => Promise<number>;

/** Returns a side that repeats a step of AdamW on one batch, after making the first step, which compiles. */
export async function trainerSide(
  engine: Engine,
  trainable: Trainable,
  parameters: HostTensors,
  batch: StepBatch,
): Promise<{ step: Side; end: () => Promise<void> }> {
  const trainer = new Trainer(engine, trainable, parameters, optimizer("adamw"), 1);
  const step = async () => {
    const start = performance.now();
    await trainer.step(batch, () => 2e-5);
    return performance.now() - start;
  };
  await step();
  return { step, end: () => trainer.dispose() };
}

/** Writes best and median of each side, and the ratio of ours to the other one. */
export function describe(timings: Record<string, Timing>, ours: string, limit?: number): string {
  const each = Object.entries(timings).map(([side, { best, median }]) =>
    `${side} best ${best.toFixed(0)} ms, median ${median.toFixed(0)} ms`
  );
  const other = Object.keys(timings).find((side) => side !== ours);
  if (other === undefined) return each.join("; ");
  const ratio = timings[ours]!.best / timings[other]!.best;
  const median = timings[ours]!.median / timings[other]!.median;
  const bound = limit === undefined ? "" : ` (at most ${limit} is asked for)`;
  return `${each.join("; ")}; ratio of the best ${ratio.toFixed(3)}, of the medians ${
    median.toFixed(3)
  }${bound}`;
}
