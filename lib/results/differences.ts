/** Pictures of differences to a baseline: the paper's, ours with intervals, and what our runs would have missed. */
import type { AdjustedComparison, NotCompared } from "./comparison.ts";
import type { Dot, DotFigure } from "./figures.ts";
import type { EvaluatedCell, ResultTable } from "./result_table.ts";

/** A table with its evaluated cells. */
export interface EvaluatedTable {
  /** The table. */
  readonly table: ResultTable;
  /** Its cells, column by column. */
  readonly evaluated: readonly EvaluatedCell[];
}

/** Returns a comparison's part of a line of a picture of differences, in points. */
export function differenceDot(
  comparison: AdjustedComparison | NotCompared | undefined,
): Pick<Dot, "ours" | "unseen"> {
  if (comparison === undefined || "missing" in comparison) return {};
  const { difference, low, high, detectable } = comparison;
  return {
    ours: { middle: 100 * difference, low: 100 * low, high: 100 * high },
    unseen: 100 * detectable,
  };
}

/** Returns the figure of a table's differences to the baseline: a panel for each column that has comparisons. */
export function differenceFigure({ table, evaluated }: EvaluatedTable, name: string): DotFigure {
  const panels = table.columns.map((column) => {
    const base = table.cell(table.baseline, column).paper;
    return {
      title: table.heading(column),
      dots: evaluated.filter((cell) => cell.column === column && cell.comparison !== undefined)
        .map(({ row, paper, comparison }) => ({
          name: row,
          paper: paper === null || base === null ? null : paper - base,
          ...differenceDot(comparison),
        })),
    };
  });
  return {
    title: `${name}: difference to “${table.baseline}”`,
    x: "points (below 0: better)",
    linearUntil: 0.5,
    panels: panels.filter(({ dots }) => dots.some(({ ours }) => ours)),
  };
}

/** Explanation of {@linkcode differenceFigure}. */
export const differenceCaption = (baseline: string): string =>
  `Test error minus that of “${baseline}”, in points: the paper's as a diamond; ours with the 95 % interval of the ` +
  "bootstrap over test texts. Grey: true differences up to this size would be missed more than once in five, by both tests " +
  "and with the adjustment for all comparisons of the table.";
