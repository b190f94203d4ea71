import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunRecord, writePredictions } from "../../lib/results/records.ts";
import { markdownTable, type ResultTable } from "../../lib/results/tables.ts";
import { exampleProbabilities, exampleRecord } from "./example_record.ts";

/** A table of IMDb and Sogou with three rows; each cell's list holds the wrong answers of its seeds 1, 2, … */
async function tableOf(folder: string, wrongs: Record<string, number[]>): Promise<string> {
  const cells = new Map<string, RunRecord[]>();
  let runs = 0;
  for (const [place, counts] of Object.entries(wrongs)) {
    const [row, column] = place.split(" × ") as [string, string];
    cells.set(
      place,
      await Promise.all(counts.map(async (wrong, index) => {
        const probabilities = exampleProbabilities(wrong);
        const hash = String(runs++).padStart(64, "0").split("").reverse().join("");
        const predictions = await writePredictions(folder, hash, {
          labels: ["a", "b"],
          expected: Array(10).fill(0),
          probabilities,
        });
        return exampleRecord({ wrong, hash, predictions, cell: { row, column }, seed: index + 1 });
      })),
    );
  }
  const paper: Record<string, number> = { "head-only × IMDb": 5.63, "tail-only × IMDb": 50 };
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
      expected: 3,
    }),
    notes: ["Sogou: a stand-in."],
  };
  return await markdownTable(table, folder);
}

async function withTable(wrongs: Record<string, number[]>, check: (lines: string[]) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bertlab-tables-"));
  try {
    check((await tableOf(folder, wrongs)).split("\n").map((line) => line.replaceAll(/ +/g, " ")));
  } finally {
    await rm(folder, { recursive: true });
  }
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
    assert.ok(
      lines.includes("| head+tail | – | 40.00 (1 of 3) | +40.00 | 30 s | – | missing | | |") === false,
    );
    assert.ok(lines.includes("| head+tail | – | 40.00 (1 of 3) | | 30 s | – | missing | | |"));
    assert.ok(lines.includes("- 4 cells lack runs; the same command goes on where it stopped."));
  }));

Deno.test("rows are compared with the baseline on the seeds that both have", () =>
  withTable({
    "head-only × IMDb": [1, 1, 2],
    "tail-only × IMDb": [9, 9],
    "head+tail × IMDb": [2],
  }, (lines) => {
    const tail = lineOf(lines, "| tail-only | +80.00 [");
    assert.ok(tail.includes("| < .001 | < .001 | worse | missing | | | |"), tail);
    const both = lineOf(lines, "| head+tail | +10.00 [+0.00, +30.00] |");
    assert.ok(both.includes("| – | not distinguishable | missing | | | |"), both);
  }));

Deno.test("a difference over examples and over seeds is called better or worse", () =>
  withTable({
    "head-only × IMDb": [1, 2, 1],
    "tail-only × IMDb": [9, 9, 9],
    "head-only × Sogou": [9, 9, 9],
    "tail-only × Sogou": [1, 2, 1],
  }, (lines) => {
    const row = lineOf(lines, "| tail-only | +76.67");
    assert.ok(row.includes("| worse | −76.67 ["), row);
    assert.ok(row.endsWith("| better |"), row);
  }));

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

Deno.test("a table without any record says so in every cell", () =>
  withTable({}, (lines) => {
    const row = "| head-only | 5.63 | missing | | | – | missing | | |";
    assert.ok(lines.includes(row));
  }));
