/**
 * The paper's training steps compiled for GPUs that are not there: memory, matrix products and calls of cuDNN's
 * attention. The numbers come from the compiler's plan and are kept in benchmarks/gpu_memory.json; a test checks them.
 */
import { join } from "node:path";
import { findPlugin } from "../lib/engine/xla/discovery.ts";
import { loadPlugin } from "../lib/engine/xla/plugin.ts";
import { targets } from "../lib/engine/xla/targets/hopper.ts";
import {
  type Configuration,
  paperPreTraining,
  paperSettings,
  type ResolvedPreTraining,
} from "../lib/runs/configuration.ts";
import { gpuPlan } from "../lib/runs/gpu_plan.ts";
import { writeWhole } from "../lib/storage/whole_file.ts";

/** Returns the configuration of a step; cuDNN's attention is used where it has no dropout and texts are padded. */
const fine = (step: Partial<Configuration>): Configuration => ({ ...paperSettings, text: "head", ...step });

const [f32, bf16, fused] = [
  { precision: "f32" },
  { precision: "bf16" },
  { precision: "bf16", attentionDropout: 0, padToMax: true },
] as const;
const short = { batchSize: 32, maxLength: 128 } as const;
const large = { model: "bert-large-uncased" } as const;
const masked: ResolvedPreTraining = { ...paperPreTraining, corpus: ["imdb"] };

/** The steps of the paper (section 5.2), and those of Table 2 that need most memory. */
export const gpuCases: Readonly<Record<string, Configuration>> = {
  "base B32 T128 f32": fine({ ...short, ...f32 }),
  "base B32 T128 bf16": fine({ ...short, ...bf16 }),
  "base B32 T128 bf16 fused attention": fine({ ...short, ...fused }),
  "base B24 T512 f32": fine(f32),
  "base B24 T512 bf16": fine(bf16),
  "base B24 T512 bf16 fused attention": fine(fused),
  "large B24 T512 f32": fine({ ...large, ...f32 }),
  "large B24 T512 bf16": fine({ ...large, ...bf16 }),
  "large B24 T512 bf16 fused attention": fine({ ...large, ...fused }),
  "base hierarchical mean B12 K8 T512 bf16": fine({ ...bf16, text: "hierarchical-mean", microBatchSize: 12 }),
  "base hierarchical max B12 K8 T512 bf16": fine({ ...bf16, text: "hierarchical-max", microBatchSize: 12 }),
  "base hierarchical self-attention B12 K8 T512 bf16": fine({
    ...bf16,
    text: "hierarchical-attention",
    microBatchSize: 12,
  }),
  "base masked words B32 T128 bf16": fine({ ...short, ...bf16, preTraining: masked }),
};

/** The file of the numbers. */
export const gpuMemoryFile = join(import.meta.dirname!, "gpu_memory.json");

/** The numbers of a step on a card: most bytes in use, and calls of cuDNN's attention. */
export interface GpuMemory {
  readonly bytes: number;
  readonly attentionCalls: number;
}

/** Compiles every step for every card; prints and keeps the numbers. */
export async function benchGpu({ say }: { say: (line: string) => void }): Promise<Record<string, unknown>> {
  const { api } = loadPlugin((await findPlugin(undefined, "cuda")).path);
  const results: Record<string, Record<string, GpuMemory>> = {};
  for (const [name, configuration] of Object.entries(gpuCases)) {
    results[name] = {};
    for (const [card, target] of Object.entries(targets)) {
      const { bytes, fits, programs } = await gpuPlan(api, target, configuration);
      const [{ seconds, products, attentionCalls }] = programs as [typeof programs[0]];
      results[name][card] = { bytes, attentionCalls };
      say(
        `${name}, ${card}: ${(bytes / 1e9).toFixed(1)} of ${(target.memory / 1e9).toFixed(1)} GB${
          fits ? "" : ", which does not fit"
        }; ${products} products, ${attentionCalls} calls of cuDNN's attention; compiled in ${
          seconds.toFixed(0)
        } s`,
      );
    }
  }
  await writeWhole(gpuMemoryFile, [JSON.stringify(results, null, 2) + "\n"]);
  return results;
}
