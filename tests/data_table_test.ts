import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import table1 from "../experiments/table1.ts";
import { fingerprintOf } from "../lib/data/examples.ts";
import { countData, dataTableMarkdown, dataTokenizer, measureDataTable } from "../lib/data_table.ts";
import { InputError } from "../lib/errors.ts";

const example = (text: string) => ({ text, label: 0 });
const splits = {
  train: [example("诗".repeat(600)), example("夜静")],
  dev: [example("春")],
  test: [example("海上生明月")],
};
const poems = {
  name: "poems",
  language: "zh",
  labels: ["a", "b", "c"],
  ...splits,
  fingerprint: fingerprintOf(["a", "b", "c"], splits),
  source: "somewhere",
  note: "",
} as const;

Deno.test("a data set is counted over all its texts, development texts as training texts", async () => {
  const tokenizer = await dataTokenizer(() => {})(poems);
  assert.deepEqual(countData(poems, tokenizer), {
    classes: 3,
    averageLength: 608 / 4,
    maxLength: 600,
    exceeding: 25,
    train: 3,
    test: 1,
  });
});

Deno.test("what was measured stands beside what is printed, and is not measured again", async () => {
  const folder = await Deno.makeTempDir();
  try {
    let loaded = 0;
    const table = { ...table1, scales: { mini: { minutes: 1, sets: { "Sogou": "poems" } } } };
    const options = {
      scale: "mini",
      folder,
      dataset: () => Promise.resolve((loaded++, poems)),
      tokenizer: dataTokenizer(() => {}),
      say: () => {},
    } as const;
    const rows = await measureDataTable(table, options);
    assert.deepEqual(await measureDataTable(table, options), rows);
    assert.equal(loaded, 1);
    const line = dataTableMarkdown(table, rows, "mini").split("\n").find((line) =>
      line.startsWith("| Sogou")
    )!;
    assert.equal(
      line.replaceAll(/ +/g, " "),
      "| Sogou → poems | 6 | 3 | 737 | 152 | 47988 | 600 | 46.23 | 25.00 | 54000 | 3 | 6000 | 1 |",
    );
    const kept = JSON.parse(await readFile(join(folder, "table1.json"), "utf8"));
    assert.equal(kept[0].fingerprint, poems.fingerprint);
    await assert.rejects(
      measureDataTable(table, { ...options, scale: "paper" }),
      new InputError('table1 has no scale "paper": expected one of mini'),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
