/** One case at least for each row of the table of operations: a function of tensors, and what it is given. */
import * as tf from "@tensorflow/tfjs";
import type { HostTensor, HostTensors } from "../../lib/tensors.ts";
import * as composites from "../../lib/graph/composites.ts";
import type { Tensors } from "../../lib/graph/graph.ts";
import { Random } from "../../lib/random.ts";

/** A function of tensors; it is differentiated in its float inputs if they can be. */
export interface Case {
  readonly inputs: HostTensors;
  readonly run: (inputs: Tensors) => tf.Tensor;
}

const random = new Random(20);

function normal(...shape: number[]): HostTensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, data: Float32Array.from({ length: size }, () => random.normal()) };
}

function positive(...shape: number[]): HostTensor {
  const { data } = normal(...shape);
  return { shape, data: (data as Float32Array).map((value) => Math.abs(value) + 0.5) };
}

function integers(values: number[]): HostTensor {
  return { shape: [values.length], data: Int32Array.from(values) };
}

const key = integers([composites.stepKey(5, 7)]);
const pair = { a: normal(2, 3), b: normal(3) };
/** tfjs has no gradient of these with broadcasting. */
const equals = { a: normal(2, 3), b: normal(2, 3) };
const matrix = { x: normal(3, 4) };
const keyOf = (inputs: Tensors) => new composites.DropoutKey(inputs.key!);
const asFloat = (x: tf.Tensor) => tf.cast(x, "float32");

function unary(f: (x: tf.Tensor) => tf.Tensor, inputs: HostTensors = matrix): Case {
  return { inputs, run: ({ x }) => f(x!) };
}

function binary(f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, inputs: HostTensors = pair): Case {
  return { inputs, run: ({ a, b }) => f(a!, b!) };
}

const attentionInputs = { q: normal(2, 5, 8), k: normal(2, 5, 8), v: normal(2, 5, 8), key };
const maskBias = () => tf.tensor2d([[0, 0, 0, 0, -1e9], [0, 0, 0, -1e9, -1e9]]);

/** Texts of 3, 2 and 4 tokens and two of padding in two rows of six places, one of them empty. */
const packedInputs = { q: normal(11, 8), k: normal(11, 8), v: normal(11, 8), key };
const packedRows = (): composites.AttentionRows => ({
  tokens: tf.tensor2d([[0, 1, 2, 3, 4, 9], [5, 6, 7, 8, 10, 10]], [2, 6], "int32"),
  places: tf.tensor1d([0, 1, 2, 3, 4, 6, 7, 8, 9, 5, 10], "int32"),
});
const packedBias = () => {
  const texts = tf.tensor2d([[1, 1, 1, 2, 2, 0], [1, 1, 1, 1, 0, 0]]);
  const same = tf.equal(tf.expandDims(texts, 2), tf.expandDims(texts, 1));
  return tf.mul(tf.sub(1, tf.cast(same, "float32")), -1e9);
};
/** Without the padding, which no gradient comes from. */
const packedAttention = ({ q, k, v }: Tensors, rate: number, key?: composites.DropoutKey) => {
  const y = composites.attention(q!, k!, v!, packedBias(), 2, rate, key, packedRows());
  return tf.slice(y, [0, 0], [9, 8]);
};

const lstmInputs = { x: normal(4, 3, 8), w: normal(8, 2) };
const lstmMask = () => tf.tensor3d([[[1], [1], [1]], [[1], [1], [0]], [[1], [1], [0]], [[1], [0], [0]]]);

/** Labels of which a row may have several. */
const targets = () => tf.tensor2d([[1, 0, 1], [0, 0, 0]]);

/** Cases by a name for the report. */
export const cases: Readonly<Record<string, Case>> = {
  add: binary(tf.add),
  subtract: binary(tf.sub),
  multiply: binary(tf.mul),
  divide: binary(tf.div, { a: normal(2, 3), b: positive(3) }),
  maximum: binary(tf.maximum, equals),
  minimum: binary(tf.minimum, equals),
  power: binary(tf.pow, { a: positive(2, 3), b: normal(2, 3) }),
  "squared difference": binary(tf.squaredDifference, equals),
  "add n": binary((a, b) => tf.addN([a, tf.mul(a, b), a])),
  equal: binary((a, b) => asFloat(tf.equal(a, b)), { a: integers([1, 2, 3]), b: integers([1, 5, 3]) }),
  greater: binary((a, b) => asFloat(tf.greater(a, b))),
  "greater or equal": binary((a, b) => asFloat(tf.greaterEqual(a, b))),
  less: binary((a, b) => asFloat(tf.less(a, b))),
  "less or equal": binary((a, b) => asFloat(tf.lessEqual(a, b))),
  "logical and": binary((a, b) => asFloat(tf.logicalAnd(tf.less(a, 0), tf.less(b, 0)))),
  "logical not": unary((x) => asFloat(tf.logicalNot(tf.less(x, 0)))),
  negate: unary(tf.neg),
  absolute: unary(tf.abs),
  "square root": unary(tf.sqrt, { x: positive(3, 4) }),
  "1 / square root": unary(tf.rsqrt, { x: positive(3, 4) }),
  reciprocal: unary(tf.reciprocal, { x: positive(3, 4) }),
  square: unary(tf.square),
  exponential: unary(tf.exp),
  logarithm: unary(tf.log, { x: positive(3, 4) }),
  cos: unary(tf.cos),
  sin: unary(tf.sin),
  tanh: unary(tf.tanh),
  sigmoid: unary(tf.sigmoid),
  relu: unary(tf.relu),
  erf: unary(tf.erf),
  step: unary((x) => tf.step(x, 0.25)),
  "zeros like": unary((x) => tf.add(x, tf.zerosLike(x))),
  "ones like": unary((x) => tf.mul(x, tf.onesLike(x))),
  fill: unary((x) => tf.mul(x, tf.fill([3, 4], 2.5))),
  reshape: unary((x) => tf.reshape(x, [2, -1])),
  "expand dimensions": unary((x) => tf.mul(tf.expandDims(x, 1), tf.expandDims(x, 0))),
  transpose: unary((x) => tf.transpose(x)),
  slice: unary((x) => tf.slice(x, [1, 0], [2, 3])),
  concatenate: binary((a, b) => tf.concat([a, tf.reshape(b, [1, 3])], 0)),
  pad: unary((x) => tf.pad(x as tf.Tensor2D, [[1, 0], [2, 1]], 3)),
  tile: unary((x) => tf.tile(x, [2, 1])),
  select: binary((a, b) => tf.where(tf.less(a, 0), a, tf.add(tf.zerosLike(a), b))),
  "one hot": unary((x) => asFloat(tf.oneHot(x as tf.Tensor1D, 4)), { x: integers([0, 3, 1]) }),
  gather: {
    inputs: { x: normal(5, 3), ids: integers([4, 0, 4]) },
    run: ({ x, ids }) => tf.gather(x!, ids as tf.Tensor1D),
  },
  "sum over the first axis": unary((x) => tf.sum(x, 0)),
  "sum over the last axis": unary((x) => tf.sum(x, -1, true)),
  "sum over a middle axis": unary((x) => tf.sum(x, 1), { x: normal(2, 3, 4) }),
  "sum over everything": unary((x) => tf.sum(x)),
  "sum of truths": unary((x) => asFloat(tf.sum(tf.less(x, 0), 0))),
  "mean over the last axis": unary((x) => tf.mean(x, -1)),
  "maximum over an axis": unary((x) => tf.max(x, 1), { x: normal(2, 3, 4) }),
  "place of the maximum": unary((x) => asFloat(tf.argMax(x, -1)), {
    x: { shape: [2, 4], data: Float32Array.of(-1, 3, 3, 2, -4, -2, -3, -1) },
  }),
  softmax: unary((x) => tf.softmax(x)),
  "log softmax": unary((x) => tf.logSoftmax(x)),
  "matrix product": {
    inputs: { a: normal(3, 4), b: normal(5, 4) },
    run: ({ a, b }) => tf.matMul(a!, b!, false, true),
  },
  "product of stacks": {
    inputs: { a: normal(2, 4, 3), b: normal(2, 4, 5) },
    run: ({ a, b }) => tf.matMul(a!, b!, true, false),
  },
  linear: {
    inputs: { x: normal(2, 3, 4), w: normal(5, 4), b: normal(5) },
    run: ({ x, w, b }) => composites.linear(x!, w!, b!),
  },
  "layer norm": {
    inputs: { x: normal(2, 3, 8), g: normal(8), b: normal(8) },
    run: ({ x, g, b }) => composites.layerNorm(x!, g!, b!, 1e-12),
  },
  gelu: unary(composites.gelu, { x: normal(4, 16) }),
  dropout: { inputs: { x: normal(3, 5), key }, run: (i) => composites.dropout(i.x!, 0.3, keyOf(i)) },
  "dropout of few": { inputs: { x: normal(1), key }, run: (i) => composites.dropout(i.x!, 0.3, keyOf(i)) },
  attention: {
    inputs: attentionInputs,
    run: ({ q, k, v }) => composites.attention(q!, k!, v!, maskBias(), 2, 0),
  },
  "attention of packed texts": { inputs: packedInputs, run: (i) => packedAttention(i, 0) },
  "attention of packed texts with dropout": {
    inputs: packedInputs,
    run: (i) => packedAttention(i, 0.2, keyOf(i)),
  },
  "attention with dropout": {
    inputs: attentionInputs,
    run: (i) => composites.attention(i.q!, i.k!, i.v!, maskBias(), 2, 0.2, keyOf(i)),
  },
  "sum of twelve": unary((x) => tf.addN(Array.from({ length: 12 }, (_, i) => tf.mul(x, i + 1)))),
  "squared norm": unary(composites.squaredNorm),
  "cross entropy": {
    inputs: { x: normal(3, 4), labels: integers([3, 0, 2]) },
    run: ({ x, labels }) => composites.softmaxCrossEntropy(x!, labels!),
  },
  "cross entropy of several labels": {
    inputs: { logits: normal(2, 3) },
    run: ({ logits }) => composites.sigmoidCrossEntropy(logits!, targets()),
  },
  "cross entropy of many classes": {
    inputs: { x: normal(5, 3000), labels: integers([2999, 0, 17, 1, 17]) },
    run: ({ x, labels }) => composites.softmaxCrossEntropy(x!, labels!),
  },
  lstm: {
    inputs: lstmInputs,
    run: ({ x, w }) => composites.lstm(x!, w!, lstmMask(), false),
  },
  "lstm from the last token": {
    inputs: lstmInputs,
    run: ({ x, w }) => composites.lstm(x!, w!, lstmMask(), true),
  },
  "large embedding": {
    inputs: { x: normal(100, 3), ids: integers([7, 99, 7, 0, 7]) },
    run: ({ x, ids }) => composites.embedding(x!, ids!),
  },
  "small embedding": {
    inputs: { x: normal(3, 4), ids: integers([1, 1, 2]) },
    run: ({ x, ids }) => composites.embedding(x!, ids!),
  },
};
