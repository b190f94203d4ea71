/** Parts of the check: a tiny BERT beside PyTorch's numbers, and a training that goes on in another process. */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sequenceClassifier } from "../../lib/bert/classifier.ts";
import { newConfig } from "../../lib/bert/config.ts";
import { initialParameters } from "../../lib/bert/parameters.ts";
import { stepKey } from "../../lib/graph/composites.ts";
import { schedule, type ScheduleName } from "../../lib/paper/schedules.ts";
import { Random } from "../../lib/random.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { train } from "../../lib/training/loop.ts";
import { optimizer, stateName } from "../../lib/training/optimizers.ts";
import { gradientGraph, signatures, type StepBatch } from "../../lib/training/step.ts";
import { Trainer } from "../../lib/training/trainer.ts";
import type { CheckContext } from "./context.ts";
import { type GoldenBatch, loadGoldenModel, loadGoldenTraining, relativeError } from "./golden.ts";

/** Largest relative errors by precision: of a loss, of ten, of gradients; of one that is almost 0 the floor counts. */
const limits = {
  f32: { loss: 1e-4, losses: 1e-4, gradient: 1e-4, floor: () => 1e-3 },
  // A gradient that is zero but for rounding is measured against a hundredth of all gradients' norm.
  bf16: { loss: 0.02, losses: 0.03, gradient: 0.05, floor: (norm: number) => norm / 100 },
} as const;

type Precision = keyof typeof limits;

const precisions = async (context: CheckContext): Promise<readonly Precision[]> =>
  (await context.open()).capabilities.dtypes.includes("bfloat16") ? ["f32", "bf16"] : ["f32"];

function goldenStep({ ids, mask, type_ids, labels }: GoldenBatch): StepBatch {
  const [B, T] = ids.shape as [number, number];
  const weights = { shape: [B], data: new Float32Array(B).fill(1 / B) };
  return {
    shape: { B, K: 1, T, pairs: true },
    parts: [{ ids, mask, type_ids, labels, weights }],
    examples: B,
    tokens: B * T,
  };
}

/** Compares a tiny BERT's loss and every gradient with those of PyTorch and transformers. */
export async function model(context: CheckContext): Promise<void> {
  const { config, parameters, batch, loss, gradients } = await loadGoldenModel();
  const squares = Object.values(gradients).map(({ data }) =>
    (data as Float32Array).reduce((sum, x) => sum + x * x, 0)
  );
  const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
  const { shape, parts } = goldenStep(batch);
  for (const precision of await precisions(context)) {
    await context.check(precision, async () => {
      const limit = limits[precision];
      const engine = await context.open({ precision, fusedAttention: false });
      const graph = gradientGraph(sequenceClassifier(config), signatures(parameters), shape);
      const program = await engine.compile(graph);
      const names = Object.keys(parameters);
      const zeros = names.map((name) => {
        const { shape, data } = parameters[name]!;
        return [stateName.gradient(name), { shape, data: new Float32Array(data.length) }] as const;
      });
      const state = engine.state({ ...parameters, ...Object.fromEntries(zeros) });
      const key = { shape: [1], data: Int32Array.of(stepKey(1, 0)) };
      const outputs = await program.run(state, { ...parts[0]!, key });
      const found = await state.download(names.map(stateName.gradient));
      program.dispose();
      state.dispose();
      const lossError = Math.abs(outputs.loss!.data[0]! / loss - 1);
      const errors = names.map((name) => ({
        name,
        error: relativeError(
          found[stateName.gradient(name)]!.data,
          gradients[name]!.data,
          limit.floor(norm),
        ),
      })).sort((a, b) => b.error - a.error);
      const worst = errors.find(({ error }) => Number.isNaN(error)) ?? errors[0]!;
      return {
        right: lossError < limit.loss && worst.error < limit.gradient,
        text:
          `loss differs from PyTorch's by ${
            lossError.toExponential(1)
          }, ${names.length} gradients by at most ` +
          `${worst.error.toExponential(1)} (${worst.name})`,
        numbers: { lossError, worst, limit: limit.gradient },
      };
    });
  }
}

/** Compares ten losses of training with PyTorch's, and a second training with the first, bit for bit. */
export async function losses(context: CheckContext): Promise<void> {
  const { config, parameters } = await loadGoldenModel();
  const { totalSteps, warmupSteps, ...training } = await loadGoldenTraining();
  for (const precision of await precisions(context)) {
    const engine = await context.open({ precision, fusedAttention: false });
    const linear = training.runs.filter(({ schedule }) => schedule === "linear");
    // BertAdam corrects no bias, so that its first steps are large and what bf16 rounds grows with them.
    for (const run of linear.filter(({ optimizer }) => precision === "f32" || optimizer === "adamw")) {
      await context.check(`${run.optimizer}, ${precision}`, async () => {
        const rate = schedule(run.schedule as ScheduleName, {
          totalSteps,
          warmupSteps,
          baseRate: run.learning_rate,
        });
        const once = async () => {
          const options = optimizer(run.optimizer);
          const trainer = new Trainer(engine, sequenceClassifier(config), parameters, options, 1);
          const found: number[] = [];
          for (const [step, batch] of training.batches.entries()) {
            const rateNow = run.learning_rate * rate(step);
            found.push((await trainer.step(goldenStep(batch), () => rateNow)).loss);
          }
          const hash = hashOf((await trainer.snapshot()).tensors);
          await trainer.dispose();
          return { found, hash };
        };
        const [first, second] = [await once(), await once()];
        const error = Math.max(...first.found.map((loss, i) => Math.abs(loss / run.losses[i]! - 1)));
        const same = first.hash === second.hash;
        return {
          right: error < limits[precision].losses && same,
          text: `ten losses differ from PyTorch's by at most ${error.toExponential(1)}; ` +
            `a second training ends with ${same ? "the same bits" : "OTHER BITS"}`,
          numbers: { losses: first.found, expected: run.losses, error, hashes: [first.hash, second.hash] },
        };
      });
    }
  }
}

/** The sha256 over tensors by name. */
function hashOf(tensors: HostTensors): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(tensors).sort()) {
    const { data } = tensors[name]!;
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

const small = { B: 8, T: 32, V: 500 } as const;

/** Returns texts of different lengths, in which a word tells the class. */
function smallBatch(step: number): StepBatch {
  const { B, T, V } = small;
  const random = new Random(1000 + step);
  const labels = Int32Array.from({ length: B }, () => random.below(2));
  const ids = new Int32Array(B * T), mask = new Int32Array(B * T);
  for (let b = 0; b < B; b++) {
    const length = 5 + random.below(T - 5);
    for (let t = 0; t < length; t++) {
      ids[b * T + t] = t % 9 === 3 ? 10 + labels[b]! : 20 + random.below(V - 20);
      mask[b * T + t] = 1;
    }
  }
  return {
    shape: { B, K: 1, T },
    parts: [{
      ids: { shape: [B, T], data: ids },
      mask: { shape: [B, T], data: mask },
      labels: { shape: [B], data: labels },
      weights: { shape: [B], data: new Float32Array(B).fill(1 / B) },
    }],
    examples: B,
    tokens: B * T,
  };
}

const [steps, stopAt] = [8, 4];

/** The end of a process that is stopped on purpose. */
class StoppedOnPurpose extends Error {}

/**
 * Trains with dropout in three processes: once whole, once up to the middle, once from there; whole and resumed training
 * must end with the same bits. Programs are compiled anew by the first process alone and read by the others.
 */
export async function resuming(context: CheckContext): Promise<void> {
  const { V } = small;
  const config = newConfig({ vocab_size: V, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 2 });
  const trainable = sequenceClassifier(config);
  const folder = join(context.work, "checkpoints"), whole = join(context.work, "whole.txt");
  const run = async (resumed: boolean, precision: Precision): Promise<string | undefined> => {
    const engine = await context.open({ precision, fusedAttention: false, keep: true });
    const parameters = initialParameters(config, { seed: 1, labels: 2 });
    const trainer = new Trainer(engine, trainable, parameters, optimizer("adamw"), 1);
    const checkpoint = { folder: `${folder}-${precision}`, every: 1, identity: precision, resume: true };
    try {
      await train(trainer, {
        epochs: 1,
        batches: () => ({ length: steps, at: smallBatch }),
        rate: () => 1e-3,
        evaluate: () => Promise.resolve(0),
        better: () => false,
        ...resumed ? { checkpoint } : {},
        onStep: ({ step }) => {
          if (context.stage === 2 && step === stopAt) throw new StoppedOnPurpose();
        },
      });
      return hashOf((await trainer.snapshot()).tensors);
    } catch (error) {
      if (error instanceof StoppedOnPurpose) return undefined;
      throw error;
    } finally {
      await trainer.dispose();
    }
  };
  for (const precision of await precisions(context)) {
    const file = `${whole}.${precision}`;
    if (context.stage === 1) {
      await writeFile(file, (await run(false, precision))!);
    } else if (context.stage === 2) {
      await run(true, precision);
    } else {
      await context.check(precision, async () => {
        const [expected, found] = [await readFile(file, "utf8"), await run(true, precision)];
        return {
          right: found === expected,
          text: `${steps} steps at once and ${stopAt} + ${steps - stopAt} in two processes end with ` +
            (found === expected ? "the same bits" : "OTHER BITS"),
          numbers: { expected, found },
        };
      });
    }
  }
}
