/** `deno task train` with --budget and with --folds, and that a search reads no test text before its end. */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint } from "../../lib/bert/checkpoint.ts";
import { trainCommand } from "../../scripts/train.ts";
import { evaluateCommand } from "../../scripts/evaluate.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { standardOutput } from "../../scripts/command.ts";
import { Phases, progressOf } from "../../scripts/train_progress.ts";
import { scalarsOf } from "../classifier/event_files.ts";
import { exampleDataset, tinyArchitecture } from "../helpers/example_model.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";
import { writeModel, writeTexts } from "./train_files.ts";
import { test } from "../helpers/slow.ts";
import { stepReport } from "../helpers/step_report.ts";

const root = join(import.meta.dirname!, "../..");
const { tasks } = JSON.parse(await readFile(join(root, "deno.json"), "utf8"));
const small = ["--batch-size", "8", "--max-length", "16", "--learning-rate", "0.01", "--epochs", "4"];

/** Runs the command as a process. */
async function run(args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    ...{ args: [...tasks.train.split(" ").slice(2), ...args], cwd: root, stdout: "piped", stderr: "piped" },
  }).output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out: out!, lines: error!.trimEnd().split("\n") };
}

Deno.test("a search ends in a model folder, and its test file is not read before the choice is made", () =>
  inFolder(async (folder) => {
    const model = await writeModel(join(folder, "start"));
    const train = await writeTexts(join(folder, "train.csv"), 80, 1);
    const test = join(folder, "test.csv");
    const output = join(folder, "model");
    await writeFile(test, "no columns that are known\n1\n");
    const args = [
      ...["--batch-size", "8", "--max-length", "16", "--epochs", "2", "--truncation", "tail"],
      "--train",
      train,
      "--test",
      test,
      "--model",
      model,
      "--output",
      output,
      "--budget",
      "2m",
      "--recipe",
      "fit",
    ];
    // A file that cannot be read would end the command at once if it were opened before the choice is made.
    const early = await run(args);
    assert.equal(early.code, 0, early.lines.join("\n"));
    const placeOf = (part: RegExp) => early.lines.findIndex((line) => part.test(line));
    assert.ok(
      placeOf(/^Chosen: /) > 0 && placeOf(/test\.csv .*; the model is not tested: /) > placeOf(/^Chosen: /),
    );
    await writeTexts(test, 30, 2);
    const { code, out, lines } = await run([...args, "--overwrite"]);
    assert.equal(code, 0, lines.join("\n"));
    const said = lines.join("\n");
    assert.match(
      said,
      /^train: 72 training and 8 development texts, .*test\.csv is read when the search has ended\n/,
    );
    assert.match(
      said,
      /\nSearch within 2 min: 1 × 3 × 2 × 1 = 6 choices of recipe \(fit\), rate \(5e-5, 2e-5, 1e-4\), layer /,
    );
    assert.match(
      said,
      /\n1: steps \d+, recipe fit, rate 5e-5, layer decay 0.95, truncation tail, error [\d.]+ %, /,
    );
    assert.match(
      out,
      /^Chosen: fit, rate .*\n\d+ trainings in \d+ s\ndevelopment: error .*\ntest: error /,
    );
    const result = JSON.parse(await readFile(join(output, "result.json"), "utf8"));
    assert.equal(result.test.examples, 30);
    assert.deepEqual([result.search.budget, result.search.chosen.recipe, result.recipe], [120, "fit", "fit"]);
    assert.ok(result.search.trials.length >= 6 && result.search.effects.error_rate.length === 3);
    assert.ok(result.seconds < 1.1 * 120);
    const { text } = JSON.parse(await readFile(join(output, "bertlab.json"), "utf8"));
    assert.equal(text, result.search.chosen.truncation);
    assert.match(
      await readFile(join(output, "report.html"), "utf8"),
      /<h2>The search<\/h2>[^]*What each choice was worth/,
    );
    assert.deepEqual((await readdir(output)).includes("checkpoints"), false);
    const { code: evaluated, out: again } = await runInTest(
      evaluateCommand,
      ...["--model", output, "--input", test],
    );
    assert.equal(evaluated, 0);
    assert.match(again, new RegExp(`error ${(100 * result.test.error_rate).toFixed(2)} %`));
  }));

test.slow("folds end in a model of all rows, with result.json, a report and a log of each", () =>
  inFolder(async (folder) => {
    const model = await writeModel(join(folder, "start"));
    const train = await writeTexts(join(folder, "train.csv"), 60, 1);
    const test = await writeTexts(join(folder, "test.csv"), 20, 2);
    const output = join(folder, "model");
    const log = join(folder, "log");
    const args = [
      ...["--train", train, "--model", model, "--output", output, "--folds", "3", ...small],
      ...["--recipe", "itpt-fit", "--pretrain-steps", "2", "--pretrain-batch-size", "4"],
      ...["--pretrain-length", "16"],
    ];
    const { code, out, error } = await runInTest(trainCommand, ...args, "--test", test, "--log", log);
    assert.equal(code, 0, error);
    assert.match(error, /^train: 60 rows in 3 folds and 20 test texts, 2 labels; /);
    assert.match(error, /\nfold 3 of 3: error [\d.]+ %, macro F1 /);
    assert.deepEqual(error.match(/Training texts by label: .*/g), ["Training texts by label: o 30, u 30"]);
    assert.match(
      out,
      /^3 folds: error [\d.]+ % ± [\d.]+ %, macro F1 .*\nheld-out: error .*\ntest: error .*\n/,
    );
    const result = JSON.parse(await readFile(join(output, "result.json"), "utf8"));
    const { folds, cross_validation: held } = result;
    assert.deepEqual([folds.each.length, held.examples, result.test.examples], [3, 60, 20]);
    assert.ok(Math.abs(folds.error_rate.mean - held.error_rate) < 1e-12);
    assert.deepEqual([result.dev, result.pre_training.measured_on], [undefined, "train"]);
    const ofAll = await scalarsOf(join(log, "all-rows", "pre-training"));
    assert.ok(ofAll["train/mlm_loss"] && !ofAll["dev/mlm_loss"]);
    assert.deepEqual((await readdir(log)).sort(), ["all-rows", "fold-1", "fold-2", "fold-3"]);
    const { parameters } = await loadCheckpoint(output, { seed: 1 });
    assert.deepEqual(parameters["classifier.weight"]!.shape, [2, 16]);
    const page = await readFile(join(output, "report.html"), "utf8");
    assert.match(page, /error on the test texts<\/h1>[^]*<h2>Cross-validation<\/h2>[^]*fold 3/);
    assert.match(page, /Masked words of the training texts/);
  }));

Deno.test("a search tells of test texts that it has pre-trained on, and its curves have the test", () =>
  inFolder(async (folder) => {
    const model = await writeModel(join(folder, "start"));
    const train = await writeTexts(join(folder, "train.csv"), 60, 1);
    const test = await writeTexts(join(folder, "test.csv"), 20, 2);
    const [first, second] = (await readFile(test, "utf8")).split("\n").slice(1);
    await writeFile(join(folder, "more.csv"), `text,label\n${first}\n${second}\n"be bo du",o\n`);
    const [output, log] = [join(folder, "model"), join(folder, "log")];
    const { code, error } = await runInTest(
      trainCommand,
      ...["--train", train, "--test", test, "--unlabelled", join(folder, "more.csv"), "--model", model],
      ...["--output", output, "--log", log, "--budget", "5m", ...small, "--recipe", "itpt-fit"],
      ...["--layer-decay", "1", "--truncation", "tail", "--pretrain-steps", "2", "--pretrain-length", "16"],
    );
    assert.equal(code, 0, error);
    const note =
      "2 of the 20 test texts were pre-trained on, without labels: a search reads the test texts only at its " +
      "end, so leave them out of --train and --unlabelled";
    const result = JSON.parse(await readFile(join(output, "result.json"), "utf8"));
    assert.ok(error.split("\n").includes(note) && result.notes.includes(note), error);
    assert.ok((await readFile(join(output, "report.html"), "utf8")).includes(note));
    assert.deepEqual((await scalarsOf(join(log, "training-01")))["test/error_rate"], [
      [result.steps, Math.fround(result.test.error_rate)],
    ]);
  }));

Deno.test("the progress of a fold counts the fold's own steps", () => {
  const told: [string, number][] = [];
  class Recorded extends Phases {
    override of(label: string, steps: number) {
      told.push([label, steps]);
      return super.of(label, steps);
    }
  }
  const phases = new Recorded();
  const recipe = { data: exampleDataset({ count: 80 }), fineTuning: tinySettings({ epochs: 3 }) };
  const { onStep } = progressOf(
    { ...recipe, model: "new", start: { seed: 1, architecture: tinyArchitecture } },
    phases,
    standardOutput,
    "fold 1",
  );
  onStep!({ ...stepReport, steps: 12 });
  phases.stop();
  assert.deepEqual(told, [["fold 1", 12]]);
});

Deno.test("what does not go together is said in one sentence", () =>
  inFolder(async (folder) => {
    const train = await writeTexts(join(folder, "train.csv"), 20, 1);
    const needed = ["--train", train, "--output", join(folder, "model")];
    const refused = async (args: string[], message: RegExp) => {
      const { code, error } = await runInTest(trainCommand, ...needed, ...args);
      assert.deepEqual([code, error.split("\n").length], [1, 1], error);
      assert.match(error, message);
    };
    await refused(
      ["--folds", "3", "--dev", train],
      /^Cannot use --dev with --folds, as each fold chooses by a tenth of /,
    );
    await refused(
      ["--folds", "3", "--budget", "9m"],
      /^Cannot use --folds with --budget: search first, then /,
    );
    await refused(
      ["--budget", "9m", "--recipe", "fit", "--unlabelled", train],
      /^Cannot use --unlabelled with --recipe fit, which does not pre-train: give --recipe itpt-fit$/,
    );
    await refused(["--budget", "9"], /^Cannot use --budget 9: expected a time such as 90s, 30m or 2h$/);
    await refused(["--folds", "1"], /^Cannot use --folds 1: expected a whole number of at least 2$/);
    await refused(
      ["--budget", "9m", "--test", join(folder, "nowhere.csv")],
      /^Cannot read .*nowhere\.csv: there is no such file; check the path$/,
    );
    await refused(
      ["--budget", "9m", "--checkpoint-every", "50"],
      /^Cannot use --checkpoint-every with --budget, as a search keeps each of its trainings and saves one on its way /,
    );
  }));
