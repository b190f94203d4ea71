/** The CUDA compiler on a machine without a GPU. */
import * as tf from "@tensorflow/tfjs";
import { deepStrictEqual, ok, throws } from "node:assert/strict";
import { compileFor, planFor } from "../../../lib/engine/xla/ahead_of_time.ts";
import { Client } from "../../../lib/engine/xla/client.ts";
import { hasNvidiaGpu } from "../../../lib/engine/discovery.ts";
import { findPlugin } from "../../../lib/engine/xla/discovery.ts";
import { XlaError } from "../../../lib/engine/xla/errors.ts";
import { clientOptions, loadPlugin } from "../../../lib/engine/xla/plugin.ts";
import { targets } from "../../../lib/engine/xla/targets/hopper.ts";
import { InputError } from "../../../lib/errors.ts";
import { attention } from "../../../lib/graph/composites.ts";
import type { Tensors } from "../../../lib/graph/graph.ts";
import { withEnvironment } from "../../helpers/environment.ts";
import { record } from "../../../lib/graph/record.ts";

async function cudaPlugin(): Promise<string | undefined> {
  try {
    return (await findPlugin(undefined, "cuda")).path;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.warn(`SKIPPED: compiling for a GPU that is not there: ${error.message}`);
    return undefined;
  }
}

const path = await cudaPlugin();

const shape = [2, 128, 128];
const names = ["q", "k", "v"];

/** Attention and its gradients, added to a state. */
const graph = record("attention", {
  state: Object.fromEntries(names.map((name) => [`sum ${name}`, { shape, dtype: "float32" }])),
  feeds: Object.fromEntries(names.map((name) => [name, { shape, dtype: "float32" }])),
}, (inputs: Tensors) => {
  const loss = (...[q, k, v]: tf.Tensor[]) =>
    tf.sum(tf.square(attention(q!, k!, v!, tf.zeros([2, 128]), 2, 0))) as tf.Scalar;
  const gradients = tf.grads(loss)(names.map((name) => inputs[name]!));
  const sums = names.map((name, i) => [`sum ${name}`, tf.add(inputs[`sum ${name}`]!, gradients[i]!)]);
  return { state: Object.fromEntries(sums), outputs: {} };
});

Deno.test({
  name: "a graph compiles for both cards, in place, with cuDNN's attention or matrix products",
  ignore: path === undefined,
  fn() {
    const { api } = loadPlugin(path!);
    for (const target of Object.values(targets)) {
      const options = { precision: "bf16", devices: 1 } as const;
      const fused = planFor(api, target, graph, { ...options, fusedAttention: true });
      const plain = planFor(api, target, graph, { ...options, fusedAttention: false });
      deepStrictEqual(fused.memory.aliased, 3 * 4 * 2 * 128 * 128);
      deepStrictEqual([fused.attentionCalls, plain.attentionCalls], [2, 0]);
      deepStrictEqual(plain.products, 6, "two forward, four backward");
      ok(fused.memory.peak > 0 && fused.memory.peak < target.memory);
    }
  },
});

Deno.test({
  name: "two GPUs compile one program with a sum over both",
  ignore: path === undefined,
  fn() {
    const text = `module {
      func.func public @main(%x: tensor<8xf32>) -> tensor<8xf32> {
        %0 = "stablehlo.all_reduce"(%x) ({
          ^bb0(%a: tensor<f32>, %b: tensor<f32>):
            %1 = stablehlo.add %a, %b : tensor<f32>
            stablehlo.return %1 : tensor<f32>
        }) {replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>} : (tensor<8xf32>) -> tensor<8xf32>
        return %0 : tensor<8xf32>
      }
    }`;
    const { api } = loadPlugin(path!);
    using program = compileFor(api, targets.h200, text, { replicas: 2 });
    ok(program.serialize().length > 0);
    throws(() => compileFor(api, targets.h200, "module {"), (error) => error instanceof XlaError);
  },
});

Deno.test({
  name: "the options of a client have the types that the plugin wants, whatever the fraction",
  ignore: path === undefined || hasNvidiaGpu(), // without a GPU nothing else can be wrong
  async fn() {
    const { api, attributes } = loadPlugin(path!);
    for (const fraction of [".75", "1"]) {
      await withEnvironment({ BERTLAB_MEMORY_FRACTION: fraction }, () => {
        throws(() => new Client(api, clientOptions(attributes)), /No visible GPU devices/);
        return Promise.resolve();
      });
    }
  },
});
