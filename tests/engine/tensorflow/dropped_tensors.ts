/** Prints how many tensors TensorFlow holds before a hundred are made, with them, and after they were dropped undisposed. */
import * as tf from "@tensorflow/tfjs";
import { setTimeout } from "node:timers/promises";
import type { Addon } from "../../../lib/engine/tensorflow/addon.ts";
import { tensorflowEngine } from "../../../lib/engine/tensorflow/engine.ts";

declare const gc: () => void;

await tensorflowEngine();
await tf.setBackend("tensorflow");
const { binding } = tf.backend() as unknown as { binding: Addon };
const held = [binding.getNumOfTensors()];
(() => {
  const one = tf.ones([1000]);
  for (let i = 0; i < 100; i++) tf.add(one, i);
})();
held.push(binding.getNumOfTensors());
for (let i = 0; i < 5; i++) {
  gc();
  await setTimeout(20);
}
held.push(binding.getNumOfTensors());
console.log(JSON.stringify(held));
