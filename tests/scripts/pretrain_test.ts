import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { dataset } from "../../lib/data/dataset.ts";
import { startModel } from "../../lib/bert/start_model.ts";
import { pretrainCommand } from "../../scripts/pretrain.ts";
import { withSettings } from "../storage/hub_server.ts";
import { type Row, withFolder, zhangFiles } from "../data/paper_files.ts";
import { tinyArchitecture } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";

const pretrain = (...args: string[]) => runInTest(pretrainCommand, ...args);

const texts = Array.from({ length: 12 }, (_, n) => `Text ${n} is here. It goes on.\nAnd it ends with ${n}.`);

const short = ["--steps", "2", "--batch-size", "4", "--max-length", "16", "--seed", "3"];

Deno.test("pretrain goes on from a model folder and writes one that it can go on from", () =>
  inFolder(async (folder) => {
    const model = await startModel("new", {
      labels: ["a", "b"],
      seed: 1,
      architecture: tinyArchitecture,
      texts,
    });
    const [start, once, twice] = ["start", "once", "twice"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await saveCheckpoint(start, { ...model, tokenizerFiles: model.tokenizer.files });
    const file = join(folder, "texts.txt");
    await writeFile(file, texts.slice(0, 11).join("\r\n \t\r\n\r\n") + "\r\n");
    const table = join(folder, "more.jsonl");
    await writeFile(table, JSON.stringify({ words: texts[11] }) + "\n");
    const { code, out, error } = await pretrain(
      ...["--text", file, table, "--text-column", "words", "--model", start, "--output", once],
      ...["--head-steps", "1", "--held-out", ".25", "--whole-words", "--evaluate-every", "2", ...short],
    );
    assert.equal(code, 0, error);
    assert.match(
      out,
      /^before: masked words: loss .*% right; next sentences: .*\nafter: .*\nwith the words .*\nwrote .*once after/,
    );
    assert.match(
      error,
      /^9 documents to train on, 3 held out, language en\nThe measurements are rough as only 3/,
    );
    assert.match(error, /The head of the masked language model is new: the folder has none\./);
    assert.deepEqual((await readdir(once)).sort(), [
      ...["config.json", "model.safetensors", "result.json"],
      ...["tokenizer.json", "tokenizer_config.json", "vocab.txt"],
    ]);
    const config = JSON.parse(await readFile(join(once, "config.json"), "utf8"));
    assert.deepEqual([config.architectures, config.id2label], [["BertForPreTraining"], undefined]);
    const result = JSON.parse(await readFile(join(once, "result.json"), "utf8"));
    assert.deepEqual(result.evaluations.map(({ step }: { step: number }) => step), [0, 1, 3]);
    assert.deepEqual(result.documents, { train: 9, held_out: 3 });
    assert.ok(result.tokens_per_second > 0 && result.evaluations[0].mlm_loss > 0);
    assert.deepEqual([result.steps, result.settings.steps, result.settings.seed, result.engine], [
      3,
      2,
      3,
      "onnx",
    ]);

    const loaded = await startModel(once, {
      seed: 2,
      preTraining: {},
      architecture: tinyArchitecture,
      texts,
    });
    assert.deepEqual(loaded.notes, []);
    assert.deepEqual(loaded.tokenizer.encode(texts[3]!), model.tokenizer.encode(texts[3]!));
    const more = await pretrain(
      ...["--text", file, "--model", once, "--output", twice, "--no-nsp", "--resume", ...short],
    );
    assert.equal(more.code, 0, more.error);
    assert.match(more.error, /^No checkpoint in .*twice.checkpoints: starting from the beginning\n/);
    assert.match(more.out, /^before: masked words: loss [\d.]+, [\d.]+ % right\nafter/);
    const { architectures } = JSON.parse(await readFile(join(twice, "config.json"), "utf8"));
    assert.deepEqual(architectures, ["BertForMaskedLM"]);
  }));

Deno.test("pretrain starts from nothing, with wordpieces of the texts", () =>
  inFolder(async (folder) => {
    const file = join(folder, "texts.txt");
    await writeFile(file, texts.join("\n\n"));
    const output = join(folder, "model");
    const { code, error } = await pretrain(
      ...[
        "--text",
        file,
        "--model",
        "new",
        "--layers",
        "1",
        "--vocabulary",
        "60",
        "--output",
        output,
        ...short,
      ],
    );
    assert.equal(code, 0, error);
    const { model } = JSON.parse(await readFile(join(output, "result.json"), "utf8"));
    assert.match(model, /^new over learnt wordpieces, 1 layers of 256, \d\d pieces$/);
    assert.match(await readFile(join(output, "vocab.txt"), "utf8"), /\nhere\n/);
  }));

Deno.test("of several data sets no text is learnt that another holds out", () => {
  const rows = (name: string, more: Row[], test: string) => ({
    train: [...Array.from({ length: 20 }, (_, n): Row => [n % 2, `Train ${n} of ${name}.`]), ...more],
    test: [[0, test]] as Row[],
  });
  const files = {
    ...zhangFiles("yelp_review_full_csv", rows("full", [[1, "In both."]], "Test of full.")),
    ...zhangFiles("yelp_review_polarity_csv", rows("polarity", [], "In both.")),
  };
  return withFolder(files, (folder) =>
    withSettings({ BERTLAB_DATA: folder }, async () => {
      const [full, polarity] = [await dataset("yelp-full"), await dataset("yelp-polarity")];
      assert.ok(full.train.some(({ text }) => text === polarity.test[0]!.text));
      const output = join(folder, "model");
      const { code, error } = await pretrain(
        ...["--data", "yelp-full", "yelp-polarity", "--model", "new", "--hidden", "64", "--layers", "1"],
        ...["--output", output, ...short],
      );
      assert.equal(code, 0, error);
      const { documents } = JSON.parse(await readFile(join(output, "result.json"), "utf8"));
      assert.equal(documents.train + documents.held_out, full.train.length - 1 + polarity.train.length);
    }));
});

Deno.test("pretrain says in one sentence what it cannot use", () =>
  inFolder(async (folder) => {
    const path = (name: string) => join(folder, name);
    await writeFile(path("empty.txt"), "");
    await writeFile(path("latin.txt"), Uint8Array.of(0x61, 0xe4, 0x62));
    await writeFile(path("one.txt"), "Only one.\nNo blank line.");
    await writeFile(path("blank.csv"), "text,n\n ,1\n");
    const refused = async (file: string, message: RegExp, ...more: string[]) => {
      const args = ["--text", path(file), "--output", path("model"), "--model", "new", ...more];
      const { code, out, error } = await pretrain(...args);
      assert.deepEqual([code, out], [1, ""]);
      assert.match(error, message);
      assert.equal(error.split("\n").length, 1);
    };
    await refused("none.txt", /^Cannot read .*none.txt: there is no such file/);
    await refused(
      "empty.txt",
      /^Cannot read .*empty.txt as it is empty: expected documents with blank lines/,
    );
    await refused(
      "latin.txt",
      /^Cannot read .*latin.txt as UTF-8: found the byte 0xE4 at offset 1 in line 1/,
    );
    await refused("one.txt", /^Cannot hold out documents to measure on: expected at least two .* found 1$/);
    await refused("blank.csv", /^Cannot use .*blank.csv: expected texts, found only blank ones/);
    await refused("blank.csv", /column "words" is missing: found "text", "n"/, "--text-column", "words");
    const own = (option: string, value: string, message: RegExp) =>
      refused("one.txt", message, "--model", "minilm", option, value);
    await own(
      "--vocabulary",
      "60",
      /^Cannot use --vocabulary with --model minilm, which has its own: leave it /,
    );
    await own(
      "--hidden",
      "128",
      /^Cannot use --hidden with --model minilm, which has its own: leave it out, or /,
    );
    await refused(
      "none.txt",
      /^Cannot use --hidden 100: expected a multiple of 64 of at least 64$/,
      "--hidden",
      "100",
    );
    await refused(
      "one.txt",
      /^Cannot use --held-out 1: expected a number from 0.001 to 0.5/,
      "--held-out",
      "1",
    );
  }));
