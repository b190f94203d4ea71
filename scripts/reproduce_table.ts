/** The files of an experiment's table and figure, which `deno task reproduce` writes beside the records. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { figureSvg } from "../lib/results/figures.ts";
import { readRecords } from "../lib/results/records.ts";
import { type CellOptions, type Experiment, resolveCells } from "../lib/runs/experiment.ts";
import type { ExperimentResult } from "../lib/runs/run_experiment.ts";
import { writeTogether } from "../lib/storage/whole_folder.ts";

/**
 * Writes an experiment's table, and its figure if it has one. A table that is there is left as it is if more seeds are on
 * record than were asked for. Returns sentences on what was written.
 */
export async function writeTable(
  text: string,
  experiment: Experiment,
  result: ExperimentResult,
  cells: CellOptions,
): Promise<string[]> {
  const { folder, records } = result;
  const name = tableName(experiment.name, cells);
  const table = join(folder, `${name}.md`);
  const last = await stat(table).then(() => lastSeed(experiment, folder, cells), () => 0);
  if (last > 0) {
    return [`Left ${table} as it is: seeds up to ${last} are on record; --seeds ${last} writes it anew`];
  }
  const svg = experiment.figure && records.size > 0 &&
    await figureSvg(experiment.figure({ ...result, scale: cells.scale ?? "mini" }));
  const files = { [`${name}.md`]: text, ...svg ? { [`${name}.svg`]: svg } : {} };
  await writeTogether(folder, files, `${name}.md`);
  return Object.keys(files).map((file) => `Wrote ${join(folder, file)}`);
}

/** Returns the name of a table's file: the experiment, with the model and the protocol if they are not its own. */
function tableName(experiment: string, { model, protocol }: CellOptions): string {
  const words = model?.match(/[\p{L}\p{M}\p{N}_]+/gu) ?? ["other-model"];
  return [
    experiment,
    ...model === undefined ? [] : words,
    ...protocol === "paper" ? ["paper-protocol"] : [],
  ].join("-");
}

/** Returns the last of the seeds beyond those asked for that an experiment's own runs on record have; 0 if there is none. */
async function lastSeed(experiment: Experiment, folder: string, cells: CellOptions): Promise<number> {
  const asked = Math.max(...cells.seeds ?? [1]);
  const { records } = await readRecords(folder);
  const own = records.filter((record) => record.experiment === experiment.name && record.seed > asked);
  const more = await resolveCells(experiment, { ...cells, seeds: own.map(({ seed }) => seed) });
  const hashes = new Set(more.map(({ hash }) => hash));
  return Math.max(0, ...own.filter(({ hash }) => hashes.has(hash)).map(({ seed }) => seed));
}
