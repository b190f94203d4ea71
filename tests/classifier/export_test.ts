import "../../lib/engine/no_telemetry.ts";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AutoTokenizer, env, pipeline } from "@huggingface/transformers";
import * as ort from "onnxruntime-node";
import { hasOwnCard, saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import type { BertConfig } from "../../lib/bert/config.ts";
import { InputError } from "../../lib/errors.ts";
import { exportClassifier } from "../../lib/classifier/export.ts";
import { modelCard } from "../../lib/classifier/export_card.ts";
import { classifierOnnx } from "../../lib/classifier/export_onnx.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { layerFeatures } from "../../lib/paper/layers.ts";
import { keepStretches, textStrategy, textStrategyNames } from "../../lib/paper/long_text.ts";
import { Random } from "../../lib/random.ts";
import { loadTokenizer } from "../../lib/text/tokenizer.ts";
import type { HostTensor } from "../../lib/tensors.ts";
import { exampleTexts } from "../helpers/example_model.ts";
import { largestDifference, loadGoldenModel } from "../golden/load.ts";
import { hasTransformers, python, pythonHas } from "../golden/transformers.ts";
import { assertClose, exportTrained, hasOnnxRuntime, runCards } from "./exported_classifier.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { evaluator, labels, ownLogits, positions, trainedClassifier } from "./trained_classifier.ts";
import { slowUnless } from "../helpers/slow.ts";

env.allowRemoteModels = false;

/** Texts of 1 to 40 words: shorter and longer than an input, and than all fractions. */
const texts = [1, 2, 4, 7, 8, 20, 40].flatMap((words) =>
  exampleTexts(15, words, words).map(({ text }) => text)
);

/** Number of texts that fit into one input. */
const short = 60;

const softmax = (logits: readonly number[]) => {
  const exponents = logits.map(Math.exp);
  return exponents.map((exponent) => exponent / exponents.reduce((sum, each) => sum + each));
};

/** Runs a model on its three inputs. */
async function runOnnx(session: ort.InferenceSession, inputs: readonly HostTensor[]): Promise<Float32Array> {
  const [ids, mask, types] = inputs.map(({ shape, data }) =>
    new ort.Tensor("int64", BigInt64Array.from(Array.from(data, BigInt)), shape)
  );
  const { logits } = await session.run({ input_ids: ids!, attention_mask: mask!, token_type_ids: types! });
  return logits!.data as Float32Array;
}

for (const activation of ["gelu", "gelu_new", "relu"] as const) {
  Deno.test(`the model computes PyTorch's logits with ${activation}, padding and segments`, async () => {
    const golden = await loadGoldenModel();
    const config: BertConfig = { ...golden.config, hidden_act: activation };
    const { parameters, batch: { ids, mask, type_ids: types } } = golden;
    const features = layerFeatures("last", config.num_hidden_layers);
    const session = await ort.InferenceSession.create(classifierOnnx({ config, parameters, features }));
    const expected = activation === "gelu" ? golden.logits : golden.otherLogits[activation]!;
    const found = await runOnnx(session, [ids, mask, types]);
    assert.ok(largestDifference(found, expected.data) < 1e-5);
    await session.release();
  });
}

const classifiers = [
  ...["last", "layer 1", "first 4 mean", "last 4 max", "all concat"].map((features) => ({
    features,
    text: "head",
  })),
  ...["hierarchical-mean", "hierarchical-max", "hierarchical-attention"].map((text) => ({
    features: "last",
    text,
  })),
  { features: "last 4 concat", text: "hierarchical-attention" },
];

for (const { features, text } of classifiers) {
  const test = slowUnless(features === "last 4 max" || text === "hierarchical-mean");
  test(`any batch and length: ${features} features, ${text}`, () =>
    inFolder(async (folder) => {
      const run = await exportTrained(join(folder, "exported"), { features, text });
      const session = await ort.InferenceSession.create(join(folder, "exported", "onnx", "model.onnx"));
      const { pooling } = textStrategy(run.settings.text);
      const trainer = evaluator(run);
      for (const [B, T] of [[1, 2], [2, 7], [5, 16], [1, positions]] as const) {
        const K = pooling ? B + 1 : 1;
        const { ids, mask, fractionMask } = randomBatch({ B, K, T }, run.model.config.vocab_size);
        const { logits } = await trainer.evaluate({
          shape: { B, K, T },
          parts: [{
            ids: { shape: [B * K, T], data: ids },
            mask: { shape: [B * K, T], data: mask },
            fraction_mask: { shape: [B, K], data: fractionMask },
            labels: { shape: [B], data: new Int32Array(B) },
            weights: { shape: [B], data: new Float32Array(B) },
          }],
          examples: B,
          tokens: 0,
        });
        const shape = pooling ? [B, K, T] : [B, T];
        // a fraction that is padding has no token in the exported model
        const real = mask.map((value, place) => value * fractionMask[Math.floor(place / T)]!);
        const inputs = [ids, real, new Int32Array(ids.length)].map((data) => ({ shape, data }));
        const difference = largestDifference(await runOnnx(session, inputs), logits!.data);
        assert.ok(difference < 1e-5, `[${shape}] differs by ${difference}`);
      }
      await trainer.dispose();
      await session.release();
    }));
}

/** Random tokens; each row ends with padding, each text but the first with a fraction of padding. */
function randomBatch({ B, K, T }: { B: number; K: number; T: number }, vocabulary: number) {
  const random = new Random(B * 1000 + T);
  const ids = Int32Array.from({ length: B * K * T }, () => random.below(vocabulary));
  const mask = Int32Array.from(ids, (_, place) => place % T < 2 + Math.floor(place / T) % T ? 1 : 0);
  const fractionMask = Float32Array.from(
    { length: B * K },
    (_, row) => row >= K && K > 1 && row % K === K - 1 ? 0 : 1,
  );
  return { ids, mask, fractionMask };
}

Deno.test("transformers.js' pipeline gives our probabilities", () =>
  inFolder(async (folder) => {
    const exported = join(folder, "exported");
    const expected = await ownLogits(await exportTrained(exported, {}), texts.slice(0, short));
    const classify = await pipeline("text-classification", exported);
    const results = await classify(texts.slice(0, short), { top_k: null }) as unknown as {
      label: string;
      score: number;
    }[][];
    results.forEach((result, i) => {
      const scores = new Map(result.map(({ label, score }) => [label, score]));
      assertClose([labels.map((label) => scores.get(label)!)], [softmax(expected[i]!)], texts[i]!);
    });
    await classify.dispose();
  }));

for (const text of textStrategyNames) {
  const test = slowUnless(["head", "hierarchical-attention"].includes(text));
  test(`the card's JavaScript gives our logits of texts of any length: ${text}`, () =>
    inFolder(async (folder) => {
      const exported = join(folder, "exported");
      const run = await exportTrained(exported, { text });
      const snippets = [
        ...(await readFile(join(exported, "README.md"), "utf8")).matchAll(/```js\n(.*?)```/gs),
      ];
      const code = snippets.map(([, code]) => code!).find((code) => code.includes("logitsOf"))!
        .replace('"./exported"', JSON.stringify(exported))
        .replace('console.log(await logitsOf("A text."));', "export { logitsOf, model };");
      await writeFile(join(folder, "snippet.mjs"), code);
      const { logitsOf, model } = await import(`file://${join(folder, "snippet.mjs")}`);
      const found: number[][] = [];
      for (const text of texts) found.push(await logitsOf(text));
      assertClose(found, await ownLogits(run, texts), text);
      await model.dispose();
    }));
}

Deno.test("a strategy that keeps other stretches is cut by the card's code as by itself", async () => {
  const { model: { config, tokenizer: { ids } } } = await trainedClassifier({});
  const facts = { ...{ name: "exported", config, labels, ids }, pairs: false, maxLength: 16 };
  const features = layerFeatures("last", 5);
  for (const shares of [[.5], [0, 1 / 3, 1]]) {
    const text = keepStretches(
      "other",
      (room) => shares.map((after, n) => ({ length: n === 0 ? room - 3 * (shares.length - 1) : 3, after })),
    );
    const [js, py] = [...modelCard({ ...facts, features, text }).matchAll(/kept = (.*)/g)]
      .map(([, expression]) => expression!.replace(/;$/, ""));
    const lengths = [0, 14, 15, 16, 17, 40, 99];
    const expected = lengths.map((
      length,
    ) => [...text.pieces(Int32Array.from({ length }, (_, i) => i), 16)[0]!]);
    const cut = new Function("ids", `return ${js}`);
    assert.deepEqual(lengths.map((length) => cut(Array.from({ length }, (_, i) => i))), expected);
    const all = `[${py} for ids in [list(range(n)) for n in ${JSON.stringify(lengths)}]]`;
    if (pythonHas("the cards' Python of other strategies", "json")) {
      assert.deepEqual(
        JSON.parse(execFileSync(python, ["-c", `print(${all})`], { encoding: "utf8" })),
        expected,
      );
    }
  }
});

const pythonTest = "the card's Python gives our logits of texts of any length";
Deno.test({
  name: pythonTest,
  ignore: !hasOnnxRuntime(pythonTest),
  fn: () =>
    inFolder(async (folder) => {
      const cases = [
        ...textStrategyNames.map((text) => ({ text, features: "last" })),
        { text: "head", features: "layer 1" },
        { text: "head", features: "last 4 max" },
      ];
      const folders = cases.map(({ text, features }) => join(folder, `${text} ${features}`));
      for (const [i, exported] of folders.entries()) await exportTrained(exported, cases[i]!);
      const results = runCards(folders, texts);
      const torch = hasTransformers(`${pythonTest}, by PyTorch`);
      for (const [i, found] of results.entries()) {
        const { text, features } = cases[i]!;
        const expected = await ownLogits(await trainedClassifier(cases[i]!), texts);
        const what = `${text}, ${features}`;
        assertClose(found.onnxruntime, expected, `onnxruntime, ${what}`);
        const card = await readFile(join(folders[i]!, "README.md"), "utf8");
        const own = torch && !text.startsWith("hierarchical") && features !== "last 4 max";
        const libraries = ["onnxruntime", ...own ? ["pipeline", "transformers"] : []];
        assert.deepEqual(Object.keys(found).sort(), libraries, what);
        if (!own) continue;
        assertClose(found.transformers!, expected, `transformers, ${what}`);
        // Python's tokenizer keeps the end that it was told to; no pipeline keeps both, or the middle.
        const whole = card.includes("and Python's keeps the first") ? short : texts.length;
        const scores = found.pipeline!.slice(0, whole).map((scores) => labels.map((label) => scores[label]!));
        assertClose(scores, expected.slice(0, whole).map(softmax), `pipeline, ${what}`);
      }
    }),
});

Deno.test("the folder has the layout of the libraries, and the card says where they differ", () =>
  inFolder(async (folder) => {
    const [trained, exported] = [join(folder, "trained"), join(folder, "exported")];
    await saveClassifier(trained, await trainedClassifier({}));
    const about = JSON.parse(await readFile(join(trained, "bertlab.json"), "utf8"));
    await writeFile(
      join(trained, "bertlab.json"),
      JSON.stringify({ ...about, temperature: 1.5 }, null, 2) + "\n",
    );
    const { bytes, notes } = await exportClassifier(trained, exported);
    assert.deepEqual((await readdir(exported, { recursive: true })).sort(), [
      "README.md",
      "bertlab.json",
      "config.json",
      "model.safetensors",
      "onnx",
      "onnx/model.onnx",
      "tokenizer.json",
      "tokenizer_config.json",
      "vocab.txt",
    ]);
    assert.equal((await readFile(join(exported, "onnx", "model.onnx"))).length, bytes);
    for (const name of ["bertlab.json", "model.safetensors", "tokenizer.json"]) {
      assert.deepEqual(await readFile(join(exported, name)), await readFile(join(trained, name)), name);
    }
    assert.deepEqual(notes, [
      "Of a text of more than 14 wordpieces the training kept the first 4 and the last 10; the pipeline of " +
      "transformers.js keeps the first 14 and leaves out the final [SEP], and Python's keeps the first 14: use the " +
      "code of README.md for such texts.",
      "The logits are not divided by the calibrated temperature 1.5: divide them by it before the softmax.",
    ]);
    const tokenizer = await AutoTokenizer.from_pretrained(exported);
    const { input_ids: ids } = tokenizer(texts.at(-1)!, { truncation: true });
    const { ids: special } = await loadTokenizer(exported);
    assert.deepEqual(ids.dims, [1, 16]);
    assert.notEqual(Number(ids.data[15]), special.sep, "transformers.js keeps [SEP] now: correct the card");
    const card = await readFile(join(exported, "README.md"), "utf8");
    assert.equal(await hasOwnCard(exported), true);
    for (const part of [...notes, "| 2 | neither |", "opset 20", "# exported"]) {
      assert.ok(card.includes(part), part);
    }
  }));

Deno.test("a combination of layers is told from what Python's class computes", () =>
  inFolder(async (folder) => {
    const exported = join(folder, "exported");
    await exportTrained(exported, { text: "head", features: "last 4 max" });
    const card = await readFile(join(exported, "README.md"), "utf8");
    const note = 'Python\'s AutoModelForSequenceClassification cannot express a classifier of "last 4 max"';
    assert.ok(card.includes(`- ${note}: use onnx/model.onnx in Python.`));
    assert.ok(!card.includes("from transformers import"));
  }));

Deno.test("weights that one file cannot hold are refused", async () => {
  const { config, parameters } = await loadGoldenModel();
  const large = { shape: [2 ** 29], data: { byteLength: 2 ** 31 } as Float32Array };
  const features = layerFeatures("last", config.num_hidden_layers);
  assert.throws(
    () => classifierOnnx({ config, parameters: { ...parameters, large }, features }),
    new InputError(
      "Cannot export the model as ONNX as its weights take 2.0 GB: one file holds less than 2 GB",
    ),
  );
});

Deno.test("what cannot be exported is refused, and nothing is written", () =>
  inFolder(async (folder) => {
    const [trained, exported] = [join(folder, "trained"), join(folder, "exported")];
    const run = await trainedClassifier({});
    const { model, parameters } = run;
    const encoder = Object.entries(parameters).filter(([name]) => !name.startsWith("classifier."));
    await saveCheckpoint(trained, { config: model.config, parameters: Object.fromEntries(encoder) });
    await assert.rejects(
      exportClassifier(trained, `${trained}/`),
      new InputError(`Cannot export ${trained} into itself: give another folder`),
    );
    await assert.rejects(
      exportClassifier(trained, exported),
      /^InputError: Cannot use .* it has no classifier/,
    );
    assert.deepEqual(await readdir(folder), ["trained"]);
    await saveClassifier(trained, run);
    await mkdir(exported);
    await writeFile(join(exported, "README.md"), "# Mine");
    const refused = (found: string) =>
      assert.rejects(
        exportClassifier(trained, exported),
        new InputError(
          `Cannot write into ${exported} as ${found} is there already: give --overwrite to replace it, or another folder`,
        ),
      );
    await refused("README.md");
    assert.deepEqual(await readdir(exported), ["README.md"]);
    await exportClassifier(trained, exported, { overwrite: true });
    assert.match(await readFile(join(exported, "README.md"), "utf8"), /^---\n/);
    await refused("a model");
  }));
