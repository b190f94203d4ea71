/** A table of the paper as a value: its cells with our runs, and numbers computed from them. */
import { type AdjustedComparison, compareRuns, type NotCompared, withHolm } from "./comparison.ts";
import type { RunRecord } from "./records.ts";
import { mean, standardDeviation } from "./statistics.ts";
import { aTable, path, requireArguments } from "../storage/arguments.ts";
import { text } from "../storage/json.ts";

/** One cell: the paper's number and our runs. */
export interface TableCell {
  /** The paper's test error in percent; null if it gives none. */
  readonly paper: number | null;
  /** Records of the cell, one for each seed, in the order of seeds. */
  readonly records: readonly RunRecord[];
  /** Number of records that there should be; 0 for a cell of which only the paper's number is shown. */
  readonly expected: number;
}

/** A table of the paper, with our runs. */
export interface ResultTable {
  /** The heading. */
  readonly title: string;
  /** The experiment's question, printed below the heading. */
  readonly question: string;
  /** Names of the rows. */
  readonly rows: readonly string[];
  /** Names of the columns. */
  readonly columns: readonly string[];
  /** Returns a column's heading: its name, with the stand-in for its data if there is one. */
  readonly heading: (column: string) => string;
  /** The row that the others are compared with. */
  readonly baseline: string;
  /** Returns the cell of a row and a column. */
  readonly cell: (row: string, column: string) => TableCell;
  /** The row over which the others' average relative improvement is shown; absent if it is not shown. */
  readonly improvementOver?: string;
  /** Returns the paper's printed improvement of a row in percent; null if it gives none. */
  readonly printedImprovement?: (row: string) => number | null;
  /** The settings in which our runs differ from the paper's. */
  readonly settings: readonly SettingDifference[];
  /** The experiment's own notes about its data and scale. */
  readonly notes: readonly string[];
}

/** A setting that is not the paper's. */
export interface SettingDifference {
  /** Dotted name of the field. */
  readonly setting: string;
  /** The paper's value. */
  readonly paper: string;
  /** The runs' value. */
  readonly here: string;
  /** "everywhere", or the columns or rows with this difference. */
  readonly where: string;
}

/** A cell of a table, evaluated. */
export interface EvaluatedCell {
  /** Its row. */
  readonly row: string;
  /** Its column. */
  readonly column: string;
  /** The paper's test error in percent; null if it prints none. */
  readonly paper: number | null;
  /** Number of runs that there should be. */
  readonly expected: number;
  /** The runs, in the order of seeds. */
  readonly records: readonly RunRecord[];
  /** Their test errors in percent. */
  readonly errors: readonly number[];
  /** Mean of the errors; undefined without runs. */
  readonly mean?: number;
  /** Standard deviation over seeds; undefined for fewer than two. */
  readonly sd?: number;
  /**
   * The comparison with the baseline of the same column; p is adjusted for all comparisons of the table, made or still
   * missing. Undefined for the baseline itself and for cells without runs.
   */
  readonly comparison?: AdjustedComparison | NotCompared;
}

/** Evaluates every cell of a table, column by column. `folder` holds the predictions. */
export async function evaluateTable(table: ResultTable, folder: string): Promise<EvaluatedCell[]> {
  requireArguments("evaluateTable", {
    table: [table, aTable],
    folder: [folder, path],
  });
  const cells: EvaluatedCell[] = table.columns.flatMap((column) =>
    table.rows.map((row) => {
      const cell = table.cell(row, column);
      const errors = cell.records.map(({ test }) => 100 * test.errorRate);
      const sd = standardDeviation(errors);
      return {
        row,
        column,
        ...cell,
        errors,
        ...errors.length > 0 ? { mean: mean(errors) } : {},
        ...sd === undefined ? {} : { sd },
      };
    })
  );
  const compared = cells.filter(({ row, expected }) => row !== table.baseline && expected > 0);
  const found = [];
  for (const { column, records } of compared) {
    found.push(await compareRuns(records, table.cell(table.baseline, column).records, folder));
  }
  const adjusted = new Map(withHolm(found).map((comparison, place) => [compared[place]!, comparison]));
  return cells.map((cell) => {
    const comparison = adjusted.get(cell);
    return comparison && cell.records.length > 0 ? { ...cell, comparison } : cell;
  });
}

/** Returns a text: the best row of the first column with runs, and the numbers of better and worse cells. */
export function mainResult(cells: readonly EvaluatedCell[], { baseline, heading }: ResultTable): string {
  const made = cells.filter(({ errors }) => errors.length > 0);
  if (made.length === 0) return "No runs yet.";
  const column = made.filter((cell) => cell.column === made[0]!.column);
  const best = column.reduce((best, cell) => cell.mean! < best.mean! ? cell : best);
  const comparisons = made.flatMap(({ comparison }) =>
    comparison && !("missing" in comparison) ? [comparison] : []
  );
  const verdicts = comparisons.map(({ verdict }) => verdict);
  const alone = comparisons.every(({ seeds }) => seeds === 1);
  const count = (verdict: string) => verdicts.filter((other) => other === verdict).length;
  const differences = verdicts.length === 0
    ? ""
    : ` Against “${baseline}”${alone ? ", with one seed" : ""}: better in ${
      count("better")
    } of ${verdicts.length} ` +
      `cells, worse in ${count("worse")}, not distinguishable in ${count("not distinguishable")}.`;
  const { errors, sd } = best;
  const lowest = `${best.mean!.toFixed(2)}${
    sd === undefined ? "" : ` ± ${sd.toFixed(2)}`
  } % (n = ${errors.length})`;
  return `Lowest test error, ${heading(best.column)}: ${lowest} with “${best.row}”.${differences}`;
}

/**
 * Returns the seconds of all runs together, with those of the models made for them (pre-trained further, or fine-tuned
 * on several tasks), each model counted once.
 */
export function secondsOf(records: Iterable<RunRecord>): number {
  const runs = [...records];
  const models = new Map<string, number>();
  const count = (key: unknown, seconds: number) => {
    const name = JSON.stringify(key);
    models.set(name, Math.max(seconds, models.get(name) ?? 0));
  };
  for (const { preTraining, multiTask, configuration, seed } of runs) {
    const { point: _, ...settings } = (configuration["preTraining"] ?? {}) as Record<string, unknown>;
    // Each point of one run of pre-training records the seconds from its start.
    if (preTraining) count([preTraining.start, settings], preTraining.seconds);
    if (multiTask) count([multiTask.start, settings, multiTask.tasks, seed], multiTask.seconds);
  }
  return [...runs.map(({ seconds }) => seconds), ...models.values()].reduce((sum, one) => sum + one, 0);
}

/** Average relative improvements over a row, and the data sets that are averaged. */
export interface Improvements {
  /** Data sets for which the paper prints a number of every row that is run. */
  readonly paperSets: readonly string[];
  /** Data sets on which all rows have runs with a common seed. */
  readonly ourSets: readonly string[];
  /** Improvements in percent of each row that is run; null if unknown. */
  readonly rows: readonly {
    readonly row: string;
    /** The paper's printed number, over the data sets that the row has. */
    readonly printed: number | null;
    /** Computed from the paper's errors, over `paperSets`. */
    readonly paper: number | null;
    /** Computed from our runs, over `ourSets` and the seeds that all rows have on them. */
    readonly ours: number | null;
  }[];
}

/** Computes the mean of (base − row) / base over data sets, the same sets for each row (Table 6). */
export function improvements(table: ResultTable, base: string): Improvements {
  requireArguments("improvements", {
    table: [table, aTable],
    base: [base, text],
  });
  const rows = table.rows.filter((row) =>
    row !== base && table.columns.some((column) => table.cell(row, column).expected > 0)
  );
  const printedError = (row: string, column: string) => table.cell(row, column).paper;
  /** Returns our mean error over the seeds that all rows have. */
  const ourError = (row: string, column: string) => {
    const seedsOf = (other: string) => table.cell(other, column).records.map(({ seed }) => seed);
    const records = table.cell(row, column).records
      .filter(({ seed }) => [base, ...rows].every((other) => seedsOf(other).includes(seed)));
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
