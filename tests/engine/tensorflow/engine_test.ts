/** What the engine tensorflow has besides every engine's duties: its errors, what it frees, how its process ends. */
import * as tf from "@tensorflow/tfjs";
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { sequenceClassifier } from "../../../lib/bert/classifier.ts";
import { newConfig } from "../../../lib/bert/config.ts";
import { initialParameters } from "../../../lib/bert/parameters.ts";
import { type Addon, attributeTypes, types } from "../../../lib/engine/tensorflow/addon.ts";
import { tensorflowEngine } from "../../../lib/engine/tensorflow/engine.ts";
import { dropout, DropoutKey } from "../../../lib/graph/composites.ts";
import { keyedMask } from "../../../lib/graph/keyed_mask.ts";
import { record } from "../../../lib/graph/record.ts";
import { Random } from "../../../lib/random.ts";
import { optimizer } from "../../../lib/training/optimizers.ts";
import type { StepBatch } from "../../../lib/training/step.ts";
import { Trainer } from "../../../lib/training/trainer.ts";
import { tensorflowForTests } from "../engines.ts";

const ignore = !await tensorflowForTests("what the engine tensorflow has of its own");

/** Returns the addon of the engine, which must be open. */
function addon(): Addon {
  return (tf.findBackend("tensorflow") as unknown as { binding: Addon }).binding;
}

Deno.test({
  name: "an operation that fails is named, and nothing of it stays",
  ignore,
  async fn() {
    await tensorflowEngine();
    const { TF_FLOAT } = types;
    const held = addon().getNumOfTensors();
    const wide = addon().createTensor([2, 3], TF_FLOAT, new Float32Array(6));
    const attributes = ["transpose_a", "transpose_b"].map((name) => ({
      name,
      type: attributeTypes.TF_ATTR_BOOL,
      value: false,
    }));
    const multiply = () =>
      addon().executeOp("MatMul", [...attributes, {
        name: "T",
        type: attributeTypes.TF_ATTR_TYPE,
        value: TF_FLOAT,
      }], [
        wide,
        wide,
      ], 1);
    throws(
      multiply,
      /^InputError: Cannot compute MatMul in TensorFlow: Matrix size-incompatible: In\[0\]: \[2,3\]/,
    );
    addon().deleteTensor(wide);
    throws(multiply, /^RangeError: There is no tensor \d+: it was freed/);
    throws(
      () => addon().executeOp("NoSuchOp", [], [], 1),
      /^InputError: Cannot compute NoSuchOp in TensorFlow: /,
    );
    strictEqual(addon().getNumOfTensors(), held);
  },
});

Deno.test({
  name: "masks are equal bit by bit, for sizes that grow and shrink, and runs leave no tensor behind",
  ignore,
  async fn() {
    const engine = await tensorflowEngine();
    const state = engine.state({});
    const found: Record<string, number[]> = {}, expected: Record<string, number[]> = {};
    const held: number[] = [];
    for (let round = 0; round < 2; round++) {
      for (const size of [7, 1, 2, 4096, 999, 100_001]) {
        for (const key of [0, -1, 0x7fffffff, -123_456_789]) {
          const graph = record("mask", {
            state: {},
            feeds: { x: { shape: [size], dtype: "float32" }, key: { shape: [1], dtype: "int32" } },
          }, ({ x, key }) => ({ state: {}, outputs: { y: dropout(x!, 0.37, new DropoutKey(key!)) } }));
          const program = await engine.compile(graph);
          const { y } = await program.run(state, {
            x: { shape: [size], data: new Float32Array(size).fill(1) },
            key: { shape: [1], data: Int32Array.of(key) },
          });
          program.dispose();
          found[`${size} ${key}`] = Array.from(y!.data, (value) => value > 0 ? 1 : 0);
          expected[`${size} ${key}`] = [...keyedMask(key, 0, size, 0.37)];
        }
      }
      held.push(addon().getNumOfTensors());
    }
    deepStrictEqual(found, expected);
    strictEqual(held[1], held[0]);
  },
});

Deno.test({
  name: "tf32 is for a GPU",
  ignore,
  async fn() {
    const engine = await tensorflowEngine();
    if (engine.capabilities.devices[0]!.includes("GPU")) return void await tensorflowEngine("tf32");
    await rejects(tensorflowEngine("tf32"), {
      message: "Cannot compute in tf32 with the engine tensorflow on a CPU: expected f32, or a GPU",
    });
  },
});

Deno.test({
  name: "what nobody holds any more is freed, the log is quiet, and the process ends with 0",
  ignore,
  async fn() {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--v8-flags=--expose-gc", join(import.meta.dirname!, "dropped_tensors.ts")],
    }).output();
    const [before, made, after] = JSON.parse(new TextDecoder().decode(stdout));
    deepStrictEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
    ok(made >= before + 100, `${before}, then ${made}`);
    ok(after < before + 10, `${before}, then ${made}, then ${after}`);
  },
});

Deno.test({
  name: "six steps with dropout are equal bit by bit to three, a snapshot, and three more",
  ignore,
  async fn() {
    const config = newConfig({
      vocab_size: 50,
      num_hidden_layers: 1,
      hidden_size: 32,
      max_position_embeddings: 16,
    });
    const engine = await tensorflowEngine();
    const make = () =>
      new Trainer(
        engine,
        sequenceClassifier(config),
        initialParameters(config, { seed: 1, labels: 2 }),
        optimizer("adamw"),
        1,
      );
    const random = new Random(2);
    const batch: StepBatch = {
      shape: { B: 4, K: 1, T: 8 },
      parts: [{
        ids: { shape: [4, 8], data: Int32Array.from({ length: 32 }, () => random.below(50)) },
        mask: { shape: [4, 8], data: new Int32Array(32).fill(1) },
        labels: { shape: [4], data: Int32Array.of(0, 1, 1, 0) },
        weights: { shape: [4], data: new Float32Array(4).fill(1 / 4) },
      }],
      examples: 4,
      tokens: 32,
    };
    const steps = async (trainer: Trainer, count: number) => {
      for (let step = 0; step < count; step++) await trainer.step(batch, () => 1e-3);
      return await trainer.snapshot();
    };
    const [whole, first, second] = [make(), make(), make()];
    const expected = await steps(whole, 6);
    second.restore(await steps(first, 3));
    deepStrictEqual(await steps(second, 3), expected);
    for (const trainer of [whole, first, second]) await trainer.dispose();
  },
});
