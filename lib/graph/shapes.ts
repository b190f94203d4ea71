/** Shape rules: shapes and types of a tfjs kernel's outputs from those of its inputs. */
import { type ElementType, sizeOf, type Value } from "./graph.ts";

/** Shape and type of one output. */
export interface Output {
  readonly shape: readonly number[];
  readonly dtype: ElementType;
}

type Inputs = Record<string, Value>;

/** Returns the shape that these broadcast to: aligned at the right, a dimension of 1 repeats. */
export function broadcastShapes(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const size = sizes.find((size) => size !== 1) ?? 1;
    if (sizes.some((other) => other !== 1 && other !== size)) {
      throw new RangeError(`Cannot broadcast shapes ${shapes.map((shape) => `[${shape}]`).join(" and ")}`);
    }
    return size;
  });
}

/** Returns axes as non-negative numbers in rising order; all of them if none are given. */
export function axesOf(axis: number | number[] | null | undefined, rank: number): number[] {
  const axes = axis === undefined || axis === null
    ? Array.from({ length: rank }, (_, i) => i)
    : [axis].flat();
  return axes.map((axis) => axis < 0 ? axis + rank : axis).sort((a, b) => a - b);
}

/** Element-wise with broadcasting. */
export function broadcast({ a, b }: Inputs): Output[] {
  return [{ shape: broadcastShapes(a!.shape, b!.shape), dtype: a!.dtype }];
}

/** Comparison with broadcasting. */
export function compare({ a, b }: Inputs): Output[] {
  return [{ shape: broadcastShapes(a!.shape, b!.shape), dtype: "bool" }];
}

/** One input, same shape and type. */
export function same(inputs: Inputs): Output[] {
  const x = Object.values(inputs)[0]!;
  return [{ shape: x.shape, dtype: x.dtype }];
}

/** A tensor of the input "x"'s shape and the type in the attribute. */
export function cast({ x }: Inputs, { dtype }: { dtype: ElementType }): Output[] {
  return [{ shape: x!.shape, dtype }];
}

/** Sum and mean over axes. */
export function reduce(
  { x }: Inputs,
  attributes: { axis?: number | number[]; keepDims?: boolean },
): Output[] {
  const axes = axesOf(attributes.axis, x!.shape.length);
  const shape = attributes.keepDims
    ? x!.shape.map((size, axis) => axes.includes(axis) ? 1 : size)
    : x!.shape.filter((_, axis) => !axes.includes(axis));
  return [{ shape, dtype: x!.dtype === "bool" ? "int32" : x!.dtype }];
}

/** Maximum over axes, which are a differently named attribute in tfjs. */
export function maximum(
  inputs: Inputs,
  { reductionIndices: axis, keepDims }: { reductionIndices?: number | number[]; keepDims?: boolean },
): Output[] {
  return reduce(inputs, { axis, keepDims });
}

/** Place of the largest element along an axis. */
export function argMax(inputs: Inputs, { axis }: { axis: number }): Output[] {
  return [{ ...reduce(inputs, { axis })[0]!, dtype: "int32" }];
}

/** [..., M, K] × [..., K, N]. */
export function matMul(
  { a, b }: Inputs,
  attributes: { transposeA?: boolean; transposeB?: boolean },
): Output[] {
  const rows = a!.shape.at(attributes.transposeA ? -1 : -2)!;
  const columns = b!.shape.at(attributes.transposeB ? -2 : -1)!;
  return [{
    shape: [...broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2)), rows, columns],
    dtype: "float32",
  }];
}

/** Another shape, with one dimension −1 at most, which is computed. */
export function reshape({ x }: Inputs, { shape }: { shape: number[] }): Output[] {
  const known = sizeOf(shape.filter((size) => size !== -1));
  const resolved = shape.map((size) => size === -1 ? sizeOf(x!.shape) / known : size);
  return [{ shape: resolved, dtype: x!.dtype }];
}

/** A new dimension of 1 at an axis. */
export function expandDims({ input }: Inputs, { dim }: { dim: number }): Output[] {
  const at = dim < 0 ? input!.shape.length + 1 + dim : dim;
  return [{ shape: input!.shape.toSpliced(at, 0, 1), dtype: input!.dtype }];
}

/** Axes in another order. */
export function transpose({ x }: Inputs, { perm }: { perm: number[] }): Output[] {
  return [{ shape: perm.map((axis) => x!.shape[axis]!), dtype: x!.dtype }];
}

/** Returns begin and size of a slice; a size of −1 goes up to the end. */
export function sliceExtent(
  shape: readonly number[],
  { begin, size }: { begin: number | number[]; size: number | number[] },
): { begin: number[]; size: number[] } {
  const begins = [begin].flat();
  const sizes = [size].flat();
  const full = shape.map((_, axis) => begins[axis] ?? 0);
  return {
    begin: full,
    size: shape.map((length, axis) => {
      const wanted = sizes[axis] ?? -1;
      return wanted < 0 ? length - full[axis]! : wanted;
    }),
  };
}

/** A block of a tensor. */
export function slice({ x }: Inputs, attributes: { begin: number[]; size: number[] }): Output[] {
  return [{ shape: sliceExtent(x!.shape, attributes).size, dtype: x!.dtype }];
}

/** Tensors joined along an axis. */
export function concat(inputs: Inputs, { axis }: { axis: number }): Output[] {
  const values = Object.values(inputs);
  const total = values.reduce((sum, value) => sum + value.shape[axis]!, 0);
  return [{ shape: values[0]!.shape.with(axis, total), dtype: values[0]!.dtype }];
}

/** A tensor cut into pieces along an axis: a number of equal ones, or one for each size. */
export function split(
  { x }: Inputs,
  { numOrSizeSplits: pieces, axis }: { numOrSizeSplits: number | number[]; axis: number },
): Output[] {
  const length = x!.shape[axis]!;
  const sizes = typeof pieces === "number" ? new Array<number>(pieces).fill(length / pieces) : pieces;
  return sizes.map((size) => ({ shape: x!.shape.with(axis, size), dtype: x!.dtype }));
}

/** Zeros (or another constant) around a tensor. */
export function pad({ x }: Inputs, { paddings }: { paddings: [number, number][] }): Output[] {
  return [{
    shape: x!.shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]),
    dtype: x!.dtype,
  }];
}

/** A tensor repeated along each axis. */
export function tile({ x }: Inputs, { reps }: { reps: number[] }): Output[] {
  return [{ shape: x!.shape.map((size, axis) => size * reps[axis]!), dtype: x!.dtype }];
}

/** One value everywhere. */
export function fill(_: Inputs, { shape, dtype }: { shape: number[]; dtype: ElementType }): Output[] {
  return [{ shape, dtype: dtype ?? "float32" }];
}

/** condition ? t : e, with broadcasting. */
export function select({ condition, t, e }: Inputs): Output[] {
  return [{ shape: broadcastShapes(condition!.shape, t!.shape, e!.shape), dtype: t!.dtype }];
}

/** indices [...] → [..., depth]. */
export function oneHot(
  { indices }: Inputs,
  { depth, dtype }: { depth: number; dtype?: ElementType },
): Output[] {
  return [{ shape: [...indices!.shape, depth], dtype: dtype ?? "int32" }];
}

/** Rows (or other slices along an axis) by index; no batch dimensions. */
export function gather(
  { x, indices }: Inputs,
  { axis, batchDims }: { axis: number; batchDims?: number },
): Output[] {
  if (batchDims) throw new RangeError("Cannot record GatherV2 with batchDims: only 0 is supported");
  return [{
    shape: [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)],
    dtype: x!.dtype,
  }];
}

/** Rows added up by their segment's number. */
export function segmentSum({ x }: Inputs, { numSegments }: { numSegments: number }): Output[] {
  return [{ shape: [numSegments, ...x!.shape.slice(1)], dtype: x!.dtype }];
}

/** Several outputs, each with the shape (and type) of an input. */
export function like(...names: string[]): (inputs: Inputs) => Output[] {
  return (inputs) => names.map((name) => ({ shape: inputs[name]!.shape, dtype: inputs[name]!.dtype }));
}

/** x [R, I], weight [O, I] → [R, O]. */
export function linear({ x, weight }: Inputs): Output[] {
  return [{ shape: [x!.shape[0]!, weight!.shape[0]!], dtype: "float32" }];
}

/** The normalized tensor; mean and 1 / standard deviation of each row. */
export function layerNorm({ x }: Inputs): Output[] {
  const rows: Output = { shape: x!.shape.with(-1, 1), dtype: "float32" };
  return [{ shape: x!.shape, dtype: "float32" }, rows, rows];
}

/** The context [B, T, N·D] and the probabilities [B, N, T, T] before dropout. */
export function attention({ query }: Inputs, { heads }: { heads: number }): Output[] {
  const [batch, tokens] = query!.shape as [number, number];
  return [
    { shape: query!.shape, dtype: "float32" },
    { shape: [batch, heads, tokens, tokens], dtype: "float32" },
  ];
}

/** One number. */
export function scalar(): Output[] {
  return [{ shape: [], dtype: "float32" }];
}

/** The loss [B] and the log probabilities [B, C]. */
export function crossEntropy({ logits }: Inputs): Output[] {
  return [{ shape: [logits!.shape[0]!], dtype: "float32" }, { shape: logits!.shape, dtype: "float32" }];
}

/** x [T, B, 4U], weight [4U, U] → the states and the cells [T, B, U]. */
export function lstm({ x, weight }: Inputs): Output[] {
  const states: Output = { shape: x!.shape.with(-1, weight!.shape[1]!), dtype: "float32" };
  return [states, states];
}

/** table [V, H], ids [R] → [R, H]. */
export function embedding({ table, ids }: Inputs): Output[] {
  return [{ shape: [ids!.shape[0]!, table!.shape[1]!], dtype: "float32" }];
}

/** dy [R, H], ids [R] → [V, H]. */
export function embeddingGrad({ dy }: Inputs, { vocabulary }: { vocabulary: number }): Output[] {
  return [{ shape: [vocabulary, dy!.shape[1]!], dtype: "float32" }];
}
