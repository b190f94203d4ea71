/** StableHLO rules of attention: products and a softmax, or cuDNN's call (fused_attention.ts). */
import { droppedOut, softmaxOf } from "./composites.ts";
import type { Operand, StablehloEmitter } from "./emitter.ts";
import { fusedAttention, fusedAttentionGrad, isFused, isFusible } from "./fused_attention.ts";

type Inputs = Record<string, Operand>;
type Attributes = { readonly heads: number; readonly rate: number; readonly site: number };

/** [B, T, N·D], or [S, N·D] by the tokens of rows, → [B, T, N, D]. */
function splitHeads(emit: StablehloEmitter, x: Operand, heads: number, tokens?: Operand): Operand {
  const [batch, length] = (tokens ?? x).shape as [number, number];
  const inRows = tokens ? emit.gather(x, emit.reshape(tokens, [batch * length]), 0) : x;
  return emit.reshape(inRows, [batch, length, heads, x.shape.at(-1)! / heads]);
}

/** [B, N, T, D] → [B, T, N·D], or [S, N·D] by the tokens' places. */
function joinHeads(emit: StablehloEmitter, x: Operand, places?: Operand): Operand {
  const [batch, heads, tokens, size] = x.shape as [number, number, number, number];
  const inRows = emit.transpose(x, [0, 2, 1, 3]);
  return places
    ? emit.gather(emit.reshape(inRows, [batch * tokens, heads * size]), places, 0)
    : emit.reshape(inRows, [batch, tokens, heads * size]);
}

/** [B, T, N, D] × [B, S, N, D] → [B, N, T, S]. */
function pairs(emit: StablehloEmitter, a: Operand, b: Operand): Operand {
  return emit.dot(a, b, { batch: [[0, 2], [0, 2]], contract: [[3], [3]] });
}

/** [B, N, T, S] × [B, S, N, D] → [B, N, T, D]; with the axis 2 [B, N, T, S] × [B, T, N, D] → [B, N, S, D]. */
function mixed(emit: StablehloEmitter, weights: Operand, x: Operand, axis: 2 | 3): Operand {
  return emit.dot(weights, x, { batch: [[0, 1], [0, 2]], contract: [[axis], [1]] });
}

/** softmax(Q Kᵀ / √D + mask) V, and the probabilities before dropout, which cuDNN does not return. */
export function attention(
  emit: StablehloEmitter,
  { query, key, value, maskBias, dropoutKey, tokens: rows, places }: Inputs,
  attributes: Attributes,
): Operand[] {
  const split = (x: Operand) => splitHeads(emit, x, attributes.heads, rows);
  const [q, k, v] = [split(query!), split(key!), split(value!)];
  if (!rows && maskBias!.shape.length === 2 && isFusible(emit, q, dropoutKey)) {
    return [fusedAttention(emit, q, k, v, maskBias!)];
  }
  const [batch, tokens, , size] = q.shape as [number, number, number, number];
  const scores = emit.multiply(pairs(emit, q, k), 1 / Math.sqrt(size));
  const bias = emit.reshape(maskBias!, [batch, 1, maskBias!.shape.length === 3 ? tokens : 1, tokens]);
  const softmax = softmaxOf(emit, emit.add(scores, bias));
  const kept = dropoutKey ? droppedOut(emit, softmax, dropoutKey, attributes) : softmax;
  return [joinHeads(emit, mixed(emit, kept, v, 3), places), softmax];
}

/**
 * The gradient of attention. It takes the row sums of dP ∘ P from dy ∘ y (Dao et al. 2022, appendix B), whose rows have
 * only a head's D numbers instead of T probabilities.
 */
export function attentionGrad(
  emit: StablehloEmitter,
  { dy, query, key, value, y, probabilities, dropoutKey, tokens: rows, places }: Inputs,
  attributes: Attributes,
): Operand[] {
  const split = (x: Operand) => splitHeads(emit, x, attributes.heads, rows);
  const [q, k, v, dContext] = [split(query!), split(key!), split(value!), split(dy!)];
  if (isFused(y!)) return fusedAttentionGrad(emit, q, k, v, dContext, y!);
  const drop = (x: Operand) => dropoutKey ? droppedOut(emit, x, dropoutKey, attributes) : x;
  const dProbabilities = drop(pairs(emit, dContext, v));
  const rowSums = emit.reduce("add", emit.multiply(dContext, split(y!)), 3, { keep: true });
  const inner = emit.subtract(dProbabilities, emit.transpose(rowSums, [0, 2, 1, 3]));
  const dScores = emit.multiply(emit.multiply(probabilities!, inner), 1 / Math.sqrt(q.shape[3]!));
  return [
    mixed(emit, dScores, k, 3),
    mixed(emit, dScores, q, 2),
    mixed(emit, drop(probabilities!), dContext, 2),
  ].map((x) => joinHeads(emit, x, places));
}
