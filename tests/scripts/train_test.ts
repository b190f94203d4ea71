import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../../scripts/command.ts";
import { trainCommand } from "../../scripts/train.ts";

async function train(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const out: string[] = [];
  const error: string[] = [];
  const output = { out: (text: string) => out.push(text), error: (text: string) => error.push(text) };
  const code = await runCommand(trainCommand(output), args, output);
  return { code, out: out.join("\n"), error: error.join("\n") };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bertlab-train-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Chinese texts, so that a new model cuts them into characters and nothing is downloaded. */
async function writeTexts(path: string, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, n) => n % 2 ? `山水花鳥風${n},山` : `兵馬刀弓戰${n},兵`);
  await writeFile(path, ["文,類", ...rows].join("\n") + "\n");
}

Deno.test("train writes a model folder and result.json", () =>
  inFolder(async (folder) => {
    await writeTexts(join(folder, "train.csv"), 20);
    await writeTexts(join(folder, "test.csv"), 6);
    const model = join(folder, "model");
    const { code, out, error } = await train(
      ...["--train", join(folder, "train.csv"), "--test", join(folder, "test.csv"), "--output", model],
      ...["--text-column", "文", "--label-column", "類", "--model", "new"],
      ...["--truncation", "tail", "--max-length", "16", "--epochs", "1", "--batch-size", "6", "--seed", "3"],
    );
    assert.equal(code, 0, error);
    assert.match(out, /^development: error .* %, macro F1 .*\ntest: error .* %.*\nwrote .*model after \d/);
    const files = [
      "bertlab.json",
      "config.json",
      "model.safetensors",
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
  }));

Deno.test("train says in one sentence what it cannot use", () =>
  inFolder(async (folder) => {
    const file = join(folder, "train.csv");
    await writeTexts(file, 4);
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
    await refused([...needed, "--epoch", "2"], /^Unknown option --epoch: expected one of --train, --dev/);
  }));
