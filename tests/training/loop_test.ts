import * as tf from "@tensorflow/tfjs";
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { InputError } from "../../lib/errors.ts";
import { dropout, gelu, linear, softmaxCrossEntropy } from "../../lib/graph/composites.ts";
import { fold, Random } from "../../lib/random.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import type { CheckpointOptions } from "../../lib/training/checkpoints.ts";
import { train, type TrainingPlan, type TrainingResult } from "../../lib/training/loop.ts";
import { optimizer } from "../../lib/training/optimizers.ts";
import type { Trainable } from "../../lib/training/step.ts";
import { type StepBatch, Trainer } from "../../lib/training/trainer.ts";
import { noSmallDisk, smallDisk } from "../small_disk.ts";

const engine = onnxEngine();

/** Two layers that tell apart two classes of points [B, 4]. */
function network(rate: number): Trainable {
  return {
    feeds: (shape) => {
      const B = shape as number;
      return {
        x: { shape: [B, 4], dtype: "float32" },
        labels: { shape: [B], dtype: "int32" },
        weights: { shape: [B], dtype: "float32" },
      };
    },
    loss(inputs, key) {
      const hidden = dropout(gelu(linear(inputs.x!, inputs["in.weight"]!, inputs["in.bias"]!)), rate, key);
      const logits = linear(hidden, inputs["out.weight"]!, inputs["out.bias"]!);
      const losses = softmaxCrossEntropy(logits, inputs.labels!);
      return { loss: tf.sum(tf.mul(losses, inputs.weights!)), outputs: { logits } };
    },
  };
}

function tensor(seed: number, ...shape: number[]) {
  const random = new Random(seed);
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, data: Float32Array.from({ length: size }, () => random.normal()) };
}

function newTrainer({ rate = 0.2 } = {}): Trainer {
  const parameters: HostTensors = {
    "in.weight": tensor(1, 8, 4),
    "in.bias": tensor(2, 8),
    "out.weight": tensor(3, 2, 8),
    "out.bias": tensor(4, 2),
  };
  return new Trainer(engine, network(rate), parameters, optimizer("adamw"), 7);
}

/** Six points in parts of `rows`; the last one is a padding row. */
function batch(key: number, rows = 6): StepBatch {
  const { data: x } = tensor(key, 6, 4);
  const labels = Int32Array.from({ length: 6 }, (_, i) => x[4 * i]! * x[4 * i + 1]! > 0 ? 1 : 0);
  const weights = Float32Array.from({ length: 6 }, (_, i) => i < 5 ? 1 / 5 : 0);
  const parts = Array.from({ length: 6 / rows }, (_, part): HostTensors => ({
    x: { shape: [rows, 4], data: x.subarray(4 * part * rows, 4 * (part + 1) * rows) },
    labels: { shape: [rows], data: labels.subarray(part * rows, (part + 1) * rows) },
    weights: { shape: [rows], data: weights.subarray(part * rows, (part + 1) * rows) },
  }));
  return { shape: rows, parts, examples: 5, tokens: 20 };
}

/** Three epochs of five steps; an epoch's loss on a fixed batch is its evaluation. */
const plan: TrainingPlan<number> = {
  epochs: 3,
  batches: (epoch) => ({ length: 5, at: (place) => batch(fold(1, epoch, place)) }),
  rate: (parameter, update) => 0.05 * (1 - update / 15) * (parameter.startsWith("in.") ? 0.5 : 1),
  evaluate: async (trainer) => {
    const { loss } = await trainer.evaluate(batch(99));
    return loss!.data[0]!;
  },
  better: (a, b) => a < b,
};

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bertlab-loop-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const into = (folder: string, changes: Partial<CheckpointOptions> = {}): CheckpointOptions => ({
  folder,
  every: 2,
  identity: "this run",
  resume: true,
  ...changes,
});

const untimed = ({ epochs }: TrainingResult<number>) => epochs.map(({ seconds: _, ...epoch }) => epoch);

const checkpointsIn = async (folder: string) =>
  (await readdir(folder)).filter((name) => /^check/.test(name)).sort();

/** As if the process had been killed after a step. */
class Killed extends Error {}

const killedAfter = (steps: number): Partial<TrainingPlan<number>> => ({
  onStep: ({ step }) => {
    if (step === steps) throw new Killed();
  },
});

Deno.test("gradients added up over parts of a batch make the same step", async () => {
  const steps = async (rows: number) => {
    const trainer = newTrainer({ rate: 0 });
    const losses = [];
    for (let i = 0; i < 5; i++) losses.push((await trainer.step(batch(fold(3, i), rows), () => 0.01)).loss);
    const parameters = await trainer.parameters();
    await trainer.dispose();
    return { losses, parameters };
  };
  const whole = await steps(6);
  for (const rows of [1, 2, 3]) {
    const parts = await steps(rows);
    parts.losses.forEach((loss, i) => assert.ok(Math.abs(loss - whole.losses[i]!) < 1e-6));
    for (const [name, { data }] of Object.entries(parts.parameters)) {
      const difference = Math.max(
        ...data.map((value, i) => Math.abs(value - whole.parameters[name]!.data[i]!)),
      );
      assert.ok(difference < 1e-6, `${name} differs by ${difference} in parts of ${rows}`);
    }
  }
});

Deno.test("the loop reports each step and epoch, and its losses fall", async () => {
  const reports: number[][] = [];
  const rates: number[] = [];
  const trainer = newTrainer();
  const result = await train(trainer, {
    ...plan,
    rate: (parameter, update) => {
      if (parameter === "out.bias") rates.push(update);
      return plan.rate(parameter, update);
    },
    onStep: ({ step, steps, epoch, examples, tokens }) =>
      reports.push([step, steps, epoch, examples, tokens]),
  });
  await trainer.dispose();
  assert.deepEqual(reports, Array.from({ length: 15 }, (_, i) => [i + 1, 15, 1 + Math.floor(i / 5), 5, 20]));
  assert.deepEqual(rates, Array.from({ length: 15 }, (_, i) => i), "updates count from 0");
  assert.deepEqual([result.steps, result.epochs.map(({ epoch }) => epoch)], [15, [1, 2, 3]]);
  assert.ok(result.epochs[2]!.trainLoss < result.epochs[0]!.trainLoss);
  assert.equal(result.seconds, result.epochs.reduce((sum, { seconds }) => sum + seconds, 0));
});

Deno.test("the first of the best epochs is kept and returned", () =>
  inFolder(async (folder) => {
    for (const checkpoint of [undefined, into(folder)]) {
      const scores = [3, 1, 2, 1];
      const after: HostTensors[] = [];
      const trainer = newTrainer();
      const { bestEpoch, parameters } = await train(trainer, {
        ...plan,
        epochs: 4,
        checkpoint,
        evaluate: async (trainer) => scores[after.push(await trainer.parameters()) - 1]!,
      });
      await trainer.dispose();
      assert.equal(bestEpoch, 2);
      assert.deepEqual(parameters, after[1]);
      assert.notDeepEqual(parameters, after[3]);
    }
  }));

Deno.test("a run goes on from its checkpoint to the same bits and the same epochs", async () => {
  const trainer = newTrainer();
  const whole = await train(trainer, plan);
  await trainer.dispose();
  // before the first checkpoint, in the middle of epochs, at an epoch's last step, twice
  for (const kills of [[1], [3], [5], [8], [14], [4, 12], [15]]) {
    await inFolder(async (folder) => {
      for (const steps of kills) {
        const trainer = newTrainer();
        await assert.rejects(
          train(trainer, { ...plan, ...killedAfter(steps), checkpoint: into(folder) }),
          Killed,
        );
        await trainer.dispose();
      }
      const trainer = newTrainer();
      const first: number[] = [];
      const resumed = await train(trainer, {
        ...plan,
        checkpoint: into(folder),
        onStep: ({ step }) => first.push(step),
      });
      await trainer.dispose();
      assert.ok(first[0]! <= kills.at(-1)! && first[0]! >= kills.at(-1)! - 1, "it goes on where it was");
      assert.deepEqual(resumed.parameters, whole.parameters, `killed after ${kills}`);
      assert.deepEqual(untimed(resumed), untimed(whole));
      assert.deepEqual([resumed.bestEpoch, resumed.steps], [whole.bestEpoch, 15]);
    });
  }
});

Deno.test("a best epoch that was saved before its checkpoint was is saved again", () =>
  inFolder(async (folder) => {
    const trainer = newTrainer();
    const whole = await train(trainer, plan);
    await trainer.dispose();
    const onEpoch = () => {
      throw new Killed();
    };
    const killed = newTrainer();
    await assert.rejects(train(killed, { ...plan, onEpoch, checkpoint: into(folder) }), Killed);
    await killed.dispose();
    assert.deepEqual((await readdir(folder)).sort(), [
      "best.safetensors",
      "checkpoint-00000002.safetensors",
      "checkpoint-00000004.safetensors",
    ]);
    const again = newTrainer();
    const resumed = await train(again, { ...plan, checkpoint: into(folder) });
    await again.dispose();
    assert.deepEqual(resumed.parameters, whole.parameters);
    assert.deepEqual(untimed(resumed), untimed(whole));
  }));

Deno.test("a run that had ended gives its result again without a step", () =>
  inFolder(async (folder) => {
    const run = async () => {
      const trainer = newTrainer();
      let steps = 0;
      const result = await train(trainer, { ...plan, checkpoint: into(folder), onStep: () => steps++ });
      await trainer.dispose();
      return { steps, result };
    };
    const [first, second] = [await run(), await run()];
    assert.deepEqual([first.steps, second.steps], [15, 0]);
    assert.deepEqual(second.result, first.result);
  }));

Deno.test("the two newest checkpoints are kept, and nothing half-written", () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, "checkpoint-00000001.safetensors.of-a-killed-process.tmp"), "half");
    const trainer = newTrainer();
    await assert.rejects(train(trainer, { ...plan, ...killedAfter(9), checkpoint: into(folder) }), Killed);
    await trainer.dispose();
    assert.deepEqual((await readdir(folder)).sort(), [
      "best.safetensors",
      "checkpoint-00000006.safetensors",
      "checkpoint-00000008.safetensors",
    ]);
  }));

Deno.test("a run that is not resumed removes the checkpoints of an earlier one", () =>
  inFolder(async (folder) => {
    const run = async (steps: number, changes: Partial<CheckpointOptions>) => {
      const trainer = newTrainer();
      const checkpoint = into(folder, changes);
      await assert.rejects(train(trainer, { ...plan, ...killedAfter(steps), checkpoint }), Killed);
      await trainer.dispose();
    };
    await run(9, {});
    await run(5, { resume: false, identity: "another run" });
    assert.deepEqual((await readdir(folder)).sort(), [
      "checkpoint-00000002.safetensors",
      "checkpoint-00000004.safetensors",
    ]);
    await run(8, { identity: "another run" });
  }));

Deno.test("a checkpoint of another run is refused", () =>
  inFolder(async (folder) => {
    const trainer = newTrainer();
    await assert.rejects(train(trainer, { ...plan, ...killedAfter(5), checkpoint: into(folder) }), Killed);
    await assert.rejects(
      train(trainer, { ...plan, checkpoint: into(folder, { identity: "another run" }) }),
      new InputError(
        `Cannot resume from ${
          join(folder, "checkpoint-00000004.safetensors")
        } as it is of a run with other ` +
          "settings or data: give the settings of that run, or start without resuming, which removes it",
      ),
    );
    await trainer.dispose();
  }));

/** The plan with other numbers among a step's points. */
function withPoints(step: number, value: number): TrainingPlan<number> {
  const batches = (epoch: number) => ({
    length: 5,
    at: (place: number) => {
      const made = batch(fold(1, epoch, place));
      if (epoch * 5 + place + 1 === step) made.parts[0]!.x!.data.fill(value);
      return made;
    },
  });
  return { ...plan, batches };
}

Deno.test("a loss that is not finite stops the run in one sentence and leaves the checkpoints", () =>
  inFolder(async (folder) => {
    const losses: number[] = [];
    const trainer = newTrainer();
    await assert.rejects(
      train(trainer, {
        ...withPoints(8, NaN),
        checkpoint: into(folder),
        onStep: ({ loss }) => losses.push(loss),
      }),
      (error) => {
        assert.ok(error instanceof InputError);
        assert.equal(
          error.message,
          `Training stopped at step 8 as the loss is NaN at learning rate 0.0267 (the last finite loss was ${
            losses[6]!.toPrecision(4)
          }); the last checkpoint is in ${folder}: try a lower learning rate or a longer warm-up`,
        );
        return true;
      },
    );
    await trainer.dispose();
    assert.equal(losses.length, 7);
    assert.deepEqual(await checkpointsIn(folder), [
      "checkpoint-00000005.safetensors",
      "checkpoint-00000006.safetensors",
    ]);
  }));

Deno.test("a first loss that is not finite, and a gradient, stop the run too", () =>
  inFolder(async (folder) => {
    const stopped = async (value: number) => {
      const trainer = newTrainer();
      const error = await train(trainer, { ...withPoints(1, value), checkpoint: into(folder) }).catch((
        error,
      ) => error);
      await trainer.dispose();
      assert.ok(error instanceof InputError);
      return error.message;
    };
    const remedy = "try a lower learning rate or a longer warm-up";
    assert.equal(
      await stopped(NaN),
      `Training stopped at step 1 as the loss is NaN at learning rate 0.0500 (it was the first step): ${remedy}`,
    );
    assert.equal(
      await stopped(1e25),
      "Training stopped at step 1 as the gradients' norm is Infinity at learning rate 0.0500 (it was the first " +
        `step): ${remedy}`,
    );
    assert.deepEqual(await readdir(folder), []);
  }));

Deno.test("a folder for checkpoints that cannot be made is one sentence", () =>
  inFolder(async (folder) => {
    const file = join(folder, "file");
    await writeFile(file, "");
    const trainer = newTrainer();
    await assert.rejects(
      train(trainer, { ...plan, checkpoint: into(join(file, "checkpoints")) }),
      (error) =>
        error instanceof InputError && /^Cannot make the folder .*file.checkpoints/.test(error.message),
    );
    await trainer.dispose();
  }));

Deno.test({
  name: `a disk that is full leaves the older checkpoints, and one sentence${noSmallDisk}`,
  ignore: noSmallDisk !== "",
  fn: async () => {
    // With this identity a checkpoint takes three pages of 4096 bytes: there is room for two, and not for a third.
    const identity = "this run".repeat(1250);
    const disk = smallDisk(8 * 4096);
    try {
      const folder = join(disk.folder, "checkpoints");
      const trainer = newTrainer();
      const run = () => train(trainer, { ...plan, checkpoint: into(folder, { every: 1, identity }) });
      await assert.rejects(run(), (error) => {
        assert.ok(error instanceof InputError);
        assert.match(
          error.message,
          /^Cannot write .*checkpoint-00000003\.safetensors: .*no space left on device/i,
        );
        return true;
      });
      assert.deepEqual((await readdir(folder)).sort(), [
        "checkpoint-00000001.safetensors",
        "checkpoint-00000002.safetensors",
      ]);
      disk.resize(100 * 4096);
      assert.equal((await run()).steps, 15);
      await trainer.dispose();
    } finally {
      disk.remove();
    }
  },
});
