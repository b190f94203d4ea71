import "../../../lib/engine/no_telemetry.ts";
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { onnxModel } from "../../../lib/graph/onnx/lower.ts";
import { type Dimension, dynamicModel } from "../../../lib/graph/onnx/dynamic.ts";
import { encodeModel, type OnnxModel } from "../../../lib/graph/onnx/proto.ts";
import { record } from "../../../lib/graph/record.ts";

const dimensions: readonly Dimension[] = [
  { name: "rows", input: "x", axis: 0, sizes: [1000, 3000] },
  { name: "columns", input: "x", axis: 1, sizes: [10, 11] },
];

/** The model of a function of x [rows, columns, 2] for any rows and columns. */
function dynamic(body: (x: tf.Tensor) => tf.Tensor): OnnxModel {
  return dynamicModel(({ rows, columns }) => {
    const feeds = { x: { shape: [rows!, columns!, 2], dtype: "float32" as const } };
    const graph = record("test", { state: {}, feeds }, ({ x }) => ({ state: {}, outputs: { y: body(x!) } }));
    return onnxModel(graph, { standard: true });
  }, dimensions);
}

Deno.test("products of sizes become nodes, and the outputs' dimensions have names", async () => {
  const model = dynamic((x) => {
    const [rows, columns] = x.shape as [number, number, number];
    const last = tf.slice(tf.tile(x, [2, 1, 1]), [0, 0, 1], [2 * rows, columns, 1]);
    return tf.reshape(last, [2, rows * columns]);
  });
  assert.deepEqual(model.inputs[0]!.shape, ["rows", "columns", 2]);
  assert.deepEqual(model.outputs[0]!.shape, [2, "rows*columns"]);
  const session = await ort.InferenceSession.create(encodeModel(model));
  for (const shape of [[1, 1, 2], [1, 4, 2], [3, 2, 2]]) {
    const size = shape[0]! * shape[1]!;
    const data = Float32Array.from({ length: 2 * size }, (_, i) => i);
    const { y } = await session.run({ x: new ort.Tensor("float32", data, shape) });
    const odd = Array.from({ length: size }, (_, i) => 2 * i + 1);
    assert.deepEqual([y!.dims, Array.from(y!.data as Float32Array)], [[2, size], [...odd, ...odd]]);
  }
  await session.release();
});

Deno.test("stacks of matrices are multiplied by standard nodes", async () => {
  const model = dynamic((x) => tf.matMul(x, x, false, true));
  assert.deepEqual(model.outputs[0]!.shape, ["rows", "columns", "columns"]);
  assert.ok(model.nodes.every(({ domain }) => domain === ""));
  const session = await ort.InferenceSession.create(encodeModel(model));
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(1, 2, 3, 4), [1, 2, 2]) });
  assert.deepEqual(Array.from(y!.data as Float32Array), [5, 11, 11, 25]);
  await session.release();
});

Deno.test("what depends on a size by more than a shape is refused", () => {
  assert.throws(
    () => dynamic((x) => tf.mul(x, 1 / x.shape[1]!)),
    new RangeError("An input of Mul changes with the inputs' sizes and is no shape"),
  );
  assert.throws(
    () => dynamic((x) => tf.slice(x, [0, 1, 0], [x.shape[0], x.shape[1]! - 1, 2])),
    new RangeError("Cannot tell a size of y from the inputs' sizes: 9 and 10 fit 0 products of them"),
  );
  assert.throws(
    () => dynamic((x) => x.shape[1]! > 10 ? tf.neg(x) : tf.exp(x)),
    new RangeError("Node 0 changes with the inputs' sizes: found Exp and Neg"),
  );
  assert.throws(
    () => dynamic((x) => x.shape[1]! > 10 ? tf.neg(tf.exp(x)) : tf.exp(x)),
    new RangeError("The number of nodes changes with the inputs' sizes: found 1 and 2"),
  );
});
