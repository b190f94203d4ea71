/** Each family's states, gradients and losses on every engine against Python transformers, and its folders both ways. */
import * as tf from "@tensorflow/tfjs";
import { deepStrictEqual, ok, throws } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint, saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { sequenceClassifier } from "../../lib/bert/classifier.ts";
import { newConfig, positionsOf, readConfig, requirePositions } from "../../lib/bert/config.ts";
import { classify, clsStates, encode, pool } from "../../lib/bert/encoder.ts";
import { encoderInput } from "../../lib/bert/feeds.ts";
import { initialParameters, keepLayers, preTrainingParameters } from "../../lib/bert/parameters.ts";
import { pretrainer } from "../../lib/bert/pretraining.ts";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { softmaxCrossEntropy } from "../../lib/graph/composites.ts";
import { layerLearningRate } from "../../lib/paper/layer_decay.ts";
import { schedule } from "../../lib/paper/schedules.ts";
import type { HostTensor, HostTensors } from "../../lib/tensors.ts";
import { optimizer, stateName } from "../../lib/training/optimizers.ts";
import { gradientGraph, signatures, type Trainable } from "../../lib/training/step.ts";
import { Trainer } from "../../lib/training/trainer.ts";
import { engines } from "../engine/engines.ts";
import {
  type FamilyBatch,
  familyFolder,
  familyNames,
  type GoldenFamily,
  loadGoldenFamily,
} from "../golden/families.ts";
import { largestDifference, relativeError } from "../golden/load.ts";
import { type BatchResult, runBatch } from "../golden/run_batch.ts";
import { hasTransformers, runTransformers } from "../golden/transformers.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { packedOf, statesOf } from "../helpers/packed.ts";
import { slowUnless } from "../helpers/slow.ts";

/** A classifier that gives all states besides its logits. */
function withStates({ config }: GoldenFamily): Trainable {
  const { feeds } = sequenceClassifier(config);
  return {
    feeds,
    loss(inputs, key) {
      const input = encoderInput(inputs);
      const states = encode(inputs, config, input, key);
      const logits = classify(
        inputs,
        config,
        pool(inputs, clsStates(states.at(-1)!, input), config, key),
        key,
      );
      const outputs = Object.fromEntries(states.map((state, layer) => [`hidden_states.${layer}`, state]));
      const losses = softmaxCrossEntropy(logits, inputs.labels!);
      return { loss: tf.sum(tf.mul(losses, inputs.weights!)), outputs: { ...outputs, logits } };
    },
  };
}

/** Compares gradients, each to 1e-4 of its norm; those of the keys' biases are zero but for rounding. */
function requireGradients(found: HostTensors, expected: HostTensors): void {
  deepStrictEqual(Object.keys(found).sort(), Object.keys(expected).sort());
  const wrong = Object.entries(expected).map(([name, { shape, data }]) => {
    deepStrictEqual(found[name]!.shape, shape, name);
    return { name, error: relativeError(found[name]!.data, data, name.endsWith("key.bias") ? 1e-2 : 1e-3) };
  }).filter(({ error }) => !(error <= 1e-4));
  deepStrictEqual(wrong, []);
}

function requireStates({ outputs }: BatchResult, golden: GoldenFamily, layout: string): void {
  const { ids, mask } = golden.batch;
  const { padded } = packedOf({ ids, mask });
  const [, T] = ids.shape as [number, number];
  const real = Array.from(mask.data.keys()).filter((place) => mask.data[place] === 1);
  for (const [name, { data }] of Object.entries(outputs)) {
    const expected = golden.values[name]!;
    const isState = name.startsWith("hidden_states");
    const H = golden.config.hidden_size;
    // Padding's states are read by nobody.
    const own = !isState
      ? data
      : layout === "packed"
      ? data.subarray(0, padded.length * H)
      : Float32Array.from(statesOf({ shape: [ids.shape[0]!, T, H], data }, real));
    const difference = largestDifference(own, isState ? statesOf(expected, real) : expected.data);
    ok(difference <= 1e-5, `${name} of ${layout} texts differs by ${difference}`);
  }
}

/** The feeds of masked words, two more places than any text has. */
function maskedFeeds({ batch, values }: GoldenFamily, layout: "padded" | "packed") {
  const { ids, mask, type_ids } = batch;
  const [B, T] = ids.shape as [number, number];
  const packed = packedOf({ ids, mask, type_ids });
  const labels = values.mlm_labels!.data;
  const all = Array.from(labels.keys()).filter((at) => labels[at] !== -100);
  const P = 2 +
    Math.max(...Array.from({ length: B }, (_, b) => all.filter((at) => Math.floor(at / T) === b).length));
  const flat = {
    masked: new Int32Array(B * P),
    mlm_labels: new Int32Array(B * P),
    mlm_weights: new Float32Array(B * P),
  };
  for (let b = 0; b < B; b++) {
    all.filter((at) => Math.floor(at / T) === b).forEach((at, p) => {
      flat.masked[b * P + p] = layout === "packed" ? packed.padded.indexOf(at) : at;
      flat.mlm_labels[b * P + p] = labels[at]!;
      flat.mlm_weights[b * P + p] = 1 / all.length;
    });
  }
  const tensors = layout === "packed" ? packed.tensors : { ids, mask, type_ids };
  const size = layout === "packed" ? packed.shape : { T };
  const feeds = Object.entries(flat).map((
    [name, data],
  ): [string, HostTensor] => [name, { shape: [B * P], data }]);
  return { shape: { B, P, ...size }, feeds: { ...tensors, ...Object.fromEntries(feeds) } };
}

/** The model with its golden head of masked words. */
function maskedParameters({ config, parameters, named }: GoldenFamily): HostTensors {
  const shared = Object.fromEntries(
    Object.entries(parameters).filter(([name]) => !name.startsWith("classifier.")),
  );
  return preTrainingParameters(config, { ...shared, ...named("mlm.") }, {});
}

for (const family of familyNames) {
  const golden = await loadGoldenFamily(family);
  const { config, parameters } = golden;

  for (const [name, make] of Object.entries(engines)) {
    if (name === "webgpu" && !["roberta", "modernbert"].includes(family)) continue; // seconds each, in software
    const test = slowUnless(name === "onnx");
    test(`${family}, ${name}: states and logits to 1e-5, every gradient to 1e-4 of PyTorch's`, async () => {
      const engine = await make();
      for (const layout of ["padded", "packed"] as const) {
        const { loss, ...outputs } = golden.values;
        ok(loss && outputs.logits);
        const result = await runBatch(engine, withStates(golden), parameters, golden.batch, layout);
        requireStates(result, golden, layout);
        requireGradients(result.gradients, golden.named("gradient."));
      }
    });

    const few = slowUnless(name === "onnx" && ["roberta", "modernbert"].includes(family));
    few(`${family}, ${name}: the loss of masked words and its gradients are PyTorch's`, async () => {
      const engine = await make();
      for (const layout of ["padded", "packed"] as const) {
        const { shape, feeds } = maskedFeeds(golden, layout);
        const trainer = new Trainer(
          engine,
          pretrainer(config),
          maskedParameters(golden),
          optimizer("adamw"),
          1,
        );
        const found = await trainer.evaluate({ shape, parts: [feeds], examples: 4, tokens: 0 });
        ok(
          Math.abs(found.loss!.data[0]! - golden.values.mlm_loss!.data[0]!) < 1e-5,
          `${found.loss!.data[0]}`,
        );
        await trainer.dispose();
        requireGradients(
          await gradientsOf(engine, pretrainer(config), maskedParameters(golden), shape, feeds),
          golden.named("mlm_gradient."),
        );
      }
    });

    few(`${family}, ${name}: the first ten losses are PyTorch's`, async () => {
      const rate = schedule("linear", { totalSteps: 10, warmupSteps: 3, baseRate: 1e-2 });
      const trainer = new Trainer(
        await make(),
        sequenceClassifier(config),
        parameters,
        optimizer("adamw"),
        1,
      );
      const found: number[] = [];
      for (const [step, batch] of golden.batches.entries()) {
        found.push((await trainer.step(stepBatch(batch), () => 1e-2 * rate(step))).loss);
      }
      await trainer.dispose();
      const errors = found.map((loss, i) => Math.abs(loss / golden.losses[i]! - 1));
      ok(Math.max(...errors) < 1e-4, `${found} and not ${golden.losses}`);
    });
  }

  Deno.test(`${family}: a folder of transformers is read whole, and saved as it was`, () =>
    inFolder(async (saved) => {
      deepStrictEqual(golden.notes, []);
      await saveCheckpoint(saved, { config, parameters });
      const [mine, theirs] = await Promise.all(
        [saved, familyFolder(family)].map((folder) => readSafetensors(join(folder, "model.safetensors"))),
      );
      deepStrictEqual(Object.keys(mine!).sort(), Object.keys(theirs!).sort());
      for (const [name, tensor] of Object.entries(theirs!)) deepStrictEqual(mine![name], tensor, name);
      const configs = await Promise.all(
        [saved, familyFolder(family)].map(async (folder) =>
          JSON.parse(await readFile(join(folder, "config.json"), "utf8"))
        ),
      );
      for (const key of Object.keys(configs[0])) {
        if (Object.hasOwn(configs[1], key)) deepStrictEqual(configs[0][key], configs[1][key], key);
      }
      deepStrictEqual(configs[0].architectures, configs[1].architectures);
      deepStrictEqual(await readConfig(saved), config);
      const masked = maskedParameters(golden);
      await saveCheckpoint(saved, { config, parameters: { ...parameters, ...masked } });
      const loaded = await loadCheckpoint(saved, { seed: 1, preTraining: {} });
      for (const [name, tensor] of Object.entries(masked)) {
        deepStrictEqual(loaded.parameters[name], tensor, name);
      }
    }));

  const reading = `${family}: transformers reads what is saved, without warnings`;
  Deno.test({
    name: reading,
    ignore: !hasTransformers(reading),
    fn: () =>
      inFolder(async (saved) => {
        const { ids, mask, type_ids } = golden.batch;
        const types = config.model_type === "electra" ? { type_ids: rowsOf(type_ids) } : {};
        const request = { ids: rowsOf(ids), mask: rowsOf(mask), ...types };
        await saveCheckpoint(saved, { config, parameters });
        const reply = runTransformers(saved, request);
        deepStrictEqual(Object.values(reply.warnings).flat(), []);
        ok(largestDifference(reply.logits!.flat(), golden.values.logits!.data) < 1e-4);
        await saveCheckpoint(saved, { config, parameters: maskedParameters(golden) });
        const words = runTransformers(saved, request, "AutoModelForMaskedLM");
        deepStrictEqual(Object.values(words.warnings).flat(), []);
        const labels = golden.values.mlm_labels!.data;
        const all = (words.logits as unknown as number[][][]).flat();
        const found = all.filter((_, at) => labels[at] !== -100).flat();
        ok(largestDifference(found, golden.values.mlm_logits!.data) < 1e-4);
      }),
  });

  Deno.test(`${family}: layers are cut from the top, and their rates fall by the model's own depth`, () => {
    const kept = keepLayers(parameters, config, 2);
    ok(!Object.keys(kept.parameters).some((name) => golden.fileName(name).includes("layer.2.")));
    const rate = (name: string) => layerLearningRate(name, { layers: 3, decay: .5, learningRate: 1 });
    const rates = new Set(Object.keys(parameters).map((name) => rate(name)));
    deepStrictEqual([...rates].sort(), [.125, .25, .5, 1]);
    const embeddings = Object.keys(parameters).filter((name) => /embedding/.test(golden.fileName(name)));
    deepStrictEqual(new Set(embeddings.map(rate)), new Set([.125]));
  });
}

/** A batch as a step takes it: padded, each text of the same weight. */
function stepBatch({ labels, ...texts }: FamilyBatch) {
  const [B, T] = texts.ids.shape as [number, number];
  const weights = { shape: [B], data: new Float32Array(B).fill(1 / B) };
  return {
    shape: { B, K: 1, T, pairs: true },
    parts: [{ ...texts, labels, weights }],
    examples: B,
    tokens: 0,
  };
}

async function gradientsOf(
  engine: Awaited<ReturnType<(typeof engines)[string]>>,
  trainable: Trainable,
  parameters: HostTensors,
  shape: unknown,
  feeds: HostTensors,
): Promise<HostTensors> {
  const zeros = Object.entries(parameters).map(([name, { shape, data }]) =>
    [stateName.gradient(name), { shape, data: new Float32Array(data.length) }] as const
  );
  const state = engine.state({ ...parameters, ...Object.fromEntries(zeros) });
  const program = await engine.compile(gradientGraph(trainable, signatures(parameters), shape));
  await program.run(state, { ...feeds, key: { shape: [1], data: Int32Array.of(1) } });
  const found = await state.download(zeros.map(([name]) => name));
  for (const each of [program, state]) each.dispose();
  return Object.fromEntries(
    Object.keys(parameters).map((name) => [name, found[stateName.gradient(name)]!]),
  );
}

Deno.test("RoBERTa has as many positions as there are rows after padding's", async () => {
  const config = await readConfig(familyFolder("roberta"));
  deepStrictEqual([config.max_position_embeddings, positionsOf(config)], [26, 24]);
  throws(
    () => requirePositions(config, 25),
    /^InputError: Cannot read 25 wordpieces at once as the model has 24 /,
  );
});

Deno.test("ModernBERT computes the positions of a text of many windows", async () => {
  const { config, parameters, values: { long_ids: ids, long_logits: expected } } = await loadGoldenFamily(
    "modernbert",
  );
  const [B, T] = ids!.shape as [number, number];
  const batch = { ids: ids!, mask: { shape: [B, T], data: new Int32Array(B * T).fill(1) } };
  const labels = { shape: [B], data: new Int32Array(B) };
  const engine = await engines.onnx!();
  for (const layout of ["padded", "packed"] as const) {
    const { outputs } = await runBatch(
      engine,
      sequenceClassifier(config),
      parameters,
      { ...batch, labels },
      layout,
    );
    const difference = largestDifference(outputs.logits!.data, expected!.data);
    ok(difference <= 1e-5, `${layout}: ${difference}`);
  }
});

/** ModernBERT's golden model where it is classified by the mean of all states. */
async function goldenMean(): Promise<GoldenFamily> {
  const { config, ...golden } = await loadGoldenFamily("modernbert");
  return { ...golden, config: { ...config, modern: { ...config.modern!, classifier_pooling: "mean" } } };
}

for (const [name, make] of Object.entries(engines)) {
  slowUnless(name === "onnx")(
    `ModernBERT, ${name}: the mean of all states is classified as PyTorch does`,
    async () => {
      const { config, parameters, batch, values, named } = await goldenMean();
      for (const layout of ["padded", "packed"] as const) {
        const found = await runBatch(await make(), sequenceClassifier(config), parameters, batch, layout);
        for (const output of ["loss", "logits"] as const) {
          const difference = largestDifference(found.outputs[output]!.data, values[`mean.${output}`]!.data);
          ok(difference <= 1e-5, `${output} of ${layout} texts differs by ${difference}`);
        }
        requireGradients(found.gradients, named("mean.gradient."));
      }
    },
  );
}

const meanReading =
  "ModernBERT: transformers reads a saved folder whose classifier takes the mean of all states";
Deno.test({
  name: meanReading,
  ignore: !hasTransformers(meanReading),
  fn: () =>
    inFolder(async (saved) => {
      const { config, parameters, batch, values } = await goldenMean();
      await saveCheckpoint(saved, { config, parameters });
      const { ids, mask } = { ids: rowsOf(batch.ids), mask: rowsOf(batch.mask) };
      const { logits, warnings } = runTransformers(saved, { ids, mask });
      deepStrictEqual(Object.values(warnings).flat(), []);
      ok(largestDifference(logits!.flat(), values["mean.logits"]!.data) < 1e-4);
    }),
});

/** A tensor [B, T] row by row. */
function rowsOf({ shape, data }: HostTensor): number[][] {
  const [B, T] = shape as [number, number];
  return Array.from({ length: B }, (_, b) => [...data.slice(b * T, (b + 1) * T)]);
}

Deno.test("a step of ModernBERT-base's positions and heads is recorded", () => {
  const config = newConfig({
    ...{ model_type: "modernbert", vocab_size: 50, pad_token_id: 0, hidden_size: 64, num_attention_heads: 1 },
    ...{ num_hidden_layers: 2, intermediate_size: 32, max_position_embeddings: 8192 },
  });
  const types = signatures(initialParameters(config, { seed: 1, labels: 2 }));
  for (const shape of [{ B: 1, K: 1, T: 8192 }, { B: 2, K: 1, T: 8192, S: 8192, R: 1 }]) {
    ok(gradientGraph(sequenceClassifier(config), types, shape).nodes.some(({ op }) => op === "Cos"));
  }
});
