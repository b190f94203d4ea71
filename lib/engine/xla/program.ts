/** A compiled graph with its arguments and results by name. */
import type { Graph } from "../../graph/graph.ts";
import type { LoweredModule } from "../../graph/stablehlo/lower.ts";
import type { HostTensor, HostTensors } from "../../tensors.ts";
import { type Program, type State, stateTensor } from "../engine.ts";
import { DeviceBuffer, startDownload } from "./buffer.ts";
import type { LoadedExecutable, Run } from "./executable.ts";
import type { Address } from "./memory.ts";
import { withNumbers } from "./out_of_memory.ts";
import { isSplit, joinOutputs, rowsOf } from "./replicas.ts";
import { copies, type XlaState } from "./state.ts";

/** A copy of an output to the host. */
interface Download {
  readonly device: number;
  readonly name: string;
  readonly wait: () => Promise<HostTensor>;
}

/** A program of the engine xla. Its runs are enqueued: the devices compute them in the order of the calls. */
export class XlaProgram implements Program {
  /** @param module The module of one device's part of the batch. */
  constructor(
    readonly graph: Graph,
    readonly module: LoweredModule,
    readonly executable: LoadedExecutable,
  ) {}

  /** Returns the same program for the graph of the whole batch. */
  of(graph: Graph): XlaProgram {
    return new XlaProgram(graph, this.module, this.executable);
  }

  async run(state: State, feeds: HostTensors): Promise<HostTensors> {
    return await this.start(state, feeds)();
  }

  start(given: State, feeds: HostTensors): () => Promise<HostTensors> {
    const state = given as XlaState;
    const fed = this.#upload(state, feeds);
    const rows = state.devices.map((_, device) =>
      this.module.inputs.map(({ name, kind }) =>
        (kind === "feed" ? fed.get(name)! : stateTensor(state.tensors, name))[device]!.handle
      )
    );
    /** Addresses to free once the run has ended: feeds, results for the caller, tensors whose memory was donated. */
    const used = [...fed.values()].flat().map((buffer) => buffer.release());
    let run: Run;
    try {
      run = this.executable.start(rows);
    } catch (error) {
      state.client.api.destroyBuffers(used);
      for (const { name, kind } of this.module.outputs) {
        const buffers = kind === "update" ? state.tensors.get(name) : undefined;
        if (buffers?.some(({ isDeleted }) => isDeleted)) state.remove(name);
      }
      throw this.#explained(state, error);
    }
    const updates = this.#take(state, run, used);
    const downloads = this.#download(state, run, used);
    return async () => {
      const copied: HostTensors[] = state.devices.map(() => ({}));
      const errors: unknown[] = [];
      await run.finish().catch((error) => errors.push(error));
      for (const { device, name, wait } of downloads) {
        await wait().then((tensor) => copied[device]![name] = tensor, (error) => errors.push(error));
      }
      state.client.api.destroyBuffers(used);
      if (errors.length === 0) return joinOutputs(this.graph, copied);
      // What it should have made is not there. A later run may have put other tensors in its place.
      for (const [name, buffers] of updates) if (state.tensors.get(name) === buffers) state.remove(name);
      throw this.#explained(state, errors[0]);
    };
  }

  #upload({ client, devices, tensors }: XlaState, feeds: HostTensors): Map<string, DeviceBuffer[]> {
    const fed = new Map<string, DeviceBuffer[]>();
    try {
      for (const { name, kind } of this.module.inputs) {
        if (kind === "state") stateTensor(tensors, name);
        else {
          const tensor = this.#checked(name, feeds[name]);
          const split = devices.length > 1 && isSplit(name);
          const part = (device: number) => split ? rowsOf(tensor, device, devices.length) : tensor;
          fed.set(name, copies(client, devices, part));
        }
      }
      return fed;
    } catch (error) {
      for (const buffer of [...fed.values()].flat()) buffer.dispose();
      throw error;
    }
  }

  #checked(name: string, tensor: HostTensor | undefined): HostTensor {
    const { shape } = this.graph.feeds.get(name)!;
    if (tensor?.shape.join() === shape.join()) return tensor;
    throw new RangeError(
      `The graph "${this.graph.name}" is fed "${name}" of shape [${shape}]: found ${
        tensor ? `[${tensor.shape}]` : "nothing"
      }`,
    );
  }

  /** Puts the updates into the state, though they are still computed; returns them by name. */
  #take(state: XlaState, { results }: Run, used: Address[]): [name: string, buffers: DeviceBuffer[]][] {
    const { api } = state.client;
    const updates: [string, DeviceBuffer[]][] = [];
    for (const [i, { name, kind, shape }] of this.module.outputs.entries()) {
      if (kind !== "update") continue;
      const buffers = results.map((row) => new DeviceBuffer(api, row[i]!));
      for (const old of state.set(name, shape, buffers)) used.push(old.release());
      updates.push([name, buffers]);
    }
    return updates;
  }

  /** Enqueues the copies of the outputs to the host. */
  #download({ client: { api } }: XlaState, { results }: Run, used: Address[]): Download[] {
    const downloads: Download[] = [];
    for (const [i, { name, kind, shape, dtype }] of this.module.outputs.entries()) {
      if (kind !== "output") continue;
      for (const [device, row] of results.entries()) {
        used.push(row[i]!);
        try {
          downloads.push({ device, name, wait: startDownload(api, row[i]!, shape, dtype) });
        } catch (error) {
          downloads.push({ device, name, wait: () => Promise.reject(error) }); // said where the run is waited for
        }
      }
    }
    return downloads;
  }

  #explained({ devices }: XlaState, error: unknown): unknown {
    return withNumbers(error, devices[0]!, {
      name: this.graph.name,
      memory: () => this.executable.executable.memory,
    });
  }

  dispose(): void {
    this.executable.dispose();
  }
}
