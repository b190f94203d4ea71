/** ONNX rules of the operations in composites.ts: forward and gradient share what they can through `emit.memo`. */
import { sizeOf, type Value } from "../graph.ts";
import { dropThreshold, siteConstant } from "../keyed_mask.ts";
import type { OnnxEmitter } from "./emitter.ts";
import { elementTypes, float } from "./proto.ts";

type Inputs = Record<string, Value>;

/** x Wᵀ + b. */
export function linear(emit: OnnxEmitter, { x, weight, bias }: Inputs): string {
  return emit.node("Gemm", [x!, weight!, bias!], { transB: 1 });
}

/** ONNX's LayerNormalization, with the optional outputs that the gradient needs. */
export function layerNorm(
  emit: OnnxEmitter,
  { x, gamma, beta }: Inputs,
  { epsilon }: { epsilon: number },
): string[] {
  return emit.several("LayerNormalization", [x!, gamma!, beta!], 3, {
    axis: -1,
    epsilon: float(epsilon),
  });
}

/** dx = (dy γ − mean(dy γ) − x̂ mean(dy γ x̂)) / σ; row means are products with γ / H. */
export function layerNormGrad(emit: OnnxEmitter, { dy, x, gamma, mean, inverseDeviation }: Inputs): string[] {
  const hidden = gamma!.shape[0]!;
  const rows = sizeOf(x!.shape) / hidden;
  const flat = (value: Value, columns: number) => emit.reshape(value, [rows, columns]);
  const dyRows = flat(dy!, hidden);
  const sigma = flat(inverseDeviation!, 1);
  const centred = emit.node("Sub", [flat(x!, hidden), flat(mean!, 1)]);
  const normal = emit.mul(centred, sigma);
  const gammaName = emit.name(gamma!);
  const weights = emit.memo(
    `gamma/H ${gammaName}`,
    () => emit.reshape(emit.mul(gammaName, emit.scalar(1 / hidden)), [hidden, 1]),
  );
  const product = emit.mul(dyRows, normal);
  const meanDy = emit.mul(emit.node("MatMul", [dyRows, weights]), sigma);
  const meanProduct = emit.mul(emit.node("MatMul", [product, weights]), sigma);
  const first = emit.mul(emit.mul(dyRows, gammaName), sigma);
  const second = emit.node("Sub", [first, emit.mul(normal, meanProduct)]);
  const dx = emit.node("Sub", [second, meanDy]);
  const ones = emit.filled(1, [rows]);
  return [
    emit.reshape(dx, x!.shape),
    emit.node("MatMul", [ones, product]),
    emit.node("MatMul", [ones, dyRows]),
  ];
}

/** HardSigmoid(½, ½) of erf(x/√2) is the normal distribution function in one pass; where no gradient reads it, ONNX's Gelu. */
export function gelu(
  emit: OnnxEmitter,
  { x }: Inputs,
  _: unknown,
  [, normal]: readonly Value[],
): string[] {
  if (!emit.isRead(normal!)) return [emit.node("Gelu", [x!])];
  const error = emit.node("Erf", [emit.mul(x!, emit.scalar(Math.SQRT1_2))]);
  const distribution = emit.node("HardSigmoid", [error], { alpha: float(0.5), beta: float(0.5) });
  return [emit.mul(x!, distribution), distribution];
}

/** dy (Φ(x) + x φ(x)). */
export function geluGrad(emit: OnnxEmitter, { dy, x, distribution }: Inputs): string {
  const scaled = emit.mul(x!, emit.scalar(-0.5));
  const density = emit.node("Exp", [emit.mul(x!, scaled)]);
  const slope = emit.mul(emit.mul(scaled, density), emit.scalar(-2 / Math.sqrt(2 * Math.PI)));
  return emit.mul(dy!, emit.node("Add", [distribution!, slope]));
}

/** lowbias32 of every element of a uint32 tensor. */
function hash(emit: OnnxEmitter, x: string): string {
  const shift = (x: string, by: number) =>
    emit.node("BitwiseXor", [
      x,
      emit.node("BitShift", [x, emit.constant([by], "uint32", [])], { direction: "RIGHT" }),
    ]);
  const times = (x: string, by: number) => emit.mul(x, emit.constant([by], "uint32", []));
  return shift(times(shift(times(shift(x, 16), 0x7feb352d), 15), 0x846ca68b), 16);
}

/** Makes the mask of keyed_mask.ts as floats 0 and 1, once for each site. */
export function keyedMask(
  emit: OnnxEmitter,
  key: Value,
  { rate, site }: { rate: number; site: number },
  shape: readonly number[],
): string {
  return emit.memo(`mask ${site}`, () => {
    const size = sizeOf(shape);
    const half = Math.ceil(size / 2);
    const bits = emit.memo(
      `key bits`,
      () => emit.node("Cast", [key], { to: elementTypes.uint32 }),
    );
    const siteKey = hash(
      emit,
      emit.node("BitwiseXor", [bits, emit.constant([siteConstant(site)], "uint32", [])]),
    );
    const indices = emit.memo(`indices ${half}`, () =>
      emit.node("Cast", [
        emit.node("Range", [0, half, 1].map((value) => emit.constant([value], "int32", []))),
      ], { to: elementTypes.uint32 }));
    const words = hash(emit, emit.node("BitwiseXor", [indices, siteKey]));
    const threshold = dropThreshold(rate);
    const low = emit.node("BitwiseAnd", [words, emit.constant([0xffff], "uint32", [])]);
    const keep = emit.node("Concat", [
      emit.node("GreaterOrEqual", [low, emit.constant([threshold], "uint32", [])]),
      emit.node("GreaterOrEqual", [words, emit.constant([threshold * 0x10000], "uint32", [])]),
    ], { axis: 0 });
    const exact = half * 2 === size ? keep : emit.node("Slice", [keep, emit.int64([0]), emit.int64([size])]);
    return emit.reshape(emit.node("Cast", [exact], { to: elementTypes.float32 }), shape);
  });
}

/** x · mask / (1 − rate). */
export function dropout(
  emit: OnnxEmitter,
  { x, key }: Inputs,
  attributes: { rate: number; site: number },
): string {
  const mask = emit.memo(
    `scaled mask ${attributes.site}`,
    () => emit.mul(keyedMask(emit, key!, attributes, x!.shape), emit.scalar(1 / (1 - attributes.rate))),
  );
  return emit.mul(x!, mask);
}

/** ReduceSumSquare over one long axis uses both cores; a product of the tensor with itself does not. */
export function squaredNorm(emit: OnnxEmitter, { x }: Inputs): string {
  const flat = emit.reshape(x!, [sizeOf(x!.shape)]);
  return emit.node("ReduceSumSquare", [flat, emit.int64([0])], { keepdims: 0 });
}

/** Labels [B] as indices [B, 1] into each row. */
function labelColumn(emit: OnnxEmitter, labels: Value): string {
  return emit.memo(
    `label column ${labels.id}`,
    () => emit.reshape(labels, [labels.shape[0]!, 1]),
  );
}

/** −log p[label], picked by index: a product with ones and zeros would read all B · C numbers once more. */
export function crossEntropy(emit: OnnxEmitter, { logits, labels }: Inputs): string[] {
  const logProbabilities = emit.node("LogSoftmax", [logits!], { axis: -1 });
  const picked = emit.node("GatherElements", [logProbabilities, labelColumn(emit, labels!)], { axis: 1 });
  return [emit.reshape(emit.node("Neg", [picked]), labels!.shape), logProbabilities];
}

/** dy (p − 1) at the label, dy p elsewhere. */
export function crossEntropyGrad(emit: OnnxEmitter, { dy, logProbabilities, labels }: Inputs): string {
  const probabilities = emit.node("Exp", [logProbabilities!]);
  const rows = labels!.shape[0]!;
  const minusOnes = emit.filled(-1, [rows, 1]);
  const difference = emit.node(
    "ScatterElements",
    [probabilities, labelColumn(emit, labels!), minusOnes],
    { axis: 1, reduction: "add" },
  );
  return emit.mul(emit.reshape(dy!, [rows, 1]), difference);
}

/** Rows of the table. */
export function embedding(emit: OnnxEmitter, { table, ids }: Inputs): string {
  return emit.node("Gather", [table!, ids!], { axis: 0 });
}

/** A small table's gradient is a product with ones and zeros; a large table's is scattered. */
export function embeddingGrad(
  emit: OnnxEmitter,
  { dy, ids }: Inputs,
  { vocabulary }: { vocabulary: number },
): string {
  if (vocabulary <= 64) {
    const numbers = emit.constant(Array.from({ length: vocabulary }, (_, i) => i), "int32");
    const column = emit.node("Unsqueeze", [ids!, emit.int64([-1])]);
    const chosen = emit.node("Cast", [emit.node("Equal", [column, numbers])], { to: elementTypes.float32 });
    return emit.node("Gemm", [chosen, dy!], { transA: 1 });
  }
  return emit.scatterRows(dy!, ids!, [vocabulary, dy!.shape[1]!]);
}
