import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { newConfig, readConfig } from "../../lib/bert/config.ts";
import {
  freshTensor,
  initialParameters,
  keepLayers,
  layerOf,
  parameterShapes,
  preTrainingShapes,
} from "../../lib/bert/parameters.ts";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { goldenFolder, loadGoldenModel } from "../golden/load.ts";

const config = newConfig({ vocab_size: 50, hidden_size: 16, num_attention_heads: 2, num_hidden_layers: 3 });

Deno.test("names and shapes are those of transformers' BertForSequenceClassification", async () => {
  const golden = await loadGoldenModel();
  const expected = Object.entries(golden.parameters).map(([name, { shape }]) => [name, [...shape]]).sort();
  deepStrictEqual([...parameterShapes(golden.config, { labels: 3 })].sort(), expected);
});

Deno.test("pre-training trains what BertForPreTraining has, or BertForMaskedLM", async () => {
  const values = await readSafetensors(join(goldenFolder, "..", "pretraining", "tiny.safetensors"));
  const golden = await readConfig(join(goldenFolder, "..", "pretraining", "tiny"));
  for (const [prefix, nsp] of [["gradient.", true], ["mlm_gradient.", false]] as const) {
    const expected = Object.entries(values).filter(([name]) => name.startsWith(prefix))
      .map(([name, { shape }]) => [name.slice(prefix.length), [...shape]]).sort();
    deepStrictEqual([...preTrainingShapes(golden, { nsp })].sort(), expected);
  }
});

Deno.test("new parameters are BERT's: normal weights, zero biases, LayerNorm 1, [PAD] zero", () => {
  const parameters = initialParameters(config, { seed: 1, labels: 2 });
  deepStrictEqual(Object.keys(parameters), [...parameterShapes(config, { labels: 2 }).keys()]);
  ok(parameters["bert.encoder.layer.0.output.LayerNorm.weight"]!.data.every((value) => value === 1));
  ok(parameters["bert.encoder.layer.0.output.LayerNorm.bias"]!.data.every((value) => value === 0));
  ok(parameters["classifier.bias"]!.data.every((value) => value === 0));
  const words = parameters["bert.embeddings.word_embeddings.weight"]!.data;
  ok(words.subarray(0, 16).every((value) => value === 0));
  const weights = [...parameters["bert.encoder.layer.1.intermediate.dense.weight"]!.data];
  const mean = weights.reduce((sum, value) => sum + value, 0) / weights.length;
  const deviation = Math.sqrt(weights.reduce((sum, value) => sum + (value - mean) ** 2, 0) / weights.length);
  // 1,024 draws: the mean's standard error is .0006, the deviation's .0004.
  ok(Math.abs(mean) < 0.0025 && Math.abs(deviation - 0.02) < 0.002, `mean ${mean}, deviation ${deviation}`);
});

Deno.test("draws depend on seed and name alone", () => {
  const some = initialParameters(config, { seed: 1 });
  const more = initialParameters({ ...config, num_hidden_layers: 4 }, { seed: 1, labels: 2, features: 64 });
  for (const [name, tensor] of Object.entries(some)) deepStrictEqual(more[name], tensor, name);
  deepStrictEqual(more["classifier.weight"]!.shape, [2, 64]);
  strictEqual("classifier.weight" in some, false);
  const [query, key] = ["query", "key"].map((part) => `bert.encoder.layer.0.attention.self.${part}.weight`);
  notDeepStrictEqual(some[query!]!.data, some[key!]!.data);
  const fresh = (seed: number) => freshTensor("pooling.w1", [4, 4], { seed, range: 0.02 });
  notDeepStrictEqual(fresh(1), fresh(2));
  throws(() => initialParameters(config, { seed: 1, labels: 0 }), RangeError);
});

Deno.test("keeping the lowest layers drops the upper ones and nothing else", () => {
  const whole = initialParameters(config, { seed: 1, labels: 2 });
  const kept = keepLayers(whole, config, 2);
  strictEqual(kept.config.num_hidden_layers, 2);
  deepStrictEqual(Object.keys(kept.parameters), [...parameterShapes(kept.config, { labels: 2 }).keys()]);
  strictEqual(kept.parameters["classifier.weight"], whole["classifier.weight"]);
  deepStrictEqual(keepLayers(whole, config, 3).parameters, whole);
  for (const layers of [0, 4, 1.5]) {
    throws(() => keepLayers(whole, config, layers), {
      name: "InputError",
      message: `Cannot keep the lowest ${layers} layers of a model of 3: give a whole number from 1 to 3`,
    });
  }
});

Deno.test("a parameter's layer is read from its name", () => {
  strictEqual(layerOf("bert.encoder.layer.11.output.dense.bias"), 11);
  strictEqual(layerOf("bert.pooler.dense.weight"), undefined);
});
