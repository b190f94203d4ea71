/** Against Python transformers on every engine: states, gradients by name, and the first ten losses. */
import * as tf from "@tensorflow/tfjs";
import { deepStrictEqual, ok } from "node:assert/strict";
import { classify, clsStates, encode, pool } from "../../lib/bert/encoder.ts";
import { encoderInput } from "../../lib/bert/feeds.ts";
import type { HostTensor, HostTensors } from "../../lib/tensors.ts";
import { softmaxCrossEntropy, stepKey } from "../../lib/graph/composites.ts";
import { record } from "../../lib/graph/record.ts";
import { schedule, type ScheduleName } from "../../lib/paper/schedules.ts";
import { optimizer, stateName } from "../../lib/training/optimizers.ts";
import { gradientGraph, signatures, type Trainable } from "../../lib/training/step.ts";
import { Trainer } from "../../lib/training/trainer.ts";
import { engines } from "../engine/engines.ts";
import {
  type GoldenBatch,
  largestDifference,
  loadGoldenModel,
  loadGoldenTraining,
  relativeError,
} from "../golden/load.ts";
import { packedOf, statesOf } from "../helpers/packed.ts";
import { slowUnless } from "../helpers/slow.ts";

const golden = await loadGoldenModel();
const training = await loadGoldenTraining();
const { config, parameters } = golden;

/** What is fed, in both layouts. */
const layouts = {
  padded: ({ ids, mask, type_ids }: GoldenBatch): HostTensors => ({ ids, mask, type_ids }),
  packed: ({ ids, mask, type_ids }: GoldenBatch): HostTensors => packedOf({ ids, mask, type_ids }).tensors,
};
type Layout = keyof typeof layouts;

function feedsOf(batch: GoldenBatch, layout: Layout = "padded"): HostTensors {
  const { labels } = batch;
  const B = labels.shape[0]!;
  return {
    ...layouts[layout](batch),
    labels,
    weights: { shape: [B], data: new Float32Array(B).fill(1 / B) },
  };
}

/** The golden model: like the library's classifier, with segment types. The shape is the layout. */
const trainable: Trainable = {
  feeds: (layout) => signatures(feedsOf(golden.batch, layout as Layout)),
  loss(inputs, key) {
    const input = encoderInput(inputs);
    const states = encode(inputs, config, input, key);
    const pooled = pool(inputs, clsStates(states.at(-1)!, input));
    const logits = classify(inputs, config, pooled, key);
    const outputs = Object.fromEntries(states.map((state, layer) => [`state ${layer}`, state]));
    const losses = softmaxCrossEntropy(logits, inputs.labels!);
    return { loss: tf.sum(tf.mul(losses, inputs.weights!)), outputs: { ...outputs, pooled, logits } };
  },
};

const { padded } = packedOf({ ...golden.batch });

for (const [name, make] of Object.entries(engines)) {
  for (const layout of ["padded", "packed"] as const) {
    const ofTokens = layout === "padded"
      ? ({ data }: HostTensor): ArrayLike<number> => data
      : (states: HostTensor): ArrayLike<number> => statesOf(states, padded);

    Deno.test(`${name}: hidden states, pooler and logits of ${layout} texts are those of transformers to 1e-5`, async () => {
      const engine = await make();
      const feeds = feedsOf(golden.batch, layout);
      const graph = record(
        "states",
        { state: signatures(parameters), feeds: signatures(feeds) },
        (inputs) => ({ state: {}, outputs: trainable.loss(inputs, undefined, {}).outputs }),
      );
      const found = await (await engine.compile(graph)).run(engine.state(parameters), feeds);
      const expected: Record<string, ArrayLike<number>> = {
        ...Object.fromEntries(
          golden.hiddenStates.map((state, layer) => [`state ${layer}`, ofTokens(state)]),
        ),
        pooled: golden.pooled.data,
        logits: golden.logits.data,
      };
      for (const [output, numbers] of Object.entries(expected)) {
        const difference = largestDifference(found[output]!.data.subarray(0, numbers.length), numbers);
        ok(difference <= 1e-5, `${output} differs by ${difference}`);
      }
    });

    slowUnless(name !== "xla" || layout === "packed")(
      `${name}: every gradient by name of ${layout} texts is that of transformers to 1e-4`,
      async () => {
        const engine = await make();
        const program = await engine.compile(gradientGraph(trainable, signatures(parameters), layout));
        const zeros = Object.fromEntries(
          Object.entries(parameters).map(([name, { shape, data }]) => [
            stateName.gradient(name),
            { shape, data: new Float32Array(data.length).fill(7) },
          ]),
        );
        const state = engine.state({ ...parameters, ...zeros });
        const key = { shape: [1], data: Int32Array.of(stepKey(1, 0)) };
        const { loss } = await program.run(state, { ...feedsOf(golden.batch, layout), key });
        ok(
          Math.abs(loss!.data[0]! - golden.loss) < 1e-5,
          `the loss is ${loss!.data[0]} and not ${golden.loss}`,
        );
        const gradients = await state.download(Object.keys(zeros));
        const wrong = Object.entries(golden.gradients).map(([name, { data }]) => ({
          name,
          error: relativeError(gradients[stateName.gradient(name)]!.data, data),
        })).filter(({ error }) => !(error <= 1e-4));
        deepStrictEqual(wrong, []);
      },
    );
  }

  for (const run of training.runs) {
    if (name === "webgpu" && run.schedule !== "linear") continue; // half a minute for each optimizer, in software
    const test = slowUnless(name === "onnx" && run.schedule === "linear");
    test(`${name}: the first ten losses of ${run.optimizer}, ${run.schedule}, are those of PyTorch`, async () => {
      const engine = await make();
      const { totalSteps, warmupSteps, cycles } = training;
      const rate = schedule(run.schedule as ScheduleName, {
        totalSteps,
        warmupSteps,
        cycles: run.schedule === "cosine-with-restarts" ? cycles : undefined,
        baseRate: run.learning_rate,
      });
      const trainer = new Trainer(engine, trainable, parameters, optimizer(run.optimizer), 1);
      const losses: number[] = [];
      for (const [step, batch] of training.batches.entries()) {
        const stepBatch = { shape: "padded", parts: [feedsOf(batch)], examples: 4, tokens: 64 };
        losses.push((await trainer.step(stepBatch, () => run.learning_rate * rate(step))).loss);
      }
      await trainer.dispose();
      const errors = losses.map((loss, i) => Math.abs(loss / run.losses[i]! - 1));
      ok(Math.max(...errors) < 1e-4, `${losses} and not ${run.losses}`);
    });
  }
}
