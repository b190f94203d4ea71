import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { InputError } from "../../lib/errors.ts";
import { fold } from "../../lib/random.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { train, type TrainingPlan } from "../../lib/training/loop.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { batch, checkpointsIn, into, newTrainer, plan } from "./example_training.ts";

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
    const remedy =
      "before any change of the weights: the model to start from is damaged or its weights are too " +
      "large, so take another copy of it, or another model";
    assert.equal(
      await stopped(NaN),
      `Training stopped at step 1 as the loss is NaN ${remedy}`,
    );
    assert.equal(
      await stopped(1e25),
      `Training stopped at step 1 as the gradients' norm is Infinity ${remedy}`,
    );
    assert.deepEqual(await readdir(folder), []);
  }));
