import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { jupyterDisplay } from "../../lib/notebook/displayable.ts";
import { crossValidateClassifier, searchClassifier } from "../../lib/notebook/search.ts";
import { exampleDataset, tinyArchitecture } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { severalDataset } from "../helpers/several_labels.ts";

const data = exampleDataset({ count: 80 });
const settings = {
  ...{
    model: "new",
    architecture: tinyArchitecture,
    maxLength: 16,
    batchSize: 8,
    learningRate: 0.01,
    epochs: 3,
  },
};

Deno.test("a search from TypeScript ends in a classifier with its test, and shows what each choice was worth", async () => {
  const found = await searchClassifier(data, { ...settings, budget: "5m", fixed: ["recipe"] });
  assert.deepEqual([found.test!.examples, found.search.order.length], [20, 6]);
  assert.equal((await found.classify(["bo do"]))[0]!.probabilities.length, 2);
  const { "text/markdown": shown } = await found[jupyterDisplay]();
  assert.match(shown!, /^Chosen: fit, rate /);
});

Deno.test("a setting that there is not, or that does nothing, is refused by a search and by folds", async () => {
  const refused: [object, RegExp][] = [
    [
      { learningRat: 5e-5 },
      /^InputError: Cannot set "learningRat" as there is no field "learningRat": expected one of /,
    ],
    [{ log: "curves" }, /^InputError: Cannot set "log" as there is no field "log": expected one of /],
    [{ epochs: "3" }, /^InputError: Cannot set "epochs" to "3": expected /],
    [{ folder: 3 }, /^InputError: Cannot call .* as settings\.folder is not /],
  ];
  for (const [wrong, message] of refused) {
    await assert.rejects(searchClassifier(data, { ...settings, budget: "1s", ...wrong }), message);
    await assert.rejects(crossValidateClassifier(data, { ...settings, ...wrong }), message);
  }
  await assert.rejects(
    searchClassifier(data, { ...settings, budget: "1s", fixed: ["rate" as "learningRate"] }),
    /^InputError: Cannot call searchClassifier as settings\.fixed\.0 is not one of recipe, learningRate, /,
  );
});

Deno.test("a search with test texts pre-trains on none of them", () =>
  inFolder(async (folder) => {
    const known = { ...data, train: [...data.train.slice(2), ...data.test.slice(0, 2)] };
    const found = await searchClassifier(known, {
      ...settings,
      ...{ budget: "5m", fixed: ["learningRate", "layerDecay", "truncation"], folder },
      ...{ unlabelled: [data.test[2]!.text, "be bo du"] },
    });
    assert.deepEqual(found.search.order.map(({ recipe }) => recipe), ["fit", "itpt-fit"]);
    const { outcome } = JSON.parse(await readFile(join(folder, "pre-trained", "pretraining.json"), "utf8"));
    assert.deepEqual([outcome.texts, outcome.unlabelled], [39, 1]);
  }));

Deno.test("folds and a search of several labels from TypeScript tell micro F1", async () => {
  const several = severalDataset(80);
  const folded = await crossValidateClassifier(several, { ...settings, folds: 2 });
  const { "text/plain": text } = await folded[jupyterDisplay]();
  assert.match(text!, /^2 folds: micro F1 /);
  assert.ok(Array.isArray((await folded.classify(["bo do"]))[0]!.labels));
  const found = await searchClassifier(several, {
    ...settings,
    budget: "5m",
    fixed: ["recipe", "learningRate"],
  });
  assert.deepEqual(found.test!.multiLabel!.thresholds, found.thresholds);
  const { "text/markdown": shown } = await found[jupyterDisplay]();
  assert.match(shown!, /^Chosen: .*, development micro F1 /);
});

Deno.test("a cross-validation from TypeScript ends in a classifier of all rows, and draws a curve of each fold", async () => {
  const found = await crossValidateClassifier(data, {
    ...settings,
    folds: 2,
    patience: 2,
    classWeights: "balanced",
  });
  assert.equal(found.crossValidation.folds.length, 2);
  assert.equal(found.test!.examples, 20);
  assert.equal((await found.classify(["bo do"])).length, 1);
  const { "text/plain": text, "image/svg+xml": svg } = await found[jupyterDisplay]();
  assert.match(text!, /^2 folds: error /);
  assert.match(svg!, /fold 2/);
});
