import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Dataset, fingerprintOf } from "../../lib/data/examples.ts";
import { InputError } from "../../lib/errors.ts";
import { parseCsv } from "../../lib/report/csv.ts";
import type { Claim } from "../../lib/results/claims.ts";
import { mean, standardDeviation } from "../../lib/results/statistics.ts";
import { cutting, twoSets } from "../helpers/example_experiment.ts";
import { exampleResults } from "./example_results.ts";
import { tableRows, textOf } from "./pages.ts";
import { reportOf, written } from "./report_folder.ts";
import { inFolder } from "../helpers/in_folder.ts";

const seeds = { engine: "onnx", seeds: [1, 2, 3] };

const claim: Claim = {
  name: "tail beats head",
  section: "5.3.1",
  sentence: "The end of a text serves better than its beginning.",
  experiment: "cutting",
  better: "tail-only",
  than: ["head-only"],
  columns: ["IMDb", "Sogou"],
  paper: 0.2,
  resolution: { unpaired: 0.3, paired: 0.2 },
};

const dataTable = twoSets("chinese-poets");

Deno.test("the page's numbers are those of the records", () =>
  inFolder(async (folder) => {
    const records = await exampleResults(cutting, folder, seeds);
    const page = (await written(folder, { experiments: [cutting] }))("cutting.html");
    const rows = tableRows(page, /: test error, %$/);
    assert.equal(rows.length, 4);
    for (const [place, [row, paper, ours, delta, difference]] of rows.entries()) {
      const column = place < 2 ? "IMDb" : "Sogou";
      const errors = (row: string) =>
        records.filter(({ cell }) => cell.row === row && cell.column === column)
          .map(({ test }) => 100 * test.errorRate);
      const found = errors(row!);
      const middle = mean(found);
      assert.equal(ours, `${middle.toFixed(2)} ± ${standardDeviation(found)!.toFixed(2)} (3)`);
      const number = (text: string) => Number(text.replace("−", "-"));
      assert.ok(Math.abs(number(delta!) - (middle - Number(paper))) < 0.006);
      if (row === "head-only") assert.equal(difference, "–");
      else {
        const [text, low, high] = /^(\S+) \[(\S+), (\S+)\]$/.exec(difference!)!.slice(1).map(number);
        assert.ok(Math.abs(text! - (middle - mean(errors("head-only")))) < 0.006);
        assert.ok(low! < text! && text! < high!);
      }
    }
    assert.equal(rows[1]![1], "5.44");
    const brier = mean(
      records.filter(({ cell }) => cell.row === "head-only" && cell.column === "IMDb").map(({ test }) =>
        test.brier
      ),
    );
    assert.equal(tableRows(page, /^Means over seeds/)[0]![3], brier.toFixed(3));
    assert.match(page, /<img src="cutting-differences\.svg"/);
    assert.ok(!page.includes("cutting-errors.svg"), "the paper's 5 % and 20 % are not put on one axis");
    assert.ok(
      page.includes(`deno task reproduce cutting --scale mini --seeds 3 --engine onnx --results ${folder}<`),
    );
    const curves = tableRows(page, /development error, % by epochs$/);
    assert.deepEqual(
      curves.filter(([row]) => row === "head-only").map(([, epoch]) => epoch),
      [..."12", ..."12345"],
      "the numbers of the figure",
    );
  }));

Deno.test("a drawing of what rows set stands beside the errors, a figure of the errors in their place", () =>
  inFolder(async (folder) => {
    await exampleResults(cutting, folder, seeds);
    const figure = () => ({ title: "Drawn", x: "x", y: "y", panels: [{ title: "one", curves: [] }] });
    for (const figureOfSettings of [true, false]) {
      const experiments = [{ ...cutting, figure, figureOfSettings }];
      const page = (await written(folder, { experiments }))("cutting.html");
      assert.match(page, /<img src="cutting\.svg"/);
      assert.match(page, /<img src="cutting-differences\.svg"/);
      const own = page.indexOf("cutting.svg") < page.indexOf("cutting-differences.svg");
      assert.equal(own, !figureOfSettings, "results come first");
      assert.equal(page.includes("Drawn. Where there are several seeds"), !figureOfSettings);
    }
  }));

Deno.test("CSV and Markdown hold the same numbers", () =>
  inFolder(async (folder) => {
    const records = await exampleResults(cutting, folder, seeds);
    const file = await written(folder, { experiments: [cutting] });
    const runs = parseCsv(file("runs.csv"));
    assert.deepEqual(
      runs.map(({ run, test_error, used_by, seed }) => [run, Number(test_error), used_by, Number(seed)]),
      records.map(({ hash, test, seed }) => [hash, 100 * test.errorRate, "cutting", seed]),
    );
    const cells = parseCsv(file("cells.csv"));
    assert.deepEqual(cells.map(({ column, row }) => [column, row]), [
      ["IMDb", "head-only"],
      ["IMDb", "tail-only"],
      ["Sogou", "head-only"],
      ["Sogou", "tail-only"],
    ]);
    assert.equal(
      Number(cells[3]!["mean_error"]).toFixed(2),
      mean(
        records.filter(({ cell }) => cell.row === "tail-only" && cell.column === "Sogou").map((record) =>
          100 * record.test.errorRate
        ),
      ).toFixed(2),
    );
    assert.equal(parseCsv(file("epochs.csv")).length, records.flatMap(({ epochs }) => epochs).length);
    assert.match(file("cutting.md"), new RegExp(`${Number(cells[0]!["mean_error"]).toFixed(2)} ± `));
    assert.match(file("report.md"), /\[Section 5\.3\.1\]\(cutting\.md\)/);
    assert.match(
      file("report.bib"),
      /@inproceedings\{sun2019finetune,[^]*@misc\{bertlab-2030-01-02-[0-9a-f]{8},/,
    );
  }));

Deno.test("half of the records make a report that says what is missing", () =>
  inFolder(async (folder) => {
    await exampleResults(cutting, folder, {
      ...seeds,
      keep: (row, _, seed) => row === "head-only" || seed === 1,
    });
    const other = {
      ...cutting,
      name: "other",
      scales: { mini: { ...cutting.scales.mini!, settings: { epochs: 9 } } },
    };
    const file = await written(folder, {
      experiments: [cutting, other],
      claims: [claim],
      dataTables: [dataTable],
    });
    const page = file("cutting.html");
    assert.match(page, /4 of 12 runs are missing: IMDb, tail-only, seed 2; Sogou, tail-only, seed 2; /);
    const tail = tableRows(page, /: test error, %$/)[1]!;
    assert.match(tail[2]!, /^\d+\.\d\d \(1 of 3\)$/);
    assert.match(tail[8]!, / \(one seed\)$/);
    assert.match(textOf(file("other.html")), /No runs yet\./);
    const index = file("index.html");
    const lines = tableRows(index, /^What was run$/);
    assert.deepEqual(lines.map(([name, , runs]) => [name, runs]), [
      ["Table 1", "–"],
      ["Section 5.3.1", "8 of 12"],
      ["Section 5.3.1", "0 of 4"],
    ]);
    assert.match(index, /not measured yet: IMDb, Sogou\./);
    assert.match(textOf(file("sets.html")), /Not measured yet: IMDb, Sogou\./);
    assert.match(tableRows(index, /^Claims/)[0]![1]!, /[( ]one seed\)$/);
  }));

Deno.test("each combination of protocol and engine has its own section, that with most runs first", () =>
  inFolder(async (folder) => {
    await exampleResults(cutting, folder, { ...seeds, protocol: "paper", seeds: [1] });
    await exampleResults(cutting, folder, seeds);
    const file = await written(folder, { experiments: [cutting], claims: [claim] });
    const headings = [...file("cutting.html").matchAll(/<h2>(.*?)<\/h2>/g)].map(([, text]) => text);
    assert.deepEqual(headings, ["Protocol clean, engine onnx, f32", "Protocol paper, engine onnx, f32"]);
    assert.match(file("cutting.html"), /--seeds 1 --protocol paper --engine onnx --results /);
    assert.equal(tableRows(file("index.html"), /^Claims/).length, 2);
  }));

Deno.test("runs with another model than the experiment's have their own section, and the command names it", () =>
  inFolder(async (folder) => {
    const large = { ...cutting.rows["tail-only"], model: "bert-large-uncased" };
    const sizes = { ...cutting, rows: { ...cutting.rows, "tail-only": large } };
    await exampleResults(sizes, folder, { ...seeds, model: "models/my bert" });
    const { experiments: [alone], claims } = await reportOf(folder, {
      experiments: [sizes],
      claims: [claim],
    });
    assert.deepEqual(
      alone!.sections.map((
        { combination, records, cells },
      ) => [combination.model, records.size, cells.length]),
      [["models/my bert", 12, 12]],
    );
    assert.deepEqual(claims.map(({ combination }) => combination.model), ["models/my bert"]);
    await exampleResults(sizes, folder, { ...seeds, keep: (row) => row === "head-only" });
    const file = await written(folder, { experiments: [sizes], claims: [claim] });
    const headings = [...file("cutting.html").matchAll(/<h2>(.*?)<\/h2>/g)].map(([, text]) => text);
    const how = "Protocol clean, engine onnx, f32";
    assert.deepEqual(headings.sort(), [how, `${how}, model models/my bert`]);
    assert.match(file("cutting.md"), /--engine onnx --model "models\/my bert" --results /);
    assert.match(
      file("cutting.md"),
      /The model is models\/my bert instead of bert-base-uncased: what is said of bert-base-uncased is not of it\./,
    );
  }));

Deno.test("a model that is another experiment's own is another model, one that is its own with other layers is not", () =>
  inFolder(async (folder) => {
    const mini = { ...cutting.scales.mini!, settings: { model: "minilm", layers: 4 } };
    const small = { ...cutting, name: "small", scales: { mini } };
    await exampleResults(cutting, folder, seeds);
    await exampleResults(small, folder, seeds);
    await exampleResults(cutting, folder, { ...seeds, model: "minilm" });
    await exampleResults(small, folder, { ...seeds, model: "bert-base-uncased", seeds: [1] });
    const { experiments, warnings } = await reportOf(folder, { experiments: [cutting, small] });
    assert.deepEqual(warnings, []);
    assert.deepEqual(
      experiments.map(({ sections }) =>
        sections.map(({ combination, records }) => [combination.model, records.size])
      ),
      [[[undefined, 12], ["minilm", 12]], [[undefined, 12], ["bert-base-uncased", 4]]],
    );
  }));

Deno.test("runs with other settings are counted and in no table", () =>
  inFolder(async (folder) => {
    await exampleResults(cutting, folder, { ...seeds, seeds: [1] });
    await exampleResults(cutting, folder, { engine: "xla", seeds: [1, 2], overrides: { epochs: 1 } });
    const report = await reportOf(folder, { experiments: [cutting] });
    assert.deepEqual(report.warnings, [
      "8 of 12 runs on record belong to no cell of these experiments, as their settings are others; they are in " +
      "runs.csv and in no table",
    ]);
    const [section, ...others] = report.experiments[0]!.sections;
    assert.deepEqual([section!.combination.engine, section!.records.size, others], ["onnx", 4, []]);
  }));

Deno.test("without records or measurements there is no report", () =>
  inFolder(async (folder) => {
    await assert.rejects(reportOf(folder, { experiments: [cutting] }), (error: Error) => {
      assert.ok(error instanceof InputError);
      assert.match(
        error.message,
        /^Cannot make a report from .*mini as it has no records: run deno task reproduce/,
      );
      return true;
    });
  }));

Deno.test("measured data sets stand beside the paper's", () =>
  inFolder(async (folder) => {
    await exampleResults(cutting, folder, { ...seeds, seeds: [1] });
    const measured = { ...dataTable.published["IMDb"], exceeding: 12.8, set: "IMDb", data: "imdb" };
    await writeFile(
      join(folder, "mini", "sets.json"),
      JSON.stringify([{ ...measured, fingerprint: "ab".repeat(32), source: "somewhere" }]),
    );
    const page = (await written(folder, { experiments: [cutting], dataTables: [dataTable] }))("sets.html");
    assert.deepEqual(tableRows(page, /^Each number/)[0]!.slice(0, 9), [
      ...["IMDb → imdb", "2", "2", "292", "292", "3045", "3045", "12.69", "12.80"],
    ]);
    assert.match(textOf(page), /Not measured yet: Sogou\./);
  }));

const hostile = `<script>alert("x")</script><img src=x onerror='alert(1)'>`;

Deno.test("text from records and data sets is never markup", () =>
  inFolder(async (folder) => {
    await exampleResults(cutting, folder, {
      ...seeds,
      labels: [hostile, "b"],
      change: (record) => ({
        ...record,
        model: hostile,
        notes: [hostile],
        commit: hostile,
        versions: { bertlab: hostile, other: hostile },
        machine: { ...record.machine, cpu: hostile },
        data: { ...record.data, name: hostile, fingerprint: hostile },
      }),
    });
    const file = await written(folder, { experiments: [cutting] });
    const page = file("cutting.html");
    assert.ok(page.includes("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&lt;img"));
    assert.ok(!/<script>|<img src=x|onerror='/.test(page));
    const scripts = [...page.matchAll(/<script[^>]*>/g)].map(([tag]) => tag);
    assert.deepEqual([...new Set(scripts)], [
      '<script src="plotly.min.js" defer>',
      '<script src="charts.js" defer>',
      '<script type="application/json">',
    ]);
  }));

Deno.test("pages ask for nothing outside their folder, and every link inside it leads somewhere", () =>
  inFolder(async (folder) => {
    await exampleResults(cutting, folder, seeds);
    const file = await written(folder, { experiments: [cutting], claims: [claim], dataTables: [dataTable] });
    for (const name of ["index.html", "cutting.html", "sets.html", "resolution.html"]) {
      const page = file(name);
      for (const [, kind, target] of page.matchAll(/ (src|href)="([^"]*)"/g)) {
        if (/^(#|data:,)/.test(target!)) continue;
        if (/^https?:/.test(target!)) {
          assert.match(page, new RegExp(`<a href="${target}"`), `${kind} ${target}`);
        } else file(target!); // throws if it is not there
      }
      assert.match(page, /<html lang="en">/);
      assert.equal(page.match(/<h1>/g)!.length, 1);
      assert.equal(page.match(/<table>/g)?.length, page.match(/<caption>/g)?.length);
    }
    assert.ok(!/url\(|@import/.test(file("report.css")));
    for (
      const name of ["claims.svg", "resolution-paper.svg", "cutting-differences.svg", "cutting-curves.svg"]
    ) {
      assert.ok(!/href="http/.test(file(name)));
    }
  }));

/** A data set of twenty test texts. */
function reviews(name: string, beginning = hostile): Dataset {
  const labels = ["a", "b"];
  const test = Array.from({ length: 20 }, (_, n) => ({
    text: `${beginning} Text ${n + 1}: ${"long ".repeat(100)}`,
    label: n % 2,
  }));
  const splits = { train: [], dev: [], test };
  return {
    name,
    language: "en",
    labels,
    ...splits,
    fingerprint: fingerprintOf(labels, splits),
    source: "",
    note: "",
  };
}

Deno.test("the texts of mistakes are shown in part where the data set is at hand, and letters never", () =>
  inFolder(async (folder) => {
    const { fingerprint } = reviews("reviews");
    const named = (column: string) => column === "IMDb" ? "reviews" : "mailing-lists";
    const records = await exampleResults(cutting, folder, {
      ...seeds,
      seeds: [1],
      examples: 20,
      change: (record) => ({
        ...record,
        data: { ...record.data, name: named(record.cell.column), fingerprint },
      }),
    });
    const find = (name: string) => Promise.resolve(reviews(name));
    const page = (await written(folder, { experiments: [cutting], find }))("cutting.html");
    const quotes = [...page.matchAll(/<blockquote>(.*?)<\/blockquote>/gs)].map(([, text]) => textOf(text!));
    assert.ok(quotes.length > 0 && quotes.every((text) => [...text].length === 300 && text.endsWith("…")));
    const shown = /Test example (\d+) is (\w), and is called (\w) with probability\s+([\d.]+)/.exec(page)!;
    assert.ok(quotes[0]!.includes(`Text ${shown[1]}:`));
    assert.notEqual(shown[2], shown[3]);
    assert.match(page, /letters of other people, with names and addresses, so they are not shown/);
    assert.equal(records.length, 4);

    const changed = (name: string) => Promise.resolve(reviews(name, "Other"));
    const without = (await written(folder, { experiments: [cutting], find: changed }))("cutting.html");
    assert.match(without, /not shown, as the data set on this machine is not the one of the runs/);
    assert.ok(!without.includes("<blockquote>"));
  }));
