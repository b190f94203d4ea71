import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { onnxEngine } from "../lib/engine/onnx.ts";
import { type Configuration, paperSettings, type ResolvedPreTraining } from "../lib/configuration.ts";
import { preTrainedModel } from "../lib/pretrained_model.ts";
import { withCache } from "./cache_folder.ts";
import { exampleDataset, tinyArchitecture } from "./example_model.ts";

const configuration: Configuration = { ...paperSettings, model: "new", architecture: tinyArchitecture };
const settings: ResolvedPreTraining = {
  corpus: ["vowels"],
  unseen: ["vowels"],
  steps: 10,
  headSteps: 2,
  points: [.2, 1],
  point: 1,
  batchSize: 4,
  maxLength: 16,
  learningRate: 1e-2,
  nsp: false,
  seed: 1,
};

/** Asks for the model; tells the steps that were made for it. */
async function ask(change: Partial<ResolvedPreTraining> = {}, stopAt = Infinity) {
  const steps: number[] = [];
  const found = await preTrainedModel(configuration, { ...settings, ...change }, {
    engine: onnxEngine(),
    dataset: () => Promise.resolve(exampleDataset()),
    labels: ["o", "u"],
    onStep: (done) => {
      if (done === stopAt) throw new Error("stopped");
      steps.push(done);
    },
    say: () => {},
  });
  return { ...found, steps };
}

Deno.test("one run of pre-training serves all its points, and is found again", () =>
  withCache(async (folder) => {
    const last = await ask();
    assert.deepEqual([last.steps.length, last.record.steps, last.record.texts], [12, 10, 63]);
    assert.equal(
      last.model.description,
      "new over characters, 1 layers of 16, 16 pieces, pre-trained 10 steps on vowels",
    );
    assert.deepEqual(last.model.parameters["classifier.weight"]!.shape, [2, 16]);
    assert.notEqual(last.record.after.mlmLoss, last.record.before.mlmLoss);

    const again = await ask();
    assert.deepEqual(again.steps, []);
    assert.deepEqual(again.model.parameters, last.model.parameters);
    assert.deepEqual(again.record, last.record);
    const early = await ask({ point: .2 });
    assert.deepEqual([early.steps, early.record.steps], [[], 2]);
    assert.notDeepEqual(early.model.parameters, last.model.parameters);

    const other = await ask({ learningRate: 2e-2 });
    assert.equal(other.steps.length, 12, "other settings, another model");
    const runs = await readdir(join(folder, "pretrained"));
    assert.equal(runs.length, 2);
    for (const run of runs) {
      assert.deepEqual((await readdir(join(folder, "pretrained", run))).sort(), [
        "lock",
        "step-10",
        "step-2",
      ]);
    }
  }));

Deno.test("pre-training that was stopped goes on, for whichever point, and ends with the same model", async () => {
  let straight: Awaited<ReturnType<typeof ask>> | undefined;
  await withCache(async () => void (straight = await ask()));
  await withCache(async () => {
    await assert.rejects(ask({ point: .2 }, 8), /stopped/);
    const resumed = await ask();
    assert.deepEqual(resumed.steps[0], 5, "from the checkpoint at the point after 2 head steps and 2 steps");
    assert.deepEqual(resumed.model.parameters, straight!.model.parameters);
    assert.deepEqual(resumed.record.after, straight!.record.after);
  });
});
