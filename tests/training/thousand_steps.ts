/**
 * A thousand steps of a small BERT on the engine named as argument; prints the resident memory in bytes after each twenty as JSON.
 * Needs --v8-flags=--expose-gc.
 */
import { sequenceClassifier } from "../../lib/bert/classifier.ts";
import { newConfig } from "../../lib/bert/config.ts";
import { initialParameters } from "../../lib/bert/parameters.ts";
import { fold, Random } from "../../lib/random.ts";
import { optimizer } from "../../lib/training/optimizers.ts";
import type { StepBatch } from "../../lib/training/step.ts";
import { Trainer } from "../../lib/training/trainer.ts";
import { engines } from "../engine/engines.ts";

declare const gc: () => void;

const config = newConfig({
  vocab_size: 3000,
  num_hidden_layers: 1,
  hidden_size: 32,
  max_position_embeddings: 32,
});
const trainer = new Trainer(
  await engines[Deno.args[0]!]!(),
  sequenceClassifier(config),
  initialParameters(config, { seed: 1, labels: 2 }),
  optimizer("adamw"),
  1,
);

/** Four texts, of one of two lengths. */
function batch(step: number): StepBatch {
  const random = new Random(fold(1, step));
  const T = step % 3 === 0 ? 16 : 8;
  return {
    shape: { B: 4, K: 1, T },
    parts: [{
      ids: { shape: [4, T], data: Int32Array.from({ length: 4 * T }, () => random.below(3000)) },
      mask: { shape: [4, T], data: new Int32Array(4 * T).fill(1) },
      labels: { shape: [4], data: Int32Array.from({ length: 4 }, () => random.below(2)) },
      weights: { shape: [4], data: new Float32Array(4).fill(1 / 4) },
    }],
    examples: 4,
    tokens: 4 * T,
  };
}

const resident: number[] = [];
for (let step = 0; step < 1000; step++) {
  await trainer.step(batch(step), () => 1e-4);
  if (step % 100 === 0) await trainer.evaluate(batch(step));
  if (step % 20 < 19) continue;
  gc();
  resident.push(Deno.memoryUsage().rss);
}
await trainer.dispose();
console.log(JSON.stringify(resident));
