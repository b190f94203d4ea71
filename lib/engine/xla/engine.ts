/**
 * The xla engine: recorded graphs as StableHLO, compiled by a PJRT plugin for a GPU or the CPU. The state stays on the
 * devices. Tensors that a graph updates are donated, so that a step needs no second copy of them.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { cacheFolder as defaultCacheFolder } from "../../storage/cache.ts";
import type { Graph } from "../../graph/graph.ts";
import type { LoweringOptions } from "../../graph/stablehlo/emitter.ts";
import { lowerToStablehlo } from "../../graph/stablehlo/lower.ts";
import type { Engine } from "../engine.ts";
import { isCuda, isGpu, oneDnnOverrides, type Overrides, platformOverrides } from "./compile_options.ts";
import { cudaData } from "./cuda_data.ts";
import { cudaLibraries } from "./cuda_libraries.ts";
import { hasFusedAttention } from "./cudnn.ts";
import { findPlugin } from "./discovery.ts";
import { FusedAttention } from "./fused_attention.ts";
import { type OpenPlugin, openPlugin } from "./open.ts";
import { withNumbers } from "./out_of_memory.ts";
import { XlaProgram } from "./program.ts";
import { ProgramCache } from "./program_cache.ts";
import { localGraph } from "./replicas.ts";
import { XlaState } from "./state.ts";
import { having, requireArguments } from "../../storage/arguments.ts";

/** Options of the xla engine. */
export interface XlaOptions {
  /** The plugin's path; by default that of BERTLAB_XLA_PLUGIN, in the cache folder or among Python's packages. */
  readonly plugin?: string;
  /** Precision of matrix products: f32, or bf16 with f32 sums. */
  readonly precision?: "f32" | "bf16";
  /** Number of devices that share each batch. */
  readonly devices?: number;
  /** True to use cuDNN's attention; by default if it can be had (CUDA, bf16, cuDNN 9). */
  readonly fusedAttention?: boolean;
  /**
   * True to use oneDNN's matrix products on a CPU: a tenth faster, but compiled again in every process. By default true
   * if the environment variable BERTLAB_XLA_ONEDNN is 1.
   */
  readonly oneDnn?: boolean;
  /** Folder for compiled programs; by default in the cache. False keeps none. */
  readonly cacheFolder?: string | false;
  /** Gets lines on what takes long, or is computed in another way than asked for; by default on the error output. */
  readonly say?: (line: string) => void;
}

/**
 * Opens a PJRT plugin as an engine. Programs that were compiled before are read from the cache folder.
 *
 * @throws InputError if there is no plugin, it cannot be used, or it has too few devices.
 */
export async function xlaEngine(options: XlaOptions = {}): Promise<Engine> {
  requireArguments("xlaEngine", { options: [options, having("an object with options")] });
  const { path } = await findPlugin(options.plugin);
  return engineOn(await openPlugin(path, options.devices), options);
}

/** Returns the engine of a plugin that is open already. */
export function engineOn(opened: OpenPlugin, options: XlaOptions = {}): Engine {
  const { client, plugin } = opened;
  const { precision = "f32", devices: replicas = 1, say = (line) => console.error(line) } = options;
  const devices = client.devices.slice(0, replicas);
  const fusedAttention = options.fusedAttention ?? (precision === "bf16" && hasFusedAttention(plugin));
  const oneDnn = client.platform === "cpu" && (options.oneDnn ?? process.env.BERTLAB_XLA_ONEDNN === "1");
  const folder = options.cacheFolder ?? join(defaultCacheFolder(), "xla", "programs");
  const cache = new ProgramCache(oneDnn ? false : folder);
  const overrides = { ...overridesFor(opened, folder), ...oneDnn ? oneDnnOverrides : {} };

  const compile = async (graph: Graph, lowering: LoweringOptions): Promise<XlaProgram> => {
    const module = lowerToStablehlo(graph, { precision, widened: client.platform === "cpu", ...lowering });
    const settings = { replicas: lowering.replicas ?? 1, overrides };
    const { name } = graph;
    const compiling = cache.compile(opened, module.text, settings);
    const line = `Compiling ${name}: it may take a minute, and only the first time`;
    try {
      return new XlaProgram(graph, module, await sayIfLong(compiling, line, say));
    } catch (error) {
      throw withNumbers(error, devices[0]!, { name });
    }
  };
  const attention = new FusedAttention(cudaLibraries(plugin).cudnn, say, async (graph, feeds, fused) => {
    const program = await compile(graph, { fusedAttention: fused });
    const state = new XlaState(client, devices.slice(0, 1));
    try {
      return await program.run(state, feeds);
    } finally {
      program.dispose();
    }
  });
  return {
    name: "xla",
    capabilities: {
      dtypes: ["float32", "bfloat16"],
      devices: devices.map(({ kind }) => kind),
      fewLargeShapes: true,
    },
    async compile(graph) {
      const local = localGraph(graph, replicas);
      const program = fusedAttention
        ? await attention.compile(local, (unfused) => compile(local, { replicas, fusedAttention, unfused }))
        : await compile(local, { replicas });
      return program.of(graph);
    },
    state(tensors) {
      const state = new XlaState(client, devices);
      try {
        state.upload(tensors);
      } catch (error) {
        state.dispose();
        throw error;
      }
      return state;
    },
    dispose() {},
  };
}

/** Waits for work, and says a line if it takes longer than ten seconds. */
export async function sayIfLong<Result>(
  work: Promise<Result>,
  line: string,
  say: (line: string) => void,
  milliseconds = 10_000,
): Promise<Result> {
  const waiting = setTimeout(() => say(line), milliseconds);
  try {
    return await work;
  } finally {
    clearTimeout(waiting);
  }
}

/** Returns the compiler's flags; the timed choices of a GPU's algorithms are kept beside the programs. */
function overridesFor({ plugin, client }: OpenPlugin, folder: string | false): Overrides {
  if (!isGpu(client.platform)) return platformOverrides(client.platform);
  const data = isCuda(client.platform) ? cudaData(plugin.path).folder : undefined;
  if (folder === false) return platformOverrides(client.platform, { data });
  const autotuning = join(folder, "autotuning");
  try {
    mkdirSync(autotuning, { recursive: true });
    return platformOverrides(client.platform, { data, autotuning });
  } catch {
    return platformOverrides(client.platform, { data }); // a cache that cannot be written to
  }
}
