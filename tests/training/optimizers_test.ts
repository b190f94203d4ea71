import assert from "node:assert/strict";
import {
  biasCorrections,
  decays,
  optimizer,
  type OptimizerOptions,
  stateName,
} from "../../lib/training/optimizers.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { signatures, updateGraph } from "../../lib/training/step.ts";
import { engines } from "../engine/engines.ts";
import { relativeError } from "../golden/load.ts";

const adamw = optimizer("adamw");
const bertAdam = optimizer("bertadam");

/** Values before an update: of the parameter, its gradient and its moments. */
interface Before {
  readonly value: number[];
  readonly gradient: number[];
  readonly m?: number[];
  readonly v?: number[];
}

/** Updates `parameters` once at learning rate 0.1; returns each one's value and moments, and the norm. */
async function updated(
  engineName: string,
  options: OptimizerOptions,
  parameters: Record<string, Before>,
  update = 1,
) {
  const engine = await engines[engineName]!();
  const tensor = (data: number[]) => ({ shape: [data.length], data: Float32Array.from(data) });
  const names = Object.keys(parameters);
  const values = Object.fromEntries(names.map((name) => [name, tensor(parameters[name]!.value)]));
  const rest: HostTensors = {};
  for (const [name, { value, gradient, m, v }] of Object.entries(parameters)) {
    rest[stateName.gradient(name)] = tensor(gradient);
    rest[stateName.firstMoment(name)] = tensor(m ?? value.map(() => 0));
    rest[stateName.secondMoment(name)] = tensor(v ?? value.map(() => 0));
  }
  const program = await engine.compile(updateGraph(signatures(values), options));
  const state = engine.state({ ...values, ...rest });
  const { gradient_norm: norm } = await program.run(state, {
    learning_rates: tensor(names.map(() => 0.1)),
    bias_corrections: {
      shape: [names.length, 2],
      data: biasCorrections(options, names.map(() => update)),
    },
  });
  const after = await state.download();
  program.dispose();
  const of = (name: string) =>
    [name, stateName.firstMoment(name), stateName.secondMoment(name)].flatMap((
      each,
    ) => [...after[each]!.data]);
  return { norm: norm!.data[0]!, after: Object.fromEntries(names.map((name) => [name, of(name)])) };
}

function assertNear(found: readonly number[], expected: readonly number[]): void {
  const far = found.some((value, i) =>
    !(Math.abs(value - expected[i]!) <= 2e-6 * Math.abs(expected[i]!) + 1e-9)
  );
  assert.ok(found.length === expected.length && !far, `found ${found}, expected ${expected}`);
}

/** Gradients of norms 5 and 12, of 13 together. */
const two = {
  "dense.weight": { value: [1, -2], gradient: [3, 4] },
  "dense.bias": { value: [0.5], gradient: [12] },
};

for (const engine of Object.keys(engines)) {
  Deno.test(`${engine}: AdamW's first update moves by the rate, after decay, with all gradients clipped together`, async () => {
    const { norm, after } = await updated(engine, adamw, two);
    assertNear([norm], [13]);
    // m = 0.1 g / 13, v = 0.001 (g / 13)²; m̂ / √v̂ = 1; the weight decays by 0.1 · 0.01, the bias does not.
    assertNear(after["dense.weight"]!, [
      ...[0.999 - 0.1, -2 * 0.999 - 0.1],
      ...[0.3 / 13, 0.4 / 13],
      ...[0.009 / 169, 0.016 / 169],
    ]);
    assertNear(after["dense.bias"]!, [0.4, 1.2 / 13, 0.144 / 169]);
  });

  Deno.test(`${engine}: AdamW's second update corrects the moments' bias`, async () => {
    const { norm, after } = await updated(engine, adamw, {
      weight: { value: [1], gradient: [0.5], m: [0.2], v: [0.01] },
    }, 2);
    assertNear([norm], [0.5]);
    // m = 0.18 + 0.05, v = 0.00999 + 0.00025; m̂ = m / 0.19 = 1.210526, v̂ = v / 0.001999 = 5.122561
    assertNear(after.weight!, [0.999 - 0.1 * 1.2105263 / 2.2633075, 0.23, 0.01024]);
  });

  Deno.test(`${engine}: BertAdam's update has no correction and clips each gradient by itself`, async () => {
    const { norm, after } = await updated(engine, bertAdam, two);
    assertNear([norm], [13]);
    // g = (0.6, 0.8) and 1; m = 0.1 g, v = 0.001 g²; m / (√v + 1e-6)
    assertNear(after["dense.weight"]!, [
      ...[0.999 - 0.1 * 0.06 / (0.018973666 + 1e-6), -2 * 0.999 - 0.1 * 0.08 / (0.025298221 + 1e-6)],
      ...[0.06, 0.08],
      ...[0.00036, 0.00064],
    ]);
    assertNear(after["dense.bias"]!, [0.5 - 0.1 * 0.1 / (0.031622777 + 1e-6), 0.1, 0.001]);
  });

  Deno.test(`${engine}: small gradients, and all without clipping, stay as they are`, async () => {
    const small = { weight: { value: [1], gradient: [0.5] } };
    for (const options of [adamw, bertAdam]) {
      assertNear((await updated(engine, options, small)).after.weight!.slice(1), [0.05, 0.00025]);
    }
    const { norm, after } = await updated(engine, { ...adamw, clip: "none" }, two);
    assertNear([norm], [13]);
    assertNear(after["dense.bias"]!.slice(1), [1.2, 0.144]);
    const { after: clipped } = await updated(engine, { ...adamw, clipNorm: 6.5 }, two);
    assertNear(clipped["dense.bias"]!.slice(1), [0.6, 0.036]);
  });

  Deno.test(`${engine}: without weight decay nothing decays`, async () => {
    const { after } = await updated(engine, { ...adamw, weightDecay: 0 }, two);
    assertNear(after["dense.weight"]!.slice(0, 2), [0.9, -2.1]);
  });
}

Deno.test("onnx: large tensors, which are updated block by block, come to the same as on the reference engine", async () => {
  const size = 300_001;
  const wave = (scale: number, step: number) =>
    Array.from({ length: size }, (_, i) => scale * Math.sin(step * i));
  const large = {
    "large.weight": {
      value: wave(1, 0.1),
      gradient: wave(0.01, 0.3),
      m: wave(0.01, 0.7),
      v: wave(0.01, 0.9).map(Math.abs),
    },
    ...two,
  };
  for (const options of [adamw, bertAdam]) {
    const [found, expected] = [
      await updated("onnx", options, large, 3),
      await updated("reference", options, large, 3),
    ];
    for (const [name, values] of Object.entries(expected.after)) {
      const error = relativeError(found.after[name]!, values);
      assert.ok(error < 1e-6, `${name} differs by ${error} with ${options.name}`);
    }
    assert.ok(
      Math.abs(found.norm / expected.norm - 1) < 1e-5,
      `the norms are ${found.norm} and ${expected.norm}`,
    );
  }
});

Deno.test("biases and LayerNorm parameters do not decay, under old names neither", () => {
  const decaying = [
    "bert.embeddings.word_embeddings.weight",
    "bert.encoder.layer.0.attention.self.query.weight",
    "classifier.weight",
    "pooling.w1.weight",
    "biases.weight",
  ];
  const kept = [
    "bert.embeddings.LayerNorm.weight",
    "bert.encoder.layer.11.output.LayerNorm.bias",
    "bert.encoder.layer.11.output.LayerNorm.gamma",
    "bert.encoder.layer.11.output.LayerNorm.beta",
    "bert.encoder.layer.0.attention.self.query.bias",
    "classifier.bias",
    "bias",
  ];
  assert.deepEqual(decaying.filter((name) => !decays(name)), []);
  assert.deepEqual(kept.filter(decays), []);
});

Deno.test("bias corrections are 1 − βᵗ for AdamW and 1 for BertAdam", () => {
  assert.deepEqual(biasCorrections(adamw, [1]), Float32Array.of(0.1, 0.001));
  assert.deepEqual(biasCorrections(adamw, [1, 2]), Float32Array.of(0.1, 0.001, 0.19, 0.001999));
  assert.deepEqual(biasCorrections(adamw, [1_000_000]), Float32Array.of(1, 1));
  assert.deepEqual(biasCorrections(bertAdam, [1, 7]), Float32Array.of(1, 1, 1, 1));
});

Deno.test("optimizers by name, with the values of PyTorch and of the paper's code", () => {
  const { name, ...values } = optimizer("adamw");
  assert.equal(name, "adamw");
  assert.deepEqual(values, {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.01,
    clip: "global",
    clipNorm: 1,
  });
  const { epsilon, clip, weightDecay } = optimizer("bertadam");
  assert.deepEqual([epsilon, clip, weightDecay], [1e-6, "per-parameter", 0.01]);
});
