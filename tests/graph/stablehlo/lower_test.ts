import * as tf from "@tensorflow/tfjs";
import { deepStrictEqual, doesNotMatch, match, strictEqual, throws } from "node:assert/strict";
import { attention, dropout, DropoutKey, embedding, linear } from "../../../lib/graph/composites.ts";
import type { Graph, GraphBody, Signature, StepFunction, Tensors } from "../../../lib/graph/graph.ts";
import { record } from "../../../lib/graph/record.ts";
import { lowerToStablehlo } from "../../../lib/graph/stablehlo/lower.ts";
import type { LoweringOptions } from "../../../lib/graph/stablehlo/emitter.ts";

await tf.ready();

const float = (...shape: number[]): Signature => ({ shape, dtype: "float32" });
const int = (...shape: number[]): Signature => ({ shape, dtype: "int32" });

/** The operations of a graph of feeds that returns one tensor, without the numbers of what they make. */
function operations(
  feeds: Record<string, Signature>,
  make: (inputs: Tensors) => tf.Tensor,
  options: LoweringOptions = {},
): string[] {
  const graph = record("example", { state: {}, feeds }, (inputs) => ({
    state: {},
    outputs: { y: make(inputs) },
  }));
  return bodyOf(lowerToStablehlo(graph, options).text).map((line) => line.replace(/^%\w+(:\d+)? = /, ""));
}

function bodyOf(text: string): string[] {
  return text.split("\n").slice(2, -4).map((line) => line.trim());
}

Deno.test("a step as a module: donated state, unread arguments, results in order", () => {
  const graph = record("step", {
    state: { w: float(2, 3), m: float(2, 3), gradient: float(2, 3), unused: float(7) },
    feeds: { x: float(4, 3), rate: float(1), unread: int(5) },
  }, ({ w, m, x, rate }) => ({
    state: { gradient: tf.sub(w!, rate!), w: tf.add(w!, m!) },
    outputs: { y: tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D, false, true) },
  }));
  const { text, inputs, outputs } = lowerToStablehlo(graph);
  strictEqual(
    text,
    `module attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<2x3xf32> {tf.aliasing_output = 1 : i32}, %arg1: tensor<2x3xf32>, %arg2: tensor<2x3xf32> {tf.aliasing_output = 0 : i32}, %arg3: tensor<4x3xf32>, %arg4: tensor<1xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<4x2xf32>) {
    %0 = stablehlo.broadcast_in_dim %arg4, dims = [1] : (tensor<1xf32>) -> tensor<2x3xf32>
    %1 = stablehlo.subtract %arg0, %0 : tensor<2x3xf32>
    %2 = stablehlo.add %arg0, %arg1 : tensor<2x3xf32>
    %3 = stablehlo.dot_general %arg3, %arg0, contracting_dims = [1] x [1], precision = [HIGHEST, HIGHEST] : (tensor<4x3xf32>, tensor<2x3xf32>) -> tensor<4x2xf32>
    return %1, %2, %3 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<4x2xf32>
  }
}
`,
  );
  const shapes = { w: [2, 3], m: [2, 3], gradient: [2, 3], x: [4, 3], rate: [1], y: [4, 2] };
  deepStrictEqual(
    inputs,
    (["w", "m", "gradient", "x", "rate"] as const).map((name, i) => ({
      name,
      kind: i < 3 ? "state" : "feed",
      shape: shapes[name],
      dtype: "float32",
    })),
  );
  deepStrictEqual(
    outputs,
    (["gradient", "w", "y"] as const).map((name, i) => ({
      name,
      kind: i < 2 ? "update" : "output",
      shape: shapes[name],
      dtype: "float32",
    })),
  );
});

Deno.test("an update that is another state tensor keeps its own memory", () => {
  const graph = record("swap", { state: { a: float(2), b: float(2) }, feeds: {} }, ({ a, b }) => ({
    state: { a: b!, b: a! },
    outputs: {},
  }));
  const { text } = lowerToStablehlo(graph);
  match(text, /%arg0: tensor<2xf32> \{tf.aliasing_output = 0 : i32\}, %arg1: .*output = 1 : i32\}/);
  deepStrictEqual(bodyOf(text + "\n"), ["return %arg1, %arg0 : tensor<2xf32>, tensor<2xf32>"]);
});

Deno.test("floats are written by their bits", () => {
  const constants = (...values: number[]) =>
    operations({ x: float(values.length) }, ({ x }) => tf.add(x!, tf.tensor1d(values)))[0];
  strictEqual(constants(1), "stablehlo.constant dense<0x3F800000> : tensor<1xf32>");
  strictEqual(
    constants(1e-7, -0, NaN),
    "stablehlo.constant dense<[0x33D6BF95, 0x80000000, 0x7FC00000]> : tensor<3xf32>",
  );
  deepStrictEqual(
    operations(
      { x: float(2, 2) },
      ({ x }) => tf.where(tf.tensor2d([[1, 0], [0, 1]], [2, 2], "bool"), x!, tf.zerosLike(x!)),
    )
      .slice(0, 2),
    [
      "stablehlo.constant dense<[true, false, false, true]> : tensor<4xi1>",
      "stablehlo.reshape %0 : (tensor<4xi1>) -> tensor<2x2xi1>",
    ],
  );
});

Deno.test("the same operation on the same tensors is made once", () => {
  const lines = operations({ x: float(3) }, ({ x }) => tf.mul(tf.add(tf.exp(x!), 1), tf.add(tf.exp(x!), 1)));
  deepStrictEqual(lines, [
    "stablehlo.constant dense<0x3F800000> : tensor<f32>",
    "stablehlo.exponential %arg0 : tensor<3xf32>",
    "stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f32>) -> tensor<3xf32>",
    "stablehlo.add %1, %2 : tensor<3xf32>",
    "stablehlo.multiply %3, %3 : tensor<3xf32>",
  ]);
});

Deno.test("reductions, lookups and their gradients, line by line", () => {
  deepStrictEqual(operations({ x: float(2, 3) }, ({ x }) => tf.max(x!, -1, true)), [
    "stablehlo.constant dense<0xFF800000> : tensor<f32>",
    "stablehlo.reduce(%arg0 init: %0) applies stablehlo.maximum across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>",
    "stablehlo.reshape %1 : (tensor<2xf32>) -> tensor<2x1xf32>",
  ]);
  const ids = { table: float(9, 4), ids: int(3) };
  deepStrictEqual(operations(ids, ({ table, ids }) => embedding(table!, ids!)), [
    '"stablehlo.gather"(%arg0, %arg1) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 4>, indices_are_sorted = false} : (tensor<9x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>',
  ]);
  const gradient = operations(
    ids,
    ({ table, ids }) => tf.grad((table: tf.Tensor) => tf.sum(embedding(table, ids!)) as tf.Scalar)(table!),
  );
  strictEqual(
    gradient.at(-1),
    '"stablehlo.scatter"(%5, %arg0, %4) ({^bb0(%a: tensor<f32>, %b: tensor<f32>): %sum = stablehlo.add %a, %b : tensor<f32> stablehlo.return %sum : tensor<f32>}) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = false} : (tensor<9x4xf32>, tensor<3xi32>, tensor<3x4xf32>) -> tensor<9x4xf32>',
  );
});

const linearFeeds = { x: float(4, 3), w: float(5, 3), b: float(5) };
const linearOf = ({ x, w, b }: Tensors) => linear(x!, w!, b!);

Deno.test("bf16: products of rounded operands, summed in f32; all else f32", () => {
  deepStrictEqual(operations(linearFeeds, linearOf, { precision: "bf16" }), [
    "stablehlo.convert %arg0 : (tensor<4x3xf32>) -> tensor<4x3xbf16>",
    "stablehlo.convert %arg1 : (tensor<5x3xf32>) -> tensor<5x3xbf16>",
    "stablehlo.dot_general %0, %1, contracting_dims = [1] x [1] : (tensor<4x3xbf16>, tensor<5x3xbf16>) -> tensor<4x5xf32>",
    "stablehlo.broadcast_in_dim %arg2, dims = [1] : (tensor<5xf32>) -> tensor<4x5xf32>",
    "stablehlo.add %2, %3 : tensor<4x5xf32>",
  ]);
  doesNotMatch(operations(linearFeeds, linearOf).join("\n"), /bf16/);
});

/** Loss and gradient of a linear map, as gradientGraph makes them. */
const training = (accumulate: boolean): StepFunction => ({ w, x, "gradient/w": old }) => {
  const { value, grads } = tf.valueAndGrads((w: tf.Tensor) =>
    tf.sum(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D)) as tf.Scalar
  )([w!]);
  return {
    state: { "gradient/w": accumulate ? tf.add(old!, grads[0]!) : grads[0]! },
    outputs: { loss: value, rows: tf.sum(x!, 1) },
  };
};

function trainingText(accumulate: boolean, replicas: number): string {
  const state = { w: float(3, 1), "gradient/w": float(3, 1) };
  const graph = record("training", { state, feeds: { x: float(2, 3) } }, training(accumulate));
  return lowerToStablehlo(graph, { replicas }).text;
}

Deno.test("replicas: gradients and loss are summed in one exchange, what was there is added after it", () => {
  doesNotMatch(trainingText(true, 1), /all_reduce|replica_id/);
  const exchange =
    /^(%\d+):2 = "stablehlo.all_reduce"\((%\d+), (%\d+)\) \(\{\^bb0\(%a: tensor<f32>, %b: tensor<f32>\): %sum = stablehlo.add %a, %b : tensor<f32> stablehlo.return %sum : tensor<f32>\}\) \{replica_groups = dense<\[\[0, 1, 2\]\]> : tensor<1x3xi64>\} : \(tensor<3x1xf32>, tensor<f32>\) -> \(tensor<3x1xf32>, tensor<f32>\)$/;
  const lines = trainingText(false, 3).split("\n").map((line) => line.trim());
  match(lines[0]!, /mhlo.num_replicas = 3 : i32/);
  const [, sums] = exchange.exec(lines.find((line) => line.includes("all_reduce"))!)!;
  match(lines.at(-4)!, new RegExp(`^return ${sums}#0, ${sums}#1, %\\d+ : `));

  const accumulating = bodyOf(trainingText(true, 3));
  const [, both] = exchange.exec(accumulating.at(-2)!)!;
  match(accumulating.at(-1)!, new RegExp(`^%\\d+ = stablehlo.add %arg1, ${both}#0 : tensor<3x1xf32>$`));
});

Deno.test("dropout: a replica takes its rows of the joined batch's mask", () => {
  const masks = (replicas: number) =>
    operations(
      { x: float(3, 5), key: int(1) },
      ({ x, key }) => dropout(x!, 0.3, new DropoutKey(key!)),
      { replicas },
    ).map((line) => line.replace(/ :.*/, ""));
  deepStrictEqual(masks(3).slice(0, 12), [
    "stablehlo.iota dim = 0",
    "stablehlo.replica_id",
    "stablehlo.constant dense<15>",
    "stablehlo.multiply %1, %2",
    "stablehlo.broadcast_in_dim %3, dims = []",
    "stablehlo.add %0, %4",
    "stablehlo.constant dense<23>", // half of 45, rounded up
    "stablehlo.compare LT, %5, %6, UNSIGNED",
    "stablehlo.subtract %5, %6",
    "stablehlo.select %7, %5, %8",
    "stablehlo.bitcast_convert %arg1",
    "stablehlo.reshape %10",
  ]);
  deepStrictEqual(masks(1), masks(3).map((line) => line.replace("<23>", "<8>")));
});

const attentionFeeds = {
  q: float(2, 6, 32),
  k: float(2, 6, 32),
  v: float(2, 6, 32),
  bias: float(2, 6),
  key: int(1),
};

function attentionText(
  { heads = 4, rate = 0, ...options }: LoweringOptions & { heads?: number; rate?: number },
): string {
  const graph: Graph = record("attention", { state: {}, feeds: attentionFeeds }, ({ q, k, v, bias, key }) => {
    const value = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
      attention(q, k, v, bias!, heads, rate, new DropoutKey(key!));
    const [dq, dk, dv] = tf.grads((q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
      tf.sum(tf.square(value(q, k, v))) as tf.Scalar
    )([q!, k!, v!]);
    return { state: {}, outputs: { y: value(q!, k!, v!), dq: dq!, dk: dk!, dv: dv! } };
  });
  return lowerToStablehlo(graph, options).text;
}

Deno.test("fused attention: cuDNN's two calls with each row's length", () => {
  const lines = bodyOf(attentionText({ precision: "bf16", fusedAttention: true }));
  const calls = lines.filter((line) => line.includes("custom_call"));
  strictEqual(calls.length, 2);
  doesNotMatch(lines.join("\n"), /dot_general|exponential/);
  const call =
    /^(%\d+):\d = stablehlo.custom_call @"(.+?)"\((.+?)\) \{api_version = 2 : i32, backend_config = "(.+?)", operand_layouts = (\[.+?\]), result_layouts = (\[.+\])\} : (.+)$/;
  const found = calls.map((line) => call.exec(line)!);
  const golden = JSON.parse(
    Deno.readTextFileSync(new URL("../../golden/fused_attention.json", import.meta.url)),
  );
  deepStrictEqual(
    found.map(([, , target, , configuration, operands, results, types]) => ({
      target,
      configuration: JSON.parse(configuration!.replaceAll("\\22", '"')),
      operand_layouts: operands,
      result_layouts: results,
      types,
    })),
    golden.calls,
  );
  const [forward, backward] = found.map(([, name, , operands]) => ({
    name,
    operands: operands!.split(", "),
  }));
  deepStrictEqual(backward!.operands.slice(0, 3), forward!.operands.slice(0, 3));
  strictEqual(backward!.operands[3], `${forward!.name}#1`, "the rows' statistics");
  deepStrictEqual(backward!.operands.slice(-2), forward!.operands.slice(3), "lengths");
  const from = lines.findIndex((line) => /compare GE, %arg3, %\d+/.test(line));
  deepStrictEqual(lines.slice(from, from + 6).map((line) => line.replaceAll(/%\d+( = )?/g, "%")), [
    "%stablehlo.compare GE, %arg3, %, FLOAT : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xi1>",
    "%stablehlo.convert % : (tensor<2x6xi1>) -> tensor<2x6xi32>",
    "%stablehlo.constant dense<0> : tensor<i32>",
    "%stablehlo.reduce(% init: %) applies stablehlo.add across dimensions = [1] : (tensor<2x6xi32>, tensor<i32>) -> tensor<2xi32>",
    "%stablehlo.constant dense<6> : tensor<2xi32>",
    "%stablehlo.constant dense<1> : tensor<2xi32>",
  ]);
});

Deno.test("attention is fused only where cuDNN computes the same", () => {
  const fused = { precision: "bf16", fusedAttention: true } as const;
  const plain: Parameters<typeof attentionText>[0][] = [
    { ...fused, precision: "f32" },
    { ...fused, fusedAttention: false },
    { ...fused, rate: 0.1 },
    { ...fused, heads: 8 }, // heads of 4 numbers
  ];
  for (const options of plain) doesNotMatch(attentionText(options), /custom_call/, JSON.stringify(options));
});

Deno.test("a rule that makes another shape than the graph's is refused", () => {
  const x = { id: 0, shape: [2], dtype: "float32" as const };
  const y = { id: 1, shape: [3], dtype: "float32" as const };
  const graph: GraphBody = {
    name: "wrong",
    state: new Map(),
    feeds: new Map([["x", x]]),
    constants: new Map(),
    nodes: [{ op: "Exp", inputs: { x }, attributes: {}, outputs: [y] }],
    updates: new Map(),
    outputs: new Map([["y", y]]),
  };
  throws(() => lowerToStablehlo(graph), {
    name: "TypeError",
    message: "The StableHLO rule of Exp makes tensor<2xf32> as output 0: expected tensor<3xf32>",
  });
  throws(() => lowerToStablehlo({ ...graph, nodes: [] }), { message: "Value 1 is used before it is made" });
});

Deno.test("dropout over more elements than 32 bits can number is refused in one sentence", () => {
  const lower = (rows: number, replicas: number) => {
    const graph = record(
      "large",
      { state: {}, feeds: { x: float(rows, 2 ** 20), key: int(1) } },
      ({ x, key }) => ({
        state: {},
        outputs: { y: dropout(x!, .1, new DropoutKey(key!)) },
      }),
    );
    return lowerToStablehlo(graph, { replicas });
  };
  match(lower(2 ** 12 - 1, 1).text, /ui32/);
  for (const [rows, replicas, where] of [[2 ** 12, 1, ""], [2 ** 11, 2, " on 2 devices"]] as const) {
    throws(() => lower(rows, replicas), {
      name: "InputError",
      message:
        `Cannot drop out of a tensor of shape [${rows},1048576]${where}: expected at most 2^32 - 1 elements, ` +
        "whose number the mask is made from; take fewer texts at once (micro-batch size) or a shorter maximum length",
    });
  }
});

Deno.test("the gradients of padding keys and values do not come from cuDNN's call", () => {
  const wide = float(2, 16, 8);
  const lines = operations({ q: wide, k: wide, v: wide, bias: float(2, 16) }, ({ q, k, v, bias }) => {
    const loss = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
      tf.sum(attention(q, k, v, bias!, 1, 0)) as tf.Scalar;
    return tf.addN(tf.grads(loss as (...x: tf.Tensor[]) => tf.Scalar)([q!, k!, v!]));
  }, { precision: "bf16", fusedAttention: true });
  const after = lines.slice(lines.findIndex((line) => line.includes("fmhaSoftmaxBackward")));
  strictEqual(after.filter((line) => line.startsWith("stablehlo.select")).length, 2);
});
