/** Graphs of the cases of the operations, and running a graph once. */
import * as tf from "@tensorflow/tfjs";
import type { Engine } from "../../lib/engine/engine.ts";
import type { Graph, Tensors } from "../../lib/graph/graph.ts";
import { record } from "../../lib/graph/record.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { signatures } from "../../lib/training/step.ts";
import type { Case } from "./cases.ts";

/** Records a case's value, and the gradient of Σ value · weight in each float input that it depends on. */
export function graphOf(name: string, { inputs, run }: Case): Graph {
  const floats = Object.keys(inputs).filter((input) => inputs[input]!.data instanceof Float32Array);
  return record(name, { state: {}, feeds: signatures(inputs) }, (tensors) => {
    const value = run(tensors);
    const outputs: Tensors = { value };
    const weighted = (...chosen: tf.Tensor[]) => {
      const own = Object.fromEntries(floats.map((name, i) => [name, chosen[i]!]));
      const result = run({ ...tensors, ...own });
      const weights = tf.tensor(
        Array.from({ length: result.size }, (_, i) => 1 + (i % 7) / 4),
        result.shape,
        "float32",
      );
      return tf.sum(tf.mul(result, weights)) as tf.Scalar;
    };
    if (differentiable(weighted, floats.map((name) => tensors[name]!))) {
      const gradients = tf.grads(weighted)(floats.map((name) => tensors[name]!));
      floats.forEach((name, i) => outputs[`gradient of ${name}`] = gradients[i]!);
    }
    return { state: {}, outputs };
  });
}

/** Comparisons have no gradient: tfjs says so when it is asked for one. */
function differentiable(f: (...tensors: tf.Tensor[]) => tf.Scalar, at: tf.Tensor[]): boolean {
  if (at.length === 0) return false;
  try {
    tf.grads(f)(at);
    return true;
  } catch (error) {
    if (/Cannot compute gradient|gradient function not found/i.test(String(error))) return false;
    throw error;
  }
}

/** Compiles a graph, runs it once and frees all of it. */
export async function runOnce(
  engine: Engine,
  graph: Graph,
  feeds: HostTensors,
  tensors: HostTensors = {},
): Promise<HostTensors> {
  const program = await engine.compile(graph);
  const state = engine.state(tensors);
  const outputs = await program.run(state, feeds);
  program.dispose();
  state.dispose();
  return outputs;
}
