import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { publishCommand } from "../../scripts/publish.ts";
import { reportCommand, type ReportParts } from "../../scripts/report.ts";
import { cutting } from "../helpers/example_experiment.ts";
import { exampleResults } from "../report/example_results.ts";
import { noData } from "../report/report_folder.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";

const run = (command: typeof reportCommand, ...args: string[]) =>
  runInTest((output) => {
    const parts: ReportParts = {
      experiments: [cutting],
      dataTables: [],
      claimsAt: () => [],
      find: noData,
      plotly: () => Promise.resolve("plotly"),
      output,
    };
    return command(parts);
  }, ...args);

Deno.test("report writes beside the records, or where it is told to", () =>
  inFolder(async (folder) => {
    await exampleResults(cutting, folder, { engine: "onnx" });
    const beside = join(folder, "mini", "report");
    assert.deepEqual(await run(reportCommand, "--results", folder), {
      code: 0,
      out: `Wrote ${join(beside, "index.html")}`,
      error: "",
    });
    const elsewhere = join(folder, "elsewhere");
    assert.equal((await run(reportCommand, "--results", folder, "--output", elsewhere)).code, 0);
    const files = (await readdir(elsewhere)).sort();
    assert.deepEqual(files, (await readdir(beside)).sort());
    for (
      const name of ["index.html", "cutting.html", "cutting.md", "runs.csv", "report.bib", "plotly.min.js"]
    ) {
      assert.ok(files.includes(name), name);
    }
  }));

Deno.test("publish writes a version and says where", () =>
  inFolder(async (folder) => {
    await exampleResults(cutting, folder, { engine: "onnx" });
    const site = join(folder, "site");
    const { code, out, error } = await run(publishCommand, "--results", folder, "--to", site);
    assert.deepEqual([code, error], [0, ""]);
    const [version] = (await readdir(join(site, "versions"))).filter((name) => !/\.(json|html)$/.test(name));
    assert.equal(out, `Wrote ${join(site, "versions", version!, "index.html")}`);
  }));

Deno.test("without records both commands end with a sentence", () =>
  inFolder(async (folder) => {
    const message =
      `Cannot make a report from ${join(folder, "mini")} as it has no records: run deno task reproduce ` +
      "first, or name another folder with --results or another scale with --scale";
    const failed = { code: 1, out: "", error: message };
    assert.deepEqual(await run(reportCommand, "--results", folder), failed);
    assert.deepEqual(await run(publishCommand, "--results", folder, "--to", join(folder, "site")), failed);
    assert.match((await run(publishCommand, "--results", folder)).error, /--to/);
  }));
