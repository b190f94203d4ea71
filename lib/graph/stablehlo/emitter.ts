/** The builder of StableHLO text that the rules write to: a method for each operation. */
import { sizeOf } from "../graph.ts";
import { axesOf, broadcastShapes } from "../shapes.ts";

/** Element types of a module. */
export type ElementText = "f32" | "bf16" | "i32" | "ui32" | "ui8" | "i1";

/** A tensor of the module: its name in the text and its type. */
export interface Operand {
  /** Name with the percent sign. */
  readonly name: string;
  /** Sizes of its dimensions. */
  readonly shape: readonly number[];
  /** Type of its elements. */
  readonly type: ElementText;
}

/** A tensor, or a number that takes the other operand's type. */
export type Term = Operand | number;

/** Axes of a product: the pairs that batch, the pairs that are summed over. */
export interface DotAxes {
  /** Batch axes; absent if there are none. */
  readonly batch?: readonly [left: readonly number[], right: readonly number[]];
  /** Axes summed over. */
  readonly contract: readonly [left: readonly number[], right: readonly number[]];
}

/** Options of lowering a graph. */
export interface LoweringOptions {
  /** Precision of matrix products: f32, or operands rounded to bf16 with sums in f32; everything else is f32. */
  readonly precision?: "f32" | "bf16";
  /** `true` to multiply operands rounded to bf16 as f32: XLA on CPUs lacks some products of bf16 with f32 sums. */
  readonly widened?: boolean;
  /** Devices that run the module together; the graph is one device's part of the batch. */
  readonly replicas?: number;
  /** `true` for cuDNN's attention where precision, shapes and dropout allow it; CUDA only. */
  readonly fusedAttention?: boolean;
  /** Shapes of attention that are computed as products all the same, by {@linkcode shapeKey}. */
  readonly unfused?: ReadonlySet<string>;
}

/** One row's attention: T tokens, N heads of D numbers. */
export interface AttentionShape {
  readonly tokens: number;
  readonly heads: number;
  readonly size: number;
}

/** Returns a shape of attention as a text, to find it in a set. */
export function shapeKey({ tokens, heads, size }: AttentionShape): string {
  return `${tokens}x${heads}x${size}`;
}

/** Returns a tensor's type as text, such as `tensor<2x3xf32>`. */
export function typeText({ shape, type }: Omit<Operand, "name">): string {
  return `tensor<${[...shape, type].join("x")}>`;
}

/** Returns the names of tensors, separated by commas. */
export function namesText(operands: readonly Operand[]): string {
  return operands.map(({ name }) => name).join(", ");
}

/** Returns the types of tensors, separated by commas. */
export function typesText(operands: readonly Omit<Operand, "name">[]): string {
  return operands.map(typeText).join(", ");
}

/** Collects the lines of a function; operations with the same text are made once. */
export class StablehloEmitter {
  /** Lines without indentation. */
  readonly lines: string[] = [];
  readonly #made = new Map<string, readonly Operand[]>();
  #next = 0;

  /**
   * @param options Options of the module.
   * @param prefix Start of all names: a region needs another one than the code around it.
   */
  constructor(readonly options: Required<LoweringOptions>, readonly prefix: string = "%") {}

  /** Adds an operation with one result. */
  operation(text: string, result: Omit<Operand, "name">): Operand {
    return this.several(text, [result])[0]!;
  }

  /** Adds an operation with one result, whose text ends with the types of its operands and of the result. */
  typed(text: string, operands: readonly Operand[], result: Omit<Operand, "name">): Operand {
    return this.operation(`${text} : (${typesText(operands)}) -> ${typeText(result)}`, result);
  }

  /** Adds an operation; no operation has side effects, so the same text gives the same results. */
  several(text: string, results: readonly Omit<Operand, "name">[]): readonly Operand[] {
    const known = this.#made.get(text);
    if (known) return known;
    const name = `${this.prefix}${this.#next++}`;
    const many = results.length > 1;
    this.lines.push(`${name}${many ? `:${results.length}` : ""} = ${text}`);
    const made = results.map(({ shape, type }, i) => ({ name: many ? `${name}#${i}` : name, shape, type }));
    this.#made.set(text, made);
    return made;
  }

  /** The same number everywhere. */
  constant(value: number, type: ElementText, shape: readonly number[] = []): Operand {
    const result = { shape, type };
    return this.operation(
      `stablehlo.constant dense<${numberText(value, type)}> : ${typeText(result)}`,
      result,
    );
  }

  /** A tensor known when lowering. */
  constants(values: readonly number[], type: ElementText, shape: readonly number[]): Operand {
    if (values.length === 1) return this.constant(values[0]!, type, shape);
    const flat = { shape: [values.length], type };
    const list = values.map((value) => numberText(value, type)).join(", ");
    const made = this.operation(`stablehlo.constant dense<[${list}]> : ${typeText(flat)}`, flat);
    return this.reshape(made, shape);
  }

  /** An element-wise operation with one operand. */
  unary(op: string, x: Operand): Operand {
    return this.operation(`stablehlo.${op} ${x.name} : ${typeText(x)}`, x);
  }

  /** The error function: CHLO's, as XLA's own front ends emit it; StableHLO has none. */
  erf(x: Operand): Operand {
    return this.operation(`chlo.erf ${x.name} : ${typeText(x)} -> ${typeText(x)}`, x);
  }

  /** An element-wise operation with two operands, broadcast to one shape. */
  binary(op: string, a: Term, b: Term): Operand {
    const [left, right] = this.#alike(a, b);
    return this.operation(`stablehlo.${op} ${left.name}, ${right.name} : ${typeText(left)}`, left);
  }

  /** a + b. */
  add(a: Term, b: Term): Operand {
    return this.binary("add", a, b);
  }

  /** a − b. */
  subtract(a: Term, b: Term): Operand {
    return this.binary("subtract", a, b);
  }

  /** a · b, element by element. */
  multiply(a: Term, b: Term): Operand {
    return this.binary("multiply", a, b);
  }

  /** Compares element by element: EQ, NE, GE, GT, LE, LT. */
  compare(direction: string, a: Term, b: Term): Operand {
    const [left, right] = this.#alike(a, b);
    const unsigned = left.type === "ui32" || left.type === "i1";
    const kind = left.type === "i32" ? "SIGNED" : unsigned ? "UNSIGNED" : "FLOAT";
    const text = `stablehlo.compare ${direction}, ${left.name}, ${right.name}, ${kind}`;
    return this.typed(text, [left, right], { shape: left.shape, type: "i1" });
  }

  /** condition ? a : b, all of one shape. */
  select(condition: Operand, a: Term, b: Term): Operand {
    const [left, right] = this.#alike(a, b, condition.shape);
    const given = this.broadcast(condition, left.shape);
    return this.operation(
      `stablehlo.select ${given.name}, ${left.name}, ${right.name} : ${typeText(given)}, ${typeText(left)}`,
      left,
    );
  }

  #alike(a: Term, b: Term, ...shapes: (readonly number[])[]): [Operand, Operand] {
    const type = typeof a === "number" ? typeof b === "number" ? "f32" : b.type : a.type;
    const given = [a, b].flatMap((term) => typeof term === "number" ? [] : [term.shape]);
    const shape = broadcastShapes(...given, ...shapes);
    const [left, right] = [a, b].map((term) =>
      typeof term === "number" ? this.constant(term, type, shape) : this.broadcast(term, shape)
    );
    return [left!, right!];
  }

  /** Converts to another element type. */
  convert(x: Operand, type: ElementText): Operand {
    return this.#retyped("convert", x, { shape: x.shape, type });
  }

  /** The same bits as another type of the same width. */
  bitcast(x: Operand, type: ElementText): Operand {
    return this.#retyped("bitcast_convert", x, { shape: x.shape, type });
  }

  /** The same elements in another shape. */
  reshape(x: Operand, shape: readonly number[]): Operand {
    return this.#retyped("reshape", x, { shape, type: x.type });
  }

  #retyped(op: string, x: Operand, result: Omit<Operand, "name">): Operand {
    if (typeText(x) === typeText(result)) return x;
    return this.typed(`stablehlo.${op} ${x.name}`, [x], result);
  }

  /** Repeats x along axes where it has 1 or none; aligned at the right as in NumPy. */
  broadcast(x: Operand, shape: readonly number[]): Operand {
    return this.broadcastAlong(x, shape, x.shape.map((_, axis) => axis + shape.length - x.shape.length));
  }

  /** Repeats x; `axes` are the places of its axes in the result. */
  broadcastAlong(x: Operand, shape: readonly number[], axes: readonly number[]): Operand {
    const result = { shape, type: x.type };
    if (typeText(x) === typeText(result)) return x;
    return this.typed(`stablehlo.broadcast_in_dim ${x.name}, dims = [${axes.join(", ")}]`, [x], result);
  }

  /** Axes in another order. */
  transpose(x: Operand, order: readonly number[]): Operand {
    if (order.every((from, axis) => from === axis)) return x;
    const result = { shape: order.map((axis) => x.shape[axis]!), type: x.type };
    return this.typed(`stablehlo.transpose ${x.name}, dims = [${order.join(", ")}]`, [x], result);
  }

  /** Cuts out a block. */
  slice(x: Operand, begin: readonly number[], size: readonly number[]): Operand {
    const result = { shape: size, type: x.type };
    if (typeText(x) === typeText(result)) return x;
    const ranges = begin.map((start, axis) => `${start}:${start + size[axis]!}`).join(", ");
    return this.typed(`stablehlo.slice ${x.name} [${ranges}]`, [x], result);
  }

  /** Joins tensors along an axis. */
  concatenate(operands: readonly Operand[], axis: number): Operand {
    const [first] = operands;
    if (operands.length === 1) return first!;
    const total = operands.reduce((sum, { shape }) => sum + shape[axis]!, 0);
    const result = { shape: first!.shape.with(axis, total), type: first!.type };
    return this.typed(`stablehlo.concatenate ${namesText(operands)}, dim = ${axis}`, operands, result);
  }

  /** Puts a constant around a tensor. */
  pad(x: Operand, value: number, paddings: readonly (readonly [number, number])[]): Operand {
    const shape = x.shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
    const result = { shape, type: x.type };
    const fill = this.constant(value, x.type);
    const [low, high] = [0, 1].map((side) => paddings.map((both) => both[side]).join(", "));
    const places = `low = [${low}], high = [${high}], interior = [${x.shape.map(() => 0).join(", ")}]`;
    return this.typed(`stablehlo.pad ${x.name}, ${fill.name}, ${places}`, [x, fill], result);
  }

  /** Each element's place along an axis. */
  iota(shape: readonly number[], axis: number, type: ElementText = "i32"): Operand {
    return this.operation(`stablehlo.iota dim = ${axis} : ${typeText({ shape, type })}`, { shape, type });
  }

  /** Sums, largest or smallest elements over axes, which stay as 1 if `keep`. */
  reduce(
    op: "add" | "maximum" | "minimum",
    x: Operand,
    axis?: number | number[] | null,
    { keep = false }: { keep?: boolean } = {},
  ): Operand {
    const axes = axesOf(axis, x.shape.length);
    const result = { shape: x.shape.filter((_, axis) => !axes.includes(axis)), type: x.type };
    const start = this.constant(neutral(op, x.type), x.type);
    const across = `applies stablehlo.${op} across dimensions = [${axes.join(", ")}]`;
    const reduced = axes.length === 0
      ? x
      : this.typed(`stablehlo.reduce(${x.name} init: ${start.name}) ${across}`, [x, start], result);
    return keep
      ? this.reshape(reduced, x.shape.map((size, axis) => axes.includes(axis) ? 1 : size))
      : reduced;
  }

  /** A product of matrices: batch axes, then those left of a, then those left of b; always f32. */
  dot(a: Operand, b: Operand, { batch = [[], []], contract }: DotAxes): Operand {
    const rounded = this.options.precision === "bf16";
    const round = (x: Operand) => {
      if (!rounded) return x;
      const short = this.convert(x, "bf16");
      return this.options.widened ? this.convert(short, "f32") : short;
    };
    const [left, right] = [round(a), round(b)];
    const free = (shape: readonly number[], side: 0 | 1) =>
      shape.filter((_, axis) => !batch[side].includes(axis) && !contract[side].includes(axis));
    const shape = [...batch[0].map((axis) => a.shape[axis]!), ...free(a.shape, 0), ...free(b.shape, 1)];
    const pairs = ([left, right]: DotAxes["contract"]) => `[${left.join(", ")}] x [${right.join(", ")}]`;
    const batching = batch[0].length > 0 ? `batching_dims = ${pairs(batch)}, ` : "";
    // HIGHEST: else a GPU would round f32 operands to TF32.
    const precision = left.type === "bf16" ? "" : ", precision = [HIGHEST, HIGHEST]";
    const axes = `${batching}contracting_dims = ${pairs(contract)}${precision}`;
    const text = `stablehlo.dot_general ${left.name}, ${right.name}, ${axes}`;
    return this.typed(text, [left, right], { shape, type: "f32" });
  }

  /** Slices of x along an axis, by index. */
  gather(x: Operand, indices: Operand, axis: number): Operand {
    const rank = indices.shape.length;
    const shape = x.shape.toSpliced(axis, 1, ...indices.shape);
    const offsets = x.shape.slice(1).map((_, i) => i < axis ? i : i + rank).join(", ");
    const dimensions = `offset_dims = [${offsets}], collapsed_slice_dims = [${axis}], ` +
      `start_index_map = [${axis}], index_vector_dim = ${rank}`;
    const sizes = x.shape.with(axis, 1).join(", ");
    return this.typed(
      `"stablehlo.gather"(${x.name}, ${indices.name}) {dimension_numbers = #stablehlo.gather<${dimensions}>, ` +
        `slice_sizes = array<i64: ${sizes}>, indices_are_sorted = false}`,
      [x, indices],
      { shape, type: x.type },
    );
  }

  /** Adds up rows [R, …] in zeros [S, …] at the places `indices` [R]. */
  scatterAdd(rows: Operand, indices: Operand, count: number): Operand {
    const zeros = this.constant(0, rows.type, rows.shape.with(0, count));
    const window = rows.shape.slice(1).map((_, i) => i + 1).join(", ");
    const dimensions = `update_window_dims = [${window}], inserted_window_dims = [0], ` +
      `scatter_dims_to_operand_dims = [0], index_vector_dim = 1`;
    return this.typed(
      `"stablehlo.scatter"(${zeros.name}, ${indices.name}, ${rows.name}) ({${this.#addition(rows.type)}}) ` +
        `{scatter_dimension_numbers = #stablehlo.scatter<${dimensions}>, ` +
        `indices_are_sorted = false, unique_indices = false}`,
      [zeros, indices, rows],
      zeros,
    );
  }

  /** The number of the device that runs this, 0 to replicas − 1, as ui32. */
  replicaId(): Operand {
    return this.operation("stablehlo.replica_id : tensor<ui32>", { shape: [], type: "ui32" });
  }

  /** Each tensor's sum over all replicas, in one exchange. */
  allReduce(operands: readonly Operand[]): readonly Operand[] {
    const group = Array.from({ length: this.options.replicas }, (_, replica) => replica).join(", ");
    return this.several(
      `"stablehlo.all_reduce"(${namesText(operands)}) ({${this.#addition("f32")}}) ` +
        `{replica_groups = dense<[[${group}]]> : tensor<1x${this.options.replicas}xi64>} : ` +
        `(${typesText(operands)}) -> (${typesText(operands)})`,
      operands,
    );
  }

  #addition(type: ElementText): string {
    const scalar = typeText({ shape: [], type });
    return `^bb0(%a: ${scalar}, %b: ${scalar}): %sum = stablehlo.add %a, %b : ${scalar} ` +
      `stablehlo.return %sum : ${scalar}`;
  }

  /** Sum of all elements, by rows first: one long chain of additions would run on one core. */
  total(x: Operand): Operand {
    const size = sizeOf(x.shape);
    const columns = x.shape.at(-1) ?? 1;
    return this.reduce("add", this.reduce("add", this.reshape(x, [size / columns, columns]), 1));
  }
}

/** Returns the number that a reduction starts from. */
function neutral(op: "add" | "maximum" | "minimum", type: ElementText): number {
  if (op === "add") return 0;
  const sign = op === "maximum" ? -1 : 1;
  return type === "i32" ? (sign < 0 ? -(2 ** 31) : 2 ** 31 - 1) : sign * Infinity;
}

/** Writes a number for MLIR; floats by their bits, as a shorter form may be misread. */
function numberText(value: number, type: ElementText): string {
  if (type === "i1") return value ? "true" : "false";
  if (type !== "f32") return String(value);
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, value);
  return `0x${bits.getUint32(0).toString(16).toUpperCase().padStart(8, "0")}`;
}
