/** The output folders of commands: made, locked, and replaced only where that is allowed. */
import { readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../lib/errors.ts";
import { requireRoom, withOutputFolder } from "../lib/storage/output_folder.ts";
import { removeOrphans, requireWritable } from "../lib/storage/whole_file.ts";
import { type CheckpointOptions, unfinished } from "../lib/training/checkpoints.ts";
import { stopping } from "./stopping.ts";

/** The options about the output folder of a command that trains. */
export interface OutputOptions {
  readonly output: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
}

/**
 * Trains into the folder of `--output`, which is made if it is not there, while no other process writes there.
 *
 * @param train is given the folder of the checkpoints, and whether to go on from them
 * @throws InputError if a model, other files or an unfinished run would be replaced unasked, or another process is
 * writing there.
 */
export async function trainInto(
  { output, resume = false, overwrite = false }: OutputOptions,
  say: (line: string) => void,
  train: (checkpoint: Pick<CheckpointOptions, "folder" | "resume" | "overwrite" | "stop">) => Promise<void>,
): Promise<void> {
  await makeOutputFolder(output);
  await withOutputFolder(output, async () => {
    await removeOrphans(output);
    const folder = join(output, "checkpoints");
    const files = await readdir(folder, { recursive: true }).catch(() => []);
    const isThere = files.some((file) =>
      /(checkpoint-\d+|model)\.safetensors$|\b(fold-\d+|search)\.json$/.test(file)
    );
    if (isThere && !resume && !overwrite) throw unfinished(output);
    if (!isThere || !resume) await requireRoom(output, { overwrite, except: ["checkpoints"] });
    if (resume && !isThere) say(`No checkpoint in ${folder}: starting from the beginning`);
    await train({ folder, resume, overwrite, stop: stopping.signal }).finally(() =>
      stopping.goOn = undefined
    );
  });
}

/** To be told of each step, so that a signal stops at its end. */
export function noteStep(): void {
  stopping.goOn = "the same command with --resume goes on from there";
}

/** Makes the folder of `--output` if it is not there. @throws InputError if nothing can be written into it. */
export async function makeOutputFolder(folder: string): Promise<void> {
  await requireWritable(folder).catch((error) => {
    throw new InputError(`Cannot use --output ${folder} as a folder: ${error.message}`, { cause: error });
  });
}

/** @throws InputError if a model would be written over the one that it starts from. */
export async function refuseSameFolder(model: string, output: string): Promise<void> {
  const [from, to] = await Promise.all([model, output].map((path) => realpath(path).catch(() => undefined)));
  if (from === undefined || from !== to) return;
  throw new InputError(
    `Cannot write into ${output}, the model that it would start from: give another --output`,
  );
}
