/** StableHLO rules of the operations in composites.ts except attention; XLA fuses what is between products. */
import { InputError } from "../../errors.ts";
import { sizeOf } from "../graph.ts";
import { dropThreshold, siteConstant } from "../keyed_mask.ts";
import type { Operand, StablehloEmitter } from "./emitter.ts";

type Inputs = Record<string, Operand>;

/** x Wᵀ + b. */
export function linear(emit: StablehloEmitter, { x, weight, bias }: Inputs): Operand {
  return emit.add(emit.dot(x!, weight!, { contract: [[1], [1]] }), bias!);
}

/** Means over the last axis, which stays as 1. */
function rowMeans(emit: StablehloEmitter, x: Operand): Operand {
  return emit.multiply(emit.reduce("add", x, -1, { keep: true }), 1 / x.shape.at(-1)!);
}

/** γ x̂ + β with x̂ = (x − mean) / σ; mean and 1 / σ of each row. */
export function layerNorm(
  emit: StablehloEmitter,
  { x, gamma, beta }: Inputs,
  { epsilon }: { epsilon: number },
): Operand[] {
  const mean = rowMeans(emit, x!);
  const centred = emit.subtract(x!, mean);
  const variance = rowMeans(emit, emit.multiply(centred, centred));
  const inverseDeviation = emit.unary("rsqrt", emit.add(variance, epsilon));
  const normal = emit.multiply(centred, inverseDeviation);
  return [emit.add(emit.multiply(normal, gamma!), beta!), mean, inverseDeviation];
}

/** dx = (dy γ − mean(dy γ) − x̂ mean(dy γ x̂)) / σ; dγ = Σ dy x̂ and dβ = Σ dy over the rows. */
export function layerNormGrad(
  emit: StablehloEmitter,
  { dy, x, gamma, mean, inverseDeviation }: Inputs,
): Operand[] {
  const normal = emit.multiply(emit.subtract(x!, mean!), inverseDeviation!);
  const dNormal = emit.multiply(dy!, gamma!);
  const along = emit.multiply(normal, rowMeans(emit, emit.multiply(dNormal, normal)));
  const across = emit.subtract(emit.subtract(dNormal, rowMeans(emit, dNormal)), along);
  const rows = x!.shape.slice(0, -1).map((_, axis) => axis);
  return [
    emit.multiply(across, inverseDeviation!),
    emit.reduce("add", emit.multiply(dy!, normal), rows),
    emit.reduce("add", dy!, rows),
  ];
}

/** x Φ(x) and Φ(x) = (1 + erf(x / √2)) / 2. */
export function gelu(emit: StablehloEmitter, { x }: Inputs): Operand[] {
  const error = emit.erf(emit.multiply(x!, Math.SQRT1_2));
  const distribution = emit.multiply(emit.add(error, 1), 0.5);
  return [emit.multiply(x!, distribution), distribution];
}

/** dy (Φ(x) + x φ(x)) with φ(x) = exp(−x² / 2) / √2π. */
export function geluGrad(emit: StablehloEmitter, { dy, x, distribution }: Inputs): Operand {
  const exponential = emit.unary("exponential", emit.multiply(emit.multiply(x!, x!), -0.5));
  const density = emit.multiply(exponential, 1 / Math.sqrt(2 * Math.PI));
  return emit.multiply(dy!, emit.add(distribution!, emit.multiply(x!, density)));
}

/** lowbias32 of every element of a ui32 tensor. */
function hash(emit: StablehloEmitter, x: Operand): Operand {
  const shift = (x: Operand, by: number) => emit.binary("xor", x, emit.binary("shift_right_logical", x, by));
  return shift(emit.multiply(shift(emit.multiply(shift(x, 16), 0x7feb352d), 15), 0x846ca68b), 16);
}

/** Most elements of a mask: their numbers are ui32, and so is their count. */
const mostElements = 2 ** 32 - 1;

/**
 * Makes the mask of keyed_mask.ts as booleans. Each of several replicas has its rows of the joined batch's mask, so
 * that the number of devices changes no loss. A single replica's number, 0, keeps XLA from computing large constants
 * when it compiles.
 */
function keyedMask(
  emit: StablehloEmitter,
  key: Operand,
  { rate, site }: { rate: number; site: number },
  shape: readonly number[],
): Operand {
  const size = sizeOf(shape);
  if (size * emit.options.replicas > mostElements) {
    throw new InputError(
      `Cannot drop out of a tensor of shape [${shape}]${
        emit.options.replicas > 1 ? ` on ${emit.options.replicas} devices` : ""
      }: expected at most 2^32 - 1 elements, whose number the mask is made from; take fewer texts at once ` +
        "(micro-batch size) or a shorter maximum length",
    );
  }
  const half = Math.ceil(size * emit.options.replicas / 2);
  const element = emit.add(emit.iota([size], 0, "ui32"), emit.multiply(emit.replicaId(), size));
  const low = emit.compare("LT", element, half);
  const index = emit.select(low, element, emit.subtract(element, half));
  const keyBits = emit.reshape(emit.bitcast(key, "ui32"), []);
  const siteKey = hash(emit, emit.binary("xor", keyBits, siteConstant(site)));
  const words = hash(emit, emit.binary("xor", index, siteKey));
  const [lowBits, highBits] = [
    emit.binary("and", words, 0xffff),
    emit.binary("shift_right_logical", words, 16),
  ];
  return emit.reshape(emit.compare("GE", emit.select(low, lowBits, highBits), dropThreshold(rate)), shape);
}

/** x / (1 − rate) where the site's mask keeps it, else 0. */
export function droppedOut(
  emit: StablehloEmitter,
  x: Operand,
  key: Operand,
  attributes: { rate: number; site: number },
): Operand {
  const mask = keyedMask(emit, key, attributes, x.shape);
  return emit.select(mask, emit.multiply(x, 1 / (1 - attributes.rate)), 0);
}

/** Dropout forward, and as its own gradient. */
export function dropout(
  emit: StablehloEmitter,
  { x, key }: Inputs,
  attributes: { rate: number; site: number },
): Operand {
  return droppedOut(emit, x!, key!, attributes);
}

/** exp(x − max) / Σ exp(x − max) over the last axis. */
export function softmaxOf(emit: StablehloEmitter, x: Operand): Operand {
  const largest = emit.reduce("maximum", x, -1, { keep: true });
  const exponential = emit.unary("exponential", emit.subtract(x, largest));
  return emit.binary("divide", exponential, emit.reduce("add", exponential, -1, { keep: true }));
}

/** Σ x². */
export function squaredNorm(emit: StablehloEmitter, { x }: Inputs): Operand {
  return emit.total(emit.multiply(x!, x!));
}

/** True where the last axis of `shape` is at the class in `labels`. */
export function isClass(emit: StablehloEmitter, labels: Operand, shape: readonly number[]): Operand {
  const classes = emit.iota(shape, shape.length - 1);
  return emit.compare("EQ", emit.reshape(labels, [...labels.shape, 1]), classes);
}

/** −log p[label] and log p = x − max − log Σ exp(x − max). */
export function crossEntropy(emit: StablehloEmitter, { logits, labels }: Inputs): Operand[] {
  const shifted = emit.subtract(logits!, emit.reduce("maximum", logits!, -1, { keep: true }));
  const sums = emit.reduce("add", emit.unary("exponential", shifted), -1, { keep: true });
  const logProbabilities = emit.subtract(shifted, emit.unary("log", sums));
  const chosen = emit.select(isClass(emit, labels!, logits!.shape), logProbabilities, 0);
  return [emit.unary("negate", emit.reduce("add", chosen, -1)), logProbabilities];
}

/** dy (p − 1) at the label, dy p elsewhere. */
export function crossEntropyGrad(emit: StablehloEmitter, { dy, logProbabilities, labels }: Inputs): Operand {
  const chosen = emit.convert(isClass(emit, labels!, logProbabilities!.shape), "f32");
  const difference = emit.subtract(emit.unary("exponential", logProbabilities!), chosen);
  return emit.multiply(emit.reshape(dy!, [...dy!.shape, 1]), difference);
}

/** Rows of the table. */
export function embedding(emit: StablehloEmitter, { table, ids }: Inputs): Operand {
  return emit.gather(table!, ids!, 0);
}

/** Adds up rows by their id. */
export function embeddingGrad(
  emit: StablehloEmitter,
  { dy, ids }: Inputs,
  { vocabulary }: { vocabulary: number },
): Operand {
  return emit.scatterAdd(dy!, ids!, vocabulary);
}
