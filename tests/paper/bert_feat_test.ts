/** BERT-Feat against PyTorch's packed LSTM, and its way through fine-tuning. */
import { deepStrictEqual, notDeepStrictEqual, ok, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { readConfig } from "../../lib/bert/config.ts";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { InputError } from "../../lib/errors.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { classifierPlan } from "../../lib/paper/classifier_plan.ts";
import { fineTune } from "../../lib/paper/fine_tune.ts";
import type { FineTuneSettings } from "../../lib/paper/settings.ts";
import { hierarchical, textStrategy } from "../../lib/paper/long_text.ts";
import { engines } from "../engine/engines.ts";
import { exampleDataset, tinyModel } from "../helpers/example_model.ts";
import { requireGolden, runBatch, startingWith } from "../golden/run_batch.ts";
import type { HostTensor } from "../../lib/tensors.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";
import { slowUnless } from "../helpers/slow.ts";

const folder = join(import.meta.dirname!, "..", "golden", "bert_feat");
const config = await readConfig(folder);
const values = await readSafetensors(join(folder, "values.safetensors"));
const { trainable, additional, width } = classifierPlan(config, {
  method: "feature-extraction",
  text: textStrategy("head"),
});
const parameters = startingWith(values, "parameter.");

/** More columns of padding. */
function padded({ shape: [B, T], data }: HostTensor, columns: number): HostTensor {
  const wide = new Int32Array(B! * (T! + columns));
  for (let row = 0; row < B!; row++) {
    wide.set(data.subarray(row * T!, (row + 1) * T!) as Int32Array, row * (T! + columns));
  }
  return { shape: [B!, T! + columns], data: wide };
}

for (const [name, make] of Object.entries(engines)) {
  for (const layout of ["padded", "packed"] as const) {
    const test = slowUnless(name !== "xla");
    test(`${name}: logits and every gradient but BERT's of ${layout} texts are those of PyTorch's packed LSTM`, async () => {
      requireGolden(await runBatch(await make(), trainable, parameters, values, layout), values);
    });
  }
}

Deno.test("more padding changes nothing", async () => {
  const wide = ["ids", "mask", "type_ids"].map((name) => [name, padded(values[name]!, 5)]);
  const batch = { ...values, ...Object.fromEntries(wide) };
  requireGolden(await runBatch(onnxEngine(), trainable, parameters, batch), values);
});

Deno.test("a new biLSTM is drawn as PyTorch draws one, by the seed alone", () => {
  const [first, again, other] = [additional(1), additional(1), additional(2)];
  deepStrictEqual(again, first);
  deepStrictEqual(
    Object.fromEntries(Object.entries(first).map(([name, { shape }]) => [name, shape])),
    {
      ...Object.fromEntries(["", "_reverse"].flatMap((direction) => [
        [`lstm.weight_ih_l0${direction}`, [1024, config.hidden_size]],
        [`lstm.weight_hh_l0${direction}`, [1024, 256]],
        [`lstm.bias_ih_l0${direction}`, [1024]],
        [`lstm.bias_hh_l0${direction}`, [1024]],
      ])),
      "pooling.w1.weight": [512, 512],
      "pooling.w2.weight": [1, 512],
    },
  );
  deepStrictEqual(width, 512);
  for (const [name, { data }] of Object.entries(first)) {
    notDeepStrictEqual(other[name]!.data, data, name);
    if (!name.startsWith("lstm.")) continue;
    const largest = Array.from(data, Math.abs).reduce((a, b) => Math.max(a, b));
    ok(largest <= 1 / 16 && largest > 0.99 / 16, `${name} reaches ${largest}`);
  }
});

const settings = tinySettings({
  method: "feature-extraction",
  epochs: 4,
  schedule: "linear",
  warmupProportion: 0.1,
});

const data = exampleDataset();

Deno.test("the biLSTM learns above a BERT that stays as it is; it is not saved as Hugging Face's", async () => {
  const model = await tinyModel(data);
  const trained = await fineTune(model, data, settings, { engine: onnxEngine() });
  const losses = trained.epochs.map(({ trainLoss }) => trainLoss);
  ok(losses.at(-1)! < 0.5 * losses[0]!, `training losses ${losses}`);
  ok(trained.test!.errorRate < 0.2, `test error ${trained.test!.errorRate}`);
  const start = { ...model.parameters, ...classifierPlan(model.config, settings).additional(1) };
  for (const [name, { data }] of Object.entries(trained.parameters)) {
    if (name.startsWith("bert.")) deepStrictEqual(data, start[name]!.data, name);
    else notDeepStrictEqual(data, start[name]!.data, name);
  }
  deepStrictEqual(
    Object.keys(start).filter((name) => !Object.hasOwn(trained.parameters, name)),
    ["bert.pooler.dense.weight", "bert.pooler.dense.bias"],
  );
  await rejects(
    saveClassifier("nowhere", trained),
    new InputError(
      "Cannot save a classifier that was trained by feature-extraction in nowhere: a Hugging Face folder has no " +
        "place for its biLSTM; train by fine-tuning to save one",
    ),
  );
});

Deno.test("what BERT-Feat does not do is refused", () => {
  const deep = { ...config, num_hidden_layers: 4 };
  const plan = (changes: Partial<FineTuneSettings>) => classifierPlan(deep, { ...settings, ...changes });
  throws(
    () => plan({ text: hierarchical("mean") }),
    new InputError(
      'Cannot read texts by "hierarchical-mean" with feature-extraction: expected one of head, tail, head+tail',
    ),
  );
  deepStrictEqual(plan({ features: "layer 2" }).config.num_hidden_layers, 3);
  throws(
    () => plan({ features: "last 4 max" }),
    new InputError('Cannot use the features "last 4 max" with feature-extraction: expected last or layer K'),
  );
  throws(
    () => plan({ method: "features" as "fine-tuning" }),
    new InputError('Cannot train by the method "features": expected fine-tuning or feature-extraction'),
  );
});
