/** Ends while programs of the plugin given as argument are still computed; says at the end whether any still is. */
import * as tf from "@tensorflow/tfjs";
import { engineOn } from "../../../lib/engine/xla/engine.ts";
import { openPlugin } from "../../../lib/engine/xla/open.ts";
import { record } from "../../../lib/graph/record.ts";

const size = 1500;
const matrix = { shape: [size, size], dtype: "float32" } as const;
const graph = record("products", { state: { a: matrix }, feeds: {} }, ({ a }) => {
  let product = a as tf.Tensor2D;
  for (let i = 0; i < 3; i++) product = tf.matMul(product, a as tf.Tensor2D);
  return { state: { a: product }, outputs: { sum: tf.sum(product) } };
});
const opened = await openPlugin(Deno.args[0]!);
const { api } = opened.plugin;
const engine = engineOn(opened, { cacheFolder: false });
const program = await engine.compile(graph);
const state = engine.state({
  a: { shape: [size, size], data: new Float32Array(size * size).fill(1 / size) },
});
for (let i = 0; i < 3; i++) program.start!(state, {});
const left = () =>
  [...api.running].filter((event) => !api.call("Event_IsReady", { event }, "ask for a run").is_ready).length;
console.log(`running: ${left() > 0}`);
globalThis.addEventListener("unload", () => console.log(`running at the end: ${left() > 0}`));
Deno.exit(0);
