import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Dataset, dataset, datasetContent } from "../../lib/data/dataset.ts";
import { paperSets } from "../../lib/data/paper_sets.ts";
import { wholeText } from "../../lib/data/examples.ts";
import * as scales from "../../experiments/scales.ts";
import {
  type Files,
  parquetFolder,
  parquetRows,
  questionFiles,
  reviewFiles,
  type Rows,
  tabFiles,
  withFolder,
  zhangFiles,
} from "./paper_files.ts";

/** The texts and classes of the first rows in tests/golden/make_parquet.py, which show what a reader must get right. */
const shown: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  "imdb": [["A joy. Every scene of it.", "positive"], ['"Dull" is the word for it, and 9<10.', "negative"]],
  "yelp-polarity": [
    ['Cold food.\n\nThe waiter said "sorry", twice.', "negative"],
    ['Lovely, "as always".', "positive"],
  ],
  "yelp-full": [["Never again.\nNever.", "1 star"], ["Café of the year! 5 of 5", "5 stars"]],
  "trec": [
    ["How did serfdom develop in and then leave Russia ?", "DESC"],
    ["What sister city does it have ?", "LOC"],
    ["What is the full form of .com ?", "ABBR"],
  ],
  "yahoo-answers": [
    ["why is the sky blue? asked by my son\nLight scatters.\nThe blue part most.", "Science & Mathematics"],
    ['who won?\nNobody, "officially".', "Politics & Government"],
  ],
  "ag-news": [
    ["Oil up Oil prices rose on Friday to\\new heights.", "Business"],
    ["A new chip Faster, said its maker - again.", "Sci/Tech"],
  ],
  "dbpedia": [
    ["E. D. Abbott Ltd Abbott of Farnham was a coachbuilder.", "Company"],
    ['The "Red" Book A novel, in two parts.', "WrittenWork"],
  ],
};

const sogou: Rows = {
  train: Array.from({ length: 12 }, (_, i) => [i % 6, `标题${i}`, `内容"${i}"。\\n第二行。`] as const),
  test: [[5, "新手机", "科技新闻。"], [0, "比赛", "体育新闻。"]],
};

const load = (name: string, dataDir: string) => dataset(name, { dataDir, say: () => {} });
const pairs = ({ labels }: Dataset, examples: Dataset["train"]) =>
  examples.map((example) => [wholeText(example), labels[example.label]!] as const);
const sorted = (data: Dataset) => pairs(data, [...data.train, ...data.dev]).map(String).sort();

/** Makes sure that a set holds all rows, the shown ones as they should be, a tenth of train in dev. */
function assertWhole(data: Dataset): void {
  const rows = parquetRows[data.name]!;
  assert.deepEqual([data.train.length, data.dev.length, data.test.length], [18, 2, 4], data.name);
  const train = sorted(data);
  for (const row of shown[data.name]!) {
    assert.ok(train.includes(String(row)), `${data.name}: ${row}`);
    assert.ok(
      pairs(data, data.test).some((found) => String(found) === String(row)),
      `${data.name}, test: ${row}`,
    );
  }
  const counts = (labels: readonly number[]) =>
    data.labels.map((_, c) => labels.filter((l) => l === c).length);
  assert.deepEqual(
    counts([...data.train, ...data.dev].map(({ label }) => label)),
    counts(rows.train.map(([label]) => label)),
  );
}

Deno.test("the sets are those of the experiments, with the numbers of Table 1", async () => {
  assert.deepEqual(paperSets.map(({ name }) => name), Object.values(scales.paperSets));
  const { table1 } = JSON.parse(
    await readFile(join(import.meta.dirname!, "../../experiments/paper_tables.json"), "utf8"),
  );
  assert.deepEqual(
    paperSets.map(({ labels, printed }) => [labels.length, printed.train, printed.test]),
    Object.values<number[]>(table1.rows).map((row) => [row[0], ...row.slice(-2)]),
  );
});

Deno.test("the hub's Parquet: text, class and split of seven sets", async () => {
  for (const name of Object.keys(shown)) {
    const data = await load(name, parquetFolder);
    assertWhole(data);
    assert.match(data.note, /; dev is 2 of the 20 training texts, held out with seed 0/);
    assert.equal(data.source.endsWith(join(parquetFolder, name)), true);
  }
});

Deno.test("the files of Zhang, Zhao and LeCun hold the same", async () => {
  for (
    const [name, folder] of [
      ["yelp-polarity", "yelp_review_polarity_csv"],
      ["yelp-full", "yelp_review_full_csv"],
      ["yahoo-answers", "yahoo_answers_csv"],
      ["dbpedia", "dbpedia_csv"],
    ] as const
  ) {
    const data = await withFolder(
      zhangFiles(folder, parquetRows[name]!),
      (directory) => load(name, directory),
    );
    assertWhole(data);
    assert.equal(data.fingerprint, (await load(name, parquetFolder)).fingerprint, name);
  }
});

Deno.test("AG's News is joined by a dash as in the paper's code, where title and description are apart", async () => {
  const rows: Rows = {
    train: [[2, "Oil up", "Prices rose to\\new heights."], ...Array(9).fill([1, "Title", "Description"])],
    test: [[3, "A chip", ' "Faster" ']],
  };
  const data = await withFolder(zhangFiles("ag_news_csv", rows), (directory) => load("ag-news", directory));
  assert.ok(sorted(data).includes("Oil up - Prices rose to\\new heights.,Business"));
  assert.deepEqual(pairs(data, data.test), [['A chip - "Faster"', "Sci/Tech"]]);
  assert.doesNotMatch(data.note, /the hub joins/);
  assert.match(
    (await load("ag-news", parquetFolder)).note,
    /; the hub joins title and description by a space, /,
  );
});

Deno.test("IMDb from aclImdb and from the authors' files", async () => {
  const rows = parquetRows["imdb"]!;
  const expected = sorted(await load("imdb", parquetFolder));
  for (const files of [reviewFiles("aclImdb", rows), tabFiles("IMDB_data", rows, ["0", "1"])]) {
    const data = await withFolder(files, (directory) => load("imdb", directory));
    assertWhole(data);
    assert.deepEqual(sorted(data), expected);
  }
});

Deno.test("a set is known by its files, and one from a package by its name", async () => {
  const content = (directory: string) => datasetContent("trec", { dataDir: directory, say: () => {} });
  const rows = parquetRows["trec"]!;
  const classes = ["ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM"];
  const first = await withFolder(tabFiles("trec", rows, classes), content);
  assert.match(first!, /^[0-9a-f]{64}$/);
  assert.equal(await withFolder(tabFiles("trec", rows, classes), content), first);
  const fewer = { train: rows.train.slice(1), test: rows.test };
  assert.notEqual(await withFolder(tabFiles("trec", fewer, classes), content), first);
  for (const name of ["imdb", "yelp-sentences"]) assert.equal(await datasetContent(name), undefined);
});

Deno.test("TREC from its own files and from the authors'", async () => {
  const rows = parquetRows["trec"]!;
  const classes = ["ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM"];
  const { fingerprint } = await load("trec", parquetFolder);
  for (const make of [questionFiles, tabFiles]) {
    const data = await withFolder(make("trec", rows, classes), (directory) => load("trec", directory));
    assertWhole(data);
    assert.equal(data.fingerprint, fingerprint);
  }
});

Deno.test("Sogou from a folder, its classes by number or by name", async () => {
  const { labels } = paperSets.find(({ name }) => name === "sogou")!;
  const numbered = zhangFiles("sogou", sogou);
  const named: Files = Object.fromEntries(
    Object.entries(numbered).map(([path, text]) => [
      path,
      String(text).replace(/^"(\d)"/gm, (_, number) => labels[number - 1]!),
    ]),
  );
  for (const files of [numbered, named]) {
    const data = await withFolder(files, (directory) => load("sogou", directory));
    assert.deepEqual([data.language, data.train.length, data.dev.length], ["zh", 11, 1]);
    assert.deepEqual(pairs(data, data.test), [["新手机 科技新闻。", "technology"], [
      "比赛 体育新闻。",
      "sports",
    ]]);
    assert.ok(sorted(data).includes('标题3 内容"3"。 第二行。,entertainment'));
  }
});

Deno.test("Yahoo! Answers are pairs of a question and its answer", async () => {
  const { test } = await load("yahoo-answers", parquetFolder);
  assert.deepEqual(test.slice(-2).map(({ text, pair }) => [text, pair]), [
    ["why is the sky blue? asked by my son", "Light scatters.\nThe blue part most."],
    ["who won?", 'Nobody, "officially".'],
  ]);
});

Deno.test("what differs from Table 1 and what stands in both splits is told", async () => {
  const rows: Rows = {
    train: Array.from({ length: 20 }, (_, i) => [i % 2, `review ${i}`] as const),
    test: [[0, "review 3"], [1, "another"]],
  };
  const data = await withFolder(zhangFiles("yelp-polarity", rows), (dir) => load("yelp-polarity", dir));
  assert.equal(
    data.note,
    "the paper's data set; dev is 2 of the 20 training texts, held out with seed 0; the paper has 560,000 " +
      "training texts, found 20; the paper has 38,000 test texts, found 2; 1 of the 2 test texts also stands word " +
      "for word in train or dev, and is kept",
  );
});

Deno.test("the data directory may be the set's own folder, and its name may be written in several ways", async () => {
  const rows = parquetRows["dbpedia"]!;
  await withFolder(zhangFiles("DBPedia-CSV", rows), async (directory) => {
    assertWhole(await load("dbpedia", directory));
    assertWhole(await load("dbpedia", join(directory, "DBPedia-CSV")));
  });
});
