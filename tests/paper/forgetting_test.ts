import assert from "node:assert/strict";
import { paperSettings } from "../../lib/runs/configuration.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { layerDistances } from "../../lib/paper/forgetting.ts";
import { forgettingProbe } from "../../lib/runs/forgetting_probe.ts";
import type { HostTensor, HostTensors } from "../../lib/tensors.ts";
import { familyFolder, loadGoldenFamily } from "../golden/families.ts";
import { withCache } from "../helpers/cache_folder.ts";
import { exampleTexts, tinyArchitecture } from "../helpers/example_model.ts";

const tensor = (...data: number[]) => ({ shape: [data.length], data: Float32Array.from(data) });

Deno.test("how far a layer has moved is in proportion to its weights, over all its parameters", () => {
  const before: HostTensors = {
    "bert.embeddings.word_embeddings.weight": tensor(3, 4),
    "bert.encoder.layer.10.a": tensor(1, 0),
    "bert.encoder.layer.2.a": tensor(6),
    "bert.encoder.layer.2.b": tensor(8),
    "bert.pooler.dense.bias": tensor(1),
  };
  const after: HostTensors = {
    "bert.embeddings.word_embeddings.weight": tensor(3, 4),
    "bert.encoder.layer.10.a": tensor(1, 2),
    "bert.encoder.layer.2.a": tensor(6 + 3),
    "bert.encoder.layer.2.b": tensor(8 - 4),
    "bert.pooler.dense.bias": tensor(9),
    "classifier.weight": tensor(1),
  };
  const distances = layerDistances(before, after);
  assert.deepEqual(Object.entries(distances), [["embeddings", 0], ["layer 2", .5], ["layer 10", 2]]);
});

Deno.test("masked words are guessed under the head of before; what did not change forgets nothing", () =>
  withCache(async () => {
    const engine = onnxEngine();
    const texts = exampleTexts(60, 20, 1).map(({ text }) => text);
    const configuration = { ...paperSettings, model: "new", architecture: tinyArchitecture };
    const steps: number[] = [];
    const options = {
      engine,
      documents: () => Promise.resolve(texts),
      language: "en",
      onStep: (done: number) => steps.push(done),
      say: () => {},
    } as const;
    const probe = await forgettingProbe(configuration, 30, options);
    assert.equal(steps.at(-1), 30);
    const nothing = await probe.measure({});
    assert.deepEqual(nothing.after, nothing.before);
    assert.ok(nothing.before.mlmAccuracy > 1 / tinyArchitecture.vocabulary);

    const name = "bert.embeddings.word_embeddings.weight";
    const blank = { [name]: { shape: [1], data: new Float32Array(1) } };
    await assert.rejects(probe.measure(blank), "another shape");

    const again = await forgettingProbe(configuration, 30, options);
    assert.equal(steps.length, 30, "the head is kept");
    const zeros = (await again.measure({})).before;
    assert.deepEqual(zeros, nothing.before);
    engine.dispose();
  }));

Deno.test("ModernBERT's words are guessed under the head of before, which its classifier has, too", () =>
  withCache(async () => {
    const engine = onnxEngine();
    const probe = await forgettingProbe({ ...paperSettings, model: familyFolder("modernbert") }, 2, {
      engine,
      documents: () => Promise.resolve(exampleTexts(60, 20, 1).map(({ text }) => text)),
      language: "en",
      onStep: () => {},
      say: () => {},
    });
    const { parameters } = await loadGoldenFamily("modernbert");
    const moved = ({ shape, data }: HostTensor) => ({ shape, data: data.map((value) => 2 * value + 1) });
    const [head, embeddings] = ["bert.pooler.dense.weight", "bert.embeddings.LayerNorm.weight"];
    const own = await probe.measure({ ...parameters, [head!]: moved(parameters[head!]!) });
    assert.deepEqual(own.after, own.before);
    assert.deepEqual(Object.values(own.distances), [0, 0, 0, 0]);
    const other = await probe.measure({ ...parameters, [embeddings!]: moved(parameters[embeddings!]!) });
    assert.notEqual(other.after.mlmLoss, other.before.mlmLoss);
    engine.dispose();
  }));
