/** Texts and classes far beyond the usual, through the commands. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { readTable } from "../../lib/tables/table.ts";
import { predictCommand } from "../../scripts/predict.ts";
import { trainCommand } from "../../scripts/train.ts";
import { exampleDataset, exampleTexts, tinyModel } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { writeModel, writeTexts } from "./train_files.ts";

Deno.test("a text of a megabyte, of words or of one, is trained on and labelled as any other", () =>
  inFolder(async (folder) => {
    const start = await writeModel(join(folder, "start"));
    const dev = await writeTexts(join(folder, "dev.csv"), 8, 2);
    const [train, model, output] = [
      join(folder, "train.csv"),
      join(folder, "model"),
      join(folder, "out.csv"),
    ];
    const texts = exampleTexts(16, 6, 1).map(({ text, label }) => `${text},${"ou"[label]}`);
    const long = ["bo ku me ".repeat(120_000), "b".repeat(1_100_000), "山水".repeat(170_000)];
    await writeFile(train, ["text,label", ...texts, ...long.map((text) => `"${text}",o`)].join("\n"));
    const trained = await runInTest(
      trainCommand,
      ...["--train", train, "--dev", dev, "--model", start, "--output", model],
      ...["--epochs", "1", "--batch-size", "8", "--max-length", "16"],
    );
    assert.equal(trained.code, 0, trained.error);
    const { texts: found } = JSON.parse(await readFile(join(model, "result.json"), "utf8"));
    assert.deepEqual([found.train, Math.max(...Object.values<number>(found.wordpieces))], [19, 720_000]);
    const predicted = await runInTest(
      predictCommand,
      ...["--model", model, "--engine", "onnx", "--input", train, "--output", output],
    );
    assert.equal(predicted.code, 0, predicted.error);
    const { rows } = await readTable(output);
    assert.deepEqual(rows.slice(16).map(({ values }) => values.get("text")), long);
    assert.ok(rows.every(({ values }) => Number(values.get("probability")) > 0));
  }));

Deno.test("ten thousand classes are as many columns", () =>
  inFolder(async (folder) => {
    const labels = Array.from({ length: 10_000 }, (_, n) => `class ${n}`);
    const { config, parameters, tokenizer } = await tinyModel({ ...exampleDataset(), labels });
    const [model, input, output] = [join(folder, "model"), join(folder, "in.csv"), join(folder, "out.csv")];
    await saveCheckpoint(model, { config, parameters, tokenizerFiles: tokenizer.files });
    await writeFile(input, "text\nbo ku\ndu\n");
    const { code, error } = await runInTest(
      predictCommand,
      ...["--model", model, "--engine", "onnx", "--input", input, "--output", output, "--probabilities"],
    );
    assert.equal(code, 0, error);
    const { columns, rows: [row] } = await readTable(output);
    assert.deepEqual([columns.length, columns.at(-1)], [10_003, "probability_class 9999"]);
    const probabilities = labels.map((label) => Number(row!.values.get(`probability_${label}`)));
    assert.ok(Math.abs(probabilities.reduce((sum, each) => sum + each) - 1) < 1e-3);
    const best = labels.indexOf(row!.values.get("label")!);
    assert.equal(probabilities[best], Math.max(...probabilities));
  }));
