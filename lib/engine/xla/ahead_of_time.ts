/** Compiling for a GPU that is not there. The CUDA plugin needs the card's description, ptxas and libdevice for it. */
import { join } from "node:path";
import { cacheFolder } from "../../storage/cache.ts";
import type { Graph } from "../../graph/graph.ts";
import { type LoweredModule, lowerToStablehlo } from "../../graph/stablehlo/lower.ts";
import type { Api } from "./api.ts";
import { packProgram } from "./client.ts";
import { compileOptions, type Overrides, platformOverrides } from "./compile_options.ts";
import { cudaData } from "./cuda_data.ts";
import { Executable, type ProgramMemory } from "./executable.ts";
import { packOptions } from "./named_values.ts";
import { localGraph } from "./replicas.ts";
import type { Target } from "./targets/hopper.ts";

/** The result of compiling a graph for a card. */
export interface CompilePlan {
  readonly module: LoweredModule;
  readonly seconds: number;
  readonly memory: ProgramMemory;
  /** Number of matrix products, a library's or generated ones. */
  readonly products: number;
  /** Number of calls of cuDNN's attention, forward and backward. */
  readonly attentionCalls: number;
}

/** Options for compiling a graph for a card. */
export interface PlanOptions {
  readonly precision: "f32" | "bf16";
  readonly devices: number;
  readonly fusedAttention: boolean;
}

/**
 * Compiles a graph for a card as the engine would.
 *
 * @param api The CUDA plugin's functions.
 * @throws XlaError with the compiler's words.
 */
export function planFor(api: Api, target: Target, graph: Graph, options: PlanOptions): CompilePlan {
  const { precision, devices, fusedAttention } = options;
  const module = lowerToStablehlo(localGraph(graph, devices), {
    precision,
    replicas: devices,
    fusedAttention,
  });
  const start = performance.now();
  using program = compileFor(api, target, module.text, {
    replicas: devices,
    overrides: platformOverrides("cuda", {
      data: cudaData(api.path).folder,
      autotuning: join(cacheFolder(), "xla", "programs", "autotuning"),
    }),
  });
  const seconds = (performance.now() - start) / 1000;
  // The compiled program is an HloModuleProto, which names called functions and kinds of fusions as text.
  const text = new TextDecoder("latin1").decode(program.optimized());
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
  return {
    module,
    seconds,
    memory: program.memory,
    products: count(/__cublas\$\w|"kind":"__triton_(nested_)?gemm/g),
    attentionCalls: count(/__cudnn\$fmha/g),
  };
}

/**
 * Compiles a StableHLO module for a card.
 *
 * @throws XlaError with the compiler's words.
 */
export function compileFor(
  api: Api,
  { name, config }: Target,
  text: string,
  { replicas = 1, overrides }: { replicas?: number; overrides?: Overrides } = {},
): Executable {
  const doing = `compile a program for ${name}`;
  // Partitions × hosts × devices of a host.
  const { bytes, count } = packOptions({ target_config: config, topology: `1x1x${replicas}` });
  const created = { create_options: bytes, num_options: count };
  const { topology } = api.call("TopologyDescription_Create", created, doing);
  try {
    const options = compileOptions(replicas, overrides);
    const { executable } = api.call("Compile", {
      topology,
      program: packProgram(api, text),
      compile_options: options,
      compile_options_size: options.length,
    }, doing);
    return new Executable(api, executable);
  } finally {
    api.destroy("TopologyDescription_Destroy", { topology });
  }
}
