import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint, saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { loadTokenizer } from "../../lib/text/tokenizer.ts";
import { loadTrainedModel, requireTextColumns } from "../../lib/classifier/trained.ts";
import { evaluateCommand } from "../../scripts/evaluate.ts";
import { predictCommand } from "../../scripts/predict.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { trainedClassifier } from "./trained_classifier.ts";

Deno.test("a model of pairs is not used for single texts, nor one of single texts for pairs", () =>
  inFolder(async (folder) => {
    const input = join(folder, "texts.csv");
    await writeFile(input, "a,b,class\nbo ku,du,o\nku,bo,u\n");
    const run = async (pairs: boolean, columns: string) => {
      const model = join(folder, `${pairs}`);
      await saveClassifier(model, await trainedClassifier({ pairs }));
      const args = ["--model", model, "--engine", "onnx", "--input", input, "--text-column", columns];
      const predicted = await runInTest(predictCommand, ...args, "--output", join(folder, "out.csv"));
      const evaluated = await runInTest(evaluateCommand, ...args, "--label-column", "class");
      assert.deepEqual([predicted.code, predicted.error], [evaluated.code, evaluated.error]);
      return predicted.error.replace(model, "MODEL");
    };
    assert.equal(await run(true, "a,b"), "");
    assert.equal(await run(false, "a"), "");
    assert.equal(
      await run(true, "a"),
      "Cannot use MODEL as it was trained on pairs of texts: expected two columns in --text-column, with a comma " +
        'between, found "a"',
    );
    assert.equal(
      await run(false, "a,b"),
      "Cannot use MODEL as it was trained on single texts: expected one column in --text-column, found the pair " +
        '"a", "b"',
    );
  }));

Deno.test("three columns are single texts, and of a folder of another library anything may be true", () => {
  requireTextColumns({ pairs: false }, "model", ["a", "b", "c"]);
  assert.throws(() => requireTextColumns({ pairs: true }, "model", ["a", "b", "c"]), /found "a", "b", "c"$/);
  for (const columns of [["a"], ["a", "b"]]) requireTextColumns({}, "model", columns);
});

Deno.test("a folder of another kind of classifier is refused", () =>
  inFolder(async (folder) => {
    await saveClassifier(folder, await trainedClassifier({}));
    const path = join(folder, "config.json");
    const config = JSON.parse(await readFile(path, "utf8"));
    const load = async (changes: Record<string, unknown>) => {
      await writeFile(path, JSON.stringify({ ...config, ...changes }));
      return await loadTrainedModel(folder);
    };
    const expected = await load({});
    for (const problem_type of [null, "single_label_classification"]) {
      const { labels } = await load({ problem_type, architectures: [] });
      assert.deepEqual(labels, expected.labels);
    }
    await assert.rejects(load({ problem_type: "regression" }), {
      name: "InputError",
      message:
        `Cannot use ${path} as "problem_type" is not one of single_label_classification, multi_label_classification: found ` +
        '"regression"; give a model that has one label or several for each text',
    });
    await assert.rejects(load({ architectures: ["BertForTokenClassification"] }), {
      name: "InputError",
      message:
        `Cannot use ${path} as "architectures" is not a list with BertForSequenceClassification: found ` +
        '["BertForTokenClassification"]; give a model that has one label or several for each text',
    });
  }));

Deno.test("a bertlab.json that speaks of pairs must fit the model", () =>
  inFolder(async (folder) => {
    await saveClassifier(folder, await trainedClassifier({ pairs: true }));
    assert.equal((await loadTrainedModel(folder)).pairs, true);
    const path = join(folder, "bertlab.json");
    const about = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify({ ...about, pairs: "yes" }));
    await assert.rejects(loadTrainedModel(folder), {
      name: "InputError",
      message:
        `Cannot use ${path} as "pairs" is not true or false: found "yes"; train the model again, or take its folder from ` +
        "where it came",
    });
    const { config, parameters } = await loadCheckpoint(folder, { seed: 1 });
    const { files } = await loadTokenizer(folder);
    const name = "bert.embeddings.token_type_embeddings.weight";
    const types = { shape: [1, 16], data: parameters[name]!.data.slice(0, 16) };
    await saveCheckpoint(folder, {
      config: { ...config, type_vocab_size: 1 },
      parameters: { ...parameters, [name]: types },
      tokenizerFiles: files,
      extra: about,
    });
    await assert.rejects(loadTrainedModel(folder), {
      name: "InputError",
      message:
        `Cannot use ${folder} as its bertlab.json speaks of pairs of texts, and its config.json of 1 kind of ` +
        "segment: expected 2; take both files from one model",
    });
  }));

Deno.test("a folder without the pooler that its classifier reads is refused", () =>
  inFolder(async (folder) => {
    const withoutPooler = async (features: string) => {
      const { model, parameters, settings } = await trainedClassifier({ features });
      const kept = Object.entries(parameters).filter(([name]) => !name.startsWith("bert.pooler."));
      await saveCheckpoint(folder, {
        config: model.config,
        parameters: Object.fromEntries(kept),
        tokenizerFiles: model.tokenizer.files,
        extra: { ...settings, text: "head+tail", features },
      });
      return await loadTrainedModel(folder);
    };
    await assert.rejects(withoutPooler("last"), {
      name: "InputError",
      message:
        `Cannot use ${folder} as it lacks bert.pooler.dense.weight and .bias, which its classifier reads: ` +
        "save the whole model, or train it again with deno task train",
    });
    assert.equal((await withoutPooler("last 4 max")).plan.pooler, false);
  }));
