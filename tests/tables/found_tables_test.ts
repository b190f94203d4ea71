/** Tables as people have them: separators, encodings, quotes and JSON that are not the usual ones. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { jsonFileRows } from "../../lib/tables/json_document.ts";
import { openTable, readTable, type TableOptions } from "../../lib/tables/table.ts";
import { inFolder } from "../helpers/in_folder.ts";

function read(name: string, content: string | Uint8Array, options?: TableOptions) {
  return inFolder(async (folder) => {
    const path = join(folder, name);
    await writeFile(path, content);
    await using table = await openTable(path, options);
    const rows = await Array.fromAsync(table.rows, ({ line, values }) => [line, ...values.values()]);
    return { note: table.note.replace(`${folder}/`, ""), rows, columns: table.columns, keys: table.keys };
  });
}

const utf16 = (text: string) =>
  new Uint8Array(new Uint16Array(Array.from(`\ufeff${text}`, (c) => c.charCodeAt(0))).buffer);
const rows = [[2, "A slow, dull lamp", "neg"], [3, "A warm soup", "pos"]];

Deno.test("separators and encodings are found out and told", async () => {
  const cases: [string, string | Uint8Array, string][] = [
    [
      "a.csv",
      'text;label\n"A slow, dull lamp";neg\nA warm soup;pos\n',
      "a.csv is read with semicolons between values",
    ],
    [
      "a.csv",
      "text;label\nA slow, dull lamp;neg\nA warm soup;pos\n",
      "a.csv is read with semicolons between values",
    ],
    [
      "a.csv",
      "text\tlabel\nA slow, dull lamp\tneg\nA warm soup\tpos\n",
      "a.csv is read with tabs between values",
    ],
    [
      "a.csv",
      utf16("text\tlabel\r\nA slow, dull lamp\tneg\r\nA warm soup\tpos\r\n"),
      "a.csv is read as UTF-16, with tabs between values",
    ],
    [
      "a.txt",
      utf16("text\tlabel\r\nA slow, dull lamp\tneg\r\nA warm soup\tpos\r\n"),
      "a.txt is read as UTF-16",
    ],
    ["a.txt", "text\tlabel\nA slow, dull lamp\tneg\nA warm soup\tpos\n", ""],
    [
      "a.tsv",
      "text|label\nA slow, dull lamp|neg\nA warm soup|pos\n",
      "a.tsv is read with bars between values",
    ],
    ["a.csv", 'text,label\n"A slow, dull lamp",neg\nA warm soup,pos\n', ""],
  ];
  for (const [name, content, note] of cases) {
    const found = await read(name, content);
    assert.deepEqual([found.rows, found.note], [rows, note]);
  }
  const said = await read("a.csv", "sep=;\r\ntext;label\r\nA slow, dull lamp;neg\r\nA warm soup;pos\r\n");
  assert.deepEqual(said.rows, [[3, "A slow, dull lamp", "neg"], [4, "A warm soup", "pos"]]);
});

Deno.test("a separator that only stands in texts or in the header is none", async () => {
  assert.deepEqual((await read("a.csv", "text\nso; well\nno\n")).columns, ["text"]);
  assert.deepEqual((await read("a.csv", "text|x\nso\nno\n")).columns, ["text|x"]);
  const { columns } = await read("a.csv", "text;x,label;y\n1;2,a;b\n3;4,c;d\n");
  assert.deepEqual(columns, ["text;x", "label;y"]);
});

Deno.test("separator and encoding may be given", async () => {
  const content = Uint8Array.of(...new TextEncoder().encode("text#label\ncaf"), 0xe9, 0x23, 0x31, 0x0a);
  const { rows, note } = await read("a.csv", content, { separator: "#", encoding: "windows-1252" });
  assert.deepEqual([rows, note], [[[2, "café", "1"]], ""]);
  await assert.rejects(read("a.csv", "text\na\n", { encoding: "klingon" }), { name: "InputError" });
});

Deno.test("text that is packed with gzip is read, and damage told", async () => {
  const texts = {
    "a.csv.gz": "text,label\na,1\n",
    "a.tsv.gz": "text\tlabel\na\t1\n",
    "a.jsonl.gz": '\n{"text":"a","label":1}',
  };
  for (const [name, text] of Object.entries(texts)) {
    const packed = gzipSync(text);
    assert.deepEqual((await read(name, packed)).rows, [[2, "a", "1"]]);
    await assert.rejects(read(name, packed.subarray(0, -9)), {
      name: "InputError",
      message: /^Cannot unpack .* with gzip: /,
    });
  }
  // Two packed parts in a row are one text, as for gunzip.
  const parts = Uint8Array.of(...gzipSync("text,label\na,1\n"), ...gzipSync("b,2\n"));
  assert.deepEqual((await read("a.csv.gz", parts)).rows, [[2, "a", "1"], [3, "b", "2"]]);
});

Deno.test("quotes inside a value that does not begin with one are characters", async () => {
  const { rows } = await read("a.csv", 'text,label\nThe 5" lamp,pos\nb "c" d,2\n, "e"\n"f ""g""",h"\n');
  assert.deepEqual(rows, [[2, 'The 5" lamp', "pos"], [3, 'b "c" d', "2"], [4, "", ' "e"'], [
    5,
    'f "g"',
    'h"',
  ]]);
});

const swallowing = (separator: string) =>
  [
    "text,label",
    '" The lamp,neg',
    "A soup,pos",
    "A train,neg",
    'A novel",pos',
    "A radio,neg",
    "A kettle,pos",
    "",
  ]
    .join("\n").replaceAll(",", separator);

Deno.test("a quote that swallows rows is refused with its line, unless quotes are given a meaning", async () => {
  for (const [name, separator] of [["a.csv", ","], ["a.tsv", "\t"], ["a.csv", ";"]] as const) {
    const content = swallowing(separator);
    await assert.rejects(read(name, content), {
      name: "InputError",
      message: /row that starts in line 2 seems to swallow .*--quotes none/,
    });
    const characters = await read(name, content, { quotes: "none" });
    assert.deepEqual([characters.rows.length, characters.rows[0]], [6, [2, '" The lamp', "neg"]]);
    assert.equal((await read(name, content, { quotes: "csv" })).rows.length, 3);
  }
  // Of two rows only the cells of later rows tell.
  await assert.rejects(read("a.csv", 'text,label\n"a,neg\nb",pos\nc,pos\nd,neg\n'), {
    message: /line 2 seems/,
  });
  await assert.rejects(read("a.csv", 'text,label\n"a,neg\n"b, c",pos\n'), { message: /not balanced/ });
});

Deno.test("texts of several lines with commas are no swallowed rows", async () => {
  const letters = 'text,label\n"Dear all,\nno, thanks",neg\n"Well, yes\nno",yes\n"Hello,yes or\nno",neg\n';
  assert.equal((await read("a.csv", letters)).rows.length, 3);
});

Deno.test("columns of one name, or without one, have their place added in the rows", async () => {
  const { columns, keys, rows } = await read("a.csv", "text,label,,,id,id,id_6\na,1,,,x,y,z\n");
  assert.deepEqual(columns, ["text", "label", "", "", "id", "id", "id_6"]);
  assert.deepEqual(keys, ["text", "label", "", "column_4", "id", "id_7", "id_6"]);
  assert.deepEqual(rows, [[2, "a", "1", "", "", "x", "y", "z"]]);
});

Deno.test("JSON: a list of objects, bare or under a name, on one line or many, is read", async () => {
  const items = [{ text: "a", label: 1 }, { text: "b", label: 2 }];
  const expected = [[1, "a", "1"], [2, "b", "2"]];
  for (const content of [items, { data: items }, { data: items, version: "1" }, { rows: items }]) {
    for (const text of [JSON.stringify(content), JSON.stringify(content, null, 1)]) {
      for (const before of ["", "\n\n", "\ufeff"]) {
        assert.deepEqual((await read("a.json", before + text)).rows, expected, before + text);
      }
    }
  }
  await assert.rejects(read("a.json", '[{"text": "a"},\n'), {
    name: "InputError",
    message: /it may be cut off$/,
  });
  await assert.rejects(read("a.json", '{"a": [1],\n"b": 2}\n'), {
    name: "InputError",
    message: /expected a list of objects/,
  });
  const lines = await read("a.jsonl", '{"spans": [{"from": 1}]}\n{"spans": [{"from": 2}]}\n');
  assert.deepEqual(lines.rows, [[1, '[{"from":1}]'], [2, '[{"from":2}]']]);
});

Deno.test("JSON on one line is searched once, however many pieces it comes in, and lines in pieces are rows", async () => {
  const count = 10_000, item = JSON.stringify({ text: "a".repeat(980) });
  const items = Array.from({ length: count }, (_, n) => n === 0 ? item : `,${item}`);
  const rowCount = async (...pieces: string[]) => {
    const given = async function* () {
      yield* pieces;
    };
    return (await Array.fromAsync(jsonFileRows("a.json", given()))).length;
  };
  const start = performance.now();
  assert.equal(await rowCount('{"data":[', ...items, "]}"), count);
  assert.equal(await rowCount(" ", "[", ...items, "]"), count);
  // To search all again with each piece takes minutes.
  assert.ok(performance.now() - start < 20_000);
  assert.equal(await rowCount(" \n", '{"text"', ':"a"}', "\r", "\n", '{"text":"b"}'), 2);
});

Deno.test("a whole table is read with the same options", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.dat");
    await writeFile(path, "text\na\n");
    assert.equal((await readTable(path, { format: "csv" })).rows.length, 1);
  }));
