/**
 * Data parallel runs: every device has the whole state and computes its rows of the batch; what the program sums over
 * the devices (gradients and losses) is equal on all of them.
 */
import type { HostTensor, HostTensors } from "../../tensors.ts";
import { InputError } from "../../errors.ts";
import type { Graph, Signature, Value } from "../../graph/graph.ts";
import { record } from "../../graph/record.ts";

/** Feeds that belong to the whole step. All others have the batch's rows along their first dimension. */
const whole = new Set(["key", "learning_rates", "bias_corrections"]);

/** Whether each device gets its own rows of a feed. */
export function isSplit(feed: string): boolean {
  return !whole.has(feed);
}

/**
 * The graph of one device's part of the batch, recorded anew.
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

/** A device's rows of a tensor. */
export function rowsOf({ shape, data }: HostTensor, device: number, devices: number): HostTensor {
  const size = data.length / devices;
  return {
    shape: [shape[0]! / devices, ...shape.slice(1)],
    data: data.subarray(device * size, (device + 1) * size),
  };
}

/**
 * A graph's outputs from those of its devices: rows are put together, what all devices have alike is taken from the
 * first.
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
