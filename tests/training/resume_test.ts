import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../lib/errors.ts";
import { type CheckpointOptions, ResumeError, writeCheckpoint } from "../../lib/training/checkpoints.ts";
import { train } from "../../lib/training/loop.ts";
import { withClock } from "../helpers/clock.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { noSmallDisk, smallDisk } from "../helpers/small_disk.ts";
import { checkpointsIn, into, Killed, killedAfter, newTrainer, plan, untimed } from "./example_training.ts";

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

Deno.test("a run that is saved by time goes on to the same bits, with the best epoch of where it was", () =>
  withClock(async (clock) => {
    // The second epoch is the best, and after it no epoch makes its parameters anew.
    let trainer = newTrainer();
    const run = async (checkpoint?: CheckpointOptions, killAt = Infinity) => {
      trainer = newTrainer();
      const steps: number[] = [];
      const evaluate = () => Promise.resolve([3, 1, 2][Math.ceil(trainer.updates / 5) - 1]!);
      const onStep = ({ step }: { step: number }) => {
        if (step === killAt) throw new Killed();
        steps.push(step);
        clock.seconds += 20;
      };
      try {
        return { ...await train(trainer, { ...plan, evaluate, checkpoint, onStep }), first: steps[0] };
      } finally {
        await trainer.dispose();
      }
    };
    const whole = await run();
    assert.equal(whole.bestEpoch, 2);
    await inFolder(async (folder) => {
      const checkpoint = into(folder, { every: undefined });
      await assert.rejects(run(checkpoint, 3), Killed);
      assert.deepEqual(await readdir(folder), [], "no minute has passed");
      await assert.rejects(run(checkpoint, 8), Killed);
      assert.deepEqual(
        await checkpointsIn(folder),
        [3, 6].map((step) => `checkpoint-0000000${step}.safetensors`),
      );
      await assert.rejects(run(checkpoint, 15), Killed); // after its own minutes: 9, and 12 in the third epoch
      assert.deepEqual(await checkpointsIn(folder), [
        "checkpoint-00000009.safetensors",
        "checkpoint-00000012.safetensors",
      ]);
      const resumed = await run(checkpoint);
      assert.equal(resumed.first, 13);
      assert.equal(resumed.bestEpoch, 2);
      assert.deepEqual(resumed.parameters, whole.parameters);
      assert.deepEqual(untimed(resumed), untimed(whole));
    });
  }));

Deno.test("a run that is stopped saves its step, and goes on from there to the same bits", async () => {
  const trainer = newTrainer();
  const whole = await train(trainer, plan);
  await trainer.dispose();
  assert.equal(whole.earlierSeconds, 0);
  for (const stopAt of [1, 3, 5, 12, 15]) {
    await inFolder(async (folder) => {
      const controller = new AbortController();
      const stopped = newTrainer();
      await assert.rejects(
        train(stopped, {
          ...plan,
          onStep: ({ step }) => step === stopAt && controller.abort(new Killed()),
          checkpoint: into(folder, { every: undefined, stop: controller.signal }),
        }),
        Killed,
      );
      assert.equal(stopped.updates, stopAt);
      await stopped.dispose();
      const again = newTrainer();
      const steps: number[] = [];
      const onStep = ({ step }: { step: number }) => void steps.push(step);
      const resumed = await train(again, { ...plan, onStep, checkpoint: into(folder) });
      await again.dispose();
      assert.equal(steps.length, 15 - stopAt);
      assert.ok(resumed.earlierSeconds > 0);
      assert.ok(
        stopAt === 15 ? resumed.earlierSeconds === resumed.seconds : resumed.earlierSeconds < resumed.seconds,
      );
      assert.deepEqual(resumed.parameters, whole.parameters);
      assert.deepEqual(untimed(resumed), untimed(whole));
    });
  }
});

Deno.test("an epoch that had ended before its checkpoint was written is ended again", () =>
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
    assert.deepEqual(second.result, { ...first.result, earlierSeconds: first.result.seconds });
  }));

Deno.test("the two newest checkpoints are kept, and nothing half-written", () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, `checkpoint-00000001.safetensors.${crypto.randomUUID()}.tmp`), "half");
    const trainer = newTrainer();
    await assert.rejects(train(trainer, { ...plan, ...killedAfter(9), checkpoint: into(folder) }), Killed);
    await trainer.dispose();
    assert.deepEqual((await readdir(folder)).sort(), [
      "checkpoint-00000006.safetensors",
      "checkpoint-00000008.safetensors",
    ]);
  }));

Deno.test("a run that is not resumed removes the checkpoints of an earlier one only if it may", () =>
  inFolder(async (folder) => {
    const run = async (steps: number, changes: Partial<CheckpointOptions>) => {
      const trainer = newTrainer();
      const checkpoint = into(folder, changes);
      await assert.rejects(train(trainer, { ...plan, ...killedAfter(steps), checkpoint }), Killed);
      await trainer.dispose();
    };
    await run(9, {});
    const unfinished = await readdir(folder);
    for (const identity of ["this run", "another run"]) {
      const trainer = newTrainer();
      await assert.rejects(
        train(trainer, { ...plan, checkpoint: into(folder, { resume: false, identity }) }),
        new InputError(
          `Cannot start anew in ${folder} as an unfinished run is there: go on with it by --resume, or replace it ` +
            "by --overwrite",
        ),
      );
      await trainer.dispose();
      assert.deepEqual(await readdir(folder), unfinished);
    }
    await run(5, { resume: false, overwrite: true, identity: "another run" });
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
          "settings or data: give the settings of that run, or start anew with --overwrite, which removes it",
      ),
    );
    await trainer.dispose();
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

Deno.test("a checkpoint without the best epoch, as older versions wrote it, is refused", () =>
  inFolder(async (folder) => {
    const trainer = newTrainer();
    const position = {
      epoch: 1,
      place: 0,
      lossSum: 0,
      lastLoss: 1,
      seconds: 0,
      results: [{ epoch: 1, trainLoss: 1, seconds: 0, evaluation: 1 }],
    };
    await writeCheckpoint(into(folder), { snapshot: await trainer.snapshot(), position });
    await assert.rejects(
      train(trainer, { ...plan, checkpoint: into(folder) }),
      new ResumeError(
        `Cannot resume from ${folder} as its newest checkpoint lacks the best epoch: start anew with --overwrite`,
      ),
    );
    await trainer.dispose();
  }));
