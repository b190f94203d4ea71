/**
 * The reference engine: eager tfjs on tfjs's current backend. It is slow and easy to inspect; the other engines are tested
 * against it.
 */
import * as tf from "@tensorflow/tfjs";
import { eagerEngine } from "./eager.ts";
import type { Engine } from "./engine.ts";

/** Returns the reference engine, on tfjs's current backend: plain JavaScript unless a faster one was set before. */
export async function referenceEngine(): Promise<Engine> {
  tf.enableProdMode(); // keeps tfjs from advertising another package on the terminal
  await tf.ready();
  const backend = tf.getBackend();
  const capabilities = { dtypes: ["float32"], devices: [`tfjs ${backend}`] } as const;
  return eagerEngine({ name: "reference", capabilities, backend });
}
