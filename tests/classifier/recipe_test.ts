import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import type { Dataset } from "../../lib/data/examples.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { InputError } from "../../lib/errors.ts";
import { fineTune } from "../../lib/paper/fine_tune.ts";
import { calibratedError, type Recipe, type RecipeRun, runRecipe } from "../../lib/classifier/recipe.ts";
import { preTrainedNote, preTrainingTexts } from "../../lib/classifier/pretraining_texts.ts";
import { calibrate } from "../../lib/results/calibration.ts";
import { exampleDataset, tinyArchitecture, tinyModel } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";
import { test } from "../helpers/slow.ts";

const engine = onnxEngine();
const data = exampleDataset({ count: 80 });

const fit: Recipe = {
  data,
  model: "new",
  start: { seed: 1, architecture: tinyArchitecture },
  fineTuning: tinySettings({ epochs: 3, layerDecay: 0.95, schedule: "linear", warmupProportion: 0.1 }),
};

const itptFit: Recipe = {
  ...fit,
  preTraining: {
    unlabelled: ["ba be bo. du ge."],
    steps: 9,
    batchSize: 4,
    maxLength: 16,
    learningRate: 0.01,
  },
};

class Stopped extends Error {}

/** Carries a recipe out, and says how many steps that took; it stops at a step of either phase. */
async function carryOut(
  recipe: Recipe,
  folder: string,
  { resume = false, overwrite = false, stopAt = "" } = {},
): Promise<{ run?: RecipeRun; steps: string[] }> {
  const steps: string[] = [];
  const on = (phase: string) => ({ step }: { step: number }) => {
    if (stopAt === `${phase} ${step}`) throw new Stopped();
    steps.push(`${phase} ${step}`);
  };
  const run = await runRecipe(recipe, {
    engine,
    checkpoint: { folder, every: 2, resume, overwrite },
    onPreTrainingStep: on("pre-training"),
    onStep: on("training"),
  }).catch((error) => {
    if (!(error instanceof Stopped)) throw error;
  });
  return { ...run ? { run } : {}, steps };
}

Deno.test("the recipe without pre-training is fine-tuning, and a temperature that suits the development texts", () =>
  inFolder(async (folder) => {
    const { run, steps } = await carryOut(fit, folder);
    const { tuned, survey, preTraining, temperature, calibrationNote } = run!;
    const alone = await fineTune(await tinyModel(data), data, fit.fineTuning, { engine });
    assert.deepEqual(tuned.parameters, alone.parameters);
    assert.deepEqual([tuned.test, tuned.devPredictions], [alone.test, alone.devPredictions]);
    assert.deepEqual([steps.length, survey.texts], [15, { train: 40, dev: 20, test: 20 }]);
    assert.equal(preTraining, undefined);
    const { probabilities, expected } = tuned.devPredictions!;
    assert.deepEqual({ temperature, note: calibrationNote }, calibrate(probabilities, expected, 2));
    assert.match(
      calibrationNote,
      /^The probabilities are not calibrated, as there are only 20 texts to do it on: at least/,
    );
    assert.ok(Math.abs(calibratedError(tuned.devPredictions!, 1) - tuned.dev!.ece) < 1e-4);
  }));

Deno.test("where no development text calibrates, no test text does", () =>
  inFolder(async (folder) => {
    const train = [...data.train, ...data.dev];
    const test = Array.from({ length: 3 }, () => data.test).flat(); // enough to fit a temperature on
    const recipes = [
      {
        ...fit,
        data: { ...data, train, dev: [], test },
        fineTuning: { ...fit.fineTuning, epochs: 1, keep: "last" as const },
      },
      {
        ...fit,
        data: { ...data, test },
        fineTuning: { ...fit.fineTuning, epochs: 1, protocol: "paper" as const },
      },
    ];
    for (const recipe of recipes) {
      const { run } = await carryOut(recipe, folder, { overwrite: true });
      const { tuned, temperature, calibrationNote } = run!;
      assert.equal(tuned.testPredictions!.expected.length, 60);
      assert.equal(temperature, 1);
      assert.equal(
        calibrationNote,
        "The probabilities are not calibrated, as there are no development texts to do it on.",
      );
    }
  }));

Deno.test("with pre-training the model first learns from the texts alone, then is fine-tuned", () =>
  inFolder(async (folder) => {
    const { run, steps } = await carryOut(itptFit, folder);
    const { tuned, preTraining } = run!;
    assert.deepEqual(
      [steps.filter((step) => step.startsWith("pre")).length, steps.at(9), steps.length],
      [9, "training 1", 24],
    );
    assert.deepEqual([preTraining!.texts, preTraining!.unlabelled, preTraining!.headSteps], [41, 1, 0]);
    assert.deepEqual(preTraining!.evaluations.map(({ step }) => step), [0, 3, 6, 9]);
    assert.ok(preTraining!.evaluations.at(-1)!.mlmLoss < preTraining!.evaluations[0]!.mlmLoss);
    assert.match(tuned.model.description, /^new over characters.*, pre-trained 9 steps on 41 texts$/);
    assert.deepEqual(tuned.model.notes, []);
    assert.ok(!Object.keys(tuned.parameters).some((name) => name.startsWith("cls.")));
    const alone = (await carryOut(fit, folder, { overwrite: true })).run!;
    assert.notDeepEqual(tuned.parameters, alone.tuned.parameters);
  }));

test.slow("a recipe that was stopped in any phase ends with the same parameters, bit for bit", async () => {
  const whole = await inFolder((folder) => carryOut(itptFit, folder));
  for (
    const stops of [["pre-training 1", "pre-training 6"], ["pre-training 9", "training 1"], ["training 8"]]
  ) {
    await inFolder(async (folder) => {
      for (const stopAt of stops) {
        assert.equal((await carryOut(itptFit, folder, { resume: true, stopAt })).run, undefined);
      }
      const { run, steps } = await carryOut(itptFit, folder, { resume: true });
      const { tuned, preTraining, temperature } = run!;
      assert.ok(steps.length < whole.steps.length, `${stops}: ${steps}`);
      assert.deepEqual(tuned.parameters, whole.run!.tuned.parameters);
      assert.deepEqual(preTraining!.evaluations, whole.run!.preTraining!.evaluations);
      assert.deepEqual([tuned.test, temperature], [whole.run!.tuned.test, whole.run!.temperature]);
      assert.deepEqual(tuned.devPredictions, whole.run!.tuned.devPredictions);
    });
  }
});

Deno.test("a pre-trained model is not taken for that of other settings, and only a new start that may overwrite removes it", () =>
  inFolder(async (folder) => {
    await carryOut(itptFit, folder, { stopAt: "training 3" });
    assert.deepEqual((await readdir(folder)).sort(), ["checkpoint-00000002.safetensors", "pre-trained"]);
    const other = { ...itptFit, preTraining: { ...itptFit.preTraining!, steps: 4 } };
    await assert.rejects(
      carryOut(other, folder, { resume: true }),
      new InputError(
        `Cannot resume from ${
          join(folder, "pre-trained")
        } as it was pre-trained with other settings or texts: give ` +
          "those of that run, or start anew with --overwrite, which removes it",
      ),
    );
    await assert.rejects(
      carryOut(other, folder),
      /^InputError: Cannot start anew in .* unfinished run is there/,
    );
    assert.deepEqual((await readdir(folder)).sort(), ["checkpoint-00000002.safetensors", "pre-trained"]);
    const { run } = await carryOut(other, folder, { overwrite: true });
    assert.equal(run!.preTraining!.steps, 4);
  }));

Deno.test("what fine-tuning would refuse is refused before pre-training", () =>
  inFolder(async (folder) => {
    const refused = (recipe: Partial<Recipe>, message: RegExp) =>
      assert.rejects(
        runRecipe({ ...itptFit, ...recipe }, {
          engine,
          checkpoint: { folder: join(folder, "checkpoints"), every: 2, resume: false },
          onPreTraining: () => assert.fail("it pre-trains"),
        }),
        (error) => error instanceof InputError && message.test(error.message),
      );
    const tuning = (changes: Partial<Recipe["fineTuning"]>) => ({
      fineTuning: { ...fit.fineTuning, ...changes },
    });
    await refused(tuning({ microBatchSize: 3 }), /^Cannot split a batch of 8 texts into passes of 3: /);
    await refused(
      tuning({ schedule: "polynomial", learningRate: 1e-7 }),
      /^Cannot use the schedule "polynomial" with a learning rate of 1e-7: /,
    );
    const { config, parameters, tokenizer } = await tinyModel(data);
    const name = "bert.embeddings.token_type_embeddings.weight";
    const types = { shape: [1, 16], data: parameters[name]!.data.slice(0, 16) };
    await saveCheckpoint(folder, {
      config: { ...config, type_vocab_size: 1 },
      parameters: { ...parameters, [name]: types },
      tokenizerFiles: tokenizer.files,
    });
    const train = data.train.map((example) => ({ ...example, pair: "be bo" }));
    await refused(
      { model: folder, data: { ...data, train } },
      /^Cannot read pairs of texts as the model knows 1 kind of segment: /,
    );
  }));

Deno.test("no development or test text is pre-trained on, whatever its blanks", () => {
  const of = (...texts: string[]) => texts.map((text) => ({ text, label: 0 }));
  const pairs: Dataset = {
    ...data,
    train: [...of("a", "b b", "c"), { text: "x", pair: "y", label: 0 }, { text: "x", pair: "z", label: 1 }],
    dev: of("b  b"),
    test: [...of("d"), { text: "x", pair: "z", label: 0 }],
  };
  assert.deepEqual(preTrainingTexts(pairs, ["d\n", "e", "a ", "x y", "b b", "x\n\nz", "f"]), {
    labelled: ["a", "c", "x\ny"],
    unlabelled: ["e", "f"],
  });
  const { test: [d] } = pairs;
  const unread = { ...pairs, test: [] };
  assert.deepEqual(preTrainingTexts(unread, ["d ", "e"], ["d", "c"]), {
    labelled: ["a", "x\ny", "x\nz"],
    unlabelled: ["e"],
  });
  assert.equal(preTrainedNote({ ...pairs, test: [d!] }, ["e"]), "");
  assert.match(
    preTrainedNote(pairs, ["d ", "e"]),
    /^2 of the 2 test texts were pre-trained on, without labels: a search reads the test texts only at its end, /,
  );
});

Deno.test("how long pre-training is comes from the texts", () =>
  inFolder(async (folder) => {
    const steps: number[] = [];
    for (const passes of [1, 4]) {
      const preTraining = { unlabelled: [], passes, batchSize: 4, maxLength: 16 };
      await runRecipe({ ...itptFit, preTraining }, {
        engine,
        checkpoint: { folder, every: 100, resume: false },
        onPreTraining: (plan) => {
          steps.push(plan.steps);
          throw new Stopped();
        },
      }).catch((error) => assert.ok(error instanceof Stopped));
    }
    assert.ok(steps[0]! >= 10 && steps[0]! <= 11, `${steps[0]} steps for about 40 sequences`);
    assert.ok(Math.abs(steps[1]! - 4 * steps[0]!) <= 4);
  }));

Deno.test("next sentences are predicted where at least half of the texts have any", () =>
  inFolder(async (folder) => {
    const longer = (share: number) =>
      data.train.map((example, place) =>
        place < share * data.train.length
          ? { ...example, text: `${example.text}. And ${example.text}.` }
          : example
      );
    for (const [share, nsp] of [[0, false], [.25, false], [.75, true]] as const) {
      const recipe = { ...itptFit, data: { ...data, train: longer(share) } };
      const preTraining = { unlabelled: [], steps: 1, batchSize: 4, maxLength: 16 };
      const { preTraining: outcome } = await runRecipe({ ...recipe, preTraining }, {
        engine,
        checkpoint: { folder: join(folder, `${share}`), every: 100, resume: false },
      });
      assert.equal(outcome!.nsp, nsp, `${share}`);
      assert.equal(outcome!.evaluations[0]!.nspLoss !== undefined, nsp);
    }
  }));
