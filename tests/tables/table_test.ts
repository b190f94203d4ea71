import assert from "node:assert/strict";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { openTable, readTable, requireColumns } from "../../lib/tables/table.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { zip } from "../helpers/zip.ts";
import { parquetFolder } from "../data/paper_files.ts";

/** Runs with a file of this content; errors come back without its folder. */
function withFile<Result>(
  name: string,
  content: string | Uint8Array,
  run: (path: string) => Promise<Result>,
): Promise<Result> {
  return inFolder(async (folder) => {
    const path = join(folder, name);
    await writeFile(path, content);
    return await run(path).catch((error) => {
      error.message = error.message.replaceAll(`${folder}/`, "");
      throw error;
    });
  });
}

async function rowsOf(name: string, content: string | Uint8Array): Promise<unknown[]> {
  const { rows } = await withFile(name, content, readTable);
  return rows.map(({ line, values }) => [line, Object.fromEntries(values)]);
}

function assertRefused(name: string, content: string | Uint8Array, message: string | RegExp): Promise<void> {
  return assert.rejects(withFile(name, content, readTable), { name: "InputError", message });
}

Deno.test("CSV: quotes, commas and line breaks in values, blank lines, the line each row starts in", async () => {
  const content = 'text,label\n"a, ""b""\nc",1\n\n  d  ,2\n世界,x\n';
  assert.deepEqual(await rowsOf("a.csv", content), [
    [2, { text: 'a, "b"\nc', label: "1" }],
    [5, { text: "  d  ", label: "2" }],
    [6, { text: "世界", label: "x" }],
  ]);
});

Deno.test("a byte order mark, any line ends and a missing last one make no difference", async () => {
  const expected = [[2, { text: "a", label: "1" }], [3, { text: "b", label: "2" }]];
  for (
    const content of ["text,label\na,1\nb,2", "\ufefftext,label\r\na,1\r\nb,2\r\n", "text, label\ra,1\rb,2\r"]
  ) {
    assert.deepEqual(await rowsOf("a.csv", content), expected, JSON.stringify(content));
  }
  assert.deepEqual(await rowsOf("a.csv", "text,label\r\na,1\nb,2\r"), expected, "mixed");
  assert.deepEqual(await rowsOf("a.tsv", "\ufefftext\tlabel\r\na\t1\r\nb\t2"), expected);
  assert.deepEqual(
    await rowsOf("a.jsonl", '\ufeff\r\n{"text": "a", "label": 1}\r\n{"text": "b", "label": "2"}'),
    expected,
  );
});

Deno.test("JSON Lines: numbers, null, missing fields, inner objects", async () => {
  const content =
    '{"text": "a", "label": 1.5}\n\n{"label": null, "meta": {"k": [1]}}\n{"text": "x", "label": true}\n';
  assert.deepEqual(await rowsOf("a.ndjson", content), [
    [1, { text: "a", label: "1.5" }],
    [3, { label: "", meta: '{"k":[1]}' }],
    [4, { text: "x", label: "true" }],
  ]);
});

Deno.test("a missing or doubled column is named beside those found", async () => {
  await withFile("train.csv", "review,label,label\na,1,2\n", async (path) => {
    const table = { ...await readTable(path), path: "train.csv" };
    assert.throws(() => requireColumns(table, "text"), {
      name: "InputError",
      message: 'Cannot read train.csv as column "text" is missing: found "review", "label", "label"; ' +
        "name another with --text-column or --label-column",
    });
    assert.throws(() => requireColumns(table, "review", "label"), {
      message: 'Cannot read train.csv as column "label" occurs 2 times: found "review", "label", "label"; ' +
        "rename the others",
    });
  });
});

Deno.test("unbalanced quotes are told with the line where the row starts", async () => {
  const message = (line: number) =>
    `Cannot read a.csv as the quotes in the row that starts in line ${line} are not balanced: expected a value that ` +
    "begins with a quote to end with one, with each inner quote doubled; if quotes mean nothing in this file, give " +
    "--quotes none";
  await assertRefused("a.csv", 'text,label\na,1\n"b,2\nc,3\n', message(3));
  await assertRefused("a.csv", 'text,label\n"a\nz",1\n\n"b,2\nc,"3"\nd,4\n', message(5));
  await assertRefused("a.csv", 'text,label\na,1\n"b" c,2\n', message(3));
  await assertRefused("a.csv", '"text,label\na,1\n', message(1));
});

Deno.test("a row with other values than the header is told with its line", async () => {
  await assertRefused(
    "a.csv",
    "text,label\na,1\n\nb, c,2\n",
    "Cannot read a.csv as line 4 has 3 values: expected 2, as many as the header has; put values with commas in " +
      'double quotes (")',
  );
  await assertRefused(
    "a.tsv",
    "text\tlabel\na\n",
    /line 2 has 1 value: expected 2, .*; a value is missing, or one with a line end in it is not in double quotes/,
  );
});

Deno.test("broken JSON Lines are told with the line", async () => {
  await assertRefused("a.jsonl", '{"text": "a"}\n{"text": \n', /^Cannot read line 2 of a\.jsonl as JSON: /);
  await assertRefused(
    "a.jsonl",
    "\n[1, 2]\n",
    "Cannot read line 1 of a.jsonl: expected a JSON object, found 1",
  );
});

Deno.test("line breaks of two bytes in quotes are one line each", async () => {
  const content = 'text,label\r\n"a\r\nb\r\n",1\r\n\r\nc,2\r\n';
  assert.deepEqual(await rowsOf("a.csv", content), [
    [2, { text: "a\r\nb\r\n", label: "1" }],
    [6, { text: "c", label: "2" }],
  ]);
  await assertRefused("a.csv", `${content}d,3,4\r\n`, /as line 7 has 3 values: expected 2, /);
});

Deno.test("a file that is read in many pieces is the same as one that is read in one", async () => {
  // Pieces of a file are of 2^18 bytes: characters and line ends of several bytes lie across their borders.
  const values = Array.from({ length: 30_000 }, (_, n) => ({ text: `世界${n}\r\n,`, label: `${n % 7}` }));
  const rows = values.map(({ text, label }) => `"${text}",${label}\r\n\r`);
  const expected = values.map((row, n) => [3 * n + 2, row]);
  assert.deepEqual(await rowsOf("a.csv", `text,label\r\n${rows.join("")}`), expected);
});

Deno.test("a document of a megabyte is a value as any other", async () => {
  const text = "müde 世界\n".repeat(70_000);
  const [row] = await rowsOf("a.csv", `text,label\n"${text}",1\n`) as [unknown];
  assert.deepEqual(row, [2, { text, label: "1" }]);
  assert.deepEqual(await rowsOf("a.jsonl", JSON.stringify({ text })), [[1, { text }]]);
});

Deno.test("numbers of many digits keep them", async () => {
  const content = '{"id": 12345678901234567890, "score": 0.5, "in": {"id": 9007199254740993}}\n';
  await withFile("a.jsonl", content, async (path) => {
    const { rows: [row] } = await readTable(path);
    assert.deepEqual(Object.fromEntries(row!.values), {
      id: "12345678901234567890",
      score: "0.5",
      in: '{"id":9007199254740993}',
    });
    assert.equal(JSON.stringify(Object.fromEntries(row!.typed!)), content.replaceAll(" ", "").trim());
  });
});

Deno.test("JSON Lines have the columns of all their rows", async () => {
  const rows = Array.from(
    { length: 300 },
    (_, n) => JSON.stringify({ text: "a", ...n === 250 ? { label: 1 } : {} }),
  );
  await withFile("a.jsonl", rows.join("\n"), async (path) => {
    assert.deepEqual((await readTable(path)).columns, ["text", "label"]);
    await using table = await openTable(path);
    assert.deepEqual(table.columns, ["text"]);
  });
});

Deno.test("Parquet: values with their types, and their texts", async () => {
  const path = join(parquetFolder, "codecs", "zstd.parquet");
  const { columns, rows } = await readTable(path);
  assert.deepEqual([columns, rows.length], [["text", "label"], 300]);
  assert.equal(rows[7]!.line, 8);
  assert.deepEqual(Object.fromEntries(rows[7]!.values), { text: "text 1 汉", label: "7" });
  assert.deepEqual(Object.fromEntries(rows[7]!.typed!), { text: "text 1 汉", label: 7n });
  const { rows: withNull } = await readTable(join(parquetFolder, "codecs", "null.parquet"));
  assert.deepEqual(withNull.map(({ values }) => values.get("text")), ["a", ""]);
  await assert.rejects(readTable(join(parquetFolder, "codecs", "empty.parquet")), {
    message: /empty\.parquet as it has no rows: expected at least one$/,
  });
  await assertRefused(
    "a.parquet",
    "text,label\na,1\n",
    /^Cannot read a\.parquet as Parquet: .* fetch it again$/,
  );
});

Deno.test("bytes that are not UTF-8 are told with offset and line", async () => {
  const latin1 = new Uint8Array([
    ...new TextEncoder().encode("text,label\nok \ufffd é,1\ncaf"),
    0xe9,
    0x2c,
    0x31,
  ]);
  await assertRefused(
    "a.csv",
    latin1,
    "Cannot read a.csv as UTF-8: found the byte 0xE9 at offset 26 in line 3; save the file as UTF-8, or say " +
      "what it is, as with --encoding windows-1252",
  );
  const late = new Uint8Array(400_006).fill(0xff);
  new TextEncoder().encodeInto(`text\n${"世\n".repeat(100_000)}`, late);
  await assertRefused(
    "a.csv",
    late,
    /found the byte 0xFF at offset 400005 in line 100002; /,
  );
  const cut = new TextEncoder().encode("text\n世").subarray(0, 7);
  await assertRefused("a.csv", cut, /found the byte 0xE4 at offset 5 in line 2/);
  const returns = Uint8Array.of(...new TextEncoder().encode("text\ra\rb\r"), 0xe9, 0x0d);
  await assertRefused("a.csv", returns, /found the byte 0xE9 at offset 9 in line 4/);
});

function utf16(text: string, { big = false } = {}): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(2 * text.length));
  for (let n = 0; n < text.length; n++) bytes.setUint16(2 * n, text.charCodeAt(n), !big);
  return new Uint8Array(bytes.buffer);
}

Deno.test("UTF-16 is read where a byte order mark says so, and named where none does", async () => {
  const expected = [[2, { text: "世界 é", label: "1" }]];
  for (const big of [false, true]) {
    assert.deepEqual(await rowsOf("a.csv", utf16("\ufefftext,label\r\n世界 é,1\r\n", { big })), expected);
  }
  assert.deepEqual(await rowsOf("a.tsv", utf16("\ufefftext\tlabel\n世界 é\t1")), expected);
  const remedy = (code: string) =>
    `Cannot read a.csv as it is UTF-16 without a byte order mark: give --encoding ${code}`;
  await assertRefused("a.csv", utf16("text,label\na,1\n"), remedy("utf-16le"));
  await assertRefused("a.csv", utf16("text,label\na,1\n", { big: true }), remedy("utf-16be"));
  await assertRefused(
    "a.csv",
    utf16("\ufefftext\na").subarray(0, 13),
    /as UTF-16, which its .* damaged or cut off$/,
  );
});

Deno.test("archives, workbooks and the like are known by their first bytes, whatever their name", async () => {
  const text = "text,label\na,1\n";
  const refused: [Uint8Array | string, string][] = [
    [zip({ "train.csv": text }), "a zip archive: unpack it first"],
    [zip({ "[Content_Types].xml": "<xml>" }), "an Excel workbook: save it from Excel as CSV UTF-8"],
    [zip({ "xl/workbook.xml": "<xml>" }), "an Excel workbook: save it from Excel as CSV UTF-8"],
    [Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0xa1), "an Excel workbook: save it from Excel as CSV UTF-8"],
    ["PAR1 …", "a Parquet file: give it a name that ends in .parquet"],
    [
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
      "a pointer of Git LFS: fetch the file itself with git lfs pull",
    ],
  ];
  for (const [content, what] of refused) {
    for (const name of ["a.csv", "a.jsonl", "a.csv.gz", "a.xlsx"]) {
      await assertRefused(name, content, `Cannot read ${name} as it is ${what}`);
    }
  }
});

Deno.test("a link is followed, and one to nothing is told", () =>
  inFolder(async (folder) => {
    const [file, link] = [join(folder, "a.csv"), join(folder, "link.csv")];
    await writeFile(file, "text\na\n");
    await symlink("a.csv", link);
    assert.equal((await readTable(link)).rows.length, 1);
    await rename(file, `${file}.old`);
    await assert.rejects(readTable(link), {
      name: "InputError",
      message: `Cannot read ${link}: it is a link to a.csv, which is not there`,
    });
    await mkdir(file);
    await assert.rejects(readTable(link), { message: /link\.csv as it is a folder: expected a CSV, / });
  }));

Deno.test("characters that are none of a text are kept", async () => {
  assert.deepEqual(await rowsOf("a.csv", "text,label\na\0b,\0\n"), [[2, { text: "a\0b", label: "\0" }]]);
});

Deno.test("a table that is not read to its end is closed", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.csv");
    await writeFile(path, `text\n${"a\n".repeat(500_000)}`);
    await using table = await openTable(path);
    for await (const { line } of table.rows) if (line === 3) break;
    await using unread = await openTable(path, { format: "csv" });
    assert.deepEqual(unread.columns, ["text"]); // Deno's tests fail if a file stays open
  }));

Deno.test("empty, missing, a folder, another kind of file", async () => {
  await assertRefused("a.csv", "", "Cannot read a.csv as it is empty: expected column names and rows");
  await assertRefused(
    "a.csv",
    "\ufeff \r\n\n",
    "Cannot read a.csv as it is empty: expected column names and rows",
  );
  await assertRefused(
    "a.csv",
    "text,label\n",
    "Cannot read a.csv as it has no rows: expected at least one",
  );
  await assertRefused(
    "a.xlsx",
    "PK",
    "Cannot read a.xlsx: expected a name that ends in .csv, .tsv, .txt, .jsonl or .parquet, or --format",
  );
  await assert.rejects(readTable("no/such.csv"), {
    name: "InputError",
    message: `Cannot read no/such.csv: there is no such file ${resolve("no/such.csv")}; check the path`,
  });
  await assert.rejects(readTable("lib"), {
    name: "InputError",
    message: "Cannot read lib as it is a folder: expected a CSV, TSV, JSON Lines or Parquet file",
  });
});
