/** A table of the paper as a value: its cells with our runs, and what they come to. */
import { type AdjustedComparison, compareRuns, type NotCompared, withHolm } from "./comparison.ts";
import type { RunRecord } from "./records.ts";
import { mean, standardDeviation } from "./statistics.ts";

/** One cell: the paper's number and our runs. */
export interface TableCell {
  /** Test error in percent; null where the paper gives none. */
  readonly paper: number | null;
  /** Records of the cell, one a seed, by rising seed. */
  readonly records: readonly RunRecord[];
  /** How many records there should be; 0 for what is only shown as the paper prints it. */
  readonly expected: number;
}

/** A table of the paper, with our runs. */
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
  /** In which settings our runs differ from the paper's. */
  readonly settings: readonly SettingDifference[];
  /** What the experiment itself says about its data and scale. */
  readonly notes: readonly string[];
}

/** A setting that is not the paper's. */
export interface SettingDifference {
  /** The field by its dotted name. */
  readonly setting: string;
  /** The paper's value. */
  readonly paper: string;
  /** That of the runs. */
  readonly here: string;
  /** "everywhere", or the columns or rows in which it is so. */
  readonly where: string;
}

/** A cell of a table, evaluated. */
export interface EvaluatedCell {
  /** Its row. */
  readonly row: string;
  /** Its column. */
  readonly column: string;
  /** The paper's error in percent; null where it gives none. */
  readonly paper: number | null;
  /** How many runs there should be. */
  readonly expected: number;
  /** The runs, by rising seed. */
  readonly records: readonly RunRecord[];
  /** Their test errors in percent. */
  readonly errors: readonly number[];
  /** Mean error; undefined without runs. */
  readonly mean?: number;
  /** Standard deviation over seeds; undefined below two. */
  readonly sd?: number;
  /**
   * Against the baseline of the same column, p adjusted for all comparisons of the table, made or still missing;
   * undefined for the baseline itself and for cells without runs.
   */
  readonly comparison?: AdjustedComparison | NotCompared;
}

/** Every cell of a table, column by column. `folder` holds the predictions. */
export async function evaluateTable(table: ResultTable, folder: string): Promise<EvaluatedCell[]> {
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

/** The best row of the first column that has runs, and how many differences to the baseline are more than chance. */
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
 * Seconds that runs took in all, with the models that were made for them (pre-trained further, or fine-tuned on several
 * tasks), each counted once.
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
    // The points of one run of pre-training each tell the seconds until then.
    if (preTraining) count([preTraining.start, settings], preTraining.seconds);
    if (multiTask) count([multiTask.start, settings, multiTask.tasks, seed], multiTask.seconds);
  }
  return [...runs.map(({ seconds }) => seconds), ...models.values()].reduce((sum, one) => sum + one, 0);
}

/** Average relative improvements over a row, and the sets that they are over. */
export interface Improvements {
  /** Sets of which the paper prints a number for every row that is run. */
  readonly paperSets: readonly string[];
  /** Sets of which every row has runs with a common seed. */
  readonly ourSets: readonly string[];
  /** In percent, for each row that is run; null where it cannot be told. */
  readonly rows: readonly {
    readonly row: string;
    /** As the paper prints it, over the sets that the row has. */
    readonly printed: number | null;
    /** From the paper's numbers, over `paperSets`. */
    readonly paper: number | null;
    /** From our runs, over `ourSets` and the seeds that all rows have in them. */
    readonly ours: number | null;
  }[];
}

/** The mean over data sets of (base − row) / base, over the same sets for each row (Table 6). */
export function improvements(table: ResultTable, base: string): Improvements {
  const rows = table.rows.filter((row) =>
    row !== base && table.columns.some((column) => table.cell(row, column).expected > 0)
  );
  const printedError = (row: string, column: string) => table.cell(row, column).paper;
  /** Over the seeds that all rows have. */
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
