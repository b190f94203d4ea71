/** Fetching plugins: pinned Python wheels, unpacked beside each other. */
import { chmod, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { OnProgress } from "../../storage/download.ts";
import { installWheels } from "../../storage/wheels.ts";
import { pluginFolder } from "./discovery.ts";
import { type PluginSet, type PluginWheel, wheels } from "./wheels.ts";

/** Options for installing a plugin. */
export interface InstallOptions {
  /** True to install only the wheels for compiling for a GPU that is not there. */
  readonly compilerOnly?: boolean;
  /** Gets lines about the downloads. */
  readonly onProgress?: OnProgress;
  /** The folder to install in; by default in the cache. */
  readonly folder?: string;
  /** The wheels to install; by default the pinned set. */
  readonly wanted?: readonly PluginWheel[];
}

/**
 * Installs a plugin and its libraries. After an interruption it goes on with the wheels that are missing; while another
 * process installs, it waits.
 *
 * @returns the folder.
 * @throws InputError if there are no wheels for this machine, or one cannot be fetched or has another checksum.
 */
export async function installPlugin(set: PluginSet, options: InstallOptions = {}): Promise<string> {
  const { compilerOnly = false, onProgress, folder = pluginFolder(set) } = options;
  const wanted = (options.wanted ?? wheels[set]).filter(({ compiles }) => compiles || !compilerOnly);
  await installWheels(set, wanted, folder, {
    onProgress,
    finish: (target) => makeExecutable(join(target, "cu13", "bin")),
  });
  return folder;
}

/** Makes a folder's files executable: unpacking loses their modes, and the plugin's compiler runs these programs. */
async function makeExecutable(folder: string): Promise<void> {
  if (!await stat(folder).catch(() => undefined)) return;
  for (const name of await readdir(folder)) await chmod(join(folder, name), 0o755);
}
