/**
 * Runs an experiment's cells and keeps a record of each. What is on record already is not run again, so that a second
 * call goes on where the first one stopped.
 */
import { dirname, join, relative, resolve } from "node:path";
import { InputError } from "../errors.ts";
import { expectedSeconds } from "./expected_time.ts";
import type { Configuration } from "./configuration.ts";
import { type Cell, type CellOptions, type Experiment, resolveCells } from "./experiment.ts";
import { commit, machine, MemoryWatch, versions } from "../results/provenance.ts";
import {
  appendRecord,
  hasStandIn,
  type Predictions,
  readRecords,
  recordsByHash,
  type RunRecord,
  type RunResult,
  writePredictions,
} from "../results/records.ts";
import { cellLockOf, forgetRuns } from "./saved_runs.ts";
import { withLockIfFree } from "../storage/file_lock.ts";
import { requireWritable } from "../storage/whole_file.ts";
import {
  anExperiment,
  aRecord,
  callback,
  having,
  numbers,
  path,
  requireArguments,
} from "../storage/arguments.ts";
import { list, object, optional, text, whole } from "../storage/json.ts";

/** Devices and callbacks that a run is given beside its configuration. */
export interface RunHooks {
  /** Devices that share each batch; one by default. */
  readonly devices?: number;
  /** Steps done of all, and the loss of the moment where it is known. */
  readonly onStep: (done: number, total: number, loss?: number) => void;
  /** Something to show on the way, such as how far a download is. */
  readonly onLine: (line: string) => void;
  /** Once aborted, the run saves itself at the end of its step and throws the signal's reason. */
  readonly stop?: AbortSignal;
}

/** Trains and tests one configuration. */
export type RunCell = (
  configuration: Configuration,
  hooks: RunHooks,
) => Promise<CellResult>;

/** The result of one configuration. */
export interface CellResult extends RunResult {
  /** Predictions of the test split. */
  readonly testPredictions: Predictions;
  /** Seconds of the run that went into what other runs use as well, such as a pre-trained model. */
  readonly sharedSeconds?: number;
  /** Seconds of training steps in sittings before this one. */
  readonly earlierSeconds?: number;
  /** To be called when the run is on record: removes what was saved on the way. */
  readonly forget?: () => Promise<void>;
}

/** An event while an experiment runs; a plan's seconds are the time that the runs that are due will take. */
export type ExperimentEvent =
  | { readonly kind: "plan"; readonly due: readonly Cell[]; readonly runs: number; readonly seconds: number }
  | { readonly kind: "line"; readonly line: string }
  | { readonly kind: "start"; readonly cell: Cell; readonly run: number; readonly runs: number }
  | { readonly kind: "step"; readonly done: number; readonly total: number; readonly loss?: number }
  | { readonly kind: "end"; readonly record: RunRecord; readonly run: number; readonly runs: number }
  | { readonly kind: "failed"; readonly failure: Failure; readonly run: number; readonly runs: number };

/** A run that could not be made. */
export interface Failure {
  /** Its cell. */
  readonly cell: Cell;
  /** The error, as a sentence. */
  readonly message: string;
}

/** A share of the runs: the I-th of N, for several machines. */
export interface Shard {
  /** I, from 1. */
  readonly index: number;
  /** N */
  readonly count: number;
}

/** Options of running an experiment. */
export interface ExperimentOptions extends CellOptions {
  /** Folder of the records; each scale has a folder in it. */
  readonly resultsDir: string;
  /** Run only this share. */
  readonly shard?: Shard;
  /** Trains and tests one configuration. */
  readonly runCell: RunCell;
  /** Is told what happens. */
  readonly onProgress?: (event: ExperimentEvent) => void;
  /** Stops at the end of a step, with all saved, once it is aborted. */
  readonly stop?: AbortSignal;
}

/** The cells of an experiment and their records. */
export interface ExperimentResult {
  /** All cells, of all shards. */
  readonly cells: readonly Cell[];
  /** The record of each cell that has one, by hash. */
  readonly records: ReadonlyMap<string, RunRecord>;
  /** Folder of the records. */
  readonly folder: string;
}

/** Returns an experiment's cells and the records of them in a folder, without running anything. */
export async function experimentResult(
  experiment: Experiment,
  options: CellOptions & Pick<ExperimentOptions, "resultsDir" | "onProgress">,
): Promise<ExperimentResult> {
  requireArguments("experimentResult", {
    experiment: [experiment, anExperiment],
    options: [options, object({ resultsDir: path })],
  });
  const { folder, records } = await readFolder(options);
  return { folder, ...withRecords(await resolveCells(experiment, options), records) };
}

async function readFolder(
  { resultsDir, scale = "mini", onProgress }: Pick<ExperimentOptions, "resultsDir" | "scale" | "onProgress">,
): Promise<{ folder: string; records: readonly RunRecord[] }> {
  const folder = join(resultsDir, scale);
  const { records, warnings } = await readRecords(folder);
  for (const line of warnings) onProgress?.({ kind: "line", line });
  return { folder, records };
}

/** Cells with the record of each that has one, by hash. */
function withRecords(
  cells: readonly Cell[],
  records: readonly RunRecord[],
): Pick<ExperimentResult, "cells" | "records"> {
  return { cells, records: recordsByHash(ofCells(cells, records)) };
}

/** The records of cells, by the hashes of their configurations. */
function ofCells(cells: readonly Cell[], records: readonly RunRecord[]): readonly RunRecord[] {
  const wanted = new Set(cells.map(({ hash }) => hash));
  return records.filter(({ hash }) => wanted.has(hash));
}

/**
 * Returns the runs on record of an experiment: all cells of the seeds that it has runs of, with records. If other tables
 * made runs for more seeds these are left out, as they would leave this table with cells missing that nobody asked for;
 * an experiment without any runs of its own has the seeds of those that others made for it, or else the first.
 *
 * @param options.seeds those to look for
 */
export async function onRecord(
  experiment: Experiment,
  records: readonly RunRecord[],
  options: CellOptions & { readonly seeds: readonly number[] },
): Promise<Pick<ExperimentResult, "cells" | "records">> {
  requireArguments("onRecord", {
    experiment: [experiment, anExperiment],
    records: [records, list(aRecord)],
    options: [options, object({ seeds: numbers })],
  });
  const possible = withRecords(await resolveCells(experiment, options), records);
  const found = [...possible.records.values()];
  const own = found.filter((record) => record.experiment === experiment.name);
  const seeds = new Set((own.length > 0 ? own : found).map(({ seed }) => seed));
  if (seeds.size === 0) seeds.add(options.seeds[0]!);
  return withRecords(possible.cells.filter(({ configuration }) => seeds.has(configuration.seed)), found);
}

/**
 * The command that makes the runs of cells which were made alike, or goes on with them.
 *
 * @param model the one that stands in the place of the scale's own, if another does
 */
export function commandFor(
  experiment: Pick<Experiment, "name">,
  cells: readonly Cell[],
  results: string,
  model?: string,
): string {
  requireArguments("commandFor", {
    experiment: [experiment, having("an experiment, as experiment() returns", "name")],
    cells: [cells, list(having("a cell, as resolveCells() returns", "configuration"))],
    results: [results, path],
    model: [model, optional(text)],
  });
  const { name } = experiment;
  const { scale, configuration: { protocol, engine, precision } } = cells[0]!;
  const seeds = Math.max(...cells.map(({ configuration }) => configuration.seed));
  // Tasks run in the project's folder, if it is one of this machine.
  const project = import.meta.dirname === undefined ? "." : join(import.meta.dirname, "..", "..");
  const inside = relative(project, resolve(results));
  const folder = inside.startsWith("..") ? results : inside;
  return [
    `deno task reproduce ${name} --scale ${scale} --seeds ${seeds}`,
    ...protocol === "clean" ? [] : [`--protocol ${protocol}`],
    `--engine ${engine}`,
    ...precision === "f32" ? [] : [`--precision ${precision}`],
    ...model === undefined ? [] : [`--model ${/[^\w./@:-]/.test(model) ? JSON.stringify(model) : model}`],
    ...folder === "runs" ? [] : [`--results ${folder}`],
  ].join(" ");
}

/**
 * Runs the cells that have no record yet (those of the shard, if there is one) and returns all. What one run cannot use,
 * such as a data set that cannot be had, does not keep the others from being made. What another process is making is
 * put off, then waited for.
 *
 * @throws InputError if the shard is not one of N, or the folder cannot be written to; whatever else a run throws, after
 * the records of the runs before it; the reason of `stop` once that is aborted.
 */
export async function runExperiment(
  experiment: Experiment,
  options: ExperimentOptions,
): Promise<ExperimentResult & { readonly failures: readonly Failure[] }> {
  requireArguments("runExperiment", {
    experiment: [experiment, anExperiment],
    options: [options, object({ resultsDir: path, runCell: callback })],
  });
  const { shard, onProgress } = options;
  await commit(); // that of the code which runs, whatever is committed meanwhile
  const { folder, records: made } = await readFolder(options);
  const cells = await resolveCells(experiment, options);
  const contents = new Map<string, string | undefined>();
  const records = await keptOf(cells, made, contents, onProgress);
  const { runs, share } = shareOf(cells, shard);
  const due = share.filter(({ hash }) => !records.has(hash));
  await forgetRuns(records.keys(), folder);
  if (due.length > 0) await requireWritable(folder);
  const seconds = await expectedSeconds(
    experiment,
    options.scale ?? "mini",
    due.map(({ configuration }) => configuration),
    made.map(({ configuration }) => configuration as unknown as Configuration),
  );
  onProgress?.({ kind: "plan", due, runs: runs.length, seconds });
  const file = shard ? `records-${shard.index}-of-${shard.count}.jsonl` : "records.jsonl";
  const failures: Failure[] = [];
  let run = 0;
  const make = async (cell: Cell) => {
    const progress = { run: ++run, runs: due.length };
    onProgress?.({ kind: "start", cell, ...progress });
    try {
      const record = await madeMeanwhile(cell) ?? await recordCell(cell, join(folder, file), options);
      onProgress?.({ kind: "end", record, ...progress });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      const failure = { cell, message: error.message };
      failures.push(failure);
      onProgress?.({ kind: "failed", failure, ...progress });
    }
    options.stop?.throwIfAborted();
  };
  const madeMeanwhile = async (cell: Cell) => {
    const { records } = await readFolder({ ...options, onProgress: undefined });
    return (await keptOf([cell], records, contents)).get(cell.hash);
  };
  const putOff: Cell[] = [];
  for (const cell of due) {
    await withLockIfFree(
      cellLockOf(folder, cell.hash),
      async (isFree) => isFree ? await make(cell) : void putOff.push(cell),
    );
  }
  for (const cell of putOff) {
    const line =
      `Waiting for another process that makes ${cell.column}, ${cell.row}, seed ${cell.configuration.seed}`;
    await withLockIfFree(
      cellLockOf(folder, cell.hash),
      () => make(cell),
      () => onProgress?.({ kind: "line", line }),
    );
  }
  // Read again, as other processes may have made runs of other shards meanwhile.
  const { records: all } = await readFolder({ ...options, onProgress: undefined });
  return { folder, cells, records: await keptOf(cells, all, contents), failures };
}

/** The record of each cell that has one which still holds, by hash. */
async function keptOf(
  cells: readonly Cell[],
  records: readonly RunRecord[],
  contents: Map<string, string | undefined>,
  onProgress?: ExperimentOptions["onProgress"],
): Promise<ReadonlyMap<string, RunRecord>> {
  const found = ofCells(cells, records);
  if (!found.some((record) => record.contents || hasStandIn(record))) return recordsByHash(found);
  const { validRecords } = await import("./valid_records.ts"); // it loads what trains
  const say = (line: string) => onProgress?.({ kind: "line", line });
  return recordsByHash(await validRecords(found, say, contents));
}

/**
 * The different runs among cells, and those of a shard: all if there is none.
 *
 * @throws InputError if the shard is not one of N.
 */
export function shareOf(
  cells: readonly Cell[],
  shard?: Shard,
): { runs: readonly Cell[]; share: readonly Cell[] } {
  requireArguments("shareOf", {
    cells: [cells, list(having("a cell, as resolveCells() returns"))],
    shard: [shard, optional(object({ index: whole(1), count: whole(1) }))],
  });
  const { index, count } = shard ?? { index: 1, count: 1 };
  if (!(Number.isInteger(index) && index >= 1 && index <= count)) {
    throw new InputError(`Cannot run shard ${index}/${count}: expected I/N with I from 1 to N`);
  }
  const runs = [...new Map(cells.toReversed().map((cell) => [cell.hash, cell])).values()].reverse();
  return { runs, share: runs.filter((_, place) => place % count === index - 1) };
}

/** Makes a run and keeps its record in the file, with its predictions beside that. */
async function recordCell(cell: Cell, file: string, options: ExperimentOptions): Promise<RunRecord> {
  const { configuration, hash } = cell;
  const memory = new MemoryWatch();
  const start = new Date();
  try {
    const { testPredictions, sharedSeconds = 0, earlierSeconds = 0, forget, ...result } = await options
      .runCell(configuration, {
        onStep: (done, total, loss) => options.onProgress?.({ kind: "step", done, total, loss }),
        onLine: (line) => options.onProgress?.({ kind: "line", line }),
        stop: options.stop,
      });
    const source = await commit();
    const record: RunRecord = {
      format: 1,
      experiment: cell.experiment,
      cell: { row: cell.row, column: cell.column },
      scale: cell.scale,
      protocol: configuration.protocol,
      seed: configuration.seed,
      ...result,
      configuration: { ...configuration },
      hash,
      versions: versions(),
      ...(source === undefined ? {} : { commit: source }),
      machine: machine(),
      start: start.toISOString(),
      seconds: (Date.now() - start.getTime()) / 1000 - sharedSeconds + earlierSeconds,
      peakMemoryBytes: memory.stop(),
      predictions: await writePredictions(dirname(file), hash, testPredictions),
    };
    await appendRecord(file, record);
    await forget?.();
    return record;
  } finally {
    memory.stop();
  }
}
