/**
 * The xla engine: recorded graphs as StableHLO, compiled by a PJRT plugin for a GPU or the CPU. The state stays on the
 * devices. Tensors that a graph updates are donated, so that a step needs no second copy of them.
 */
import { join } from "node:path";
import process from "node:process";
import { cacheFolder as defaultCacheFolder } from "../../storage/cache.ts";
import type { Graph } from "../../graph/graph.ts";
import { type LoweredModule, lowerToStablehlo } from "../../graph/stablehlo/lower.ts";
import type { HostTensor, HostTensors } from "../../tensors.ts";
import { type Engine, type Program, type State, stateTensor } from "../engine.ts";
import type { DeviceBuffer } from "./buffer.ts";
import type { Client, Device } from "./client.ts";
import { oneDnnOverrides, platformOverrides } from "./compile_options.ts";
import { findPlugin } from "./discovery.ts";
import type { LoadedExecutable } from "./executable.ts";
import { hasFusedAttention } from "./cudnn.ts";
import { type OpenPlugin, openPlugin } from "./open.ts";
import { withNumbers } from "./out_of_memory.ts";
import { ProgramCache } from "./program_cache.ts";
import { isSplit, joinOutputs, localGraph, rowsOf } from "./replicas.ts";
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
}

class XlaState implements State {
  /** Each tensor's copies, one on every device. */
  readonly tensors = new Map<string, DeviceBuffer[]>();
  readonly #shapes = new Map<string, readonly number[]>();

  constructor(readonly client: Client, readonly devices: readonly Device[]) {}

  get shapes(): ReadonlyMap<string, readonly number[]> {
    return this.#shapes;
  }

  upload(tensors: HostTensors): void {
    for (const [name, tensor] of Object.entries(tensors)) {
      this.set(name, tensor.shape, copies(this.client, this.devices, () => tensor));
    }
  }

  /** Takes ownership of a tensor's copies. */
  set(name: string, shape: readonly number[], buffers: DeviceBuffer[]): void {
    this.remove(name);
    this.tensors.set(name, buffers);
    this.#shapes.set(name, shape);
  }

  remove(name: string): void {
    for (const buffer of this.tensors.get(name) ?? []) buffer.dispose();
    this.tensors.delete(name);
    this.#shapes.delete(name);
  }

  async download(names: Iterable<string> = this.tensors.keys()): Promise<HostTensors> {
    const result: HostTensors = {};
    for (const name of [...names]) result[name] = await stateTensor(this.tensors, name)[0]!.download();
    return result;
  }

  dispose(): void {
    for (const name of [...this.tensors.keys()]) this.remove(name);
  }
}

/** Uploads a tensor to every device; if one has no room for it, the copies made before are freed. */
function copies(
  client: Client,
  devices: readonly Device[],
  tensorOf: (device: number) => HostTensor,
): DeviceBuffer[] {
  const buffers: DeviceBuffer[] = [];
  try {
    for (const [i, device] of devices.entries()) buffers.push(client.upload(tensorOf(i), device));
    return buffers;
  } catch (error) {
    for (const buffer of buffers) buffer.dispose();
    throw withNumbers(error, devices[buffers.length]!);
  }
}

class XlaProgram implements Program {
  /** @param module The module of one device's part of the batch. */
  constructor(
    readonly graph: Graph,
    readonly module: LoweredModule,
    readonly executable: LoadedExecutable,
  ) {}

  async run(state: State, feeds: HostTensors): Promise<HostTensors> {
    const { client, devices, tensors } = state as XlaState;
    const held = new Map(
      this.module.inputs.filter(({ kind }) => kind === "state").map((
        { name },
      ) => [name, stateTensor(tensors, name)]),
    );
    const fed = new Map<string, DeviceBuffer[]>();
    try {
      for (const { name, kind } of this.module.inputs) {
        if (kind === "feed") fed.set(name, this.#feed(client, devices, name, feeds[name]));
      }
      const rows = devices.map((_, device) =>
        this.module.inputs.map(({ name, kind }) => (kind === "feed" ? fed : held).get(name)![device]!)
      );
      return await this.#take(state as XlaState, await this.#execute(state as XlaState, rows));
    } finally {
      for (const buffer of [...fed.values()].flat()) buffer.dispose();
    }
  }

  #feed(
    client: Client,
    devices: readonly Device[],
    name: string,
    tensor: HostTensor | undefined,
  ): DeviceBuffer[] {
    const { shape } = this.graph.feeds.get(name)!;
    if (tensor?.shape.join() !== shape.join()) {
      throw new RangeError(
        `The graph "${this.graph.name}" is fed "${name}" of shape [${shape}]: found ${
          tensor ? `[${tensor.shape}]` : "nothing"
        }`,
      );
    }
    const split = devices.length > 1 && isSplit(name);
    return copies(client, devices, (device) => split ? rowsOf(tensor, device, devices.length) : tensor);
  }

  /** Returns the results by device. After a failed run the tensors it has overwritten are removed from the state. */
  async #execute(state: XlaState, rows: DeviceBuffer[][]): Promise<DeviceBuffer[][]> {
    try {
      return await this.executable.run(rows);
    } catch (error) {
      for (const { name, kind } of this.module.outputs) {
        const buffers = kind === "update" ? state.tensors.get(name) : undefined;
        if (buffers?.some(({ isDeleted }) => isDeleted)) state.remove(name);
      }
      const { name } = this.graph;
      throw withNumbers(error, state.devices[0]!, { name, memory: this.executable.executable.memory });
    }
  }

  /** Puts the updates into the state and copies the outputs to the host. */
  async #take(state: XlaState, results: DeviceBuffer[][]): Promise<HostTensors> {
    const copied: HostTensors[] = results.map(() => ({}));
    const { outputs } = this.module;
    for (const [i, { name, kind, shape }] of outputs.entries()) {
      if (kind === "update") state.set(name, shape, results.map((row) => row[i]!));
    }
    const rest = results.map((row) => row.filter((_, i) => outputs[i]!.kind === "output"));
    const names = outputs.filter(({ kind }) => kind === "output").map(({ name }) => name);
    try {
      for (const [device, row] of rest.entries()) {
        for (const [i, buffer] of row.entries()) copied[device]![names[i]!] = await buffer.download();
      }
    } finally {
      for (const buffer of rest.flat()) buffer.dispose();
    }
    return joinOutputs(this.graph, copied);
  }

  dispose(): void {
    this.executable.dispose();
  }
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
  const { precision = "f32", devices: replicas = 1 } = options;
  const devices = client.devices.slice(0, replicas);
  const fusedAttention = options.fusedAttention ?? (precision === "bf16" && hasFusedAttention(plugin));
  const oneDnn = client.platform === "cpu" && (options.oneDnn ?? process.env.BERTLAB_XLA_ONEDNN === "1");
  const folder = options.cacheFolder ?? join(defaultCacheFolder(), "xla", "programs");
  const cache = new ProgramCache(oneDnn ? false : folder);
  const overrides = { ...platformOverrides[client.platform], ...oneDnn ? oneDnnOverrides : {} };
  return {
    name: "xla",
    capabilities: {
      dtypes: ["float32", "bfloat16"],
      devices: devices.map(({ kind }) => kind),
      fewLargeShapes: true,
    },
    async compile(graph) {
      const widened = client.platform === "cpu";
      const lowering = { precision, replicas, fusedAttention, widened };
      const module = lowerToStablehlo(localGraph(graph, replicas), lowering);
      try {
        return new XlaProgram(
          graph,
          module,
          await cache.compile(opened, module.text, { replicas, overrides }),
        );
      } catch (error) {
        throw withNumbers(error, devices[0]!, { name: graph.name });
      }
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
