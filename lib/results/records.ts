/**
 * Records of runs: one JSON line for each run; every table, figure and report is made from them. A results folder of
 * one scale holds `records.jsonl` (or several `*.jsonl`, from shards or other machines) and `predictions/`.
 */
import { mkdir, open, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { InputError } from "../errors.ts";
import { writeWhole } from "../storage/whole_file.ts";
import type { Metrics } from "./metrics.ts";
import { fileName } from "../storage/file_name.ts";
import { readTextFile } from "../storage/input_file.ts";

/** The measurements of one epoch, or of a part of one if there are several in each. */
export interface EpochRecord {
  /** Number of passes over the training texts up to its end. */
  readonly epoch: number;
  /** Mean loss of its training steps. */
  readonly trainLoss: number;
  /** Measures on a sample of the training texts, only if there are several measurements in an epoch. */
  readonly train?: Metrics;
  /** Measures on the development split, if there is one. */
  readonly dev?: Metrics;
  /** Measures on the test split, only if the protocol chooses the epoch by it. */
  readonly test?: Metrics;
  /** Seconds of its training steps, without evaluation. */
  readonly seconds: number;
}

/** The data of a run; the counts are after any limit. */
export interface DataRecord {
  /** The data set's name. */
  readonly name: string;
  /** sha256 over its texts and labels. */
  readonly fingerprint: string;
  /** Number of training examples. */
  readonly train: number;
  /** Number of development examples. */
  readonly dev: number;
  /** Number of test examples. */
  readonly test: number;
}

/** The machine of a run, without anything that identifies it. */
export interface MachineRecord {
  /** The operating system. */
  readonly os: string;
  /** The processor's architecture. */
  readonly arch: string;
  /** The processor's model. */
  readonly cpu: string;
  /** Number of logical processors. */
  readonly cores: number;
  /** Main memory in bytes. */
  readonly memoryBytes: number;
}

/** A model's measures on held-out texts by the tasks of pre-training. */
export interface PreTrainingMeasures {
  /** Mean cross-entropy of the masked wordpieces, in nats. */
  readonly mlmLoss: number;
  /** Share of the masked wordpieces that are guessed right. */
  readonly mlmAccuracy: number;
  /** Mean cross-entropy of "does the second segment follow", in nats. */
  readonly nspLoss?: number;
  /** Share of the pairs that are classified right. */
  readonly nspAccuracy?: number;
}

/** The further pre-training that a run started from; other runs may share it. */
export interface PreTrainingRecord {
  /** The model that it started from. */
  readonly start: string;
  /** Names of its data sets. */
  readonly corpus: readonly string[];
  /** Number of texts that it learnt from. */
  readonly texts: number;
  /** Number of updates of the whole model. */
  readonly steps: number;
  /** Seconds that it took since it was last started or resumed. */
  readonly seconds: number;
  /** Measures on held-out texts of the corpus before the first update. */
  readonly before: PreTrainingMeasures;
  /** The same measures after the last update. */
  readonly after: PreTrainingMeasures;
}

/** Measures of what fine-tuning made a model forget (lib/paper/forgetting.ts). */
export interface ForgettingRecord {
  /** Measures of the model before fine-tuning, on held-out general text. */
  readonly before: PreTrainingMeasures;
  /** The same measures of the encoder after fine-tuning, under the same head. */
  readonly after: PreTrainingMeasures;
  /** |after - before| / |before| over all weights of the embeddings and of each layer, by `embeddings`, `layer 0`, …. */
  readonly distances: Readonly<Record<string, number>>;
}

/** The multi-task fine-tuning that a run started from; runs of the other tasks share it. */
export interface MultiTaskRecord {
  /** The model that it started from. */
  readonly start: string;
  /** Names of the data sets. */
  readonly tasks: readonly string[];
  /** Number of updates. */
  readonly steps: number;
  /** Seconds that it took since it was last started or resumed. */
  readonly seconds: number;
}

/** The result of a run: its record without time, machine and cell. */
export interface RunResult {
  /** The run's data. */
  readonly data: DataRecord;
  /** Description of the start model, such as "minilm, lowest 4 layers". */
  readonly model: string;
  /**
   * sha256 of the files of the model (`model`) and of each data set that was used, if the name alone does not identify
   * them.
   */
  readonly contents?: Readonly<Record<string, string>>;
  /** The further pre-training before this run, if there was any. */
  readonly preTraining?: PreTrainingRecord;
  /** The multi-task fine-tuning before this run, if there was any. */
  readonly multiTask?: MultiTaskRecord;
  /** Measures of forgetting, if they were taken. */
  readonly forgetting?: ForgettingRecord;
  /** Name of the engine. */
  readonly engine: string;
  /** Precision of matrix products: f32 or bf16. */
  readonly precision: string;
  /** Sentences for readers of the numbers, such as one on a model that stood in for another. */
  readonly notes: readonly string[];
  /** Number of optimizer updates. */
  readonly steps: number;
  /** Seconds of training steps, without loading and evaluation. */
  readonly trainSeconds: number;
  /** The epochs in order. */
  readonly epochs: readonly EpochRecord[];
  /** The epoch whose parameters gave `dev` and `test`. */
  readonly bestEpoch: number;
  /** Measures on the development split, if there is one. */
  readonly dev?: Metrics;
  /** Measures on the test split. */
  readonly test: Metrics;
}

/** One line of a records file. */
export interface RunRecord extends RunResult {
  /** The version of this format. */
  readonly format: 1;
  /** Name of the experiment that made the run. */
  readonly experiment: string;
  /** The cell of its table. */
  readonly cell: { readonly row: string; readonly column: string };
  /** Name of the scale. */
  readonly scale: string;
  /** The protocol: clean or paper. */
  readonly protocol: string;
  /** Key of all randomness. */
  readonly seed: number;
  /** The whole configuration, with every default written out. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** sha256 of the configuration ({@link configurationHash}), in hex: the identity of the run. */
  readonly hash: string;
  /** Versions of Deno, this library and the packages that compute. */
  readonly versions: Readonly<Record<string, string>>;
  /** The commit of the source tree, if it is in a git repository; ends with "-dirty" if it had changes. */
  readonly commit?: string;
  /** The machine. */
  readonly machine: MachineRecord;
  /** Time at which the run began, ISO 8601 in UTC. */
  readonly start: string;
  /** Seconds since the run was last started or resumed, with loading and evaluation, without models that runs share. */
  readonly seconds: number;
  /** Largest resident set of the process seen during the run, in bytes. */
  readonly peakMemoryBytes: number;
  /** File of the test predictions, relative to the folder of the records. */
  readonly predictions: string;
}

/** A run's predictions for the test set. */
export interface Predictions {
  /** Names of the C classes. */
  readonly labels: readonly string[];
  /** True classes [N]. */
  readonly expected: readonly number[];
  /** Class probabilities [N*C]. */
  readonly probabilities: readonly number[];
}

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
 * Reads all records of a folder, from every `*.jsonl` file in it; none if there is no such folder. A cut-off line is
 * ignored with a warning.
 *
 * @throws InputError if it is no folder, or a whole line is not a run record.
 */
export async function readRecords(folder: string): Promise<ReadRecords> {
  const records: RunRecord[] = [];
  const warnings: string[] = [];
  for (const name of (await filesIn(folder)).sort()) {
    if (!name.endsWith(".jsonl")) continue;
    const lines = (await readTextFile(join(folder, name))).split("\n");
    for (const [index, line] of lines.entries()) {
      if (line.trim() === "") continue;
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        warnings.push(`Line ${index + 1} of ${join(folder, name)} is cut off and was ignored`);
        continue;
      }
      records.push(checkRecord(value, `line ${index + 1} of ${join(folder, name)}`));
    }
  }
  return { records, warnings };
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

function checkRecord(value: unknown, where: string): RunRecord {
  const record = value as RunRecord | null;
  const fields = [
    ...["hash", "experiment", "cell", "seed", "protocol", "engine", "precision", "configuration"],
    ...["data", "model", "notes", "steps", "epochs", "test", "predictions"],
    ...["versions", "machine", "start", "seconds", "trainSeconds", "peakMemoryBytes"],
  ] as (keyof RunRecord)[];
  if (record === null || typeof record !== "object") {
    throw new InputError(`Cannot read ${where} as it is not a run record: found ${JSON.stringify(value)}`);
  }
  const missing = fields.find((field) => record[field] === undefined);
  if (missing !== undefined) {
    throw new InputError(`Cannot read ${where} as it is not a run record: field "${missing}" is missing`);
  }
  if (record.format !== 1) {
    throw new InputError(`Cannot read ${where} as its format is ${record.format}: expected 1`);
  }
  return record;
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

/**
 * Reads a record's predictions; undefined if there is no such file.
 *
 * @throws InputError if it is not a whole file of predictions.
 */
export async function readPredictions(folder: string, record: RunRecord): Promise<Predictions | undefined> {
  const given: unknown = record.predictions;
  const name = fileName(
    typeof given === "string" ? basename(given) : given,
    `a record's predictions in ${folder}`,
  );
  const path = join(folder, "predictions", name);
  const text = await readTextFile(path).catch((error) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError(
      `Cannot read the predictions in ${path} as they are not whole: delete the file; its run is then compared with none`,
    );
  }
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
