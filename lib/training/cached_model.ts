/**
 * Models that several runs start from: each is made once and kept in the cache folder, under the hash of what it
 * depends on. Making one may be stopped at any time; the next call goes on from its last checkpoint. Of several processes
 * that want the same model one makes it, and the others wait.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { withCacheLock } from "../storage/file_lock.ts";
import { cacheFolder } from "../storage/cache.ts";
import { configurationHash } from "../results/records.ts";
import { type CheckpointOptions, withCheckpoints } from "./checkpoints.ts";
import { writeWhole } from "../storage/whole_file.ts";

/** Which model. */
export interface CachedModelOptions {
  /** The folder of the cache, such as `pretrained`. */
  readonly kind: string;
  /** Everything that the model depends on. */
  readonly identity: object;
  /** Which of the models that one run makes: its folder in the run's. */
  readonly part: string;
  /** The file beside the model that says how it was made. */
  readonly recordFile: string;
  /** Told what is going on. */
  readonly say: (line: string) => void;
}

/** A run that makes models. */
export interface MakingRun<Made> {
  /** Where it saves itself on the way. */
  readonly checkpoint: Omit<CheckpointOptions, "identity">;
  /** Keeps a model: `save` writes it into a folder, then the record is written beside it. */
  keep(part: string, save: (folder: string) => Promise<void>, record: Made): Promise<void>;
}

/**
 * The folder of a model and the record of how it was made; `make` is called if it is not there yet, and keeps it.
 *
 * @throws Error if `make` has not kept the part that is asked for.
 */
export async function cachedModel<Made>(
  { kind, identity, part, recordFile, say }: CachedModelOptions,
  make: (run: MakingRun<Made>) => Promise<void>,
): Promise<{ folder: string; record: Made }> {
  const run = join(cacheFolder(), kind, (await configurationHash(identity)).slice(0, 24));
  const folder = join(run, part);
  const keep: MakingRun<Made>["keep"] = async (part, save, record) => {
    const folder = join(run, part);
    await save(folder);
    await writeWhole(join(folder, recordFile), [JSON.stringify(record, null, 2) + "\n"]);
  };
  const find = () => readRecord<Made>(folder, recordFile);
  const waiting = () => say(`Another process is making the model in ${run}, which is waited for`);
  const record = await find() ?? await withCacheLock(join(run, "lock"), waiting, async () => {
    const found = await find();
    if (found) return found;
    await withCheckpoints(join(run, "checkpoints"), say, (checkpoint) => make({ checkpoint, keep }));
    return await find();
  });
  if (!record) throw new Error(`No model was left in ${folder}`);
  return { folder, record };
}

/** The record beside a model; it is written last, so that a folder with it is whole. */
async function readRecord<Made>(folder: string, file: string): Promise<Made | undefined> {
  const text = await readFile(join(folder, file), "utf8").catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}
