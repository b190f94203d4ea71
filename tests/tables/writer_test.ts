import assert from "node:assert/strict";
import { mkdir, readdir, readFile, realpath, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SchemaElement } from "hyparquet";
import { openTable, readTable, tableFormats } from "../../lib/tables/table.ts";
import { keepsType, numberType } from "../../lib/tables/parquet_types.ts";
import { type TableLayout, writeTable } from "../../lib/tables/writer.ts";
import type { OutputRow } from "../../lib/tables/rows.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { noSmallDisk, smallDisk } from "../helpers/small_disk.ts";

async function* batches(...rows: (readonly Record<string, unknown>[])[]): AsyncGenerator<OutputRow[]> {
  for (const some of rows) yield some.map((row) => new Map(Object.entries(row)));
}

const layout = (format: TableLayout["format"]): TableLayout => ({
  format,
  columns: ["text", "p"],
  types: [numberType("p")],
});

const nasty = [
  'a "quoted" word, and a comma',
  "tab\tand\nline\r\nends\r",
  "\rfirst",
  "  spaces  ",
  "世界 😀",
  "",
  "a\0b",
];

for (const format of tableFormats) {
  Deno.test(`${format}: what is written is read again, value for value`, () =>
    inFolder(async (folder) => {
      const path = join(folder, `out.${format}`);
      const rows = nasty.map((text, n) => ({ text, p: n === 5 ? null : n / 8 }));
      await writeTable(path, layout(format), batches(rows.slice(0, 3), rows.slice(3)));
      const table = await readTable(path);
      assert.deepEqual(table.columns, ["text", "p"]);
      assert.deepEqual(
        table.rows.map(({ values }) => Object.fromEntries(values)),
        rows.map(({ text, p }) => ({ text, p: p === null ? "" : `${p}` })),
      );
      assert.deepEqual(await readdir(folder), [`out.${format}`]);
    }));
}

Deno.test("a table without rows has its header", () =>
  inFolder(async (folder) => {
    const path = join(folder, "out.csv");
    await writeTable(path, layout("csv"), batches());
    assert.equal(await readFile(path, "utf8"), "text,p\n");
  }));

Deno.test("JSON Lines have the fields that a row has, with their types and all digits", () =>
  inFolder(async (folder) => {
    const path = join(folder, "out.jsonl");
    const long = { id: 12345678901234567890n, when: new Date(0), list: [1, 2n] };
    await writeTable(path, layout("jsonl"), batches([{ text: "a", p: null }, long]));
    assert.equal(
      await readFile(path, "utf8"),
      '{"text":"a","p":null}\n{"id":12345678901234567890,"when":"1970-01-01T00:00:00.000Z","list":[1,2]}\n',
    );
  }));

Deno.test("cells that spreadsheets take for formulas get an apostrophe if asked for, numbers stay", () =>
  inFolder(async (folder) => {
    const cells = ["=1+1", "+a", "-a", "@a", "\ta", "\ra", "\na", "＝a", "-1.5e3", "+7", "a=1", "", "'=1"];
    const kept = cells.slice(8);
    for (const format of ["csv", "tsv"] as const) {
      const path = join(folder, `out.${format}`);
      const columns = ["=text", "p"];
      for (const safe of [false, true]) {
        const rows = cells.map((cell) => ({ "=text": cell, p: -0.5 }));
        await writeTable(path, { format, columns, safe }, batches(rows));
        const { rows: found, columns: names } = await readTable(path);
        const texts = found.map(({ values }) => values.get(names[0]!));
        const changed = [...cells.slice(0, 8).map((cell) => `'${cell}`), ...kept];
        assert.deepEqual([names[0], texts], safe ? ["'=text", changed] : ["=text", cells]);
        assert.ok(found.every(({ values }) => values.get("p") === "-0.5"));
      }
    }
  }));

Deno.test("Parquet columns keep types that have values of their own, the others become texts", () =>
  inFolder(async (folder) => {
    const path = join(folder, "out.parquet");
    const types: SchemaElement[] = [
      { name: "id", type: "INT64" },
      { name: "yes", type: "BOOLEAN" },
      { name: "when", type: "INT64", converted_type: "TIMESTAMP_MILLIS" },
      { name: "day", type: "INT32", converted_type: "DATE" },
      { name: "byte", type: "INT32", logical_type: { type: "INTEGER", bitWidth: 8, isSigned: false } },
    ];
    const others: SchemaElement[] = [
      { name: "list", converted_type: "LIST", num_children: 1 },
      { name: "micros", type: "INT64", converted_type: "TIMESTAMP_MICROS" },
      { name: "price", type: "INT32", converted_type: "DECIMAL", scale: 2 },
      { name: "bytes", type: "BYTE_ARRAY" },
    ];
    assert.deepEqual(types.map(keepsType), [true, true, true, true, true]);
    assert.deepEqual(others.map(keepsType), [false, false, false, false]);
    const row = {
      id: 9007199254740993n,
      yes: true,
      when: new Date(1e12),
      day: new Date(864e5),
      byte: 255,
      list: [1, 2],
    };
    const columns = [...types, ...others].map(({ name }) => name);
    await writeTable(path, { format: "parquet", columns, types }, batches([row], [{ id: null }]));
    await using table = await openTable(path);
    const found = await Array.fromAsync(table.rows, ({ typed }) => Object.fromEntries(typed!));
    assert.deepEqual(found[0], { ...row, list: "[1,2]", micros: null, price: null, bytes: null });
    // pyarrow refuses the newer name of a type of whole numbers as hyparquet-writer writes it.
    const byte = table.types!.find(({ name }) => name === "byte");
    assert.deepEqual([byte!.converted_type, byte!.logical_type], ["UINT_8", undefined]);
    assert.deepEqual(Object.values(found[1]!), columns.map(() => null));
  }));

Deno.test("a file that is not written to its end leaves the older one, and nothing beside it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "out.csv");
    await writeFile(path, "old");
    const failing = async function* (): AsyncGenerator<OutputRow[]> {
      yield [new Map([["text", "new"]])];
      throw new Error("on the way");
    };
    await assert.rejects(writeTable(path, layout("csv"), failing()), { message: "on the way" });
    assert.deepEqual([await readFile(path, "utf8"), await readdir(folder)], ["old", ["out.csv"]]);
  }));

Deno.test("where nothing can be written, one sentence says so", () =>
  inFolder(async (folder) => {
    await assert.rejects(writeTable(join(folder, "no", "out.csv"), layout("csv"), batches()), {
      name: "InputError",
      message: /^Cannot write .*out\.csv: .*no such file or directory/i,
    });
    await assert.rejects(writeTable(folder, layout("csv"), batches()), {
      name: "InputError",
      message: `Cannot write ${folder} as it is a folder: give a file`,
    });
  }));

Deno.test("behind a link, the file that it names is replaced", () =>
  inFolder(async (folder) => {
    const inner = join(await realpath(folder), "inner");
    await mkdir(inner);
    await writeFile(join(inner, "real.csv"), "old");
    await symlink(join(inner, "real.csv"), join(folder, "link.csv"));
    await writeTable(join(folder, "link.csv"), layout("csv"), batches([{ text: "a", p: 1 }]));
    assert.equal(await readFile(join(inner, "real.csv"), "utf8"), "text,p\na,1\n");
    assert.deepEqual(await readdir(inner), ["real.csv"]);
  }));

Deno.test({
  name: `a disk that becomes full is told, and its part of the file is removed${noSmallDisk}`,
  ignore: noSmallDisk !== "",
  async fn() {
    const disk = smallDisk(10 * 4096);
    try {
      const long = { text: "a".repeat(30_000), p: 1 };
      await assert.rejects(writeTable(join(disk.folder, "out.csv"), layout("csv"), batches([long], [long])), {
        name: "InputError",
        message: /^Cannot write .*out\.csv: .*no space left on device.*; make room and start again$/i,
      });
      assert.deepEqual(await readdir(disk.folder), []);
    } finally {
      disk.remove();
    }
  },
});
