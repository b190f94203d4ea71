import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { datasetFromFiles, type FileOptions, readLabelled } from "../../lib/data/files.ts";
import { readDocuments } from "../../lib/data/document_files.ts";
import { numberType } from "../../lib/tables/parquet_types.ts";
import { parquetEncoder } from "../../lib/tables/parquet_table.ts";
import { writeTable } from "../../lib/tables/writer.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { parquetFolder } from "./paper_files.ts";

type Contents = { train: string; dev?: string; test?: string };

/** Runs with files train.csv, dev.csv and test.csv; `plain` takes their folder out of a message. */
async function withFiles<Result>(
  contents: Contents,
  run: (
    paths: Pick<FileOptions, "train" | "dev" | "test">,
    plain: (text: string) => string,
  ) => Promise<Result>,
): Promise<Result> {
  return await inFolder(async (folder) => {
    const paths: Record<string, string> = {};
    for (const [split, content] of Object.entries(contents)) {
      paths[split] = join(folder, `${split}.csv`);
      await writeFile(paths[split]!, content);
    }
    const plain = (text: string) => text.replaceAll(`${folder}/`, "");
    return await run({ train: join(folder, "train.csv"), ...paths }, plain);
  });
}

async function assertRefused(
  reading: Promise<unknown>,
  plain: (text: string) => string,
  expected: string,
): Promise<void> {
  await assert.rejects(reading, (error: Error) => {
    assert.deepEqual([error.name, plain(error.message)], ["InputError", expected]);
    return true;
  });
}

const csv = (...rows: string[]) => ["text,label", ...rows, ""].join("\n");
const many = csv(...Array.from({ length: 100 }, (_, i) => `text ${i},${i % 5 === 0 ? "rare" : "common"}`));

Deno.test("three files: classes from train in order, everything kept", async () => {
  const contents = {
    train: csv("a,10", "b,9", "c,-1", "d,10"),
    dev: csv("e,9"),
    test: csv("f,10", "a,-1"),
  };
  await withFiles(contents, async (paths, plain) => {
    const data = await datasetFromFiles(paths);
    assert.deepEqual(data.labels, ["-1", "9", "10"]);
    assert.deepEqual(data.train.map(({ text, label }) => `${text}${label}`), ["a2", "b1", "c0", "d2"]);
    assert.deepEqual(data.dev, [{ text: "e", label: 1 }]);
    assert.deepEqual(data.test, [{ text: "f", label: 2 }, { text: "a", label: 0 }]);
    assert.deepEqual([data.name, data.language], ["train", "en"]);
    assert.equal(plain(data.source), "train.csv, dev.csv, test.csv");
    assert.equal(data.note, "1 of the 2 test texts also stands word for word in train or dev, and is kept");
    assert.match(data.fingerprint, /^[0-9a-f]{64}$/);
  });
});

Deno.test("class names with numbers are sorted by them", async () => {
  await withFiles({ train: csv("a,class 10", "b,class 9", "c,Other", "d,abc") }, async (paths) => {
    assert.deepEqual((await datasetFromFiles(paths)).labels, ["abc", "class 9", "class 10", "Other"]);
  });
});

Deno.test("without a dev file a tenth of train is held out, each class in its share, by the seed", async () => {
  await withFiles({ train: many }, async (paths) => {
    const data = await datasetFromFiles({ ...paths, seed: 1 });
    assert.deepEqual([data.train.length, data.dev.length, data.test.length], [90, 10, 0]);
    assert.deepEqual(data.dev.filter(({ label }) => data.labels[label] === "rare").length, 2);
    assert.equal(data.note, "dev is 10 of the 100 training rows, held out with seed 1");
    assert.deepEqual(await datasetFromFiles({ ...paths, seed: 1 }), data);
    assert.notDeepEqual((await datasetFromFiles({ ...paths, seed: 2 })).dev, data.dev);
  });
});

Deno.test("rows without a text or a label are counted and told", async () => {
  const train = csv("a,1", ",2", "b,", "  ,1", "c, 2 ", ",");
  await withFiles({ train }, async (paths, plain) => {
    const data = await datasetFromFiles(paths);
    assert.deepEqual(data.train, [{ text: "a", label: 0 }, { text: "c", label: 1 }]);
    assert.equal(
      plain(data.note),
      "dev is 0 of the 2 training rows, held out with seed 0; 3 rows of train.csv with an empty text are left out " +
        "(the first in line 3); 1 row of train.csv with an empty label is left out (the first in line 4)",
    );
  });
  await withFiles({ train: csv(",1", "a,") }, async (paths, plain) => {
    await assertRefused(
      datasetFromFiles(paths),
      plain,
      "Cannot use train.csv: expected rows with a text and a label, found 2 without",
    );
  });
});

Deno.test("columns have the names that are given", async () => {
  await withFiles({ train: "id,review,stars\n1,a,5\n2,b,1\n" }, async (paths, plain) => {
    const columns = { textColumn: "review", labelColumn: "stars" };
    assert.deepEqual((await datasetFromFiles({ ...paths, ...columns })).labels, ["1", "5"]);
    await assertRefused(
      datasetFromFiles(paths),
      plain,
      'Cannot read train.csv as column "text" is missing: found "id", "review", "stars"; ' +
        "name another with --text-column or --label-column",
    );
  });
});

Deno.test("a label that train has not is named with its file and line", async () => {
  const contents = { train: csv("a,neg", "b,pos"), test: csv("c,neg", "d,neutral") };
  await withFiles(contents, async (paths, plain) => {
    await assertRefused(
      datasetFromFiles(paths),
      plain,
      'Cannot use test.csv: the label "neutral" in line 3 does not occur in train.csv, which has "neg", "pos"',
    );
    await assertRefused(
      readLabelled(paths.train, { labels: ["pos", ..."abcdefghijk"] }),
      plain,
      'Cannot use train.csv: the label "neg" in line 2 does not occur in the model, which has "pos", "a", ' +
        '"b", "c", "d", "e", "f", "g", "h", "i" and 2 more',
    );
  });
});

Deno.test("a label that is long or has line breaks is shown in one sentence", async () => {
  const contents = { train: csv("a,neg", "b,pos"), test: csv(`c,"${"long ".repeat(500)}\n\0"`) };
  await withFiles(contents, async (paths, plain) => {
    await assertRefused(
      datasetFromFiles(paths),
      plain,
      `Cannot use test.csv: the label "${
        "long ".repeat(20).slice(0, 99)
      }…" in line 2 does not occur in train.csv, ` +
        'which has "neg", "pos"',
    );
  });
  await withFiles({ train: csv('a,"x\ny"', 'b,"x\ny"') }, async (paths, plain) => {
    await assertRefused(
      datasetFromFiles(paths),
      plain,
      'Cannot train on train.csv: expected at least two labels in column "label", found only "x\ufffdy"',
    );
  });
});

Deno.test("NUL characters and lost ones stay and are told", async () => {
  await withFiles({ train: csv("a\0,1", "b\ufffd,2", "\0,1") }, async (paths, plain) => {
    const { examples, lines, note } = await readLabelled(paths.train);
    assert.deepEqual([examples.map(({ text }) => text), lines], [["a\0", "b\ufffd", "\0"], [2, 3, 4]]);
    assert.equal(
      plain(note),
      "2 rows of train.csv hold NUL characters (the first in line 2); " +
        "1 row of train.csv holds characters that were lost when it was written or read (U+FFFD) (the first in line 3)",
    );
  });
});

Deno.test("each example has the line of its row", async () => {
  await withFiles({ train: csv('"a\nb",1', ",2", "c,2") }, async ({ train }) => {
    assert.deepEqual((await readLabelled(train)).lines, [2, 5]);
  });
});

Deno.test("ten thousand classes are as many, in order", async () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => `text ${n},${(n * 7919) % 10_000}`);
  await withFiles({ train: csv(...rows) }, async (paths) => {
    const { labels, train } = await datasetFromFiles(paths);
    assert.deepEqual([labels.length, labels[9], labels[9999]], [10_000, "9", "9999"]);
    for (const { text, label } of train.slice(0, 100)) {
      assert.equal(label, (Number(text.slice(5)) * 7919) % 10_000);
    }
  });
});

Deno.test("labels of a Parquet file are read as they are written in CSV", async () => {
  const { labels, examples } = await readLabelled(join(parquetFolder, "codecs", "zstd.parquet"));
  assert.deepEqual([labels.length, labels[2], labels[10]], [300, "2", "10"]);
  assert.deepEqual(examples[10], { text: "text 1 汉", label: 10 });
});

Deno.test("JSON Lines may have labels only far below", () =>
  inFolder(async (folder) => {
    const path = join(folder, "train.jsonl");
    const rows = Array.from({ length: 200 }, () => '{"text": "a"}');
    await writeFile(path, [...rows, '{"text": "b", "label": 1}'].join("\n"));
    const { examples, note } = await readLabelled(path);
    assert.deepEqual(examples, [{ text: "b", label: 0 }]);
    assert.match(note, /^200 rows of .* with an empty label are left out \(the first in line 1\)$/);
    await writeFile(path, rows.join("\n"));
    await assert.rejects(readLabelled(path), {
      message: /column "label" is missing: found "text"; name another with /,
    });
  }));

Deno.test("one class is none", async () => {
  await withFiles({ train: csv("a,pos", "b,pos") }, async (paths, plain) => {
    await assertRefused(
      datasetFromFiles(paths),
      plain,
      'Cannot train on train.csv: expected at least two labels in column "label", found only "pos"',
    );
  });
});

Deno.test("Chinese texts make a Chinese data set", async () => {
  await withFiles({ train: csv("这部电影很好看 OK,好", "不好看,坏") }, async (paths) => {
    assert.equal((await datasetFromFiles(paths)).language, "zh");
  });
});

Deno.test("several labels for a text are refused, where most labels tell so", async () => {
  const refused = async (labels: string[], reason: string) =>
    await withFiles(
      { train: csv(...labels.map((label, n) => `text ${n},${label}`)) },
      async (paths, plain) => {
        await assertRefused(
          datasetFromFiles(paths),
          plain,
          `Cannot train on train.csv: the label ${reason}`,
        );
      },
    );
  const given = (separator: string) =>
    `holds "${separator}", as most labels do: expected one label a text; give --label-separator "${separator}" if a ` +
    "text has several";
  await refused(["a", "a|b", "b|c", "c|a"], `a|b in line 3 ${given("|")}`);
  await refused(["a;b", "b;c", "c"], `a;b in line 2 ${given(";")}`);
  await refused(
    ["a", "b", '"[""a"",""b""]"'],
    '["a","b"] in line 4 is a list, and most are not: expected one label a text, or a list of labels for each',
  );
  await withFiles({ train: csv("a,x|y", "b,x", "c,[sic]", "d,x", 'e,"x, y"', 'f,"x, z"') }, async (paths) => {
    assert.deepEqual((await datasetFromFiles(paths)).labels, ["[sic]", "x", "x, y", "x, z", "x|y"]);
  });
  await withFiles({ train: csv("a,x|y", "b,x|z") }, async ({ train }) => {
    const { examples } = await readLabelled(train, { labels: ["x|y", "x|z"] });
    assert.equal(examples.length, 2, "labels that are known are what they are");
  });
});

Deno.test("two text columns are a pair, three are lines of one text, a name with a comma is one column", async () => {
  const header = '"a,b",c,d,e,label';
  const rows = ["one,two,,four,x", ", ,,,x", "z,two,three,,y"];
  await withFiles({ train: [header, ...rows, ""].join("\n") }, async ({ train }) => {
    const read = async (textColumn: string) => {
      const { textColumns, examples, note } = await readLabelled(train, { textColumn });
      assert.match(note, /^1 row of .* with an empty text is left out \(the first in line 3\)$/);
      return [textColumns, ...examples.map(({ label: _, ...text }) => text)];
    };
    assert.deepEqual(await read("a,b"), [["a,b"], { text: "one" }, { text: "z" }]);
    assert.deepEqual(await read("c,d"), [["c", "d"], { text: "two", pair: "" }, {
      text: "two",
      pair: "three",
    }]);
    const lines = [{ text: "two\nfour" }, { text: "two\nthree" }];
    assert.deepEqual(await read("c, d, e"), [["c", "d", "e"], ...lines]);
    const { note, train: examples } = await datasetFromFiles({ train, textColumn: "c,d" });
    assert.match(note, /; the columns "c", "d" are read as pairs of texts$/);
    assert.ok(examples.every(({ pair }) => pair !== undefined));
  });
});

Deno.test("labels that are probably not meant so are told before training", async () => {
  const noteOf = (rows: string[]) =>
    withFiles({ train: csv(...rows) }, async ({ train }) => (await readLabelled(train)).note);
  assert.match(
    await noteOf(["a,Pos", "b,pos", "c,neg"]),
    /"Pos" and "pos" differ only by case, Unicode form or blanks/,
  );
  assert.match(await noteOf(["a,caf\u00e9", "b,cafe\u0301"]), /differ only by case/);
  assert.match(await noteOf(["a,very  good", "b,very good"]), /differ only by case/);
  assert.match(await noteOf(["a,pos", "b,nan", "c,None"]), /"nan" or "None" of 2 rows may stand for none/);
  assert.match(
    await noteOf(["a,pos", "text,label", "c,neg"]),
    /"label" is the name of its column: the header may/,
  );
  const own = Array.from({ length: 30 }, (_, n) => `text ${n},${n * 137}`);
  assert.match(await noteOf(own), /^30 labels for 30 texts: nearly every text .*\(regression\)$/);
  assert.equal(await noteOf(["a,pos", "b,neg", "c,pos"]), "");
});

Deno.test("1.0 and 1 are the same label in CSV, JSON Lines and Parquet, also of a model", async () => {
  await inFolder(async (folder) => {
    const rows = [["a", "0.0"], ["b", "1.0"], ["c", "1"]] as const;
    const files = {
      "a.csv": csv(...rows.map((row) => row.join(","))),
      "a.jsonl": rows.map(([text, label]) => `{"text": "${text}", "label": ${label}}`).join("\n"),
    };
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(folder, name), content);
      const { labels, examples } = await readLabelled(join(folder, name));
      assert.deepEqual([labels, examples.map(({ label }) => label)], [["0", "1"], [0, 1, 1]], name);
      const ofModel = await readLabelled(join(folder, name), { labels: ["1.0", "0.0"] });
      assert.deepEqual(ofModel.examples.map(({ label }) => label), [1, 0, 0], name);
    }
    const layout = { format: "parquet", columns: ["text", "label"], types: [numberType("label")] } as const;
    const path = join(folder, "a.parquet");
    await writeTable(
      path,
      layout,
      (async function* () {
        yield rows.map(([text, label]) =>
          new Map<string, unknown>([["text", text], ["label", Number(label)]])
        );
      })(),
    );
    const { labels, examples } = await readLabelled(path);
    assert.deepEqual([labels, examples.map(({ label }) => label)], [["0", "1"], [0, 1, 1]]);
  });
});

Deno.test("lists of tokens are joined and told, labels that are objects refused by name", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.jsonl");
    await writeFile(path, '{"text": ["A", "soup", "."], "label": 1}\n{"text": "b", "label": 0}\n');
    const { examples, note } = await readLabelled(path);
    assert.deepEqual(examples.map(({ text }) => text), ["A soup .", "b"]);
    assert.match(
      note,
      /^1 row of .* has a list of tokens as text, joined by blanks \(the first in line 1\)$/,
    );
    await writeFile(path, '{"text": "a", "label": 1}\n{"text": "b", "label": {"id": 0, "name": "neg"}}\n');
    await assert.rejects(readLabelled(path), {
      name: "InputError",
      message: /the label \{"id":0,"name":"neg"\} in line 2 is an object: .* keep one of "id", "name"$/,
    });
  });
});

Deno.test("of a Parquet file the columns of text and label are read, and another may be of any type", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.parquet");
    const price = {
      name: "price",
      type: "BYTE_ARRAY",
      converted_type: "DECIMAL",
      precision: 40,
      scale: 2,
    } as const;
    const encoder = parquetEncoder(["text", "label", "price"], [price]);
    const rows = ["a", "b"].map((text) =>
      new Map<string, unknown>([["text", text], ["label", text], ["price", 2.5]])
    );
    await writeFile(
      path,
      [encoder.start(), encoder.rows(rows), encoder.end()].map((part) => Buffer.from(part)),
    );
    assert.deepEqual((await readLabelled(path)).examples, [{ text: "a", label: 0 }, { text: "b", label: 1 }]);
    assert.deepEqual(await readDocuments([path], "text"), ["a", "b"]);
    await assert.rejects(readLabelled(path, { textColumn: "price" }), {
      name: "InputError",
      message:
        `Cannot read ${path} as column "price" is of the type DECIMAL of any length, which is not read: write ` +
        "it as text or DOUBLE",
    });
  }));
