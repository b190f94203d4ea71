/**
 * The reference engine: eager tfjs. It calls the recorded function, operation by operation, on tfjs's current backend.
 * It is slow and easy to inspect; the other engines are tested against it.
 */
import * as tf from "@tensorflow/tfjs";
import { registerEagerKernels } from "../graph/eager.ts";
import type { Graph, Tensors } from "../graph/graph.ts";
import { type Engine, type Program, type State, stateTensor } from "./engine.ts";
import type { HostTensor, HostTensors } from "../tensors.ts";

class ReferenceState implements State {
  readonly tensors = new Map<string, tf.Tensor>();

  get shapes(): ReadonlyMap<string, readonly number[]> {
    return new Map([...this.tensors].map(([name, tensor]) => [name, tensor.shape]));
  }

  upload(tensors: HostTensors): void {
    for (const [name, tensor] of Object.entries(tensors)) this.set(name, toTensor(tensor));
  }

  /** Takes ownership of a tensor. */
  set(name: string, tensor: tf.Tensor): void {
    this.tensors.get(name)?.dispose();
    this.tensors.set(name, tf.keep(tensor));
  }

  async download(names: Iterable<string> = this.tensors.keys()): Promise<HostTensors> {
    const result: HostTensors = {};
    for (const name of names) result[name] = await toHost(stateTensor(this.tensors, name));
    return result;
  }

  dispose(): void {
    for (const tensor of this.tensors.values()) tensor.dispose();
    this.tensors.clear();
  }
}

function toTensor({ shape, data }: HostTensor): tf.Tensor {
  const dtype = data instanceof Float32Array ? "float32" : "int32";
  return tf.tensor(data.slice(), [...shape], dtype);
}

async function toHost(tensor: tf.Tensor): Promise<HostTensor> {
  const data = await tensor.data();
  return {
    shape: tensor.shape,
    data: data instanceof Float32Array ? data.slice() : Int32Array.from(data as Int32Array),
  };
}

class ReferenceProgram implements Program {
  constructor(readonly graph: Graph) {}

  async run(state: State, feeds: HostTensors): Promise<HostTensors> {
    const held = (state as ReferenceState).tensors;
    const fed = Object.fromEntries(
      [...this.graph.feeds.keys()].map((name) => [name, toTensor(feeds[name]!)]),
    );
    const inputs: Tensors = { ...fed };
    for (const name of this.graph.state.keys()) inputs[name] = stateTensor(held, name);
    tf.engine().startScope();
    try {
      const result = this.graph.source(inputs);
      const outputs: HostTensors = {};
      for (const [name, tensor] of Object.entries(result.outputs)) outputs[name] = await toHost(tensor);
      for (const [name, tensor] of Object.entries(result.state)) {
        (state as ReferenceState).set(name, tf.clone(tensor));
      }
      return outputs;
    } finally {
      tf.engine().endScope();
      for (const tensor of Object.values(fed)) tensor.dispose();
    }
  }

  dispose(): void {}
}

/** Returns the reference engine, on tfjs's current backend: plain JavaScript unless a faster one was set before. */
export async function referenceEngine(): Promise<Engine> {
  tf.enableProdMode(); // keeps tfjs from advertising another package on the terminal
  await tf.ready();
  registerEagerKernels();
  return {
    name: "reference",
    capabilities: { dtypes: ["float32"], devices: [`tfjs ${tf.getBackend()}`] },
    compile: (graph) => Promise.resolve(new ReferenceProgram(graph)),
    state(tensors) {
      const state = new ReferenceState();
      state.upload(tensors);
      return state;
    },
    dispose() {},
  };
}
