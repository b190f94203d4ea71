/** Whether cuDNN can compute attention in one call: with CUDA, from its version 9 on. */
import { dirname, join } from "node:path";
import type { Plugin } from "./plugin.ts";

/** cuDNN's version as it counts, such as 92601 for 9.26.1, beside the plugin or where the system has it. */
export function cudnnVersion({ path, attributes }: Plugin): number | undefined {
  if (!attributes.has("cuda_version")) return undefined;
  const beside = join(dirname(path), "..", "..", "nvidia", "cudnn", "lib", "libcudnn.so.9");
  for (const library of [beside, "libcudnn.so.9"]) {
    try {
      const cudnn = Deno.dlopen(library, { cudnnGetVersion: { parameters: [], result: "usize" } });
      return Number(cudnn.symbols.cudnnGetVersion());
    } catch {
      // it is not there
    }
  }
  return undefined;
}

/** Whether the plugin has a cuDNN whose attention programs may call. */
export function hasFusedAttention(plugin: Plugin): boolean {
  return (cudnnVersion(plugin) ?? 0) >= 90000;
}
