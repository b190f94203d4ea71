import * as tf from "@tensorflow/tfjs";
import assert from "node:assert/strict";
import {
  head,
  headTail,
  hierarchical,
  poolFractions,
  type Pooling,
  poolingParameters,
  tail,
  textStrategy,
  textStrategyNames,
} from "../../lib/paper/long_text.ts";

await tf.setBackend("cpu");

const text = (length: number) => Int32Array.from({ length }, (_, i) => i);
const only = (pieces: Int32Array[]) => {
  assert.equal(pieces.length, 1);
  return [...pieces[0]!];
};
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

Deno.test("head-only and tail-only keep the first and the last 510 wordpieces", () => {
  assert.deepEqual(only(head().pieces(text(1000), 512)), range(0, 510));
  assert.deepEqual(only(tail().pieces(text(1000), 512)), range(490, 1000));
});

Deno.test("head+tail keeps the first 128 and the last 382 of 510, 32 and 94 of 126", () => {
  assert.deepEqual(only(headTail().pieces(text(1000), 512)), [...range(0, 128), ...range(618, 1000)]);
  assert.deepEqual(only(headTail().pieces(text(1000), 128)), [...range(0, 32), ...range(906, 1000)]);
  assert.deepEqual(only(headTail().pieces(text(20), 12)), [...range(0, 3), ...range(13, 20)]);
});

Deno.test("hierarchical cuts a text into k = ⌈L / 510⌉ fractions, to a cap", () => {
  const lengths = (length: number, maxFractions?: number) =>
    hierarchical("mean", { maxFractions }).pieces(text(length), 512).map((piece) => piece.length);
  assert.deepEqual(lengths(510), [510]);
  assert.deepEqual(lengths(511), [510, 1]);
  assert.deepEqual(lengths(1300), [510, 510, 280]);
  assert.deepEqual(lengths(9000), Array(8).fill(510));
  assert.deepEqual(lengths(9000, 2), [510, 510]);
  const pieces = hierarchical("max").pieces(text(1300), 512);
  assert.deepEqual(pieces.flatMap((piece) => [...piece]), range(0, 1300));
});

Deno.test("no strategy changes a text that fits; an empty one is one empty sequence", () => {
  for (const name of textStrategyNames) {
    const strategy = textStrategy(name);
    assert.equal(strategy.name, name);
    for (const length of [0, 1, 125, 126]) {
      assert.deepEqual(only(strategy.pieces(text(length), 128)), range(0, length), `${name} of ${length}`);
    }
    for (const length of [127, 253, 5000]) {
      const pieces = strategy.pieces(text(length), 128);
      assert.ok(pieces.every((piece) => piece.length <= 126 && piece.length > 0), `${name} of ${length}`);
    }
  }
  assert.throws(() => textStrategy("no"), {
    name: "InputError",
    message: 'Cannot cut texts by "no": expected one of head, tail, head+tail, hierarchical-mean, ' +
      "hierarchical-max, hierarchical-attention",
  });
});

Deno.test("numbers that mean nothing are refused", () => {
  assert.throws(() => head().pieces(text(3), 3), RangeError);
  assert.throws(() => hierarchical("mean", { maxFractions: 0 }), RangeError);
});

// [B=2, K=3, H=2]; the second text has one real fraction.
const states = [[[1, -2], [3, 4], [-5, 6]], [[7, -8], [100, 100], [-100, 1000]]];
const mask = [[1, 1, 1], [1, 0, 0]];

function pooled(pooling: Pooling, parameters: Record<string, tf.Tensor> = {}): number[][] {
  return poolFractions(pooling, tf.tensor3d(states), tf.tensor2d(mask), parameters).arraySync() as number[][];
}

function assertClose(found: number[][], expected: number[][]): void {
  const difference = tf.max(tf.abs(tf.sub(tf.tensor2d(found), tf.tensor2d(expected)))).arraySync();
  assert.ok(Number(difference) < 1e-5, `${JSON.stringify(found)} is not ${JSON.stringify(expected)}`);
}

Deno.test("mean and max over the real fractions", () => {
  assertClose(pooled("mean"), [[-1 / 3, 8 / 3], [7, -8]]);
  assertClose(pooled("max"), [[3, 6], [7, -8]]);
});

Deno.test("self-attention: softmax of w2ᵀ tanh(W1 h) over the real fractions", () => {
  const w1 = [[0.1, -0.2], [0.3, 0.05]];
  const w2 = [0.7, -1.1];
  const scores = states[0]!.map(([x, y]) =>
    w2.reduce((sum, weight, a) => sum + weight * Math.tanh(w1[a]![0]! * x! + w1[a]![1]! * y!), 0)
  );
  const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
  const expected = [0, 1].map((h) =>
    states[0]!.reduce((sum, state, k) => sum + Math.exp(scores[k]!) / total * state[h]!, 0)
  );
  const parameters = { "pooling.w1.weight": tf.tensor2d(w1), "pooling.w2.weight": tf.tensor2d([w2]) };
  assertClose(pooled("self-attention", parameters), [expected, [7, -8]]);
  assert.throws(() => pooled("self-attention"), RangeError);
});

Deno.test("a padding fraction changes neither the value nor a gradient", () => {
  const drawn = poolingParameters("self-attention", 2, 1);
  const names = Object.keys(drawn);
  const weights = names.map((name) => tf.tensor(drawn[name]!.data, [...drawn[name]!.shape]).mul(20));
  for (const pooling of ["mean", "max", "self-attention"] as const) {
    const run = (x: tf.Tensor, m: tf.Tensor) => {
      const f = (h: tf.Tensor, ...given: tf.Tensor[]) => {
        const parameters = Object.fromEntries(names.map((name, i) => [name, given[i]!]));
        const direction = tf.tensor2d([[0.3, -0.7], [1.1, 0.2]]);
        return tf.sum(tf.mul(poolFractions(pooling, h, m, parameters), direction)) as tf.Scalar;
      };
      const sources = pooling === "self-attention" ? [x, ...weights] : [x];
      const { value, grads } = tf.valueAndGrads(f)(sources);
      return { value: value.dataSync()[0]!, grads: grads.map((grad) => grad.arraySync() as number[][][]) };
    };
    const padded = run(tf.tensor3d(states), tf.tensor2d(mask));
    const first = run(tf.tensor3d([states[0]!, [[7, -8], [0, 0], [0, 0]]]), tf.tensor2d(mask));
    assert.deepEqual(padded, first, `${pooling}: other padding`);
    assert.deepEqual(padded.grads[0]![1]!.slice(1), [[0, 0], [0, 0]], `${pooling}: the padding's gradient`);
    assert.ok(
      padded.grads[0]![1]![0]!.some((value) => value !== 0),
      `${pooling}: the real fraction's gradient`,
    );
  }
});

Deno.test("pooling parameters are a function of the seed, and only self-attention has some", () => {
  const parameters = poolingParameters("self-attention", 16, 3);
  assert.deepEqual(Object.entries(parameters).map(([name, { shape }]) => [name, shape]), [
    ["pooling.w1.weight", [16, 16]],
    ["pooling.w2.weight", [1, 16]],
  ]);
  assert.deepEqual(parameters, poolingParameters("self-attention", 16, 3));
  assert.notDeepEqual(parameters, poolingParameters("self-attention", 16, 4));
  const w1 = [...parameters["pooling.w1.weight"]!.data];
  const deviation = Math.sqrt(w1.reduce((sum, value) => sum + value * value, 0) / w1.length);
  assert.ok(deviation > 0.016 && deviation < 0.024, `standard deviation ${deviation}`);
  assert.deepEqual(poolingParameters("mean", 16, 3), {});
});
