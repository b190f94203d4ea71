/** The train command as a process of its own: whole, killed again and again, and with what it cannot use. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadCheckpoint } from "../../lib/bert/checkpoint.ts";
import { Random } from "../../lib/random.ts";
import { loadTokenizer } from "../../lib/text/tokenizer.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { noSmallDisk, smallDisk } from "../helpers/small_disk.ts";
import { writeModel, writeTexts } from "./train_files.ts";
import { test } from "../helpers/slow.ts";

const root = join(import.meta.dirname!, "../..");
const { tasks } = JSON.parse(await readFile(join(root, "deno.json"), "utf8"));
/** Arguments of Deno for `deno task train`. */
const command: string[] = tasks.train.split(" ").slice(2);

function start(...args: string[]): Deno.ChildProcess {
  const options: Deno.CommandOptions = { args: [...command, ...args], stdout: "piped", stderr: "piped" };
  return new Deno.Command(Deno.execPath(), { ...options, cwd: root }).spawn();
}

async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const { code, stdout, stderr } = await start(...args).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, out: text(stdout), error: text(stderr) };
}

const small = ["--batch-size", "8", "--max-length", "16", "--learning-rate", "0.01"];

const checkpointsIn = async (output: string, folder: string) =>
  (await readdir(join(output, folder)).catch(() => [])).filter((name) => /^check.*s$/.test(name)).sort();

Deno.test("a model folder is trained on, and what comes out is a model folder again", () =>
  inFolder(async (folder) => {
    const model = await writeModel(join(folder, "start"));
    const train = await writeTexts(join(folder, "train.csv"), 60, 1);
    const test = await writeTexts(join(folder, "test.csv"), 20, 2);
    const output = join(folder, "a", "trained");
    const { code, out, error } = await run(
      ...["--train", train, "--test", test, "--model", model, "--output", output, "--epochs", "8", ...small],
    );
    assert.equal(code, 0, error);
    assert.match(
      out,
      /^development: error .*\ntest: error .*\n\nEach label[^]*\nwrote .*trained after \d+ s; .*report\.html is the same to read$/,
    );
    assert.match(error, /^train: 54 training, 6 development and 20 test texts, 2 labels; dev is 6 of the 60/);
    assert.match(
      error,
      /\nepoch 8: training loss [\d.]+, error [\d.]+ %, macro F1 over all labels [\d.]+, loss [\d.]+\n/,
    );
    assert.doesNotMatch(error, /TensorFlow/);

    const result = JSON.parse(await readFile(join(output, "result.json"), "utf8"));
    assert.deepEqual([result.steps, result.epochs.length], [56, 8]);
    assert.ok(result.test.error_rate < 0.3, `test error ${result.test.error_rate}`);
    assert.ok(result.epochs[7].train_loss < 0.7 * result.epochs[0].train_loss);
    const { config, parameters, notes } = await loadCheckpoint(output, { seed: 1 });
    assert.deepEqual([config.id2label, notes], [{ 0: "o", 1: "u" }, []]);
    assert.deepEqual(parameters["classifier.weight"]!.shape, [2, 16]);
    assert.ok((await loadTokenizer(output)).encode("bo").every((id) => id < config.vocab_size));
    const { text, maxLength, start } = JSON.parse(await readFile(join(output, "bertlab.json"), "utf8"));
    assert.deepEqual([text, maxLength, start], ["head+tail", 16, `${model}, 1 layers`]);
  }));

test.slow("a run that is killed ten times ends with the same bytes as one that never was", () =>
  inFolder(async (folder) => {
    const model = await writeModel(join(folder, "start"));
    const train = await writeTexts(join(folder, "train.csv"), 160, 1);
    const args = (output: string) => [
      ...["--train", train, "--model", model, "--output", output, "--epochs", "15", ...small],
      ...["--checkpoint-every", "3"],
    ];
    const whole = await run(...args(join(folder, "whole")));
    assert.equal(whole.code, 0, whole.error);

    // It is killed when it has come to a random step of the first half, some milliseconds later; if it was there
    // already, as it starts. The second half leaves the time to do so.
    const output = join(folder, "killed");
    const random = new Random(11);
    const steps = [...Array.from({ length: 9 }, () => 3 + random.below(130)).sort((a, b) => a - b), 135];
    for (const step of steps) {
      const child = start(...args(output), "--resume");
      let ended = false;
      void child.status.then(() => ended = true);
      if (await stepOf(output) >= step) await sleep(random.below(400));
      while (!ended && await stepOf(output) < step) await sleep(2);
      await sleep(random.below(30));
      if (!ended) child.kill("SIGKILL");
      const { code, stderr } = await child.output();
      assert.notEqual(code, 0, `it ended before step ${step}: ${new TextDecoder().decode(stderr)}`);
    }
    await assertSentence(
      [...args(output), "--resume", "--warmup", "0.2"],
      /^Cannot resume from .*checkpoint-\d+\.safetensors as it is of a run with other settings or data: give /,
      { lines: 4 },
    );
    const { code, error } = await run(...args(output), "--resume");
    assert.equal(code, 0, error);
    assert.doesNotMatch(error, /epoch 5:/, "it went on near its end");
    await assertSame(join(folder, "whole"), output);
  }));

test.slow("a run that pre-trains and is killed in either phase ends with the same bytes, too", () =>
  inFolder(async (folder) => {
    const model = await writeModel(join(folder, "start"));
    const train = await writeTexts(join(folder, "train.csv"), 80, 1);
    const args = (output: string) => [
      ...["--train", train, "--model", model, "--output", output, "--epochs", "10", ...small],
      ...["--recipe", "itpt-fit", "--pretrain-steps", "100", "--pretrain-batch-size", "4"],
      ...["--pretrain-length", "16", "--checkpoint-every", "3"],
    ];
    const whole = await run(...args(join(folder, "whole")));
    assert.equal(whole.code, 0, whole.error);
    const output = join(folder, "killed");
    const isThere: (() => Promise<boolean>)[] = [
      async () => await stepOf(output, "checkpoints/pre-training") >= 9,
      async () => await stepOf(output, "checkpoints/pre-training") >= 30,
      async () => await stepOf(output) >= 6,
      async () => await stepOf(output) >= 12,
    ];
    for (const killNow of isThere) {
      const child = start(...args(output), "--resume");
      let ended = false;
      void child.status.then(() => ended = true);
      while (!ended && !await killNow()) await sleep(2);
      if (!ended) child.kill("SIGKILL");
      const { code, stderr } = await child.output();
      assert.notEqual(code, 0, new TextDecoder().decode(stderr));
    }
    const { code, error } = await run(...args(output), "--resume");
    assert.equal(code, 0, error);
    assert.doesNotMatch(error, /pre-training:|epoch 1:/, "it went on near its end");
    await assertSame(join(folder, "whole"), output);
  }));

/** Asserts that two output folders hold the same, but for what takes time. */
async function assertSame(expected: string, found: string): Promise<void> {
  for (const name of ["model.safetensors", "config.json", "bertlab.json", "tokenizer.json"]) {
    const [first, second] = await Promise.all(
      [expected, found].map((folder) => readFile(join(folder, name))),
    );
    assert.ok(second!.equals(first!), `${name} differs`);
  }
  assert.deepEqual(await resultOf(found), await resultOf(expected));
  assert.deepEqual((await readdir(found)).sort(), (await readdir(expected)).sort());
}

/** The step of the newest checkpoint in a folder of an output folder. */
async function stepOf(output: string, folder = "checkpoints"): Promise<number> {
  return Number(/\d+/.exec((await checkpointsIn(output, folder)).at(-1) ?? "0")![0]);
}

/** result.json without what takes time. */
async function resultOf(folder: string): Promise<unknown> {
  const text = await readFile(join(folder, "result.json"), "utf8");
  return JSON.parse(text, (key, value) => /seconds/.test(key) ? undefined : value);
}

/** Runs the command and asserts that all it says is one sentence. */
async function assertSentence(args: string[], sentence: RegExp, { lines = 1 } = {}): Promise<void> {
  const { code, out, error } = await run(...args);
  assert.deepEqual([code, out], [1, ""], error);
  const said = error.split("\n");
  assert.match(said.at(-1)!, sentence);
  assert.equal(said.length, lines, error);
}

Deno.test("data that cannot be used is one sentence on standard error", () =>
  inFolder(async (folder) => {
    const file = async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    };
    const output = ["--output", join(folder, "model")];
    const good = await writeTexts(join(folder, "good.csv"), 20, 1);
    await assertSentence(
      ["--train", await file("columns.csv", "review,stars\na,1\nb,2\n"), ...output],
      /^Cannot read .*columns\.csv as column "text" is missing: found "review", "stars"; name another with --text-column or --label-column$/,
    );
    await assertSentence(
      ["--train", await file("quotes.csv", 'text,label\n"a",1\n"b "c" d",2\ne,1\n'), ...output],
      /^Cannot read .*quotes\.csv as the quotes in the row that starts in line 3 are not balanced: expected /,
    );
    await assertSentence(
      ["--train", good, "--test", await file("test.csv", "text,label\na,o\nb,e\n"), ...output],
      /^Cannot use .*test\.csv: the label "e" in line 3 does not occur in .*good\.csv, which has "o", "u"$/,
    );
    await assertSentence(
      ["--train", await file("empty.csv", ""), ...output],
      /^Cannot read .*empty\.csv as it is empty: expected column names and rows$/,
    );
    await assertSentence(
      ["--train", join(folder, "nowhere.csv"), ...output],
      /^Cannot read .*nowhere\.csv: there is no such file; check the path$/,
    );
    await assertSentence(
      ["--train", good, "--model", folder, "--output", folder],
      /^Cannot write into .*, the model that it would start from: give another --output$/,
    );
    await assertSentence(
      ["--train", good, "--output", good],
      /^Cannot use --output .*good\.csv as a folder: .*exists/,
    );
    assert.deepEqual((await readdir(folder)).includes("model"), false, "nothing was written");
  }));

Deno.test("a model that cannot be used is one sentence on standard error", () =>
  inFolder(async (folder) => {
    const train = await writeTexts(join(folder, "good.csv"), 20, 1);
    const args = (
      model: string,
      ...more: string[]
    ) => ["--train", train, "--model", model, "--output", join(folder, "model"), ...small, ...more];
    const model = await writeModel(join(folder, "start"));
    const config = await readFile(join(model, "config.json"), "utf8");
    await writeFile(
      join(model, "config.json"),
      config.replace('"model_type": "bert"', '"model_type": "gpt2"'),
    );
    await assertSentence(
      args(model),
      /^Cannot use .*config\.json as "model_type" is not one of bert, .*: found "gpt2", which reads from left to right alone; take /,
      { lines: 2 },
    );
    await writeFile(join(model, "config.json"), config);
    await assertSentence(
      args(model, "--max-length", "513"),
      /^Cannot read 513 wordpieces at once as the model has 512 positions: give a smaller maximum length$/,
      { lines: 2 },
    );
    await truncate(join(model, "model.safetensors"), 3000);
    await assertSentence(
      args(model),
      /^Cannot read .*model\.safetensors as a safetensors file: .* so it is cut off/,
      { lines: 2 },
    );
    await assertSentence(
      args(join(folder, "nowhere")),
      /^Cannot find the model ".*nowhere": there is no such folder .*, and it is none of minilm, /,
      { lines: 2 },
    );
    await assertSentence(
      args("nobody/no-such-model", "--offline"),
      /^Cannot .*no-such-model.*offline/,
      { lines: 2 },
    );
    await mkdir(join(folder, "nothing"));
    await assertSentence(args(join(folder, "nothing")), /^Cannot load the tokenizer of .*nothing: /, {
      lines: 2,
    });
  }));

Deno.test({
  name: `a disk that is full while a checkpoint is written leaves the older ones${noSmallDisk}`,
  ignore: noSmallDisk !== "",
  fn: () =>
    inFolder(async (folder) => {
      const train = await writeTexts(join(folder, "good.csv"), 40, 1);
      const model = await writeModel(join(folder, "start"));
      // A checkpoint of this model takes 138 kB: there is room for two, and not for a third.
      const disk = smallDisk(100 * 4096);
      try {
        const output = join(disk.folder, "model");
        const args = [
          ...["--train", train, "--model", model, "--output", output, "--epochs", "2", ...small],
          ...["--checkpoint-every", "1", "--resume"],
        ];
        await assertSentence(
          args,
          /^Cannot write .*checkpoint-00000003\.safetensors: .*no space left on device/i,
          { lines: 6 },
        );
        assert.deepEqual((await readdir(join(output, "checkpoints"))).sort(), [
          "checkpoint-00000001.safetensors",
          "checkpoint-00000002.safetensors",
        ]);
        disk.resize(1000 * 4096);
        const { code, error } = await run(...args);
        assert.equal(code, 0, error);
        assert.match(error, /training: 10 steps/);
      } finally {
        disk.remove();
      }
    }),
});
