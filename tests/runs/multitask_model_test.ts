import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Configuration, type MultiTaskSettings, paperSettings } from "../../lib/runs/configuration.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { InputError } from "../../lib/errors.ts";
import { multiTaskModel } from "../../lib/runs/multitask_model.ts";
import { withCache } from "../helpers/cache_folder.ts";
import { type Clock, watchSteps, withClock } from "../helpers/clock.ts";
import { exampleDataset, tinyArchitecture } from "../helpers/example_model.ts";
import { consonantDataset } from "../helpers/example_tasks.ts";

const configuration: Configuration = {
  ...paperSettings,
  data: "vowels",
  model: "new",
  architecture: tinyArchitecture,
  text: "head",
  maxLength: 16,
  batchSize: 8,
};
const settings: MultiTaskSettings = { tasks: ["vowels", "consonants"], epochs: 2, learningRate: .01 };
const sets = { vowels: exampleDataset(), consonants: consonantDataset() };

/** Asks for the model; tells the steps that were made for it, of which each takes half a minute of a test's clock. */
async function ask(change: Partial<Configuration> = {}, stopAt = Infinity, clock?: Clock) {
  const { steps, onStep } = watchSteps(stopAt, clock);
  const dataset = (name: string) => Promise.resolve(sets[name as keyof typeof sets]);
  const found = await multiTaskModel({ ...configuration, ...change }, settings, {
    engine: onnxEngine(),
    dataset,
    task: dataset,
    onStep,
    say: () => {},
  });
  return { ...found, steps };
}

Deno.test("the runs of all tasks share one model, each with its own classifier", () =>
  withCache(async (folder) => {
    const vowels = await ask();
    assert.equal(vowels.steps.length, 28);
    assert.deepEqual([vowels.record.tasks, vowels.record.steps], [["vowels", "consonants"], 28]);
    assert.equal(
      vowels.model.description,
      "new over characters, 1 layers of 16, 16 pieces, fine-tuned on vowels, consonants",
    );
    assert.deepEqual(vowels.model.notes, []);
    assert.equal(vowels.preTraining, undefined);

    // Its own rate and epochs, and what it reads the layers by, belong to the run that goes on.
    const consonants = await ask({
      data: "consonants",
      learningRate: 5e-3,
      epochs: 9,
      features: "last-4-max",
    });
    assert.deepEqual(consonants.steps, []);
    assert.deepEqual(consonants.record, vowels.record);
    assert.deepEqual(Object.values(consonants.model.config.id2label!), ["b", "k", "t"]);
    assert.deepEqual(consonants.model.parameters["classifier.weight"]!.shape, [3, 16]);
    assert.deepEqual(vowels.model.parameters["classifier.weight"]!.shape, [2, 16]);
    for (const [name, tensor] of Object.entries(vowels.model.parameters)) {
      if (name.startsWith("bert.")) assert.deepEqual(consonants.model.parameters[name], tensor, name);
    }

    assert.equal((await ask({ seed: 2 })).steps.length, 28, "another seed, another model");
    assert.equal((await ask({ limits: { train: 8, dev: null, test: null } })).steps.length, 28);
    const runs = await readdir(join(folder, "multitask"));
    assert.equal(runs.length, 3);
    assert.ok(runs.includes("d316e4e9a3d56a2936472aa2"), "models that were made before are found");
    for (const run of runs) {
      assert.deepEqual((await readdir(join(folder, "multitask", run))).sort(), ["lock", "model"]);
    }
  }));

Deno.test("a multi-task model that was stopped goes on, and ends with the same parameters", async () => {
  let straight: Awaited<ReturnType<typeof ask>> | undefined;
  await withCache(async () => void (straight = await ask()));
  await withCache(() =>
    withClock(async (clock) => {
      await assert.rejects(ask({}, 20, clock), /stopped/);
      const resumed = await ask({ data: "consonants" });
      assert.deepEqual([resumed.steps[0], resumed.steps.at(-1)], [19, 28], "from the ninth minute");
      const again = await ask();
      assert.deepEqual(again.steps, []);
      assert.deepEqual(again.model.parameters, straight!.model.parameters);
    })
  );
});

Deno.test("it may start from a model that is pre-trained further", () =>
  withCache(async () => {
    const preTraining = {
      corpus: ["vowels", "consonants"],
      unseen: [],
      steps: 4,
      headSteps: 0,
      points: [1],
      point: 1,
      batchSize: 4,
      maxLength: 16,
      learningRate: 1e-2,
      nsp: false,
      seed: 1,
    };
    const plain = await ask();
    const found = await ask({ preTraining });
    assert.equal(found.steps.length, 4 + 28);
    assert.match(found.record.start, /, pre-trained 4 steps on vowels, consonants$/);
    assert.equal(found.preTraining!.steps, 4);
    assert.notDeepEqual(found.model.parameters, plain.model.parameters);
    const again = await ask({ preTraining, data: "consonants" });
    assert.deepEqual([again.steps, again.preTraining], [[], found.preTraining]);
  }));

Deno.test("a task that the model has not learnt is refused", () =>
  withCache(() =>
    assert.rejects(
      ask({ data: "colors" }),
      new InputError(
        "Cannot go on with colors from a model of several tasks as it is not one of them: found vowels, consonants",
      ),
    )
  ));
