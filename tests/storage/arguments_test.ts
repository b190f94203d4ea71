/** Wrong arguments to public functions: JavaScript and notebooks have no types. */
import assert from "node:assert/strict";
import * as bertlab from "../../mod.ts";
import { exampleDataset, tinyModel } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { trainedClassifier } from "../classifier/trained_classifier.ts";

// deno-lint-ignore no-explicit-any
type AnyFunction = (...given: any[]) => unknown;

/** Public functions that take arguments, by their names. */
const functions = Object.entries(bertlab as Record<string, unknown>).flatMap(([name, value]) =>
  typeof value === "function" && !/^(class\b|(async )?function \w+\(\))/.test(value.toString())
    ? [[name, value as AnyFunction] as const]
    : []
);

/** Returns the error that a call ends with, now or later. */
async function errorOf(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error(`it was taken: ${call}`);
}

async function refuses(call: () => unknown, message: RegExp): Promise<void> {
  const error = await errorOf(call);
  assert.ok(error instanceof bertlab.InputError, `${error.stack}`);
  assert.match(error.message, message);
}

Deno.test("every public function refuses a first argument of a wrong type in one sentence", async () => {
  assert.ok(functions.length > 90, `${functions.length} functions`);
  for (const [name, call] of functions) {
    const mayBeAbsent = /^(async )?function \w+\(\w+ = /.test(call.toString());
    for (const wrong of [undefined, null, 5, true, () => {}, 5n]) {
      if (mayBeAbsent && wrong === undefined) continue;
      if (typeof wrong === "function" && ["dataTokenizer"].includes(name)) continue;
      const error = await errorOf(() => call(wrong));
      const what = `${name}(${String(wrong)}): ${error.stack}`;
      assert.ok(error instanceof bertlab.InputError, what);
      assert.match(error.message, new RegExp(`^Cannot call ${name} as [\\w.]+ is not .+: found .+$`), what);
      assert.ok(error.message.length < 300, what);
    }
  }
});

Deno.test("a classifier says what it classifies", () =>
  inFolder(async (folder) => {
    await bertlab.saveClassifier(folder, await trainedClassifier({}));
    const engine = bertlab.onnxEngine({ threads: 1 });
    const classifier = await bertlab.loadClassifier(folder, { engine });
    const classify = classifier.classify.bind(classifier) as AnyFunction;
    const expected = "texts is not a list of texts, such as \\[.+\\]";
    await refuses(
      () => classify("one text"),
      new RegExp(`^Cannot call classify as ${expected}: found the text "one text"$`),
    );
    await refuses(() => classify(), new RegExp(`${expected}: found nothing$`));
    await refuses(() => classify({ text: "a" }), new RegExp(`${expected}: found an object with "text"$`));
    const one = "is not a text, or an object with a text and perhaps a pair";
    await refuses(() => classify([null]), new RegExp(`as texts\\.0 ${one}: found null$`));
    await refuses(() => classify(["a", 5]), new RegExp(`as texts\\.1 ${one}: found 5$`));
    await refuses(() => classify([{ text: "a", pair: 1 }]), new RegExp(`as texts\\.0 ${one}`));
    await refuses(() => (classifier.probabilities as AnyFunction)("one text"), /^Cannot call probabilities/);
    await refuses(() => classify(["a"], 5), /as onTexts is not a function: found 5$/);
    assert.equal((await classify([]) as unknown[]).length, 0);
    await classifier.dispose();
    const load = bertlab.loadClassifier as AnyFunction;
    await refuses(() => load(folder), /loadClassifier as options is not an object with options/);
    await refuses(
      () => load(folder, { batchSize: 8 }),
      /as options\.engine is not an engine.*: found nothing$/,
    );
    await refuses(
      () => load(folder, { engine: "onnx" }),
      /as options\.engine is not an engine, as openEngine/,
    );
    await refuses(
      () => load(folder, { engine, batchsize: 8 }),
      /as options\.batchsize is not one of the options engine, batchSize: found 8$/,
    );
    await refuses(
      () => load(folder, { engine: bertlab.openEngine("onnx") }),
      /found a promise: await it first$/,
    );
  }));

Deno.test("names and values of options are checked", async () => {
  const {
    trainClassifier,
    datasetFromFiles,
    limit,
    fineTune,
    describe,
    textStrategy,
    readDocuments,
    measure,
  } = bertlab as unknown as Record<string, AnyFunction>;
  const data = exampleDataset({ count: 16 });
  await refuses(
    () => trainClassifier!(data, { lerningRate: 1 }),
    /no field "lerningRate": expected one of model/,
  );
  await refuses(
    () => trainClassifier!(data, { learningRate: "high" }),
    /"learningRate" to "high": expected a/,
  );
  await refuses(() => trainClassifier!(data, { epochs: 1.5 }), /"epochs" to 1\.5: expected a whole number/);
  await refuses(() => trainClassifier!(data, { limits: { train: 2 } }), /no field "limits"/);
  await refuses(() => trainClassifier!(data, { architecture: { layer: 2 } }), /no field "layer"/);
  await refuses(
    () => trainClassifier!("reviews.csv"),
    /data is not a data set, .*: found the text "reviews.csv"/,
  );
  await refuses(() => trainClassifier!(Promise.resolve(data)), /found a promise: await it first$/);
  await refuses(
    () => datasetFromFiles!("reviews.csv"),
    /options is not an object with options, .*: found the text "reviews.csv"/,
  );
  await refuses(
    () => datasetFromFiles!({ trian: "a.csv" }),
    /options\.trian is not one of the options train, dev/,
  );
  await refuses(
    () => datasetFromFiles!({ train: "a.csv", textcolumn: "a" }),
    /options\.textcolumn is not one of the options train, dev, test, textColumn, .*: found the text "a"/,
  );
  await refuses(
    () => datasetFromFiles!({ train: "a.csv", format: "xml" }),
    /options\.format is not one of csv, tsv/,
  );
  await refuses(
    () => limit!(data, { train: -1 }),
    /sizes\.train is not a whole number of at least 0: found -1/,
  );
  await refuses(() => limit!(data, 5), /sizes is not an object with options, of train, dev, test: found 5/);
  await refuses(() => describe!(data, data), /tokenizer is not a tokenizer, as loadTokenizer\(\) returns/);
  await refuses(
    () => textStrategy!("hierarchical-mean", { maxFractions: 0 }),
    /options\.maxFractions is not a whole number/,
  );
  await refuses(
    () => readDocuments!("a.csv", "text"),
    /paths is not a list of texts: found the text "a.csv"/,
  );
  await refuses(() => measure!([0.5, "a"], [0], 2), /probabilities is not a list of numbers: found a list/);
  const model = await tinyModel(data);
  await refuses(() => fineTune!(model, data, {}, {}), /settings\.\w+ is missing$/);
  await refuses(() => fineTune!("minilm", data, {}, {}), /model is not a model, as startModel\(\) returns/);
});
