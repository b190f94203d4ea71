/**
 * Checkpoints of a training run: one safetensors file each, written whole, with the best parameters so far and, in its
 * metadata, the position. Two are kept, so that a disk that fills up while one is written leaves the one before.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors, readSafetensorsHeader, writeSafetensors } from "../bert/safetensors.ts";
import { removeOrphans } from "../storage/whole_file.ts";
import { list as listOf, numberThat, parseJson, type Shape, whole } from "../storage/json.ts";
import type { HostTensors } from "../tensors.ts";
import { InputError } from "../errors.ts";
import type { Snapshot } from "./trainer.ts";

/** Folder and frequency of a run's checkpoints. */
export interface CheckpointOptions {
  /** Folder of the checkpoints; made if it is not there. */
  readonly folder: string;
  /**
   * Updates between checkpoints; there is one at the end of each epoch besides. If not given, time decides
   * ({@linkcode CheckpointTimes}).
   */
  readonly every?: number;
  /** Text that identifies the run; a checkpoint of another run is refused. */
  readonly identity: string;
  /** Go on from the newest checkpoint, if there is one. */
  readonly resume: boolean;
  /** Without resuming: remove an unfinished run's checkpoints. If not given, they are refused. */
  readonly overwrite?: boolean;
  /** Once aborted, the run saves a checkpoint at the end of its step and throws the signal's reason. */
  readonly stop?: AbortSignal;
}

/** A checkpoint that a run cannot go on from: it is damaged, or of another run. */
export class ResumeError extends InputError {}

/** The content of a checkpoint. */
export interface Checkpoint<Position> {
  /** State of the trainer. */
  readonly snapshot: Snapshot;
  /** Position of the loop. */
  readonly position: Position;
  /** The best epoch's parameters, once there is one. */
  readonly best?: HostTensors;
}

const kept = 2;
const bestPrefix = "best/";

const leastPause = 60_000;
const leastShare = 50;

/**
 * When a run is saved: after so many updates and each epoch, or, if nobody says how many, by time. Then a minute and 50
 * times what writing the last checkpoint took lie between two, so that a large model spends at most a fiftieth of its
 * time on them and a run of less than a minute writes none.
 */
export class CheckpointTimes {
  #last = performance.now();
  #took = 0;

  constructor(readonly every: number | undefined) {}

  /** @param endsEpoch `true` if an epoch has ended; its last update comes before that. */
  isDue(updates: number, endsEpoch: boolean): boolean {
    if (this.every !== undefined) return endsEpoch || updates % this.every === 0;
    return performance.now() - this.#last >= Math.max(leastPause, leastShare * this.#took);
  }

  /** Writes a checkpoint. */
  async take(write: () => Promise<void>): Promise<void> {
    const start = performance.now();
    await write();
    this.#last = performance.now();
    this.#took = this.#last - start;
  }
}

function fileName(updates: number): string {
  return `checkpoint-${String(updates).padStart(8, "0")}.safetensors`;
}

/** Names of the folder's files of one kind; of checkpoints the newest first. */
async function list(folder: string, kind: RegExp): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => kind.test(name)).sort().reverse();
}

const checkpointFile = /^checkpoint-\d+\.safetensors$/;

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw new InputError(`Cannot make the folder ${folder} for checkpoints: ${error.message}`, {
      cause: error,
    });
  });
}

/** The error of a run that would start anew where an unfinished one can be gone on with. */
export function unfinished(folder: string): InputError {
  return new InputError(
    `Cannot start anew in ${folder} as an unfinished run is there: go on with it by --resume, or replace it by --overwrite`,
  );
}

/**
 * Removes what an earlier run left, so that its checkpoints are not taken for this run's.
 *
 * @throws InputError if there is something, and it is not to be replaced.
 */
export async function removeCheckpoints(
  { folder, overwrite }: Pick<CheckpointOptions, "folder" | "overwrite">,
): Promise<void> {
  for (const name of await list(folder, checkpointFile)) {
    if (!overwrite) throw unfinished(folder);
    await rm(join(folder, name), { force: true });
  }
}

/** Saves a checkpoint and removes all but the two newest. */
export async function writeCheckpoint(
  { folder, identity }: CheckpointOptions,
  { snapshot, position, best = {} }: Checkpoint<unknown>,
): Promise<void> {
  await makeFolder(folder);
  await removeOrphans(folder);
  const ofBest = Object.entries(best).map(([name, tensor]) => [bestPrefix + name, tensor] as const);
  const tensors = { ...snapshot.tensors, ...Object.fromEntries(ofBest) };
  const metadata = {
    format: "bertlab-checkpoint",
    identity,
    counts: JSON.stringify(snapshot.counts),
    ...snapshot.decay === undefined ? {} : { decay: JSON.stringify(snapshot.decay) },
    position: JSON.stringify(position),
  };
  const checksum = checksumOf(tensors, metadata);
  await writeSafetensors(join(folder, fileName(snapshot.updates)), tensors, { ...metadata, checksum });
  for (const name of (await list(folder, checkpointFile)).slice(kept)) await rm(join(folder, name));
}

/** The sha256 over the tensors, by name, and the metadata. */
function checksumOf(tensors: HostTensors, metadata: Readonly<Record<string, string>>): string {
  const hash = createHash("sha256").update(JSON.stringify(Object.entries(metadata).sort()));
  for (const name of Object.keys(tensors).sort()) {
    const { shape, data } = tensors[name]!;
    hash.update(JSON.stringify([name, shape])).update(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    );
  }
  return hash.digest("hex");
}

/**
 * The newest checkpoint of a folder, or undefined if there is none.
 *
 * @param shape the shape of its position
 * @throws ResumeError if it is damaged, or of a run with other settings or data. Checkpoints of before 2026-11-28 have
 * no checksum; of them only the shapes are checked.
 */
export async function newestCheckpoint<Position>(
  { folder, identity }: CheckpointOptions,
  shape: Shape<Position>,
): Promise<Checkpoint<Position> | undefined> {
  const [name] = await list(folder, checkpointFile);
  if (!name) return undefined;
  const path = join(folder, name);
  return await readCheckpoint(path, Number(/\d+/.exec(name)![0]), identity, shape).catch((error) => {
    if (!(error instanceof InputError) || error instanceof ResumeError) throw error;
    const advice = "remove it to go on from the checkpoint before it, or start anew with --overwrite";
    throw new ResumeError(`${error.message}; ${advice}`, { cause: error });
  });
}

async function readCheckpoint<Position>(
  path: string,
  updates: number,
  identity: string,
  shape: Shape<Position>,
): Promise<Checkpoint<Position>> {
  const { metadata: { checksum, ...metadata } } = await readSafetensorsHeader(path);
  if (metadata.identity !== identity) {
    throw new ResumeError(
      `Cannot resume from ${path} as it is of a run with other settings or data: give the settings of that ` +
        "run, or start anew with --overwrite, which removes it",
    );
  }
  const entry = <Value>(key: string, shape: Shape<Value>) =>
    parseJson(metadata[key] ?? "null", `"${key}" of ${path}`, shape);
  const counts = entry("counts", listOf(whole(0)));
  const position = entry("position", shape);
  const factor = numberThat("a factor", (value) => value > 0);
  const decay = metadata.decay === undefined ? {} : { decay: entry("decay", factor) };
  const all = await readSafetensors(path);
  if (checksum !== undefined && checksum !== checksumOf(all, metadata)) {
    throw new InputError(
      `Cannot resume from ${path} as its data is not what was written: its checksum is another`,
    );
  }
  const tensors: HostTensors = {};
  const best: HostTensors = {};
  for (const [name, tensor] of Object.entries(all)) {
    if (name.startsWith(bestPrefix)) best[name.slice(bestPrefix.length)] = tensor;
    else tensors[name] = tensor;
  }
  return {
    snapshot: { tensors, updates, counts: [...counts], ...decay },
    position,
    ...Object.keys(best).length > 0 ? { best } : {},
  };
}

/**
 * Does something that saves itself in a folder on the way, and goes on from what is there. What cannot be gone on from,
 * as it is damaged or of an older version of this program, is removed first: nobody has asked for it by name.
 *
 * @param stop as in {@linkcode CheckpointOptions}
 */
export async function fromCheckpoints<Result>(
  folder: string,
  say: (line: string) => void,
  action: (checkpoint: Omit<CheckpointOptions, "identity">) => Promise<Result>,
  stop?: AbortSignal,
): Promise<Result> {
  const checkpoint = { folder, resume: true, stop };
  return await action(checkpoint).catch(async (error) => {
    if (!(error instanceof ResumeError)) throw error;
    say(`Starting anew, as what is in ${folder} cannot be gone on from`);
    await rm(folder, { recursive: true });
    return await action(checkpoint);
  });
}
