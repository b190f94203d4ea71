/** The commands on texts with several labels: train, evaluate, predict and export. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { evaluateCommand } from "../../scripts/evaluate.ts";
import { exportCommand } from "../../scripts/export.ts";
import { predictCommand } from "../../scripts/predict.ts";
import { trainCommand } from "../../scripts/train.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { severalTexts, vowels } from "../helpers/several_labels.ts";
import { writeModel, writeTexts } from "./train_files.ts";

const namesOf = (classes: readonly number[]) => classes.map((c) => vowels[c]!);

async function writeSeveral(path: string, count: number, seed: number): Promise<string> {
  const rows = severalTexts(count, seed).map(({ text, classes }) =>
    `"${text}",${namesOf(classes).join("|")}`
  );
  await writeFile(path, `${["text,label", ...rows].join("\n")}\n`);
  return path;
}

Deno.test("several labels a text from a table to an export: train, evaluate, predict", () =>
  inFolder(async (folder) => {
    const [model, start] = [join(folder, "model"), await writeModel(join(folder, "start"))];
    const [train, test] = [
      await writeSeveral(join(folder, "train.csv"), 96, 1),
      await writeSeveral(join(folder, "test.csv"), 32, 2),
    ];
    const trained = await runInTest(
      trainCommand,
      ...["--train", train, "--test", test, "--label-separator", "|", "--model", start, "--output", model],
      ...[
        "--max-length",
        "16",
        "--epochs",
        "8",
        "--batch-size",
        "8",
        "--learning-rate",
        "0.01",
        "--engine",
        "onnx",
      ],
      ...["--class-weights", "balanced", "--layer-decay", "1", "--seed", "1"],
    );
    assert.equal(trained.code, 0, trained.error);
    assert.match(
      trained.out,
      /^development: micro F1 \d\.\d{4}, macro F1 .*\ntest: micro F1 .* of the texts not wholly right\n/,
    );
    assert.match(trained.out, /\| label \| precision \| recall \| +F1 \| texts \| threshold \|/);
    assert.match(
      trained.error,
      /\nLabels of a training text: 1\.\d\d on average, 2 at most; \d+ texts have none\n/,
    );
    const result = JSON.parse(await readFile(join(model, "result.json"), "utf8"));
    const { micro_f1, thresholds, hamming_loss, classes } = result.test;
    assert.ok(micro_f1 > .8 && hamming_loss < .2, `micro F1 ${micro_f1}`);
    assert.deepEqual([result.temperature, result.test.ece_calibrated], [undefined, undefined]);
    assert.deepEqual(classes.map(({ label, count }: { label: string; count: number }) => [label, count]), [
      ["o", 16],
      ["u", 16],
    ]);
    const about = JSON.parse(await readFile(join(model, "bertlab.json"), "utf8"));
    assert.deepEqual([about.thresholds, about.temperature], [thresholds, undefined]);
    const config = JSON.parse(await readFile(join(model, "config.json"), "utf8"));
    assert.equal(config.problem_type, "multi_label_classification");
    assert.match(
      await readFile(join(model, "report.html"), "utf8"),
      /<h1>train: micro F1 \d\.\d{4} on the test texts<\/h1>/,
    );

    const saved = join(folder, "evaluation.json");
    const evaluated = await runInTest(
      evaluateCommand,
      ...["--model", model, "--input", test, "--label-separator", "|", "--engine", "onnx", "--output", saved],
    );
    assert.equal(evaluated.code, 0, evaluated.error);
    const again = JSON.parse(await readFile(saved, "utf8"));
    assert.deepEqual([again.micro_f1, again.thresholds], [micro_f1, thresholds]);

    const predicted = join(folder, "predicted.csv");
    const args = ["--model", model, "--input", test, "--engine", "onnx"];
    const { code, error } = await runInTest(
      predictCommand,
      ...args,
      "--output",
      predicted,
      "--probabilities",
    );
    assert.equal(code, 0, error);
    const [head, ...rows] = (await readFile(predicted, "utf8")).trim().split("\n").map((row) =>
      row.split(",")
    );
    assert.deepEqual(head, ["text", "label", "labels", "probabilities", "probability_o", "probability_u"]);
    let right = 0;
    for (const [, label, labels, probabilities, ...each] of rows) {
      const own = vowels.filter((_, c) => Number(each[c]) >= thresholds[c]);
      assert.equal(labels, own.join(";"));
      assert.equal(probabilities, own.map((name) => each[vowels.indexOf(name)]).join(";"));
      if (labels === label!.replace("|", ";")) right++;
    }
    assert.equal(right / rows.length, result.test.accuracy);
    const lines = join(folder, "predicted.jsonl");
    assert.equal((await runInTest(predictCommand, ...args, "--output", lines)).code, 0);
    const first = JSON.parse((await readFile(lines, "utf8")).split("\n")[3]!);
    assert.ok(Array.isArray(first.labels) && first.labels.length === first.probabilities.length);
    // What was predicted is read as labels.
    const own = await runInTest(
      evaluateCommand,
      ...["--model", model, "--input", lines, "--label-column", "labels", "--engine", "onnx"],
    );
    assert.match(own.out, /^32 texts of .*: micro F1 1\.0000, /);

    const separator = await runInTest(
      predictCommand,
      ...args,
      "--output",
      predicted,
      "--label-separator",
      "o",
    );
    assert.equal(
      separator.error,
      'Cannot write several labels with "o" between as the label "o" has it: give another --label-separator, or an ' +
        "output in JSON Lines",
    );
    const exported = await runInTest(exportCommand, "--model", model, "--output", join(folder, "exported"));
    assert.equal(exported.code, 0, exported.error);
    assert.match(exported.error, /A text may have several labels: .* reaches the threshold of README\.md/);
  }));

Deno.test("options of several labels are refused for a model of one label a text", () =>
  inFolder(async (folder) => {
    const start = await writeModel(join(folder, "start"));
    const input = await writeTexts(join(folder, "texts.csv"), 8, 1);
    const options = ["--model", start, "--input", input, "--engine", "onnx"];
    const { code, error } = await runInTest(evaluateCommand, ...options, "--label-separator", ";");
    assert.deepEqual([code, error.split("\n").at(-1)], [
      1,
      `Cannot use --label-separator as ${start} gives each text one label: leave it out`,
    ]);
  }));
