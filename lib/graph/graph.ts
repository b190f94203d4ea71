/** The recorded graph: static shapes, single assignment, nodes in an order that can be run. */
import type * as tf from "@tensorflow/tfjs";

/** Element types inside a graph (tfjs's, without strings and complex numbers). */
export type ElementType = "float32" | "int32" | "bool";

/** One tensor of a graph: the output of a node, an input, or a constant. */
export interface Value {
  /** Its number in the recording. */
  readonly id: number;
  /** Sizes of its dimensions; [] for a number. */
  readonly shape: readonly number[];
  /** Type of its elements. */
  readonly dtype: ElementType;
}

/** Attributes of a node, as tfjs gives them to a kernel. */
export type Attributes = Readonly<Record<string, unknown>>;

/** One operation of the table in operations.ts. */
export interface Node {
  /** Its row in the table. */
  readonly op: string;
  /** Tensors that it reads, by tfjs's names. */
  readonly inputs: Readonly<Record<string, Value>>;
  /** Everything else that it depends on. */
  readonly attributes: Attributes;
  /** Tensors that it makes. */
  readonly outputs: readonly Value[];
}

/** Tensors by name, as a step function takes and returns them. */
export type Tensors = Record<string, tf.Tensor>;

/** The results of a step: new values of state tensors (by the state's names), and outputs for the caller. */
export interface StepResult {
  /** New values of state tensors. */
  readonly state: Tensors;
  /** Tensors for the caller. */
  readonly outputs: Tensors;
}

/** A pure function of tensors written in tfjs operations. */
export type StepFunction = (inputs: Tensors) => StepResult;

/** Shape and type of an input. */
export interface Signature {
  /** Sizes of its dimensions. */
  readonly shape: readonly number[];
  /** Type of its elements. */
  readonly dtype: "float32" | "int32";
}

/** Nodes between named inputs and named results. */
export interface GraphBody {
  /** Name in messages and profiles. */
  readonly name: string;
  /** Tensors of the engine's state that the graph reads, by name. */
  readonly state: ReadonlyMap<string, Value>;
  /** Tensors given at each run, by name. */
  readonly feeds: ReadonlyMap<string, Value>;
  /** Values known when recording. */
  readonly constants: ReadonlyMap<Value, ArrayBufferView>;
  /** Nodes in an order that can be run. */
  readonly nodes: readonly Node[];
  /** New values of state tensors, by name. */
  readonly updates: ReadonlyMap<string, Value>;
  /** Values returned to the caller, by name. */
  readonly outputs: ReadonlyMap<string, Value>;
}

/** A step function recorded for one set of shapes. */
export interface Graph extends GraphBody {
  /** The function that was recorded; the reference engine calls it instead of running the nodes. */
  readonly source: StepFunction;
}

/** Returns all values that a node reads, in a fixed order. */
export function inputsOf(node: Node): Value[] {
  return Object.values(node.inputs);
}

/** Returns the number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Returns a tfjs type as a graph's. @throws TypeError for string and complex64. */
export function elementType(dtype: tf.DataType): ElementType {
  if (dtype === "float32" || dtype === "int32" || dtype === "bool") return dtype;
  throw new TypeError(`Cannot record a tensor of type ${dtype}: expected float32, int32 or bool`);
}

/** Returns the nodes and constants that some result depends on. */
export function live(
  { nodes, constants }: Pick<GraphBody, "nodes" | "constants">,
  results: Iterable<Value>,
): Pick<GraphBody, "nodes" | "constants"> {
  const used = new Set<Value>(results);
  const kept: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => used.has(output))) continue;
    kept.push(node);
    for (const input of inputsOf(node)) used.add(input);
  }
  return { nodes: kept.reverse(), constants: new Map([...constants].filter(([value]) => used.has(value))) };
}
