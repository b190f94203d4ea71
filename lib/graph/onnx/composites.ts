/** ONNX rules of the operations in composites.ts: forward and gradient share what they can through `emit.memo`. */
import { sizeOf, type Value } from "../graph.ts";
import { dropThreshold, siteConstant } from "../keyed_mask.ts";
import type { OnnxEmitter } from "./emitter.ts";
import { elementTypes, float } from "./proto.ts";

type Inputs = Record<string, Value>;

function int64(emit: OnnxEmitter, values: readonly number[]): string {
  return emit.constant(values, "int64");
}

function mul(emit: OnnxEmitter, a: string, b: string): string {
  return emit.node("Mul", [a, b]);
}

function reshaped(emit: OnnxEmitter, x: string, shape: readonly number[]): string {
  return emit.node("Reshape", [x, int64(emit, shape)]);
}

/** Sums of the rows of x [R, S] weighted by a vector [S]: [R, 1]. */
function rowSums(emit: OnnxEmitter, x: string, weights: string): string {
  return emit.node("MatMul", [x, weights]);
}

/** A vector of n equal numbers. */
function constantVector(emit: OnnxEmitter, n: number, value: number, shape: readonly number[] = [n]): string {
  return emit.memo(
    `vector ${value} [${shape}]`,
    () => emit.node("Expand", [emit.constant([value], "float32", [1]), int64(emit, shape)]),
  );
}

/** x Wᵀ + b. */
export function linear(emit: OnnxEmitter, { x, weight, bias }: Inputs): string {
  return emit.node("Gemm", [emit.name(x!), emit.name(weight!), emit.name(bias!)], { transB: 1 });
}

/** ONNX's LayerNormalization, with the optional outputs that the gradient needs. */
export function layerNorm(
  emit: OnnxEmitter,
  { x, gamma, beta }: Inputs,
  { epsilon }: { epsilon: number },
): string[] {
  return emit.several("LayerNormalization", [emit.name(x!), emit.name(gamma!), emit.name(beta!)], 3, {
    axis: -1,
    epsilon: float(epsilon),
  });
}

/** dx = (dy γ − mean(dy γ) − x̂ mean(dy γ x̂)) / σ; row means are products with γ / H. */
export function layerNormGrad(emit: OnnxEmitter, { dy, x, gamma, mean, inverseDeviation }: Inputs): string[] {
  const hidden = gamma!.shape[0]!;
  const rows = sizeOf(x!.shape) / hidden;
  const flat = (value: Value, columns: number) => reshaped(emit, emit.name(value), [rows, columns]);
  const dyRows = flat(dy!, hidden);
  const sigma = flat(inverseDeviation!, 1);
  const centred = emit.node("Sub", [flat(x!, hidden), flat(mean!, 1)]);
  const normal = mul(emit, centred, sigma);
  const gammaName = emit.name(gamma!);
  const weights = emit.memo(
    `gamma/H ${gammaName}`,
    () => reshaped(emit, mul(emit, gammaName, emit.scalar(1 / hidden)), [hidden, 1]),
  );
  const product = mul(emit, dyRows, normal);
  const meanDy = mul(emit, rowSums(emit, dyRows, weights), sigma);
  const meanProduct = mul(emit, rowSums(emit, product, weights), sigma);
  const first = mul(emit, mul(emit, dyRows, gammaName), sigma);
  const second = emit.node("Sub", [first, mul(emit, normal, meanProduct)]);
  const dx = emit.node("Sub", [second, meanDy]);
  const ones = constantVector(emit, rows, 1);
  return [
    reshaped(emit, dx, x!.shape),
    emit.node("MatMul", [ones, product]),
    emit.node("MatMul", [ones, dyRows]),
  ];
}

/** HardSigmoid(½, ½) of erf(x/√2) is the normal distribution function in one pass. */
export function gelu(emit: OnnxEmitter, { x }: Inputs): string[] {
  const error = emit.node("Erf", [mul(emit, emit.name(x!), emit.scalar(Math.SQRT1_2))]);
  const distribution = emit.node("HardSigmoid", [error], { alpha: float(0.5), beta: float(0.5) });
  return [mul(emit, emit.name(x!), distribution), distribution];
}

/** dy (Φ(x) + x φ(x)). */
export function geluGrad(emit: OnnxEmitter, { dy, x, distribution }: Inputs): string {
  const scaled = mul(emit, emit.name(x!), emit.scalar(-0.5));
  const density = emit.node("Exp", [mul(emit, emit.name(x!), scaled)]);
  const slope = mul(emit, mul(emit, scaled, density), emit.scalar(-2 / Math.sqrt(2 * Math.PI)));
  return mul(emit, emit.name(dy!), emit.node("Add", [emit.name(distribution!), slope]));
}

/** lowbias32 of every element of a uint32 tensor. */
function hash(emit: OnnxEmitter, x: string): string {
  const shift = (x: string, by: number) =>
    emit.node("BitwiseXor", [
      x,
      emit.node("BitShift", [x, emit.constant([by], "uint32", [])], { direction: "RIGHT" }),
    ]);
  const times = (x: string, by: number) => mul(emit, x, emit.constant([by], "uint32", []));
  return shift(times(shift(times(shift(x, 16), 0x7feb352d), 15), 0x846ca68b), 16);
}

/** Makes the mask of keyed_mask.ts as floats 0 and 1, once for each site. */
function keyedMask(
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
      () => emit.node("Cast", [emit.name(key)], { to: elementTypes.uint32 }),
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
    const exact = half * 2 === size
      ? keep
      : emit.node("Slice", [keep, int64(emit, [0]), int64(emit, [size])]);
    return reshaped(emit, emit.node("Cast", [exact], { to: elementTypes.float32 }), shape);
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
    () => mul(emit, keyedMask(emit, key!, attributes, x!.shape), emit.scalar(1 / (1 - attributes.rate))),
  );
  return mul(emit, emit.name(x!), mask);
}

type AttentionAttributes = { readonly heads: number; readonly rate: number; readonly site: number };

/** Heads side by side and heads one after another, and the way between them. */
interface Heads {
  /** [B, T, N·n] or [S, N·n] → [B, N, T, n]. */
  split(x: string, shape: readonly number[]): string;
  /** [B, N, T, D] → the query's shape. */
  join(x: string): string;
}

/** In rows that are all of the tokens a transposition, else a choice of rows of D numbers, which costs the same. */
function headsOf(emit: OnnxEmitter, { query, tokens, places }: Inputs, heads: number): Heads {
  const hidden = query!.shape.at(-1)!;
  if (!tokens || !places) {
    const perm = [0, 2, 1, 3];
    return {
      split: (x, shape) =>
        emit.node("Transpose", [reshaped(emit, x, [...shape.slice(0, 2), heads, shape[2]! / heads])], {
          perm,
        }),
      join: (x) => reshaped(emit, emit.node("Transpose", [x], { perm }), query!.shape),
    };
  }
  const [rows, length] = tokens.shape as [number, number];
  const S = places.shape[0]!;
  const int32 = (values: readonly number[], shape: readonly number[] = []) =>
    emit.constant(values, "int32", shape);
  const add = (a: string, b: string) => emit.node("Add", [a, b]);
  const numbers = int32(Array.from({ length: heads }, (_, head) => head), [heads, 1]);
  const chosen = emit.memo(`head rows ${tokens.id}`, () => {
    const token = reshaped(emit, emit.name(tokens), [rows, 1, length]);
    return add(mul(emit, token, int32([heads])), numbers);
  });
  const back = emit.memo(`head places ${places.id}`, () => { // (row · N + head) · T + place
    const place = reshaped(emit, emit.name(places), [S, 1]);
    const row = emit.node("Div", [place, int32([length])]);
    const ofFirst = add(place, mul(emit, row, int32([(heads - 1) * length])));
    return add(ofFirst, int32(Array.from({ length: heads }, (_, head) => head * length), [1, heads]));
  });
  return {
    split: (x, shape) =>
      emit.node("Gather", [reshaped(emit, x, [S * heads, shape[1]! / heads]), chosen], { axis: 0 }),
    join: (x) => {
      const flat = reshaped(emit, x, [rows * heads * length, hidden / heads]);
      return reshaped(emit, emit.node("Gather", [flat, back], { axis: 0 }), query!.shape);
    },
  };
}

/** A value with its heads one after another, made once. */
function splitHeads(emit: OnnxEmitter, heads: Heads, value: Value): string {
  return emit.memo(`heads ${value.id}`, () => heads.split(emit.name(value), value.shape));
}

function product(emit: OnnxEmitter, a: string, b: string, alpha: number, transA = 0, transB = 0): string {
  return emit.product(a, b, { rank: 4, alpha, transA, transB });
}

/** softmax(Q Kᵀ / √D + mask) V; the probabilities after dropout stay for the gradient. */
export function attention(
  emit: OnnxEmitter,
  inputs: Inputs,
  attributes: AttentionAttributes,
  [, probabilities]: readonly Value[],
): string[] {
  const { query, key, value, maskBias, dropoutKey } = inputs;
  const { rate } = attributes;
  const heads = headsOf(emit, inputs, attributes.heads);
  const split = (value: Value | undefined) => splitHeads(emit, heads, value!);
  const scale = 1 / Math.sqrt(query!.shape.at(-1)! / attributes.heads);
  const scores = product(emit, split(query), split(key), scale, 0, 1);
  const [batch, ...keys] = maskBias!.shape as [number, ...number[]];
  const bias = emit.memo(
    `mask bias ${maskBias!.id}`,
    () => reshaped(emit, emit.name(maskBias!), [batch, 1, ...keys.length === 1 ? [1] : [], ...keys]),
  );
  const softmax = emit.node("Softmax", [emit.node("Add", [scores, bias])], { axis: -1 });
  const kept = emit.memo(
    `kept ${probabilities!.id}`,
    () =>
      dropoutKey
        ? mul(emit, softmax, keyedMask(emit, dropoutKey, attributes, probabilities!.shape))
        : softmax,
  );
  return [heads.join(product(emit, kept, split(value), 1 / (1 - rate))), softmax];
}

/**
 * The gradient of attention. It takes the row sums of dP ∘ P from dy ∘ y (Dao et al. 2022, appendix B), whose rows have
 * only a head's D numbers instead of T probabilities.
 */
export function attentionGrad(
  emit: OnnxEmitter,
  inputs: Inputs,
  { heads: count, rate }: AttentionAttributes,
): string[] {
  const { dy, query, key, value, y, probabilities } = inputs;
  const heads = headsOf(emit, inputs, count);
  const split = (value: Value | undefined) => splitHeads(emit, heads, value!);
  const [hidden, ...others] = query!.shape.toReversed() as [number, ...number[]];
  const size = hidden / count;
  const scale = 1 / Math.sqrt(size);
  const unit = 1 / (1 - rate);
  const softmax = emit.name(probabilities!);
  const kept = emit.memo(`kept ${probabilities!.id}`, () => softmax);
  const dContext = split(dy);
  const dValue = product(emit, kept, dContext, unit, 1, 0);
  const dKept = product(emit, dContext, split(value), unit, 0, 1);
  const dyy = reshaped(emit, mul(emit, emit.name(dy!), emit.name(y!)), [sizeOf(others) * count, size]);
  const sums = rowSums(emit, dyy, constantVector(emit, size, 1, [size, 1]));
  const shape = [...others.toReversed(), count];
  const perHead = heads.split(reshaped(emit, sums, shape), shape);
  const dScores = emit.node("Sub", [mul(emit, kept, dKept), mul(emit, softmax, perHead)]);
  return [
    heads.join(product(emit, dScores, split(key), scale)),
    heads.join(product(emit, dScores, split(query), scale, 1, 0)),
    heads.join(dValue),
  ];
}

/** ReduceSumSquare over one long axis uses both cores; a product of the tensor with itself does not. */
export function squaredNorm(emit: OnnxEmitter, { x }: Inputs): string {
  const flat = reshaped(emit, emit.name(x!), [sizeOf(x!.shape)]);
  return emit.node("ReduceSumSquare", [flat, int64(emit, [0])], { keepdims: 0 });
}

/** Labels [B] as indices [B, 1] into each row. */
function labelColumn(emit: OnnxEmitter, labels: Value): string {
  return emit.memo(
    `label column ${labels.id}`,
    () => reshaped(emit, emit.name(labels), [labels.shape[0]!, 1]),
  );
}

/** −log p[label], picked by index: a product with ones and zeros would read all B · C numbers once more. */
export function crossEntropy(emit: OnnxEmitter, { logits, labels }: Inputs): string[] {
  const logProbabilities = emit.node("LogSoftmax", [emit.name(logits!)], { axis: -1 });
  const picked = emit.node("GatherElements", [logProbabilities, labelColumn(emit, labels!)], { axis: 1 });
  return [reshaped(emit, emit.node("Neg", [picked]), labels!.shape), logProbabilities];
}

/** dy (p − 1) at the label, dy p elsewhere. */
export function crossEntropyGrad(emit: OnnxEmitter, { dy, logProbabilities, labels }: Inputs): string {
  const probabilities = emit.node("Exp", [emit.name(logProbabilities!)]);
  const rows = labels!.shape[0]!;
  const minusOnes = constantVector(emit, rows, -1, [rows, 1]);
  const difference = emit.node(
    "ScatterElements",
    [probabilities, labelColumn(emit, labels!), minusOnes],
    { axis: 1, reduction: "add" },
  );
  return mul(emit, reshaped(emit, emit.name(dy!), [rows, 1]), difference);
}

/** Rows of the table. */
export function embedding(emit: OnnxEmitter, { table, ids }: Inputs): string {
  return emit.node("Gather", [emit.name(table!), emit.name(ids!)], { axis: 0 });
}

/** A small table's gradient is a product with ones and zeros; a large table's is scattered. */
export function embeddingGrad(
  emit: OnnxEmitter,
  { dy, ids }: Inputs,
  { vocabulary }: { vocabulary: number },
): string {
  if (vocabulary <= 64) {
    const numbers = emit.constant(Array.from({ length: vocabulary }, (_, i) => i), "int32");
    const column = emit.node("Unsqueeze", [emit.name(ids!), int64(emit, [-1])]);
    const chosen = emit.node("Cast", [emit.node("Equal", [column, numbers])], { to: elementTypes.float32 });
    return emit.node("Gemm", [chosen, emit.name(dy!)], { transA: 1 });
  }
  return emit.scatterRows(emit.name(dy!), dy!.shape, emit.name(ids!), [vocabulary, dy!.shape[1]!]);
}
