/**
 * The one table of operations: for each what it returns (shape rule) and how it is said in ONNX. A step function may
 * use these tfjs kernels and the operations of composites.ts; a row that lacks a rule does not compile.
 */
import type { Attributes, Value } from "./graph.ts";
import * as shape from "./shapes.ts";
import * as onnx from "./onnx_rules.ts";
import type { OnnxEmitter } from "./onnx_emitter.ts";

/** A row of the table. */
export interface Operation {
  /** Shapes and types of the outputs. */
  infer(inputs: Record<string, Value>, attributes: Attributes): shape.Output[];
  /** Adds ONNX nodes and returns the names of the outputs. */
  onnx(
    emit: OnnxEmitter,
    inputs: Record<string, Value>,
    attributes: Attributes,
    outputs: readonly Value[],
  ): string | string[];
}

/** Rows by tfjs kernel name, then our own operations. */
export const operations = {
  Add: { infer: shape.broadcast, onnx: onnx.binary("Add") },
  Sub: { infer: shape.broadcast, onnx: onnx.binary("Sub") },
  Multiply: { infer: shape.broadcast, onnx: onnx.binary("Mul") },
  RealDiv: { infer: shape.broadcast, onnx: onnx.binary("Div") },
  Maximum: { infer: shape.broadcast, onnx: onnx.binary("Max") },
  Minimum: { infer: shape.broadcast, onnx: onnx.binary("Min") },
  Pow: { infer: shape.broadcast, onnx: onnx.binary("Pow") },
  SquaredDifference: { infer: shape.broadcast, onnx: onnx.squaredDifference },
  Equal: { infer: shape.compare, onnx: onnx.binary("Equal") },
  Greater: { infer: shape.compare, onnx: onnx.binary("Greater") },
  GreaterEqual: { infer: shape.compare, onnx: onnx.binary("GreaterOrEqual") },
  Less: { infer: shape.compare, onnx: onnx.binary("Less") },
  LessEqual: { infer: shape.compare, onnx: onnx.binary("LessOrEqual") },
  LogicalAnd: { infer: shape.compare, onnx: onnx.binary("And") },
  LogicalNot: { infer: shape.same, onnx: onnx.unary("Not") },
  Neg: { infer: shape.same, onnx: onnx.unary("Neg") },
  Abs: { infer: shape.same, onnx: onnx.unary("Abs") },
  Sqrt: { infer: shape.same, onnx: onnx.unary("Sqrt") },
  Exp: { infer: shape.same, onnx: onnx.unary("Exp") },
  Log: { infer: shape.same, onnx: onnx.unary("Log") },
  Tanh: { infer: shape.same, onnx: onnx.unary("Tanh") },
  Sigmoid: { infer: shape.same, onnx: onnx.unary("Sigmoid") },
  Relu: { infer: shape.same, onnx: onnx.unary("Relu") },
  Erf: { infer: shape.same, onnx: onnx.unary("Erf") },
  Reciprocal: { infer: shape.same, onnx: onnx.unary("Reciprocal") },
  Square: { infer: shape.same, onnx: onnx.square },
  Rsqrt: { infer: shape.same, onnx: onnx.rsqrt },
  Step: { infer: shape.same, onnx: onnx.step },
  ZerosLike: { infer: shape.same, onnx: onnx.splat(0) },
  OnesLike: { infer: shape.same, onnx: onnx.splat(1) },
  Fill: { infer: shape.fill, onnx: onnx.fill },
  Cast: { infer: shape.cast, onnx: onnx.cast },
  Reshape: { infer: shape.reshape, onnx: onnx.reshape },
  ExpandDims: { infer: shape.expandDims, onnx: onnx.reshape },
  Transpose: { infer: shape.transpose, onnx: onnx.transpose },
  Slice: { infer: shape.slice, onnx: onnx.slice },
  Concat: { infer: shape.concat, onnx: onnx.concat },
  SplitV: { infer: shape.split, onnx: onnx.split },
  PadV2: { infer: shape.pad, onnx: onnx.pad },
  Tile: { infer: shape.tile, onnx: onnx.tile },
  Select: { infer: shape.select, onnx: onnx.select },
  OneHot: { infer: shape.oneHot, onnx: onnx.oneHot },
  GatherV2: { infer: shape.gather, onnx: onnx.gather },
  UnsortedSegmentSum: { infer: shape.segmentSum, onnx: onnx.segmentSum },
  Sum: { infer: shape.reduce, onnx: onnx.sum },
  Mean: { infer: shape.reduce, onnx: onnx.mean },
  Max: { infer: shape.maximum, onnx: onnx.maximum },
  ArgMax: { infer: shape.argMax, onnx: onnx.argMax },
  Softmax: { infer: shape.same, onnx: onnx.softmax },
  AddN: { infer: shape.same, onnx: onnx.addN },
  BatchMatMul: { infer: shape.matMul, onnx: onnx.matMul },

  Linear: { infer: shape.linear, onnx: onnx.linear },
  LayerNorm: { infer: shape.layerNorm, onnx: onnx.layerNorm },
  LayerNormGrad: { infer: shape.like("x", "gamma", "gamma"), onnx: onnx.layerNormGrad },
  Gelu: { infer: shape.like("x", "x"), onnx: onnx.gelu },
  GeluGrad: { infer: shape.like("x"), onnx: onnx.geluGrad },
  Dropout: { infer: shape.like("x"), onnx: onnx.dropout },
  Attention: { infer: shape.attention, onnx: onnx.attention },
  AttentionGrad: { infer: shape.like("query", "key", "value"), onnx: onnx.attentionGrad },
  SquaredNorm: { infer: shape.scalar, onnx: onnx.squaredNorm },
  SoftmaxCrossEntropy: { infer: shape.crossEntropy, onnx: onnx.crossEntropy },
  SoftmaxCrossEntropyGrad: { infer: shape.like("logProbabilities"), onnx: onnx.crossEntropyGrad },
  Embedding: { infer: shape.embedding, onnx: onnx.embedding },
  EmbeddingGrad: { infer: shape.embeddingGrad, onnx: onnx.embeddingGrad },
} satisfies Record<string, Operation>;
