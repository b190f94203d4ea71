import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint, saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { withLabels } from "../../lib/bert/config.ts";
import { type Classifier, loadClassifier } from "../../lib/classifier/classifier.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { characterTokenizer, loadTokenizer } from "../../lib/text/tokenizer.ts";
import { loadTrainedModel } from "../../lib/classifier/trained.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import type { FineTuned } from "../../lib/paper/fine_tune.ts";
import { exampleTexts } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import {
  type ClassifierKind,
  labels,
  ownLogits,
  positions,
  trainedClassifier,
} from "./trained_classifier.ts";

const engine = onnxEngine({ threads: 1 });

/** Texts of 1 to 40 words, of which the longer ones are cut or read in fractions. */
const texts = [1, 40, 3, 8, 20].flatMap((words) => exampleTexts(3, words, words).map(({ text }) => text));

/** A tiny classifier, trained and saved. */
async function writeClassifier(folder: string, kind: ClassifierKind = {}): Promise<FineTuned> {
  const run = await trainedClassifier(kind);
  await saveClassifier(folder, run);
  return run;
}

async function withClassifier(
  folder: string,
  use: (classifier: Classifier) => Promise<void>,
  batchSize?: number,
): Promise<void> {
  const classifier = await loadClassifier(folder, { engine, batchSize });
  try {
    await use(classifier);
  } finally {
    await classifier.dispose();
  }
}

/** Changes the entries of a folder's JSON file. */
async function change(folder: string, file: string, entries: Record<string, unknown>): Promise<void> {
  const path = join(folder, file);
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...entries }));
}

const softmax = (logits: readonly number[], temperature = 1) => {
  const exponents = logits.map((logit) => Math.exp(logit / temperature));
  return exponents.map((exponent) => exponent / exponents.reduce((sum, each) => sum + each));
};

function assertClose(found: ArrayLike<number>, expected: readonly number[]): void {
  const difference = Math.max(...expected.map((value, i) => Math.abs(value - found[i]!)));
  assert.ok(difference < 1e-5, `probabilities differ by ${difference}`);
}

const kinds: readonly ClassifierKind[] = [
  { text: "head+tail" },
  { text: "hierarchical-mean" },
  { text: "hierarchical-attention" },
  { text: "tail", features: "layer 1" },
  { text: "hierarchical-max", features: "first 4 concat" },
];

for (const kind of kinds) {
  Deno.test(`a saved ${kind.text} classifier of ${kind.features ?? "the last layer"} says what training's own evaluation says`, () =>
    inFolder(async (folder) => {
      const run = await writeClassifier(folder, kind);
      const expected = (await ownLogits(run, texts)).map((logits) => softmax(logits));
      await withClassifier(folder, async (classifier) => {
        assert.deepEqual([classifier.labels, classifier.notes], [labels, []]);
        const found = await classifier.classify(texts);
        assert.equal(found.length, texts.length);
        found.forEach(({ label, probability, probabilities }, n) => {
          assertClose(probabilities, expected[n]!);
          assert.equal(probability, Math.max(...probabilities));
          assert.equal(label, labels[probabilities.indexOf(probability)]);
        });
        const [alone] = await classifier.classify([texts[1]!]);
        assertClose(alone!.probabilities, expected[1]!);
        assert.deepEqual(await classifier.classify([]), []);
      }, 4);
    }));
}

Deno.test("pairs and texts may stand in one batch", () =>
  inFolder(async (folder) => {
    await writeClassifier(folder);
    await withClassifier(folder, async (classifier) => {
      const mixed = ["bo ku", { text: "bo ku", pair: "du" }, { text: "du", pair: "bo ku" }];
      const together = await classifier.classify(mixed);
      for (const [n, text] of mixed.entries()) {
        const [alone] = await classifier.classify([text]);
        assertClose(together[n]!.probabilities, [...alone!.probabilities]);
      }
      const [text, pair, swapped] = together.map(({ probability }) => probability);
      assert.ok(
        Math.abs(pair! - text!) > 1e-4 && Math.abs(pair! - swapped!) > 1e-4,
        "they are not read alike",
      );
    });
  }));

Deno.test("what a classifier holds is freed also if a program could not be compiled", () =>
  inFolder(async (folder) => {
    await writeClassifier(folder);
    let freed = 0;
    const failing: Engine = {
      ...engine,
      compile: () => Promise.reject(new Error("too large")),
      state: (tensors) => Object.assign(engine.state(tensors), { dispose: () => freed++ }),
    };
    const classifier = await loadClassifier(folder, { engine: failing });
    await assert.rejects(classifier.classify(texts), /too large/);
    await classifier.dispose();
    assert.equal(freed, 1);
  }));

Deno.test("it tells how far it is", () =>
  inFolder(async (folder) => {
    await writeClassifier(folder);
    await withClassifier(folder, async (classifier) => {
      const told: number[] = [];
      const many = Array.from({ length: 400 }, (_, place) => texts[place % texts.length]!);
      await classifier.classify(many, (done) => told.push(done));
      assert.ok(told.length > 1, `told ${told}`);
      assert.ok(told.every((done, place) => done > (told[place - 1] ?? 0)), `told ${told}`);
      assert.equal(told.at(-1), 400);
    }, 4);
  }));

Deno.test("a calibrated model's logits are divided by its temperature", () =>
  inFolder(async (folder) => {
    const run = await writeClassifier(folder);
    const [logits] = await ownLogits(run, texts.slice(0, 1));
    await change(folder, "bertlab.json", { temperature: 2.5 });
    await withClassifier(folder, async (classifier) => {
      assertClose(await classifier.probabilities(texts.slice(0, 1)), softmax(logits!, 2.5));
    });
  }));

Deno.test("a folder of another library is read by its head, and this is said", () =>
  inFolder(async (folder) => {
    const run = await writeClassifier(folder, { text: "head" });
    const expected = (await ownLogits(run, texts.slice(0, 1))).map((logits) => softmax(logits));
    await rm(join(folder, "bertlab.json"));
    await withClassifier(folder, async (classifier) => {
      assertClose(await classifier.probabilities(texts.slice(0, 1)), expected[0]!);
      assert.deepEqual(classifier.notes, [
        `${folder} has no bertlab.json: of long texts the first ${positions} wordpieces are read.`,
      ]);
    });
  }));

Deno.test("a folder that is no trained classifier is told in one sentence", () =>
  inFolder(async (folder) => {
    const refused = async (message: RegExp) => {
      await assert.rejects(loadTrainedModel(folder), { name: "InputError", message });
    };
    await writeClassifier(folder);
    const { config, parameters } = await loadCheckpoint(folder, { seed: 1 });
    const { "classifier.weight": weight, "classifier.bias": bias, ...encoder } = parameters;
    assert.ok(weight && bias);

    await change(folder, "config.json", { id2label: { 0: "a", 1: "b" }, label2id: { a: 0, b: 1 } });
    await refused(
      /classifier\.weight should have 2 rows \(one a label of config\.json\) and .* found \[3,16\]$/,
    );
    const { files: tokenizerFiles } = await loadTokenizer(folder);
    const extra = JSON.parse(await readFile(join(folder, "bertlab.json"), "utf8"));
    await saveCheckpoint(folder, { config, parameters, tokenizerFiles, extra });
    for (
      const [name, value, what] of [
        ["temperature", 0, /as "temperature" is not a number above 0: found 0; train/],
        ["maxLength", "16", /as "maxLength" is not a whole number of at least 4: found "16"; train/],
        ["max_fractions", 0, /as "max_fractions" is not a whole number of at least 1: found 0; train/],
        ["text", "middle", /as "text" is not one of head, .*: found "middle"; train/],
        ["features", "layer 9", /bertlab\.json as "features" .* "layer 9" of a model of 5 layers/],
        ["features", "all concat", /classifier reads 16 features: expected 80, those of "all concat"$/],
        ["text", "hierarchical-attention", /as it lacks pooling\.w1\.weight, pooling\.w2\.weight$/],
        ["maxLength", 99, /bertlab\.json as "maxLength" is 99 and the model has 24 positions; /],
      ] as const
    ) {
      const before = await readFile(join(folder, "bertlab.json"), "utf8");
      await change(folder, "bertlab.json", { max_fractions: 2, [name]: value });
      await refused(what);
      await writeFile(join(folder, "bertlab.json"), before);
    }
    await writeFile(join(folder, "bertlab.json"), "{");
    await refused(/^Cannot read .*bertlab\.json as it is not JSON: /);
    await rm(join(folder, "bertlab.json"));

    const { files } = characterTokenizer(["abcdefghijklmnopqrstuvwxyz"]);
    await saveCheckpoint(folder, { config, parameters, tokenizerFiles: files });
    await refused(
      /as its tokenizer.json or vocab.txt is that of another model: it has 31 pieces, and the model knows 16$/,
    );
    await saveCheckpoint(folder, {
      config: withLabels(config, ["only"]),
      parameters: {
        ...encoder,
        "classifier.weight": { shape: [1, 16], data: weight.data.slice(0, 16) },
        "classifier.bias": { shape: [1], data: bias.data.slice(0, 1) },
      },
    });
    await refused(/as its classifier knows only one label: found "only"$/);
    await saveCheckpoint(folder, { config, parameters: encoder });
    await refused(/as it has no classifier: train it first with deno task train$/);
    await rm(folder, { recursive: true });
    await refused(/^Cannot find the model .*: there is no such folder; check the path$/);
    await writeClassifier(folder);
  }));
