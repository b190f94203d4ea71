import * as tf from "@tensorflow/tfjs";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { dropout, DropoutKey, gelu, linear, softmaxCrossEntropy } from "../../lib/graph/composites.ts";
import type { Graph, StepFunction, Tensors } from "../../lib/graph/graph.ts";
import { record } from "../../lib/graph/record.ts";

await tf.ready();

/** Records a step with a state tensor w [2, 3] and the inputs x [4, 3], ids [4] and key [1]. */
function example(step: StepFunction): Graph {
  return record("example", {
    state: { w: { shape: [2, 3], dtype: "float32" } },
    feeds: {
      x: { shape: [4, 3], dtype: "float32" },
      ids: { shape: [4], dtype: "int32" },
      key: { shape: [1], dtype: "int32" },
    },
  }, step);
}

/** A step that returns one tensor. */
const y = (make: (inputs: Tensors) => tf.Tensor): StepFunction => (inputs) => ({
  state: {},
  outputs: { y: make(inputs) },
});

const output = (make: (inputs: Tensors) => tf.Tensor): Graph => example(y(make));

const opsOf = ({ nodes }: Graph) => nodes.map(({ op }) => op);

/** A line of this file in a message becomes "LINE". */
const lines = (message: string) => message.replace(/(?:\w+ \()?record_test\.ts:(\d+):\d+\)?/g, "LINE");

/** Asserts that recording fails with this message, and that a recording after it works. */
function refuses(step: StepFunction, message: string): void {
  const before = tf.getBackend();
  const { stackTraceLimit } = Error;
  throws(() => example(step), (error) => {
    ok(error instanceof TypeError);
    strictEqual(lines(error.message), message);
    return true;
  });
  strictEqual(tf.getBackend(), before);
  strictEqual(Error.stackTraceLimit, stackTraceLimit);
  deepStrictEqual(opsOf(output(({ x }) => tf.exp(x!))), ["Exp"]);
  deepStrictEqual(tf.tidy(() => tf.exp(tf.tensor1d([0])).arraySync()), [1], "tfjs computes as before");
}

Deno.test("reading a value names what made it and the line", () => {
  const rest =
    "nothing has been computed while a step is recorded; return the tensor from the step and read it there";
  const reading = (read: (inputs: Tensors) => unknown): StepFunction => (inputs) => {
    read(inputs);
    return { state: {}, outputs: {} };
  };
  refuses(reading(({ x }) => x!.dataSync()), `Cannot read the value of input "x" at LINE: ${rest}`);
  refuses(reading(({ w }) => w!.arraySync()), `Cannot read the value of input "w" at LINE: ${rest}`);
  refuses(reading(({ x }) => tf.tanh(x!).print()), `Cannot read the value of Tanh at LINE: ${rest}`);
  refuses(reading(() => tf.scalar(2).dataSync()), `Cannot read the value of a constant at LINE: ${rest}`);
});

Deno.test("awaiting a value names the line, and leaves no rejected promise behind", () => {
  const rest =
    "nothing has been computed while a step is recorded; return the tensor from the step and read it there";
  const awaiting = (async ({ x }: Tensors) => {
    await tf.sum(x!).data();
    return { state: {}, outputs: {} };
  }) as unknown as StepFunction;
  refuses(awaiting, `Cannot read the value of Sum at LINE: ${rest}`);
  refuses(
    // deno-lint-ignore require-await
    (async () => ({ state: {}, outputs: {} })) as unknown as StepFunction,
    "Cannot record example: expected a function that returns its results, found an async one",
  );
});

Deno.test("the line is the caller's, however deep in tfjs the mistake is found", () => {
  const inner = (x: tf.Tensor) => tf.cumsum(x);
  const here = Number(/:(\d+):\d+\)?$/.exec(new Error().stack!.split("\n")[1]!)![1]);
  throws(() => output(({ x }) => tf.valueAndGrads((x) => tf.sum(inner(gelu(x))) as tf.Scalar)([x!]).value), {
    message: new RegExp(`operation Cumsum at inner \\(record_test\\.ts:${here - 1}:\\d+\\)`),
  });
});

Deno.test("random numbers are refused, as they would be the same at every step", () => {
  const random = (shape: string) =>
    `Cannot record random numbers [${shape}] at LINE: they would be the same at every step; use dropout() with a ` +
    "key, or pass the tensor in as an input";
  const step = (make: () => tf.Tensor): StepFunction => y(({ x }) => tf.mul(x!, make()));
  refuses(step(() => tf.randomUniform([4, 3])), random("4,3"));
  refuses(step(() => tf.randomNormal([100, 100])), random("100,100"));
  refuses(step(() => tf.truncatedNormal([1])), random("1"));
  refuses(y(({ x }) => tf.dropout(x!, 0.1)), random("4,3"));
  refuses(
    step(() => tf.tensor1d(Array.from({ length: 4097 }, (_, i) => i))),
    "Cannot record a constant of 4097 elements [4097] made in JavaScript at LINE: at most 4096 are expected, and " +
      "random numbers would be the same at every step; use dropout() with a key, or pass the tensor in as an input",
  );
});

Deno.test("a tensor from outside names the operation that it is used in", () => {
  const outside = tf.tensor2d([[1, 2, 3]]);
  const rest =
    "it uses a tensor that was made outside of the recorded function; pass it in as an input, or make it inside";
  refuses(y(({ x }) => tf.add(x!, outside)), `Cannot record Add at LINE: ${rest}`);
  refuses(y(() => gelu(outside)), `Cannot record Gelu at LINE: ${rest}`);
  refuses(y(() => tf.clone(outside)), `Cannot record Identity at LINE: ${rest}`);
  refuses(y(() => outside), `Cannot record "y" at LINE: ${rest}`);
  let leaked: tf.Tensor | undefined;
  output(({ x }) => leaked = tf.keep(tf.exp(x!)));
  refuses(y(() => tf.neg(leaked!)), `Cannot record Neg at LINE: ${rest}`);
  outside.dispose();
});

Deno.test("an operation without a row is named, in the gradient too", () => {
  const rest =
    "lib/graph/operations.ts has no row for it; add one (CONTRIBUTING.md says how) or write the step without it";
  refuses(y(({ x }) => tf.cumsum(x!)), `Cannot record the tfjs operation Cumsum at LINE: ${rest}`);
  refuses(
    y(({ x }) => tf.grad((x) => tf.sum(tf.mul(x, tf.log1p(x))))(x!)),
    `Cannot record the tfjs operation Log1p at LINE: ${rest}`,
  );
});

Deno.test("an update must be of a state's tensor, and of its shape", () => {
  refuses(
    ({ x }) => ({ state: { v: x! }, outputs: {} }),
    'Cannot update "v" in example: it is not among the state\'s inputs',
  );
  refuses(
    ({ x }) => ({ state: { x: tf.neg(x!) }, outputs: {} }),
    'Cannot update "x" in example: it is not among the state\'s inputs',
  );
  refuses(
    ({ w }) => ({ state: { w: tf.sum(w!, 0) }, outputs: {} }),
    'Cannot update "w" of shape [2,3] in example with a tensor of shape [3]',
  );
});

Deno.test("nodes and constants that no result needs are dropped", () => {
  const graph = output(({ x }) => {
    tf.matMul(x as tf.Tensor2D, tf.tensor2d([[1], [2], [3]]));
    tf.exp(x!);
    return tf.add(x!, tf.tensor1d([1, 2, 3]));
  });
  deepStrictEqual(opsOf(graph), ["Add"]);
  deepStrictEqual([...graph.constants.values()], [Float32Array.of(1, 2, 3)]);
});

Deno.test("a constant of equal numbers is filled, and a single number is kept", () => {
  const graph = output(({ x }) => tf.add(tf.mul(x!, tf.ones([4, 3])), tf.mul(tf.tensor1d([7, 7, 7]), 0.5)));
  const fills = graph.nodes.filter(({ op }) => op === "Fill").map(({ attributes }) => attributes);
  deepStrictEqual(fills, [
    { shape: [4, 3], value: 1, dtype: "float32" },
    { shape: [3], value: 7, dtype: "float32" },
  ]);
  deepStrictEqual([...graph.constants].map(([{ shape }, data]) => [shape, data]), [[
    [],
    Float32Array.of(0.5),
  ]]);
  const large = output(({ x }) => tf.sum(tf.matMul(x as tf.Tensor2D, tf.fill([3, 5000], 2) as tf.Tensor2D)));
  deepStrictEqual(opsOf(large), ["Fill", "BatchMatMul", "Sum"]);
  const mixed = output(({ x }) =>
    tf.where(tf.tensor1d([true, false, true], "bool"), x!, tf.tensor1d([NaN, NaN, NaN]))
  );
  deepStrictEqual([...mixed.constants.keys()].map(({ dtype }) => dtype), ["bool", "float32"]);
});

Deno.test("a clone is another name for a value", () => {
  const graph = example(({ w, x }) => {
    const y = tf.exp(x!);
    return { state: { w: tf.clone(w!) }, outputs: { y: tf.clone(y), again: y } };
  });
  deepStrictEqual(opsOf(graph), ["Exp"]);
  strictEqual(graph.outputs.get("y"), graph.outputs.get("again"));
  strictEqual(graph.updates.get("w"), graph.state.get("w"));
});

Deno.test("an input that is returned as it is records nothing", () => {
  const graph = output(({ x }) => x!);
  deepStrictEqual(graph.nodes, []);
  strictEqual(graph.outputs.get("y"), graph.feeds.get("x"));
});

Deno.test("a linear classifier's loss and gradient, node by node", () => {
  const graph = example(({ w, x, ids, key }) => {
    const { value, grads } = tf.valueAndGrads((w: tf.Tensor) => {
      const hidden = dropout(gelu(x!), 0.1, new DropoutKey(key!));
      return tf.mean(softmaxCrossEntropy(linear(hidden, w, tf.zeros([2])), ids!)) as tf.Scalar;
    })([w!]);
    return { state: { w: tf.sub(w!, tf.mul(grads[0]!, 0.1)) }, outputs: { loss: value } };
  });
  const shapes = (values: readonly { shape: readonly number[] }[]) => values.map(({ shape }) => `[${shape}]`);
  const nodes = graph.nodes.map(({ op, inputs, outputs }) =>
    [op, ...shapes(Object.values(inputs)), "→", ...shapes(outputs)].join(" ")
  );
  deepStrictEqual(nodes, [
    "Gelu [4,3] → [4,3] [4,3]",
    "Dropout [4,3] [1] → [4,3]",
    "Fill → [2]",
    "Reshape [4,3] → [4,3]",
    "Linear [4,3] [2,3] [2] → [4,2]",
    "Reshape [4,2] → [4,2]",
    "SoftmaxCrossEntropy [4,2] [4] → [4] [4,2]",
    "Mean [4] → []",
    // the gradient: of w alone, so nothing of gelu and dropout
    "Reshape [] → [1]",
    "Fill → [4]",
    "Multiply [1] [4] → [4]",
    "RealDiv [4] [] → [4]",
    "SoftmaxCrossEntropyGrad [4] [4,2] [4] → [4,2]",
    "Reshape [4,2] → [4,2]",
    "BatchMatMul [4,2] [4,3] → [2,3]",
    "Multiply [2,3] [] → [2,3]",
    "Sub [2,3] [2,3] → [2,3]",
  ]);
});
