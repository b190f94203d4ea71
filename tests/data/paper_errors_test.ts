/** One sentence for each way in which the files of the paper's data sets can be wrong. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { dataset } from "../../lib/data/dataset.ts";
import { type Files, parquetFolder, parquetRows, withFolder, zhangFiles } from "./paper_files.ts";

/** Makes sure that a set is refused with this message, in which paths are as in `files`. */
async function assertRefused(name: string, files: Files, expected: string): Promise<void> {
  await withFolder(
    files,
    (dataDir, plain) =>
      assert.rejects(dataset(name, { dataDir, say: () => {} }), (error: Error) => {
        assert.deepEqual([error.name, plain(error.message)], ["InputError", expected]);
        return true;
      }),
  );
}

const agNews = (train: string, test = '"1","a","b"\n') => ({
  "ag-news/train.csv": train,
  "ag-news/test.csv": test,
});

Deno.test("a class that there is not", async () => {
  for (const found of ["0", "5", "x"]) {
    await assertRefused(
      "ag-news",
      agNews(`"4","a","b\nc"\n\n"${found}","a","b"\n`),
      `Cannot use ag-news/train.csv: line 4 has the class "${found}", expected 1 to 4`,
    );
  }
  await assertRefused(
    "trec",
    {
      "trec/train_5500.label": "LOC:city Where ?\nPLACE:city Where ?\n",
      "trec/TREC_10.label": "LOC:city Where ?",
    },
    'Cannot use trec/train_5500.label: line 2 has the class "PLACE", expected ABBR, ENTY, DESC, HUM, LOC, NUM',
  );
  const parquet = await readFile(join(parquetFolder, "codecs", "gzip.parquet"));
  await assertRefused(
    "yelp-full",
    { "yelp-full/train-00000-of-00001.parquet": parquet, "yelp-full/test-00000-of-00001.parquet": parquet },
    'Cannot use yelp-full/train-00000-of-00001.parquet: row 6 has the class "5", expected 0 to 4',
  );
});

Deno.test("rows that are broken", async () => {
  await assertRefused(
    "ag-news",
    agNews('"1","a","b"\n"2","only a title"\n'),
    "Cannot read ag-news/train.csv as line 2 has 2 values: expected 3, class, title, description",
  );
  await assertRefused(
    "ag-news",
    agNews('"1","a","b"\n', '"2","a "quoted" title","b"\n'),
    "Cannot read ag-news/test.csv as the quotes up to line 1 are not balanced: expected each value in quotes, " +
      "with each inner quote doubled",
  );
  await assertRefused(
    "trec",
    { "trec/train_5500.label": "LOC:city Where ?\n\nWhere ?\n", "trec/TREC_10.label": "" },
    "Cannot read line 3 of trec/train_5500.label: expected a class and a question such as " +
      '"DESC:manner How did it start ?", found "Where ?"',
  );
});

Deno.test("files that are empty, of another encoding or another language", async () => {
  await assertRefused(
    "ag-news",
    agNews('"1","a","b"\n', ""),
    "Cannot use ag-news/test.csv as it has no texts: expected train.csv and test.csv without a header " +
      "(class, title, description)",
  );
  const gb18030 = new Uint8Array([
    ...new TextEncoder().encode('"1","a","'),
    0xcc,
    0xe5,
    0xd3,
    0xfd,
    0x22,
    0x0a,
  ]);
  await withFolder({ "sogou/train.csv": gb18030, "sogou/test.csv": gb18030 }, (dataDir) =>
    assert.rejects(
      dataset("sogou", { dataDir }),
      /^InputError: Cannot read \S+train\.csv as UTF-8: found the byte 0xCC at offset 9 in line 1; save the file as UTF-8/,
    ));
  await assertRefused(
    "sogou",
    zhangFiles("sogou", { train: [[1, "ti3 yu4", "xin1 wen2"]], test: [[1, "ti3 yu4", "xin1 wen2"]] }),
    'Cannot use sogou/train.csv as "sogou": expected Chinese characters, found hardly any; the public ' +
      "sogou_news_csv is in pinyin and has other classes",
  );
});

Deno.test("Parquet files without a column, without a text, without a part, or damaged", async () => {
  const [codecs, review] = await Promise.all([
    readFile(join(parquetFolder, "codecs", "null.parquet")),
    readFile(join(parquetFolder, "imdb/plain_text/train-00000-of-00001.parquet")),
  ]);
  const files = (train: Uint8Array) => ({ "imdb/train.parquet": train, "imdb/test.parquet": review });
  await assertRefused(
    "dbpedia",
    { "dbpedia/train.parquet": review, "dbpedia/test.parquet": review },
    'Cannot read dbpedia/train.parquet as column "title" is missing: found "text", "label"',
  );
  await assertRefused(
    "imdb",
    files(codecs),
    'Cannot use imdb/train.parquet: expected a text in column "text" of row 2',
  );
  await assertRefused(
    "imdb",
    files(new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")),
    "Cannot read imdb/train.parquet as it is a pointer of Git LFS: fetch the file itself with git lfs pull",
  );
  const damaged = Uint8Array.from(review).fill(0, 30, 200);
  await assertRefused(
    "imdb",
    files(damaged),
    "Cannot read imdb/train.parquet as Parquet: a Snappy page ends at byte 69 of 176; the file may be cut short or " +
      "damaged, fetch it again",
  );
  await assertRefused(
    "yahoo-answers",
    { "yahoo-answers/train-00000-of-00002.parquet": review, "yahoo-answers/test.parquet": review },
    'Cannot load the data set "yahoo-answers" from yahoo-answers: it has 1 of 2 files of the train split; expected ' +
      "the hub's train-*.parquet and test-*.parquet",
  );
});

Deno.test("folders in which files are missing", async () => {
  const { train, test } = parquetRows["yelp-polarity"]!;
  const files = zhangFiles("yelp-polarity", { train, test });
  const layouts =
    "the hub's train-*.parquet and test-*.parquet, or train.csv and test.csv without a header " +
    "(class, review)";
  await assertRefused(
    "yelp-polarity",
    { "yelp-polarity/train.csv": files["yelp-polarity/train.csv"]! },
    'Cannot load the data set "yelp-polarity" from yelp-polarity: it has 0 of 1 files of the test split; expected ' +
      "train.csv and test.csv without a header (class, review)",
  );
  await assertRefused(
    "yelp-polarity",
    { "yelp-polarity/reviews.json": "[]", "yelp-polarity/LICENSE": "" },
    `Cannot load the data set "yelp-polarity" from yelp-polarity: expected ${layouts}, found LICENSE, reviews.json`,
  );
  await assert.rejects(dataset("sogou", { dataDir: "/nowhere" }), {
    name: "InputError",
    message:
      "Cannot use the data directory /nowhere: there is no such folder; check --data-dir or BERTLAB_DATA",
  });
  await assertRefused(
    "sogou",
    { "other/train.csv": "" },
    'Cannot load the data set "sogou": DIR has no folder sogou, sogou_news; give a data directory (--data-dir or ' +
      "BERTLAB_DATA) with a folder sogou that holds train.csv and test.csv without a header (class, title, content)" +
      "; its authors link https://drive.google.com/drive/folders/1Rbi0tnvsQrsHvT_353pMdIbRwDlLhfwM",
  );
});
