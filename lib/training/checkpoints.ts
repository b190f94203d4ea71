/**
 * Checkpoints of a training run: one safetensors file each, written whole, with the position in its metadata. Two are
 * kept, so that a disk that fills up while one is written leaves the one before.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors, readSafetensorsHeader, writeSafetensors } from "../bert/safetensors.ts";
import { shown } from "../data/byte_source.ts";
import type { HostTensors } from "../tensors.ts";
import { InputError } from "../errors.ts";
import type { Snapshot } from "./trainer.ts";

/** Where and how often a run is saved. */
export interface CheckpointOptions {
  /** Made if it is not there. */
  readonly folder: string;
  /** Updates between checkpoints; there is one at the end of each epoch besides. */
  readonly every: number;
  /** What the run is, as text; a checkpoint of another run is refused. */
  readonly identity: string;
  /** Go on from the newest checkpoint, if there is one; otherwise old ones are removed at the start. */
  readonly resume: boolean;
}

/** A checkpoint that a run cannot go on from: it is damaged, or of another run. */
export class ResumeError extends InputError {}

const kept = 2;
const bestFile = "best.safetensors";

function fileName(updates: number): string {
  return `checkpoint-${String(updates).padStart(8, "0")}.safetensors`;
}

/** Names of the folder's files of one kind; of checkpoints the newest first. */
async function list(folder: string, kind: RegExp): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => kind.test(name)).sort().reverse();
}

const checkpointFile = /^checkpoint-\d+\.safetensors$/;

/** What a killed process leaves of a file that it was writing. */
const halfFile = /\.tmp$/;

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw new InputError(`Cannot make the folder ${folder} for checkpoints: ${error.message}`, {
      cause: error,
    });
  });
}

/** Removes what an earlier run left, so that its checkpoints are not taken for this run's. */
export async function removeCheckpoints({ folder }: CheckpointOptions): Promise<void> {
  for (const name of [...await list(folder, checkpointFile), bestFile]) {
    await rm(join(folder, name), { force: true });
  }
}

/** Saves a snapshot with the loop's position and removes all but the two newest checkpoints. */
export async function writeCheckpoint(
  { folder, identity }: CheckpointOptions,
  snapshot: Snapshot,
  position: unknown,
): Promise<void> {
  await makeFolder(folder);
  for (const name of await list(folder, halfFile)) await rm(join(folder, name));
  await writeSafetensors(join(folder, fileName(snapshot.updates)), snapshot.tensors, {
    format: "bertlab-checkpoint",
    identity,
    counts: JSON.stringify(snapshot.counts),
    position: JSON.stringify(position),
  });
  for (const name of (await list(folder, checkpointFile)).slice(kept)) await rm(join(folder, name));
}

/**
 * The newest checkpoint of a folder, or undefined if there is none.
 *
 * @throws ResumeError if it is damaged, or of a run with other settings or data.
 */
export async function newestCheckpoint<Position>(
  { folder, identity }: CheckpointOptions,
): Promise<{ snapshot: Snapshot; position: Position } | undefined> {
  const [name] = await list(folder, checkpointFile);
  if (!name) return undefined;
  const path = join(folder, name);
  const advice = "remove it to go on from the checkpoint before it, or start without resuming";
  const { metadata } = await advised(readSafetensorsHeader(path), advice);
  if (metadata.identity !== identity) {
    throw new ResumeError(
      `Cannot resume from ${path} as it is of a run with other settings or data: give the settings of that ` +
        "run, or start without resuming, which removes it",
    );
  }
  const entry = <Value>(key: string, expected: string, fits: (value: unknown) => boolean): Value => {
    const value = parsed(metadata[key]);
    if (fits(value)) return value as Value;
    throw new ResumeError(
      `Cannot resume from ${path} as its "${key}" is not ${expected}: found ${
        shown(metadata[key] ?? "none")
      }; ${advice}`,
    );
  };
  const counts = entry<number[]>(
    "counts",
    "a list of whole numbers",
    (value) => Array.isArray(value) && value.every(Number.isSafeInteger),
  );
  const position = entry<Position>(
    "position",
    "an object",
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  );
  const tensors = await advised(readSafetensors(path), advice);
  const updates = Number(/\d+/.exec(name)![0]);
  return { snapshot: { tensors, updates, counts }, position };
}

/** What JSON says, or undefined if it is none. */
function parsed(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? "");
  } catch {
    return undefined;
  }
}

/** What is read, or the sentence on why it cannot be, with what to do about it. */
async function advised<Value>(reading: Promise<Value>, advice: string): Promise<Value> {
  return await reading.catch((error) => {
    throw error instanceof InputError
      ? new ResumeError(`${error.message}; ${advice}`, { cause: error })
      : error;
  });
}

/** Saves the best epoch's parameters. */
export async function writeBest({ folder }: CheckpointOptions, parameters: HostTensors): Promise<void> {
  await makeFolder(folder);
  await writeSafetensors(join(folder, bestFile), parameters);
}

/** The best epoch's parameters so far. @throws InputError if they are missing or damaged. */
export function readBest({ folder }: CheckpointOptions): Promise<HostTensors> {
  return advised(readSafetensors(join(folder, bestFile)), "start without resuming");
}
