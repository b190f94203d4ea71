/** A tiny network in training, for what is tested of the loop and its checkpoints. */
import * as tf from "@tensorflow/tfjs";
import { readdir } from "node:fs/promises";
import type { Engine } from "../../lib/engine/engine.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { dropout, gelu, linear, softmaxCrossEntropy } from "../../lib/graph/composites.ts";
import { fold, Random } from "../../lib/random.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import type { CheckpointOptions } from "../../lib/training/checkpoints.ts";
import type { TrainingPlan, TrainingResult } from "../../lib/training/loop.ts";
import { optimizer } from "../../lib/training/optimizers.ts";
import type { Trainable } from "../../lib/training/step.ts";
import type { StepBatch } from "../../lib/training/step.ts";
import { Trainer } from "../../lib/training/trainer.ts";

const onnx = onnxEngine();

/** Two layers that tell apart two classes of points [B, 4]. */
function network(rate: number): Trainable {
  return {
    feeds: (shape) => {
      const B = shape as number;
      return {
        x: { shape: [B, 4], dtype: "float32" },
        labels: { shape: [B], dtype: "int32" },
        weights: { shape: [B], dtype: "float32" },
      };
    },
    loss(inputs, key) {
      const hidden = dropout(gelu(linear(inputs.x!, inputs["in.weight"]!, inputs["in.bias"]!)), rate, key);
      const logits = linear(hidden, inputs["out.weight"]!, inputs["out.bias"]!);
      const losses = softmaxCrossEntropy(logits, inputs.labels!);
      return { loss: tf.sum(tf.mul(losses, inputs.weights!)), outputs: { logits } };
    },
  };
}

function tensor(seed: number, ...shape: number[]) {
  const random = new Random(seed);
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, data: Float32Array.from({ length: size }, () => random.normal()) };
}

/** The network before the first step; dropout at `rate`. */
export function newTrainer(
  { rate = 0.2, engine = onnx }: { rate?: number; engine?: Engine } = {},
): Trainer {
  const parameters: HostTensors = {
    "in.weight": tensor(1, 8, 4),
    "in.bias": tensor(2, 8),
    "out.weight": tensor(3, 2, 8),
    "out.bias": tensor(4, 2),
  };
  return new Trainer(engine, network(rate), parameters, optimizer("adamw"), 7);
}

/** Six points in parts of `rows`; the last one is a padding row. */
export function batch(key: number, rows = 6): StepBatch {
  const { data: x } = tensor(key, 6, 4);
  const labels = Int32Array.from({ length: 6 }, (_, i) => x[4 * i]! * x[4 * i + 1]! > 0 ? 1 : 0);
  const weights = Float32Array.from({ length: 6 }, (_, i) => i < 5 ? 1 / 5 : 0);
  const parts = Array.from({ length: 6 / rows }, (_, part): HostTensors => ({
    x: { shape: [rows, 4], data: x.subarray(4 * part * rows, 4 * (part + 1) * rows) },
    labels: { shape: [rows], data: labels.subarray(part * rows, (part + 1) * rows) },
    weights: { shape: [rows], data: weights.subarray(part * rows, (part + 1) * rows) },
  }));
  return { shape: rows, parts, examples: 5, tokens: 20 };
}

/** Three epochs of five steps; an epoch's loss on a fixed batch is its evaluation. */
export const plan: TrainingPlan<number> = {
  epochs: 3,
  batches: (epoch) => ({ length: 5, at: (place) => batch(fold(1, epoch, place)) }),
  rate: (parameter, update) => 0.05 * (1 - update / 15) * (parameter.startsWith("in.") ? 0.5 : 1),
  evaluate: async (trainer) => {
    const { loss } = await trainer.evaluate(batch(99));
    return loss!.data[0]!;
  },
  better: (a, b) => a < b,
};

/** Checkpoints in a folder: every second step, and a run that goes on from them. */
export const into = (folder: string, changes: Partial<CheckpointOptions> = {}): CheckpointOptions => ({
  folder,
  every: 2,
  identity: "this run",
  resume: true,
  ...changes,
});

/** Returns the results of the epochs without their times. */
export const untimed = ({ epochs }: TrainingResult<number>) =>
  epochs.map(({ seconds: _, ...epoch }) => epoch);

/** Names of the checkpoints, the oldest first. */
export const checkpointsIn = async (folder: string) =>
  (await readdir(folder)).filter((name) => /^check/.test(name)).sort();

/** As if the process had been killed after a step. */
export class Killed extends Error {}

/** A plan's part that stops it after so many steps. */
export const killedAfter = (steps: number): Partial<TrainingPlan<number>> => ({
  onStep: ({ step }) => {
    if (step === steps) throw new Killed();
  },
});
