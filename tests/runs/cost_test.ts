import assert from "node:assert/strict";
import { namedConfig } from "../../lib/bert/models.ts";
import { type Configuration, paperPreTraining, paperSettings } from "../../lib/runs/configuration.ts";
import { encoderFlops, runFlops } from "../../lib/runs/cost.ts";

const base = namedConfig("bert-base-uncased")!;
const parameters = 109_483_778; // BERT-base with a classifier of two classes, as transformers counts them
const run = (changes: Partial<Configuration> = {}): Configuration => ({ ...paperSettings, ...changes });
const data = { train: 48, dev: 24, test: 10 };

Deno.test("BERT-base takes the operations of its products: 22.3 billion for 128 tokens, 96.6 for 512", () => {
  const perToken = 12 * (4 * 2 * 768 * 768 + 2 * 2 * 768 * 3072);
  assert.equal(perToken, 169_869_312); // two for each of the encoder's 84,934,656 weights
  assert.equal(encoderFlops(base, 128), 128 * (perToken + 12 * 4 * 128 * 768));
  assert.equal(encoderFlops(base, 128), 22_347_251_712);
  assert.equal(encoderFlops(base, 512), 96_636_764_160);
});

Deno.test("fine-tuning takes three forward passes a text and an update a batch; measuring takes one a text", () => {
  const text = 96_636_764_160 + 2 * 768 * 768 + 2 * 768 * 2;
  const found = runFlops(base, run(), data);
  assert.equal(found.fineTuning, 4 * 2 * (24 * 3 * text + 15 * parameters));
  assert.equal(found.evaluation, (4 * 24 + 10) * text);
  assert.deepEqual([found.preTraining, found.multiTask], [0, 0]);
  assert.equal(runFlops(base, run({ protocol: "paper" }), data).evaluation, 5 * 10 * text);
  assert.equal(
    runFlops(base, run({ evaluationsPerEpoch: 3 }), data).evaluation,
    (4 * 3 * 2 * 24 + 10) * text,
  );
  // a last incomplete batch is filled up
  assert.equal(runFlops(base, run(), { ...data, train: 25 }).fineTuning, found.fineTuning);
});

Deno.test("fractions multiply the sequences; layers above the highest that is used cost nothing", () => {
  const evaluation = (changes: Partial<Configuration>) =>
    runFlops(base, run(changes), { ...data, dev: 0, test: 1 }).evaluation;
  const head = evaluation({}) - encoderFlops(base, 512);
  assert.equal(
    evaluation({ text: "hierarchical-mean", maxFractions: 3 }) - head,
    3 * encoderFlops(base, 512),
  );
  const half = { ...base, num_hidden_layers: 6 };
  assert.equal(evaluation({ features: "layer 5" }) - head, encoderFlops(half, 512));
  assert.equal(evaluation({ layers: 6 }) - head, encoderFlops(half, 512));
  // four layers' states side by side have a wider classifier and no pooler
  assert.equal(evaluation({ features: "last 4 concat" }), encoderFlops(base, 512) + 2 * 4 * 768 * 2);
});

Deno.test("a frozen BERT has no backward pass", () => {
  const { fineTuning } = runFlops(base, run({ method: "feature-extraction" }), data);
  assert.equal(fineTuning, 4 * 48 * encoderFlops(base, 512));
});

Deno.test("further pre-training adds the words' logits at masked places, and next sentences", () => {
  const preTraining = { ...paperPreTraining, corpus: ["imdb"], steps: 10 };
  const masked = (places: number) => places * (2 * 768 * 768 + 2 * 768 * 30_522);
  const pairs = 2 * 768 * 768 + 2 * 768 * 2;
  const sizes = { withNsp: 110_106_428, without: 109_514_298 }; // BertForPreTraining, BertForMaskedLM
  const flops = (changes: object, model = "bert-base-uncased") =>
    runFlops(base, run({ model, preTraining: { ...preTraining, ...changes } }), data).preTraining;
  assert.equal(
    flops({}),
    10 * (32 * 3 * (22_347_251_712 + masked(20) + pairs) + 15 * sizes.withNsp),
  );
  const alone = 10 * (32 * 3 * (22_347_251_712 + masked(20)) + 15 * sizes.without);
  assert.equal(flops({ nsp: false }), alone);
  // of 128 wordpieces .15 are masked, .25 by a new model
  assert.equal(flops({ nsp: false }, "new") - alone, 10 * 32 * 3 * masked(32 - 20));
  assert.equal(flops({ nsp: false, headSteps: 5 }) - alone, 5 * 32 * (22_347_251_712 + 3 * masked(20)));
});

Deno.test("multi-task fine-tuning passes through the examples of all tasks", () => {
  const multiTask = { tasks: ["imdb", "ag-news"], epochs: 2, learningRate: 2e-5 };
  const alone = runFlops(base, run({ epochs: 1 }), data).fineTuning;
  assert.equal(runFlops(base, run({ multiTask }), data).multiTask, 2 * 2 * alone);
  assert.equal(runFlops(base, run({ multiTask }), { ...data, tasks: [48, 96] }).multiTask, 2 * 3 * alone);
});
