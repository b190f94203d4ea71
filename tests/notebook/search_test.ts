import assert from "node:assert/strict";
import { jupyterDisplay } from "../../lib/notebook/displayable.ts";
import { crossValidateClassifier, searchClassifier } from "../../lib/notebook/search.ts";
import { exampleDataset, tinyArchitecture } from "../helpers/example_model.ts";
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
