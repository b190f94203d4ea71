/** ONNX rules of attention, over sequences of one length or over rows of packed ones. */
import { sizeOf, type Value } from "../graph.ts";
import { keyedMask } from "./composites.ts";
import type { OnnxEmitter } from "./emitter.ts";

type Inputs = Record<string, Value>;
type Attributes = { readonly heads: number; readonly rate: number; readonly site: number };

/** The ways from tokens with their heads side by side to heads one after another, and back. */
interface Heads {
  /** [B, T, N·n] or [S, N·n] → [B, N, T, n]; made once for a value. */
  split(x: Value): string;
  /** [B, N, T, 1] from one number for each token and head. */
  splitNumbers(x: string): string;
  /** [B, N, T, D] → the query's shape. */
  join(x: string): string;
}

/** Transposes where all rows are full; packed rows are chosen from the tokens, which costs the same. */
function headsOf(emit: OnnxEmitter, { query, tokens, places }: Inputs, heads: number): Heads {
  const hidden = query!.shape.at(-1)!;
  const once = (value: Value, make: (shape: readonly number[]) => string) =>
    emit.memo(`heads ${value.id}`, () => make(value.shape));
  if (!tokens || !places) {
    const [batch, length] = query!.shape as [number, number];
    const transposed = (x: string) => emit.node("Transpose", [x], { perm: [0, 2, 1, 3] });
    const split = (x: string | Value, size: number) =>
      transposed(emit.reshape(x, [batch, length, heads, size]));
    return {
      split: (x) => once(x, () => split(x, hidden / heads)),
      splitNumbers: (x) => split(x, 1),
      join: (x) => emit.reshape(transposed(x), query!.shape),
    };
  }
  const [rows, length] = tokens.shape as [number, number];
  const S = places.shape[0]!;
  const numbers = (step: number, shape: readonly number[]) =>
    emit.constant(Array.from({ length: heads }, (_, head) => head * step), "int32", shape);
  const int32 = (value: number) => emit.constant([value], "int32", []);
  const chosen = emit.memo(`head rows ${tokens.id}`, () => { // token · N + head
    const first = emit.mul(emit.reshape(tokens, [rows, 1, length]), int32(heads));
    return emit.node("Add", [first, numbers(1, [heads, 1])]);
  });
  const back = emit.memo(`head places ${places.id}`, () => { // (row · N + head) · T + place in the row
    const place = emit.reshape(places, [S, 1]);
    const before = emit.mul(emit.node("Div", [place, int32(length)]), int32((heads - 1) * length));
    return emit.node("Add", [emit.node("Add", [place, before]), numbers(length, [1, heads])]);
  });
  const split = (x: string | Value, size: number) =>
    emit.node("Gather", [emit.reshape(x, [S * heads, size]), chosen], { axis: 0 });
  return {
    split: (x) => once(x, () => split(x, hidden / heads)),
    splitNumbers: (x) => split(x, 1),
    join: (x) => {
      const flat = emit.reshape(x, [rows * heads * length, hidden / heads]);
      return emit.reshape(emit.node("Gather", [flat, back], { axis: 0 }), query!.shape);
    },
  };
}

function product(emit: OnnxEmitter, a: string, b: string, alpha: number, transA = 0, transB = 0): string {
  return emit.product(a, b, { rank: 4, alpha, transA, transB });
}

/** softmax(Q Kᵀ / √D + mask) V; the probabilities after dropout stay for the gradient. */
export function attention(
  emit: OnnxEmitter,
  inputs: Inputs,
  attributes: Attributes,
  [, probabilities]: readonly Value[],
): string[] {
  const { query, key, value, maskBias, dropoutKey } = inputs;
  const heads = headsOf(emit, inputs, attributes.heads);
  const scale = 1 / Math.sqrt(query!.shape.at(-1)! / attributes.heads);
  const scores = product(emit, heads.split(query!), heads.split(key!), scale, 0, 1);
  const [batch, ...keys] = maskBias!.shape as [number, ...number[]];
  const bias = emit.memo(
    `mask bias ${maskBias!.id}`,
    () => emit.reshape(maskBias!, [batch, 1, ...keys.length === 1 ? [1] : [], ...keys]),
  );
  const softmax = emit.node("Softmax", [emit.node("Add", [scores, bias])], { axis: -1 });
  const kept = emit.memo(
    `kept ${probabilities!.id}`,
    () =>
      dropoutKey ? emit.mul(softmax, keyedMask(emit, dropoutKey, attributes, probabilities!.shape)) : softmax,
  );
  return [heads.join(product(emit, kept, heads.split(value!), 1 / (1 - attributes.rate))), softmax];
}

/**
 * The gradient of attention. It takes the row sums of dP ∘ P from dy ∘ y (Dao et al. 2022, appendix B), whose rows have
 * only a head's D numbers instead of T probabilities.
 */
export function attentionGrad(
  emit: OnnxEmitter,
  inputs: Inputs,
  { heads: count, rate }: Attributes,
): string[] {
  const { dy, query, key, value, y, probabilities } = inputs;
  const heads = headsOf(emit, inputs, count);
  const size = query!.shape.at(-1)! / count;
  const scale = 1 / Math.sqrt(size);
  const unit = 1 / (1 - rate);
  const softmax = emit.name(probabilities!);
  const kept = emit.memo(`kept ${probabilities!.id}`, () => softmax);
  const dContext = heads.split(dy!);
  const dValue = product(emit, kept, dContext, unit, 1, 0);
  const dKept = product(emit, dContext, heads.split(value!), unit, 0, 1);
  const dyy = emit.reshape(emit.mul(dy!, y!), [sizeOf(y!.shape) / size, size]);
  const perHead = heads.splitNumbers(emit.node("MatMul", [dyy, emit.filled(1, [size, 1])]));
  const dScores = emit.node("Sub", [emit.mul(kept, dKept), emit.mul(softmax, perHead)]);
  return [
    heads.join(product(emit, dScores, heads.split(key!), scale)),
    heads.join(product(emit, dScores, heads.split(query!), scale, 1, 0)),
    heads.join(dValue),
  ];
}
