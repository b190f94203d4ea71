/**
 * A part of the check: cuDNN's attention in one call beside products and a softmax, with padding whose memory held NaN,
 * at all lengths that batches have by default.
 */
import * as tf from "@tensorflow/tfjs";
import type { Engine } from "../../lib/engine/engine.ts";
import { attention } from "../../lib/graph/composites.ts";
import type { Graph } from "../../lib/graph/graph.ts";
import { record } from "../../lib/graph/record.ts";
import { Random } from "../../lib/random.ts";
import type { HostTensor, HostTensors } from "../../lib/tensors.ts";
import { runOnce } from "./case_graphs.ts";
import type { CheckContext, Outcome } from "./context.ts";
import { relativeError } from "./golden.ts";

/** The shape of an attention: B rows of T tokens, N heads of D numbers. */
export interface AttentionShape {
  readonly B: number;
  readonly T: number;
  readonly N: number;
  readonly D: number;
  /** True if the last row is padding alone. */
  readonly padded?: boolean;
  /** True if all scores are far below zero, where cuDNN's gradient has been NaN for T % 128 = 64. */
  readonly low?: boolean;
}

const heads = { N: 12, D: 64 } as const;

/** Default lengths of batches, lengths that no tile divides, other head sizes, and what has been wrong elsewhere. */
const shapes: readonly AttentionShape[] = [
  ...[16, 32, 64, 96, 128, 192, 256, 384, 512].map((T) => ({ B: 4, T, ...heads })),
  ...[1, 40, 200, 333].map((T) => ({ B: 3, T, ...heads })),
  ...[16, 32, 128].map((D) => ({ B: 4, T: 128, N: 4, D })),
  ...[64, 96, 192].map((T) => ({ B: 4, T, ...heads, low: true })),
  { B: 4, T: 128, ...heads, padded: true },
];

const inputs = ["q", "k", "v"] as const;
const outputs = ["y", "dq", "dk", "dv"] as const;

function attentionGraph({ B, T, N, D }: AttentionShape): Graph {
  const signature = { shape: [B, T, N * D], dtype: "float32" } as const;
  const feeds = { q: signature, k: signature, v: signature, w: signature };
  const bias = { shape: [B, T], dtype: "float32" } as const;
  return record("attention", { state: {}, feeds: { ...feeds, bias } }, (given) => {
    const of = (...[q, k, v]: tf.Tensor[]) => attention(q!, k!, v!, given.bias!, N, 0);
    const tensors = inputs.map((name) => given[name]!);
    const gradients = tf.grads((...each: tf.Tensor[]) => tf.sum(tf.mul(of(...each), given.w!)) as tf.Scalar)(
      tensors,
    );
    const named = inputs.map((name, i) => [`d${name}`, gradients[i]!] as const);
    return { state: {}, outputs: { y: of(...tensors), ...Object.fromEntries(named) } };
  });
}

/** Draws rows of different lengths; what is asked of padding's outputs weighs nothing. */
function attentionFeeds({ B, T, N, D, padded = false, low = false }: AttentionShape): HostTensors {
  const random = new Random(7 * T + D);
  const normal = (scale = 1, shift = 0) => ({
    shape: [B, T, N * D],
    data: Float32Array.from({ length: B * T * N * D }, () => shift + scale * random.normal()),
  });
  const bias = new Float32Array(B * T), w = normal();
  for (let b = 0; b < B; b++) {
    const length = padded && b === B - 1 ? 0 : b === 0 ? T : Math.max(1, Math.floor(T * (b + 0.5) / (B + 1)));
    for (let row = b * T + length; row < (b + 1) * T; row++) {
      bias[row] = -1e9;
      w.data.fill(0, row * N * D, (row + 1) * N * D);
    }
  }
  const [q, k] = low ? [normal(0.1, 4), normal(0.1, -4)] : [normal(), normal()];
  return { q, k, v: normal(), w, bias: { shape: [B, T], data: bias } };
}

/** Returns the numbers of the rows that are no padding. */
function realRows({ data }: HostTensor, bias: HostTensor): Float32Array {
  const width = data.length / bias.data.length;
  return (data as Float32Array).filter((_, i) => bias.data[Math.floor(i / width)]! >= 0);
}

/** Fills memory of the device with NaN and frees it: what is computed later must not depend on it. */
async function poison(engine: Engine): Promise<void> {
  const state = engine.state({});
  for (const size of [1 << 16, 1 << 20, 1 << 22, 1 << 24]) {
    const data = new Float32Array(size).fill(NaN);
    state.upload(
      Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`${size}.${i}`, { shape: [size], data }])),
    );
  }
  await state.download([`${1 << 16}.0`, `${1 << 24}.3`]); // the copies have ended
  state.dispose();
}

/**
 * Compares attention in one call with products and a softmax, forward and backward: no further from f32 than three
 * times what plain bf16 is, all numbers finite, and twice the same bits.
 */
export async function compareAttention(
  shape: AttentionShape,
  { exact, plain, fused }: { readonly exact: Engine; readonly plain: Engine; readonly fused: Engine },
): Promise<Outcome> {
  const graph = attentionGraph(shape), feeds = attentionFeeds(shape);
  const expected = await runOnce(exact, graph, feeds);
  const usual = await runOnce(plain, graph, feeds);
  const program = await fused.compile(graph);
  const state = fused.state({});
  await poison(fused);
  const [found, again] = [await program.run(state, feeds), await program.run(state, feeds)];
  program.dispose();
  state.dispose();
  const errorsOf = (tensors: HostTensors) =>
    outputs.map((name) =>
      relativeError(realRows(tensors[name]!, feeds.bias!), realRows(expected[name]!, feeds.bias!))
    );
  const [errors, plainErrors] = [errorsOf(found), errorsOf(usual)];
  const isClose = errors.every((error, i) => error < Math.max(0.02, 3 * plainErrors[i]!));
  const isFinite = outputs.every((name) => found[name]!.data.every(Number.isFinite));
  const isEqual = outputs.every((name) => {
    const [first, second] = [found[name]!.data, again[name]!.data];
    return first.every((value, i) => Object.is(value, second[i]));
  });
  const list = (numbers: number[]) => numbers.map((error) => error.toExponential(0)).join(" ");
  return {
    right: isClose && isFinite && isEqual,
    text: `y dq dk dv differ by ${list(errors)}, plain bf16 by ${list(plainErrors)}` +
      (isFinite ? "" : "; NOT ALL FINITE") + (isEqual ? "" : "; OTHER BITS the second time"),
    numbers: { errors, plainErrors, isFinite, isEqual },
  };
}

/** Compares all {@linkcode shapes} where there is a GPU. */
export async function fusedAttention(context: CheckContext): Promise<void> {
  if (!await context.isOnGpu()) {
    return context.skip("all shapes", "cuDNN's attention needs an NVIDIA GPU and the engine xla");
  }
  const engines = {
    exact: await context.open(),
    plain: await context.open({ precision: "bf16", fusedAttention: false }),
    fused: await context.open({ precision: "bf16", fusedAttention: true }),
  };
  for (const shape of shapes) {
    const { B, T, N, D, padded, low } = shape;
    const name = `B${B} T${T} N${N} D${D}${padded ? ", a row of padding" : ""}${low ? ", low scores" : ""}`;
    await context.check(name, () => compareAttention(shape, engines));
  }
}
