/** The ways of a family's model through this library: further pre-training, fine-tuning, its folder, predictions. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { savePretrained, startModel } from "../../lib/bert/start_model.ts";
import { loadClassifier } from "../../lib/classifier/classifier.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { fineTune } from "../../lib/paper/fine_tune.ts";
import { furtherPretrain } from "../../lib/paper/further_pretraining.ts";
import { familyFolder, familyNames } from "../golden/families.ts";
import { largestDifference } from "../golden/load.ts";
import { exampleDataset, tinyArchitecture } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { slowUnless } from "../helpers/slow.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";

const engine = onnxEngine({ threads: 1 });
const texts = exampleDataset({ count: 32, words: 5 });
const paired = <Item extends { text: string }>(items: readonly Item[]) =>
  items.map((item) => ({ ...item, pair: item.text.slice(0, 5) }));
const pairs = { ...texts, train: paired(texts.train), dev: paired(texts.dev), test: paired(texts.test) };

for (const family of familyNames) {
  const test = slowUnless(["roberta", "modernbert"].includes(family));
  test(`${family}: further pre-training, fine-tuning, its folder and predictions`, () =>
    inFolder(async (folder) => {
      const options = { seed: 3, architecture: tinyArchitecture, texts: [] };
      const given = join(folder, "given");
      await cp(familyFolder(family), given, { recursive: true });
      const config = JSON.parse(await readFile(join(given, "config.json"), "utf8"));
      // ModernBERT-base's own config.json says so; the other families have no such key.
      const pooling = family === "modernbert" ? { classifier_pooling: "mean" } : {};
      await writeFile(join(given, "config.json"), JSON.stringify({ ...config, ...pooling }));
      const start = await startModel(given, { ...options, preTraining: {} });
      const documents = texts.train.map(({ text }) => `${text}. ${text}.`);
      const further = await furtherPretrain({
        model: start,
        documents: { train: documents, heldOut: documents },
        ...{ steps: 3, headSteps: 1, batchSize: 8, maxLength: 20, seed: 1, wholeWords: true },
      }, { engine });
      match(further.notes.join("\n"), /has no head for next sentences/);
      ok(
        further.evaluations.every(({ mlmLoss, nspLoss }) =>
          Number.isFinite(mlmLoss) && nspLoss === undefined
        ),
      );
      const pretrained = join(folder, "pretrained");
      await savePretrained(pretrained, further);
      const { architectures, model_type } = JSON.parse(
        await readFile(join(pretrained, "config.json"), "utf8"),
      );
      match(architectures[0], /ForMaskedLM$/);
      deepStrictEqual(model_type, family);

      for (const data of [texts, pairs]) {
        const model = await startModel(pretrained, { ...options, labels: data.labels, layers: 2 });
        const run = await fineTune(model, data, tinySettings({ layerDecay: .9, features: "layer 1" }), {
          engine,
        });
        const trained = join(folder, "trained");
        await saveClassifier(trained, run);
        const saved = JSON.parse(await readFile(join(trained, "config.json"), "utf8"));
        deepStrictEqual(saved.classifier_pooling, config.classifier_pooling && "mean");
        const classifier = await loadClassifier(trained, { engine });
        const found = await classifier.probabilities(data.test);
        await classifier.dispose();
        ok(largestDifference(found, run.testPredictions!.probabilities) < 1e-4);
      }
    }));
}
