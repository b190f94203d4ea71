/** Several labels a text, in the three ways in which files have them, and what is refused. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { datasetFromFiles, type FileOptions, readLabelled } from "../../lib/data/files.ts";
import { labelLayout } from "../../lib/data/label_lists.ts";
import { describe } from "../../lib/data/describe.ts";
import { stratifiedSplit } from "../../lib/data/examples.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { parquetFolder } from "./paper_files.ts";

/** Reads a file of this content as a data set. */
const read = (name: string, content: string, options: Partial<FileOptions> = {}) =>
  inFolder(async (folder) => {
    const train = join(folder, name);
    await writeFile(train, content);
    return await datasetFromFiles({ train, ...options });
  });

const refused = async (name: string, content: string, message: RegExp, options?: Partial<FileOptions>) =>
  await assert.rejects(read(name, content, options), (error: Error) => {
    assert.equal(error.name, "InputError");
    assert.match(error.message, message);
    return true;
  });

const classesOf = ({ train }: Awaited<ReturnType<typeof read>>) => train.map(({ classes }) => classes);

const csv = "text,label\none,b; a\ntwo,\nthree,c ;b;b\nfour,b\n";
const expected = [[0, 1], [], [1, 2], [1]];

Deno.test("a separator, lists and columns of 0 and 1 give the same data set", async () => {
  const lists = [["b", "a"], [], ["c", "b", "b"], ["b"]];
  const words = ["one", "two", "three", "four"];
  const lines = words.map((text, n) => JSON.stringify({ text, label: lists[n] })).join("\n");
  const columns = "text,a,b,c\none,1,1.0,0\ntwo,0,false,0\nthree,0,1,TRUE\nfour,0,1,0\n";
  const found = [
    await read("a.csv", csv, { labelSeparator: ";" }),
    await read("a.jsonl", lines),
    await read(
      "a.csv",
      `text,label\n${
        words.map((text, n) => `${text},"${JSON.stringify(lists[n]).replaceAll('"', '""')}"`).join("\n")
      }\n`,
    ),
    await read("a.csv", columns, { labelColumns: "a,b,c" }),
  ];
  for (const data of found) {
    assert.deepEqual([data.labels, data.multiLabel, classesOf(data)], [["a", "b", "c"], true, expected]);
    // The rarest label of a text is its stratum.
    assert.deepEqual(data.train.map(({ label }) => label), [0, 0, 2, 1]);
    assert.equal(data.fingerprint, found[0]!.fingerprint);
  }
  assert.match(found[1]!.note, /a text may have several labels, as those of "label" are lists/);
  assert.match(describe(found[0]!), /3 labels, several a text: a 25\.0 %, b 75\.0 %, c 25\.0 %/);
});

Deno.test("a Parquet file's lists are labels; a list's null is none, and a null is no list", async () => {
  const path = join(parquetFolder, "codecs", "list.parquet");
  const { labels, examples, note } = await readLabelled(path, { textColumn: "label", labelColumn: "text" });
  assert.deepEqual([labels, examples.map(({ classes }) => classes)], [["a", "b", "c"], [[0, 1], [], [2]]]);
  assert.match(note, /1 row of .* with an empty label is left out \(the first in line 3\)/);
});

Deno.test("columns are labels in the order in which they are named, and dev and test have the same", () =>
  inFolder(async (folder) => {
    const [train, test] = ["train", "test"].map((name) => join(folder, `${name}.csv`)) as [string, string];
    await writeFile(train, "text,a,b\none,1,0\ntwo,0,1\n");
    await writeFile(test, "b,a,text\n1,0,three\n");
    const data = await datasetFromFiles({ train, test, labelColumns: "b,a" });
    assert.deepEqual([data.labels, data.test[0]!.classes], [["b", "a"], [0]]);
    await assert.rejects(readLabelled(train, { labels: ["a", "b", "c"], labelColumns: "a,b" }), {
      message:
        `Cannot use ${train} as --label-columns lacks "c", a label of the model: name a column for each of its labels`,
    });
    await writeFile(test, "text,a,b\nthree,2,0\n");
    await assert.rejects(datasetFromFiles({ train, test, labelColumns: "b,a" }), {
      message:
        `Cannot use ${test} as line 2 has "2" in column "a", which --label-columns names: expected 0 or 1`,
    });
  }));

Deno.test("without a separator the texts of a list are single labels, and a missing one is left out", async () => {
  const data = await read(
    "a.jsonl",
    '{"text":"a","label":["x","y"]}\n{"text":"b","label":"x"}\n{"text":"c","label":null}\n{"text":"d","label":[1]}',
  );
  assert.deepEqual([data.labels, classesOf(data)], [["1", "x", "y"], [[1, 2], [1], [0]]]);
  assert.match(data.note, /1 row of .* with an empty label is left out \(the first in line 3\)/);
  await inFolder(async (folder) => {
    const [train, other] = ["a.csv", "b.csv"].map((name) => join(folder, name)) as [string, string];
    await writeFile(train, 'text,label\na,"[""x"",""y""]"\nb,\nc,"[""x""]"\nd,"[]"\n');
    await writeFile(other, 'text,label\ne,"[""x""]"\nf, \ng,"[]"\n');
    const { dev, test, labelLists, note } = await datasetFromFiles({ train, dev: other, test: other });
    assert.equal(labelLists, true);
    for (const split of [dev, test]) assert.deepEqual(split.map(({ classes }) => classes), [[0], []]);
    assert.match(note, /1 row of .*b\.csv with an empty label is left out \(the first in line 3\)/);
    const evaluated = async (given: { labelSeparator?: string }, labelLists?: boolean) => {
      const layout = labelLayout(given, "the model", true, labelLists);
      return (await readLabelled(other, { labels: ["x", "y"], ...layout })).examples.length;
    };
    assert.deepEqual(
      [await evaluated({}, true), await evaluated({}), await evaluated({ labelSeparator: ";" }, true)],
      [2, 3, 3],
    );
  });
  const single = await read("b.csv", "text,label\na,x\nb,y\n", { labelSeparator: "|" });
  assert.match(single.note, /each text has exactly one label: give them without a list/);
});

Deno.test("texts with the same rarest label, and those with none, keep their shares in each split", () => {
  const examples = Array.from({ length: 40 }, (_, n) => ({
    text: `text ${n}`,
    ...n % 4 === 0 ? { label: 0, classes: [] } : { label: n % 2, classes: [n % 2] },
  }));
  const { dev } = stratifiedSplit(examples, { dev: 8, test: 0 }, 1);
  assert.deepEqual([2, 2, 4], [
    dev.filter(({ classes }) => classes!.length === 0).length,
    dev.filter(({ classes }) => classes![0] === 0).length,
    dev.filter(({ classes }) => classes![0] === 1).length,
  ]);
});

Deno.test("tasks that are not built are refused by their names", async () => {
  const rows = (labels: unknown[], text: unknown = "a b") =>
    labels.map((label) => JSON.stringify({ text, label })).join("\n");
  await refused(
    "a.jsonl",
    rows([["B-PER", "O"], ["O", "O"]], ["Ada", "slept"]),
    /line 1 has 2 tokens and as many labels, .* \(token classification\) is not built: expected labels of the whole text$/,
  );
  await refused(
    "a.csv",
    `text,label\n${Array.from({ length: 25 }, (_, n) => `t${n},${n + .25}`).join("\n")}\n`,
    /the labels are amounts, such as 0\.25 in line 2 .* \(regression\) is not built: make a few classes/,
  );
  await refused(
    "a.jsonl",
    rows([[0, 1, 0], [1, 0, 0]]),
    /in line 1 are a list of 0 and 1: .*\(--label-columns\)$/,
  );
  await refused(
    "a.jsonl",
    rows([["a"], [{ name: "b" }]]),
    /line 2 hold \{"name":"b"\}: expected a list of texts/,
  );
  await refused(
    "a.csv",
    `text,label\nx,"['a', 'b']"\ny,['a']\n`,
    /is a list as Python writes it: expected JSON/,
  );
  const both = { labelSeparator: ";", labelColumns: "a,b" };
  await refused("a.csv", "text,a,b\nx,1,0\n", /Cannot use --label-separator with --label-columns/, both);
  await refused("a.csv", "text,label\nx,a\ny,a\n", /expected at least two labels in column "label"/, {
    labelSeparator: ";",
  });
  await refused("a.csv", csv, /Cannot use an empty --label-separator/, { labelSeparator: "" });
});
