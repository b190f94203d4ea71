import assert from "node:assert/strict";
import type { RunRecord } from "../../lib/results/records.ts";
import { evaluateTable, type ResultTable } from "../../lib/results/result_table.ts";
import { markdownTable, recordNotes } from "../../lib/results/tables.ts";
import { exampleRecord } from "./example_record.ts";
import { exampleRuns } from "./example_runs.ts";
import { inFolder } from "../helpers/in_folder.ts";

const paper: Record<string, number> = {
  "head-only × IMDb": 5.63,
  "tail-only × IMDb": 50,
  "ULMFiT × IMDb": 4.6,
};

/**
 * The lines of a table of IMDb and Sogou with three rows, without repeated spaces; each cell's list holds the wrong
 * answers of its seeds 1, 2, …
 */
function withTable(
  wrongs: Record<string, number[]>,
  check: (lines: string[]) => void | Promise<void>,
  changes: Partial<ResultTable> = {},
): Promise<void> {
  return inFolder(async (folder) => {
    const cells = new Map<string, RunRecord[]>();
    for (const [place, counts] of Object.entries(wrongs)) {
      const [row, column] = place.split(" × ") as [string, string];
      cells.set(place, await exampleRuns(folder, { wrongs: counts, cell: { row, column } }));
    }
    const table: ResultTable = {
      title: "Table 2, scale mini",
      question: "What is best done with long texts?",
      rows: ["head-only", "tail-only", "head+tail"],
      columns: ["IMDb", "Sogou"],
      heading: (column) => column === "Sogou" ? "Sogou → poets" : column,
      baseline: "head-only",
      cell: (row, column) => ({
        paper: paper[`${row} × ${column}`] ?? null,
        records: cells.get(`${row} × ${column}`) ?? [],
        expected: row === "ULMFiT" ? 0 : 3,
      }),
      settings: [{ setting: "epochs", paper: "4", here: "3", where: "everywhere" }],
      notes: ["Sogou: a stand-in."],
      ...changes,
    };
    const text = markdownTable(table, await evaluateTable(table, folder));
    await check(text.split("\n").map((line) => line.replaceAll(/ +/g, " ")));
  });
}

function lineOf(lines: string[], start: string): string {
  const line = lines.find((line) => line.startsWith(start));
  return line ?? assert.fail(`no line starts with ${start} in\n${lines.join("\n")}`);
}

Deno.test("a table shows the paper's number, ours, the difference and the time; what is missing is shown as such", () =>
  withTable({
    "head-only × IMDb": [1, 2, 3],
    "tail-only × IMDb": [4, 5],
    "head+tail × IMDb": [4],
    "head-only × Sogou": [0, 0, 0],
  }, (lines) => {
    assert.equal(lines[0], "# Table 2, scale mini");
    assert.ok(lines.includes("| | IMDb: paper | ours | Δ | time | Sogou → poets: paper | ours | Δ | time |"));
    assert.ok(
      lines.includes(
        "| head-only | 5.63 | 20.00 ± 10.00 (3) | +14.37 | 30 s | – | 0.00 ± 0.00 (3) | | 30 s |",
      ),
    );
    assert.ok(
      lines.includes("| tail-only | 50.00 | 45.00 ± 7.07 (2 of 3) | −5.00 | 30 s | – | missing | | |"),
    );
    assert.ok(lines.includes("| head+tail | – | 40.00 (1 of 3) | | 30 s | – | missing | | |"));
    assert.ok(lines.includes("- 4 cells lack runs; deno task reproduce goes on where it stopped."));
  }));

Deno.test("other systems' rows are shown as printed, and nothing of theirs is missing", () =>
  withTable({ "head-only × IMDb": [1, 1, 1], "head-only × Sogou": [1, 1, 1] }, (lines) => {
    assert.ok(lines.includes("| ULMFiT | 4.60 | – | | | – | – | | |"), lines.join("\n"));
    assert.ok(lines.includes("- Only as the paper prints them: ULMFiT."));
    assert.ok(!lines.some((line) => line.includes("lack runs")));
  }, { rows: ["ULMFiT", "head-only"] }));

Deno.test("rows are compared with the baseline on the seeds that both have", () =>
  withTable({
    "head-only × IMDb": [1, 1, 2],
    "tail-only × IMDb": [9, 9],
    "head+tail × IMDb": [2],
  }, (lines) => {
    assert.ok(lines.includes("| | data | difference | p (examples) | p (seeds) | p (Holm) | verdict |"));
    const tail = lineOf(lines, "| tail-only | IMDb | +80.00 [");
    assert.ok(tail.endsWith("] | < .001 | < .001 | < .001 | worse |"), tail);
    const both = lineOf(lines, "| head+tail | IMDb | +10.00 [+0.00, +30.00] |");
    // No resample is below 0, and .9^10 of them are 0: p = .697 but for the draw. Two more are still to be made.
    assert.match(both, /\| \.(69|70)\d \| – \| 1\.000 \| not distinguishable \(one seed\) \|$/);
  }));

Deno.test("a difference over examples and over seeds is called better or worse", () =>
  withTable({
    "head-only × IMDb": [1, 2, 1],
    "tail-only × IMDb": [9, 9, 9],
    "head-only × Sogou": [9, 9, 9],
    "tail-only × Sogou": [1, 2, 1],
  }, (lines) => {
    const worse = lineOf(lines, "| tail-only | IMDb | +76.67 [");
    assert.ok(worse.endsWith("| worse |"), worse);
    const better = lineOf(lines, "| tail-only | Sogou → poets | −76.67 [");
    assert.ok(better.endsWith("| better |"), better);
  }));

Deno.test("a difference that one comparison would confirm may be lost among several, made or not", () => {
  const rows = { "head-only × IMDb": [1, 2, 1], "tail-only × IMDb": [4, 4, 5] };
  const ends = (lines: string[]) => lineOf(lines, "| tail-only | IMDb").split(" | ").slice(-3);
  const one = { rows: ["head-only", "tail-only"], columns: ["IMDb"] };
  return withTable(rows, async (lines) => {
    const alone = ends(lines);
    assert.deepEqual([alone[0], alone[2]], [alone[1], "worse |"]); // p (seeds) is the larger, and adjusted for one
    await withTable(rows, (lines) => {
      const among = ends(lines);
      assert.deepEqual([among[0], among[2]], [alone[0], "not distinguishable |"]);
      assert.ok(Math.abs(Number(among[1]) - 4 * Number(alone[0])) < 3e-3, "three more are still to be made");
    });
  }, one);
});

Deno.test("runs on other data are not compared", () =>
  inFolder(async (folder) => {
    const [one, other] = [
      await exampleRuns(folder, { wrongs: [1] }),
      await exampleRuns(folder, { wrongs: [9], data: "b" }),
    ];
    const table: ResultTable = {
      title: "T",
      question: "Q?",
      rows: ["one", "other"],
      columns: ["IMDb"],
      heading: (column) => column,
      baseline: "one",
      cell: (row) => ({ paper: null, records: row === "one" ? one : other, expected: 1 }),
      settings: [],
      notes: [],
    };
    assert.match(
      markdownTable(table, await evaluateTable(table, folder)),
      /\| other \| IMDb \| +other data \|/,
    );
  }));

Deno.test("names and notes of records are text in Markdown, and no markup", () =>
  inFolder(async (folder) => {
    const hostile = "<img src=x>|*a* [b](c) `d`";
    const [record] = await exampleRuns(folder, { wrongs: [1] });
    const records = [{
      ...record!,
      ...{ model: hostile, notes: [`${hostile}.`], data: { ...record!.data, name: hostile } },
      machine: { ...record!.machine, cpu: hostile },
    }];
    const table: ResultTable = {
      ...{ title: "T", question: "Q?", rows: [hostile], columns: ["IMDb"], baseline: hostile },
      heading: () => hostile,
      cell: () => ({ paper: null, records, expected: 1 }),
      ...{ settings: [], notes: [] },
    };
    const text = markdownTable(table, await evaluateTable(table, folder));
    const shown = "\\<img src=x\\>\\|\\*a\\* \\[b\\](c) \\`d\\`";
    const escaped = text.split(shown).length - 1;
    assert.ok(escaped >= 8, text);
    assert.equal(text.split("img src=x").length - 1, escaped, text);
  }));

Deno.test("calibration and cost of each cell are means over its seeds", () =>
  withTable({ "head-only × IMDb": [0, 2] }, (lines) => {
    assert.ok(
      lines.includes("| | data | ECE, % | Brier | macro F1 | log loss | run | training | steps | memory |"),
    );
    // 0 and 2 of 10 wrong at a confidence of .75: errors of calibration .25 and .05, Brier .125 and .325, F1 of the
    // first class 1 and .889 and of the second 0, log loss .288 and .507
    const line = "| head-only | IMDb | 15.00 | 0.225 | 0.472 | 0.398 | 30 s | 20 s | 9 | 1.3 GB |";
    assert.ok(lines.includes(line), lines.join("\n"));
    assert.ok(!lines.some((line) => line.startsWith("| tail-only | IMDb |")));
  }));

Deno.test("average relative improvements are as printed, and over the sets that all rows have", () => {
  const errors: Record<string, Record<string, number>> = {
    Feat: { A: 10, B: 20, C: 40 },
    FiT: { A: 5, B: 15, C: 10 },
    IDPT: { A: 4, B: 20 },
  };
  return inFolder(async (folder) => {
    const cells = {
      "Feat A": [4, 6],
      "FiT A": [4, 4],
      "IDPT A": [2],
      "Feat B": [0],
      "FiT B": [1],
      "IDPT B": [1],
      "Feat C": [5],
      "FiT C": [1],
    };
    const records = new Map<string, RunRecord[]>();
    for (const [place, wrongs] of Object.entries(cells)) {
      records.set(place, await exampleRuns(folder, { wrongs }));
    }
    const table: ResultTable = {
      title: "Table 6",
      question: "Q?",
      rows: ["LSTM", "Feat", "FiT", "IDPT"],
      columns: ["A", "B", "C"],
      heading: (column) => column,
      baseline: "FiT",
      improvementOver: "Feat",
      printedImprovement: (row) => row === "FiT" ? 50 : null,
      cell: (row, column) => ({
        paper: errors[row]?.[column] ?? null,
        records: records.get(`${row} ${column}`) ?? [],
        expected: row === "LSTM" || (row === "IDPT" && column === "C") ? 0 : 2,
      }),
      settings: [],
      notes: [],
    };
    const text = markdownTable(table, await evaluateTable(table, folder));
    const lines = text.split("\n").map((line) => line.replaceAll(/ +/g, " "));
    const start = lines.indexOf("## Average relative improvement");
    // The paper's over A and B: FiT (1/2 + 1/4) / 2, IDPT (6/10 + 0) / 2; ours over A alone, as Feat has no error in B,
    // and on the seed that IDPT has: 4 wrong answers of Feat, 4 of FiT and 2 of IDPT.
    assert.match(lines[start + 2]!, /\(the paper: A, B; our runs: A, on the seeds that all rows have\)\.$/);
    assert.deepEqual(lines.slice(start + 4, start + 8).map((line) => line.replaceAll(/-+/g, "-")), [
      "| | paper, as printed | paper, same sets | ours, same sets |",
      "| - | -: | -: | -: |",
      "| FiT | +50.00 | +37.50 | +0.00 |",
      "| IDPT | – | +30.00 | +50.00 |",
    ]);
  });
});

Deno.test("the notes say which data, model, engine, machine and memory", () =>
  withTable({ "head-only × IMDb": [1] }, (lines) => {
    assert.ok(lines.includes("- Sogou: a stand-in."));
    assert.ok(lines.includes(
      "- IMDb: imdb, 40 training, 10 development and 10 test examples (fingerprint 0123456789ab); " +
        "model: minilm, lowest 3 of 6 layers.",
    ));
    assert.ok(lines.includes(
      "- Made with engine onnx (f32), protocol clean, bertlab 0.1.0, on Example CPU, 2 cores; " +
        "the process used at most 1.3 GB.",
    ));
  }));

Deno.test("what runs on several data sets say is said once", () => {
  const said = (name: string, notes: string[]) => {
    const record = exampleRecord({ notes });
    return { ...record, data: { ...record.data, name } };
  };
  assert.deepEqual(
    recordNotes([
      said("imdb", ["imdb: The classifier is new.", "imdb, head: 9 % of the texts are cut."]),
      said("yelp", ["yelp: The classifier is new.", "yelp, head: 2 % of the texts are cut.", "Of no set."]),
      said("imdb", ["imdb: The classifier is new."]),
    ]),
    [
      "imdb, yelp: The classifier is new.",
      "imdb, head: 9 % of the texts are cut.",
      "yelp, head: 2 % of the texts are cut.",
      "Of no set.",
    ],
  );
});

Deno.test("settings that are not the paper's have a part of their own", () =>
  withTable({ "head-only × IMDb": [1] }, (lines) => {
    const start = lines.indexOf("## Settings");
    assert.ok(lines.slice(start).includes("| epochs | 4 | 3 | everywhere |"), lines.join("\n"));
  }));

Deno.test("a table of many columns is written two columns at a time", () =>
  withTable({ "head-only × IMDb": [1] }, (lines) => {
    assert.deepEqual(lines.filter((line) => line.includes(": paper | ours")), [
      "| | IMDb: paper | ours | Δ | time | A: paper | ours | Δ | time |",
      "| | B: paper | ours | Δ | time |",
    ]);
    assert.equal(lines.filter((line) => line.startsWith("| tail-only | ")).length, 2);
  }, { columns: ["IMDb", "A", "B"] }));

Deno.test("a table without any record says so in every cell", () =>
  withTable({}, (lines) => {
    assert.ok(lines.includes("| head-only | 5.63 | missing | | | – | missing | | |"));
    assert.ok(lines.includes("There is nothing to compare yet."));
    assert.ok(!lines.includes("## Calibration and cost"));
  }));
