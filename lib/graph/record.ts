/**
 * Recording: a tfjs backend whose kernels compute nothing. Each kernel infers the shapes of its outputs and appends
 * a node; tfjs's own automatic differentiation runs on top of it, so the gradient's kernels are recorded as well.
 */
import * as tf from "@tensorflow/tfjs";
import {
  type Attributes,
  type ElementType,
  elementType,
  type Graph,
  live,
  type Node,
  type Signature,
  sizeOf,
  type StepFunction,
  type Tensors,
  type Value,
} from "./graph.ts";
import { type Operation, operations } from "./operations.ts";
import { callback, having, requireArguments } from "../storage/arguments.ts";
import { text } from "../storage/json.ts";

/** Most elements that a constant may have; a larger one made in JavaScript is almost surely a frozen random mask. */
const largestConstant = 4096;

/** Pattern of the stack frames of tfjs's random numbers. */
const randomNumbers = /\bat (rand\w*|truncatedNormal|dropout)_ .*\/@tensorflow\//;

type DataId = tf.Tensor["dataId"];

/** Stack frames kept while recording: V8's default of ten does not reach through tfjs. */
const stackDepth = 100;

const ownFolder = new URL(".", import.meta.url).href;

/** Returns the line of the caller's code behind an error: the stack's first outside of tfjs and of this folder. */
function place({ stack }: Error = new Error()): string {
  const foreign = (line: string) =>
    [ownFolder, "/@tensorflow/", "ext:", "node:"].some((own) => line.includes(own));
  const frame = stack?.split("\n").find((line) => /^ +at .*:\d+:\d+\)?$/.test(line) && !foreign(line));
  return frame ? ` at ${frame.trim().replace(/^at /, "").replace(/file:\/\/\S*\//, "")}` : "";
}

class Recorder extends tf.KernelBackend {
  nodes: Node[] = [];
  constants = new Map<Value, ArrayBufferView>();
  #values = new WeakMap<object, Value>();
  #producers = new Map<Value, string>();
  #next = 0;
  /** The error of reading a value, which a function that awaits the value hides in a promise. */
  refusal?: Error;

  start(): void {
    this.refusal = undefined;
    this.nodes = [];
    this.constants = new Map();
    this.#values = new WeakMap();
    this.#producers = new Map();
    this.#next = 0;
  }

  /** Makes a new value and the data id by which tfjs refers to it. */
  create(shape: readonly number[], dtype: ElementType, producer: string): { value: Value; dataId: DataId } {
    const value: Value = { id: this.#next++, shape, dtype };
    const dataId = {};
    this.#values.set(dataId, value);
    this.#producers.set(value, producer);
    return { value, dataId };
  }

  placeholder(name: string, { shape, dtype }: Signature): { value: Value; tensor: tf.Tensor } {
    const { value, dataId } = this.create(shape, dtype, `input "${name}"`);
    return { value, tensor: tf.engine().makeTensorFromDataId(dataId, [...shape], dtype, this) };
  }

  recorded(tensor: { dataId: DataId }, user: string): Value {
    const value = this.#values.get(tensor.dataId);
    if (value) return value;
    throw new TypeError(
      `Cannot record ${user}${place()}: it uses a tensor that was made outside of the recorded function; ` +
        "pass it in as an input, or make it inside",
    );
  }

  /** Makes another name for a value, as a clone in tfjs is. */
  alias(value: Value): tf.TensorInfo {
    const dataId = {};
    this.#values.set(dataId, value);
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  append(op: string, inputs: Node["inputs"], attributes: Attributes): tf.TensorInfo[] {
    const operation = operations[op as keyof typeof operations] as Operation;
    const outputs = operation.infer(inputs as Record<string, Value>, attributes).map(({ shape, dtype }) => ({
      ...this.create(shape, dtype, op),
      shape,
      dtype,
    }));
    this.nodes.push({ op, inputs, attributes, outputs: outputs.map(({ value }) => value) });
    return outputs.map(({ dataId, shape, dtype }) => ({ dataId, shape: [...shape], dtype }));
  }

  #refuseToRead(dataId: DataId): never {
    const value = this.#values.get(dataId);
    const producer = value ? this.#producers.get(value) : "a tensor";
    this.refusal = new TypeError(
      `Cannot read the value of ${producer}${place()}: nothing has been computed while a step is recorded; ` +
        "return the tensor from the step and read it there",
    );
    throw this.refusal;
  }

  override readSync(dataId: DataId): never {
    this.#refuseToRead(dataId);
  }

  override read(dataId: DataId): never {
    this.#refuseToRead(dataId);
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): DataId {
    const type = elementType(dtype);
    const array = values as ArrayLike<number>;
    const first = Number(array[0] ?? 0);
    const size = sizeOf(shape);
    const made = new Error();
    if (randomNumbers.test(made.stack ?? "")) {
      throw new TypeError(
        `Cannot record random numbers [${shape}]${
          place(made)
        }: they would be the same at every step; use dropout() ` +
          "with a key, or pass the tensor in as an input",
      );
    }
    let splat = size > 1;
    for (let i = 1; i < size && splat; i++) splat = Number(array[i]) === first;
    if (splat) {
      return this.append("Fill", {}, { shape, value: first, dtype: type })[0]!.dataId;
    }
    if (size > largestConstant) {
      throw new TypeError(
        `Cannot record a constant of ${size} elements [${shape}] made in JavaScript${place(made)}: at most ` +
          `${largestConstant} are expected, and random numbers would be the same at every step; use dropout() ` +
          "with a key, or pass the tensor in as an input",
      );
    }
    const { value, dataId } = this.create(shape, type, "a constant");
    this.constants.set(value, type === "float32" ? Float32Array.from(array) : Int32Array.from(array));
    return dataId;
  }

  override move(): never {
    throw new TypeError(
      `Cannot use a tensor of another backend while recording${place()}: pass it in as an input`,
    );
  }

  override numDataIds(): number {
    return this.#next;
  }
  override disposeData(): boolean {
    return true;
  }
  override incRef(): void {}
  decRef(): void {}
  override refCount(): number {
    return 1;
  }
  override dispose(): void {}
  override floatPrecision(): 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7;
  }
  override timerAvailable(): boolean {
    return false;
  }
}

const backendName = "recorder";
let recorder: Recorder | undefined;

function theRecorder(): Recorder {
  if (recorder) return recorder;
  const made = new Recorder();
  recorder = made;
  tf.registerBackend(backendName, () => made, 0);
  tf.registerKernel({
    kernelName: "Identity",
    backendName,
    kernelFunc: ({ inputs }) => made.alias(made.recorded(inputs.x!, "Identity")),
  });
  for (const kernelName of Object.keys(operations)) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) => {
        const given = Object.entries(inputs).filter(([, tensor]) => tensor);
        const values = given.map(([name, tensor]) => [name, made.recorded(tensor!, kernelName)]);
        const outputs = made.append(kernelName, Object.fromEntries(values), (attrs ?? {}) as Attributes);
        return outputs.length > 1 ? outputs : outputs[0]!;
      },
    });
  }
  return made;
}

/** Sets tfjs's backend, at once if its factory is synchronous; the promise is only its interface. */
function useBackend(name: string): void {
  void tf.setBackend(name);
}

/**
 * Records a step function for one set of shapes.
 *
 * @param name Names the program in messages and profiles.
 * @param inputs Tensors of the engine's state that the function reads, and those fed at each run.
 * @throws TypeError naming the operation and the place when the function reads a value, uses an operation that
 * operations.ts does not have, freezes a large constant, or uses a tensor from outside.
 */
export function record(
  name: string,
  inputs: { state: Record<string, Signature>; feeds: Record<string, Signature> },
  source: StepFunction,
): Graph {
  requireArguments("record", {
    name: [name, text],
    inputs: [inputs, having("an object with state and feeds", "state", "feeds")],
    source: [source, callback],
  });
  const previous = tf.getBackend();
  const { stackTraceLimit } = Error;
  const recorder = theRecorder();
  recorder.start();
  Error.stackTraceLimit = stackDepth;
  useBackend(backendName);
  tf.engine().startScope();
  try {
    const state = new Map<string, Value>();
    const feeds = new Map<string, Value>();
    const tensors: Tensors = {};
    for (const [kind, signatures] of [[state, inputs.state], [feeds, inputs.feeds]] as const) {
      for (const [name, signature] of Object.entries(signatures)) {
        const { value, tensor } = recorder.placeholder(name, signature);
        kind.set(name, value);
        tensors[name] = tensor;
      }
    }
    const result = source(tensors);
    if (result instanceof Promise) {
      result.catch(() => {}); // its error is thrown below
      throw recorder.refusal ??
        new TypeError(
          `Cannot record ${name}: expected a function that returns its results, found an async one`,
        );
    }
    const valuesOf = (tensors: Tensors) =>
      new Map(
        Object.entries(tensors).map(([name, tensor]) => [name, recorder.recorded(tensor, `"${name}"`)]),
      );
    const updates = valuesOf(result.state);
    const outputs = valuesOf(result.outputs);
    for (const [update, value] of updates) {
      const old = state.get(update);
      if (!old) {
        throw new TypeError(`Cannot update "${update}" in ${name}: it is not among the state's inputs`);
      }
      if (old.shape.join() !== value.shape.join()) {
        throw new TypeError(
          `Cannot update "${update}" of shape [${old.shape}] in ${name} with a tensor of shape [${value.shape}]`,
        );
      }
    }
    const { nodes, constants } = live(recorder, [...updates.values(), ...outputs.values()]);
    return { name, state, feeds, constants, nodes, updates, outputs, source };
  } catch (error) {
    if (error instanceof Error && /Kernel '(\w+)' not registered/.test(error.message)) {
      const op = /Kernel '(\w+)' not registered/.exec(error.message)![1];
      throw new TypeError(
        `Cannot record the tfjs operation ${op}${
          place(error)
        }: lib/graph/operations.ts has no row for it; add one ` +
          "(CONTRIBUTING.md says how) or write the step without it",
        { cause: error },
      );
    }
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    tf.engine().endScope();
    useBackend(previous || "cpu");
  }
}
