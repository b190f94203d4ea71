/**
 * Models that are made once and kept with the record of how: those that several runs start from in the cache folder,
 * under the hash of what they depend on, that of one run in its own folder. Making one may be stopped at any time; the
 * next call goes on from its last checkpoint. Of several processes that want the same model in the cache one makes it,
 * and the others wait.
 */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { withCacheLock, withLockIfFree } from "../storage/file_lock.ts";
import { cacheFolder } from "../storage/cache.ts";
import { configurationHash } from "../results/records.ts";
import { type CheckpointOptions, fromCheckpoints, unfinished } from "./checkpoints.ts";
import { removeOrphans, writeWhole } from "../storage/whole_file.ts";
import { removeFolder, writeFolder } from "../storage/whole_folder.ts";
import { readJsonIfThere, type Shape } from "../storage/json.ts";

/** A model in the folder of a run. */
export interface KeptModelOptions<Made> {
  /** The run's folder. */
  readonly run: string;
  /** The model's folder in it, as one run may make several models. */
  readonly part: string;
  /** The file beside the model that says how it was made. */
  readonly recordFile: string;
  /** The shape of that file. */
  readonly recordShape: Shape<Made>;
  /** Folder and frequency of the run's checkpoints, and whether to go on from them. */
  readonly checkpoint: Omit<CheckpointOptions, "identity">;
}

/** A model in the cache. */
export interface CachedModelOptions<Made>
  extends Pick<KeptModelOptions<Made>, "part" | "recordFile" | "recordShape"> {
  /** The folder of the cache, such as `pretrained`. */
  readonly kind: string;
  /** Everything that the model depends on. */
  readonly identity: object;
  /** All parts that are kept in the making; `part` alone if not given. */
  readonly parts?: readonly string[];
  /** Told what is going on. */
  readonly say: (line: string) => void;
  /** Stops the making, as in {@linkcode CheckpointOptions}. */
  readonly stop?: AbortSignal;
}

/** The folder of a model and the record of how it was made. */
export interface KeptModel<Made> {
  readonly folder: string;
  readonly record: Made;
}

/** A run that makes models. */
export interface MakingRun<Made> {
  /** Folder and frequency of its checkpoints, and whether to go on from them. */
  readonly checkpoint: Omit<CheckpointOptions, "identity">;
  /** Keeps a model: `save` writes it into a folder, which is put in its place with the record beside it. */
  keep(part: string, save: (folder: string) => Promise<void>, record: Made): Promise<void>;
}

/**
 * The folder of a model and the record of how it was made; `make` is called if it is not there yet, and keeps it.
 *
 * @throws Error if `make` has not kept the part that is asked for.
 */
export async function cachedModel<Made>(
  { kind, identity, say, stop, parts, ...model }: CachedModelOptions<Made>,
  make: (run: MakingRun<Made>) => Promise<void>,
): Promise<KeptModel<Made>> {
  const run = join(cacheFolder(), kind, (await configurationHash(identity)).slice(0, 24));
  const waiting = () => say(`Waiting for another process that is making the model in ${run}`);
  const found = await findModel({ run, ...model });
  if (found) {
    await removeUsed(run, (parts ?? [model.part]).map((part) => join(run, part, model.recordFile)));
    return found;
  }
  return await withCacheLock(
    join(run, "lock"),
    waiting,
    () =>
      fromCheckpoints(
        join(run, "checkpoints"),
        say,
        (checkpoint) => keptModel({ run, ...model, checkpoint }, make),
        stop,
      ),
  );
}

/** Removes the checkpoints of a making that was killed at its very end, when all parts were kept. */
async function removeUsed(run: string, records: readonly string[]): Promise<void> {
  const checkpoints = join(run, "checkpoints");
  if (!await stat(checkpoints).catch(() => undefined)) return;
  const kept = await Promise.all(records.map((record) => stat(record).catch(() => undefined)));
  if (kept.includes(undefined)) return;
  await withLockIfFree(join(run, "lock"), async (isFree) => {
    if (!isFree) return;
    await removeOrphans(run);
    await rm(checkpoints, { recursive: true, force: true });
  });
}

/**
 * The same in a run's own folder, where nobody else makes it. The checkpoints' folder is removed once the model is
 * there; without resuming the model of an earlier run is removed first, if that is allowed.
 *
 * @throws Error if `make` has not kept the part that is asked for.
 */
export async function keptModel<Made>(
  { checkpoint, ...model }: KeptModelOptions<Made>,
  make: (run: MakingRun<Made>) => Promise<void>,
): Promise<KeptModel<Made>> {
  const folder = join(model.run, model.part);
  if (!checkpoint.resume && checkpoint.overwrite) await removeFolder(folder);
  const found = await findModel(model);
  if (found && !checkpoint.resume) throw unfinished(model.run);
  if (found) return found;
  await removeOrphans(model.run);
  const keep: MakingRun<Made>["keep"] = async (part, save, record) => {
    // A run that goes on from a checkpoint comes to a part again that it has kept already.
    if (await findModel({ ...model, part })) return;
    await writeFolder(join(model.run, part), async (beside) => {
      await save(beside);
      await writeWhole(join(beside, model.recordFile), [JSON.stringify(record, null, 2) + "\n"]);
    });
  };
  await make({ checkpoint, keep });
  await rm(checkpoint.folder, { recursive: true, force: true });
  const made = await findModel(model);
  if (!made) throw new Error(`No model was left in ${folder}`);
  return made;
}

/** A model with the record beside it, in a folder that was written whole. */
async function findModel<Made>(
  { run, part, recordFile, recordShape }: Omit<KeptModelOptions<Made>, "checkpoint">,
): Promise<KeptModel<Made> | undefined> {
  const folder = join(run, part);
  const advice = `remove ${folder}, and the model is made again`;
  const record = await readJsonIfThere(join(folder, recordFile), recordShape, advice);
  return record && { folder, record };
}
