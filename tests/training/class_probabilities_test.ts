import assert from "node:assert/strict";
import { evaluationBatches } from "../../lib/training/batches.ts";
import { classProbabilities, evaluationSize } from "../../lib/training/class_probabilities.ts";
import type { StepBatch } from "../../lib/training/trainer.ts";

Deno.test("an evaluation batch is smaller where the last one would be mostly padding", () => {
  const sizes = [[100, 24], [4, 24], [48, 24], [25, 24], [2500, 24], [600, 24], [456, 24], [7, 1]] as const;
  const on = (devices: number) => sizes.map(([examples, size]) => evaluationSize(examples, size, devices));
  assert.deepEqual(on(1), [20, 4, 24, 13, 24, 24, 24, 1]);
  assert.deepEqual(on(4).slice(0, -1), [20, 4, 24, 16, 24, 24, 24], "the devices share each batch evenly");
});

Deno.test("probabilities are the softmax of logits over the temperature, in the examples' order", async () => {
  const examples = [1, 3, 2].map((length, index) => ({ pieces: [new Int32Array(length)], label: 0, index }));
  const options = { batchSize: 2, maxLength: 8, tokenizerIds: { cls: 1, sep: 2, pad: 0 } };
  const lengths: number[] = [];
  // A model whose logits are 0 and the text's wordpieces: longer texts come first.
  const evaluate = ({ shape, parts: [part] }: StepBatch) => {
    const { B, T } = shape as { B: number; T: number };
    const rows = Array.from({ length: B }, (_, row) => part!.mask!.data.slice(row * T, (row + 1) * T));
    const logits = rows.flatMap((row) => [0, [...row].reduce((sum, one) => sum + one) - 2]);
    lengths.push(...logits.filter((_, place) => place % 2 === 1));
    return Promise.resolve({ logits: { shape: [B, 2], data: Float32Array.from(logits) } });
  };
  const done: number[] = [];
  const found = await classProbabilities(evaluate, evaluationBatches(examples, options), {
    examples: 3,
    classes: 2,
    temperature: 2,
    onExamples: (count) => done.push(count),
  });
  assert.deepEqual([lengths, done], [[3, 2, 1, 0], [2, 3]]);
  const expected = [1, 3, 2].flatMap((
    length,
  ) => [1 / (1 + Math.exp(length / 2)), 1 / (1 + Math.exp(-length / 2))]);
  assert.ok(found.every((probability, place) => Math.abs(probability - expected[place]!) < 1e-12));
});
