import assert from "node:assert/strict";
import { encodeModel, type OnnxModel } from "../../../lib/graph/onnx/proto.ts";
import { type WeightFormat, weightFormats, withWeights } from "../../../lib/graph/onnx/weights.ts";
import { Random } from "../../../lib/random.ts";

const runtime = await import("onnxruntime-web/wasm");
runtime.env.wasm.numThreads = 1;

const [rows, depth, outputs] = [3, 64, 80];
const random = new Random(1);
const draw = (count: number) => Float32Array.from({ length: count }, () => random.normal());
const [x, weight, bias, table] = [
  draw(rows * depth),
  draw(outputs * depth),
  draw(outputs),
  draw(100 * outputs),
];
const float = (name: string, shape: number[], data: Float32Array) => ({
  ...{ name, shape, type: "float32" as const },
  bytes: new Uint8Array(data.buffer),
});
const attributes = { transB: 1 };
const model: OnnxModel = {
  name: "test",
  nodes: [
    { op: "Gemm", inputs: ["x", "weight", "bias"], outputs: ["product"], attributes, domain: "" },
    { op: "Gather", inputs: ["table", "ids"], outputs: ["row"], attributes: { axis: 0 }, domain: "" },
    { op: "Add", inputs: ["product", "row"], outputs: ["sum"], attributes: {}, domain: "" },
  ],
  constants: [
    float("weight", [outputs, depth], weight),
    float("bias", [outputs], bias),
    float("table", [100, outputs], table),
  ],
  inputs: [{ name: "x", shape: [rows, depth], type: "float32" }, {
    name: "ids",
    shape: [rows],
    type: "int64",
  }],
  outputs: [{ name: "sum", shape: [rows, outputs], type: "float32" }],
};
const ids = [7, 0, 99];

async function run(format: WeightFormat): Promise<{ bytes: number; sum: Float32Array }> {
  const bytes = encodeModel(withWeights(model, format));
  const session = await runtime.InferenceSession.create(bytes);
  const { sum } = await session.run({
    x: new runtime.Tensor("float32", x, [rows, depth]),
    ids: new runtime.Tensor("int64", BigInt64Array.from(ids, BigInt), [rows]),
  });
  await session.release();
  return { bytes: bytes.length, sum: sum!.data as Float32Array };
}

/** Rounds each row of a matrix to 255 steps, as written in the header of weights.ts. */
function rounded(data: Float32Array, columns: number): number[] {
  return Array.from(data, (value, place) => {
    const row = data.slice(place - place % columns, place - place % columns + columns);
    const scale = Math.max(...row.map(Math.abs)) / 127;
    return Math.round(value / scale) * scale;
  });
}

/** The sums by plain loops, from these numbers. */
function expected(x: ArrayLike<number>, weight: ArrayLike<number>, table: ArrayLike<number>): number[] {
  return Array.from({ length: rows * outputs }, (_, place) => {
    const [row, output] = [Math.floor(place / outputs), place % outputs];
    let sum = bias[output]! + table[ids[row]! * outputs + output]!;
    for (let d = 0; d < depth; d++) sum += x[row * depth + d]! * weight[output * depth + d]!;
    return sum;
  });
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (value, n) => Math.abs(value - b[n]!)).reduce((a, b) => Math.max(a, b), 0);

Deno.test("weights in fewer bits give the sums of the rounded numbers, and take less room", async () => {
  const found = await Promise.all(weightFormats.map(run));
  const [f32, f16, int8] = found as [typeof found[0], typeof found[0], typeof found[0]];
  assert.ok(largest(f32.sum, expected(x, weight, table)) < 1e-4);
  const half = (data: Float32Array) => Float32Array.from(new Float16Array(data));
  assert.ok(largest(f16.sum, expected(x, half(weight), half(table))) < 1e-4);
  // x is rounded to 255 steps from its least to its largest number, 0 among them.
  const [low, high] = [Math.min(0, ...x), Math.max(0, ...x)];
  const step = (high - low) / 255;
  const zero = Math.round(-low / step);
  const xs = Array.from(
    x,
    (value) => (Math.min(255, Math.max(0, Math.round(value / step) + zero)) - zero) * step,
  );
  const exact = expected(xs, rounded(weight, depth), rounded(table, outputs));
  assert.ok(largest(int8.sum, exact) < 2e-2, `${largest(int8.sum, exact)}`); // a half may be rounded either way
  assert.ok(largest(int8.sum, f32.sum) > 1e-3);
  const numbers = weight.length + table.length;
  assert.ok(f32.bytes > 4 * numbers && f16.bytes < 2.2 * numbers && int8.bytes < 1.2 * numbers);
});

Deno.test("small weights stay as they are", () => {
  const small = {
    ...model,
    constants: [float("weight", [4, 64], draw(256)), ...model.constants.slice(1, 2)],
  };
  for (const format of weightFormats) {
    assert.deepEqual(withWeights(small, format).constants.map(({ type }) => type), ["float32", "float32"]);
  }
});
