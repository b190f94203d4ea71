/**
 * Attention as one cuDNN call (cuDNN 9, CUDA alone), which never holds the T × T probabilities: names, layouts and
 * configuration as JAX emits them (jax/_src/cudnn/fused_attention_stablehlo.py).
 *
 * It is used for bf16, head sizes up to 128 that are multiples of 8, and where no probability is dropped: cuDNN draws
 * its mask from a seed fixed at compile time and a count of calls, which neither a resumed run nor another engine has.
 * The padding must be at the end of each row, as this project's batches have it: the call takes each row's length.
 */
import type { GraphBody } from "../graph.ts";
import {
  type AttentionShape,
  namesText,
  type Operand,
  shapeKey,
  type StablehloEmitter,
  typesText,
} from "./emitter.ts";

/** Results of the forward call that the gradient needs. */
interface Forward {
  /** The context [B, T, N, D] in bf16. */
  readonly context: Operand;
  /** Log-sum-exp of each row of scores, [B, N, T]. */
  readonly statistics: Operand;
  /** Queries and keys of each row, int32 [B] each. */
  readonly lengths: readonly [Operand, Operand];
}

/** Forward calls by the attention's output. */
const forwards = new WeakMap<Operand, Forward>();

/** Tells whether cuDNN has a call for heads of this size. */
function isSizeOfCudnn(size: number): boolean {
  return size <= 128 && size % 8 === 0;
}

/** Tells whether cuDNN's call can be used for queries [B, T, N, D]. */
export function isFusible(emit: StablehloEmitter, query: Operand, dropoutKey: Operand | undefined): boolean {
  const [, tokens, heads, size] = query.shape as [number, number, number, number];
  const { fusedAttention, unfused, precision } = emit.options;
  return fusedAttention && precision === "bf16" && !dropoutKey && isSizeOfCudnn(size) &&
    !unfused.has(shapeKey({ tokens, heads, size }));
}

/** Returns the shapes of a graph's attention that cuDNN's call can be used for. */
export function fusibleShapes({ nodes }: GraphBody): AttentionShape[] {
  const shapes = nodes.flatMap(({ op, inputs, attributes }): AttentionShape[] => {
    if (op !== "Attention" || inputs.dropoutKey || inputs.tokens) return [];
    const [, tokens, width] = inputs.query!.shape as [number, number, number];
    const { heads } = attributes as { heads: number };
    return isSizeOfCudnn(width / heads) ? [{ tokens, heads, size: width / heads }] : [];
  });
  return [...new Map(shapes.map((shape) => [shapeKey(shape), shape])).values()];
}

/** Tells whether an output is of cuDNN's call. */
export function isFused(y: Operand): boolean {
  return forwards.has(y);
}

/** Attention: queries, keys, values [B, T, N, D] and the mask's bias [B, T] to the context [B, T, N·D]. */
export function fusedAttention(
  emit: StablehloEmitter,
  query: Operand,
  key: Operand,
  value: Operand,
  maskBias: Operand,
): Operand {
  const [batch, tokens, heads, size] = query.shape as [number, number, number, number];
  const given = [query, key, value].map((x) => emit.convert(x, "bf16"));
  const real = emit.reduce("add", emit.convert(emit.compare("GE", maskBias, -1), "i32"), 1);
  // A row of padding alone attends to its first token: its result is finite, as with products and a softmax.
  const lengths = [emit.constant(tokens, "i32", [batch]), emit.binary("maximum", real, 1)] as const;
  const [context, statistics] = cudnnCall(
    emit,
    "__cudnn$fmhaSoftmax",
    [...given, ...lengths],
    [
      { shape: [batch, heads, tokens, size], type: "bf16" },
      { shape: [batch, heads, tokens], type: "f32" },
    ],
    query,
    {
      bmm1: [3, 3, [0, 2], [0, 2]],
      bmm2: [3, 1, [0, 1], [0, 2]],
    },
  );
  const joined = emit.transpose(context!, [0, 2, 1, 3]);
  const y = emit.convert(emit.reshape(joined, [batch, tokens, heads * size]), "f32");
  forwards.set(y, { context: joined, statistics: statistics!, lengths });
  return y;
}

/** Gradients [B, T, N·D] of queries, keys and values, from these and the context's gradient, all [B, T, N, D]. */
export function fusedAttentionGrad(
  emit: StablehloEmitter,
  query: Operand,
  key: Operand,
  value: Operand,
  dContext: Operand,
  y: Operand,
): Operand[] {
  const [batch, tokens, heads, size] = query.shape as [number, number, number, number];
  const { context, statistics, lengths } = forwards.get(y)!;
  const [q, k, v, dy] = [query, key, value, dContext].map((x) => emit.convert(x, "bf16"));
  const gradient = { shape: [batch, heads, tokens, size], type: "bf16" } as const;
  const gradients = cudnnCall(
    emit,
    "__cudnn$fmhaSoftmaxBackward",
    [q!, k!, v!, statistics, dy!, context, ...lengths],
    [gradient, gradient, gradient],
    query,
    {
      bmm1_grad_gemm1: [2, 1, [0, 1], [0, 2]],
      bmm1_grad_gemm2: [3, 1, [0, 1], [0, 2]],
      bmm2_grad_gemm1: [2, 1, [0, 1], [0, 2]],
      bmm2_grad_gemm2: [3, 3, [0, 2], [0, 2]],
    },
  );
  // cuDNN writes no gradient of a key or value that is padding: what was in that memory would be taken for one.
  const places = emit.iota([batch, tokens], 1);
  const isReal = emit.reshape(emit.compare("LT", places, emit.reshape(lengths[1], [batch, 1])), [
    batch,
    tokens,
    1,
  ]);
  return gradients.slice(0, 3).map((x, i) => {
    const rows = emit.reshape(emit.transpose(x, [0, 2, 1, 3]), [batch, tokens, heads * size]);
    const gradient = emit.convert(rows, "f32");
    return i === 0 ? gradient : emit.select(isReal, gradient, 0);
  });
}

/** Axes of a product inside the call: those summed over, those that batch. */
type Product = readonly [left: number, right: number, leftBatch: number[], rightBatch: number[]];

/** Adds a call with results and a workspace; results of rank 4 lie in memory as [B, T, N, D]. */
function cudnnCall(
  emit: StablehloEmitter,
  target: string,
  operands: readonly Operand[],
  results: readonly Omit<Operand, "name">[],
  query: Operand,
  products: Readonly<Record<string, Product>>,
): readonly Operand[] {
  const rowMajor = (rank: number) => Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const layouts = (orders: readonly number[][]) =>
    orders.map((order) =>
      order.length === 1
        ? "dense<0> : tensor<1xindex>"
        : `dense<[${order.join(", ")}]> : tensor<${order.length}xindex>`
    ).join(", ");
  const all = [...results, { shape: [0], type: "ui8" as const }];
  const resultLayouts = all.map(({ shape }) => shape.length === 4 ? [3, 1, 2, 0] : rowMajor(shape.length));
  const configuration = JSON.stringify(configurationOf(query, products)).replaceAll('"', "\\22");
  return emit.several(
    `stablehlo.custom_call @"${target}"(${namesText(operands)}) {api_version = 2 : i32, ` +
      `backend_config = "${configuration}", ` +
      `operand_layouts = [${layouts(operands.map(({ shape }) => rowMajor(shape.length)))}], ` +
      `result_layouts = [${layouts(resultLayouts)}]} : (${typesText(operands)}) -> (${typesText(all)})`,
    all,
  );
}

/** Returns the configuration that XLA passes on to cuDNN; 64-bit numbers are strings. */
function configurationOf({ shape }: Operand, products: Readonly<Record<string, Product>>): unknown {
  const [batch, tokens, heads, size] = shape as [number, number, number, number];
  const texts = (numbers: readonly number[]) => numbers.map(String);
  const dots = Object.entries(products).map(([name, [left, right, leftBatch, rightBatch]]) => [
    `${name}_dot_dimension_numbers`,
    {
      lhs_contracting_dimensions: texts([left]),
      rhs_contracting_dimensions: texts([right]),
      lhs_batch_dimensions: texts(leftBatch),
      rhs_batch_dimensions: texts(rightBatch),
    },
  ]);
  const algorithm = {
    algo_id: "0",
    math_type: "TENSOR_OP_MATH",
    tuning_knobs: { "17": "1", "24": "0" },
    is_cudnn_frontend: true,
    workspace_size: "0",
  };
  const layout = {
    dim_level_types: [],
    dim_unique: [],
    dim_ordered: [],
    minor_to_major: ["3", "2", "1", "0"],
    tiles: [],
    element_size_in_bits: "0",
    memory_space: "0",
    index_primitive_type: "PRIMITIVE_TYPE_INVALID",
    pointer_primitive_type: "PRIMITIVE_TYPE_INVALID",
    dynamic_shape_metadata_prefix_bytes: "0",
  };
  return {
    operation_queue_id: "0",
    cudnn_fmha_backend_config: {
      algorithm,
      fmha_scale: 1 / Math.sqrt(size),
      intermediate_tensor_shape: {
        element_type: "BF16",
        dimensions: texts([batch, heads, tokens, tokens]),
        tuple_shapes: [],
        layout,
        is_dynamic_dimension: [false, false, false, false],
      },
      is_flash_attention: true,
      mask_type: "PADDING",
      ...Object.fromEntries(dots),
      dropout_rate: 0,
      seed: 42,
      sliding_window_length: 0,
      max_seg_per_batch: 1,
      is_paged_attention: false,
    },
  };
}
