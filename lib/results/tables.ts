/**
 * Tables from records, as Markdown: the paper's number, ours, the difference, whether rows differ by more than chance,
 * calibration, what it cost, and what to know.
 */
import { compareRuns, type Comparison, type NotCompared, withHolm } from "./comparison.ts";
import { forgettingTable, preTrainingTable, type TextTable } from "./knowledge.ts";
import { markdown, points, probability, signed, spread } from "./markdown.ts";
import { duration } from "./progress.ts";
import type { RunRecord } from "./records.ts";
import { mean } from "./statistics.ts";

/** One cell: the paper's number and our runs. */
export interface TableCell {
  /** Test error in percent; null where the paper gives none. */
  readonly paper: number | null;
  /** Records of the cell, one a seed, by rising seed. */
  readonly records: readonly RunRecord[];
  /** How many records there should be; 0 for what is only shown as the paper prints it. */
  readonly expected: number;
}

/** A table to print. */
export interface ResultTable {
  /** The heading. */
  readonly title: string;
  /** A sentence below the heading. */
  readonly question: string;
  /** Names of the rows. */
  readonly rows: readonly string[];
  /** Names of the columns. */
  readonly columns: readonly string[];
  /** What is printed above a column: its name, with what stands in for its data. */
  readonly heading: (column: string) => string;
  /** The row that the others are compared with. */
  readonly baseline: string;
  /** The cell of a row and a column. */
  readonly cell: (row: string, column: string) => TableCell;
  /** The row over which the average relative improvement of the others is shown, if it is. */
  readonly improvementOver?: string;
  /** The improvement of a row as the paper prints it, in percent; null where it gives none. */
  readonly printedImprovement?: (row: string) => number | null;
  /** What the experiment itself says about its data and scale. */
  readonly notes: readonly string[];
}

/** The whole table as Markdown: numbers, comparison with the baseline, cost, notes. `folder` holds the predictions. */
export async function markdownTable(table: ResultTable, folder: string): Promise<string> {
  const parts = [
    `# ${table.title}`,
    table.question,
    "Test error in percent: the paper's, ours as mean ± sd over seeds (number of seeds), Δ = ours − paper in points; " +
    "time is the mean of a run, with loading and evaluation.",
    numbersTable(table),
    ...table.improvementOver === undefined ? [] : improvement(table, table.improvementOver),
    ...await comparisons(table, folder),
    ...knowledge(table),
    ...cost(table),
    "## Notes",
    [...table.notes, ...notesOf(table)].map((note) => `- ${note}`).join("\n"),
  ];
  return parts.join("\n\n") + "\n";
}

/** The paper's numbers and ours, with the differences and the time of a run, as a Markdown table. */
export function numbersTable(table: ResultTable): string {
  const head = [
    "",
    ...table.columns.flatMap((column) => [`${table.heading(column)}: paper`, "ours", "Δ", "time"]),
  ];
  const rows = table.rows.map((row) => [
    row,
    ...table.columns.flatMap((column) => {
      const { paper, records, expected } = table.cell(row, column);
      const printed = paper === null ? "–" : paper.toFixed(2);
      if (records.length === 0) return [printed, expected === 0 ? "–" : "missing", "", ""];
      const errors = records.map((record) => 100 * record.test.errorRate);
      const seconds = mean(records.map((record) => record.seconds));
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

/** Average relative improvements over a row, and the sets that they are over. */
export interface Improvements {
  /** Sets of which the paper prints a number for every row that is run. */
  readonly paperSets: readonly string[];
  /** Sets of which every row has runs. */
  readonly ourSets: readonly string[];
  /** In percent, for each row that is run; null where it cannot be told. */
  readonly rows: readonly {
    readonly row: string;
    /** As the paper prints it, over the sets that the row has. */
    readonly printed: number | null;
    /** From the paper's numbers, over `paperSets`. */
    readonly paper: number | null;
    /** From our runs, over `ourSets`. */
    readonly ours: number | null;
  }[];
}

/** The mean over data sets of (base − row) / base, over the same sets for each row (Table 6). */
export function improvements(table: ResultTable, base: string): Improvements {
  const rows = table.rows.filter((row) =>
    row !== base && table.columns.some((column) => table.cell(row, column).expected > 0)
  );
  const printedError = (row: string, column: string) => table.cell(row, column).paper;
  const ourError = (row: string, column: string) => {
    const { records } = table.cell(row, column);
    return records.length === 0 ? null : mean(records.map(({ test }) => test.errorRate));
  };
  const sideOf = (error: (row: string, column: string) => number | null) => {
    const sets = table.columns.filter((column) =>
      [base, ...rows].every((row) => error(row, column) !== null) && error(base, column)! > 0
    );
    const gain = (row: string, column: string) => 1 - error(row, column)! / error(base, column)!;
    const of = (row: string) =>
      sets.length === 0 ? null : 100 * mean(sets.map((column) => gain(row, column)));
    return { sets, of };
  };
  const [paper, ours] = [sideOf(printedError), sideOf(ourError)];
  return {
    paperSets: paper.sets,
    ourSets: ours.sets,
    rows: rows.map((row) => ({
      row,
      printed: table.printedImprovement?.(row) ?? null,
      paper: paper.of(row),
      ours: ours.of(row),
    })),
  };
}

function improvement(table: ResultTable, base: string): string[] {
  const { paperSets, ourSets, rows } = improvements(table, base);
  const sets = (names: readonly string[]) => names.join(", ") || "none";
  const text = (value: number | null) => value === null ? "–" : signed(value);
  return [
    `## Average relative improvement over ${base}`,
    `In percent: the mean over data sets of (${base} − row) / ${base}. The paper prints it over the sets that each row ` +
    `has; beside it, over the sets that all of these rows have (the paper: ${sets(paperSets)}; our runs: ${
      sets(ourSets)
    }).`,
    markdown(
      ["", "paper, as printed", "paper, same sets", "ours, same sets"],
      rows.map(({ row, printed, paper, ours }) => [row, text(printed), text(paper), text(ours)]),
    ),
  ];
}

/** Every cell that has runs against the baseline's of the same column. */
async function comparisons(table: ResultTable, folder: string): Promise<string[]> {
  const cells = table.columns.flatMap((column) =>
    table.rows.filter((row) => row !== table.baseline && table.cell(row, column).records.length > 0)
      .map((row) => ({ row, column }))
  );
  const found: (Comparison | NotCompared)[] = [];
  for (const { row, column } of cells) {
    const baseline = table.cell(table.baseline, column).records;
    found.push(await compareRuns(table.cell(row, column).records, baseline, folder));
  }
  const rows = withHolm(found).map((comparison, place) => {
    const { row, column } = cells[place]!;
    const names = [row, table.heading(column)];
    if ("missing" in comparison) return [...names, comparison.missing, "", "", "", ""];
    const { pExamples, pSeeds, adjusted, verdict, seeds } = comparison;
    return [
      ...names,
      points(comparison),
      probability(pExamples),
      pSeeds === undefined ? "–" : probability(pSeeds),
      probability(adjusted),
      seeds === 1 ? `${verdict} (one seed)` : verdict,
    ];
  });
  return [
    `## Against ${table.baseline}`,
    "Difference in points, on the seeds that both have, with the 95 % interval of a paired bootstrap over test " +
    "examples (10,000 resamples, errors averaged over seeds); p of that bootstrap; p of a paired t test over seeds; the " +
    "larger of both, adjusted for all comparisons of the table (Holm 1979), from which the verdict comes at .05. One " +
    "seed tells nothing of the draw of the training.",
    rows.length === 0 ? "There is nothing to compare yet." : markdown(
      ["", "data", "difference", "p (examples)", "p (seeds)", "p (Holm)", "verdict"],
      rows,
      2,
    ),
  ];
}

/** What was learnt before fine-tuning and forgotten by it, where that was measured. */
function knowledge(table: ResultTable): string[] {
  const cells = table.columns.flatMap((column) =>
    table.rows.map((row) => ({ row, data: table.heading(column), records: table.cell(row, column).records }))
  );
  const part = (heading: string, { caption, head, rows, texts }: TextTable) =>
    rows.length === 0 ? [] : [`## ${heading}`, `${caption}.`, markdown(head, rows, texts)];
  return [
    ...part("What was forgotten", forgettingTable(cells)),
    ...part("Further pre-training", preTrainingTable(cells.flatMap(({ records }) => records))),
  ];
}

/** Calibration and cost of each cell that has runs. */
function cost(table: ResultTable): string[] {
  const rows = table.columns.flatMap((column) =>
    table.rows.flatMap((row) => {
      const { records } = table.cell(row, column);
      if (records.length === 0) return [];
      const average = (value: (record: RunRecord) => number) => mean(records.map(value));
      return [[
        row,
        table.heading(column),
        (100 * average(({ test }) => test.ece)).toFixed(2),
        average(({ test }) => test.brier).toFixed(3),
        average(({ seconds }) => seconds).toFixed(0),
        average(({ trainSeconds }) => trainSeconds).toFixed(0),
        average(({ steps }) => steps).toFixed(0),
        gigabytes(records),
      ]];
    })
  );
  if (rows.length === 0) return [];
  return [
    "## Calibration and cost",
    "Means over seeds: expected calibration error in percent (15 bins), Brier score (0 to 2), seconds of a run and of " +
    "its training steps, updates; and the most memory that the process used in one of the runs.",
    markdown(["", "data", "ECE", "Brier", "seconds", "training", "steps", "memory"], rows, 2),
  ];
}

const gigabytes = (records: readonly RunRecord[]) =>
  `${(Math.max(...records.map((record) => record.peakMemoryBytes)) / 1e9).toFixed(1)} GB`;

/** What the records say: data, model, engine, versions, memory, and whether they were made alike. */
function notesOf(table: ResultTable): string[] {
  const all = (column: string) => table.rows.flatMap((row) => table.cell(row, column).records);
  const notes = table.columns.flatMap((column) => {
    const records = all(column);
    const data = distinct(
      records.map(({ data }) =>
        `${data.name}, ${data.train} training, ${data.dev} development and ${data.test} test examples ` +
        `(fingerprint ${data.fingerprint.slice(0, 12)})`
      ),
    );
    const models = distinct(records.map((record) => record.model));
    return records.length === 0 ? [] : [`${column}: ${data.join("; and ")}; model: ${models.join("; ")}.`];
  });
  const records = table.columns.flatMap(all);
  notes.push(...distinct(records.flatMap((record) => record.notes)));
  const missing =
    table.columns.flatMap((column) =>
      table.rows.filter((row) => table.cell(row, column).records.length < table.cell(row, column).expected)
    ).length;
  if (missing > 0) notes.push(`${missing} cells lack runs; the same command goes on where it stopped.`);
  const printed = table.rows.filter((row) =>
    table.columns.every((column) => table.cell(row, column).expected === 0)
  );
  if (printed.length > 0) notes.push(`Only as the paper prints them: ${printed.join(", ")}.`);
  if (records.length === 0) return notes;
  const made = (values: string[]) => distinct(values).join(" and ");
  notes.push(
    `Made with engine ${
      made(records.map(({ engine, precision }) => `${engine} (${precision})`))
    }, protocol ` +
      `${made(records.map((record) => record.protocol))}, bertlab ${
        made(records.map(({ versions }) => versions["bertlab"] ?? "?"))
      }, on ${made(records.map(({ machine }) => `${machine.cpu}, ${machine.cores} cores`))}; ` +
      `the process used at most ${gigabytes(records)}.`,
  );
  return notes;
}

const distinct = (values: readonly string[]) => [...new Set(values)];
