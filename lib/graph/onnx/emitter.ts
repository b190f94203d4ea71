/** The collector of ONNX nodes that the rules write to. */
import type { Value } from "../graph.ts";
import { float, type OnnxAttribute, type OnnxConstant, type OnnxNode, type OnnxType } from "./proto.ts";

/** Options of a product of stacks of matrices [rank − 2 axes, rows, columns]. */
export interface ProductOptions {
  /** The number of axes of both. */
  readonly rank: number;
  /** Factor of the product. */
  readonly alpha?: number;
  /** 1 to transpose the first factor. */
  readonly transA?: number;
  /** 1 to transpose the second factor. */
  readonly transB?: number;
}

/** An input of a node: its name, or a recorded value that has one. */
type OnnxInput = string | Value;

/** Collects ONNX nodes; the rules in rules.ts call it. */
export class OnnxEmitter {
  readonly nodes: OnnxNode[] = [];
  readonly constants = new Map<string, OnnxConstant>();
  readonly #names = new Map<Value, string>();
  readonly #memo = new Map<string, string>();
  readonly #standard: boolean;
  readonly #read: ReadonlySet<Value>;
  #next = 0;

  /**
   * @param read the recorded values that some node or the caller reads
   * @param options.standard no operations of ONNX Runtime's own
   */
  constructor(read: ReadonlySet<Value>, { standard = false }: { standard?: boolean } = {}) {
    this.#read = read;
    this.#standard = standard;
  }

  /** Returns true if a recorded value is needed. */
  isRead(value: Value): boolean {
    return this.#read.has(value);
  }

  /** Returns the ONNX name of a recorded value. */
  name(value: Value): string {
    const name = this.#names.get(value);
    if (name === undefined) throw new RangeError(`Value ${value.id} is used before it is made`);
    return name;
  }

  /** Gives a recorded value its ONNX name. */
  bind(value: Value, name: string): void {
    this.#names.set(value, name);
  }

  /** Adds a node with one output and returns the output's name; an input is a name, or a value that has one. */
  node(op: string, inputs: OnnxInput[], attributes: Record<string, OnnxAttribute> = {}, domain = ""): string {
    return this.several(op, inputs, 1, attributes, domain)[0]!;
  }

  /** Adds a product of stacks of matrices: ONNX Runtime's FusedMatMul, which copies no transpose, or standard nodes. */
  product(a: OnnxInput, b: OnnxInput, { rank, alpha = 1, transA = 0, transB = 0 }: ProductOptions): string {
    if (!this.#standard) {
      const attributes = { transA, transB, alpha: float(alpha) };
      return this.node("FusedMatMul", [a, b], attributes, "com.microsoft");
    }
    const perm = Array.from({ length: rank }, (_, axis) => axis).with(-2, rank - 1).with(-1, rank - 2);
    const factors = [transA ? this.node("Transpose", [a], { perm }) : a];
    factors.push(transB ? this.node("Transpose", [b], { perm }) : b);
    const product = this.node("MatMul", factors);
    return alpha === 1 ? product : this.mul(product, this.scalar(alpha));
  }

  /** Adds a node with several outputs. */
  several(
    op: string,
    inputs: OnnxInput[],
    count: number,
    attributes: Record<string, OnnxAttribute> = {},
    domain = "",
  ): string[] {
    const outputs = Array.from({ length: count }, () => `${op}_${this.#next++}`);
    const names = inputs.map((input) => typeof input === "string" ? input : this.name(input));
    this.nodes.push({ op, inputs: names, outputs, attributes, domain });
    return outputs;
  }

  /** a · b. */
  mul(a: OnnxInput, b: OnnxInput): string {
    return this.node("Mul", [a, b]);
  }

  /** The same elements in another shape. */
  reshape(x: OnnxInput, shape: readonly number[]): string {
    return this.node("Reshape", [x, this.int64(shape)]);
  }

  /** Equal numbers in a shape, made once. */
  filled(value: number, shape: readonly number[]): string {
    const make = () => this.node("Expand", [this.constant([value], "float32", [1]), this.int64(shape)]);
    return this.memo(`${value} [${shape}]`, make);
  }

  /** Adds a constant, only once if equal, and returns its name. */
  constant(
    data: readonly number[],
    type: OnnxType = "float32",
    shape: readonly number[] = [data.length],
  ): string {
    const key = `${type}[${shape}]=${data}`;
    let constant = this.constants.get(key);
    if (!constant) {
      constant = { name: `const_${this.constants.size}`, shape, type, bytes: constantBytes(data, type) };
      this.constants.set(key, constant);
    }
    return constant.name;
  }

  /** A list of whole numbers, as ONNX takes shapes and axes. */
  int64(values: readonly number[]): string {
    return this.constant(values, "int64");
  }

  /** Adds a float scalar of rank 0. */
  scalar(value: number): string {
    return this.constant([value], "float32", []);
  }

  /** Returns the result of `make`, called once for a key; forward and backward rules share it. */
  memo(key: string, make: () => string): string {
    let name = this.#memo.get(key);
    if (name === undefined) this.#memo.set(key, name = make());
    return name;
  }

  /** Adds rows x [R, …] into zeros of `shape` at the rows `ids` [R]; ScatterND would lose updates on two threads. */
  scatterRows(x: Value, ids: Value, shape: readonly number[]): string {
    const column = this.reshape(ids, x.shape.map((size, axis) => axis === 0 ? size : 1));
    const indices = this.node("Expand", [column, this.int64(x.shape)]);
    return this.node("ScatterElements", [this.filled(0, shape), indices, x], { axis: 0, reduction: "add" });
  }

  /**
   * Names the values that a graph returns. The output of the node that makes one is renamed, as an Identity would copy
   * it. A value that no node makes (an input, a constant), or that already has such a name, is copied.
   */
  publish(results: Iterable<readonly [name: string, value: Value]>): void {
    const made = new Set(this.nodes.flatMap(({ outputs }) => outputs));
    const renamed = new Map<string, string>();
    const copies: OnnxNode[] = [];
    for (const [name, value] of results) {
      const old = this.name(value);
      if (made.has(old) && !renamed.has(old)) renamed.set(old, name);
      else copies.push({ op: "Identity", inputs: [old], outputs: [name], attributes: {}, domain: "" });
    }
    const rename = (names: string[]) => names.map((name) => renamed.get(name) ?? name);
    this.nodes.push(...copies);
    this.nodes.forEach((node, i) => {
      this.nodes[i] = { ...node, inputs: rename(node.inputs), outputs: rename(node.outputs) };
    });
  }
}

/** Returns numbers as the bytes of a constant. */
export function constantBytes(data: ArrayLike<number>, type: OnnxType): Uint8Array {
  const array = type === "float32"
    ? Float32Array.from(data)
    : type === "int32"
    ? Int32Array.from(data)
    : type === "uint32"
    ? Uint32Array.from(data)
    : type === "int64"
    ? BigInt64Array.from(Array.from(data, BigInt))
    : Uint8Array.from(data);
  return new Uint8Array(array.buffer);
}
