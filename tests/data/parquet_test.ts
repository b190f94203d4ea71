import assert from "node:assert/strict";
import { join } from "node:path";
import { readParquet } from "../../lib/data/parquet.ts";
import { parquetFolder } from "./paper_files.ts";

const rowsOf = (file: string, ...columns: string[]) =>
  Array.fromAsync(readParquet(join(parquetFolder, "codecs", file), columns));

Deno.test("rows of several row groups, codecs, page versions and encodings", async () => {
  for (const file of ["zstd.parquet", "gzip.parquet", "brotli.parquet"]) {
    const rows = await rowsOf(file, "label", "text");
    assert.deepEqual(
      rows,
      Array.from({ length: 300 }, (_, i) => ({ label: BigInt(i), text: `text ${i % 3} 汉` })),
      file,
    );
  }
});

Deno.test("only the columns that are asked for are read, and a null is null", async () => {
  assert.deepEqual(await rowsOf("null.parquet", "text"), [{ text: "a" }, { text: null }]);
  assert.deepEqual(await rowsOf("empty.parquet", "text"), []);
});

Deno.test("a file or a column that is not there is an error in one sentence", async () => {
  await assert.rejects(rowsOf("null.parquet", "text", "review"), {
    name: "InputError",
    message: /null\.parquet as column "review" is missing: found "text", "label"$/,
  });
  await assert.rejects(rowsOf("none.parquet", "text"), {
    name: "InputError",
    message: /^Cannot read \S+none\.parquet: there is no such file; check the path$/,
  });
});
