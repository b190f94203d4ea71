/** In which settings the runs of an experiment differ from the paper's. */
import { paperSettings } from "./configuration.ts";
import { type Cell, type Experiment, resolveCells } from "./experiment.ts";
import type { SettingDifference } from "../results/result_table.ts";

/** Where and how a run is computed, and what follows from the data sets: no settings of their own. */
const besides = new Set([
  ...["seed", "engine", "precision"],
  ...["preTraining.corpus", "preTraining.unseen", "preTraining.points", "multiTask.tasks"],
]);

/** The settings of cells beside those of the same cells at paper scale, by the protocol of the paper's code. */
export async function settingDifferences(
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

/** What null means. */
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
