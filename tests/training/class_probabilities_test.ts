import assert from "node:assert/strict";
import { evaluationBatches } from "../../lib/training/batches.ts";
import { InputError } from "../../lib/errors.ts";
import { classProbabilities } from "../../lib/training/class_probabilities.ts";
import type { StepBatch } from "../../lib/training/step.ts";

Deno.test("probabilities are the softmax of logits over the temperature, in the examples' order", async () => {
  const examples = [1, 3, 2].map((length, index) => ({ pieces: [new Int32Array(length)], label: 0, index }));
  const options = { batchSize: 2, maxLength: 8, tokenizerIds: { cls: 1, sep: 2, pad: 0 } };
  // A model whose logits are 0 and the text's wordpieces.
  const evaluate = ({ parts: [part] }: StepBatch) => {
    const numbers = [...part!.sequences!.data];
    const logits = Array.from(part!.labels!.data).flatMap((_, row) => [
      0,
      numbers.filter((number) => number === row + 1).length - 2,
    ]);
    return Promise.resolve({ logits: { shape: [logits.length / 2, 2], data: Float32Array.from(logits) } });
  };
  const done: number[] = [];
  const found = await classProbabilities(evaluate, evaluationBatches(examples, options), {
    examples: 3,
    classes: 2,
    temperature: 2,
    onExamples: (count) => done.push(count),
  });
  assert.deepEqual(done, [3]);
  const expected = [1, 3, 2].flatMap((
    length,
  ) => [1 / (1 + Math.exp(length / 2)), 1 / (1 + Math.exp(-length / 2))]);
  assert.ok(found.every((probability, place) => Math.abs(probability - expected[place]!) < 1e-12));
});

Deno.test("logits that are not finite are refused, those of padding rows are not looked at", async () => {
  const examples = [{ pieces: [new Int32Array(3)], label: 0, index: 0 }];
  const options = { batchSize: 2, maxLength: 8, tokenizerIds: { cls: 1, sep: 2, pad: 0 } };
  const probabilities = (first: number) => {
    const evaluate = ({ parts: [part] }: StepBatch) => {
      const rows = part!.labels!.data.length;
      const data = new Float32Array(2 * rows).fill(NaN);
      data.set([0, first]);
      return Promise.resolve({ logits: { shape: [rows, 2], data } });
    };
    return classProbabilities(evaluate, evaluationBatches(examples, options), { examples: 1, classes: 2 });
  };
  assert.deepEqual([...await probabilities(0)], [0.5, 0.5]);
  for (const value of [NaN, Infinity, -Infinity]) {
    await assert.rejects(probabilities(value), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, new RegExp(`logits are not finite \\(found ${value}\\): `));
      return true;
    });
  }
});
