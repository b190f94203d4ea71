/** What the cells of a table come to, as values: means, differences to the baseline. */
import { type AdjustedComparison, compareRuns, type NotCompared, withHolm } from "../results/comparison.ts";
import type { RunRecord } from "../results/records.ts";
import { mean, standardDeviation } from "../results/statistics.ts";
import type { ResultTable } from "../results/tables.ts";

/** A cell of a table. */
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
  /** Against the baseline of the same column, p adjusted for the whole table; undefined for the baseline itself. */
  readonly comparison?: AdjustedComparison | NotCompared;
}

/** Every cell of a table, column by column. `folder` holds the predictions. */
export async function evaluate(table: ResultTable, folder: string): Promise<EvaluatedCell[]> {
  const cells: EvaluatedCell[] = table.columns.flatMap((column) =>
    table.rows.map((row) => {
      const cell = table.cell(row, column);
      const errors = cell.records.map(({ test }) => 100 * test.errorRate);
      const sd = standardDeviation(errors.length > 0 ? errors : [0]);
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
  const compared = cells.filter(({ row, records }) => row !== table.baseline && records.length > 0);
  const found = [];
  for (const { column, records } of compared) {
    found.push(await compareRuns(records, table.cell(table.baseline, column).records, folder));
  }
  const adjusted = new Map(withHolm(found).map((comparison, place) => [compared[place]!, comparison]));
  return cells.map((cell) => {
    const comparison = adjusted.get(cell);
    return comparison ? { ...cell, comparison } : cell;
  });
}

/** The best row of the first column that has runs, and how many differences to the baseline are more than chance. */
export function mainResult(cells: readonly EvaluatedCell[], { baseline, heading }: ResultTable): string {
  const made = cells.filter(({ errors }) => errors.length > 0);
  if (made.length === 0) return "No runs yet.";
  const column = made.filter((cell) => cell.column === made[0]!.column);
  const best = column.reduce((best, cell) => cell.mean! < best.mean! ? cell : best);
  const verdicts = made.flatMap(({ comparison }) =>
    comparison && !("missing" in comparison) ? [comparison.verdict] : []
  );
  const count = (verdict: string) => verdicts.filter((other) => other === verdict).length;
  const differences = verdicts.length === 0
    ? ""
    : ` Against “${baseline}”: better in ${count("better")} of ${verdicts.length} cells, worse in ${
      count("worse")
    }, ` +
      `not distinguishable in ${count("not distinguishable")}.`;
  const { errors, sd } = best;
  const lowest = `${best.mean!.toFixed(2)}${
    sd === undefined ? "" : ` ± ${sd.toFixed(2)}`
  } % (n = ${errors.length})`;
  return `Lowest test error, ${heading(best.column)}: ${lowest} with “${best.row}”.${differences}`;
}
