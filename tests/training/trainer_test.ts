import * as tf from "@tensorflow/tfjs";
import assert from "node:assert/strict";
import type { Engine } from "../../lib/engine/engine.ts";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { Random } from "../../lib/random.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { optimizer } from "../../lib/training/optimizers.ts";
import type { Trainable } from "../../lib/training/step.ts";
import type { StepBatch } from "../../lib/training/step.ts";
import { Trainer } from "../../lib/training/trainer.ts";
import { engines } from "../engine/engines.ts";

/** w [3] and b [1]; the loss is the mean of (w · x + b)² over a batch of points [B, 3]. */
const trainable: Trainable = {
  feeds: (shape) => ({ x: { shape: [shape as number, 3], dtype: "float32" } }),
  loss({ x, w, b }) {
    const sums = tf.add(tf.matMul(x!, tf.reshape(w!, [3, 1])), b!);
    return { loss: tf.mean(tf.square(sums)), outputs: {} };
  },
};

const parameters: HostTensors = {
  w: { shape: [3], data: Float32Array.of(1, -2, 3) },
  b: { shape: [1], data: Float32Array.of(0.5) },
};

function batch(rows: number): StepBatch {
  const random = new Random(rows);
  const x = { shape: [rows, 3], data: Float32Array.from({ length: 3 * rows }, () => random.normal()) };
  return { shape: rows, parts: [{ x }], examples: rows, tokens: rows };
}

for (const [name, open] of Object.entries(engines)) {
  Deno.test(`${name}: gradients and moments start from the same zeros, and go their own ways`, async () => {
    const engine = await open();
    const given: HostTensors[] = [];
    const watched: Engine = {
      ...engine,
      state(tensors) {
        given.push(tensors);
        return engine.state(tensors);
      },
    };
    const trainer = new Trainer(watched, trainable, parameters, optimizer("adamw"), 1);
    for (let step = 0; step < 2; step++) await trainer.step(batch(4), () => 0.1);
    const { tensors } = await trainer.snapshot();
    const moments = Object.entries(tensors).filter(([name]) => !Object.hasOwn(parameters, name));
    assert.equal(moments.length, 4);
    assert.equal(new Set(moments.map(([, { data }]) => data[0])).size, 4, "no two moments are the same");
    const zeros = Object.entries(given[0]!).filter(([name]) => !Object.hasOwn(parameters, name));
    assert.equal(zeros.length, 6);
    assert.equal(new Set(zeros.map(([, { data }]) => data.buffer)).size, 1, "they share memory");
    assert.ok(zeros.every(([, { data }]) => data.every((value) => value === 0)), "the engine has its own");
    await trainer.dispose();
    engine.dispose();
  });
}

Deno.test("what a trainer holds is freed also if a program could not be compiled", async () => {
  const reference = await referenceEngine();
  const freed: string[] = [];
  const engine: Engine = {
    ...reference,
    async compile(graph) {
      if (graph.feeds.get("x")?.shape[0] === 5) throw new Error("too large");
      return Object.assign(await reference.compile(graph), { dispose: () => freed.push("program") });
    },
    state: (tensors) => Object.assign(reference.state(tensors), { dispose: () => freed.push("state") }),
  };
  const trainer = new Trainer(engine, trainable, parameters, optimizer("adamw"), 1);
  await assert.rejects(trainer.evaluate(batch(5)), /too large/);
  await trainer.evaluate(batch(4));
  await trainer.dispose();
  assert.deepEqual(freed, ["program", "state"]);
});
