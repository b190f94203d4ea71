import assert from "node:assert/strict";
import { jupyterDisplay } from "../../lib/notebook/displayable.ts";
import {
  showConfusion,
  showFigure,
  showRates,
  showRun,
  showSchedules,
  showTable,
} from "../../lib/notebook/show.ts";
import { evaluateTable, type ResultTable } from "../../lib/results/result_table.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { exampleRecord } from "../results/example_record.ts";
import { exampleRuns } from "../results/example_runs.ts";

/** The texts of a picture. */
const textsOf = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);

Deno.test("the rate falls by xi from layer to layer", async () => {
  const rates = showRates([1, 0.5].map((decay) => ({ layers: 2, decay, learningRate: 2e-5 })));
  assert.equal(
    Deno.inspect(rates),
    [
      "Learning rate of each layer, at its highest",
      "base rate 2.0e-5 (learning rate, 1e-5 over layer (−1: embeddings, 2: pooler and classifier))",
      "  xi 1.00: -1 → 2, 0 → 2, 1 → 2, 2 → 2",
      "  xi 0.50: -1 → 0.5, 0 → 1, 1 → 2, 2 → 2",
    ].join("\n"),
  );
  const { "image/svg+xml": svg } = await rates[jupyterDisplay]();
  const ticks = textsOf(svg!).filter((text) => /^[−\d.]+$/.test(text!));
  for (const layer of ["−1", "0", "1", "2"]) assert.ok(ticks.includes(layer), `${layer} in ${ticks}`);
  assert.ok(!ticks.includes("−0.5"), `there is no layer between two: ${ticks}`);
});

Deno.test("a confusion matrix names true classes in rows and marks what is right", async () => {
  const { "text/markdown": markdown } = await showConfusion(["a", "b"], [[5, 1], [2, 7]])[jupyterDisplay]();
  const rows = markdown!.split("\n").slice(2).map((line) => line.split("|").map((cell) => cell.trim()));
  assert.deepEqual(rows, [["", "a", "**5**", "1", ""], ["", "b", "2", "**7**", ""]]);
});

Deno.test("a figure is a picture in a notebook and numbers in a terminal", async () => {
  const figure = showFigure({
    title: "Errors",
    x: "steps",
    y: "error, %",
    panels: [{
      title: "ours",
      curves: [{ name: "IMDb", points: [{ x: 0, values: [20, 22] }, { x: 10, values: [18.123456] }] }],
    }],
  });
  assert.equal(Deno.inspect(figure), "Errors\nours (error, % over steps)\n  IMDb: 0 → 21, 10 → 18.12");
  const { "image/svg+xml": svg } = await figure[jupyterDisplay]();
  for (const text of ["Errors", "ours", "steps", "error, %"]) assert.ok(textsOf(svg!).includes(text), text);
  assert.ok(!/<script|href=/.test(svg!), "it can be shown anywhere");
});

Deno.test("a schedule is drawn from its first step to its last", () => {
  const text = Deno.inspect(showSchedules(["linear"], { totalSteps: 4, warmupSteps: 2 }));
  assert.match(text, /linear: 0 → 0, 1 → 50, 2 → 100, 3 → 50, 4 → 0$/);
});

Deno.test("a run tells what it came to and draws its epochs", async () => {
  const { test } = exampleRecord({ wrong: 2 });
  const { test: dev } = exampleRecord({ wrong: 4 });
  const epochs = [1, 2].map((epoch) => ({ epoch, trainLoss: 1 / epoch, dev, seconds: 1 }));
  const run = showRun("IMDb", { epochs, bestEpoch: 2, steps: 6, dev, test });
  assert.equal(run.steps, 6);
  assert.equal(
    Deno.inspect(run),
    [
      `IMDb: test error 20.0 %, macro F1 ${
        test.macroF1.toFixed(3)
      } over all classes, 6 steps, best after epoch 2`,
      "training loss (epochs)",
      "  training loss: 1 → 1, 2 → 0.5",
      "development error, % (epochs)",
      "  development error, %: 1 → 40, 2 → 40",
    ].join("\n"),
  );
  const { "image/svg+xml": svg } = await run[jupyterDisplay]();
  assert.ok(textsOf(svg!).includes("training loss"));
});

Deno.test("a table's differences to the baseline stand beside the paper's", () =>
  inFolder(async (folder) => {
    const runs = {
      "head-only": await exampleRuns(folder, { wrongs: [6, 5, 6] }),
      "tail-only": await exampleRuns(folder, { wrongs: [2, 2, 3] }),
      "Feat": [],
    };
    const table: ResultTable = {
      title: "Table 2",
      question: "?",
      rows: Object.keys(runs),
      columns: ["IMDb"],
      heading: (column) => `${column} → imdb`,
      baseline: "head-only",
      settings: [],
      notes: [],
      cell: (row) => ({
        paper: row === "tail-only" ? 5.44 : 5.63,
        expected: row === "Feat" ? 0 : 3,
        records: runs[row as keyof typeof runs],
      }),
    };
    const shown = showTable({ table, evaluated: await evaluateTable(table, folder) });
    assert.match(
      Deno.inspect(shown),
      /^Table 2: difference to “head-only”\nIMDb → imdb: difference in points, .*\n {2}tail-only: -0\.19, -33\.33, [\d.]+$/,
    );
    const { "image/svg+xml": svg } = await shown[jupyterDisplay]();
    const texts = textsOf(svg!);
    assert.ok(texts.includes("tail-only") && !texts.includes("Feat") && !texts.includes("head-only"));
  }));
