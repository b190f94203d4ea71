/** Ends while steps of the plugin given as argument are still computed. */
import * as tf from "@tensorflow/tfjs";
import { xlaEngine } from "../../../lib/engine/xla/engine.ts";
import { record } from "../../../lib/graph/record.ts";

const size = 1500;
const matrix = { shape: [size, size], dtype: "float32" } as const;
const graph = record("products", { state: { a: matrix }, feeds: {} }, ({ a }) => {
  let product = a as tf.Tensor2D;
  for (let i = 0; i < 3; i++) product = tf.matMul(product, a as tf.Tensor2D);
  return { state: { a: product }, outputs: { sum: tf.sum(product) } };
});
const engine = await xlaEngine({ plugin: Deno.args[0], cacheFolder: false });
const program = await engine.compile(graph);
const state = engine.state({
  a: { shape: [size, size], data: new Float32Array(size * size).fill(1 / size) },
});
for (let i = 0; i < 3; i++) program.start!(state, {});
console.log("enqueued");
Deno.exit(0);
