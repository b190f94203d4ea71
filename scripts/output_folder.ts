/** The output folders of commands: made, locked, and replaced only where that is allowed. */
import { readdir, realpath, rm } from "node:fs/promises";
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

/** The kinds of runs that leave something in `checkpoints/`: their names, and how each is gone on with. */
const runKinds = {
  search: { name: "search", way: "deno task train with --budget" },
  folds: { name: "cross-validation", way: "deno task train with --folds" },
  plain: { name: "training", way: "the command without --budget and --folds" },
} as const;

/** A kind of run: a search, a cross-validation, or any other training. */
export type RunKind = keyof typeof runKinds;

/** Returns the kind of the run that left these files; undefined if they are nothing to go on from. */
function kindOf(files: readonly string[]): RunKind | undefined {
  const isThere = files.some((file) =>
    /(checkpoint-\d+|model)\.safetensors$|\b(fold-\d+|search)\.json$/.test(file)
  );
  if (!isThere) return undefined;
  if (files.includes("search.json")) return "search";
  return files.some((file) => /^(fold-\d+(\.json)?|all-rows)$/.test(file)) ? "folds" : "plain";
}

/**
 * Trains into the folder of `--output`, which is made if it is not there, while no other process writes there.
 *
 * @param train is given the folder of the checkpoints, and whether to go on from them
 * @param kind the kind of this run, as one of another kind cannot be gone on with
 * @throws InputError if a model, other files or an unfinished run would be replaced unasked, or another process is
 * writing there.
 */
export async function trainInto(
  { output, resume = false, overwrite = false }: OutputOptions,
  say: (line: string) => void,
  train: (checkpoint: Pick<CheckpointOptions, "folder" | "resume" | "overwrite" | "stop">) => Promise<void>,
  kind: RunKind = "plain",
): Promise<void> {
  await makeOutputFolder(output);
  await withOutputFolder(output, async () => {
    await removeOrphans(output);
    const folder = join(output, "checkpoints");
    const files = await readdir(folder, { recursive: true }).catch(() => []);
    const found = kindOf(files);
    if (found && !resume && !overwrite) throw unfinished(output);
    if (!found || !resume) await requireRoom(output, { overwrite, except: ["checkpoints"] });
    if (resume && !found) say(`No checkpoint in ${folder}: starting from the beginning`);
    if (found && found !== kind) {
      if (resume) {
        const { name, way } = runKinds[found];
        throw new InputError(
          `Cannot go on in ${output} as an unfinished ${name} is there: go on with it by ${way}, or replace it by ` +
            "--overwrite without --resume",
        );
      }
      await rm(folder, { recursive: true }); // else a later --resume would find both
    }
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
