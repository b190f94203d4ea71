/** The tensors of an engine's state on the devices, each device with a copy of its own. */
import type { HostTensor, HostTensors } from "../../tensors.ts";
import { type State, stateTensor } from "../engine.ts";
import type { DeviceBuffer } from "./buffer.ts";
import type { Client, Device } from "./client.ts";
import { withNumbers } from "./out_of_memory.ts";

/** A state of the engine xla. */
export class XlaState implements State {
  /** Each tensor's copies, one on every device. */
  readonly tensors = new Map<string, DeviceBuffer[]>();
  readonly #shapes = new Map<string, readonly number[]>();

  constructor(readonly client: Client, readonly devices: readonly Device[]) {}

  get shapes(): ReadonlyMap<string, readonly number[]> {
    return this.#shapes;
  }

  upload(tensors: HostTensors): void {
    for (const [name, tensor] of Object.entries(tensors)) {
      const buffers = copies(this.client, this.devices, () => tensor);
      for (const old of this.set(name, tensor.shape, buffers)) old.dispose();
    }
  }

  /** Takes ownership of a tensor's copies; returns those before, which the caller then owns. */
  set(name: string, shape: readonly number[], buffers: DeviceBuffer[]): DeviceBuffer[] {
    const old = this.tensors.get(name) ?? [];
    this.tensors.set(name, buffers);
    this.#shapes.set(name, shape);
    return old;
  }

  /** Frees a tensor's copies. */
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
export function copies(
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
