/**
 * StableHLO rules of the tfjs kernels; the rules of our own operations are in composites.ts. A rule gets the tensors
 * that the kernel reads, adds operations to the emitter and returns their results.
 */
import { type ElementType, sizeOf, type Value } from "../graph.ts";
import { axesOf, broadcastShapes, sliceExtent } from "../shapes.ts";
import { isClass, softmaxOf } from "./composites.ts";
import type { ElementText, Operand, StablehloEmitter } from "./emitter.ts";

export * from "./attention.ts";
export * from "./composites.ts";
export * from "./lstm.ts";

type Inputs = Record<string, Operand>;
type Outputs = readonly Value[];

/** Names of the graph's element types in a module. */
export const elementTexts: Readonly<Record<ElementType, ElementText>> = {
  float32: "f32",
  int32: "i32",
  bool: "i1",
};

/** Makes a rule of one operation with two inputs. */
export function binary(op: string) {
  return (emit: StablehloEmitter, { a, b }: Inputs): Operand => emit.binary(op, a!, b!);
}

/** Makes the rule of a comparison. */
export function compare(direction: string) {
  return (emit: StablehloEmitter, { a, b }: Inputs): Operand => emit.compare(direction, a!, b!);
}

/** Makes a rule of one operation with one input. */
export function unary(op: string) {
  return (emit: StablehloEmitter, inputs: Inputs): Operand => emit.unary(op, Object.values(inputs)[0]!);
}

/** (a − b)². */
export function squaredDifference(emit: StablehloEmitter, { a, b }: Inputs): Operand {
  const difference = emit.subtract(a!, b!);
  return emit.multiply(difference, difference);
}

/** x². */
export function square(emit: StablehloEmitter, { x }: Inputs): Operand {
  return emit.multiply(x!, x!);
}

/** 1 / x. */
export function reciprocal(emit: StablehloEmitter, { x }: Inputs): Operand {
  return emit.binary("divide", 1, x!);
}

/** max(x, 0). */
export function relu(emit: StablehloEmitter, { x }: Inputs): Operand {
  return emit.binary("maximum", x!, 0);
}

/** The error function; CHLO's, as StableHLO has none. */
export function erf(emit: StablehloEmitter, { x }: Inputs): Operand {
  return emit.erf(x!);
}

/** x > 0 ? 1 : alpha. */
export function step(emit: StablehloEmitter, { x }: Inputs, { alpha }: { alpha?: number }): Operand {
  const positive = emit.compare("GT", x!, 0);
  return emit.select(positive, emit.constant(1, x!.type, x!.shape), alpha ?? 0);
}

/** A constant everywhere, shaped like the input. */
export function splat(value: number) {
  return (emit: StablehloEmitter, _: Inputs, _attributes: unknown, [output]: Outputs): Operand =>
    emit.constant(value, elementTexts[output!.dtype], output!.shape);
}

/** A constant everywhere. */
export function fill(
  emit: StablehloEmitter,
  _: Inputs,
  { value }: { value: number },
  [output]: Outputs,
): Operand {
  return emit.constant(value, elementTexts[output!.dtype], output!.shape);
}

/** Converts to another element type; as a boolean, everything but 0 is true. */
export function cast(emit: StablehloEmitter, { x }: Inputs, { dtype }: { dtype: ElementType }): Operand {
  if (dtype === "bool" && x!.type !== "i1") return emit.compare("NE", x!, 0);
  return emit.convert(x!, elementTexts[dtype]);
}

/** The same elements in another shape. */
export function reshape(emit: StablehloEmitter, inputs: Inputs, _: unknown, [output]: Outputs): Operand {
  return emit.reshape(Object.values(inputs)[0]!, output!.shape);
}

/** Axes in another order. */
export function transpose(emit: StablehloEmitter, { x }: Inputs, { perm }: { perm: number[] }): Operand {
  return emit.transpose(x!, perm);
}

/** Cuts out a block. */
export function slice(
  emit: StablehloEmitter,
  { x }: Inputs,
  attributes: { begin: number[]; size: number[] },
): Operand {
  const { begin, size } = sliceExtent(x!.shape, attributes);
  return emit.slice(x!, begin, size);
}

/** Joins tensors along an axis. */
export function concat(emit: StablehloEmitter, inputs: Inputs, { axis }: { axis: number }): Operand {
  return emit.concatenate(Object.values(inputs), axis);
}

/** Cuts into pieces along an axis. */
export function split(
  emit: StablehloEmitter,
  { x }: Inputs,
  { axis }: { axis: number },
  outputs: Outputs,
): Operand[] {
  let start = 0;
  return outputs.map(({ shape }) => {
    const piece = emit.slice(x!, x!.shape.map((_, i) => i === axis ? start : 0), shape);
    start += shape[axis]!;
    return piece;
  });
}

/** Puts a constant around a tensor. */
export function pad(
  emit: StablehloEmitter,
  { x }: Inputs,
  { paddings, constantValue }: { paddings: [number, number][]; constantValue?: number },
): Operand {
  return emit.pad(x!, constantValue ?? 0, paddings);
}

/** Repeats along each axis: [d, …] as [1, d, …], broadcast to [r, d, …], joined to [r·d, …]. */
export function tile(emit: StablehloEmitter, { x }: Inputs, { reps }: { reps: number[] }): Operand {
  const pairs = x!.shape.flatMap((size, axis) => [reps[axis]!, size]);
  const repeated = emit.broadcastAlong(x!, pairs, x!.shape.map((_, axis) => 2 * axis + 1));
  return emit.reshape(repeated, x!.shape.map((size, axis) => size * reps[axis]!));
}

/** condition ? t : e. */
export function select(emit: StablehloEmitter, { condition, t, e }: Inputs): Operand {
  return emit.select(condition!, t!, e!);
}

/** indices compared with 0, 1, …, depth − 1. */
export function oneHot(
  emit: StablehloEmitter,
  { indices }: Inputs,
  { onValue, offValue }: { onValue: number; offValue: number },
  [output]: Outputs,
): Operand {
  const type = elementTexts[output!.dtype];
  const chosen = isClass(emit, indices!, output!.shape);
  return emit.select(chosen, emit.constant(onValue, type), offValue);
}

/** Slices along an axis, by index. */
export function gather(emit: StablehloEmitter, { x, indices }: Inputs, { axis }: { axis: number }): Operand {
  return emit.gather(x!, indices!, axis);
}

/** x [R, …] added up into [S, …] by segment. */
export function segmentSum(
  emit: StablehloEmitter,
  { x, segmentIds }: Inputs,
  { numSegments }: { numSegments: number },
): Operand {
  return emit.scatterAdd(x!, segmentIds!, numSegments);
}

type Reduction = { axis?: number | number[]; keepDims?: boolean };

/** Sums over axes; `true` counts as 1. */
export function sum(emit: StablehloEmitter, { x }: Inputs, { axis, keepDims: keep }: Reduction): Operand {
  return emit.reduce("add", x!.type === "i1" ? emit.convert(x!, "i32") : x!, axis, { keep });
}

/** The sum over axes divided by the number of elements summed. */
export function mean(emit: StablehloEmitter, inputs: Inputs, attributes: Reduction): Operand {
  const { shape } = inputs.x!;
  const count = sizeOf(axesOf(attributes.axis, shape.length).map((axis) => shape[axis]!));
  return emit.multiply(sum(emit, inputs, attributes), 1 / count);
}

/** The largest element over axes. */
export function maximum(
  emit: StablehloEmitter,
  { x }: Inputs,
  { reductionIndices, keepDims: keep }: { reductionIndices?: number | number[]; keepDims?: boolean },
): Operand {
  return emit.reduce("maximum", x!, reductionIndices, { keep });
}

/** The place of the largest element along an axis; of equal ones the first. */
export function argMax(emit: StablehloEmitter, { x }: Inputs, { axis: given }: { axis: number }): Operand {
  const [axis] = axesOf(given, x!.shape.length);
  const largest = emit.compare("EQ", x!, emit.reduce("maximum", x!, axis, { keep: true }));
  const places = emit.iota(x!.shape, axis!);
  return emit.reduce("minimum", emit.select(largest, places, x!.shape[axis!]!), axis);
}

/** Softmax over the last axis. */
export function softmax(emit: StablehloEmitter, { logits }: Inputs): Operand {
  return softmaxOf(emit, logits!);
}

/** The sum of several tensors. */
export function addN(emit: StablehloEmitter, inputs: Inputs): Operand {
  return Object.values(inputs).reduce((sum, x) => emit.add(sum, x));
}

/** Products of stacks of matrices; for a transposed factor only the axis summed over differs. */
export function matMul(
  emit: StablehloEmitter,
  { a, b }: Inputs,
  { transposeA, transposeB }: { transposeA?: boolean; transposeB?: boolean },
): Operand {
  const stack = broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
  const left = emit.broadcast(a!, [...stack, ...a!.shape.slice(-2)]);
  const right = emit.broadcast(b!, [...stack, ...b!.shape.slice(-2)]);
  const axes = stack.map((_, axis) => axis);
  const rank = stack.length;
  return emit.dot(left, right, {
    batch: [axes, axes],
    contract: [[rank + (transposeA ? 0 : 1)], [rank + (transposeB ? 1 : 0)]],
  });
}
