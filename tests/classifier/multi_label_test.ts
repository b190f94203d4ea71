/** A classifier of several labels a text in other libraries: saved, exported, loaded, with equal logits. */
import "../../lib/engine/no_telemetry.ts";
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { env, pipeline } from "@huggingface/transformers";
import { loadClassifier } from "../../lib/classifier/classifier.ts";
import { exportClassifier } from "../../lib/classifier/export.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { loadTrainedModel } from "../../lib/classifier/trained.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { fineTune, type FineTuned } from "../../lib/paper/fine_tune.ts";
import { textStrategy } from "../../lib/paper/long_text.ts";
import { largestDifference } from "../golden/load.ts";
import { hasTransformers, runTransformers } from "../golden/transformers.ts";
import { tinyModel } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { severalDataset, severalTexts, vowels } from "../helpers/several_labels.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";
import { assertClose, hasOnnxRuntime, runCards } from "./exported_classifier.ts";

env.allowRemoteModels = false;

const data = { ...severalDataset(), labelLists: true };
const texts = severalTexts(24, 9).map(({ text }) => text);
const engine = onnxEngine({ threads: 1 });
let made: Promise<FineTuned> | undefined;
const trained = () =>
  made ??= tinyModel(data).then((model) =>
    fineTune(model, data, tinySettings({ text: textStrategy("head"), epochs: 2 }), { engine })
  );

/** The logits that the saved folder has by eager tfjs, from its probabilities in double precision. */
async function logitsOf(folder: string): Promise<number[][]> {
  const classifier = await loadClassifier(folder, { engine: await referenceEngine() });
  const found = await classifier.classify(texts);
  await classifier.dispose();
  return found.map(({ probabilities }) => Array.from(probabilities, (p) => Math.log(p / (1 - p))));
}

const sigmoid = (logits: readonly number[]) => logits.map((z) => 1 / (1 + Math.exp(-z)));

Deno.test("the folder says that a text may have several labels, and comes back with its thresholds", () =>
  inFolder(async (folder) => {
    const run = await trained();
    await saveClassifier(folder, run, 1.5);
    const { thresholds, temperature, labels, labelLists } = await loadTrainedModel(folder);
    assert.deepEqual([thresholds, temperature, labels, labelLists], [run.thresholds, 1, vowels, true]);
    const classifier = await loadClassifier(folder, { engine });
    const found = await classifier.classify(texts);
    await classifier.dispose();
    for (const { labels, probabilities } of found) {
      assert.deepEqual(labels, vowels.filter((_, c) => probabilities[c]! >= thresholds![c]!));
    }
    const path = join(folder, "bertlab.json");
    const about = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify({ ...about, thresholds: [.5] }));
    await assert.rejects(loadTrainedModel(folder), /"thresholds" are 1 and the model has 2 labels/);
    await writeFile(path, JSON.stringify({ ...about, thresholds: undefined }));
    assert.equal(about.label_lists, true);
    const without = await loadTrainedModel(folder);
    assert.deepEqual(without.thresholds, [.5, .5]);
    assert.match(
      without.notes.at(-1)!,
      /has no thresholds: a text gets the labels of a probability of 0\.5 or more/,
    );
  }));

Deno.test("transformers.js' pipeline gives our probabilities of the export", () =>
  inFolder(async (folder) => {
    const exported = join(folder, "exported");
    await saveClassifier(join(folder, "trained"), await trained());
    await exportClassifier(join(folder, "trained"), exported);
    const expected = await logitsOf(exported);
    const classify = await pipeline("text-classification", exported);
    const results = await classify(texts, { top_k: null }) as unknown as { label: string; score: number }[][];
    const found = results.map((each) =>
      vowels.map((name) => each.find(({ label }) => label === name)!.score)
    );
    assertClose(found, expected.map(sigmoid), "pipeline");
    await classify.dispose();
    const card = await readFile(join(exported, "README.md"), "utf8");
    const { thresholds } = await trained();
    assert.ok(card.includes(`| class | label | threshold |`));
    assert.ok(card.includes(`| 1 | u | ${thresholds![1]!.toPrecision(6)} |`), card);
  }));

const logitsTest = "Python's transformers computes the saved folder's logits";
Deno.test({
  name: logitsTest,
  ignore: !hasTransformers(logitsTest),
  fn: () =>
    inFolder(async (folder) => {
      const run = await trained();
      await saveClassifier(folder, run);
      const { tokenizer, maxLength } = await loadTrainedModel(folder);
      const rows = texts.map((text) => {
        const kept = [...tokenizer.encode(text)].slice(0, maxLength - 2);
        return [tokenizer.ids.cls, ...kept, tokenizer.ids.sep];
      });
      const longest = Math.max(...rows.map(({ length }) => length));
      const ids = rows.map((row) => [...row, ...new Array(longest - row.length).fill(tokenizer.ids.pad)]);
      const mask = rows.map((row) => ids[0]!.map((_, place) => place < row.length ? 1 : 0));
      const { logits, warnings } = runTransformers(folder, { ids, mask });
      assert.deepEqual(Object.values(warnings).flat(), []);
      const difference = largestDifference(logits!.flat(), (await logitsOf(folder)).flat());
      assert.ok(difference < 1e-5, `logits differ by ${difference}`);
    }),
});

const onnxTest = "the card's Python gives our logits, and transformers' pipeline our probabilities";
Deno.test({
  name: onnxTest,
  ignore: !hasOnnxRuntime(onnxTest),
  fn: () =>
    inFolder(async (folder) => {
      const exported = join(folder, "exported");
      await saveClassifier(join(folder, "trained"), await trained());
      await exportClassifier(join(folder, "trained"), exported);
      const expected = await logitsOf(exported);
      const [found] = runCards([exported], texts);
      assertClose(found!.onnxruntime, expected, "onnxruntime");
      if (!found!.transformers) return;
      assertClose(found!.transformers, expected, "transformers");
      const scores = found!.pipeline!.map((scores) => vowels.map((label) => scores[label]!));
      assertClose(scores, expected.map(sigmoid), "pipeline");
    }),
});
