/** The check for a plugin that was installed. */
import { missingWheels } from "../../storage/wheels.ts";
import { type PluginSet, wheels } from "./wheels.ts";

/** Tells whether a set's plugin is there; libraries that only a run on a GPU needs may still be missing. */
export async function isInstalled(set: PluginSet, folder: string): Promise<boolean> {
  return (await missingWheels(wheels[set].slice(-1), folder)).length === 0;
}
