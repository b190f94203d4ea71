import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import table1 from "../../experiments/table1.ts";
import { fingerprintOf } from "../../lib/data/examples.ts";
import { countData, dataTableMarkdown, dataTokenizer, measureDataTable } from "../../lib/runs/data_table.ts";
import { InputError } from "../../lib/errors.ts";
import { inFolder } from "../helpers/in_folder.ts";

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

Deno.test("two that measure at once measure each data set once, and neither loses what the other has measured", async () => {
  await inFolder(async (folder) => {
    const loaded: string[] = [];
    const measure = (sets: Readonly<Record<string, string>>) =>
      measureDataTable({ ...table1, scales: { mini: { minutes: 1, sets } } }, {
        scale: "mini",
        folder,
        dataset: async (name) => {
          loaded.push(name);
          await new Promise((resolve) => setTimeout(resolve, 20));
          return poems;
        },
        tokenizer: dataTokenizer(() => {}),
        say: () => {},
      });
    await Promise.all([
      measure({ Sogou: "poems", IMDb: "more" }),
      measure({ Sogou: "poems", TREC: "others" }),
    ]);
    assert.deepEqual(loaded.sort(), ["more", "others", "poems"]);
    const rows = JSON.parse(await readFile(join(folder, "table1.json"), "utf8"));
    assert.deepEqual(rows.map(({ set }: { set: string }) => set).sort(), ["IMDb", "Sogou", "TREC"]);
  });
});

Deno.test("what was measured stands beside what is printed, and is not measured again", async () => {
  await inFolder(async (folder) => {
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
  });
});

Deno.test("a data set that takes the place of another is measured, and the others stay as they are", () =>
  inFolder(async (folder) => {
    const measured: string[] = [];
    const measure = (sets: Readonly<Record<string, string>>) =>
      measureDataTable({ ...table1, scales: { mini: { minutes: 1, sets } } }, {
        scale: "mini",
        folder,
        dataset: (name) => Promise.resolve((measured.push(name), { ...poems, name })),
        tokenizer: dataTokenizer(() => {}),
        say: () => {},
      });
    const kept = async () => {
      const rows: { set: string; data: string }[] = JSON.parse(
        await readFile(join(folder, "table1.json"), "utf8"),
      );
      return rows.map(({ set, data }) => `${set}: ${data}`);
    };
    await measure({ "TREC": "a", "Sogou": "b", "DBPedia": "c" });
    const rows = await measure({ "Sogou": "other", "DBPedia": "c" });
    assert.deepEqual(rows.map(({ data }) => data), ["other", "c"]);
    assert.deepEqual(measured, ["a", "b", "c", "other"]);
    assert.deepEqual(await kept(), ["Sogou: other", "DBPedia: c", "TREC: a"]);
  }));

Deno.test("a data set that cannot be had is told, and the others are measured", () =>
  inFolder(async (folder) => {
    const said: string[] = [];
    const sets = { "TREC": "a", "Sogou": "b" };
    const rows = await measureDataTable({ ...table1, scales: { mini: { minutes: 1, sets } } }, {
      scale: "mini",
      folder,
      dataset: (name) =>
        name === "a" ? Promise.reject(new InputError("Nobody has it")) : Promise.resolve(poems),
      tokenizer: dataTokenizer(() => {}),
      say: (line) => said.push(line),
    });
    assert.deepEqual(rows.map(({ set }) => set), ["Sogou"]);
    assert.deepEqual(said, ["measuring a", "TREC is not measured: Nobody has it", "measuring b"]);
  }));

Deno.test("a file of measurements that cannot be read is one sentence", () =>
  inFolder(async (folder) => {
    const file = join(folder, "table1.json");
    const options = {
      scale: "mini",
      folder,
      dataset: () => Promise.reject(new Error("not asked for")),
      tokenizer: dataTokenizer(() => {}),
      say: () => {},
    } as const;
    for (
      const [text, why] of [["[{", "as it is not JSON: .*"], [
        '{"a": 1}',
        'as it is not a list: found {"a":1}',
      ]]
    ) {
      await writeFile(file, text!);
      await assert.rejects(measureDataTable(table1, options), {
        name: "InputError",
        message: new RegExp(
          `^Cannot (read|use) .*table1.json ${why}; remove it, and deno task reproduce measures anew$`,
        ),
      });
    }
  }));
