/** One of the paper's training steps, timed on a device: whole steps, and the device alone. */
import { newConfig } from "../lib/bert/config.ts";
import { parameterShapes, preTrainingShapes } from "../lib/bert/parameters.ts";
import { pretrainer } from "../lib/bert/pretraining.ts";
import type { Engine } from "../lib/engine/engine.ts";
import { openPlugin } from "../lib/engine/xla/open.ts";
import { findPlugin } from "../lib/engine/xla/discovery.ts";
import { openEngine } from "../lib/engine/open.ts";
import { sizeOf } from "../lib/graph/graph.ts";
import { classifierPlan } from "../lib/paper/classifier_plan.ts";
import { Random } from "../lib/random.ts";
import type { Configuration } from "../lib/runs/configuration.ts";
import { batchesOf, encoderFlops, longestTexts, maskedPlaces, modelShape } from "../lib/runs/cost.ts";
import type { HostTensor, HostTensors } from "../lib/tensors.ts";
import { trainingBatches } from "../lib/training/batches.ts";
import { optimizer } from "../lib/training/optimizers.ts";
import type { StepBatch, Trainable } from "../lib/training/step.ts";
import { Trainer } from "../lib/training/trainer.ts";
import { productSpeed } from "./device_speed.ts";
import { median } from "../lib/results/statistics.ts";

/** Times of a step on a device. */
export interface GpuTimes {
  /** Texts or masked sequences of a step. */
  readonly texts: number;
  /** Seconds of the first step, compiling included. */
  readonly firstSeconds: number;
  /** Milliseconds of a step whose loss is read, in the middle and at best. */
  readonly median: number;
  readonly best: number;
  /** Milliseconds of a step where the device never waits for the host; absent if two models do not fit. */
  readonly device?: number;
  /** TFLOP/s of matrix products in the median step, and the same of a product alone. */
  readonly speed: number;
  readonly productSpeed: number;
  /** Most bytes of the device in use; absent where it does not count them. */
  readonly bytes?: number;
  readonly losses: readonly number[];
}

/** The size of the product that a step's speed is compared with. */
const product = { gpu: 8192, cpu: 256 } as const;

/** A step that can be repeated. */
interface Step {
  readonly trainable: Trainable;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly additional: HostTensors;
  readonly batch: StepBatch;
  /** Operations of its matrix products, forward and backward. */
  readonly flops: number;
}

/** Times a configuration's largest step for some seconds. */
export async function timeCase(configuration: Configuration, seconds: number): Promise<GpuTimes> {
  const engine = await openEngine("xla", configuration.precision);
  const { client } = await openPlugin((await findPlugin()).path);
  const step = await stepOf(configuration);
  const first = trainerOf(engine, step);
  const run = async (trainer: Trainer) => (await trainer.step(step.batch, () => 2e-5)).loss;
  const start = performance.now();
  const losses = [await run(first)];
  const firstSeconds = (performance.now() - start) / 1000;
  losses.push(await run(first), await run(first));
  const times: number[] = [];
  const begin = performance.now();
  while (times.length < 5 || performance.now() - begin < 1000 * seconds && times.length < 100) {
    const before = performance.now();
    losses.push(await run(first));
    times.push(performance.now() - before);
  }
  const bytes = client.devices[0]!.memory?.peak;
  const device = await deviceTime(engine, step, first, run, times.length);
  await first.dispose();
  const middle = median(times);
  return {
    ...{ texts: step.batch.examples, firstSeconds, median: middle, best: Math.min(...times), device },
    speed: step.flops / middle / 1e9,
    productSpeed: await productSpeed(engine, client.platform === "cpu" ? product.cpu : product.gpu),
    ...{ bytes, losses: [...losses.slice(0, 3), losses.at(-1)!] },
  };
}

/**
 * Returns the milliseconds of a step of which the device has always another one to do: two models that know nothing of
 * each other take turns, so that the host prepares one's step while the device computes the other's.
 */
async function deviceTime(
  engine: Engine,
  step: Step,
  first: Trainer,
  run: (trainer: Trainer) => Promise<number>,
  steps: number,
): Promise<number | undefined> {
  let second: Trainer | undefined;
  try {
    second = trainerOf(engine, step);
    const trainers = [first, second];
    for (const trainer of trainers) await run(trainer);
    const start = performance.now();
    await Promise.all(trainers.map(async (trainer) => {
      for (let i = 0; i < steps; i++) await run(trainer);
    }));
    return (performance.now() - start) / (2 * steps);
  } catch {
    return undefined; // there is no room for two
  } finally {
    await second?.dispose();
  }
}

function trainerOf(engine: Engine, { trainable, shapes, additional }: Step): Trainer {
  return new Trainer(engine, trainable, { ...quickValues(shapes), ...additional }, optimizer("adamw"), 1);
}

/** Returns normal weights, drawn once and repeated: the values hardly matter, and drawing all takes a minute. */
function quickValues(shapes: ReadonlyMap<string, readonly number[]>): HostTensors {
  const random = new Random(3);
  const drawn = Float32Array.from({ length: 65_521 }, () => 0.02 * random.normal());
  return Object.fromEntries(
    [...shapes].map(([name, shape], at): [string, HostTensor] => {
      const data = new Float32Array(sizeOf(shape));
      if (name.endsWith("LayerNorm.weight")) data.fill(1);
      else if (!name.endsWith("bias")) {
        for (let to = 0, from = (at * 7919) % drawn.length; to < data.length; from = 0) {
          const piece = drawn.subarray(from, Math.min(drawn.length, from + data.length - to));
          data.set(piece, to);
          to += piece.length;
        }
      }
      return [name, { shape, data }];
    }),
  );
}

async function stepOf(configuration: Configuration): Promise<Step> {
  return configuration.preTraining
    ? await maskedWordsStep(configuration)
    : await classifierStep(configuration);
}

/** Random tokens in the place of each text's. */
function withTokens(batch: StepBatch, V: number): StepBatch {
  const random = new Random(1);
  const parts = batch.parts.map((part) => {
    const { shape, data } = part.ids!;
    return { ...part, ids: { shape, data: Int32Array.from(data, () => random.below(V)) } };
  });
  return { ...batch, parts };
}

async function classifierStep(configuration: Configuration): Promise<Step> {
  const plan = classifierPlan(await modelShape(configuration), configuration);
  const { config, width, pooler, trainable } = plan;
  const shapes = parameterShapes(config, { labels: 2, features: width });
  const texts = longestTexts(configuration, configuration.data).slice(0, configuration.batchSize);
  const batches = trainingBatches(texts, batchesOf(configuration), [0])[0]!;
  return {
    trainable,
    shapes: new Map([...shapes].filter(([name]) => pooler || !name.startsWith("bert.pooler."))),
    additional: plan.additional(0),
    batch: withTokens(batches.at(0), config.vocab_size),
    flops: 3 * encoderFlops(config, batches.computed),
  };
}

async function maskedWordsStep(configuration: Configuration): Promise<Step> {
  const config = await modelShape(configuration);
  const { batchSize: B, maxLength: T, nsp } = configuration.preTraining!;
  const P = maskedPlaces(configuration), V = config.vocab_size;
  const int32 = (shape: number[], value: (i: number) => number) => ({
    shape,
    data: Int32Array.from({ length: sizeOf(shape) }, (_, i) => value(i)),
  });
  const weights = (size: number) => ({ shape: [size], data: new Float32Array(size).fill(1 / size) });
  const part = {
    ids: int32([B, T], () => 0),
    type_ids: int32([B, T], (i) => Number(i % T > T / 2)),
    mask: int32([B, T], () => 1),
    masked: int32([B * P], (i) => Math.floor(i / P) * T + 1 + i % P),
    mlm_labels: int32([B * P], (i) => i * 31 % V),
    mlm_weights: weights(B * P),
    ...nsp ? { nsp_labels: int32([B], (i) => i % 2), weights: weights(B) } : {},
  };
  const words = 2 * B * P * config.hidden_size * V;
  return {
    trainable: pretrainer(newConfig(config), { nsp }),
    shapes: preTrainingShapes(config, { nsp }),
    additional: {},
    batch: withTokens({ shape: { B, P, T }, parts: [part], examples: B, tokens: B * T }, V),
    flops: 3 * (encoderFlops(config, { tokens: B * T, pairs: B * T * T }) + words),
  };
}
