/**
 * One step of further pre-training (masked words and next sentences, dropout .1, clipping, AdamW) on an engine against
 * Hugging Face's BertForPreTraining in PyTorch, if a Python with it is named; and against itself with one masked place
 * for each sequence, which shows the share of the step that the head of masked words takes.
 */
import { newConfig } from "../lib/bert/config.ts";
import { initialParameters } from "../lib/bert/parameters.ts";
import { pretrainer } from "../lib/bert/pretraining.ts";
import type { Engine } from "../lib/engine/engine.ts";
import { Random } from "../lib/random.ts";
import { openEngine } from "../lib/engine/open.ts";
import { PythonPeer } from "./python_peer.ts";
import { describe, type Side, trainerSide } from "./sides.ts";
import { type BenchmarkOptions, interleave } from "./timing.ts";

/** The shape of a step: L layers, H hidden, B sequences of T tokens, P of them masked. */
interface Shape {
  readonly L: number;
  readonly H: number;
  readonly B: number;
  readonly T: number;
  readonly P: number;
}

const shapes: readonly Shape[] = [
  { L: 3, H: 384, B: 32, T: 128, P: 20 },
  { L: 12, H: 768, B: 32, T: 128, P: 20 },
];

/** Largest ratio of our step's time to PyTorch's. */
const limit = 1.5;

/** Makes a pre-trainer with a batch of random sequences. */
function preTrainerSide(engine: Engine, { L, H, B, T, P }: Shape) {
  const config = newConfig({ vocab_size: 30_522, hidden_size: H, num_hidden_layers: L });
  const random = new Random(1);
  const ids = Int32Array.from({ length: B * T }, () => random.below(30_522));
  const masked = Int32Array.from({ length: B * P }, (_, p) => T * Math.floor(p / P) + p % P);
  return trainerSide(engine, pretrainer(config), initialParameters(config, { seed: 1, preTraining: {} }), {
    shape: { B, T, P },
    parts: [{
      ids: { shape: [B, T], data: ids },
      mask: { shape: [B, T], data: new Int32Array(B * T).fill(1) },
      type_ids: { shape: [B, T], data: new Int32Array(B * T) },
      masked: { shape: [B * P], data: masked },
      mlm_labels: { shape: [B * P], data: masked.map((place) => ids[place]!) },
      mlm_weights: { shape: [B * P], data: new Float32Array(B * P).fill(1 / (B * P)) },
      nsp_labels: { shape: [B], data: Int32Array.from({ length: B }, () => random.below(2)) },
      weights: { shape: [B], data: new Float32Array(B).fill(1 / B) },
    }],
    examples: B,
    tokens: B * T,
  });
}

/** Runs the benchmark; returns its numbers for the history. */
export async function benchPretrain(
  { engine: name, python, repeats, say }: BenchmarkOptions,
): Promise<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  for (const shape of shapes) {
    const { L, H, B, T, P } = shape;
    const engine = await openEngine(name);
    const ours = await preTrainerSide(engine, shape);
    const sides: Record<string, Side> = { [name]: ours.step };
    const ends = [ours.end];
    if (python !== undefined) {
      const threads = navigator.hardwareConcurrency;
      const peer = await PythonPeer.start(python, "pretrain.py", [L, H, B, T, P, threads].map(String));
      sides[peer.greeting] = () => peer.ask();
      ends.push(() => peer.stop());
    }
    const timings = await interleave(sides, repeats);
    for (const end of ends) await end();
    // One model after the other: two of the larger shape would need 15 GB.
    const headless = await preTrainerSide(engine, { ...shape, P: 1 });
    const { less } = await interleave({ less: headless.step }, repeats);
    await headless.end();
    engine.dispose();
    const { best } = timings[name]!;
    const label = `L${L} H${H} B${B} T${T}, ${P} masked`;
    say(`${label}: ${describe(timings, name, limit)}`);
    say(
      `${label}: ${(1000 * B / best).toFixed(1)} sequences/s; the head of masked words takes ${
        (100 * (1 - less!.best / best)).toFixed(0)
      } % of the step`,
    );
    results[label] = { ...timings, "one masked place": less };
  }
  return results;
}
