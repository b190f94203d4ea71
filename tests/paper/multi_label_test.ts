/** Fine-tuning on several labels a text: with every truncation, class weights, passes, and after a kill. */
import assert from "node:assert/strict";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { atBaseRates } from "../../lib/paper/classifier_plan.ts";
import { fineTune } from "../../lib/paper/fine_tune.ts";
import { textStrategy, textStrategyNames } from "../../lib/paper/long_text.ts";
import { balancedLabelWeights } from "../../lib/training/step_batches.ts";
import { trainingBatches } from "../../lib/training/batches.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { tinyModel } from "../helpers/example_model.ts";
import { severalDataset, severalTexts } from "../helpers/several_labels.ts";
import { slowUnless } from "../helpers/slow.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";

const engine = onnxEngine({ threads: 1 });
const data = severalDataset();
const model = await tinyModel(data);

for (const text of textStrategyNames) {
  slowUnless(text === "head+tail" || text === "hierarchical-mean")(
    `both labels are learnt, with balanced weights, in passes and after a kill: ${text}`,
    () =>
      inFolder(async (folder) => {
        const settings = tinySettings({
          text: textStrategy(text, { maxFractions: 2 }),
          epochs: 6,
          microBatchSize: 4,
          classWeights: "balanced",
        });
        const whole = await fineTune(model, data, settings, { engine });
        const { multiLabel, errorRate } = whole.test!;
        assert.ok(multiLabel!.microF1 > .9, `${text}: micro F1 ${multiLabel!.microF1}`);
        assert.deepEqual(multiLabel!.thresholds, whole.thresholds);
        assert.deepEqual(whole.dev!.multiLabel!.thresholds, whole.thresholds);
        assert.equal(whole.testPredictions!.expected.length, 2 * data.test.length);
        assert.ok(errorRate < .2);
        const kill = new Error("killed");
        const onStep = ({ step }: { step: number }) => {
          if (step === 21) throw kill;
        };
        const checkpoint = { folder, every: 5, resume: true };
        await assert.rejects(fineTune(model, data, settings, { engine, checkpoint, onStep }), kill);
        const resumed = await fineTune(model, data, settings, { engine, checkpoint });
        assert.deepEqual(resumed.parameters, whole.parameters);
        assert.deepEqual([resumed.thresholds, resumed.test], [whole.thresholds, whole.test]);
      }),
  );
}

Deno.test("a new classifier starts at the labels' shares, and one that is trained stays as it is", () => {
  const bias = (...values: number[]) => ({
    "classifier.bias": { shape: [2], data: Float32Array.from(values) },
  });
  const examples = [[0], [0], [], [0, 1]].map((classes) => ({ classes }));
  const { data } = atBaseRates(bias(0, 0), examples)["classifier.bias"]!;
  const shares = Array.from(data, (logit) => 1 / (1 + Math.exp(-logit)));
  // Half a text is added to those with a label and those without.
  [3.5 / 5, 1.5 / 5].forEach((share, c) => assert.ok(Math.abs(shares[c]! - share) < 1e-7));
  assert.deepEqual(atBaseRates(bias(0, .25), examples), bias(0, .25));
});

Deno.test("the weights of a label's texts and of the others sum to the same, and all labels weigh alike", () => {
  const examples = [[0], [0, 1], [], [0]].map((classes) => ({ classes }));
  const { present, absent } = balancedLabelWeights(examples, 2);
  assert.deepEqual([present, absent], [[4 / 6, 2], [2, 4 / 6]]);
});

Deno.test("a batch's weights are those of its labels, 0 for a missing text, and sum to 1 over its passes", () => {
  const examples = severalTexts(5, 1).map(({ label, classes }, index) => ({
    ...{ pieces: [Int32Array.of(1, 2)], label, classes, index },
  }));
  const labelWeights = { present: [3, 5], absent: [1, 2] };
  const options = { batchSize: 6, passSize: 3, maxLength: 8, tokenizerIds: { cls: 1, sep: 2, pad: 0 } };
  const [epoch] = trainingBatches(examples, { ...options, multiLabel: 2, labelWeights }, [1]);
  const batch = epoch!.at(0);
  const weights = batch.parts.flatMap(({ weights }) => Array.from(weights!.data));
  const sum = weights.reduce((sum, weight) => sum + weight, 0);
  assert.ok(Math.abs(sum - 1) < 1e-6);
  assert.deepEqual(batch.parts.map(({ labels, weights }) => [labels!.shape, weights!.shape]), [
    [[3, 2], [3, 2]],
    [[3, 2], [3, 2]],
  ]);
  // None has the weights 1 and 2, the first label 3 and 2, the second 1 and 5, both 3 and 5; the fifth text has none.
  const each = [[1, 2], [3, 2], [1, 5], [3, 5], [1, 2]];
  const total = each.flat().reduce((sum, weight) => sum + weight, 0);
  batch.indices.forEach((index, row) => {
    const expected = index < 0 ? [0, 0] : each[index]!.map((weight) => weight / total);
    expected.forEach((weight, c) => assert.ok(Math.abs(weights[2 * row + c]! - weight) < 1e-7));
  });
});
