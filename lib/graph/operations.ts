/**
 * The one table of operations, each with its shape rule, its ONNX rule and its StableHLO rule. A step function may use
 * these tfjs kernels and the operations of composites.ts; a row that lacks a rule does not compile.
 */
import type { Attributes, Value } from "./graph.ts";
import * as shape from "./shapes.ts";
import * as onnx from "./onnx/rules.ts";
import * as stablehlo from "./stablehlo/rules.ts";
import type { Operand, StablehloEmitter } from "./stablehlo/emitter.ts";
import type { OnnxEmitter } from "./onnx/emitter.ts";

/** A row of the table. */
export interface Operation {
  /** Returns the shapes and types of the outputs. */
  infer(inputs: Record<string, Value>, attributes: Attributes): shape.Output[];
  /** Adds ONNX nodes and returns the names of the outputs; a last one that nothing reads may be left out. */
  onnx(
    emit: OnnxEmitter,
    inputs: Record<string, Value>,
    attributes: Attributes,
    outputs: readonly Value[],
  ): string | string[];
  /** Adds StableHLO operations and returns the outputs; an output that no other rule can read may be left out. */
  stablehlo(
    emit: StablehloEmitter,
    inputs: Record<string, Operand>,
    attributes: Attributes,
    outputs: readonly Value[],
  ): Operand | Operand[];
}

/** Rows by tfjs kernel name, then our own operations. */
export const operations = {
  Add: { infer: shape.broadcast, onnx: onnx.binary("Add"), stablehlo: stablehlo.binary("add") },
  Sub: { infer: shape.broadcast, onnx: onnx.binary("Sub"), stablehlo: stablehlo.binary("subtract") },
  Multiply: { infer: shape.broadcast, onnx: onnx.binary("Mul"), stablehlo: stablehlo.binary("multiply") },
  RealDiv: { infer: shape.broadcast, onnx: onnx.binary("Div"), stablehlo: stablehlo.binary("divide") },
  Maximum: { infer: shape.broadcast, onnx: onnx.binary("Max"), stablehlo: stablehlo.binary("maximum") },
  Minimum: { infer: shape.broadcast, onnx: onnx.binary("Min"), stablehlo: stablehlo.binary("minimum") },
  Pow: { infer: shape.broadcast, onnx: onnx.binary("Pow"), stablehlo: stablehlo.binary("power") },
  SquaredDifference: {
    infer: shape.broadcast,
    onnx: onnx.squaredDifference,
    stablehlo: stablehlo.squaredDifference,
  },
  Equal: { infer: shape.compare, onnx: onnx.binary("Equal"), stablehlo: stablehlo.compare("EQ") },
  Greater: { infer: shape.compare, onnx: onnx.binary("Greater"), stablehlo: stablehlo.compare("GT") },
  GreaterEqual: {
    infer: shape.compare,
    onnx: onnx.binary("GreaterOrEqual"),
    stablehlo: stablehlo.compare("GE"),
  },
  Less: { infer: shape.compare, onnx: onnx.binary("Less"), stablehlo: stablehlo.compare("LT") },
  LessEqual: { infer: shape.compare, onnx: onnx.binary("LessOrEqual"), stablehlo: stablehlo.compare("LE") },
  LogicalAnd: { infer: shape.compare, onnx: onnx.binary("And"), stablehlo: stablehlo.binary("and") },
  LogicalNot: { infer: shape.same, onnx: onnx.unary("Not"), stablehlo: stablehlo.unary("not") },
  Neg: { infer: shape.same, onnx: onnx.unary("Neg"), stablehlo: stablehlo.unary("negate") },
  Abs: { infer: shape.same, onnx: onnx.unary("Abs"), stablehlo: stablehlo.unary("abs") },
  Sqrt: { infer: shape.same, onnx: onnx.unary("Sqrt"), stablehlo: stablehlo.unary("sqrt") },
  Exp: { infer: shape.same, onnx: onnx.unary("Exp"), stablehlo: stablehlo.unary("exponential") },
  Log: { infer: shape.same, onnx: onnx.unary("Log"), stablehlo: stablehlo.unary("log") },
  Cos: { infer: shape.same, onnx: onnx.unary("Cos"), stablehlo: stablehlo.unary("cosine") },
  Sin: { infer: shape.same, onnx: onnx.unary("Sin"), stablehlo: stablehlo.unary("sine") },
  Tanh: { infer: shape.same, onnx: onnx.unary("Tanh"), stablehlo: stablehlo.unary("tanh") },
  Sigmoid: { infer: shape.same, onnx: onnx.unary("Sigmoid"), stablehlo: stablehlo.unary("logistic") },
  Relu: { infer: shape.same, onnx: onnx.unary("Relu"), stablehlo: stablehlo.relu },
  Erf: { infer: shape.same, onnx: onnx.unary("Erf"), stablehlo: stablehlo.erf },
  Reciprocal: { infer: shape.same, onnx: onnx.unary("Reciprocal"), stablehlo: stablehlo.reciprocal },
  Square: { infer: shape.same, onnx: onnx.square, stablehlo: stablehlo.square },
  Rsqrt: { infer: shape.same, onnx: onnx.rsqrt, stablehlo: stablehlo.unary("rsqrt") },
  Step: { infer: shape.same, onnx: onnx.step, stablehlo: stablehlo.step },
  ZerosLike: { infer: shape.same, onnx: onnx.splat(0), stablehlo: stablehlo.splat(0) },
  OnesLike: { infer: shape.same, onnx: onnx.splat(1), stablehlo: stablehlo.splat(1) },
  Fill: { infer: shape.fill, onnx: onnx.fill, stablehlo: stablehlo.fill },
  Cast: { infer: shape.cast, onnx: onnx.cast, stablehlo: stablehlo.cast },
  Reshape: { infer: shape.reshape, onnx: onnx.reshape, stablehlo: stablehlo.reshape },
  ExpandDims: { infer: shape.expandDims, onnx: onnx.reshape, stablehlo: stablehlo.reshape },
  Transpose: { infer: shape.transpose, onnx: onnx.transpose, stablehlo: stablehlo.transpose },
  Slice: { infer: shape.slice, onnx: onnx.slice, stablehlo: stablehlo.slice },
  Concat: { infer: shape.concat, onnx: onnx.concat, stablehlo: stablehlo.concat },
  SplitV: { infer: shape.split, onnx: onnx.split, stablehlo: stablehlo.split },
  PadV2: { infer: shape.pad, onnx: onnx.pad, stablehlo: stablehlo.pad },
  Tile: { infer: shape.tile, onnx: onnx.tile, stablehlo: stablehlo.tile },
  Select: { infer: shape.select, onnx: onnx.select, stablehlo: stablehlo.select },
  OneHot: { infer: shape.oneHot, onnx: onnx.oneHot, stablehlo: stablehlo.oneHot },
  GatherV2: { infer: shape.gather, onnx: onnx.gather, stablehlo: stablehlo.gather },
  UnsortedSegmentSum: { infer: shape.segmentSum, onnx: onnx.segmentSum, stablehlo: stablehlo.segmentSum },
  Sum: { infer: shape.reduce, onnx: onnx.sum, stablehlo: stablehlo.sum },
  Mean: { infer: shape.reduce, onnx: onnx.mean, stablehlo: stablehlo.mean },
  Max: { infer: shape.maximum, onnx: onnx.maximum, stablehlo: stablehlo.maximum },
  ArgMax: { infer: shape.argMax, onnx: onnx.argMax, stablehlo: stablehlo.argMax },
  Softmax: { infer: shape.same, onnx: onnx.softmax, stablehlo: stablehlo.softmax },
  AddN: { infer: shape.same, onnx: onnx.addN, stablehlo: stablehlo.addN },
  BatchMatMul: { infer: shape.matMul, onnx: onnx.matMul, stablehlo: stablehlo.matMul },

  Linear: { infer: shape.linear, onnx: onnx.linear, stablehlo: stablehlo.linear },
  LayerNorm: { infer: shape.layerNorm, onnx: onnx.layerNorm, stablehlo: stablehlo.layerNorm },
  LayerNormGrad: {
    infer: shape.like("x", "gamma", "gamma"),
    onnx: onnx.layerNormGrad,
    stablehlo: stablehlo.layerNormGrad,
  },
  Gelu: { infer: shape.like("x", "x"), onnx: onnx.gelu, stablehlo: stablehlo.gelu },
  GeluGrad: { infer: shape.like("x"), onnx: onnx.geluGrad, stablehlo: stablehlo.geluGrad },
  Dropout: { infer: shape.like("x"), onnx: onnx.dropout, stablehlo: stablehlo.dropout },
  Attention: { infer: shape.attention, onnx: onnx.attention, stablehlo: stablehlo.attention },
  AttentionGrad: {
    infer: shape.like("query", "key", "value"),
    onnx: onnx.attentionGrad,
    stablehlo: stablehlo.attentionGrad,
  },
  SquaredNorm: { infer: shape.scalar, onnx: onnx.squaredNorm, stablehlo: stablehlo.squaredNorm },
  SoftmaxCrossEntropy: {
    infer: shape.crossEntropy,
    onnx: onnx.crossEntropy,
    stablehlo: stablehlo.crossEntropy,
  },
  SoftmaxCrossEntropyGrad: {
    infer: shape.like("logProbabilities"),
    onnx: onnx.crossEntropyGrad,
    stablehlo: stablehlo.crossEntropyGrad,
  },
  Embedding: { infer: shape.embedding, onnx: onnx.embedding, stablehlo: stablehlo.embedding },
  EmbeddingGrad: { infer: shape.embeddingGrad, onnx: onnx.embeddingGrad, stablehlo: stablehlo.embeddingGrad },
  Lstm: { infer: shape.lstm, onnx: onnx.lstm, stablehlo: stablehlo.lstm },
  LstmGrad: { infer: shape.like("toGates"), onnx: onnx.lstmGrad, stablehlo: stablehlo.lstmGrad },
} satisfies Record<string, Operation>;
