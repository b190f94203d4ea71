import assert from "node:assert/strict";
import { evaluationBatches } from "../../lib/training/batches.ts";
import { balancedWeights, partOfEpoch, passSize, stepBatch } from "../../lib/training/step_batches.ts";

Deno.test("a pass is a part of a batch, and each device computes as much of it", () => {
  assert.equal(passSize({ batchSize: 24, microBatchSize: 8 }, 4), 8);
  assert.throws(() => passSize({ batchSize: 24, microBatchSize: 7 }), {
    name: "InputError",
    message: "Cannot split a batch of 24 texts into passes of 7: give a divisor of the batch size",
  });
  assert.throws(() => passSize({ batchSize: 25 }, 2), {
    name: "InputError",
    message: "Cannot split passes of 25 texts evenly over 2 devices: give batches of a size that they divide",
  });
});

Deno.test("balanced weights are n / (C n_c), and those of a batch sum to 1 over its parts", () => {
  const labels = [0, 0, 0, 1, 0, 2, 0];
  assert.deepEqual(balancedWeights(labels.map((label) => ({ label })), 4), [7 / 20, 7 / 4, 7 / 4, 0]);
  const examples = labels.map((label, index) => ({ pieces: [Int32Array.of(index)], label, index }));
  const options = { batchSize: 8, maxLength: 8, tokenizerIds: { cls: 2, sep: 3, pad: 0 } };
  const batch = evaluationBatches(examples, options).at(0);
  const weighted = stepBatch(batch, 4, [1, 3, 2]);
  const weights = weighted.parts.flatMap(({ weights }) => [...weights!.data]);
  assert.deepEqual(weights, [1, 1, 1, 3, 1, 2, 1, 0].map((weight) => Math.fround(weight / 10)));
  assert.equal(weighted.examples, 7);
  const plain = stepBatch(batch, 8).parts[0]!.weights!.data;
  assert.deepEqual([...plain], [1, 1, 1, 1, 1, 1, 1, 0].map((weight) => Math.fround(weight / 7)));
});

Deno.test("the parts of an epoch have each of its batches once, in order", () => {
  const at = (examples: number) => ({ shape: {}, parts: [], examples, tokens: 0 });
  const places = [0, 1, 2].map((part) => {
    const { length, at: own } = partOfEpoch({ length: 10, at }, part, 3);
    return Array.from({ length }, (_, place) => own(place).examples);
  });
  assert.deepEqual(places, [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]);
});
