/**
 * Records of runs: one JSON line for each run; every table, figure and report is made from them. A results folder of
 * one scale holds `records.jsonl` (or several `*.jsonl`, from shards or other machines) and `predictions/`.
 */
import { mkdir, open, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { InputError } from "../errors.ts";
import { writeWhole } from "../storage/whole_file.ts";
import { fileName } from "../storage/file_name.ts";
import { readTextFile } from "../storage/input_file.ts";
import { parseJson, readJsonIfThere } from "../storage/json.ts";
import { type Predictions, predictionsShape, recordShape, type RunRecord } from "./record.ts";
import { path, requireArguments } from "../storage/arguments.ts";

export type {
  DataRecord,
  EpochRecord,
  ForgettingRecord,
  MachineRecord,
  MultiTaskRecord,
  Predictions,
  PreTrainingMeasures,
  PreTrainingRecord,
  RunRecord,
  RunResult,
} from "./record.ts";

/** Writes JSON with the keys of every object in alphabetical order, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_, part) =>
      part !== null && typeof part === "object" && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1))
        : part,
  );
}

/** Returns the sha256 of a configuration's canonical JSON, 64 hex digits. */
export async function configurationHash(configuration: object): Promise<string> {
  const bytes = new TextEncoder().encode(canonicalJson(configuration));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/**
 * Appends a record as one line, in one write, and flushes it to the disk. If a killed run left a cut-off line, that
 * line is ended first, so that the new record is not lost with it.
 */
export async function appendRecord(path: string, record: RunRecord): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, "a+").catch((error) => {
    throw new InputError(`Cannot keep a record in ${path}: ${error.message}`, { cause: error });
  });
  try {
    const { size } = await file.stat();
    const last = new Uint8Array(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    const cutOff = size > 0 && last[0] !== 10;
    await file.write(`${cutOff ? "\n" : ""}${JSON.stringify(record)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Records that were read, and a sentence for each line that was ignored. */
export interface ReadRecords {
  /** The records, in the order of file names and lines. */
  readonly records: readonly RunRecord[];
  /** Sentences about ignored lines. */
  readonly warnings: readonly string[];
}

/**
 * Reads all records of a folder, from every `*.jsonl` file in it; none if there is no such folder. A line that is cut
 * off or is no record is ignored with a warning, so that it costs that run only.
 *
 * @throws InputError if it is no folder, or a file cannot be read.
 */
export async function readRecords(folder: string): Promise<ReadRecords> {
  requireArguments("readRecords", { folder: [folder, path] });
  const records: RunRecord[] = [];
  const warnings: string[] = [];
  for (const name of (await filesIn(folder)).sort()) {
    if (!name.endsWith(".jsonl")) continue;
    const path = join(folder, name);
    const lines = (await readTextFile(path).catch((error) => {
      throw error instanceof InputError ? error : new InputError(`Cannot read ${path}: ${error.message}`);
    })).split("\n");
    for (const [index, line] of lines.entries()) {
      if (line.trim() === "") continue;
      try {
        records.push(await parseRecord(line, `line ${index + 1} of ${path}`));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        warnings.push(error.message);
      }
    }
  }
  return { records, warnings };
}

/** Parses a line. @throws InputError if it is no record, or its hash is not that of its configuration. */
async function parseRecord(line: string, where: string): Promise<RunRecord> {
  const advice = "it was ignored; remove the line, and deno task reproduce makes the run again";
  const record = parseJson(line, where, recordShape, advice);
  if (record.hash === await configurationHash(record.configuration)) return record;
  throw new InputError(`Cannot use ${where} as "hash" is not that of its configuration; ${advice}`);
}

/** Tells whether a new model stood in for one that could not be fetched (lib/bert/start_model.ts). */
export function hasStandIn({ configuration, model, preTraining, multiTask }: RunRecord): boolean {
  const start = preTraining?.start ?? multiTask?.start ?? model;
  return configuration["model"] !== "new" && start.startsWith("new over ");
}

/** Returns one record for each hash: those of the real model come before those of a stand-in, then later ones first. */
export function recordsByHash(records: readonly RunRecord[]): Map<string, RunRecord> {
  const found = new Map<string, RunRecord>();
  for (const record of records) {
    const other = found.get(record.hash);
    const isBetter = !other ||
      (hasStandIn(record) === hasStandIn(other) ? record.start >= other.start : hasStandIn(other));
    if (isBetter) found.set(record.hash, record);
  }
  return found;
}

/** Writes a run's predictions beside the records and returns the path for `RunRecord.predictions`. */
export async function writePredictions(
  folder: string,
  hash: string,
  predictions: Predictions,
): Promise<string> {
  await mkdir(join(folder, "predictions"), { recursive: true });
  const name = `predictions/${hash.slice(0, 16)}.json`;
  await writeWhole(join(folder, name), [JSON.stringify(predictions) + "\n"]);
  return name;
}

/** Reads a record's predictions; undefined if there are none that can be used ({@linkcode predictionFaults}). */
export async function readPredictions(folder: string, record: RunRecord): Promise<Predictions | undefined> {
  return await openPredictions(folder, record).catch((error) => {
    if (!(error instanceof InputError)) throw error;
    return undefined;
  });
}

/**
 * Returns a sentence for each record whose predictions cannot be used, and one for all whose predictions are not there:
 * these runs are then compared with none.
 */
export async function predictionFaults(folder: string, records: Iterable<RunRecord>): Promise<string[]> {
  const faults = new Set<string>();
  const missing = new Set<string>();
  for (const record of records) {
    try {
      if (!await openPredictions(folder, record)) missing.add(record.predictions);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      faults.add(error.message);
    }
  }
  if (missing.size > 0) {
    const runs = missing.size === 1 ? "1 run has" : `${missing.size} runs have`;
    faults.add(
      `${runs} no predictions in ${
        join(folder, "predictions")
      } and can be compared with none: copy that folder too`,
    );
  }
  return [...faults];
}

async function openPredictions(folder: string, record: RunRecord): Promise<Predictions | undefined> {
  const name = fileName(basename(record.predictions), `a record's predictions in ${folder}`);
  const advice = "its run is compared with none; delete the file and its line, and run it again";
  return await readJsonIfThere(join(folder, "predictions", name), predictionsShape, advice);
}

/** Returns the names of a folder's files; none if there is no such folder. @throws InputError if it is no folder. */
async function filesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === "ENOENT") return [];
    throw new InputError(`Cannot read records in ${folder}: ${message}; name another folder`, {
      cause: error,
    });
  }
}
