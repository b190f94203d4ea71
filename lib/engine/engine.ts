/**
 * The engine interface: an engine compiles recorded graphs, owns the state they update, and moves tensors in and out.
 * It knows nothing of BERT: a graph finds its tensors in a state by the names of its inputs.
 */
import type { Graph } from "../graph/graph.ts";
import type { HostTensors } from "../tensors.ts";

/** The abilities of an engine, known before anything is compiled. */
export interface Capabilities {
  /** Types that matrix products can be computed in. */
  readonly dtypes: readonly ("float32" | "bfloat16")[];
  /** Names of the devices that it runs on. */
  readonly devices: readonly string[];
  /** `true` if a program takes seconds to compile and has many cores to keep busy, so that few large shapes are better. */
  readonly fewLargeShapes?: boolean;
}

/** Named tensors that stay with the engine between runs (parameters, moments, gradients). */
export interface State {
  /** Shapes of the tensors held, by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Adds or replaces tensors; the data is copied. */
  upload(tensors: HostTensors): void;
  /** Copies tensors out, all of them or those named. */
  download(names?: Iterable<string>): Promise<HostTensors>;
  /** Frees the tensors. */
  dispose(): void;
}

/** A compiled graph. */
export interface Program {
  /**
   * Runs the graph once: reads state and feeds by the graph's input names, updates the state in place, returns the
   * graph's other outputs.
   */
  run(state: State, feeds: HostTensors): Promise<HostTensors>;
  /**
   * Enqueues the same and returns while the devices still compute: runs on a state are computed in the order of the
   * calls. The function that it returns waits for the outputs, and must be called once. Absent from an engine that
   * computes in `run` itself.
   *
   * @throws Error if the run cannot be enqueued; one that fails later says so where it is waited for.
   */
  start?(state: State, feeds: HostTensors): () => Promise<HostTensors>;
  /** Frees the compiled program. */
  dispose(): void;
}

/** An engine. */
export interface Engine {
  /** Name on the command line and in records. */
  readonly name: "reference" | "onnx" | "xla" | "tensorflow" | "webgpu";
  /** Its element types and devices. */
  readonly capabilities: Capabilities;
  /**
   * Compiles a graph.
   *
   * @throws Error naming the operation when the engine has no rule for it.
   */
  compile(graph: Graph): Promise<Program>;
  /** Returns a new state of this engine with copies of the tensors. */
  state(tensors: HostTensors): State;
  /** Frees what the engine holds. */
  dispose(): void;
}

/** Returns a state's tensor by name. @throws RangeError if the state has no such tensor. */
export function stateTensor<Tensor>(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) {
    throw new RangeError(`The state has no tensor "${name}": upload it before the run`);
  }
  return tensor;
}
