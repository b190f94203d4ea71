import assert from "node:assert/strict";
import { jupyterDisplay } from "../../lib/notebook/displayable.ts";
import { trainClassifier } from "../../lib/notebook/train.ts";
import { scalarsOf } from "../classifier/event_files.ts";
import { exampleDataset, tinyArchitecture } from "../helpers/example_model.ts";
import { severalDataset } from "../helpers/several_labels.ts";

Deno.test("a trained classifier says of the test texts what its test said, and shows itself", async () => {
  const data = exampleDataset();
  const run = await trainClassifier(data, {
    model: "new",
    architecture: tinyArchitecture,
    maxLength: 20,
    batchSize: 16,
    epochs: 2,
    learningRate: 1e-2,
    engine: "reference",
  });
  assert.equal(run.epochs.length, 2);
  const found = await run.classify(data.test.map(({ text }) => text));
  const { probabilities } = run.testPredictions!;
  found.forEach((classification, n) => {
    const [first, second] = [probabilities[2 * n]!, probabilities[2 * n + 1]!];
    assert.ok(Math.abs(classification.probabilities[0]! - first) < 1e-4);
    assert.equal(classification.label, first >= second ? "o" : "u");
  });
  assert.match(Deno.inspect(run), /^vowels: test error /);
  const { "text/markdown": table } = await found[jupyterDisplay]();
  assert.equal(table!.split("\n").length, 2 + data.test.length);
});

Deno.test("pairs of texts are trained on and classified as pairs", async () => {
  const single = exampleDataset({ count: 24 });
  const paired = (examples: typeof single.train) =>
    examples.map((example) => ({ ...example, pair: "be bo" }));
  const data = {
    ...single,
    train: paired(single.train),
    dev: paired(single.dev),
    test: paired(single.test),
  };
  const run = await trainClassifier(data, {
    model: "new",
    architecture: tinyArchitecture,
    maxLength: 20,
    batchSize: 16,
    epochs: 1,
    engine: "reference",
  });
  assert.equal(run.pairs, true);
  const found = await run.classify(data.test.map(({ text, pair }) => ({ text, pair })));
  const { probabilities } = run.testPredictions!;
  found.forEach((classification, n) => {
    assert.ok(Math.abs(classification.probabilities[0]! - probabilities[2 * n]!) < 1e-4);
  });
});

Deno.test("a classifier of several labels a text gives those that reach their thresholds, and shows them", async () => {
  const data = severalDataset(64);
  const log = await Deno.makeTempDir();
  const run = await trainClassifier(data, {
    model: "new",
    architecture: tinyArchitecture,
    maxLength: 20,
    batchSize: 16,
    epochs: 1,
    engine: "reference",
    log,
  });
  const curves = await scalarsOf(log).finally(() => Deno.remove(log, { recursive: true }));
  for (const split of ["dev", "test"] as const) {
    const { microF1, hammingLoss } = run[split]!.multiLabel!;
    assert.deepEqual(curves[`${split}/micro_f1`], [[run.steps, Math.fround(microF1)]]);
    assert.deepEqual(curves[`${split}/hamming_loss`], [[run.steps, Math.fround(hammingLoss)]]);
  }
  const found = await run.classify(data.test.map(({ text }) => text));
  const { probabilities } = run.testPredictions!;
  found.forEach(({ labels }, n) => {
    const expected = data.labels.filter((_, c) => probabilities[2 * n + c]! >= run.thresholds![c]!);
    assert.deepEqual(labels, expected);
  });
  assert.match(Deno.inspect(run), /^vowels: test micro F1 \d\.\d{3}, macro F1 /);
  const { "text/markdown": table } = await found[jupyterDisplay]();
  assert.match(table!, /^\| text +\| labels +\| probability \|/);
});
