/** Speeds of a device by itself: copies from and to the host, and a matrix product. */
import * as tf from "@tensorflow/tfjs";
import type { Engine } from "../lib/engine/engine.ts";
import { record } from "../lib/graph/record.ts";
import { signatures } from "../lib/training/step.ts";

/** GB/s of copies. */
export interface Bandwidth {
  readonly up: number;
  readonly down: number;
}

/** Measures copies of a tensor of so many megabytes, the best of four. */
export async function bandwidth(engine: Engine, megabytes: number): Promise<Bandwidth> {
  const size = megabytes * 250_000;
  const feeds = { x: { shape: [size], data: new Float32Array(size).fill(1) } };
  const graph = record("touch", { state: {}, feeds: signatures(feeds) }, ({ x }) => ({
    state: {},
    outputs: { last: tf.slice(x!, [size - 1], [1]) },
  }));
  const program = await engine.compile(graph);
  const state = engine.state({});
  await program.run(state, feeds);
  const ups: number[] = [], downs: number[] = [];
  for (let i = 0; i < 4; i++) {
    ups.push(await milliseconds(() => program.run(state, feeds)));
    state.upload({ a: feeds.x });
    await program.run(state, feeds); // waits for all before
    downs.push(await milliseconds(() => state.download(["a"])));
  }
  program.dispose();
  state.dispose();
  return { up: megabytes / Math.min(...ups), down: megabytes / Math.min(...downs) };
}

/** Products that follow one another in a program, so that the call hardly counts. */
const chain = 16;

/** Measures a chain of products of two [N, N] matrices: the best of five, in TFLOP/s. */
export async function productSpeed(engine: Engine, N: number): Promise<number> {
  const data = Float32Array.from({ length: N * N }, (_, i) => ((i * 7919) % 13 - 6) / (6 * Math.sqrt(N)));
  const tensors = { a: { shape: [N, N], data }, b: { shape: [N, N], data } };
  const graph = record("products", { state: signatures(tensors), feeds: {} }, ({ a, b }) => {
    let product = a!;
    for (let i = 0; i < chain; i++) product = tf.matMul(product, b!);
    return { state: {}, outputs: { sum: tf.sum(product) } };
  });
  const program = await engine.compile(graph);
  const state = engine.state(tensors);
  await program.run(state, {});
  const times: number[] = [];
  for (let i = 0; i < 5; i++) times.push(await milliseconds(() => program.run(state, {})));
  program.dispose();
  state.dispose();
  return chain * 2 * N ** 3 / Math.min(...times) / 1e9;
}

async function milliseconds(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}
