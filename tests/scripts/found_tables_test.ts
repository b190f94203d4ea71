/** Train, evaluate and predict take the same tables. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readTable } from "../../lib/tables/table.ts";
import { evaluateCommand } from "../../scripts/evaluate.ts";
import { predictCommand } from "../../scripts/predict.ts";
import { trainCommand } from "../../scripts/train.ts";
import { exampleTexts } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { writeModel } from "./train_files.ts";
import { test } from "../helpers/slow.ts";

const examples = exampleTexts(24, 6, 1).map(({ text, label }) => ({ text, label: "ou"[label]! }));

/** Returns delimited text of the examples, with more cells after each line. */
const delimited = (separator: string, more = ["", ""], quoted = (text: string) => text) =>
  [
    `text${separator}label${more[0]}`,
    ...examples.map(({ text, label }) => `${quoted(text)}${separator}${label}${more[1]}`),
  ]
    .join("\n");

const utf16 = (text: string) =>
  new Uint8Array(new Uint16Array(Array.from(`\ufeff${text}`, (c) => c.charCodeAt(0))).buffer);

/** Tables by name, with further options and a note that each command says. */
const tables: readonly [name: string, content: string | Uint8Array, note?: RegExp, ...options: string[]][] = [
  ["semicolon.csv", delimited(";"), /is read with semicolons between values/],
  ["sep.csv", `sep=;\r\n${delimited(";")}`, /is read with semicolons/],
  ["tabs.csv", delimited("\t"), /is read with tabs/],
  ["utf16.csv", utf16(delimited("\t")), /is read as UTF-16, with tabs/],
  ["excel.txt", utf16(delimited("\t")), /is read as UTF-16/],
  ["packed.csv.gz", gzipSync(delimited(","))],
  ["packed.jsonl.gz", gzipSync(examples.map((row) => JSON.stringify(row)).join("\n"))],
  ["inch.csv", delimited(",", ["", ""], (text) => `${text} 5" pipe`)],
  ["stray.tsv", delimited("\t", ["", ""], (text) => `" ${text}`), undefined, "--quotes", "none"],
  ["trailing.csv", delimited(",", [",,", ",,"])],
  ["twice.csv", delimited(",", [",id,id", ",1,2"])],
  [
    "other.dat",
    delimited("#"),
    undefined,
    "--format",
    "csv",
    "--separator",
    "#",
    "--encoding",
    "windows-1252",
  ],
  [
    "tokens.jsonl",
    examples.map(({ text, label }) => JSON.stringify({ text: text.split(" "), label })).join("\n"),
    /24 rows .* have lists of tokens as texts, joined by blanks/,
  ],
  ["wrapped.json", JSON.stringify({ data: examples }, null, 1)],
  ["list.json", `\n${JSON.stringify(examples)}`],
];

test.slow("train, evaluate and predict take the same tables, and say the same of them", () =>
  inFolder(async (folder) => {
    const start = await writeModel(join(folder, "start"));
    for (const [name, content, note, ...options] of tables) {
      const input = join(folder, name);
      await writeFile(input, content);
      const model = join(folder, `${name}.model`);
      const common = ["--engine", "onnx", ...options];
      const output = join(folder, `${name}.out.csv`);
      const results = [
        await runInTest(
          trainCommand,
          ...["--train", input, "--model", start, "--output", model, "--epochs", "1", "--max-length", "16"],
          ...common,
        ),
        await runInTest(evaluateCommand, "--model", model, "--input", input, ...common),
        await runInTest(predictCommand, "--model", model, "--input", input, "--output", output, ...common),
      ];
      for (const { code, error } of results) {
        assert.equal(code, 0, `${name}: ${error}`);
        if (note) assert.match(error, note, name);
      }
      assert.match(results[1]!.out, /^24 texts of /, name);
      const { rows, columns } = await readTable(output);
      assert.equal(rows.length, 24, name);
      assert.equal(new Set(columns).size, columns.length, name);
      assert.ok(rows.every(({ values }) => /^[ou]$/.test(values.get("predicted_label")!)), name);
    }
  }));
