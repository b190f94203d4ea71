/**
 * Data parallel runs: every device has the whole state and computes its own rows of the batch. The program sums
 * gradients and losses over the devices, so these are equal on all of them.
 */
import type { HostTensor, HostTensors } from "../../tensors.ts";
import { InputError } from "../../errors.ts";
import type { Graph, Signature, Value } from "../../graph/graph.ts";
import { record } from "../../graph/record.ts";

/** Feeds that are the same for all devices. All others have the batch's rows along their first dimension. */
const whole = new Set(["key", "learning_rates", "bias_corrections"]);

/** Tells whether each device gets its own rows of a feed. */
export function isSplit(feed: string): boolean {
  return !whole.has(feed);
}

/**
 * Records the graph again for one device's part of the batch.
 *
 * @throws InputError if the batch's rows cannot be split evenly.
 */
export function localGraph(graph: Graph, devices: number): Graph {
  if (devices === 1) return graph;
  const feeds = Object.fromEntries(
    [...graph.feeds].map(([name, value]) => {
      const { shape, dtype } = signature(value);
      if (!isSplit(name)) return [name, { shape, dtype }];
      const [rows = 0, ...rest] = shape;
      if (rows % devices !== 0) {
        throw new InputError(
          `Cannot split ${rows} rows of "${name}" evenly over ${devices} devices: give a batch size that they divide`,
        );
      }
      return [name, { shape: [rows / devices, ...rest], dtype }];
    }),
  );
  const state = Object.fromEntries([...graph.state].map(([name, value]) => [name, signature(value)]));
  return record(graph.name, { state, feeds }, graph.source);
}

function signature({ shape, dtype }: Value): Signature {
  return { shape, dtype: dtype as Signature["dtype"] };
}

/** Returns a device's rows of a tensor. */
export function rowsOf({ shape, data }: HostTensor, device: number, devices: number): HostTensor {
  const size = data.length / devices;
  return {
    shape: [shape[0]! / devices, ...shape.slice(1)],
    data: data.subarray(device * size, (device + 1) * size),
  };
}

/**
 * Returns a graph's outputs from those of its devices: rows are joined, an output that is equal on all devices is the
 * first one's.
 */
export function joinOutputs(graph: Graph, outputs: readonly HostTensors[]): HostTensors {
  const first = outputs[0]!;
  return Object.fromEntries(
    [...graph.outputs].map(([name, { shape }]) => {
      const isWhole = outputs.length === 1 || shape.length === 0 || shape[0] === first[name]!.shape[0];
      return [name, isWhole ? first[name]! : { shape, data: join(outputs.map((each) => each[name]!.data)) }];
    }),
  );
}

function join(parts: readonly HostTensor["data"][]): HostTensor["data"] {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const joined = parts[0] instanceof Float32Array ? new Float32Array(size) : new Int32Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
