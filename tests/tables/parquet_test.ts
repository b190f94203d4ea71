import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openParquet, readParquet } from "../../lib/tables/parquet.ts";
import { checkRowGroups } from "../../lib/tables/parquet_pages.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { parquetFolder } from "../data/paper_files.ts";

const rowsOf = (file: string, ...columns: string[]) =>
  Array.fromAsync(readParquet(join(parquetFolder, "codecs", file), columns));

Deno.test("rows of several row groups, codecs, page versions and encodings", async () => {
  const files = ["zstd", "gzip", "brotli", "delta", "lengths", "duckdb"].map((name) => `${name}.parquet`);
  for (const file of files) {
    const rows = await rowsOf(file, "label", "text");
    assert.deepEqual(
      rows,
      Array.from({ length: 300 }, (_, i) => ({ label: BigInt(i), text: `text ${i % 3} 汉` })),
      file,
    );
  }
});

Deno.test("a codec that is not read is named before any row, with what to do", async () => {
  await inFolder(async (folder) => {
    // The codec of a column stands in the footer after its names and encodings: GZIP is 2, LZ4_RAW 7, as zigzag 4 and 14.
    const bytes = await readFile(join(parquetFolder, "codecs", "gzip.parquet"));
    const path = join(folder, "a.parquet");
    const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
    for (const [place, byte] of bytes.entries()) {
      if (place < footer || byte !== 4 || bytes[place - 1] !== 0x15) continue;
      const changed = Uint8Array.from(bytes);
      changed[place] = 14;
      await writeFile(path, changed);
      const message = await rowsIn(path).catch((error: Error) => error.message) ?? "";
      if (/is packed with LZ4_RAW, which is not read: write the file with snappy or zstd$/.test(message)) {
        return;
      }
    }
    assert.fail("no such sentence");
  });
});

async function rowsIn(path: string): Promise<undefined> {
  await Array.fromAsync(readParquet(path, ["text"]));
}

Deno.test("only the columns that are asked for are read, and a null is null", async () => {
  assert.deepEqual(await rowsOf("null.parquet", "text"), [{ text: "a" }, { text: null }]);
  assert.deepEqual(await rowsOf("empty.parquet", "text"), []);
});

Deno.test("lists are lists", async () => {
  assert.deepEqual(
    (await rowsOf("list.parquet", "text")).map(({ text }) => text),
    [["a", "b"], [], undefined, ["c", null]],
  );
});

const lies: readonly {
  readonly what: string;
  readonly file: string;
  /** Place where bytes replace others. */
  readonly at: number;
  readonly old: readonly number[];
  readonly bytes: readonly number[];
  readonly message: RegExp;
}[] = [
  {
    what: "2^31 values in a page of the second version",
    ...{ file: "zstd", at: 60, old: [0x30, 0x5c, 0x15, 0xc8, 0x01] },
    bytes: [0x2a, 0x5c, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f],
    message: /a page claims 2147483647 values, expected at most 100/,
  },
  {
    what: "2^31 values in a page of the first version",
    ...{ file: "duckdb", at: 52, old: [0x32, 0x2c, 0x15, 0xd8, 0x04] },
    bytes: [0x2c, 0x2c, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f],
    message: /a page claims 2147483647 values, expected at most 300/,
  },
  {
    what: "a negative number of values",
    ...{ file: "zstd", at: 63, old: [0xc8, 0x01], bytes: [0x81, 0x00] },
    message: /a page claims -1 values, expected at most 100/,
  },
  {
    what: "fewer values than the levels say",
    ...{ file: "duckdb", at: 55, old: [0xd8, 0x04], bytes: [0xd6, 0x04] },
    message: /a page has runs of 300 values or more, and should have 299/,
  },
  {
    what: "nulls that are not there",
    ...{ file: "zstd", at: 66, old: [0x00], bytes: [0x02] },
    message: /a page claims 100 rows and 1 nulls: it has 100 rows and 0/,
  },
  {
    what: "a negative size",
    ...{ file: "duckdb", at: 52, old: [0x32], bytes: [0x7f] },
    message: /a page of -64 bytes, 138 unpacked, is in 25 bytes/,
  },
  {
    what: "a size over its column's",
    ...{ file: "duckdb", at: 52, old: [0x32], bytes: [0x34] },
    message: /a page of 26 bytes, 138 unpacked, is in 25 bytes/,
  },
  {
    what: "a size that no page unpacks to",
    ...{ file: "duckdb", at: 49, old: [0x94, 0x02], bytes: [0xfe, 0xff, 0xff, 0xff, 0x0f] },
    message: /a page of 25 bytes, 2147483647 unpacked, is in 22 bytes/,
  },
  {
    what: "an item that the dictionary does not have",
    ...{ file: "duckdb", at: 12, old: [0x06], bytes: [0x04] },
    message: /a value is not in its dictionary/,
  },
  {
    what: "a run of levels",
    ...{ file: "delta", at: 1736, old: [0xd8, 0x04], bytes: [0xfe, 0x7f] },
    message: /a page has runs of 8191 values or more, and should have 300/,
  },
  {
    what: "differences in no parts",
    ...{ file: "delta", at: 1741, old: [0x04], bytes: [0x00] },
    message: /a page has blocks of 256 differences in 0 parts/,
  },
  {
    what: "a value that begins with more than the one before has",
    ...{ file: "delta", at: 66, old: [0x00], bytes: [0x06] },
    message: /value 1 of 300 begins with 3 bytes of one of 0/,
  },
  {
    what: "values longer than their page",
    ...{ file: "lengths", at: 66, old: [0x14], bytes: [0x7e] },
    message: /value \d+ of 300 goes on after its page/,
  },
];

for (const { what, file, at, old, bytes, message } of lies) {
  Deno.test(`a page that lies is refused: ${what}`, () =>
    inFolder(async (folder) => {
      const whole = [...await readFile(join(parquetFolder, "codecs", `${file}.parquet`))];
      assert.deepEqual(whole.splice(at, old.length, ...bytes), old);
      const path = join(folder, "lies.parquet");
      await writeFile(path, Uint8Array.from(whole));
      const error = await Array.fromAsync(readParquet(path, ["text", "label"])).catch((error) => error);
      assert.equal(error.name, "InputError");
      assert.match(error.message, message);
      assert.ok(error.message.startsWith(`Cannot read ${path} as Parquet: `));
    }));
}

Deno.test("row groups that cannot be in their file are refused", async () => {
  const path = join(parquetFolder, "codecs", "zstd.parquet");
  const { file: { byteLength }, metadata: { row_groups: groups } } = await openParquet(path);
  const refused = (change: (first: (typeof groups)[number]) => void, message: RegExp) => {
    const changed = structuredClone(groups);
    change(changed[0]!);
    assert.throws(() => checkRowGroups(byteLength, changed), { name: "Error", message });
  };
  checkRowGroups(byteLength, groups);
  refused(
    (group) => group.num_rows = 2n ** 31n,
    /row group 1 claims 2147483648 rows in a file of 2486 bytes/,
  );
  refused((group) => group.num_rows = -1n, /row group 1 claims -1 rows/);
  refused((group) => group.columns.push(group.columns[0]!), /row group 1 has column "text" twice/);
  refused(
    (group) => group.columns[1]!.meta_data!.total_compressed_size = 9999n,
    /column "label" of row group 1 is to go from byte 133 to 10132 of a file of 2486/,
  );
  refused(
    (group) => group.columns[0]!.meta_data!.total_compressed_size = -9n,
    /column "text" of row group 1 is to go from byte 4 to -5/,
  );
  assert.throws(() => checkRowGroups(byteLength, [...groups, ...groups]), /of a file of 2486/);
});

Deno.test("a footer whose lists hold more than it has bytes for is refused", () =>
  inFolder(async (folder) => {
    const footer = [0x15, 0x04, ...new Array(50).fill([0x19, 0xf9, 0xff, 0xff, 0xff, 0x0f]).flat()];
    const path = join(folder, "lists.parquet");
    const end = new Uint8Array(8);
    new DataView(end.buffer).setUint32(0, footer.length, true);
    end.set(new TextEncoder().encode("PAR1"), 4);
    await writeFile(path, Uint8Array.from([...end.subarray(4), ...footer, ...end]));
    await assert.rejects(openParquet(path), {
      name: "InputError",
      message: /as Parquet: a header has a list of 33554431 items in fewer bytes; /,
    });
  }));

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
