/**
 * ONNX rules of the tfjs kernels; the rules of our own operations are in composites.ts. A rule adds nodes to the
 * emitter and returns the names of its outputs. Choices that look odd are measured ones: see LOG.md.
 */
import { type ElementType, sizeOf, type Value } from "../graph.ts";
import type { OnnxEmitter } from "./emitter.ts";
import { elementTypes } from "./proto.ts";
import { axesOf, sliceExtent } from "../shapes.ts";

export * from "./composites.ts";
export * from "./lstm.ts";

type Inputs = Record<string, Value>;
type Outputs = readonly Value[];

/** Makes a rule of one node with two inputs. */
export function binary(op: string) {
  return (emit: OnnxEmitter, { a, b }: Inputs): string => emit.node(op, [a!, b!]);
}

/** Makes a rule of one node with one input. */
export function unary(op: string) {
  return (emit: OnnxEmitter, inputs: Inputs): string => emit.node(op, [Object.values(inputs)[0]!]);
}

/** (a − b)². */
export function squaredDifference(emit: OnnxEmitter, { a, b }: Inputs): string {
  const difference = emit.node("Sub", [a!, b!]);
  return emit.mul(difference, difference);
}

/** x². */
export function square(emit: OnnxEmitter, { x }: Inputs): string {
  return emit.mul(x!, x!);
}

/** 1 / √x. */
export function rsqrt(emit: OnnxEmitter, { x }: Inputs): string {
  return emit.node("Reciprocal", [emit.node("Sqrt", [x!])]);
}

/** x > 0 ? 1 : alpha. */
export function step(emit: OnnxEmitter, { x }: Inputs, { alpha }: { alpha?: number }): string {
  const positive = emit.node("Greater", [x!, emit.scalar(0)]);
  return emit.node("Where", [positive, emit.scalar(1), emit.scalar(alpha ?? 0)]);
}

function constantOf(emit: OnnxEmitter, value: number, { shape, dtype }: Value): string {
  const one = emit.constant([value], dtype, [1]);
  return shape.length === 0
    ? emit.constant([value], dtype, [])
    : sizeOf(shape) === 1
    ? emit.constant([value], dtype, shape)
    : emit.node("Expand", [one, emit.int64(shape)]);
}

/** A constant everywhere, shaped like the input. */
export function splat(value: number) {
  return (emit: OnnxEmitter, _: Inputs, _attributes: unknown, [output]: Outputs): string =>
    constantOf(emit, value, output!);
}

/** A constant everywhere. */
export function fill(emit: OnnxEmitter, _: Inputs, { value }: { value: number }, [output]: Outputs): string {
  return constantOf(emit, value, output!);
}

/** Converts to another element type. */
export function cast(emit: OnnxEmitter, { x }: Inputs, { dtype }: { dtype: ElementType }): string {
  return x!.dtype === dtype ? emit.name(x!) : emit.node("Cast", [x!], { to: elementTypes[dtype] });
}

/** The same elements in another shape. */
export function reshape(emit: OnnxEmitter, inputs: Inputs, _: unknown, [output]: Outputs): string {
  const x = Object.values(inputs)[0]!;
  if (x.shape.join() === output!.shape.join()) return emit.name(x);
  return emit.reshape(x, output!.shape);
}

/** Axes in another order. */
export function transpose(emit: OnnxEmitter, { x }: Inputs, { perm }: { perm: number[] }): string {
  return emit.node("Transpose", [x!], { perm });
}

/** Cuts out a block. */
export function slice(
  emit: OnnxEmitter,
  { x }: Inputs,
  attributes: { begin: number[]; size: number[] },
): string {
  const { begin, size } = sliceExtent(x!.shape, attributes);
  const axes = x!.shape.map((_, axis) => axis).filter((axis) => size[axis] !== x!.shape[axis]);
  if (axes.length === 0) return emit.name(x!);
  return emit.node("Slice", [
    x!,
    emit.int64(axes.map((axis) => begin[axis]!)),
    emit.int64(axes.map((axis) => begin[axis]! + size[axis]!)),
    emit.int64(axes),
  ]);
}

/** Joins tensors along an axis. */
export function concat(emit: OnnxEmitter, inputs: Inputs, { axis }: { axis: number }): string {
  return emit.node("Concat", Object.values(inputs), { axis });
}

/** Cuts into pieces along an axis. */
export function split(
  emit: OnnxEmitter,
  { x }: Inputs,
  { axis }: { axis: number },
  outputs: Outputs,
): string[] {
  const sizes = emit.int64(outputs.map(({ shape }) => shape[axis]!));
  return emit.several("Split", [x!, sizes], outputs.length, { axis });
}

/** Puts a constant around a tensor. */
export function pad(
  emit: OnnxEmitter,
  { x }: Inputs,
  { paddings, constantValue }: { paddings: [number, number][]; constantValue?: number },
): string {
  const pads = emit.int64([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
  return emit.node("Pad", [x!, pads, emit.constant([constantValue ?? 0], x!.dtype, [])]);
}

/** Repeats along each axis. */
export function tile(emit: OnnxEmitter, { x }: Inputs, { reps }: { reps: number[] }): string {
  return emit.node("Tile", [x!, emit.int64(reps)]);
}

/** condition ? t : e. */
export function select(emit: OnnxEmitter, { condition, t, e }: Inputs): string {
  return emit.node("Where", [condition!, t!, e!]);
}

/** indices compared with 0, 1, …, depth − 1. */
export function oneHot(
  emit: OnnxEmitter,
  { indices }: Inputs,
  { depth, onValue, offValue, dtype }: {
    depth: number;
    onValue: number;
    offValue: number;
    dtype?: ElementType;
  },
): string {
  const classes = emit.constant(Array.from({ length: depth }, (_, i) => i), "int32");
  const column = emit.node("Unsqueeze", [indices!, emit.int64([-1])]);
  const type = dtype ?? "int32";
  return emit.node("Where", [
    emit.node("Equal", [column, classes]),
    emit.constant([onValue], type, []),
    emit.constant([offValue], type, []),
  ]);
}

/** Slices along an axis, by index. */
export function gather(emit: OnnxEmitter, { x, indices }: Inputs, { axis }: { axis: number }): string {
  return emit.node("Gather", [x!, indices!], { axis });
}

/** x [R, …] added up into [S, …] by segment. */
export function segmentSum(
  emit: OnnxEmitter,
  { x, segmentIds }: Inputs,
  _: unknown,
  [output]: Outputs,
): string {
  return emit.scatterRows(x!, segmentIds!, output!.shape);
}

/** Sums over leading or trailing axes are products with a vector of ones, which use both cores; others ReduceSum. */
export function sum(
  emit: OnnxEmitter,
  { x }: Inputs,
  { axis, keepDims }: { axis?: number | number[]; keepDims?: boolean },
  [output]: Outputs,
): string {
  return reduceBy(emit, x!, axesOf(axis, x!.shape.length), keepDims ?? false, output!, 1);
}

/** The sum over axes divided by the number of elements summed. */
export function mean(
  emit: OnnxEmitter,
  { x }: Inputs,
  { axis, keepDims }: { axis?: number | number[]; keepDims?: boolean },
  [output]: Outputs,
): string {
  const axes = axesOf(axis, x!.shape.length);
  const count = sizeOf(axes.map((axis) => x!.shape[axis]!));
  return reduceBy(emit, x!, axes, keepDims ?? false, output!, 1 / count);
}

function reduceBy(
  emit: OnnxEmitter,
  x: Value,
  axes: number[],
  keepDims: boolean,
  output: Value,
  factor: number,
): string {
  const rank = x.shape.length;
  const reduced = sizeOf(axes.map((axis) => x.shape[axis]!));
  const kept = sizeOf(x.shape) / reduced;
  if (reduced === 1 && factor === 1) return reshape(emit, { x }, undefined, [output]);
  const leading = axes.every((axis, i) => axis === i);
  const trailing = axes.every((axis, i) => axis === rank - axes.length + i);
  if (x.dtype !== "float32" || !(leading || trailing)) {
    const numbers = x.dtype === "bool" ? emit.node("Cast", [x], { to: elementTypes.int32 }) : x;
    const total = emit.node("ReduceSum", [numbers, emit.int64(axes)], { keepdims: keepDims ? 1 : 0 });
    return factor === 1 ? total : emit.mul(total, emit.scalar(factor));
  }
  const ones = emit.filled(factor, [reduced]);
  const matrix = emit.reshape(x, leading ? [reduced, kept] : [kept, reduced]);
  const vector = emit.node("MatMul", leading ? [ones, matrix] : [matrix, ones]);
  return emit.reshape(vector, output.shape);
}

/** The largest element over axes. */
export function maximum(
  emit: OnnxEmitter,
  { x }: Inputs,
  { reductionIndices, keepDims }: { reductionIndices?: number | number[]; keepDims?: boolean },
): string {
  const axes = emit.int64(axesOf(reductionIndices, x!.shape.length));
  return emit.node("ReduceMax", [x!, axes], { keepdims: keepDims ? 1 : 0 });
}

/** The place of the largest element along an axis; of equal ones the first. */
export function argMax(emit: OnnxEmitter, { x }: Inputs, { axis }: { axis: number }): string {
  return emit.node("Cast", [emit.node("ArgMax", [x!], { axis, keepdims: 0 })], {
    to: elementTypes.int32,
  });
}

/** Softmax over the last axis. */
export function softmax(emit: OnnxEmitter, { logits }: Inputs): string {
  return emit.node("Softmax", [logits!], { axis: -1 });
}

/** Products of matrices: Gemm for two of them, FusedMatMul for stacks, so that no transpose is copied. */
export function matMul(
  emit: OnnxEmitter,
  { a, b }: Inputs,
  { transposeA, transposeB }: { transposeA?: boolean; transposeB?: boolean },
): string {
  const transA = transposeA ? 1 : 0;
  const transB = transposeB ? 1 : 0;
  if (a!.shape.length === 2 && b!.shape.length === 2) return emit.node("Gemm", [a!, b!], { transA, transB });
  return emit.product(a!, b!, { rank: a!.shape.length, transA, transB });
}

/** The sum of several tensors. */
export function addN(emit: OnnxEmitter, inputs: Inputs): string {
  return emit.node("Sum", Object.values(inputs));
}
