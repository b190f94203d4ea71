/** The loss of several labels a text against PyTorch: numbers, and every gradient of a model. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { sequenceClassifier } from "../../lib/bert/classifier.ts";
import { classificationLoss } from "../../lib/bert/classification_loss.ts";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { sigmoidCrossEntropy } from "../../lib/graph/composites.ts";
import { largestDifference, loadGoldenModel } from "../golden/load.ts";
import { requireGolden, runBatch } from "../golden/run_batch.ts";

const folder = join(import.meta.dirname!, "..", "golden");
const engines = { reference: await referenceEngine(), onnx: onnxEngine() };

Deno.test("loss and gradient of usual and extreme logits are those of BCEWithLogitsLoss", async () => {
  const golden = JSON.parse(await readFile(join(folder, "multi_label.json"), "utf8"));
  tf.tidy(() => {
    const [logits, targets, weights] = [golden.logits, golden.targets, golden.weights]
      .map((rows) => tf.tensor2d(rows)) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const close = (found: tf.Tensor, expected: number[][] | number, most = 1e-6) => {
      const values = [expected].flat(2) as number[];
      const difference = largestDifference(found.dataSync(), values);
      ok(difference <= most, `${found.dataSync()} and not ${values}`);
    };
    const losses = tf.valueAndGrad((x) => sigmoidCrossEntropy(x, targets));
    const each = losses(logits);
    close(each.value, golden.losses, 1e-5);
    close(each.grad, golden.gradient);
    const weighted = tf.valueAndGrad((x) => classificationLoss(x, { labels: targets, weights }))(logits);
    close(weighted.value, golden.weighted, 1e-5);
    close(weighted.grad, golden.weighted_gradient);
  });
});

for (const [name, engine] of Object.entries(engines)) {
  Deno.test(`${name}: logits, loss and every gradient of several labels a text are those of transformers`, async () => {
    const { config, parameters, batch } = await loadGoldenModel();
    const golden = await readSafetensors(join(folder, "multi_label.safetensors"));
    const trainable = sequenceClassifier(config);
    for (const layout of ["padded", "packed"] as const) {
      const feeds = { ...batch, labels: golden.labels! };
      requireGolden(await runBatch(engine, trainable, parameters, feeds, layout), golden);
    }
    deepStrictEqual(golden.labels!.shape.length, 2);
  });
}
