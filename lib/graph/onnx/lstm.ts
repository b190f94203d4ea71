/**
 * ONNX rules of the LSTM, unrolled: ONNX Runtime's own LSTM does not return the cells, which the gradient needs. Making
 * a session takes a second or two for T = 64, and 15 times as long for T = 512.
 */
import type { Value } from "../graph.ts";
import type { OnnxEmitter } from "./emitter.ts";

type Inputs = Record<string, Value>;
type Attributes = { readonly reverse: boolean };

function int64(emit: OnnxEmitter, values: readonly number[]): string {
  return emit.constant(values, "int64");
}

/** [T, B, …] → T tensors [B, …]. */
function tokens(emit: OnnxEmitter, value: Value): string[] {
  const [T, B, width] = value.shape as [number, number, number];
  const rows = emit.node("Reshape", [emit.name(value), int64(emit, [T * B, width])]);
  return emit.several("Split", [rows, int64(emit, new Array(T).fill(B))], T, { axis: 0 });
}

/** T tensors [B, …] → [T, B, …]. */
function stack(emit: OnnxEmitter, rows: readonly string[], shape: readonly number[]): string {
  return emit.node("Reshape", [emit.node("Concat", [...rows], { axis: 0 }), int64(emit, shape)]);
}

/** A state before the first token. */
function zeros(emit: OnnxEmitter, rows: number, columns: number): string {
  const shape = [rows, columns];
  const make = () => emit.node("Expand", [emit.constant([0], "float32", [1]), int64(emit, shape)]);
  return emit.memo(`zeros [${shape}]`, make);
}

/** c_t = m_t (σ(f) c_{t−1} + σ(i) tanh(g)), h_t = σ(o) tanh(c_t) with i, f, g, o = x_t + W h_{t−1}. */
export function lstm(emit: OnnxEmitter, { x, weight, real }: Inputs, { reverse }: Attributes): string[] {
  const [T, B, gates] = x!.shape as [number, number, number];
  const units = gates / 4;
  const quarters = int64(emit, [units, units, units, units]);
  const [inputs, masks] = [tokens(emit, x!), tokens(emit, real!)];
  const sigmoid = (x: string) => emit.node("Sigmoid", [x]);
  const tanh = (x: string) => emit.node("Tanh", [x]);
  const mul = (a: string, b: string) => emit.node("Mul", [a, b]);
  let [h, c] = [zeros(emit, B, units), zeros(emit, B, units)];
  const [hs, cs]: [string[], string[]] = [new Array(T), new Array(T)];
  for (let step = 0; step < T; step++) {
    const t = reverse ? T - 1 - step : step;
    const sums = emit.node("Gemm", [h, emit.name(weight!), inputs[t]!], { transB: 1 });
    const [i, f, g, o] = emit.several("Split", [sums, quarters], 4, { axis: 1 });
    c = mul(masks[t]!, emit.node("Add", [mul(sigmoid(f!), c), mul(sigmoid(i!), tanh(g!))]));
    h = mul(sigmoid(o!), tanh(c));
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
  let [dGates, dLater] = [zeros(emit, B, gates), zeros(emit, B, gates / 4)];
  const dx: string[] = new Array(T);
  for (let step = 0; step < T; step++) {
    const t = reverse ? step : T - 1 - step;
    const dh = emit.node("Gemm", [dGates, emit.name(weight!), dys[t]!]);
    const dc = emit.node("Add", [emit.node("Mul", [dh, cellFactors[t]!]), dLater]);
    dGates = emit.node("Mul", [emit.node("Concat", [dc, dc, dc, dh], { axis: 1 }), gateFactors[t]!]);
    dLater = emit.node("Mul", [dc, shares[t]!]);
    dx[t] = dGates;
  }
  return stack(emit, dx, toGates!.shape);
}
