import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compareCells, publishReport } from "../../lib/report/publish.ts";
import { InputError } from "../../lib/errors.ts";
import { mean } from "../../lib/results/statistics.ts";
import { cutting } from "../helpers/example_experiment.ts";
import { exampleResults } from "./example_results.ts";
import { tableRows } from "./pages.ts";
import { noData, reportOf } from "./report_folder.ts";
import { inFolder } from "../helpers/in_folder.ts";

const options = { find: noData, plotly: "" };
const parts = { experiments: [cutting] };
const first = new Date("2030-01-02T03:04:05Z");
const second = new Date("2030-01-05T03:04:05Z");

Deno.test("a second version stands beside the first, with what changed between them", () =>
  inFolder(async (folder) => {
    const site = join(folder, "site");
    const page = (...path: string[]) => readFile(join(site, ...path), "utf8");
    const before = await exampleResults(cutting, folder, {
      engine: "onnx",
      keep: (row, column) => row === "head-only" || column === "IMDb",
    });
    const old = await publishReport(await reportOf(folder, parts, first), site, options);
    assert.match(old.id, /^2030-01-02-[0-9a-f]{8}$/);
    assert.match(await page("index.html"), new RegExp(`url=versions/${old.id}/index.html"`));
    await assert.rejects(page("versions", old.id, "changes.html"));

    const more = await exampleResults(cutting, folder, {
      engine: "onnx",
      seeds: [2],
      keep: (row, column) => row !== "head-only" || column === "IMDb",
    });
    const now = await publishReport(await reportOf(folder, parts, second), site, options);
    assert.match(now.id, /^2030-01-05-[0-9a-f]{8}$/);
    assert.match(await page("index.html"), new RegExp(`url=versions/${now.id}/index.html"`));
    assert.match(await page("cutting", "index.html"), new RegExp(`url=../versions/${now.id}/cutting.html"`));
    assert.match(await page("versions", old.id, "index.html"), /<h1>/);
    const list = await page("versions", "index.html");
    assert.ok(list.indexOf(now.id) < list.lastIndexOf(old.id));
    assert.match(
      await page("versions", now.id, "index.html"),
      /<a href="changes.html">What changed since 2030-01-02/,
    );

    const changes = await page("versions", now.id, "changes.html");
    const error = (runs: typeof before, row: string) =>
      runs.filter(({ cell }) => cell.row === row && cell.column === "IMDb").map(({ test }) =>
        100 * test.errorRate
      );
    const changed = tableRows(changes, /the largest change first/);
    for (const row of ["head-only", "tail-only"]) {
      const [was, is] = [mean(error(before, row)), mean([...error(before, row), ...error(more, row)])];
      const line = changed.find(([cell]) => cell!.startsWith(`cutting, IMDb, ${row} (`));
      assert.deepEqual(line?.slice(1, 3) ?? [is.toFixed(2), is.toFixed(2)], [was.toFixed(2), is.toFixed(2)]);
    }
    assert.ok(changed.length > 0);
    assert.deepEqual(
      tableRows(changes, /^Mean test error in percent$/).map(([cell]) => cell!.split(" (")[0]),
      [
        "cutting, Sogou, tail-only",
      ],
    );
  }));

Deno.test("the same records again replace the newest version", () =>
  inFolder(async (folder) => {
    const site = join(folder, "site");
    await exampleResults(cutting, folder, { engine: "onnx" });
    const { id } = await publishReport(await reportOf(folder, parts, first), site, options);
    const again = await publishReport(await reportOf(folder, parts, second), site, options);
    assert.equal(again.id, id);
    const versions = JSON.parse(await readFile(join(site, "versions", "versions.json"), "utf8"));
    assert.deepEqual(versions, [again]);
  }));

Deno.test("a version whose folder was deleted is forgotten", () =>
  inFolder(async (folder) => {
    const site = join(folder, "site");
    await exampleResults(cutting, folder, { engine: "onnx" });
    const { id } = await publishReport(await reportOf(folder, parts, first), site, options);
    await rm(join(site, "versions", id), { recursive: true });
    await exampleResults(cutting, folder, { engine: "onnx", seeds: [2] });
    const now = await publishReport(await reportOf(folder, parts, second), site, options);
    const versions = JSON.parse(await readFile(join(site, "versions", "versions.json"), "utf8"));
    assert.deepEqual(versions, [now]);
    assert.ok(!(await readFile(join(site, "versions", "index.html"), "utf8")).includes(id));
  }));

Deno.test("a folder with another site's index.html is left alone", () =>
  inFolder(async (folder) => {
    const site = join(folder, "site");
    await mkdir(site);
    await writeFile(join(site, "index.html"), "mine");
    await exampleResults(cutting, folder, { engine: "onnx" });
    await assert.rejects(publishReport(await reportOf(folder, parts), site, options), {
      name: "InputError",
      message:
        `Cannot publish to ${site} as it has an index.html that is not of a report: name another folder with --to`,
    });
    assert.equal(await readFile(join(site, "index.html"), "utf8"), "mine");
  }));

Deno.test("cells are compared by everything that names them", () => {
  const csv = (rows: readonly string[]) =>
    ["experiment,scale,protocol,engine,precision,row,column,runs,mean_error", ...rows].join("\n");
  const cell = (engine: string, row: string, runs: number, error: number | "") =>
    `table2,mini,clean,${engine},f32,${row},IMDb,${runs},${error}`;
  const before = csv([cell("onnx", "a", 1, 20), cell("onnx", "b", 1, 30), cell("onnx", "c", 0, "")]);
  const after = csv([cell("onnx", "a", 2, 21), cell("xla", "b", 1, 30), cell("onnx", "c", 1, 5)]);
  const name = (engine: string, row: string) =>
    `table2, IMDb, ${row} (scale mini, protocol clean, ${engine}, f32)`;
  assert.deepEqual(compareCells(before, after), {
    changed: [{ cell: name("onnx", "a"), before: 20, after: 21 }],
    added: [{ cell: name("xla", "b"), after: 30 }, { cell: name("onnx", "c"), after: 5 }],
    gone: [{ cell: name("onnx", "b"), before: 30 }],
  });
});

Deno.test("a manifest that cannot be used is one sentence, and nothing is touched", () =>
  inFolder(async (folder) => {
    await exampleResults(cutting, folder, { engine: "onnx" });
    const report = await reportOf(folder, parts, first);
    const site = join(folder, "site");
    const manifest = join(site, "versions", "versions.json");
    const victim = join(folder, `victim-${report.fingerprint}`);
    for (const path of [victim, join(site, "versions")]) await mkdir(path, { recursive: true });
    await writeFile(join(victim, "cells.csv"), "kept");
    const good = { id: "2030-01-01-0", made: first.toISOString(), runs: 1 };
    const ids = [
      `../../victim-${report.fingerprint}`,
      victim,
      "..",
      ".",
      "",
      "a/b",
      "a\\b",
      7,
      null,
      ["a"],
      "a\0b",
    ];
    const manifests = [
      ...[null, 7, "text", true, {}, [null], [7], ["id"], [[]], [{}], [good, good]],
      ...[...ids, "index.html", "x.unfinished"].map((id) => [{ ...good, id }]),
      ...[{ made: "never" }, { made: 7 }, { runs: "1" }, { runs: -1 }].map((
        wrong,
      ) => [{ ...good, ...wrong }]),
    ];
    for (const text of [...manifests.map((all) => JSON.stringify(all)), "", "{", "\x1b[2J"]) {
      await writeFile(manifest, text);
      await assert.rejects(publishReport(report, site, options), (error: Error) => {
        assert.ok(error instanceof InputError, `${text}: ${error.stack}`);
        assert.ok(error.message.includes(manifest), error.message);
        assert.doesNotMatch(error.message, /\p{Cc}/u);
        return true;
      });
      assert.equal(await readFile(join(victim, "cells.csv"), "utf8"), "kept");
      assert.equal(await readFile(manifest, "utf8"), text);
    }
  }));

Deno.test("a folder of the site that leads elsewhere is refused", () =>
  inFolder(async (folder) => {
    await exampleResults(cutting, folder, { engine: "onnx" });
    const report = await reportOf(folder, parts, first);
    for (const name of ["versions", "cutting"]) {
      const [site, elsewhere] = [join(folder, `site-${name}`), join(folder, `elsewhere-${name}`)];
      for (const path of [site, elsewhere]) await mkdir(path);
      await symlink(elsewhere, join(site, name));
      await assert.rejects(publishReport(report, site, options), /is a link: name another folder/);
      assert.deepEqual(await readdir(elsewhere), []);
    }
  }));
