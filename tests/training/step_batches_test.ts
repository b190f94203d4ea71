import assert from "node:assert/strict";
import { trainingBatches } from "../../lib/training/batches.ts";
import { balancedWeights, passSize } from "../../lib/training/step_batches.ts";

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
  const batchOf = (more: { passSize?: number; classWeights?: readonly number[] }) =>
    trainingBatches(examples, { ...options, ...more }, [0])[0]!.at(0);
  for (const padToMax of [false, true]) {
    const weighted = batchOf({ passSize: 4, classWeights: [1, 3, 2], ...{ padToMax } });
    const weightOf = (index: number) => index < 0 ? 0 : [1, 3, 2][labels[index]!]!;
    assert.deepEqual(weighted.parts.length, 2);
    assert.deepEqual(
      weighted.parts.flatMap(({ weights }) => [...weights!.data]),
      Array.from(weighted.indices, (index) => Math.fround(weightOf(index) / 10)),
    );
    assert.equal(weighted.examples, 7);
  }
  const plain = batchOf({});
  assert.deepEqual(
    [...plain.parts[0]!.weights!.data],
    Array.from(plain.indices, (index) => Math.fround(index < 0 ? 0 : 1 / 7)),
  );
});
