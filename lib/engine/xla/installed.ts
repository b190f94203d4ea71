/** The list of the wheels that are unpacked in a folder: a wheel's checksum is noted once it is complete. */
import { join } from "node:path";
import { map, readJsonIfThere, text } from "../../storage/json.ts";
import { writeWhole } from "../../storage/whole_file.ts";
import { type PluginSet, type Wheel, wheels } from "./wheels.ts";

const note = "installed.json";

/** Reads the checksums of the wheels that were unpacked to the end, by package. */
async function readNote(folder: string): Promise<Readonly<Record<string, string>>> {
  return await readJsonIfThere(
    join(folder, note),
    map(text),
    "remove it, and run deno task xla install again",
  ) ?? {};
}

/** Returns the wheels that are not in the folder yet. */
export async function missingWheels(wanted: readonly Wheel[], folder: string): Promise<Wheel[]> {
  const unpacked = await readNote(folder);
  return wanted.filter(({ name, sha256 }) => unpacked[name] !== sha256);
}

/** Notes that a wheel is complete. */
export async function noteInstalled({ name, sha256 }: Wheel, folder: string): Promise<void> {
  const unpacked = { ...await readNote(folder), [name]: sha256 };
  await writeWhole(join(folder, note), [JSON.stringify(unpacked, null, 2) + "\n"]);
}

/** Tells whether a set's plugin is there; libraries that only a run on a GPU needs may still be missing. */
export async function isInstalled(set: PluginSet, folder: string): Promise<boolean> {
  return (await missingWheels(wheels[set].slice(-1), folder)).length === 0;
}
