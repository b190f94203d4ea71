import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint } from "../../lib/bert/checkpoint.ts";
import type { Dataset } from "../../lib/data/examples.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { InputError } from "../../lib/errors.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { fineTune, type FineTuned } from "../../lib/paper/fine_tune.ts";
import type { FineTuneSettings } from "../../lib/paper/settings.ts";
import { hierarchical, textStrategy, textStrategyNames } from "../../lib/paper/long_text.ts";
import { loadTokenizer } from "../../lib/text/tokenizer.ts";
import { exampleDataset, tinyModel } from "../helpers/example_model.ts";
import { relativeError } from "../golden/load.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { slowUnless } from "../helpers/slow.ts";

const engine = onnxEngine();

const settings = tinySettings({ epochs: 8, layerDecay: 0.95, schedule: "linear", warmupProportion: 0.1 });

async function run(
  changes: Partial<FineTuneSettings> = {},
  { dropout = 0.1, data = exampleDataset() }: { dropout?: number; data?: Dataset } = {},
): Promise<FineTuned> {
  return await fineTune(await tinyModel(data, { dropout }), data, { ...settings, ...changes }, { engine });
}

for (const name of textStrategyNames) {
  const test = slowUnless(["head+tail", "hierarchical-attention"].includes(name));
  test(`with long texts read as ${name} a model learns, and the same a second time`, async () => {
    const text = textStrategy(name, { maxFractions: 4 });
    const data = exampleDataset({ words: text.pooling ? 20 : 10 });
    const [first, second] = [await run({ text }, { data }), await run({ text }, { data })];
    const losses = first.epochs.map(({ trainLoss }) => trainLoss);
    assert.ok(losses.at(-1)! < 0.5 * losses[0]!, `training losses ${losses}`);
    assert.ok(first.test!.errorRate < 0.2, `test error ${first.test!.errorRate}`);
    assert.deepEqual(second.parameters, first.parameters);
    assert.deepEqual(second.testPredictions, first.testPredictions);
    assert.deepEqual(second.epochs.map(({ trainLoss }) => trainLoss), losses);
    assert.deepEqual(first.notes, text.pooling ? [] : ["100.0 % of the texts are cut."]);
  });
}

Deno.test("another seed gives other parameters", async () => {
  const [first, second] = [await run({ epochs: 1 }), await run({ epochs: 1, seed: 2 })];
  assert.notDeepEqual(second.parameters, first.parameters);
});

Deno.test("smaller passes change neither the step nor its dropout-free result", async () => {
  const data = exampleDataset({ count: 100 });
  const [whole, parts] = await Promise.all(
    [{}, { microBatchSize: 2 }].map((changes) => run({ epochs: 2, ...changes }, { dropout: 0, data })),
  );
  assert.equal(parts!.steps, whole!.steps);
  for (const [name, { data }] of Object.entries(whole!.parameters)) {
    // The keys' biases have no gradient but rounding, of which Adam makes whole steps.
    if (name.endsWith("key.bias")) continue;
    const error = relativeError(parts!.parameters[name]!.data, data);
    assert.ok(error < 1e-3, `${name} differs by ${error}`);
  }
});

Deno.test("what a run tells: the best epoch, its measures, every test text's probabilities", async () => {
  const run = await fineTuneWithReports();
  const { result, steps, epochs } = run;
  assert.deepEqual(steps.map(({ step, epoch }) => [step, epoch]), [[1, 1], [2, 1], [3, 2], [4, 2]]);
  const examples = [steps.slice(0, 2), steps.slice(2)].map((epoch) =>
    epoch.map(({ examples }) => examples).sort()
  );
  assert.deepEqual(examples, [[2, 8], [2, 8]], "padding rows are no examples");
  assert.ok(steps.every(({ steps, loss }) => steps === 4 && loss > 0));
  assert.deepEqual(epochs, result.epochs);
  assert.deepEqual([result.steps, result.dev], [4, result.epochs[result.bestEpoch - 1]!.dev]);
  const { labels, expected, probabilities } = result.testPredictions!;
  assert.deepEqual([labels, expected], [["o", "u"], [0, 1, 0, 1, 0]]);
  for (let i = 0; i < expected.length; i++) {
    assert.ok(Math.abs(probabilities[2 * i]! + probabilities[2 * i + 1]! - 1) < 1e-5);
  }
  const errors = expected.filter((label, i) => (probabilities[2 * i + 1]! > 0.5 ? 1 : 0) !== label);
  assert.equal(result.test!.errorRate, errors.length / 5);
});

async function fineTuneWithReports() {
  const data = exampleDataset({ count: 20 });
  const steps: { step: number; steps: number; epoch: number; loss: number; examples: number }[] = [];
  const epochs: unknown[] = [];
  const result = await fineTune(await tinyModel(data), data, { ...settings, epochs: 2 }, {
    engine,
    onStep: (report) => steps.push(report),
    onEpoch: (epoch) => epochs.push(epoch),
  });
  return { result, steps, epochs };
}

Deno.test("the protocol of the paper's code chooses the epoch by the test texts, and says so in the record", async () => {
  const { epochs, dev, test, bestEpoch } = await run({ protocol: "paper", epochs: 2 });
  assert.deepEqual(epochs.map((epoch) => [epoch.dev, typeof epoch.test]), [
    [undefined, "object"],
    [undefined, "object"],
  ]);
  assert.equal(dev, undefined);
  assert.deepEqual(test, epochs[bestEpoch - 1]!.test);
});

Deno.test("the last parameters are kept where that is asked for, though others were better", async () => {
  const spoiling = { epochs: 6, learningRate: .2, schedule: "constant" } as const;
  const [best, last] = [await run(spoiling), await run({ ...spoiling, keep: "last" })];
  assert.deepEqual(last.epochs.map(({ dev }) => dev), best.epochs.map(({ dev }) => dev));
  assert.ok(best.bestEpoch < 6, "the case shows nothing if the last epoch is the best");
  assert.equal(last.bestEpoch, 6);
  assert.deepEqual(last.dev, last.epochs[5]!.dev);
  assert.notDeepEqual(last.parameters["classifier.bias"]!.data, best.parameters["classifier.bias"]!.data);
});

Deno.test("a classifier is saved so that it loads again, with its labels and how it was trained", async () => {
  await inFolder(async (folder) => {
    const trained = await run({ epochs: 1 });
    await saveClassifier(folder, trained);
    const { config, parameters, notes } = await loadCheckpoint(folder, { seed: 5 });
    assert.deepEqual(config.id2label, { 0: "o", 1: "u" });
    assert.deepEqual(Object.keys(parameters).sort(), Object.keys(trained.parameters).sort());
    for (const [name, { shape, data }] of Object.entries(trained.parameters)) {
      assert.deepEqual([parameters[name]!.shape, parameters[name]!.data], [shape, data], name);
    }
    assert.deepEqual(notes, []);
    const text = "bo ku de";
    assert.deepEqual((await loadTokenizer(folder)).encode(text), trained.model.tokenizer.encode(text));
    const { text: strategy, maxLength, learningRate, start } = JSON.parse(
      await readFile(join(folder, "bertlab.json"), "utf8"),
    );
    assert.deepEqual(
      [strategy, maxLength, learningRate, start],
      ["head+tail", 16, 0.01, "new over characters, 1 layers of 16, 16 pieces"],
    );
  });
});

Deno.test("what cannot be trained is refused before the first step", async () => {
  const data = exampleDataset({ count: 20 });
  const rejects = (changes: Partial<FineTuneSettings>, message: string, changed = data) =>
    assert.rejects(run(changes, { data: changed }), new InputError(message));
  await rejects(
    { maxLength: 513 },
    "Cannot read 513 wordpieces at once as the model has 512 positions: give a smaller maximum length",
  );
  const remedy = "give some, or more training texts";
  await rejects(
    {},
    `Cannot choose the best epoch on vowels as it has no development texts: ${remedy}`,
    { ...data, dev: [] },
  );
  await rejects(
    { protocol: "paper" },
    `Cannot choose the best epoch on vowels as it has no test texts: ${remedy}`,
    { ...data, test: [] },
  );
  await assert.rejects(
    run({ microBatchSize: 3 }, { data }),
    new InputError("Cannot split a batch of 8 texts into passes of 3: give a divisor of the batch size"),
  );
});

Deno.test("a run is not resumed with another cap of the fractions, or another model of the same name", async () => {
  await inFolder(async (folder) => {
    const data = exampleDataset({ count: 20, words: 20 });
    const start = async (maxFractions: number, content?: string) =>
      await fineTune({ ...await tinyModel(data), content }, data, {
        ...settings,
        epochs: 1,
        text: hierarchical("mean", { maxFractions }),
      }, { engine, checkpoint: { folder, every: 1, resume: true } });
    const first = await start(2);
    assert.deepEqual((await start(2)).parameters, first.parameters);
    for (const other of [() => start(3), () => start(2, "0123")]) {
      await assert.rejects(
        other,
        (error) => error instanceof InputError && /run with other settings or data/.test(error.message),
      );
    }
  });
});

Deno.test("several measurements in an epoch make a curve: the same steps, training texts measured besides", async () => {
  const [once, twice] = [await run({ epochs: 3 }), await run({ epochs: 3, evaluationsPerEpoch: 2 })];
  assert.deepEqual(twice.epochs.map(({ epoch }) => epoch), [.5, 1, 1.5, 2, 2.5, 3]);
  assert.equal(twice.steps, once.steps);
  for (const [place, { trainLoss, dev, train }] of once.epochs.entries()) {
    const [first, second] = twice.epochs.slice(2 * place, 2 * place + 2);
    assert.ok(Math.abs((first!.trainLoss + second!.trainLoss) / 2 - trainLoss) < 1e-12);
    assert.deepEqual(second!.dev, dev);
    assert.ok(train === undefined && second!.train!.errorRate <= 1);
  }
  const best = twice.epochs.find(({ epoch }) => epoch === twice.bestEpoch)!;
  assert.equal(best.dev!.errorRate, Math.min(...twice.epochs.map(({ dev }) => dev!.errorRate)));
  assert.deepEqual(twice.dev, best.dev);
  await assert.rejects(
    run({ evaluationsPerEpoch: 9 }),
    new InputError("Cannot measure 9 times an epoch: an epoch has only 8 steps"),
  );
});

Deno.test("pairs are learnt from, their second texts read as second segments, and the folder says that they are", async () => {
  const whole = exampleDataset({ count: 128 });
  const swapped = (examples: Dataset["train"]) =>
    examples.map(({ text, label }, index) => ({ text: examples[(index + 3) % 8]!.text, pair: text, label }));
  const data = { ...whole, train: swapped(whole.train), dev: swapped(whole.dev), test: swapped(whole.test) };
  const trained = await run({ maxLength: 32, epochs: 12 }, { data });
  assert.ok(trained.test!.errorRate < 0.25, `test error ${trained.test!.errorRate}`);
  assert.equal(trained.pairs, true);
  const segments = trained.parameters["bert.embeddings.token_type_embeddings.weight"]!.data;
  const before = (await tinyModel(data)).parameters["bert.embeddings.token_type_embeddings.weight"]!.data;
  assert.notDeepEqual(
    segments.slice(16, 32),
    before.slice(16, 32),
    "the second segment's embedding is trained",
  );
  await inFolder(async (folder) => {
    await saveClassifier(folder, trained, 1.5);
    const { pairs, temperature } = JSON.parse(await readFile(join(folder, "bertlab.json"), "utf8"));
    assert.deepEqual([pairs, temperature], [true, 1.5]);
  });
  const model = await tinyModel(data);
  await assert.rejects(
    fineTune({ ...model, config: { ...model.config, type_vocab_size: 1 } }, data, settings, { engine }),
    new InputError(
      "Cannot read pairs of texts as the model knows 1 kind of segment: expected 2; use another model, or one column",
    ),
  );
});

Deno.test("balanced class weights change nothing where classes are equal, and make a rare one likelier", async () => {
  const data = exampleDataset({ count: 160 });
  const [plain, balanced] = [
    await run({ epochs: 1 }, { data }),
    await run({ epochs: 1, classWeights: "balanced" }, { data }),
  ];
  assert.deepEqual(balanced.parameters, plain.parameters);
  let rare = 0;
  const unequal = { ...data, train: data.train.filter(({ label }) => label === 0 || rare++ % 10 === 0) };
  const shares = await Promise.all((["none", "balanced"] as const).map(async (classWeights) => {
    const { probabilities } = (await run({ epochs: 2, classWeights }, { data: unequal })).testPredictions!;
    const ofRare = probabilities.filter((_, place) => place % 2 === 1);
    return ofRare.reduce((sum, probability) => sum + probability, 0) / ofRare.length;
  }));
  assert.ok(shares[1]! > 2 * shares[0]!, `${shares} is the mean probability of the rare class`);
});
