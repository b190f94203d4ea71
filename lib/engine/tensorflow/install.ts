/** Fetching what the engine tensorflow runs on: the library as pinned wheels, and the npm package with its operations. */
import { chmod, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { OnProgress } from "../../storage/download.ts";
import { packageFolder } from "../../storage/packages.ts";
import { forgetInstalled, installWheels, type Wheel } from "../../storage/wheels.ts";
import { problemOf } from "./api.ts";
import { tfjsNode } from "./backend.ts";
import { libraryFolder } from "./libraries.ts";
import { type LibrarySet, wheels } from "./wheels.ts";

/** Options for installing TensorFlow. */
export interface InstallOptions {
  /** Gets lines about the downloads. */
  readonly onProgress?: OnProgress;
  /** The folder to install in; by default in the cache. */
  readonly folder?: string;
  /** The wheels to install; by default the pinned set. */
  readonly wanted?: readonly Wheel[];
}

/**
 * Installs TensorFlow. After an interruption it goes on with the wheels that are missing; while another process installs,
 * it waits.
 *
 * @returns the folder.
 * @throws InputError if there are no wheels for this machine, or something cannot be fetched or has another checksum.
 */
export async function installTensorFlow(set: LibrarySet, options: InstallOptions = {}): Promise<string> {
  const { onProgress = () => {}, folder = libraryFolder(set), wanted = wheels[set] } = options;
  for (const wheel of wanted) {
    const paths = (wheel.keep ?? []).map((name) => join(folder, wheel.folder, name));
    if (await someCut(paths)) await forgetInstalled(wheel, folder);
  }
  await installWheels(set, wanted, folder, { onProgress, finish: makeExecutable });
  await packageFolder(tfjsNode, onProgress);
  return folder;
}

/** Tells whether one of these libraries is there in part. */
async function someCut(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    if (await stat(path).catch(() => undefined) && await problemOf(path) !== undefined) return true;
  }
  return false;
}

/** Makes the programs of CUDA's compiler executable: unpacking loses their modes, and TensorFlow runs ptxas. */
async function makeExecutable(folder: string): Promise<void> {
  const programs = join(folder, "cuda_nvcc", "bin");
  for (const name of await readdir(programs).catch(() => [])) await chmod(join(programs, name), 0o755);
}
