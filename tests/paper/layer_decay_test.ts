import assert from "node:assert/strict";
import { layerLearningRate } from "../../lib/paper/layer_decay.ts";

const close = (found: number, expected: number) =>
  assert.ok(Math.abs(found - expected) <= 1e-12 * expected, `expected ${expected}, found ${found}`);

Deno.test("rates fall by xi from the top layer down to the embeddings", () => {
  const options = { layers: 12, decay: 0.95, learningRate: 2e-5 };
  const rate = (name: string) => layerLearningRate(name, options);
  close(rate("bert.encoder.layer.11.output.dense.weight"), 2e-5);
  close(rate("bert.encoder.layer.10.attention.self.query.bias"), 1.9e-5);
  close(rate("bert.encoder.layer.1.output.LayerNorm.weight"), 2e-5 * 0.5987369392383789);
  close(rate("bert.encoder.layer.0.output.LayerNorm.weight"), 2e-5 * 0.5688000922764599);
  close(rate("bert.embeddings.word_embeddings.weight"), 2e-5 * 0.5403600876626369);
  close(rate("bert.embeddings.LayerNorm.bias"), 2e-5 * 0.5403600876626369);
});

Deno.test("heads train at the base rate", () => {
  const options = { layers: 3, decay: 0.5, learningRate: 1e-4 };
  for (const name of ["classifier.weight", "bert.pooler.dense.bias", "pooling.w1", "cls.predictions.bias"]) {
    assert.equal(layerLearningRate(name, options), 1e-4);
  }
});

Deno.test("xi = 1 gives every parameter the base rate", () => {
  const options = { layers: 3, decay: 1, learningRate: 3e-5 };
  for (const name of ["bert.encoder.layer.0.output.dense.weight", "bert.embeddings.word_embeddings.weight"]) {
    assert.equal(layerLearningRate(name, options), 3e-5);
  }
});

Deno.test("a layer that the model does not have is refused", () => {
  assert.throws(
    () =>
      layerLearningRate("bert.encoder.layer.3.output.dense.weight", { layers: 3, decay: 1, learningRate: 1 }),
    { name: "RangeError", message: /is in layer 3, but there are 3 layers/ },
  );
});
