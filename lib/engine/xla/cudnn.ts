/** cuDNN's version; from version 9 on it computes attention in one call. */
import { dirname, join } from "node:path";
import type { Plugin } from "./plugin.ts";

/** Returns cuDNN's version as a number, 92601 for 9.26.1; it is looked for beside the plugin, then in the system. */
export function cudnnVersion({ path, attributes }: Plugin): number | undefined {
  if (!attributes.has("cuda_version")) return undefined;
  const beside = join(dirname(path), "..", "..", "nvidia", "cudnn", "lib", "libcudnn.so.9");
  for (const library of [beside, "libcudnn.so.9"]) {
    try {
      const cudnn = Deno.dlopen(library, { cudnnGetVersion: { parameters: [], result: "usize" } });
      return Number(cudnn.symbols.cudnnGetVersion());
    } catch {
      // not in this place
    }
  }
  return undefined;
}

/** Tells whether the plugin's programs can call cuDNN's attention. */
export function hasFusedAttention(plugin: Plugin): boolean {
  return (cudnnVersion(plugin) ?? 0) >= 90000;
}
