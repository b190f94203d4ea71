import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Configuration, paperSettings } from "../../lib/runs/configuration.ts";
import { dataset, datasetContent } from "../../lib/data/dataset.ts";
import { InputError } from "../../lib/errors.ts";
import { fineTuneSettings } from "../../lib/paper/settings.ts";
import { cellRunner } from "../../lib/runs/run_cell.ts";
import { usedPart } from "../../lib/runs/used_part.ts";
import { type Clock, watchSteps, withClock } from "../helpers/clock.ts";
import { withSettings } from "../storage/hub_server.ts";
import { parquetFolder } from "../data/paper_files.ts";
import { tinyArchitecture } from "../helpers/example_model.ts";

/** Of 18 training, 2 development and 4 test texts. */
const configuration: Configuration = {
  ...paperSettings,
  data: "trec",
  model: "new",
  architecture: tinyArchitecture,
  maxLength: 16,
  batchSize: 6,
};

/** Runs it; tells the steps that were made, of which each takes half a minute of a test's clock. */
async function runCell(changes: Partial<Configuration> = {}, clock?: Clock, stopAt = Infinity) {
  const { steps, onStep } = watchSteps(stopAt, clock);
  const result = await cellRunner()({ ...configuration, ...changes }, {
    onStep,
    onLine: () => {},
  });
  const { forget, ...numbers } = result;
  await forget!();
  return { ...numbers, steps };
}

Deno.test("the settings of a configuration are those of fine-tuning alone", async () => {
  const configuration = { ...paperSettings, text: "hierarchical-max", maxFractions: 2, layerDecay: 0.95 };
  const { text, maxFractions, layerDecay } = fineTuneSettings(configuration);
  assert.deepEqual([text, maxFractions, layerDecay], ["hierarchical-max", 2, 0.95]);
  const others = ["data", "limits", "model", "layers", "architecture", "preTraining", "multiTask", "engine"];
  assert.deepEqual(others.filter((field) => field in fineTuneSettings(configuration)), []);
  await assert.rejects(
    runCell({ text: "middle" }),
    (error) => error instanceof InputError && /"middle": expected one of head, tail/.test(error.message),
  );
});

Deno.test("under the protocol of the paper's code no training text is held out", () =>
  withSettings({ BERTLAB_DATA: parquetFolder }, async () => {
    const clean = await runCell({ epochs: 1 });
    assert.deepEqual([clean.data.train, clean.data.dev, clean.data.test, clean.steps.length], [18, 2, 4, 3]);
    assert.deepEqual(clean.contents, { trec: await datasetContent("trec", { say: () => {} }) });
    const paper = await runCell({ epochs: 1, protocol: "paper" });
    assert.deepEqual([paper.data.train, paper.data.dev, paper.data.test, paper.steps.length], [20, 0, 4, 4]);
    assert.notEqual(paper.data.fingerprint, clean.data.fingerprint);
    const whole = await dataset("trec");
    const limits = { train: 6, dev: 1, test: null };
    const { train, dev, test, note } = usedPart(whole, { ...configuration, protocol: "paper", limits });
    assert.deepEqual([train.length, dev.length, test.length], [6, 0, 4]);
    assert.match(note, /; of the whole: its 2 development texts are training texts; /);
    assert.equal(usedPart(whole, configuration), whole);
  }));

Deno.test("what a new model forgets is not measured, nor what one forgets that was trained before", () =>
  withSettings({ BERTLAB_DATA: parquetFolder }, async () => {
    const { notes, ...result } = await runCell({ epochs: 1, forgetting: 1 });
    assert.ok(!("forgetting" in result));
    assert.equal(notes.at(-1), "trec: The model is new, so there is nothing that it could forget.");
    const multiTask = { tasks: ["trec"], epochs: 1, learningRate: 1e-3 };
    await assert.rejects(runCell({ forgetting: 1, multiTask }), {
      name: "InputError",
      message:
        /^Cannot measure what is forgotten of further pre-training or of other tasks: expected forgetting=null/,
    });
  }));

Deno.test("a run that was stopped goes on where it was, and leaves nothing", () =>
  withSettings({ BERTLAB_DATA: parquetFolder }, (folder) =>
    withClock(async (clock) => {
      const { steps, epochs, ...straight } = await runCell();
      assert.equal(steps.length, 12);
      const runs = join(folder, "cache", "runs");
      assert.deepEqual(await readdir(runs), []);
      await assert.rejects(runCell({}, undefined, 8), /stopped/);
      assert.deepEqual(await readdir(runs), [], "a short run writes no checkpoint");
      await assert.rejects(runCell({}, clock, 8), /stopped/);
      assert.equal((await readdir(runs)).length, 1);
      const { steps: rest, epochs: again, ...resumed } = await runCell({}, clock);
      assert.equal(rest[0], 7, "from the checkpoint of the third minute");
      assert.deepEqual(resumed, straight);
      const untimed = (of: typeof epochs) => of.map(({ seconds: _, ...epoch }) => epoch);
      assert.deepEqual(untimed(again), untimed(epochs));
      assert.deepEqual(await readdir(runs), []);
    })));
