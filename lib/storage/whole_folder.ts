/** Files that belong together, written so that a reader finds the old ones, the new ones, or none that can be read. */
import { mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { cannotWrite, removeOrphans, type Temporary, temporaryFolder, writeBeside } from "./whole_file.ts";

/** The content of a file: a text, bytes, or several of them one after the other. */
export type Content = string | Uint8Array | readonly (string | Uint8Array)[];

/**
 * Writes files that belong together into a folder that may hold others. All are first written beside their places. Then
 * the last one, without which the folder cannot be read, is removed, the others are put in place, and it comes after
 * them. So a process that is killed leaves the old files, the new ones, or a folder without the last one.
 *
 * @param folder made if it is not there
 * @param files their contents, by paths inside the folder
 * @param last the path of the file that readers look for first
 * @param options.remove paths of older files that would not belong to the new ones
 * @throws InputError if a file cannot be written; then the old ones are as they were.
 */
export async function writeTogether(
  folder: string,
  files: Readonly<Record<string, Content>>,
  last: string,
  { remove = [] }: { readonly remove?: readonly string[] } = {},
): Promise<void> {
  const written: Temporary[] = [];
  try {
    for (const inner of new Set(Object.keys(files).map(dirname))) {
      await mkdir(join(folder, inner), { recursive: true });
      await removeOrphans(join(folder, inner));
    }
    const names = [...Object.keys(files).filter((name) => name !== last), last];
    for (const name of names) {
      const content = files[name]!;
      const parts = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
      written.push(await writeBeside(join(folder, name), parts));
    }
    for (const name of [last, ...remove]) await rm(join(folder, name), { force: true });
    for (const file of written) await file.keep();
  } catch (error) {
    return cannotWrite(folder, error as Error);
  } finally {
    for (const file of written) await file.discard();
  }
}

/**
 * Writes a folder whole: it is filled beside its place and then renamed. An older one is moved out of the way first, so
 * a process that is killed leaves the old folder, the new one, or none.
 *
 * @param write fills the folder that it is given
 * @param options.keeps tells whether the folder that is there by then, such as another process's, stays instead
 * @throws what `write` throws; then an older folder is as it was.
 */
export async function writeFolder(
  folder: string,
  write: (beside: string) => Promise<void>,
  { keeps = () => Promise.resolve(false) }: { readonly keeps?: () => Promise<boolean> } = {},
): Promise<void> {
  await removeOrphans(dirname(folder), `${basename(folder)}.`);
  const beside = await temporaryFolder(folder);
  try {
    await write(beside.name);
    if (await keeps()) return;
    await removeFolder(folder);
    await rename(beside.name, folder).catch(async (error) => {
      if (!await keeps()) throw error;
    });
  } finally {
    await beside.discard();
  }
}

/** Removes a folder so that nobody finds a part of it: it is renamed first. */
export async function removeFolder(folder: string): Promise<void> {
  const away = `${folder}.${crypto.randomUUID()}.tmp`;
  const isThere = await rename(folder, away).then(() => true, (error) => {
    if (error.code !== "ENOENT") throw error;
    return false;
  });
  if (isThere) await rm(away, { recursive: true, force: true });
}
