/**
 * ONNX rules of the LSTM, unrolled: ONNX Runtime's own LSTM does not return the cells, which the gradient needs. Making
 * a session takes a second or two for T = 64, and 15 times as long for T = 512.
 */
import type { Value } from "../graph.ts";
import type { OnnxEmitter } from "./emitter.ts";

type Inputs = Record<string, Value>;
type Attributes = { readonly reverse: boolean };

/** [T, B, …] → T tensors [B, …]. */
function tokens(emit: OnnxEmitter, value: Value): string[] {
  const [T, B, width] = value.shape as [number, number, number];
  const rows = emit.reshape(value, [T * B, width]);
  return emit.several("Split", [rows, emit.int64(new Array(T).fill(B))], T, { axis: 0 });
}

/** T tensors [B, …] → [T, B, …]. */
function stack(emit: OnnxEmitter, rows: readonly string[], shape: readonly number[]): string {
  return emit.node("Reshape", [emit.node("Concat", [...rows], { axis: 0 }), emit.int64(shape)]);
}

/** c_t = m_t (σ(f) c_{t−1} + σ(i) tanh(g)), h_t = σ(o) tanh(c_t) with i, f, g, o = x_t + W h_{t−1}. */
export function lstm(emit: OnnxEmitter, { x, weight, real }: Inputs, { reverse }: Attributes): string[] {
  const [T, B, gates] = x!.shape as [number, number, number];
  const units = gates / 4;
  const quarters = emit.int64([units, units, units, units]);
  const [inputs, masks] = [tokens(emit, x!), tokens(emit, real!)];
  const sigmoid = (x: string) => emit.node("Sigmoid", [x]);
  const tanh = (x: string) => emit.node("Tanh", [x]);
  let [h, c] = [emit.filled(0, [B, units]), emit.filled(0, [B, units])];
  const [hs, cs]: [string[], string[]] = [new Array(T), new Array(T)];
  for (let step = 0; step < T; step++) {
    const t = reverse ? T - 1 - step : step;
    const sums = emit.node("Gemm", [h, weight!, inputs[t]!], { transB: 1 });
    const [i, f, g, o] = emit.several("Split", [sums, quarters], 4, { axis: 1 });
    c = emit.mul(masks[t]!, emit.node("Add", [emit.mul(sigmoid(f!), c), emit.mul(sigmoid(i!), tanh(g!))]));
    h = emit.mul(sigmoid(o!), tanh(c));
    [hs[t], cs[t]] = [h, c];
  }
  const shape = [T, B, units];
  return [stack(emit, hs, shape), stack(emit, cs, shape)];
}

/** dx, from the last step to the first: the recurrence is in composites.ts. */
export function lstmGrad(
  emit: OnnxEmitter,
  { dy, weight, toGates, toCell, kept }: Inputs,
  { reverse }: Attributes,
): string {
  const [T, B, gates] = toGates!.shape as [number, number, number];
  const [dys, gateFactors] = [tokens(emit, dy!), tokens(emit, toGates!)];
  const [cellFactors, shares] = [tokens(emit, toCell!), tokens(emit, kept!)];
  let [dGates, dLater] = [emit.filled(0, [B, gates]), emit.filled(0, [B, gates / 4])];
  const dx: string[] = new Array(T);
  for (let step = 0; step < T; step++) {
    const t = reverse ? step : T - 1 - step;
    const dh = emit.node("Gemm", [dGates, weight!, dys[t]!]);
    const dc = emit.node("Add", [emit.mul(dh, cellFactors[t]!), dLater]);
    dGates = emit.mul(emit.node("Concat", [dc, dc, dc, dh], { axis: 1 }), gateFactors[t]!);
    dLater = emit.mul(dc, shares[t]!);
    dx[t] = dGates;
  }
  return stack(emit, dx, toGates!.shape);
}
