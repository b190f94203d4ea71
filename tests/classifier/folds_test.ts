import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { allRows, crossValidate, type CrossValidation, foldsOf } from "../../lib/classifier/folds.ts";
import { foldsFigure, foldsSentence } from "../../lib/classifier/folds_text.ts";
import { calibrationOf, type PreTrainingPlan, type Recipe } from "../../lib/classifier/recipe.ts";
import type { Survey } from "../../lib/classifier/survey.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { InputError } from "../../lib/errors.ts";
import { textStrategyNames } from "../../lib/paper/long_text.ts";
import type { FineTuneSettings } from "../../lib/paper/settings.ts";
import { measure } from "../../lib/results/metrics.ts";
import { chooseThresholds, measureLabels } from "../../lib/results/multi_label.ts";
import { exampleDataset, tinyArchitecture } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { severalDataset } from "../helpers/several_labels.ts";
import { slowUnless } from "../helpers/slow.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";

const engine = onnxEngine();
const data = exampleDataset({ count: 80, words: 9 });

const recipe: Recipe = {
  data,
  model: "new",
  start: { seed: 1, architecture: tinyArchitecture },
  fineTuning: tinySettings({ epochs: 3, layerDecay: 0.95, schedule: "linear", warmupProportion: 0.1 }),
};

const withSettings = (changes: Partial<FineTuneSettings>): Recipe => ({
  ...recipe,
  fineTuning: { ...recipe.fineTuning, ...changes },
});

class Killed extends Error {}

/** Cross-validates; a part is killed at one of its steps. */
async function carryOut(
  recipe: Recipe,
  folds: number,
  folder: string,
  kill?: readonly [part: string, step: number],
): Promise<{ found?: CrossValidation; parts: string[] }> {
  const parts: string[] = [];
  const found = await crossValidate(recipe, folds, {
    ...{ engine, checkpoint: { folder, every: 2, resume: true } },
    part: (name) => {
      parts.push(name);
      return {
        onStep: ({ step }) => {
          if (kill && kill[0] === name && kill[1] === step) throw new Killed();
        },
      };
    },
  }).catch((error) => {
    if (!(error instanceof Killed)) throw error;
    return undefined;
  });
  return { ...found ? { found } : {}, parts };
}

/** What does not take time. */
function comparable({ folds, predictions, given, run: { tuned, temperature } }: CrossValidation) {
  const { parameters, test, steps, bestEpoch, notes } = tuned;
  return {
    folds: folds.map(({ seconds: _, epochs, ...fold }) => ({
      ...fold,
      epochs: epochs.map(({ seconds: _, ...epoch }) => epoch),
    })),
    ...{ predictions, given, parameters, test, steps, bestEpoch, notes, temperature },
    thresholds: tuned.thresholds,
  };
}

Deno.test("folds hold each row once and each class in its share, and choose by rows that they do not test", () => {
  const folds = foldsOf(data, 5, 3);
  const rows = allRows(data);
  assert.equal(rows.length, 60);
  assert.deepEqual(folds.flatMap(({ rows }) => rows).sort((a, b) => a - b), rows.map((_, n) => n));
  for (const { rows: own, data: { train, dev, test } } of folds) {
    assert.deepEqual([train.length, dev.length, test.length], [43, 5, 12]);
    assert.deepEqual(test, own.map((row) => rows[row]));
    for (const label of [0, 1] as number[]) {
      const count: number = test.filter((example) => example.label === label).length;
      assert.ok(Math.abs(count - 6) <= 1, `${count} of class ${label}`);
    }
    const all = new Set([train, dev, test].flat());
    assert.equal(all.size, 60);
  }
  assert.equal(new Set(folds.map(({ data }) => data.fingerprint)).size, 5);
  assert.notDeepEqual(foldsOf(data, 5, 4)[0]!.rows, folds[0]!.rows);
  assert.throws(
    () => foldsOf({ ...data, train: data.train.slice(0, 3), dev: [] }, 2, 1),
    new InputError("Cannot cut 3 rows of vowels into 2 folds: expected at least two rows a fold"),
  );
});

Deno.test("rare classes are spread over the folds, and all folds are as large", () => {
  const cases = [
    Array.from({ length: 500 }, (_, n) => n < 50 ? n + 1 : 0), // 50 classes of one row
    Array.from({ length: 50 }, (_, n) => Math.floor(n / 2)), // 25 classes of two
    Array.from({ length: 93 }, (_, n) => n % 13),
  ];
  for (const labels of cases) {
    const train = labels.map((label, n) => ({ text: `text ${n}`, label }));
    const names = [...new Set(labels)].map((label) => `${label}`);
    const folds = foldsOf({ ...data, labels: names, train, dev: [], test: [] }, 5, 3);
    assert.deepEqual(folds.flatMap(({ rows }) => rows).sort((a, b) => a - b), train.map((_, n) => n));
    for (const { data: { test } } of folds) {
      assert.ok(Math.abs(test.length - labels.length / 5) < 1);
      const rare = (label: number) => labels.filter((other) => other === label).length < 5;
      const rareRows = test.filter(({ label }) => rare(label)).length;
      assert.ok(Math.abs(rareRows - labels.filter(rare).length / 5) <= 1, `${rareRows} rows of rare classes`);
      for (const label of new Set(labels)) {
        const share = labels.filter((other) => other === label).length / 5;
        const count = test.filter((example) => example.label === label).length;
        assert.ok(Math.abs(count - share) < 1, `${count} of class ${label}, expected about ${share}`);
      }
    }
  }
});

Deno.test("a cross-validation tells mean and spread, and trains a classifier on all rows", () =>
  inFolder(async (folder) => {
    const { found, parts } = await carryOut(recipe, 3, folder);
    const { folds, errorRate, macroF1, predictions, rows, run } = found!;
    assert.deepEqual(parts, ["fold 1", "fold 2", "fold 3", "all rows"]);
    const errors = folds.map(({ metrics }) => metrics.errorRate);
    const mean = errors.reduce((sum, error) => sum + error, 0) / 3;
    const sd = Math.sqrt(errors.reduce((sum, error) => sum + (error - mean) ** 2, 0) / 2);
    assert.ok(Math.abs(errorRate.mean - mean) < 1e-12 && Math.abs(errorRate.sd - sd) < 1e-12);
    assert.match(
      foldsSentence(found!),
      /^3 folds: error [\d.]+ % ± [\d.]+ %, macro F1 0\.\d{4} ± 0\.\d{4}, loss /,
    );
    assert.equal(foldsFigure(folds).panels[1]!.curves.length, 3);
    assert.ok(macroF1.mean > 0);

    // As all folds have as many rows, the mean is the share of all.
    assert.deepEqual(predictions.expected, rows.map(({ label }) => label));
    const pooled = measure(predictions.probabilities, predictions.expected, 2);
    assert.ok(Math.abs(pooled.errorRate - mean) < 1e-12);
    assert.equal(run.temperature, calibrationOf(predictions, {}).temperature);

    const middle = folds.map(({ bestEpoch }) => bestEpoch).sort()[1]!;
    assert.deepEqual([run.tuned.steps, run.survey.texts], [middle * 8, { train: 60, dev: 0, test: 20 }]);
    assert.deepEqual([run.tuned.dev, run.tuned.bestEpoch], [undefined, middle]);
    assert.equal(run.tuned.test!.examples, 20);
    assert.deepEqual((await readdir(folder)).filter((name) => /^fold-\d$/.test(name)), []);
  }));

const several = severalDataset(64, 9);

Deno.test("folds of several labels are judged by micro F1, and what they hold out chooses the thresholds", () =>
  inFolder(async (folder) => {
    for (const { data: { test } } of foldsOf(several, 5, 3)) {
      for (const c of [0, 1]) {
        const share = test.filter(({ classes }) => classes!.includes(c)).length / test.length;
        assert.ok(Math.abs(share - .5) <= 2 / test.length, `${share} of label ${c}`);
      }
    }
    const { found } = await carryOut({ ...recipe, data: several }, 3, folder);
    const { folds, microF1, errorRate, predictions, given, rows, run: { tuned, temperature } } = found!;
    const each = folds.map(({ metrics }) => metrics.multiLabel!.microF1);
    assert.ok(Math.abs(microF1!.mean - each.reduce((sum, f1) => sum + f1, 0) / 3) < 1e-12);
    assert.deepEqual(
      predictions.expected,
      rows.flatMap(({ classes }) => [0, 1].map((c) => Number(classes!.includes(c)))),
    );
    // Each row's labels are those that its own fold gave it: the folds are as large, so the mean is the share of all.
    const wrong = rows.filter((_, n) =>
      [0, 1].some((c) => given![2 * n + c] !== predictions.expected[2 * n + c])
    );
    assert.ok(Math.abs(wrong.length / rows.length - errorRate.mean) < 1e-12);
    const { thresholds } = chooseThresholds(predictions.probabilities, predictions.expected, 2);
    assert.deepEqual([tuned.thresholds, temperature], [thresholds, 1]);
    const { probabilities, expected } = tuned.testPredictions!;
    assert.deepEqual(tuned.test, measureLabels(probabilities, expected, thresholds));
    assert.match(
      foldsSentence(found!),
      /^3 folds: micro F1 0\.\d{4} ± 0\.\d{4}, macro F1 .*, [\d.]+ % ± [\d.]+ % of the texts not wholly right$/,
    );
    assert.equal(foldsFigure(folds).panels[1]!.title, "development micro F1, %");
  }));

const combinations = [data, several].flatMap((data) => textStrategyNames.map((text) => ({ data, text })));
for (const { data, text } of combinations) {
  slowUnless(data === several && text === "head+tail")(
    `early stopping, folds, class weights and resuming work together with ${text}${
      data === several ? " and several labels" : ""
    }`,
    async () => {
      const unequal = { ...data, train: data.train.filter(({ label }, n) => label === 0 || n % 4 === 1) };
      const together = {
        ...withSettings({
          text,
          classWeights: "balanced",
          patience: 1,
          evaluateEvery: 2,
          epochs: 4,
          maxFractions: 3,
        }),
        data: unequal,
      };
      const whole = comparable((await inFolder((folder) => carryOut(together, 2, folder))).found!);
      const kills = [["fold 1", 3], ["fold 2", 1], ["fold 2", 3], ["all rows", 2]] as const;
      await inFolder(async (folder) => {
        for (const kill of kills) assert.equal((await carryOut(together, 2, folder, kill)).found, undefined);
        const { found, parts } = await carryOut(together, 2, folder);
        assert.deepEqual(parts, ["all rows"]);
        assert.deepEqual(comparable(found!), whole);
      });
      assert.ok(whole.folds.every(({ epochs, steps }) => epochs.length * 2 >= steps));
      const plain = comparable(
        (await inFolder((folder) =>
          carryOut(
            {
              ...together,
              fineTuning: { ...together.fineTuning, classWeights: "none" },
            },
            2,
            folder,
          )
        )).found!,
      );
      assert.notDeepEqual(plain.folds[0]!.predictions, whole.folds[0]!.predictions, "the weights count");
    },
  );
}

Deno.test("folds with pre-training learn from no text of their own fold, and other settings do not go on", () =>
  inFolder(async (folder) => {
    const itpt = {
      ...recipe,
      // A test text stands among the training texts, another one among those without labels.
      data: { ...data, train: [...data.train.slice(1), data.test[0]!] },
      preTraining: { unlabelled: [data.test[1]!.text, "be bo du"], steps: 2, batchSize: 4, maxLength: 16 },
    };
    const plans: PreTrainingPlan[] = [];
    const surveys: Survey[] = [];
    const found = await crossValidate(itpt, 2, {
      ...{ engine, checkpoint: { folder, every: 100, resume: true } },
      onSurvey: (survey) => surveys.push(survey),
      part: () => ({ onPreTraining: (plan) => plans.push(plan) }),
    });
    assert.match(found.run.tuned.model.description, /pre-trained 2 steps on 60 texts$/);
    const unseen = foldsOf(itpt.data, 2, itpt.fineTuning.seed).map(({ data: { train, dev, test } }) => {
      const left = new Set([...dev, ...test, ...data.test].map(({ text }) => text));
      return new Set(train.map(({ text }) => text).filter((text) => !left.has(text))).size + 1;
    });
    assert.deepEqual(plans.map(({ texts }) => texts), [...unseen, 60]);
    assert.deepEqual(plans.map(({ measuredOn }) => measuredOn), ["dev", "dev", "train"]);
    assert.deepEqual(surveys.map(({ texts }) => texts), [{ train: 60, dev: 0, test: 20 }]);
    assert.equal(found.run.preTraining!.measuredOn, "train");
    await assert.rejects(
      carryOut(withSettings({ epochs: 2 }), 2, folder),
      /^InputError: Cannot resume from .*fold-1\.json as it is of a run with other settings or data: give those of that /,
    );
  }));

Deno.test("the tested fold does not choose the epoch by the paper's protocol", () =>
  inFolder((folder) =>
    assert.rejects(
      carryOut(withSettings({ protocol: "paper" }), 2, folder),
      /^InputError: Cannot cross-validate with protocol "paper", by which the tested fold would choose the epoch: /,
    )
  ));
