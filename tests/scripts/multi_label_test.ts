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

Deno.test("folds of several labels end in a model of all rows, and its page has their measures", () =>
  inFolder(async (folder) => {
    const [model, start] = [join(folder, "model"), await writeModel(join(folder, "start"))];
    const train = await writeSeveral(join(folder, "train.csv"), 60, 1);
    const { code, out, error } = await runInTest(
      trainCommand,
      ...["--train", train, "--label-separator", "|", "--model", start, "--output", model, "--folds", "2"],
      ...["--max-length", "16", "--epochs", "3", "--batch-size", "8", "--learning-rate", "0.01"],
      ...["--patience", "1", "--class-weights", "balanced", "--engine", "onnx", "--truncation", "tail"],
    );
    assert.equal(code, 0, error);
    assert.match(error, /\nfold 2 of 2: micro F1 0\.\d{4}, /);
    assert.match(out, /^2 folds: micro F1 .* of the texts not wholly right\nheld-out: micro F1 /);
    const result = JSON.parse(await readFile(join(model, "result.json"), "utf8"));
    const { folds, cross_validation: held } = result;
    assert.deepEqual([held.examples, folds.each.length, result.temperature], [60, 2, undefined]);
    const mean = (folds.each[0].micro_f1 + folds.each[1].micro_f1) / 2;
    assert.ok(Math.abs(folds.micro_f1.mean - mean) < 1e-12);
    // The held-out answers are the folds' own, of equal sizes.
    assert.ok(Math.abs(held.error_rate - folds.error_rate.mean) < 1e-12);
    const about = JSON.parse(await readFile(join(model, "bertlab.json"), "utf8"));
    assert.deepEqual(about.thresholds, held.thresholds);
    const report = await readFile(join(model, "report.html"), "utf8");
    assert.match(report, /micro F1 0\.\d{4} on the held-out texts<\/h1>[^]*<h2>Cross-validation<\/h2>/);

    const test = await writeSeveral(join(folder, "test.csv"), 24, 2);
    const page = join(folder, "page");
    const exported = await runInTest(
      exportCommand,
      ...["--model", model, "--output", page, "--page", "--weights", "int8"],
      ...["--test", test, "--label-separator", "|"],
    );
    assert.equal(exported.code, 0, exported.error);
    assert.match(
      exported.error,
      /^Weights in int8: on 24 test texts the micro F1 is \d\.\d{4}, and \d\.\d{4} with the weights as trained; /,
    );
    const html = await readFile(join(page, "index.html"), "utf8");
    assert.match(
      html,
      new RegExp(`Micro F1 on the held-out texts: <strong>${held.micro_f1.toFixed(4)}</strong>`),
    );
    assert.ok(html.includes(about.thresholds[1].toFixed(3)));
  }));

Deno.test("a search among several labels ends in the choice of the largest micro F1, tested with its thresholds", () =>
  inFolder(async (folder) => {
    const [model, start] = [join(folder, "model"), await writeModel(join(folder, "start"))];
    const [train, test] = [
      await writeSeveral(join(folder, "train.csv"), 80, 1),
      await writeSeveral(join(folder, "test.csv"), 32, 2),
    ];
    const { code, out, error } = await runInTest(
      trainCommand,
      ...["--train", train, "--test", test, "--label-separator", "|", "--model", start, "--output", model],
      ...["--max-length", "16", "--epochs", "2", "--batch-size", "8"],
      ...["--budget", "2m", "--recipe", "fit", "--truncation", "tail", "--engine", "onnx"],
    );
    assert.equal(code, 0, error);
    assert.match(
      error,
      /\n1: steps \d+, recipe fit, rate 5e-5, layer decay 0\.95, truncation tail, micro F1 [01]\.\d{4}, /,
    );
    assert.match(
      out,
      /^Chosen: fit, .* development micro F1 .*\n\d+ trainings in .*\ndevelopment: micro F1 .*\ntest: micro F1 /,
    );
    const result = JSON.parse(await readFile(join(model, "result.json"), "utf8"));
    assert.deepEqual(result.search.effects.error_rate, undefined);
    assert.equal(result.search.effects.micro_f1.length, 3);
    assert.ok(result.search.trials.every(({ dev }: { dev: { micro_f1: number } }) => dev.micro_f1 >= 0));
    assert.deepEqual(result.test.thresholds, result.dev.thresholds);
    const report = await readFile(join(model, "report.html"), "utf8");
    assert.match(report, /difference of development micro F1, points/);
    const evaluated = await runInTest(
      evaluateCommand,
      ...["--model", model, "--input", test, "--label-separator", "|", "--engine", "onnx"],
    );
    assert.match(evaluated.out, new RegExp(`: micro F1 ${result.test.micro_f1.toFixed(4)}, `));
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
