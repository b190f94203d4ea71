/**
 * One training step (forward, backward, clipping, AdamW, dropout .1) on an engine against eager tfjs and, if a Python
 * with PyTorch and transformers is named, against Hugging Face's BERT there; any engine but onnx also against onnx, and the
 * first of several against the others.
 * The sides take turns, so that a busy machine slows all of them; only the ratios count.
 */
import { sequenceClassifier } from "../lib/bert/classifier.ts";
import { newConfig } from "../lib/bert/config.ts";
import { initialParameters } from "../lib/bert/parameters.ts";
import type { Engine } from "../lib/engine/engine.ts";
import { Random } from "../lib/random.ts";
import { openEngine } from "../lib/engine/open.ts";
import { PythonPeer } from "./python_peer.ts";
import { describe, type Side, trainerSide } from "./sides.ts";
import { type BenchmarkOptions, interleave } from "./timing.ts";

/** The shape of a step: L layers, H hidden, B texts of T tokens. */
export interface Shape {
  /** The model's family; BERT if not given. */
  readonly family?: "roberta" | "modernbert";
  readonly L: number;
  readonly H: number;
  readonly B: number;
  readonly T: number;
  /** Ratio of an engine's time to PyTorch's that is aimed at; absent if the shape is compared only with eager tfjs. */
  readonly limit?: number;
}

/** The shapes. Eager tfjs in plain JavaScript is timed only at the small one, as larger steps would take minutes. */
const shapes: readonly Shape[] = [
  { L: 1, H: 128, B: 2, T: 64 },
  { L: 4, H: 256, B: 16, T: 128, limit: .85 },
  { L: 4, H: 256, B: 8, T: 512, limit: .7 },
  { L: 12, H: 768, B: 8, T: 128, limit: .95 },
  { family: "roberta", L: 4, H: 256, B: 16, T: 128, limit: 1 },
  { family: "modernbert", L: 4, H: 256, B: 16, T: 128, limit: 1 },
];

/** Sizes of the families' base models that are not BERT's. */
const sizes = {
  bert: { vocab_size: 30_522 },
  roberta: { vocab_size: 50_265, max_position_embeddings: 514, type_vocab_size: 1, layer_norm_eps: 1e-5 },
  modernbert: { vocab_size: 50_368 },
} as const;

/** The shapes that are compared with steps of other libraries. */
export const stepShapes: readonly Shape[] = shapes.filter(({ limit, family }) =>
  limit !== undefined && !family
);

/** Makes a classifier with a batch of random texts. */
export function classifierSide(engine: Engine, { L, H, B, T, family }: Shape) {
  const config = newConfig({
    ...family && { model_type: family },
    ...{ ...sizes[family ?? "bert"], hidden_size: H, num_hidden_layers: L },
    ...family === "modernbert" && { intermediate_size: 3 * H / 2 },
  });
  const random = new Random(1);
  return trainerSide(engine, sequenceClassifier(config), initialParameters(config, { seed: 1, labels: 2 }), {
    shape: { B, K: 1, T },
    parts: [{
      ids: { shape: [B, T], data: Int32Array.from({ length: B * T }, () => random.below(30_522)) },
      mask: { shape: [B, T], data: new Int32Array(B * T).fill(1) },
      labels: { shape: [B], data: Int32Array.from({ length: B }, () => random.below(2)) },
      weights: { shape: [B], data: new Float32Array(B).fill(1 / B) },
    }],
    examples: B,
    tokens: B * T,
  });
}

/** Starts Hugging Face's steps of a shape in a Python, on as many threads as ours. */
export function startPeer(python: string, { L, H, B, T, family }: Shape): Promise<PythonPeer> {
  const threads = navigator.hardwareConcurrency;
  return PythonPeer.start(python, "step.py", [L, H, B, T, threads, family ?? "bert"].map(String));
}

/** Runs the benchmark; returns its numbers for the history. */
export async function benchStep(
  { engine: name, python, repeats, only, say }: BenchmarkOptions,
): Promise<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  const given = name.split(",");
  const engines = given.length === 1 && name !== "onnx" ? [name, "onnx"] : given;
  for (const shape of shapes) {
    const { L, H, B, T, limit, family } = shape;
    const label = `${family ? `${family} ` : ""}L${L} H${H} B${B} T${T}`;
    if (only && !only.some((start) => label.startsWith(start))) continue;
    const sides: Record<string, Side> = {};
    const ends: (() => Promise<void>)[] = [];
    const add = async (engine: string) => {
      const { step, end } = await classifierSide(await openEngine(engine), shape);
      sides[engine] = step;
      ends.push(end);
    };
    await add(engines[0]!);
    if (limit === undefined && !engines.includes("reference")) await add("reference");
    if (python !== undefined) {
      const peer = await startPeer(python, shape);
      sides[peer.greeting] = () => peer.ask();
      ends.push(() => peer.stop());
    }
    for (const other of engines.slice(1)) await add(other);
    const timings = await interleave(sides, repeats);
    for (const end of ends) await end();
    say(`${label}: ${describe(timings, engines[0]!, limit)}`);
    results[label] = timings;
  }
  return results;
}
