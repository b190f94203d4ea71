/** An experiment's table from its records, with what a reader must know of it, such as settings that are not the paper's. */
import { paperSettings } from "./configuration.ts";
import { type Cell, type Experiment, resolveCells, type ScaleName, scaleOf } from "./experiment.ts";
import type { ResultTable, SettingDifference } from "../results/result_table.ts";
import type { ExperimentResult } from "./run_experiment.ts";

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
    baseline: baselineOf(experiment, scaleName),
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

/** Returns the row that the others are compared with. */
export function baselineOf(experiment: Experiment, scale: ScaleName): string {
  return scaleOf(experiment, scale).baseline ?? experiment.baseline;
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

/** Fields of the place and way of computing a run, or that follow from the data sets: no settings of their own. */
const besides = new Set([
  ...["seed", "engine", "precision"],
  ...["preTraining.corpus", "preTraining.unseen", "preTraining.points", "multiTask.tasks"],
]);

/** The settings of cells beside those of the same cells at paper scale, by the protocol of the paper's code. */
async function settingDifferences(
  experiment: Experiment,
  cells: readonly Cell[],
): Promise<SettingDifference[]> {
  const printed = experiment.scales.paper
    ? await resolveCells(experiment, { scale: "paper", protocol: "paper" })
    : [];
  const seed = cells[0]?.configuration.seed;
  const compared = cells.filter(({ configuration }) => configuration.seed === seed);
  const found = new Map<string, { difference: Omit<SettingDifference, "where">; cells: Cell[] }>();
  for (const cell of compared) {
    const paper = flat(
      printed.find(({ row, column }) => row === cell.row && column === cell.column)?.configuration ??
        paperSettings,
    );
    const here = flat(cell.configuration);
    for (const setting of new Set([...Object.keys(paper), ...Object.keys(here)])) {
      const unused = setting.startsWith("architecture.") && cell.configuration.model !== "new";
      if (unused || besides.has(setting) || paper[setting] === here[setting]) continue;
      const difference = { setting, paper: paper[setting] ?? "–", here: here[setting] ?? "–" };
      const key = JSON.stringify(difference);
      const known = found.get(key) ?? { difference, cells: [] };
      known.cells.push(cell);
      found.set(key, known);
    }
  }
  return [...found.values()]
    .map(({ difference, cells }) => ({ ...difference, where: placeOf(cells, compared) }))
    .sort((a, b) => a.setting < b.setting ? -1 : a.setting > b.setting ? 1 : 0);
}

/** Fields by dotted name with their values as text; pre-training that is not there has no fields. */
function flat(value: object, prefix = ""): Record<string, string> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, field]): [string, string][] => {
      const name = `${prefix}${key}`;
      if (Array.isArray(field)) return [[name, field.join(", ")]];
      if (field !== null && typeof field === "object") return Object.entries(flat(field, `${name}.`));
      if (field === null && (name === "preTraining" || name === "multiTask")) return [];
      if (field === null) return [[name, whole(name)]];
      const small = typeof field === "number" && field > 0 && field < 1e-3;
      return [[name, small ? field.toExponential() : `${field}`]];
    }),
  );
}

/** Returns the word for null in a field. */
const whole = (name: string) => name.startsWith("limits.") || name === "layers" ? "all" : "none";

/** Names what a part of the cells has in common. */
function placeOf(part: readonly Cell[], all: readonly Cell[]): string {
  if (part.length === all.length) return "everywhere";
  for (const kind of ["column", "row"] as const) {
    const names = [...new Set(part.map((cell) => cell[kind]))];
    if (all.filter((cell) => names.includes(cell[kind])).length !== part.length) continue;
    const others = [...new Set(all.map((cell) => cell[kind]))].filter((name) => !names.includes(name));
    return others.length < names.length ? `everywhere but ${others.join(", ")}` : names.join(", ");
  }
  return `${part.length} of ${all.length} cells`;
}
