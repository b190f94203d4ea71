/** Whether there is a GPU to use. */
import { InputError } from "../../errors.ts";
import { findPlugin, hasNvidiaGpu } from "./discovery.ts";
import { tryPlugin } from "./probe.ts";

/**
 * Whether there is a GPU and a plugin that opens it; it is tried in a child process.
 *
 * @param say Is told what is wrong where there is a GPU that cannot be used.
 */
export async function hasUsableGpu(say: (line: string) => void): Promise<boolean> {
  if (!await hasNvidiaGpu()) return false;
  try {
    await tryPlugin((await findPlugin(undefined, "cuda")).path);
    return true;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    say(`The GPU is not used: ${error.message}`);
    return false;
  }
}
