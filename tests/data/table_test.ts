import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTable, requireColumns } from "../../lib/data/table.ts";

/** Runs with a file of this content; errors come back without its folder. */
async function withFile<Result>(
  name: string,
  content: string | Uint8Array,
  run: (path: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "bertlab-table-"));
  try {
    const path = join(folder, name);
    await writeFile(path, content);
    return await run(path).catch((error) => {
      error.message = error.message.replaceAll(`${folder}/`, "");
      throw error;
    });
  } finally {
    await rm(folder, { recursive: true });
  }
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
      message: 'Cannot read train.csv as column "text" is missing: found "review", "label", "label"',
    });
    assert.throws(() => requireColumns(table, "review", "label"), {
      message: 'Cannot read train.csv as column "label" occurs 2 times: found "review", "label", "label"',
    });
  });
});

Deno.test("unbalanced quotes are told with the line where the row starts", async () => {
  const message = (line: number) =>
    `Cannot read a.csv as the quotes in the row that starts in line ${line} are not balanced: expected a value with ` +
    "quotes to stand in quotes itself, with each inner quote doubled";
  await assertRefused("a.csv", 'text,label\na,1\n"b,2\nc,3\n', message(3));
  await assertRefused("a.csv", 'text,label\n"a\nz",1\n\n"b,2\nc,"3"\nd,4\n', message(5));
  await assertRefused("a.csv", 'text,label\na,1\nb "c" d,2\n', message(3));
  await assertRefused("a.csv", '"text,label\na,1\n', message(1));
});

Deno.test("a row with other values than the header is told with its line", async () => {
  await assertRefused(
    "a.csv",
    "text,label\na,1\n\nb, c,2\n",
    "Cannot read a.csv as line 4 has 3 values: expected 2, as many as the header has; put values with commas in quotes",
  );
  await assertRefused(
    "a.tsv",
    "text\tlabel\na\n",
    /line 2 has 1 values: expected 2, .* put values with tabs in quotes$/,
  );
});

Deno.test("broken JSON Lines are told with the line", async () => {
  await assertRefused("a.jsonl", '{"text": "a"}\n{"text": \n', /^Cannot read line 2 of a\.jsonl as JSON: /);
  await assertRefused(
    "a.jsonl",
    "\n[1, 2]\n",
    "Cannot read line 2 of a.jsonl: expected a JSON object, found [1, 2]",
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
    "Cannot read a.csv as UTF-8: found the byte 0xE9 at offset 26 in line 3; save the file as UTF-8",
  );
  const utf16 = new Uint8Array([0xff, 0xfe, 0x74, 0x00, 0x0a, 0x00]);
  await assertRefused("a.csv", utf16, /found the byte 0xFF at offset 0 in line 1; save the file as UTF-8$/);
  const cut = new TextEncoder().encode("text\n世").subarray(0, 7);
  await assertRefused("a.csv", cut, /found the byte 0xE4 at offset 5 in line 2/);
});

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
    "Cannot read a.csv as it has no rows: expected at least one below the header line",
  );
  await assertRefused(
    "a.xlsx",
    "PK",
    "Cannot read a.xlsx: expected a name that ends in .csv, .tsv or .jsonl",
  );
  await assert.rejects(readTable("no/such.csv"), {
    name: "InputError",
    message: "Cannot read no/such.csv: there is no such file; check the path",
  });
  await assert.rejects(readTable("lib"), {
    name: "InputError",
    message: "Cannot read lib as it is a folder: expected a CSV, TSV or JSON Lines file",
  });
});
