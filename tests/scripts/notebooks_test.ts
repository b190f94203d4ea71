import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readRecords } from "../../lib/results/records.ts";
import { inCells, moduleOf, moved } from "../../scripts/check_notebooks.ts";
import { endsWithValue, type Notebook } from "../../scripts/notebook_file.ts";
import { notebooksCommand } from "../../scripts/notebooks.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { test } from "../helpers/slow.ts";

/** A notebook with a heading and these cells of code. */
const notebookOf = (...sources: readonly string[]): Notebook => ({
  cells: [
    { cell_type: "markdown", id: "heading", metadata: {}, source: "# Heading" },
    ...sources.map((source, n) => ({
      cell_type: "code",
      id: `cell-${n}`,
      metadata: {},
      execution_count: null,
      outputs: [],
      source,
    })),
  ],
  metadata: { kernelspec: { display_name: "Deno", language: "typescript", name: "deno" } },
  nbformat: 4,
  nbformat_minor: 5,
});

/** Tells whether a command could not run notebooks here, and warns if so. */
function skipped(error: string): boolean {
  const missing = /Cannot (?:run notebooks without|set up (?:Jupyter|nbconvert)).*/.exec(error)?.[0];
  if (missing) console.warn(`SKIPPED: running notebooks: ${missing}`);
  return missing !== undefined;
}

test.slow("a notebook's outputs are kept, and a second run gives the same", () =>
  inFolder(async (folder) => {
    const path = join(folder, "shows.ipynb");
    const show = `{
  [Symbol.for("Jupyter.display")]: () => ({ "text/plain": "a\\nb", "image/svg+xml": "<svg/>" }),
}`;
    const sources = [
      'const three: number = 3;\nconsole.log("said");\nconsole.error("only said");',
      `const shown = ${show};\nshown;`,
      "three + 1;",
    ];
    await writeFile(path, JSON.stringify(notebookOf(...sources)));
    const run = () => runInTest(notebooksCommand, "--folder", folder, "shows");
    const { code, out, error } = await run();
    if (skipped(error)) return;
    assert.equal(code, 0, error);
    assert.match(out, /^shows: done after \d+ s$/);
    assert.match(error, /^ {2}only said$/m);
    const text = await readFile(path, "utf8");
    const { cells }: Notebook = JSON.parse(text);
    assert.deepEqual(cells.slice(1).map(({ execution_count }) => execution_count), [1, 2, 3]);
    assert.deepEqual(cells.slice(1).map(({ outputs }) => outputs), [
      [{ name: "stdout", output_type: "stream", text: ["said\n"] }],
      [{
        data: { "image/svg+xml": ["<svg/>"], "text/plain": ["a\n", "b"] },
        execution_count: 2,
        metadata: {},
        output_type: "execute_result",
      }],
      [{ data: { "text/plain": ["4"] }, execution_count: 3, metadata: {}, output_type: "execute_result" }],
    ]);
    await run();
    assert.equal(await readFile(path, "utf8"), text);
  }));

test.slow("a notebook is written as a page that asks for nothing from a network", () =>
  inFolder(async (folder) => {
    const notebook = notebookOf("1 + 1;");
    const shown = { data: { "text/plain": "two bars", "image/svg+xml": "<svg/>" }, metadata: {} };
    const outputs = [{ output_type: "execute_result", execution_count: 1, ...shown }];
    const cells = notebook.cells.map((cell) => cell.cell_type === "code" ? { ...cell, outputs } : cell);
    await writeFile(join(folder, "one.ipynb"), JSON.stringify({ ...notebook, cells }));
    const pages = join(folder, "pages");
    const { code, out, error } = await runInTest(notebooksCommand, "--folder", folder, "--html", pages);
    if (skipped(error)) return;
    assert.equal(code, 0, error);
    assert.equal(out, `Wrote ${join(pages, "one.html")}`);
    const page = await readFile(join(pages, "one.html"), "utf8");
    assert.match(page, /<img alt="two bars" src="data:image\/svg\+xml/);
    assert.doesNotMatch(page, /<(?:script|link|img)[^>]*(?:src|href)="https?:/);
  }));

Deno.test("a cell that fails, or shows nothing where it ends with a value, fails and changes no file", () =>
  inFolder(async (folder) => {
    const broken = JSON.stringify(notebookOf("const a = 1;", 'throw new TypeError("no such thing");', "a;"));
    const silent = JSON.stringify(notebookOf("const a = 1;", "undefined;"));
    await writeFile(join(folder, "broken.ipynb"), broken);
    await writeFile(join(folder, "silent.ipynb"), silent);
    const { code, out, error } = await runInTest(notebooksCommand, "--folder", folder);
    if (skipped(error)) return;
    assert.equal(code, 1);
    assert.match(out, /^broken: failed after \d+ s\nsilent: failed after \d+ s$/);
    assert.match(error, /broken\.ipynb, cell 3: TypeError: no such thing$/m);
    assert.match(error, /silent\.ipynb, cell 3: it ends with a value, and nothing is shown$/m);
    assert.match(error, /2 of 2 notebooks failed and are as they were: broken, silent$/);
    assert.equal(await readFile(join(folder, "broken.ipynb"), "utf8"), broken);
    assert.equal(await readFile(join(folder, "silent.ipynb"), "utf8"), silent);
  }));

test.slow("a kernel that is interrupted leaves whole records, and the next run goes on from them", () =>
  inFolder(async (folder) => {
    const path = join(folder, "reproduces.ipynb");
    const results = join(folder, "results");
    for (const name of ["deno.json", "deno.lock"]) { // the kernel reads those of the notebook's folder
      await copyFile(join(import.meta.dirname!, "../..", name), join(folder, name));
    }
    const from = (file: string) => JSON.stringify(import.meta.resolve(`../../${file}`));
    await writeFile(
      path,
      JSON.stringify(notebookOf(
        `import { cutting } from ${from("tests/helpers/example_experiment.ts")};
import { madeUpRun } from ${from("tests/helpers/made_up_run.ts")};
import { reproduce } from ${from("lib/notebook/reproduce.ts")};`,
        `let ran = 0;
const { records } = await reproduce(cutting, {
  results: ${JSON.stringify(results)},
  runCell: async (configuration) => {
    if (++ran === 3) {
      Deno.kill(Deno.pid, "SIGINT");
      await new Promise(() => {});
    }
    return await madeUpRun(configuration, 40, 4);
  },
});
records.length;`,
      )),
    );
    const before = await readFile(path, "utf8");
    const run = () => runInTest(notebooksCommand, "--folder", folder);
    const first = await run();
    if (skipped(first.error)) return;
    assert.equal(first.code, 1, first.out);
    assert.match(first.error, /Cannot run .*reproduces\.ipynb: .*kernel/i);
    assert.equal(await readFile(path, "utf8"), before);
    const { records, warnings } = await readRecords(join(results, "mini"));
    assert.deepEqual([records.length, warnings], [2, []]);
    const second = await run();
    assert.equal(second.code, 0, second.error);
    const { cells }: Notebook = JSON.parse(await readFile(path, "utf8"));
    assert.deepEqual(cells.at(-1)!.outputs!.at(-1)!.data, { "text/plain": ["4"] });
  }));

Deno.test("a name that is not there, and a file that is no notebook, are told in a sentence", () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, "table2.ipynb"), "{}");
    const missing = await runInTest(notebooksCommand, "--folder", folder, "table9");
    assert.equal(missing.code, 1);
    assert.equal(missing.error, `Cannot find the notebook "table9" in ${folder}: found table2`);
    const empty = await runInTest(notebooksCommand, "--folder", folder);
    assert.equal(empty.code, 1);
    assert.equal(
      empty.error,
      `Cannot use ${join(folder, "table2.ipynb")} as "cells" is missing; save it with a new Jupyter, as a ` +
        "notebook of nbformat 4.5",
    );
  }));

Deno.test("a cell ends with a value if its last statement is an expression", () => {
  for (
    const source of [
      "a;",
      "const a = 1;\na",
      "await show(\n  a,\n);",
      "[1, 2].map((n) => {\n  return n;\n});",
    ]
  ) {
    assert.ok(endsWithValue(source), source);
  }
  const silent = [
    "const a = 1;",
    'import { a } from "a";',
    "for (const a of b) {\n  a();\n}",
    "const a = await f(\n  1,\n);",
    "// only a remark",
    "",
    "console.log(1);",
  ];
  for (const source of silent) assert.ok(!endsWithValue(source), source);
});

Deno.test("cells are checked as one module, and what is found is told by cell", () => {
  const { text, cellOf } = moduleOf(
    notebookOf('import { a } from "../mod.ts";\na;', 'const b = await import("./b.ts");\nb;'),
  );
  assert.equal(text, 'import { a } from "../mod.ts";\na;\n\nconst b = await import("./b.ts");\nb;\n');
  assert.deepEqual(cellOf, [2, 2, 3, 3, 3]);
  assert.equal(
    moved(text, "/project/notebooks"),
    'import { a } from "file:///project/mod.ts";\na;\n\n' +
      'const b = await import("file:///project/notebooks/b.ts");\nb;\n',
  );
  const modules = new Map([["/tmp/cells/table2.ts", cellOf]]);
  assert.equal(
    inCells("TS1 at file:///tmp/cells/table2.ts:4:7\n --> /tmp/cells/table2.ts:1:1", modules),
    "TS1 at table2.ipynb, cell 3\n --> table2.ipynb, cell 2",
  );
});
