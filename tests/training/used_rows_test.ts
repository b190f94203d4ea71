import * as tf from "@tensorflow/tfjs";
import assert from "node:assert/strict";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { embedding } from "../../lib/graph/composites.ts";
import { Random } from "../../lib/random.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { optimizer, type OptimizerOptions } from "../../lib/training/optimizers.ts";
import type { Trainable } from "../../lib/training/step.ts";
import type { StepBatch } from "../../lib/training/step.ts";
import { Trainer } from "../../lib/training/trainer.ts";
import { usedRows } from "../../lib/training/used_rows.ts";
import { engines } from "../engine/engines.ts";
import { relativeError } from "../golden/load.ts";

const V = 40;
const used = [3, 4, 9, 17, 30, 39];

/** The squares of sums of a table's rows and a weight. */
const trainable: Trainable = {
  feeds: (shape) => ({ ids: { shape: [shape as number], dtype: "int32" } }),
  loss({ table, weight, ids }) {
    const sums = tf.sum(tf.mul(embedding(table!, ids!), weight!), 1);
    return { loss: tf.mean(tf.square(tf.sub(sums, 1))), outputs: { sums } };
  },
};

function parameters(): HostTensors {
  const random = new Random(1);
  const normal = (...shape: number[]) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
  });
  return { table: normal(V, 5), weight: normal(5) };
}

function batch(key: number): StepBatch {
  const random = new Random(key);
  const data = Int32Array.from({ length: 8 }, () => used[random.below(used.length)]!);
  return { shape: 8, parts: [{ ids: { shape: [8], data } }], examples: 8, tokens: 8 };
}

const rate = (_: string, update: number) => 0.3 / (1 + update);
const subset = () => usedRows("table", "ids", V, [used]);

async function stepped(trainer: Trainer, from: number, to: number): Promise<number[]> {
  const losses: number[] = [];
  for (let step = from; step < to; step++) {
    losses.push((await trainer.step(batch(step), (name) => rate(name, step))).loss);
  }
  return losses;
}

for (const [engine, open] of Object.entries(engines)) {
  for (const name of ["adamw", "bertadam"] satisfies OptimizerOptions["name"][]) {
    Deno.test(`${engine}, ${name}: training the used rows is training all of them`, async () => {
      const make = async (rows?: ReturnType<typeof subset>) =>
        new Trainer(await open(), trainable, parameters(), optimizer(name), 1, rows);
      const [whole, part] = [await make(), await make(subset())];
      const [expected, found] = [await stepped(whole, 0, 10), await stepped(part, 0, 10)];
      found.forEach((loss, i) => assert.ok(Math.abs(loss / expected[i]! - 1) < 1e-5, `step ${i}: ${loss}`));
      const [all, own] = [await whole.parameters(), await part.parameters()];
      for (const [name, { shape, data }] of Object.entries(all)) {
        assert.deepEqual(own[name]!.shape, shape);
        assert.ok(relativeError(own[name]!.data, data) < 1e-5, name);
      }
      const [moments, ownMoments] = [await whole.snapshot(), await part.snapshot()];
      for (const name of ["m/table", "v/table"]) {
        const [expected, found] = [moments.tensors[name]!, ownMoments.tensors[name]!];
        assert.deepEqual(found.shape, expected.shape);
        assert.ok(relativeError(found.data, expected.data) < 1e-5, name);
      }
      await whole.dispose();
      await part.dispose();
    });
  }
}

Deno.test("a resumed run has the bits of one that was never stopped, in rows that are not used, too", async () => {
  const make = async () =>
    new Trainer(await referenceEngine(), trainable, parameters(), optimizer("adamw"), 1, subset());
  const [straight, first, second] = [await make(), await make(), await make()];
  await stepped(straight, 0, 8);
  await stepped(first, 0, 3);
  second.restore(JSON.parse(JSON.stringify(await first.snapshot(), keepTensors), makeTensors));
  await stepped(second, 3, 8);
  assert.deepEqual(await second.parameters(), await straight.parameters());
});

Deno.test("a checkpoint of all rows goes on with the used ones", async () => {
  const whole = new Trainer(await referenceEngine(), trainable, parameters(), optimizer("adamw"), 1);
  await stepped(whole, 0, 3);
  const part = new Trainer(await referenceEngine(), trainable, parameters(), optimizer("adamw"), 1, subset());
  part.restore(await whole.snapshot());
  const [expected, found] = [await stepped(whole, 3, 6), await stepped(part, 3, 6)];
  found.forEach((loss, i) => assert.ok(Math.abs(loss / expected[i]! - 1) < 1e-5));
  const table = (await whole.parameters()).table!.data;
  assert.ok(relativeError((await part.parameters()).table!.data, table) < 1e-5);
});

Deno.test("other parameters can be put in place; a row that is not used is refused", async () => {
  const trainer = new Trainer(
    await referenceEngine(),
    trainable,
    parameters(),
    optimizer("adamw"),
    1,
    subset(),
  );
  await stepped(trainer, 0, 2);
  trainer.load(parameters());
  assert.deepEqual(await trainer.parameters(), parameters());
  const foreign = { shape: 8, parts: [{ ids: { shape: [8], data: new Int32Array(8).fill(5) } }] };
  await assert.rejects(trainer.evaluate({ ...foreign, examples: 8, tokens: 8 }), /row that is used, found 5/);
});

Deno.test("rows are told apart only where many are not used", () => {
  assert.deepEqual([...subset()!.rows], used);
  assert.equal(usedRows("table", "ids", 6, [[0, 1, 2], [3, 4]]), undefined);
});

/** Float32Arrays through JSON, as a checkpoint's numbers go. */
const keepTensors = (_: string, value: unknown) =>
  value instanceof Float32Array ? { floats: Array.from(value) } : value;
const makeTensors = (_: string, value: { floats?: number[] }) =>
  value?.floats ? Float32Array.from(value.floats) : value;
