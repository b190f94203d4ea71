/** Each family's exported classifier in ONNX Runtime, transformers.js and Python. */
import "../../lib/engine/no_telemetry.ts";
import { deepStrictEqual, ok } from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { env, pipeline } from "@huggingface/transformers";
import * as ort from "onnxruntime-node";
import { loadClassifier } from "../../lib/classifier/classifier.ts";
import { exportClassifier } from "../../lib/classifier/export.ts";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { familyFolder, familyNames, loadGoldenFamily } from "../golden/families.ts";
import { largestDifference } from "../golden/load.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { slowUnless } from "../helpers/slow.ts";
import { hasOnnxRuntime, runCards } from "./exported_classifier.ts";

env.allowRemoteModels = false;

/** Texts that all libraries read alike, shorter than 22 pieces. */
const texts = ["A good film", "the actors", "bad, but a joy", "café", "don't"];
const labels = ["bad", "fair", "good"];
const engine = await referenceEngine();

/** The probabilities of a folder's classifier here. */
async function ownProbabilities(folder: string, pairs: readonly { text: string; pair?: string }[]) {
  const classifier = await loadClassifier(folder, { engine });
  const found = await classifier.probabilities(pairs);
  await classifier.dispose();
  return found;
}

function softmax(logits: readonly number[]): number[] {
  const exponents = logits.map(Math.exp);
  return exponents.map((exponent) => exponent / exponents.reduce((sum, each) => sum + each));
}

/** Each family's model, and ModernBERT's where the mean of all states is classified. */
const models = [
  ...familyNames.map((family) => ({ family, name: family, result: "logits", settings: {} })),
  {
    family: "modernbert",
    name: "modernbert with the mean of all states",
    result: "mean.logits",
    settings: { classifier_pooling: "mean" },
  },
];

for (const { family, name: model, result, settings } of models) {
  /** Makes the model's folder in another one. */
  const makeModel = async (folder: string) => {
    const made = join(folder, "trained");
    await cp(familyFolder(family), made, { recursive: true });
    const config = JSON.parse(await readFile(join(made, "config.json"), "utf8"));
    await writeFile(join(made, "config.json"), JSON.stringify({ ...config, ...settings }));
    return made;
  };
  const test = slowUnless(["roberta", "modernbert with the mean of all states"].includes(model));
  test(`${model}: the exported model gives PyTorch's logits, and transformers.js our probabilities`, () =>
    inFolder(async (folder) => {
      const exported = join(folder, "exported");
      await exportClassifier(await makeModel(folder), exported);
      const { batch, values } = await loadGoldenFamily(family);
      const session = await ort.InferenceSession.create(join(exported, "onnx", "model.onnx"));
      const reads = family === "electra";
      const names = ["input_ids", "attention_mask", ...reads ? ["token_type_ids"] : []];
      deepStrictEqual([...session.inputNames].sort(), names.sort());
      const tensor = (name: "ids" | "mask" | "type_ids") =>
        new ort.Tensor("int64", BigInt64Array.from(Array.from(batch[name].data, BigInt)), batch[name].shape);
      const { logits } = await session.run({
        ...{ input_ids: tensor("ids"), attention_mask: tensor("mask") },
        ...reads ? { token_type_ids: tensor("type_ids") } : {},
      });
      ok(largestDifference(logits!.data as Float32Array, values[result]!.data) < 1e-5);
      await session.release();

      const expected = await ownProbabilities(exported, texts.map((text) => ({ text })));
      const classify = await pipeline("text-classification", exported);
      const results = await classify(texts, { top_k: null }) as unknown as {
        label: string;
        score: number;
      }[][];
      const found = results.flatMap((result) =>
        labels.map((label) => result.find((each) => each.label === label)!.score)
      );
      ok(largestDifference(found, expected) < 1e-4, `${found} and not ${expected}`);
      await classify.dispose();
    }));

  const name = `${model}: the card's Python gives our probabilities of texts and pairs of any length`;
  test(name, () =>
    inFolder(async (folder) => {
      const [single, pairs] = ["single", "pairs"].map((name) => join(folder, name));
      const trained = await makeModel(folder);
      const about = { text: "head+tail", maxLength: 14, features: "last" };
      const longer = [...texts, ...texts.map((text) => `${text} `.repeat(7).trim())];
      await writeFile(join(trained, "bertlab.json"), JSON.stringify(about));
      await exportClassifier(trained, single!);
      await writeFile(join(trained, "bertlab.json"), JSON.stringify({ ...about, pairs: true }));
      await exportClassifier(trained, pairs!);
      const ofTexts = await ownProbabilities(single!, longer.map((text) => ({ text })));
      const two = longer.map((text, i) => [text, longer.at(-1 - i)!] as const);
      const ofPairs = await ownProbabilities(pairs!, two.map(([text, pair]) => ({ text, pair })));
      const runs = [runCards([single!], longer), runCards([pairs!], two)].map(([found]) => found!);
      [ofTexts, ofPairs].forEach((expected, i) => {
        for (const [library, logits] of Object.entries(runs[i]!)) {
          if (library === "pipeline") continue;
          const found = (logits as number[][]).flatMap(softmax);
          ok(largestDifference(found, expected) < 1e-4, `${library}, ${["texts", "pairs"][i]}`);
        }
      });
    }), { ignore: !hasOnnxRuntime(name) });
}
