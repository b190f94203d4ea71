import assert from "node:assert/strict";
import { fewShot } from "../../lib/paper/few_shot.ts";
import { usedPart } from "../../lib/runs/used_part.ts";
import { exampleDataset } from "../helpers/example_model.ts";

Deno.test("samples are nested and hold each class in its share; another draw is another sample", () => {
  const data = exampleDataset({ count: 400 });
  const texts = (examples: number, draw: number) =>
    fewShot(data, examples, draw).train.map(({ text }) => text);
  for (const draw of [1, 2, 3]) {
    const sizes = [4, 10, 50, 120];
    for (const [place, size] of sizes.entries()) {
      const sample = fewShot(data, size, draw);
      assert.equal(sample.train.filter(({ label }) => label === 0).length, size / 2);
      assert.deepEqual([sample.dev, sample.test], [data.dev, data.test]);
      const larger = new Set(texts(sizes[place + 1] ?? 200, draw));
      assert.ok(texts(size, draw).every((text) => larger.has(text)), `${size} in the next`);
    }
  }
  assert.notDeepEqual(texts(50, 1), texts(50, 2));
  assert.deepEqual(texts(50, 1), texts(50, 1));
});

Deno.test("a run that draws its own sample trains on the same", () => {
  const data = exampleDataset();
  const limits = { train: 10, dev: null, test: null };
  const used = usedPart(data, { protocol: "clean", limits, resample: true, seed: 3 });
  assert.deepEqual(used, fewShot(data, 10, 3));
  assert.deepEqual(fewShot(data, 1000, 3), data);
  assert.throws(() => fewShot(data, -1, 3), RangeError);
});
