/**
 * Pinned Python wheels, unpacked beside each other into a folder: fetched by pip if there is a Python with it, else from
 * the index that PIP_INDEX_URL names, or PyPI. Each wheel is checked; one that is there already is not fetched again.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { InputError } from "../errors.ts";
import { withoutUser } from "../printable.ts";
import { download, hashFile, type OnProgress } from "./download.ts";
import { withCacheLock } from "./file_lock.ts";
import { fileName } from "./file_name.ts";
import { map, readJsonIfThere, text } from "./json.ts";
import { lastPart, linkOf, packageIndex, pip } from "./python_packages.ts";
import { unzip } from "./unzip.ts";
import { writeWhole } from "./whole_file.ts";

/** A wheel for Linux on x86-64. */
export interface Wheel {
  /** The package's name. */
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** The folder in it that is unpacked, beside those of the other wheels, where libraries look for each other. */
  readonly folder: string;
  /** Size of the wheel in millions of bytes. */
  readonly megabytes: number;
  /** Python's version as in "3.12", of a wheel that is made for one. */
  readonly python?: string;
  /** Names of the files in the folder that are needed; all but headers if not given. */
  readonly keep?: readonly string[];
}

/** The list of the wheels in a folder: a wheel's checksum is noted once it is complete. */
const note = "installed.json";

/** Reads the checksums of the wheels that were unpacked to the end, by package. */
async function readNote(folder: string): Promise<Readonly<Record<string, string>>> {
  return await readJsonIfThere(join(folder, note), map(text), "remove it, and install again") ?? {};
}

/** Returns the wheels that are not in the folder yet. */
export async function missingWheels<W extends Wheel>(wanted: readonly W[], folder: string): Promise<W[]> {
  const unpacked = await readNote(folder);
  return wanted.filter(({ name, sha256 }) => unpacked[name] !== sha256);
}

/** Notes that a wheel is complete. */
export async function noteInstalled({ name, sha256 }: Wheel, folder: string): Promise<void> {
  const unpacked = { ...await readNote(folder), [name]: sha256 };
  await writeWhole(join(folder, note), [JSON.stringify(unpacked, null, 2) + "\n"]);
}

/** Takes the note of a wheel back, so that it is installed again. */
export async function forgetInstalled({ name }: Wheel, folder: string): Promise<void> {
  const { [name]: _, ...others } = await readNote(folder);
  await writeWhole(join(folder, note), [JSON.stringify(others, null, 2) + "\n"]);
}

/** Options for installing wheels. */
export interface InstallWheelsOptions {
  /** Gets lines about the downloads. */
  readonly onProgress?: OnProgress;
  /** Called with the folder of each wheel that was unpacked, before it counts as complete. */
  readonly finish?: (folder: string) => Promise<void>;
}

/**
 * Installs wheels. After an interruption it goes on with those that are missing; while another process installs, it
 * waits.
 *
 * @param what name of the set for messages
 * @throws InputError if the wheels are not for this machine, or one cannot be fetched or has another checksum.
 */
export async function installWheels(
  what: string,
  wanted: readonly Wheel[],
  folder: string,
  { onProgress = () => {}, finish = () => Promise.resolve() }: InstallWheelsOptions = {},
): Promise<void> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new InputError(
      `Cannot install ${what} on ${process.platform} ${process.arch}: its wheels are for Linux on x86-64 (x64)`,
    );
  }
  const waiting = () => onProgress(`Waiting for another process that is installing in ${folder}`);
  await withCacheLock(join(folder, "lock"), waiting, async () => {
    const missing = await missingWheels(wanted, folder);
    const total = missing.reduce((sum, { megabytes }) => sum + megabytes, 0);
    if (missing.length > 0) onProgress(`${missing.length} of ${wanted.length} wheels to fetch, ${total} MB`);
    for (const wheel of missing) {
      try {
        await installWheel(wheel, folder, onProgress);
        await finish(join(folder, wheel.folder));
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
  });
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
    const { keep } = wheel;
    const wanted = (path: string) => keep ? keep.includes(path) : !path.includes("/include/");
    await unzip(file, wheel.folder, join(folder, wheel.folder), wanted);
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

async function fromPip({ name, version, python }: Wheel, folder: string): Promise<void> {
  const options = ["--no-deps", "--only-binary=:all:", "--quiet", "--dest", folder];
  if (python) {
    options.push("--python-version", python, "--abi", abi(python), "--platform", "manylinux_2_27_x86_64");
  }
  await pip(["download", ...options, `${name}==${version}`]).catch((error) => {
    throw new Error(`pip download failed (${error.message})`);
  });
}

/** Fetches a wheel from the index. */
async function fromIndex(
  { name, version, python }: Wheel,
  folder: string,
  onProgress: OnProgress,
): Promise<void> {
  const index = packageIndex();
  const start = `${name.replaceAll("-", "_")}-${version}-${python ? `${abi(python)}-` : ""}`;
  const link = await linkOf(name, index, (file) => file.startsWith(start) && file.endsWith("x86_64.whl"));
  if (!link) throw new Error(`${index.called} has no wheel of ${name} ${version} for Linux on x86-64`);
  const file = fileName(lastPart(link), index.called);
  if (!await download(link.href, join(folder, file), { onProgress })) {
    throw new Error(`${index.called} lists ${file} and does not have it`);
  }
}

/** Returns the tag of a Python, such as "cp312" of "3.12". */
function abi(python: string): string {
  return `cp${python.replace(".", "")}`;
}
