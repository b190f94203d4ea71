/**
 * This library's own cache, for folders from sources other than the hub, such as a Python package with the same files.
 * A folder gets into the cache only when it is complete and its files are checked.
 */
import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { InputError } from "../errors.ts";
import { hashFile, type OnProgress } from "./download.ts";
import { writeFolder } from "./whole_folder.ts";

/** A file of a folder to fetch. */
export interface WantedFile {
  /** Its name inside the folder. */
  readonly name: string;
  /** Its sha256 in hexadecimal digits, if known beforehand. */
  readonly sha256?: string;
  /** `true` if the folder is complete without it. */
  readonly optional?: boolean;
}

/** A place to fetch files from. */
export interface Source {
  /** Name for error messages. */
  readonly name: string;
  /** Puts those of the files that it has into the folder `target`. */
  fetch(files: readonly WantedFile[], target: string, onProgress: OnProgress): Promise<void>;
}

/** Returns the cache's folder: BERTLAB_CACHE, or `bertlab` in the user's cache folder. */
export function cacheFolder(): string {
  const { BERTLAB_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (BERTLAB_CACHE) return BERTLAB_CACHE;
  return join(XDG_CACHE_HOME || LOCALAPPDATA || join(homedir(), ".cache"), "bertlab");
}

/** Returns a folder of the cache if it holds the files. */
export async function cachedFolder(
  place: string,
  files: readonly WantedFile[],
): Promise<string | undefined> {
  const folder = join(cacheFolder(), place);
  return await isWhole(folder, files) ? folder : undefined;
}

/**
 * Returns a folder of the cache that holds the files; missing ones are fetched from the first source that has them. If
 * two processes fetch the same folder at once, the later copy is dropped.
 *
 * @param what name of the folder for error messages, such as `the model minilm`
 * @param place the folder's path inside the cache
 * @param options.tried other places that did not have it, for the error
 * @throws InputError that says what was tried, if no source has the files.
 */
export async function fetchFolder(
  what: string,
  place: string,
  files: readonly WantedFile[],
  sources: readonly Source[],
  { onProgress = () => {}, tried = [] }: { onProgress?: OnProgress; tried?: readonly string[] } = {},
): Promise<string> {
  const cached = await cachedFolder(place, files);
  if (cached !== undefined) return cached;
  const folder = join(cacheFolder(), place);
  const failures = [...tried];
  for (const source of sources) {
    try {
      const fetchInto = async (beside: string) => {
        await source.fetch(files, beside, onProgress);
        await checkFiles(beside, files);
      };
      await writeFolder(folder, fetchInto, { keeps: () => isWhole(folder, files) });
      return folder;
    } catch (error) {
      const { message, cause } = error as Error;
      failures.push(
        `${source.name} failed (${cause instanceof Error ? `${message}: ${cause.message}` : message})`,
      );
    }
  }
  throw new InputError(
    `Cannot fetch ${what}: ${[`it is not in the cache ${cacheFolder()}`, ...failures].join(", ")}; ` +
      "give a folder that holds it, or set HF_ENDPOINT, HF_TOKEN, PIP_INDEX_URL or BERTLAB_MAVEN to ones that can be reached",
  );
}

async function isWhole(folder: string, files: readonly WantedFile[]): Promise<boolean> {
  for (const { name, optional } of files) {
    if (!optional && !await stat(join(folder, name)).catch(() => undefined)) return false;
  }
  return true;
}

async function checkFiles(folder: string, files: readonly WantedFile[]): Promise<void> {
  for (const { name, sha256, optional } of files) {
    const info = await stat(join(folder, name)).catch(() => undefined);
    if (!info && !optional) throw new Error(`it has no ${name}`);
    if (!info || !sha256) continue;
    const found = await hashFile(join(folder, name), "sha256");
    if (found !== sha256) throw new Error(`the sha256 of ${name} should be ${sha256} and is ${found}`);
  }
}
