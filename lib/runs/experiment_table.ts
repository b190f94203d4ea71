/** An experiment's table from its records, with what a reader must know of it. */
import { type Cell, type Experiment, resolveCells, type ScaleName, scaleOf } from "./experiment.ts";
import type { ResultTable } from "../results/result_table.ts";
import type { ExperimentResult } from "./run_experiment.ts";
import { settingDifferences } from "./setting_differences.ts";

/** The experiment's table, as far as there are records. */
export async function experimentTable(
  experiment: Experiment,
  result: ExperimentResult,
  scaleName: ScaleName = "mini",
): Promise<ResultTable> {
  const scale = scaleOf(experiment, scaleName);
  const columns = experiment.columns.filter((column) => result.cells.some((cell) => cell.column === column));
  return {
    title: `${experiment.paper}, scale ${scaleName}`,
    question: experiment.question,
    rows: [
      ...experiment.printed ?? [],
      ...Object.keys(experiment.rows).filter((row) => result.cells.some((cell) => cell.row === row)),
    ],
    columns,
    heading: (column) => {
      const data = result.cells.find((cell) => cell.column === column)?.configuration.data;
      return scale.columns[column]?.standIn ? `${column} → ${data}` : column;
    },
    baseline: scale.baseline ?? experiment.baseline,
    ...experiment.improvementOver === undefined ? {} : {
      improvementOver: experiment.improvementOver,
      printedImprovement: (row) => {
        const place = experiment.published.columns.indexOf("average_relative_improvement_percent");
        return experiment.published.rows[row]?.[place] ?? null;
      },
    },
    cell: (row, column) => {
      const cells = result.cells.filter((cell) => cell.row === row && cell.column === column);
      const place = experiment.published.columns.indexOf(column);
      return {
        paper: experiment.published.rows[row]?.[place] ?? null,
        expected: cells.length,
        records: cells.flatMap(({ hash }) => result.records.get(hash) ?? []).sort((a, b) => a.seed - b.seed),
      };
    },
    settings: await settingDifferences(experiment, result.cells),
    notes: [
      ...scale.notes ?? [],
      ...columns.flatMap((column) => {
        const note = scale.columns[column]?.note;
        return note === undefined ? [] : [`${column}: ${note}`];
      }),
      ...await otherModels(experiment, result.cells, scaleName),
    ],
  };
}

/** A note on the cells whose model is not the one that the experiment states. */
async function otherModels(
  experiment: Experiment,
  cells: readonly Cell[],
  scale: ScaleName,
): Promise<readonly string[]> {
  const stated = await resolveCells(experiment, { scale });
  const changes = cells.flatMap(({ row, column, configuration: { model } }) => {
    const own = stated.find((cell) => cell.row === row && cell.column === column)!.configuration.model;
    return own === model
      ? []
      : [`The model is ${model} instead of ${own}: what is said of ${own} is not of it.`];
  });
  return [...new Set(changes)];
}
