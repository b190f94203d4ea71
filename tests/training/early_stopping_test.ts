import assert from "node:assert/strict";
import { train } from "../../lib/training/loop.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { into, Killed, killedAfter, newTrainer, plan, untimed } from "./example_training.ts";

/** Trains while the measurements are these. */
async function withScores(scores: readonly number[], patience: number | undefined) {
  const trainer = newTrainer();
  let measured = 0;
  const result = await train(trainer, {
    ...plan,
    ...{ epochs: scores.length, patience, evaluate: () => Promise.resolve(scores[measured++]!) },
  });
  await trainer.dispose();
  return { measured, best: result.bestEpoch, steps: result.steps };
}

Deno.test("training ends after so many measurements in a row that are no better, and keeps the best", async () => {
  assert.deepEqual(await withScores([3, 2, 2, 4, 1, 0], 2), { measured: 4, best: 2, steps: 20 });
  assert.deepEqual(await withScores([3, 2, 2, 1, 4, 5], 2), { measured: 6, best: 4, steps: 30 });
  assert.deepEqual(await withScores([3, 4, 2, 1], 1), { measured: 2, best: 1, steps: 10 });
  assert.deepEqual(await withScores([3, 4, 4, 1], undefined), { measured: 4, best: 4, steps: 20 });
});

Deno.test("a run that was killed stops as early, with the same parameters, bit for bit", async () => {
  const early = { ...plan, epochs: 6, patience: 1, evaluate: () => Promise.resolve(scores.shift()!) };
  let scores = [3, 2, 2];
  const trainer = newTrainer();
  const whole = await train(trainer, early);
  await trainer.dispose();
  assert.deepEqual([whole.bestEpoch, whole.epochs.length], [2, 3]);
  await inFolder(async (folder) => {
    scores = [3, 2, 2];
    for (const steps of [3, 12]) {
      const trainer = newTrainer();
      const killed = train(trainer, { ...early, ...killedAfter(steps), checkpoint: into(folder) });
      await assert.rejects(killed, Killed);
      await trainer.dispose();
    }
    for (const _ of [1, 2]) { // the second time it is over already
      const trainer = newTrainer();
      const resumed = await train(trainer, { ...early, checkpoint: into(folder) });
      await trainer.dispose();
      assert.deepEqual(untimed(resumed), untimed(whole));
      assert.deepEqual([resumed.parameters, resumed.steps], [whole.parameters, 15]);
    }
  });
});
