/** The recorded graph: static shapes, single assignment, nodes in an order that can be run. */
import type { DataType, Tensor } from "@tensorflow/tfjs";

/** Element types inside a graph (tfjs's, without strings and complex numbers). */
export type ElementType = "float32" | "int32" | "bool";

/** One tensor of a graph: the output of a node, an input, or a constant. */
export interface Value {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: ElementType;
}

/** Attributes of a node, as tfjs gives them to a kernel. */
export type Attributes = Readonly<Record<string, unknown>>;

/** One operation of the table in operations.ts. */
export interface Node {
  readonly op: string;
  readonly inputs: Readonly<Record<string, Value | readonly Value[]>>;
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
}

/** What a step function is given and gives back: tensors by name. */
export type Tensors = Record<string, Tensor>;

/** The results of a step: new values of state tensors (by the state's names), and what is returned to the caller. */
export interface StepResult {
  readonly state: Tensors;
  readonly outputs: Tensors;
}

/** A pure function of tensors written in tfjs operations. */
export type StepFunction = (inputs: Tensors) => StepResult;

/** Shape and type of an input. */
export interface Signature {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
}

/** A step function recorded for one set of shapes. */
export interface Graph {
  readonly name: string;
  /** Tensors of the engine's state that the graph reads, by name. */
  readonly state: ReadonlyMap<string, Value>;
  /** Tensors given at each run, by name. */
  readonly feeds: ReadonlyMap<string, Value>;
  readonly constants: ReadonlyMap<Value, ArrayBufferView>;
  readonly nodes: readonly Node[];
  /** New values of state tensors, by name. */
  readonly updates: ReadonlyMap<string, Value>;
  /** Values returned to the caller, by name. */
  readonly outputs: ReadonlyMap<string, Value>;
  /** The function that was recorded; the reference engine calls it instead of running the nodes. */
  readonly source: StepFunction;
}

/** All values a node reads, in a fixed order. */
export function inputsOf(node: Node): Value[] {
  return Object.values(node.inputs).flat() as Value[];
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** @throws TypeError for tfjs's string and complex64. */
export function elementType(dtype: DataType): ElementType {
  if (dtype === "float32" || dtype === "int32" || dtype === "bool") return dtype;
  throw new TypeError(`Cannot record a tensor of type ${dtype}: expected float32, int32 or bool`);
}
