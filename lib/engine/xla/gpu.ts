/** The search for a GPU that can be used. */
import { InputError } from "../../errors.ts";
import { hasNvidiaGpu } from "../discovery.ts";
import { findPlugin } from "./discovery.ts";
import { tryPlugin } from "./probe.ts";

/**
 * Tells whether there is a GPU and a plugin that opens it; the plugin is tried in a child process.
 *
 * @param say Gets a line with the reason if there is a GPU that cannot be used.
 */
export async function hasUsableGpu(say: (line: string) => void): Promise<boolean> {
  if (!hasNvidiaGpu()) return false;
  try {
    await tryPlugin((await findPlugin(undefined, "cuda")).path);
    return true;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    say(`The GPU is not used: ${error.message}`);
    return false;
  }
}
