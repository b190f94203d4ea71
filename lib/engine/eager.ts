/**
 * Engines on tfjs's own backends. They call the recorded function, operation by operation. The backend is current only
 * within the engine's own calls, as recording and other engines need other ones.
 */
import * as tf from "@tensorflow/tfjs";
import { setImmediate } from "node:timers/promises";
import { type DrawMask, registerEagerKernels } from "../graph/eager.ts";
import type { Graph, Tensors } from "../graph/graph.ts";
import type { HostTensor, HostTensors } from "../tensors.ts";
import { type Capabilities, type Engine, type Program, type State, stateTensor } from "./engine.ts";

/** Runs a function with a backend current. It has been opened before, so that tfjs changes to it at once. */
function within<T>(backend: string, run: () => T): T {
  const before = tf.getBackend();
  if (before === backend) return run();
  void tf.setBackend(backend);
  try {
    return run();
  } finally {
    void tf.setBackend(before);
  }
}

class EagerState implements State {
  readonly tensors = new Map<string, tf.Tensor>();

  constructor(readonly backend: string) {}

  get shapes(): ReadonlyMap<string, readonly number[]> {
    return new Map([...this.tensors].map(([name, tensor]) => [name, tensor.shape]));
  }

  upload(tensors: HostTensors): void {
    within(this.backend, () => {
      for (const [name, tensor] of Object.entries(tensors)) this.set(name, toTensor(tensor));
    });
  }

  /** Takes ownership of a tensor. */
  set(name: string, tensor: tf.Tensor): void {
    this.tensors.get(name)?.dispose();
    this.tensors.set(name, tf.keep(tensor));
  }

  async download(names: Iterable<string> = this.tensors.keys()): Promise<HostTensors> {
    const result: HostTensors = {};
    for (const name of [...names]) result[name] = await toHost(stateTensor(this.tensors, name));
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

/** Milliseconds of computing after which the event loop has its turns. */
const pauseAfter = 250;

/** Turns it has then. Deno looks for signals in one of some dozens, unless it has nothing to do (LOG.md). */
const pauseTurns = 100;

let lastPause = performance.now();

/**
 * Lets signals, timers and finalizers have their turn now and then: these engines compute within the call and wait for
 * nothing, so that a run would not hear Ctrl-C.
 */
async function pauseIfDue(): Promise<void> {
  if (performance.now() - lastPause < pauseAfter) return;
  for (let turn = 0; turn < pauseTurns; turn++) await setImmediate();
  lastPause = performance.now();
}

class EagerProgram implements Program {
  constructor(readonly graph: Graph) {}

  async run(state: State, feeds: HostTensors): Promise<HostTensors> {
    const outputs: HostTensors = {};
    const computed = this.#compute(state as EagerState, feeds);
    try {
      for (const [name, tensor] of Object.entries(computed)) outputs[name] = await toHost(tensor);
    } finally {
      for (const tensor of Object.values(computed)) tensor.dispose();
    }
    await pauseIfDue();
    return outputs;
  }

  /** Updates the state and returns the outputs, which the caller disposes. */
  #compute(state: EagerState, feeds: HostTensors): Tensors {
    const held = new Map(
      [...this.graph.state.keys()].map((name) => [name, stateTensor(state.tensors, name)]),
    );
    return within(state.backend, () => {
      const inputs: Tensors = Object.fromEntries(held);
      tf.engine().startScope();
      try {
        for (const name of this.graph.feeds.keys()) inputs[name] = toTensor(feeds[name]!);
        const result = this.graph.source(inputs);
        // A result may be an input, which goes away with the scope, or the caller's.
        const kept = (tensors: Tensors): [string, tf.Tensor][] =>
          Object.entries(tensors).map(([name, tensor]) => [name, tf.keep(tf.clone(tensor))]);
        const [outputs, updates] = [kept(result.outputs), kept(result.state)];
        for (const [name, tensor] of updates) state.set(name, tensor);
        return Object.fromEntries(outputs);
      } finally {
        tf.engine().endScope();
      }
    });
  }

  dispose(): void {}
}

/** An engine's name, what it can do, and its own way to draw masks. */
export interface EagerOptions extends Pick<Engine, "name"> {
  readonly capabilities: Capabilities;
  /** The name of a tfjs backend that is open already. */
  readonly backend: string;
  /** The backend's way to draw dropout masks; in plain JavaScript if not given. */
  readonly drawMask?: DrawMask;
}

/** Returns an engine on a tfjs backend. */
export function eagerEngine({ name, capabilities, backend, drawMask }: EagerOptions): Engine {
  within(backend, () => registerEagerKernels(drawMask));
  return {
    name,
    capabilities,
    compile: (graph) => Promise.resolve(new EagerProgram(graph)),
    state(tensors) {
      const state = new EagerState(backend);
      state.upload(tensors);
      return state;
    },
    dispose() {},
  };
}
