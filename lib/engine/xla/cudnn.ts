/** cuDNN's attention: versions that have it, and those that compute it wrongly. */
import type { AttentionShape } from "../../graph/stablehlo/emitter.ts";
import { cudaLibraries } from "./cuda_libraries.ts";
import type { Plugin } from "./plugin.ts";

/** Tells whether the plugin's programs can call cuDNN's attention: from cuDNN 9 on. */
export function hasFusedAttention(plugin: Plugin): boolean {
  return (cudaLibraries(plugin).cudnn ?? 0) >= 90000;
}

/**
 * Tells whether a version of cuDNN is known to compute the gradients of an attention's shape: those of 9.19 and 9.20
 * were seen to give NaN for 64 tokens more than a multiple of 128, so that only multiples of 128 are used there.
 */
export function isKnownGood(version: number | undefined, { tokens }: AttentionShape): boolean {
  const isFaulty = version !== undefined && version >= 91900 && version < 92100;
  return !isFaulty || tokens % 128 === 0;
}
