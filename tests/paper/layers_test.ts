/** Table 3's choices of layers against PyTorch, and what is refused. */
import { deepStrictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { readConfig } from "../../lib/bert/config.ts";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { InputError } from "../../lib/errors.ts";
import { classifierPlan } from "../../lib/paper/classifier_plan.ts";
import { featureWidth, layerFeatures } from "../../lib/paper/layers.ts";
import { head } from "../../lib/paper/long_text.ts";
import { requireGolden, runBatch, startingWith } from "../golden/run_batch.ts";

const folder = join(import.meta.dirname!, "..", "golden", "layers");
const config = await readConfig(folder);
const values = await readSafetensors(join(folder, "values.safetensors"));
const bert = startingWith(values, "parameter.");
const names = new Set(Object.keys(values).flatMap((name) => /^(.*)\//.exec(name)?.[1] ?? []));

// The compliance suite has xla compute the same operations; here it would only compile, for minutes.
const engines = { reference: await referenceEngine(), onnx: onnxEngine() };

for (const [engineName, engine] of Object.entries(engines)) {
  for (const name of names) {
    Deno.test(`${engineName}: the features "${name}" and every gradient are those of PyTorch`, async () => {
      const golden = startingWith(values, `${name}/`);
      const { trainable, config: used, width } = classifierPlan(config, { text: head(), features: name });
      const own = startingWith(golden, "parameter.");
      deepStrictEqual(own["classifier.weight"]!.shape, [3, width]);
      // The golden gradients name what these features are made of: no pooler for a combination, no unused layer.
      const trained = Object.keys(startingWith(golden, "gradient."));
      const parameters = Object.fromEntries(
        Object.entries({ ...bert, ...own }).filter(([name]) => trained.includes(name)),
      );
      const layers = new Set(trained.flatMap((name) => /layer\.(\d+)\./.exec(name)?.[1] ?? []));
      deepStrictEqual(used.num_hidden_layers, layers.size);
      requireGolden(await runBatch(engine, trainable, parameters, values), golden);
    });
  }
}

Deno.test("names of features are places of layers and what is made of their states", () => {
  const features = ["last", "layer 2", "first 4 max", "last 4 mean", "all concat"].map((name) =>
    layerFeatures(name, 12)
  );
  deepStrictEqual(features.map(({ layers, combination }) => [layers, combination]), [
    [[11], undefined],
    [[2], undefined],
    [[0, 1, 2, 3], "max"],
    [[8, 9, 10, 11], "mean"],
    [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], "concat"],
  ]);
  deepStrictEqual(features.map((each) => featureWidth(each, 768)), [768, 768, 768, 768, 9216]);
});

Deno.test("features that there are not are refused with what there is", () => {
  const known = "last, layer K, first 4 concat, mean or max, last 4 concat, mean or max, all concat";
  for (const name of ["all mean", "first 3 max", "layer -1", ""]) {
    throws(
      () => layerFeatures(name, 12),
      new InputError(`Cannot use the features "${name}": expected one of ${known}`),
    );
  }
  for (const [name, total] of [["layer 6", 6], ["last 4 max", 3], ["first 4 mean", 3]] as const) {
    throws(
      () => layerFeatures(name, total),
      new InputError(
        `Cannot use the features "${name}" of a model of ${total} layers: it has layers 0 to ${total - 1}`,
      ),
    );
  }
});
