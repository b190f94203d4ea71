/** The search for TensorFlow's library: the one that is named, then the cache folder, then Python's packages. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { InputError } from "../../errors.ts";
import { cacheFolder } from "../../storage/cache.ts";
import { missingWheels } from "../../storage/wheels.ts";
import { hasNvidiaGpu, pythonFolders } from "../discovery.ts";
import { type LibrarySet, wheels } from "./wheels.ts";

/** A library's file. */
export interface FoundLibrary {
  readonly path: string;
  /** The place where it was found, for messages. */
  readonly origin: string;
}

/** The environment variable that names a folder with the library: of a wheel's contents, or one with Python's packages. */
const libraryVariable = "BERTLAB_TENSORFLOW";

/** The library's paths inside a folder that is named, or holds Python's packages. */
const places = ["tensorflow/libtensorflow_cc.so.2", "libtensorflow_cc.so.2"];

/** Returns the folder that `deno task tensorflow install` fills. */
export function libraryFolder(set: LibrarySet): string {
  return join(cacheFolder(), "tensorflow", set);
}

/** Finds all libraries, that for the GPU first where there is one, and the places without one. */
export async function findLibraries(): Promise<{ found: FoundLibrary[]; without: string[] }> {
  const found: FoundLibrary[] = [], without: string[] = [];
  const look = async (folder: string, origin: string) => {
    const path = await inside(folder);
    if (path === undefined) without.push(folder);
    else found.push({ path, origin });
  };
  const named = process.env[libraryVariable];
  if (named) {
    await look(named, libraryVariable);
    return { found, without };
  }
  without.push(`${libraryVariable} (not set)`);
  const sets: LibrarySet[] = hasNvidiaGpu() ? ["cuda12", "cpu"] : ["cpu", "cuda12"];
  for (const set of sets) {
    const folder = libraryFolder(set);
    if ((await missingWheels(wheels[set], folder)).length === 0) await look(folder, folder);
    else without.push(folder);
  }
  const packages = await pythonFolders();
  for (const folder of packages) await look(folder, "Python's packages");
  if (packages.length === 0) without.push("Python's packages (there is no python3)");
  return { found, without };
}

/** Finds the library to use. @throws InputError that lists every place without one. */
export async function findLibrary(): Promise<FoundLibrary> {
  const { found: [first], without } = await findLibraries();
  if (first) return first;
  throw new InputError(
    `Cannot find TensorFlow (libtensorflow_cc.so.2) in ${
      without.join(", ")
    }: run \`deno task tensorflow install ${
      hasNvidiaGpu() ? "cuda12" : "cpu"
    }\`, or name a folder that holds it in ${libraryVariable}`,
  );
}

async function inside(folder: string): Promise<string | undefined> {
  for (const place of places) {
    const path = join(folder, place);
    if (await stat(path).catch(() => undefined)) return path;
  }
}
