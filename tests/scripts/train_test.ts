import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { trainCommand } from "../../scripts/train.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { writeModel, writeTexts } from "./train_files.ts";

const train = (...args: string[]) => runInTest(trainCommand, ...args);

/** Chinese texts, so that a new model cuts them into characters and nothing is downloaded. */
async function writeChinese(path: string, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, n) => n % 2 ? `山水花鳥風${n},山` : `兵馬刀弓戰${n},兵`);
  await writeFile(path, ["文,類", ...rows].join("\n") + "\n");
}

Deno.test("train writes a model folder, result.json and report.html", () =>
  inFolder(async (folder) => {
    await writeChinese(join(folder, "train.csv"), 20);
    await writeChinese(join(folder, "test.csv"), 6);
    const model = join(folder, "model");
    const { code, out, error } = await train(
      ...["--train", join(folder, "train.csv"), "--test", join(folder, "test.csv"), "--output", model],
      ...["--text-column", "文", "--label-column", "類", "--model", "new"],
      ...["--truncation", "tail", "--max-length", "16", "--epochs", "1", "--batch-size", "6", "--seed", "3"],
    );
    assert.equal(code, 0, error);
    assert.match(
      out,
      /^development: error .* %, macro F1 .*\ntest: error .* %.*\n\nEach label of the test texts:\n/,
    );
    assert.match(out, /\n\| 山 +\| +[01]\.\d{4} \|.*\| +3 \|\n/);
    assert.match(
      out,
      /\nThe probabilities are not calibrated, as there are only \d+ texts to do it on: at least 50 are needed\.\n/,
    );
    assert.match(out, /\nwrote .*model after \d+ s; .*report\.html is the same to read$/);
    assert.match(
      error,
      /\nTraining texts by label: 兵 9, 山 9\nWordpieces of a training text: 5 % up to 6, .*by tail$/,
    );
    const files = [
      "bertlab.json",
      "config.json",
      "model.safetensors",
      "report.html",
      "result.json",
      "tokenizer.json",
      "tokenizer_config.json",
      "vocab.txt",
    ];
    assert.deepEqual((await readdir(model)).sort(), files);
    const result = JSON.parse(await readFile(join(model, "result.json"), "utf8"));
    assert.deepEqual([result.dev.examples, result.test.examples], [2, 6]);
    assert.equal(result.test.accuracy + result.test.error_rate, 1);
    assert.ok(result.test.macro_f1 >= 0 && result.test.loss > 0);
    assert.deepEqual(
      [result.steps, result.seed, result.engine, result.precision, result.best_epoch],
      [3, 3, "onnx", "f32", 1],
    );
    assert.equal(result.seconds_per_step, result.train_seconds / 3);
    assert.deepEqual(Object.values(result.labels).sort(), ["兵", "山"].sort());
    assert.deepEqual([result.recipe, result.pre_training], ["fit", undefined]);
    assert.deepEqual([result.texts.train, result.texts.test_in_train, result.texts.cut], [18, 5, 0]);
    assert.deepEqual(result.test.classes.map(({ label, count }: Counted) => [label, count]), [["兵", 3], [
      "山",
      3,
    ]]);
    assert.ok(result.test.ece_calibrated >= 0 && result.test.ece >= 0);
    const about = JSON.parse(await readFile(join(model, "bertlab.json"), "utf8"));
    assert.deepEqual([about.temperature, about.layerDecay, about.pairs], [
      result.temperature,
      0.95,
      undefined,
    ]);
    assert.match(
      await readFile(join(model, "report.html"), "utf8"),
      /<h1>train: .* error on the test texts<\/h1>/,
    );
  }));

interface Counted {
  readonly label: string;
  readonly count: number;
}

Deno.test("train --recipe itpt-fit pre-trains on the texts and on others without labels", () =>
  inFolder(async (folder) => {
    const file = await writeTexts(join(folder, "train.csv"), 20, 1);
    await writeFile(join(folder, "more.txt"), "Be ko be. Ko!\n\nbe gu\n\nmo be\n");
    const args = (...more: string[]) => [
      ...[
        "--train",
        file,
        "--model",
        join(folder, "start"),
        "--epochs",
        "1",
        "--output",
        join(folder, "model"),
      ],
      ...["--max-length", "16", "--batch-size", "6", ...more],
    ];
    await writeModel(join(folder, "start"));
    const short = ["--pretrain-steps", "3", "--pretrain-batch-size", "4", "--pretrain-length", "16"];
    const { code, out, error } = await train(
      ...args("--recipe", "itpt-fit", "--unlabelled", join(folder, "more.txt"), ...short),
    );
    assert.equal(code, 0, error);
    assert.match(
      error,
      /\npre-training on 21 texts, 3 of them without a label: 3 steps, 0\.\d+ passes over \d+ sequences, after 1 step of its new/,
    );
    const result = JSON.parse(await readFile(join(folder, "model", "result.json"), "utf8"));
    const { texts, unlabelled, steps, head_steps, evaluations } = result.pre_training;
    assert.deepEqual([result.recipe, texts, unlabelled, steps, head_steps], ["itpt-fit", 21, 3, 3, 1]);
    assert.ok(evaluations.at(-1).mlm_loss > 0 && evaluations.at(-1).step === 4);
    assert.match(result.model, /start, 1 layers, pre-trained 3 steps on 21 texts$/);
    assert.match(error, /\nThe head of the masked language model is new: the folder has none\./);
    assert.match(out, /\nwrote /);
    assert.equal((await readdir(join(folder, "model"))).includes("checkpoints"), false);
    const refusedAgain = await train(...args("--resume"));
    assert.deepEqual([refusedAgain.code, refusedAgain.error.split("\n").at(-1)], [
      1,
      `Cannot write into ${
        join(folder, "model")
      } as a model is there already: give --overwrite to replace it, or ` +
      "another folder",
    ]);
    const again = await train(...args("--resume", "--overwrite"));
    assert.equal(again.code, 0, again.error);
    const checkpoints = join(folder, "model", "checkpoints");
    assert.ok(again.error.includes(`No checkpoint in ${checkpoints}: starting from the beginning\n`));

    const refused = await train(...args("--pretrain-steps", "3"));
    assert.deepEqual([refused.code, refused.error], [
      1,
      "Cannot use --pretrain-steps with --recipe fit, which does not pre-train: give --recipe itpt-fit",
    ]);
  }));

Deno.test("train reads two columns as a pair, and several as lines of one text", () =>
  inFolder(async (folder) => {
    const file = join(folder, "train.csv");
    const start = await writeModel(join(folder, "start"));
    const rows = Array.from(
      { length: 20 },
      (_, n) => `be,ko,${n % 2 ? "ku" : "ge"} ${n},${n % 2 ? "a" : "b"}`,
    );
    await writeFile(file, ["one,two,three,label", ...rows].join("\n") + "\n");
    const columns = async (names: string) => {
      const output = join(folder, "model");
      const { code, error } = await train(
        ...["--train", file, "--text-column", names, "--model", start, "--output", output, "--epochs", "1"],
        ...["--max-length", "16", "--batch-size", "9", "--overwrite"],
      );
      assert.equal(code, 0, error);
      const { pairs } = JSON.parse(await readFile(join(output, "bertlab.json"), "utf8"));
      return { pairs, error, result: JSON.parse(await readFile(join(output, "result.json"), "utf8")) };
    };
    const pair = await columns("one,three");
    assert.match(pair.error, /^train: 18 .*; the columns "one", "three" are read as pairs of texts\n/);
    assert.match(pair.error, /\nWordpieces of a training pair: /);
    assert.deepEqual([pair.pairs, pair.result.texts.pairs], [true, true]);
    const lines = await columns("one, two,three");
    assert.match(lines.error, /^train: 18 .*; the columns "one", "two", "three" are joined by line breaks\n/);
    assert.deepEqual([lines.pairs, lines.result.texts.pairs], [undefined, false]);
  }));

Deno.test("train says in one sentence what it cannot use", () =>
  inFolder(async (folder) => {
    const file = join(folder, "train.csv");
    await writeChinese(file, 4);
    const needed = ["--train", file, "--output", join(folder, "model")];
    const refused = async (args: string[], message: RegExp) => {
      const { code, out, error } = await train(...args);
      assert.deepEqual([code, out], [1, ""]);
      assert.match(error, message);
      assert.equal(error.split("\n").length, 1);
    };
    await refused(needed, /column "text" is missing: found "文", "類"/);
    await refused(needed.slice(0, 2), /^Required option '--output <folder>' not specified; --help shows/);
    await refused(
      [...needed, "--learning-rate", "2"],
      /^Cannot use --learning-rate 2: expected a number from/,
    );
    await refused(
      [...needed, "--truncation", "middle"],
      /^Cannot use --truncation middle: expected one of head/,
    );
    await refused(
      [...needed, "--text-column", "文,字"],
      /column "字" is missing: found "文", "類"; name another with /,
    );
    await refused(
      [...needed, "--class-weights", "equal"],
      /^Cannot use --class-weights equal: expected one of none, /,
    );
    await refused(
      [...needed, "--recipe", "mfit"],
      /^Cannot use --recipe mfit: expected one of fit, itpt-fit$/,
    );
    const several = join(folder, "several.csv");
    await writeFile(several, "text,label\na,x|y\nb,y\nc,x|z\nd,x|y\n");
    await refused(
      ["--train", several, ...needed.slice(2)],
      /several\.csv: the label x\|y in line 2 holds "\|", as most labels do: expected one label a text; give --label-separator "\|" /,
    );
    await writeFile(several, 'text,label\na,x\nb,"[""x"", ""y""]"\nc,y\n');
    await refused(
      ["--train", several, ...needed.slice(2)],
      /several\.csv: the label \["x", "y"\] in line 3 is a list, and most are not: expected one label a text, or a list/,
    );
    await refused([...needed, "--epoch", "2"], /^Unknown option --epoch: expected one of --train, --dev/);
  }));
