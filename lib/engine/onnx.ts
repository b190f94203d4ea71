/** The onnx engine: recorded graphs on ONNX Runtime's CPU kernels, with the state's arrays updated in place. */
import * as ort from "onnxruntime-node";
import type { Graph } from "../graph/graph.ts";
import { lowerToOnnx, updateName } from "../graph/onnx.ts";
import { sizeOf } from "../graph/graph.ts";
import {
  type Engine,
  type HostTensor,
  type HostTensors,
  type Program,
  type State,
  stateTensor,
} from "./engine.ts";

class OnnxState implements State {
  readonly tensors = new Map<string, ort.Tensor>();

  get shapes(): ReadonlyMap<string, readonly number[]> {
    return new Map([...this.tensors].map(([name, tensor]) => [name, tensor.dims]));
  }

  upload(tensors: HostTensors): void {
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      this.tensors.set(name, toTensor({ shape, data: data.slice() }));
    }
  }

  download(names: Iterable<string> = this.tensors.keys()): Promise<HostTensors> {
    return Promise.resolve(
      Object.fromEntries([...names].map((name) => [name, toHost(stateTensor(this.tensors, name))])),
    );
  }

  dispose(): void {
    this.tensors.clear();
  }
}

function toTensor({ shape, data }: HostTensor): ort.Tensor {
  return data instanceof Float32Array
    ? new ort.Tensor("float32", data, shape)
    : new ort.Tensor("int32", data, shape);
}

function toHost(tensor: ort.Tensor): HostTensor {
  return { shape: tensor.dims, data: (tensor.data as Float32Array | Int32Array).slice() };
}

/** A tensor of zeros to be written to. */
function emptyLike(shape: readonly number[]): ort.Tensor {
  return new ort.Tensor("float32", new Float32Array(sizeOf(shape)), shape);
}

class OnnxProgram implements Program {
  /** Second buffers for state tensors that cannot be overwritten while the graph runs. */
  readonly #spare = new Map<string, ort.Tensor>();

  constructor(
    readonly graph: Graph,
    readonly session: ort.InferenceSession,
    readonly inputs: ReadonlySet<string>,
    unsafe: ReadonlySet<string>,
  ) {
    for (const name of unsafe) this.#spare.set(name, emptyLike(graph.updates.get(name)!.shape));
  }

  async run(state: State, feeds: HostTensors): Promise<HostTensors> {
    const { tensors } = state as OnnxState;
    const given: Record<string, ort.Tensor> = {};
    for (const name of this.graph.state.keys()) {
      if (this.inputs.has(name)) given[name] = stateTensor(tensors, name);
    }
    for (const name of this.graph.feeds.keys()) {
      if (this.inputs.has(name)) given[name] = toTensor(feeds[name]!);
    }
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const name of this.graph.updates.keys()) {
      fetches[updateName(name)] = this.#spare.get(name) ?? stateTensor(tensors, name);
    }
    for (const name of this.graph.outputs.keys()) fetches[name] = null;
    const results = await this.session.run(given, fetches as ort.InferenceSession.OnnxValueMapType);
    for (const [name, written] of this.#spare) {
      this.#spare.set(name, stateTensor(tensors, name));
      tensors.set(name, written);
    }
    return Object.fromEntries([...this.graph.outputs.keys()].map((name) => [name, toHost(results[name]!)]));
  }

  dispose(): void {
    void this.session.release();
  }
}

/** Options of the onnx engine. */
export interface OnnxOptions {
  /** Threads inside one operation; ONNX Runtime's own choice (the physical cores) by default. */
  readonly threads?: number;
  /** Where ONNX Runtime writes each node's time as JSON (chrome://tracing). */
  readonly profile?: string;
}

/** ONNX Runtime on the CPU. */
export function onnxEngine({ threads, profile }: OnnxOptions = {}): Engine {
  const sessionOptions: ort.InferenceSession.SessionOptions = {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    ...(threads ? { intraOpNumThreads: threads } : {}),
    ...(profile ? { enableProfiling: true, profileFilePrefix: profile } : {}),
  };
  return {
    name: "onnx",
    capabilities: { dtypes: ["float32"], devices: ["cpu"] },
    async compile(graph) {
      const { bytes, inputs, unsafe } = lowerToOnnx(graph);
      const session = await ort.InferenceSession.create(bytes, sessionOptions);
      return new OnnxProgram(graph, session, inputs, unsafe);
    },
    state(tensors) {
      const state = new OnnxState();
      state.upload(tensors);
      return state;
    },
    dispose() {},
  };
}
