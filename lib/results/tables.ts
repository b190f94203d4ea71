/**
 * Tables from records, as Markdown: the paper's number, ours and the difference; comparisons of rows; calibration, cost
 * and notes.
 */
import { escapeMarkdown } from "../printable.ts";
import { seedsLegend } from "./comparison.ts";
import { comparisonNumbers, markdown, signed, spread } from "./markdown.ts";
import { duration } from "./progress.ts";
import type { RunRecord } from "./records.ts";
import type { EvaluatedCell, ResultTable } from "./result_table.ts";
import { mean, median } from "./statistics.ts";
import { counted } from "../wording.ts";
import {
  costTable,
  forgettingTable,
  improvementTable,
  peakMemory,
  preTrainingTable,
  settingsTable,
  type TextTable,
} from "./text_tables.ts";
import { aTable, having, requireArguments } from "../storage/arguments.ts";
import { list } from "../storage/json.ts";

/** Writes the whole table as Markdown: numbers, comparison with the baseline, cost, notes. */
export function markdownTable(table: ResultTable, cells: readonly EvaluatedCell[]): string {
  requireArguments("markdownTable", {
    table: [table, aTable],
    cells: [cells, list(having("a cell of the table", "records"))],
  });
  const records = cells.flatMap(({ records }) => records);
  const improvement = improvementTable(table);
  const parts = [
    `# ${table.title}`,
    table.question,
    "Test error in percent: the paper's, ours as mean ± sd over seeds (number of seeds), Δ = ours − paper in points; " +
    "time is the median of a run, with loading and evaluation, without the models that runs share.",
    numbersTable(table),
    ...part("Average relative improvement", improvement, improvement.sets),
    ...comparisons(table, cells),
    ...part("What was forgotten", forgettingTable(cells, table)),
    ...part("Further pre-training", preTrainingTable(records)),
    ...part("Calibration and cost", costTable(cells, table)),
    ...part("Settings", settingsTable(table)),
    "## Notes",
    [...table.notes, ...notesOf(table)].map((note) => `- ${note}`).join("\n"),
  ];
  return parts.join("\n\n") + "\n";
}

/** Returns a table under its heading; nothing if it has no lines. */
const part = (heading: string, { caption, head, rows, texts }: TextTable, text = caption + "."): string[] =>
  rows.length === 0
    ? []
    : [`## ${heading}`, text, markdown(head, rows.map((row) => row.map(escapeMarkdown)), texts)];

/** Writes the paper's numbers and ours, the differences and a run's time, as a Markdown table for every two columns. */
export function numbersTable(table: ResultTable): string {
  const pairs = table.columns.flatMap((_, at) => at % 2 === 0 ? [table.columns.slice(at, at + 2)] : []);
  return pairs.map((columns) => numbersOf({ ...table, columns })).join("\n\n");
}

function numbersOf(table: ResultTable): string {
  const head = [
    "",
    ...table.columns.flatMap((
      column,
    ) => [`${escapeMarkdown(table.heading(column))}: paper`, "ours", "Δ", "time"]),
  ];
  const rows = table.rows.map((row) => [
    escapeMarkdown(row),
    ...table.columns.flatMap((column) => {
      const { paper, records, expected } = table.cell(row, column);
      const printed = paper === null ? "–" : paper.toFixed(2);
      if (records.length === 0) return [printed, expected === 0 ? "–" : "missing", "", ""];
      const errors = records.map((record) => 100 * record.test.errorRate);
      const seconds = median(records.map((record) => record.seconds));
      return [
        printed,
        spread(errors, expected),
        paper === null ? "" : signed(mean(errors) - paper),
        duration(seconds),
      ];
    }),
  ]);
  return markdown(head, rows);
}

/** Writes the comparisons of cells with the baseline of the same column. */
function comparisons({ baseline, heading }: ResultTable, cells: readonly EvaluatedCell[]): string[] {
  const rows = cells.flatMap(({ row, column, comparison }) => {
    if (comparison === undefined) return [];
    const names = [row, heading(column)].map(escapeMarkdown);
    if ("missing" in comparison) return [[...names, escapeMarkdown(comparison.missing), "", "", "", ""]];
    const { verdict, seeds } = comparison;
    return [[...names, ...comparisonNumbers(comparison), seeds === 1 ? `${verdict} (one seed)` : verdict]];
  });
  return [
    `## Against ${escapeMarkdown(baseline)}`,
    comparisonLegend,
    rows.length === 0 ? "There is nothing to compare yet." : markdown(
      ["", "data", "difference", "p (examples)", "p (seeds)", "p (Holm)", "verdict"],
      rows,
      2,
    ),
  ];
}

/** Explanation of the numbers in a comparison with a baseline. */
export const comparisonLegend =
  "Difference in points, on the seeds that both have, with the 95 % interval of a paired bootstrap over test " +
  "examples (10,000 resamples, errors averaged over seeds); p of that bootstrap; p of a paired t test over seeds; the " +
  "larger of both, adjusted for all comparisons of the table, also those that are still to be made (Holm 1979), from " +
  "which the verdict comes at .05. " + seedsLegend;

/** Returns notes from the records: data, models, missing runs, engines, versions, machines and memory. */
function notesOf(table: ResultTable): string[] {
  const all = (column: string) => table.rows.flatMap((row) => table.cell(row, column).records);
  const distinct = (texts: readonly string[], between: string) => [...new Set(texts)].join(between);
  const notes = table.columns.flatMap((column) => {
    const records = all(column);
    const data = records.map(({ data }) =>
      `${
        escapeMarkdown(data.name)
      }, ${data.train} training, ${data.dev} development and ${data.test} test examples ` +
      `(fingerprint ${data.fingerprint.slice(0, 12)})`
    );
    const models = distinct(records.map(({ model }) => escapeMarkdown(model)), "; ");
    return records.length === 0 ? [] : [`${column}: ${distinct(data, "; and ")}; model: ${models}.`];
  });
  const records = table.columns.flatMap(all);
  notes.push(...recordNotes(records).map(escapeMarkdown));
  const cells = table.columns.flatMap((column) => table.rows.map((row) => table.cell(row, column)));
  const missing = cells.filter(({ records, expected }) => records.length < expected).length;
  if (missing > 0) {
    notes.push(
      `${counted(missing, "cell lacks", "cells lack")} runs; deno task reproduce goes on where it stopped.`,
    );
  }
  const printed = table.rows.filter((row) =>
    table.columns.every((column) => table.cell(row, column).expected === 0)
  );
  if (printed.length > 0) notes.push(`Only as the paper prints them: ${printed.join(", ")}.`);
  if (records.length === 0) return notes;
  const made = (of: (record: RunRecord) => string) =>
    distinct(records.map((record) => escapeMarkdown(of(record))), " and ");
  notes.push(
    `Made with engine ${made(({ engine, precision }) => `${engine} (${precision})`)}, ` +
      `protocol ${made(({ protocol }) => protocol)}, ` +
      `bertlab ${made(({ versions }) => versions["bertlab"] ?? "?")}, ` +
      `on ${made(({ machine }) => `${machine.cpu}, ${counted(machine.cores, "core")}`)}; ` +
      `the process used at most ${peakMemory(records)}.`,
  );
  return notes;
}

/** Returns the runs' own notes, each once; a note on several data sets names them together. */
export function recordNotes(records: Iterable<RunRecord>): string[] {
  const namesOf = new Map<string, Set<string>>();
  for (const { data: { name }, notes } of records) {
    for (const note of notes) {
      const [who, what] = note.startsWith(name) ? [name, note.slice(name.length)] : ["", note];
      namesOf.set(what, (namesOf.get(what) ?? new Set()).add(who));
    }
  }
  return [...namesOf].map(([what, names]) => [...names].join(", ") + what);
}
