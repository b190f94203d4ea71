import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { type Configuration, paperSettings, type ResolvedPreTraining } from "../../lib/runs/configuration.ts";
import { preTrainedModel } from "../../lib/runs/pretrained_model.ts";
import { configurationHash } from "../../lib/results/records.ts";
import { withCache } from "../helpers/cache_folder.ts";
import { type Clock, watchSteps, withClock } from "../helpers/clock.ts";
import { withSettings } from "../storage/hub_server.ts";
import { exampleDataset, tinyArchitecture } from "../helpers/example_model.ts";

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

/** Asks for the model; tells the steps that were made for it, of which each takes half a minute of a test's clock. */
async function ask(
  change: Partial<ResolvedPreTraining> = {},
  { stopAt = Infinity, clock, content, ...changes }:
    & { stopAt?: number; clock?: Clock; content?: () => Promise<string | undefined> }
    & Partial<Configuration> = {},
) {
  const { steps, onStep } = watchSteps(stopAt, clock);
  const found = await preTrainedModel({ ...configuration, ...changes }, { ...settings, ...change }, {
    engine: onnxEngine(),
    dataset: () => Promise.resolve(exampleDataset()),
    content,
    labels: ["o", "u"],
    onStep,
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
    assert.ok(runs.includes("0d4578d7a51f23ef77b490f7"), "models that were made before are found");
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
  await withCache(() =>
    withClock(async (clock) => {
      await assert.rejects(ask({ point: .2 }, { stopAt: 8, clock }), /stopped/);
      const resumed = await ask();
      assert.equal(resumed.steps[0], 7, "from the checkpoint of the third minute");
      assert.deepEqual(resumed.model.parameters, straight!.model.parameters);
      assert.deepEqual(resumed.record.after, straight!.record.after);
    })
  );
});

Deno.test("the optimizer of the paper's code is that of pre-training, too", () =>
  withCache(async () => {
    const [adamw, bertadam] = [await ask(), await ask({}, { optimizer: "bertadam" })];
    assert.equal(bertadam.steps.length, 12, "another optimizer, another model");
    assert.notDeepEqual(bertadam.model.parameters, adamw.model.parameters);
  }));

Deno.test("other texts under the same name make another model", () =>
  withCache(async () => {
    const steps = async (content?: string) =>
      (await ask({}, { content: () => Promise.resolve(content) })).steps.length;
    assert.deepEqual(
      [await steps(), await steps("a"), await steps("a"), await steps("b"), await steps()],
      [12, 12, 0, 12, 0],
    );
  }));

Deno.test("a stand-in is not kept under the name of the model, and whoever finds it is told", () =>
  withSettings({ PATH: "/nowhere" }, async (folder) => { // neither hub nor Python has a model
    const note = /^Cannot fetch the model minilm.*; a new model stands in for it\.$/;
    const made = await ask({}, { model: "minilm" });
    const found = await ask({}, { model: "minilm" });
    assert.deepEqual([made.steps.length, found.steps], [12, []]);
    for (const { model } of [made, found]) assert.match(model.notes[0]!, note);
    assert.deepEqual(found.record, made.record);
    assert.ok(!("notes" in found.record), "what goes into the records of runs is as it was");

    const { point: _, ...identity } = { ...settings, points: [2, 10] };
    const { layers, architecture, protocol, precision } = configuration;
    const named = { name: "minilm", layers, architecture, protocol, precision, ...identity };
    const hashes = [named, { ...named, standIn: true }].map(configurationHash);
    const [without, own] = (await Promise.all(hashes)).map((hash) => hash.slice(0, 24));
    const runs = await readdir(join(folder, "cache", "pretrained"));
    assert.deepEqual([runs.includes(without!), runs], [false, [own]]);
  }));
