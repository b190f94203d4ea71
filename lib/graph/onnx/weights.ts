/**
 * A model whose large weights are stored in fewer bits. f16: as half precision, which a Cast makes f32 again. int8: one
 * byte each, symmetric, with a scale for each output of a product and for each row of a table; the other factor of a
 * product is quantized when the model runs (ONNX's dynamic quantization). Standard operations only.
 *
 *     x W ≈ (q(x) − z) q(W) · s(x) s(W),  q(W) = round(W / s(W)),  s(W) = max |W| / 127 by output
 */
import { elementTypes, type OnnxConstant, type OnnxModel, type OnnxNode } from "./proto.ts";

/** A format of a model's large weights. */
export type WeightFormat = "f32" | "f16" | "int8";

/** The formats' names. */
export const weightFormats: readonly WeightFormat[] = ["f32", "f16", "int8"];

/** Fewest numbers of a weight that is stored in fewer bits: biases and a classifier of a few labels stay as they are. */
const fewest = 4096;

/** Returns a model with its large matrices in a format; "f32" as it is. */
export function withWeights(model: OnnxModel, format: WeightFormat): OnnxModel {
  if (format === "f32") return model;
  return format === "f16" ? halved(model) : quantized(model);
}

function isLarge({ type, shape }: OnnxConstant): boolean {
  return type === "float32" && shape.length === 2 && shape[0]! * shape[1]! >= fewest;
}

function node(
  op: string,
  inputs: string[],
  outputs: string[],
  attributes: OnnxNode["attributes"] = {},
): OnnxNode {
  return { op, inputs, outputs, attributes, domain: "" };
}

function halved(model: OnnxModel): OnnxModel {
  const casts: OnnxNode[] = [];
  const constants = model.constants.map((constant): OnnxConstant => {
    if (!isLarge(constant)) return constant;
    const name = `${constant.name}:f16`;
    casts.push(node("Cast", [name], [constant.name], { to: elementTypes.float32 }));
    const bytes = new Uint8Array(new Float16Array(floats(constant)).buffer);
    return { name, shape: constant.shape, type: "float16", bytes };
  });
  return { ...model, nodes: [...casts, ...model.nodes], constants };
}

function floats({ bytes }: OnnxConstant): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}

/** Bytes of a matrix [rows, columns], and a scale for each row. */
interface Quantized {
  readonly values: Int8Array;
  readonly scales: Float32Array;
}

/** Quantizes each row of a matrix by itself. */
function quantizeRows(data: Float32Array, rows: number, columns: number): Quantized {
  const values = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const own = data.subarray(row * columns, (row + 1) * columns);
    const scale = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    scales[row] = scale;
    if (scale > 0) own.forEach((value, column) => values[row * columns + column] = Math.round(value / scale));
  }
  return { values, scales };
}

function transposed(data: ArrayLike<number>, rows: number, columns: number): Float32Array {
  return Float32Array.from(data, (_, place) => data[(place % rows) * columns + Math.floor(place / rows)]!);
}

/** The nodes and constants of a quantized model, each made once. */
class Quantizer {
  readonly nodes: OnnxNode[] = [];
  readonly constants = new Map<string, OnnxConstant>();
  readonly #done = new Set<string>();

  /** x W, or x Wᵀ, of a node whose second input is W, plus its third one. */
  product({ inputs, outputs: [output], attributes }: OnnxNode, weight: OnnxConstant): void {
    const [x, , bias] = inputs as [string, string, string?];
    const [rows, columns] = weight.shape as [number, number];
    const byOutput = attributes.transB ? [rows, columns] as const : [columns, rows] as const;
    const [outputs, depth] = byOutput;
    const data = attributes.transB ? floats(weight) : transposed(floats(weight), rows, columns);
    if (!this.constants.has(`${weight.name}:int8`)) {
      const { values, scales } = quantizeRows(data, outputs, depth);
      const bytes = Int8Array.from(transposed(values, outputs, depth)); // MatMulInteger takes [depth, outputs]
      this.#constant(`${weight.name}:int8`, [depth, outputs], "int8", bytes);
      this.#constant(`${weight.name}:scale`, [outputs], "float32", scales);
    }
    const parts = [`${x}:int8`, `${x}:scale`, `${x}:zero`];
    if (!this.#done.has(x)) this.nodes.push(node("DynamicQuantizeLinear", [x], parts));
    this.#done.add(x);
    const [whole, float, scale] = [`${output}:int32`, `${output}:float`, `${output}:scale`];
    this.nodes.push(
      node("MatMulInteger", [parts[0]!, `${weight.name}:int8`, parts[2]!], [whole]),
      node("Cast", [whole], [float], { to: elementTypes.float32 }),
      node("Mul", [parts[1]!, `${weight.name}:scale`], [scale]),
      node("Mul", [float, scale], [bias ? `${output}:product` : output!]),
      ...bias ? [node("Add", [`${output}:product`, bias], [output!])] : [],
    );
  }

  /** Rows of a table. */
  rows({ inputs: [, ids], outputs: [output], attributes }: OnnxNode, table: OnnxConstant): void {
    const [rows, columns] = table.shape as [number, number];
    const { values, scales } = quantizeRows(floats(table), rows, columns);
    this.#constant(`${table.name}:int8`, table.shape, "int8", values);
    this.#constant(`${table.name}:scale`, [rows, 1], "float32", scales);
    const [bytes, scale, float] = [`${output}:int8`, `${output}:scale`, `${output}:float`];
    this.nodes.push(
      node("Gather", [`${table.name}:int8`, ids!], [bytes], attributes),
      node("Gather", [`${table.name}:scale`, ids!], [scale], attributes),
      node("Cast", [bytes], [float], { to: elementTypes.float32 }),
      node("Mul", [float, scale], [output!]),
    );
  }

  #constant(
    name: string,
    shape: readonly number[],
    type: "int8" | "float32",
    data: Int8Array | Float32Array,
  ): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.constants.set(name, { name, shape, type, bytes });
  }
}

function quantized(model: OnnxModel): OnnxModel {
  const large = new Map(model.constants.filter(isLarge).map((constant) => [constant.name, constant]));
  const quantizer = new Quantizer();
  for (const one of model.nodes) {
    const { op, inputs, attributes } = one;
    const second = large.get(inputs[1] ?? "");
    const first = large.get(inputs[0] ?? "");
    const isProduct = op === "Gemm" && !attributes.transA || op === "MatMul";
    if (second && isProduct) quantizer.product(one, second);
    else if (first && op === "Gather" && !attributes.axis) quantizer.rows(one, first);
    else quantizer.nodes.push(one);
  }
  const read = new Set(quantizer.nodes.flatMap(({ inputs }) => inputs));
  const kept = model.constants.filter(({ name }) => read.has(name));
  return { ...model, nodes: quantizer.nodes, constants: [...kept, ...quantizer.constants.values()] };
}
