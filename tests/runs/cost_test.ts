import assert from "node:assert/strict";
import { newConfig } from "../../lib/bert/config.ts";
import { namedConfig } from "../../lib/bert/models.ts";
import { type Configuration, paperPreTraining, paperSettings } from "../../lib/runs/configuration.ts";
import { encoderFlops, type RunData, runFlops } from "../../lib/runs/cost.ts";
import type { EncodedExample } from "../../lib/training/text_tensors.ts";

const base = namedConfig("bert-base-uncased")!;
const parameters = 109_483_778; // BERT-base with a classifier of two classes, as transformers counts them
const run = (changes: Partial<Configuration> = {}): Configuration => ({ ...paperSettings, ...changes });
const data = { train: 48, dev: 24, test: 10 };

/** BERT-base's forward pass by hand: three of a layer's projections are for all tokens, the last layer's others for few. */
const encoder = (tokens: number, pairs: number, kept: number, layers = 12) =>
  layers * (3 * 1_179_648 * tokens + 3072 * pairs) + 10_616_832 * ((layers - 1) * tokens + kept);
const head = 2 * 768 * 768 + 2 * 768 * 2;
/** A list of texts of 512 tokens: 24 as training makes it, 8 as evaluation does. */
const [step, list] = [[12_288, 24 * 512 ** 2, 24], [4096, 8 * 512 ** 2, 8]] as const;

Deno.test("BERT-base takes the operations of its products: 22.3 billion for 128 tokens, 96.6 for 512", () => {
  const flops = (tokens: number, kept?: number) => encoderFlops(base, { tokens, pairs: tokens ** 2 }, kept);
  const perToken = 12 * (4 * 2 * 768 * 768 + 2 * 2 * 768 * 3072);
  assert.equal(perToken, 169_869_312); // two for each of the encoder's 84,934,656 weights
  assert.equal(flops(128), 128 * (perToken + 12 * 4 * 128 * 768));
  assert.equal(flops(128), 22_347_251_712);
  assert.equal(flops(512), 96_636_764_160);
  assert.equal(flops(512, 1), encoder(512, 512 ** 2, 1));
});

Deno.test("fine-tuning takes three forward passes a batch and an update; measuring takes one a list of texts", () => {
  const found = runFlops(base, run(), data);
  assert.equal(found.fineTuning, 4 * 2 * (3 * (encoder(...step) + 24 * head) + 15 * parameters));
  const measured = 3 * (encoder(...list) + 8 * head);
  const tested = encoder(...list) + encoder(1024, 2 * 512 ** 2, 2) + 10 * head; // eight texts and, in a quarter, two
  assert.equal(found.evaluation, 4 * measured + tested);
  assert.deepEqual([found.preTraining, found.multiTask], [0, 0]);
  assert.equal(runFlops(base, run({ protocol: "paper" }), { ...data, dev: 0 }).evaluation, 5 * tested);
  assert.equal(
    runFlops(base, run({ evaluationsPerEpoch: 3 }), data).evaluation,
    4 * 3 * 2 * measured + tested,
  );
  // two passes a step compute as much
  assert.equal(runFlops(base, run({ microBatchSize: 12 }), data).fineTuning, found.fineTuning);
  // a last incomplete batch takes its own tokens, and a whole update
  const incomplete = runFlops(base, run({ epochs: 1 }), { ...data, train: 25 }).fineTuning;
  const two = encoder(...step) + encoder(512, 512 ** 2, 24) + 48 * head;
  assert.equal(incomplete, 3 * two + 2 * 15 * parameters);
});

Deno.test("texts of known lengths cost the tokens of their batches", () => {
  const tiny = newConfig({
    vocab_size: 10,
    num_hidden_layers: 2,
    hidden_size: 4,
    num_attention_heads: 1,
    intermediate_size: 8,
  });
  const text = (wordpieces: number, index: number): EncodedExample => ({
    pieces: [new Int32Array(wordpieces)],
    label: 0,
    index,
  });
  const configuration = run({ epochs: 1, batchSize: 3, maxLength: 64 });
  const sizes = { train: 2, dev: 0, test: 0 };
  const flops = (data: RunData) => runFlops(tiny, configuration, data).fineTuning;
  const update = flops({ ...sizes, samples: { imdb: [] } });
  // 4 and 2 tokens are a list of 16 and a row of 16, with room for 3 texts
  const layers = 2 * 2 * (4 * 4 * 4 + 2 * 4 * 8) * 16 + 2 * 4 * 4 * 16 ** 2;
  const notMade = 13 * 2 * (4 * 4 + 2 * 4 * 8);
  const classifier = 3 * (2 * 4 * 4 + 2 * 4 * 2);
  const one = 3 * (layers - notMade + classifier);
  assert.equal(one, 43_344);
  const short = [text(2, 0), text(0, 1)];
  assert.equal(flops({ ...sizes, samples: { imdb: short } }) - update, one);
  // a sample of four texts of 16 tokens stands for nine: three batches of three
  const sample = [14, 14, 14, 14].map(text);
  const nine = flops({ ...sizes, train: 9, samples: { imdb: sample } });
  const three = 2 * 256 * 48 + 2 * 4 * 4 * 3 * 16 ** 2 - 45 * 160 + classifier;
  assert.equal(nine, 3 * (3 * three + update));
  // another data set's sample says nothing
  assert.equal(flops({ ...sizes, samples: { trec: short } }), flops(sizes));
  assert.ok(flops(sizes) > one + update);
});

Deno.test("fractions multiply the sequences; layers above the highest that is used cost nothing", () => {
  const evaluation = (changes: Partial<Configuration>) =>
    runFlops(base, run(changes), { ...data, dev: 0, test: 24 }).evaluation;
  const hierarchical = { text: "hierarchical-mean", maxFractions: 3, epochs: 1 };
  assert.equal(
    runFlops(base, run(hierarchical), { ...data, train: 24 }).fineTuning,
    3 * (encoder(3 * 12_288, 3 * 24 * 512 ** 2, 3 * 24) + 24 * head) + 15 * parameters,
  );
  const half = 3 * (encoder(...list, 6) + 8 * head);
  assert.equal(evaluation({ features: "layer 5" }), half);
  assert.equal(evaluation({ layers: 6 }), half);
  // four layers' states side by side have a wider classifier and no pooler
  assert.equal(evaluation({ features: "last 4 concat" }), 3 * (encoder(...list) + 8 * 2 * 4 * 768 * 2));
});

Deno.test("a frozen BERT has no backward pass, and makes all states", () => {
  const { fineTuning } = runFlops(base, run({ method: "feature-extraction" }), data);
  assert.equal(fineTuning, 4 * 2 * encoder(step[0], step[1], step[0]));
});

Deno.test("padded texts take the maximum length, whatever theirs", () => {
  const samples = { imdb: [{ pieces: [new Int32Array(3)], label: 0, index: 0 }] };
  const { fineTuning } = runFlops(base, run({ padToMax: true, epochs: 1 }), { ...data, train: 1, samples });
  assert.equal(fineTuning, 3 * (encoder(...step) + 24 * head) + 15 * parameters);
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
