import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { openTable, readTable } from "../../lib/tables/table.ts";
import { predictCommand } from "../../scripts/predict.ts";
import { exampleDataset, exampleTexts, tinyModel } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { type CommandResult, runInTest } from "../helpers/run_command.ts";
import { test } from "../helpers/slow.ts";

const root = join(import.meta.dirname!, "../..");

/** A folder with a tiny model in "model", which is not trained, and bertlab.json. */
function withModel(test: (folder: string, model: string[]) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const { config, parameters, tokenizer } = await tinyModel(exampleDataset());
    const model = join(folder, "model");
    const extra = { text: "head+tail", maxLength: 16 };
    await saveCheckpoint(model, { config, parameters, tokenizerFiles: tokenizer.files, extra });
    await test(folder, ["--model", model, "--engine", "onnx"]);
  });
}

const predict = (...args: string[]) => runInTest(predictCommand, ...args);

async function write(folder: string, name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

const rowsOf = async (path: string) =>
  (await readTable(path)).rows.map(({ values }) => Object.fromEntries(values));

Deno.test("each format comes out with the same columns, rows and predictions", () =>
  withModel(async (folder, model) => {
    const texts = exampleTexts(50, 6, 1).map(({ text }, n) => `${n % 3},"${text}, ""so"" ",${n}`);
    const input = await write(folder, "in.csv", `\ufeffkind,text,id\r\n${texts.join("\r\n")}`);
    const before = await rowsOf(input);
    const first = join(folder, "out.csv");
    const { code, out, error } = await predict(
      ...model,
      "--input",
      input,
      "--output",
      first,
      "--probabilities",
    );
    assert.deepEqual([code, out, error], [0, `wrote 50 rows to ${first}`, ""]);

    const { columns } = await readTable(first);
    assert.deepEqual(columns, [
      "kind",
      "text",
      "id",
      "label",
      "probability",
      "probability_o",
      "probability_u",
    ]);
    const found = await rowsOf(first);
    for (const [n, { label, probability, probability_o, probability_u, ...rest }] of found.entries()) {
      assert.deepEqual(rest, before[n]);
      const [o, u] = [Number(probability_o), Number(probability_u)];
      assert.ok(Math.abs(o + u - 1) < 1e-5);
      assert.deepEqual([label, Number(probability)], [o > u ? "o" : "u", Math.max(o, u)]);
    }
    assert.ok(new Set(found.map(({ probability }) => probability)).size > 10, "texts differ");

    let last = input;
    for (const format of ["tsv", "jsonl", "parquet"]) {
      const output = join(folder, `out.${format}`);
      // Each is made of the one before, without what that has of predictions.
      const { code, error } = await predict(...model, "--input", last, "--output", output, "--probabilities");
      assert.equal(code, 0, error);
      const columns = (await readTable(output)).columns.slice(-4);
      const predictions = (await rowsOf(output)).map((row) => columns.map((column) => row[column]));
      assert.deepEqual(predictions, found.map((row) => Object.values(row).slice(-4)), format);
      last = output;
    }
  }));

Deno.test("what a row has stays: types in JSON Lines and Parquet, and names that are taken", () =>
  withModel(async (folder, model) => {
    const row = '{"text":"bo ku","id":12345678901234567890,"label":null,"list":[1.5,{"a":"b"}]}';
    const input = await write(folder, "in.jsonl", `${row}\n{"text":"du","probability":1}\n`);
    const output = join(folder, "out.jsonl");
    const { code, error } = await predict(...model, "--input", input, "--output", output);
    assert.equal(code, 0, error);
    assert.equal(
      error,
      'Columns of these names are there already, so the predictions stand in "predicted_label", ' +
        '"predicted_probability"',
    );
    const [first = "", second = ""] = (await readFile(output, "utf8")).split("\n");
    assert.ok(first.startsWith(`${row.slice(0, -1)},"predicted_label":"`), first);
    assert.match(
      second,
      /^\{"text":"du","probability":1,"predicted_label":"[ou]","predicted_probability":0\.\d+\}$/,
    );

    const parquet = join(folder, "out.parquet");
    await predict(...model, "--input", output, "--output", parquet);
    const again = join(folder, "again.parquet");
    assert.equal((await predict(...model, "--input", parquet, "--output", again)).code, 0);
    await using table = await openTable(again);
    const [row1] = await Array.fromAsync(table.rows, ({ typed }) => Object.fromEntries(typed!));
    assert.equal(row1!.id, "12345678901234567890");
    assert.equal(typeof row1!.predicted_probability_3, "number");
    assert.equal(row1!.predicted_probability_2, row1!.predicted_probability_3);
  }));

Deno.test("the folder of an output that is not there is made", () =>
  withModel(async (folder, model) => {
    const input = await write(folder, "in.csv", "text\nbo\n");
    const output = join(folder, "a", "b", "out.csv");
    assert.equal((await predict(...model, "--input", input, "--output", output)).code, 0);
    assert.match(await readFile(output, "utf8"), /^text,label,probability\nbo,/);
    const { code, error } = await predict(...model, "--input", input, "--output", join(input, "out.csv"));
    assert.deepEqual(
      [code, /^Cannot write into .*in\.csv: .*; name another folder$/.test(error)],
      [1, true],
      error,
    );
  }));

Deno.test("rows without a text are kept, counted and told", () =>
  withModel(async (folder, model) => {
    const input = await write(folder, "in.csv", "text,n\nbo,1\n,2\n  ,3\nk\0u\ufffd,4\n");
    const output = join(folder, "out.csv");
    const { code, error } = await predict(...model, "--input", input, "--output", output);
    assert.equal(code, 0, error);
    assert.equal(
      error,
      `2 rows of ${input} without a text have no label (the first in line 3)\n` +
        `1 row of ${input} holds NUL characters (the first in line 5)\n` +
        `1 row of ${input} holds characters that were lost when it was written or read (U+FFFD) (the first in line 5)`,
    );
    const lines = (await readFile(output, "utf8")).split("\n");
    assert.deepEqual(lines.slice(2, 4), [",2,,", "  ,3,,"]);
    assert.match(lines[4]!, /^k\0u\ufffd,4,[ou],0\.\d+$/);
  }));

Deno.test("a file may be replaced by itself with labels, if that is allowed", () =>
  withModel(async (folder, model) => {
    const file = await write(folder, "in.csv", "text\nbo\nku\n");
    const refused = await predict(...model, "--input", file, "--output", `${folder}/./in.csv`);
    assert.deepEqual(refused, {
      code: 1,
      out: "",
      error:
        `Cannot write ${folder}/./in.csv as it is the input: give another --output, or --overwrite to replace it`,
    });
    assert.equal(await readFile(file, "utf8"), "text\nbo\nku\n");
    const { code, error } = await predict(...model, "--input", file, "--output", file, "--overwrite");
    assert.equal(code, 0, error);
    assert.match(await readFile(file, "utf8"), /^text,label,probability\nbo,[ou],0\.\d+\nku,[ou],0\.\d+\n$/);
    assert.deepEqual((await readdir(folder)).sort(), ["in.csv", "model"]);
  }));

Deno.test("what cannot be used is one sentence, told before the model is loaded, and an older output stays", () =>
  inFolder(async (folder) => {
    const output = await write(folder, "out.csv", "old");
    const refused = async (input: string, message: RegExp, ...args: string[]) => {
      const { code, out, error } = await predict(
        ...["--model", join(folder, "no model"), "--input", input, "--output", output, ...args],
      );
      assert.deepEqual([code, out], [1, ""]);
      assert.match(error, message);
      assert.equal(error.split("\n").length, 1);
      assert.equal(await readFile(output, "utf8"), "old");
    };
    const rows = "bo,1\n".repeat(10_000);
    await refused(
      await write(folder, "a.csv", "review,label\nbo,1\n"),
      /column "text" is missing: found "review"/,
    );
    await refused(
      await write(folder, "a.csv", "text,n,text\nbo,1,2\n"),
      /a\.csv as column "text" occurs 2 times: found "text", "n", "text"; rename the others$/,
    );
    await refused(
      await write(folder, "a.csv", `text,n\n${rows}bo\n`),
      /as line 10002 has 1 value: expected 2/,
    );
    await refused(
      await write(folder, "a.csv", `text,n\n${rows}"bo,1\n`),
      /starts in line 10002 are not balanced/,
    );
    await refused(
      await write(folder, "a.csv", "text,n\n"),
      /a\.csv as it has no rows: expected at least one$/,
    );
    await refused(
      await write(folder, "a.jsonl", '{"n": 1}\n'),
      /column "text" is missing: found "n"; name another with /,
    );
    await refused(await write(folder, "a.doc", "bo\n"), /a\.doc: expected a name that ends in \.csv, /);
    await refused("-", /^Cannot read standard input without its format: give --format and one of csv, tsv, /);
    await refused(folder, /as it is a folder: expected a CSV, TSV, JSON Lines or Parquet file$/);
    await refused(
      await write(folder, "a.csv", "text\nbo\n"),
      /^Cannot write .*out\.xyz: expected a name that ends in /,
      ...["--output", join(folder, "out.xyz")],
    );
    await refused(
      join(folder, "a.csv"),
      /^Cannot use --format xml: expected one of csv, tsv,/,
      "--format",
      "xml",
    );
    await refused(
      join(folder, "a.csv"),
      /^Cannot find the model ".*no model": there is no such folder .*, and it is none of minilm, /,
    );
  }));

/** Runs `deno task predict` with this on its standard input. */
async function predictProcess(
  input: string,
  args: readonly string[],
  { readAll = true, heap = [] }: { readonly readAll?: boolean; readonly heap?: readonly string[] } = {},
): Promise<CommandResult> {
  const { tasks } = JSON.parse(await readFile(join(root, "deno.json"), "utf8"));
  const [run, ...rest] = tasks.predict.split(" ").slice(2);
  const child = new Deno.Command(Deno.execPath(), {
    args: [run, ...heap, ...rest, ...args],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writing = new Blob([input]).stream().pipeTo(child.stdin).catch(() => {}); // it may stop to read
  if (!readAll) await child.stdout.cancel();
  const [out, error, { code }] = await Promise.all([
    readAll ? new Response(child.stdout).text() : "",
    new Response(child.stderr).text(),
    child.status,
    writing,
  ]);
  return { out, error, code };
}

Deno.test("a pipe: the table alone on standard output, all else on standard error", () =>
  withModel(async (folder, model) => {
    const pipe = ["--input", "-", "--output", "-"];
    const { code, out, error } = await predictProcess("id\ttext\n1\tbo ku\n2\t\n", [
      ...model,
      ...pipe,
      ...["--format", "tsv"],
    ]);
    assert.equal(code, 0, error);
    assert.match(out, /^id\ttext\tlabel\tprobability\n1\tbo ku\t[ou]\t0\.\d+\n2\t\t\t\n$/);
    assert.match(
      error,
      /^predicting: 2 examples in .*\n1 row of standard input without a text has no label \(the first in line 3\)\n$/,
    );
    const lines = '{"text":"bo"}\n'.repeat(120) + '{"text":"bo","more":1}\n';
    const late = await predictProcess(lines, [
      ...model,
      "--input",
      "-",
      "--output",
      join(folder, "out.csv"),
      "--format",
      "jsonl",
    ]);
    assert.equal(late.code, 1);
    assert.match(late.error, /Cannot write the column "more", which line 121 is the first to have, /);
    const parquet = await predictProcess("", [...model, ...pipe, "--format", "parquet"]);
    assert.match(
      parquet.error,
      /Cannot read Parquet from standard input as its index is at its end: give a file\n$/,
    );
    assert.deepEqual(await readdir(folder), ["model"]);
  }));

Deno.test("a pipe that is closed at its other end is one sentence", () =>
  withModel(async (_, model) => {
    const rows = `text\n${"bo ku du\n".repeat(2000)}`;
    const args = [...model, "--input", "-", "--output", "-", "--format", "csv"];
    const { code, error } = await predictProcess(rows, args, { readAll: false });
    assert.equal(code, 1);
    assert.match(error, /\nCannot write to standard output as its reader has stopped\n$/);
  }));

test.slow("a file may be larger than the memory that there is", () =>
  withModel(async (folder, model) => {
    const input = join(folder, "in.jsonl");
    const row = `${JSON.stringify({ text: "bo ku du", more: "much more ".repeat(5000) })}\n`;
    await writeFile(input, Array.from({ length: 2000 }, () => row));
    const output = join(folder, "out.jsonl");
    const heap = ["--v8-flags=--max-old-space-size=70"];
    const { code, error } = await predictProcess("", [...model, "--input", input, "--output", output], {
      heap,
    });
    assert.equal(code, 0, error);
    assert.ok((await stat(output)).size > (await stat(input)).size, "all rows are there");
  }));

Deno.test("--safe-csv is for CSV and TSV, and texts are labelled as they are", () =>
  withModel(async (folder, model) => {
    const input = await write(folder, "in.csv", 'text\n"=HYPERLINK(""x"")"\nbe\n');
    const [plain, safe] = [join(folder, "plain.csv"), join(folder, "safe.csv")];
    assert.equal((await predict(...model, "--input", input, "--output", plain)).code, 0);
    assert.equal((await predict(...model, "--input", input, "--output", safe, "--safe-csv")).code, 0);
    const text = await readFile(plain, "utf8");
    assert.ok(text.includes('\n"=HYPERLINK(""x"")",'));
    assert.equal(await readFile(safe, "utf8"), text.replace('"=H', `"'=H`));
    const other = join(folder, "out.jsonl");
    const { code, error } = await predict(...model, "--input", input, "--output", other, "--safe-csv");
    assert.deepEqual(
      [code, error],
      [1, `Cannot use --safe-csv with ${other}: expected an output in CSV or TSV`],
    );
  }));

Deno.test("a packed output is refused before the model is loaded, as only inputs may be packed", () =>
  inFolder(async (folder) => {
    const input = await write(folder, "in.csv", "text\nbo\n");
    const output = join(folder, "out.csv.gz");
    const { code, error } = await predict(
      "--model",
      join(folder, "no model"),
      "--input",
      input,
      "--output",
      output,
    );
    assert.deepEqual(
      [code, error],
      [1, `Cannot write ${output}: gzip is read and not written, give a name without .gz`],
    );
  }));

Deno.test("--explain adds the change of the label's probability without each word, as predictions of the rest tell", () =>
  withModel(async (folder, model) => {
    const input = await write(folder, "in.csv", "text,explanation\nbo mu,\n,x\n");
    const output = join(folder, "out.jsonl");
    const { code, error } = await predict(...model, "--input", input, "--output", output, "--explain");
    assert.equal(code, 0, error);
    const [line, empty] = (await readFile(output, "utf8")).trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(empty.predicted_explanation, null);
    const { label, kind, probability, parts } = line.predicted_explanation;
    assert.deepEqual([label, kind], [line.label, "word"]);
    // The same text without the first or the second word, as rows of their own.
    const rest = await write(folder, "rest.csv", 'text\n" mu"\n"bo "\n');
    const others = join(folder, "others.csv");
    await predict(...model, "--input", rest, "--output", others, "--probabilities");
    const left = (await rowsOf(others)).map((row) => Number(row[`probability_${label}`]));
    assert.deepEqual(parts.map(({ text, start, end }: Record<string, unknown>) => [text, start, end]), [
      ["bo", 0, 2],
      ["mu", 3, 5],
    ]);
    for (const [n, { change }] of parts.entries()) {
      assert.ok(Math.abs(change - (probability - left[n]!)) < 1e-5, `${change}`);
    }
  }));
