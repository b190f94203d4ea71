import assert from "node:assert/strict";
import { batchesOfStretch, stretchesOf } from "../../lib/training/stretches.ts";

const ends = (steps: number, settings: Parameters<typeof stretchesOf>[1]) =>
  stretchesOf(steps, settings).map(({ from, to, epoch }) => [from, to, epoch]);

Deno.test("a training is measured after each epoch, or some times in each", () => {
  assert.deepEqual(ends(5, { epochs: 3 }), [[0, 5, 1], [5, 10, 2], [10, 15, 3]]);
  assert.deepEqual(
    ends(10, { epochs: 2, evaluationsPerEpoch: 3 }),
    [[0, 3, 1 / 3], [3, 6, 2 / 3], [6, 10, 1], [10, 13, 4 / 3], [13, 16, 5 / 3], [16, 20, 2]],
  );
});

Deno.test("a training ends with its last update, however it is measured", () => {
  assert.deepEqual(ends(5, { epochs: 3, maxSteps: 7 }), [[0, 5, 1], [5, 7, 1.4]]);
  assert.deepEqual(ends(5, { epochs: 3, maxSteps: 10 }), [[0, 5, 1], [5, 10, 2]]);
  assert.deepEqual(ends(5, { epochs: 2, maxSteps: 100 }), [[0, 5, 1], [5, 10, 2]]);
  assert.deepEqual(ends(5, { epochs: 2, maxSteps: 2 }), [[0, 2, 0.4]]);
  assert.deepEqual(ends(5, { epochs: 2, evaluateEvery: 4 }), [[0, 4, 0.8], [4, 8, 1.6], [8, 10, 2]]);
  assert.deepEqual(ends(5, { epochs: 2, evaluateEvery: 4, maxSteps: 8 }), [[0, 4, 0.8], [4, 8, 1.6]]);
  assert.deepEqual(ends(5, { epochs: 1, evaluateEvery: 40 }), [[0, 5, 1]]);
});

Deno.test("stretches have each batch of each epoch once, in order", () => {
  const epochs = [0, 1, 2].map((epoch) => ({
    length: 5,
    at: (place: number) => ({ shape: {}, parts: [], examples: 10 * epoch + place, tokens: 0 }),
  }));
  for (const settings of [{}, { evaluationsPerEpoch: 2 }, { evaluateEvery: 4 }, { evaluateEvery: 7 }]) {
    const places = stretchesOf(5, { epochs: 3, ...settings }).flatMap((stretch) => {
      const { length, at } = batchesOfStretch(epochs, stretch);
      return Array.from({ length }, (_, place) => at(place).examples);
    });
    assert.deepEqual(places, [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24]);
  }
});
