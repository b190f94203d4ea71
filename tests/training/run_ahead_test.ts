/** An engine that enqueues programs runs ahead of the loop, and all comes out as if each step had been waited for. */
import assert from "node:assert/strict";
import { Client } from "../../lib/engine/xla/client.ts";
import { engineOn } from "../../lib/engine/xla/engine.ts";
import { fold } from "../../lib/random.ts";
import { train } from "../../lib/training/loop.ts";
import { engines, pluginForTests } from "../engine/engines.ts";
import { FaultyPlugin } from "../engine/xla/faulty.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { batch, into, Killed, killedAfter, newTrainer, plan, untimed } from "./example_training.ts";

const plugin = await pluginForTests("steps that are enqueued");
const ignore = plugin === undefined;

Deno.test({
  name: "gradients and update are enqueued without waiting, and the loss is asked for once",
  ignore,
  async fn() {
    using faulty = new FaultyPlugin(plugin!);
    const engine = engineOn({ plugin: faulty.plugin, client: new Client(faulty.plugin.api) }, {
      cacheFolder: false,
    });
    const trainer = newTrainer({ engine });
    await trainer.step(batch(1), () => .01);
    faulty.calls.length = 0;
    const outcomes = [];
    for (let step = 2; step < 4; step++) outcomes.push(await trainer.begin(batch(step), () => .01));
    const run = "LoadedExecutable_Execute";
    assert.deepEqual(faulty.calls.filter((name) => name === run || name.startsWith("Event")), [
      run,
      run,
      run,
      run,
    ]);
    const losses = await Promise.all(outcomes.map(async (wait) => (await wait()).loss));
    const other = newTrainer({ engine });
    const expected = [];
    for (let step = 1; step < 4; step++) expected.push((await other.step(batch(step), () => .01)).loss);
    assert.deepEqual(losses, expected.slice(1));
    assert.deepEqual(await trainer.snapshot(), await other.snapshot());
    for (const each of [trainer, other]) await each.dispose();
    assert.equal(faulty.uploads.size, 0, "nothing stays on the device");
  },
});

Deno.test({
  name: "the loop's losses and parameters are those of steps that are waited for, bit for bit",
  ignore,
  async fn() {
    const engine = await engines.xla!();
    const losses: number[] = [], expected: number[] = [];
    const trainer = newTrainer({ engine });
    await train(trainer, { ...plan, onStep: ({ loss, gradientNorm }) => losses.push(loss, gradientNorm) });
    const other = newTrainer({ engine });
    for (let step = 0; step < 15; step++) {
      const given = batch(fold(1, Math.floor(step / 5), step % 5));
      const { loss, gradientNorm } = await other.step(given, (name) => plan.rate(name, step));
      expected.push(loss, gradientNorm);
    }
    assert.deepEqual(losses, expected);
    assert.deepEqual(await trainer.snapshot(), await other.snapshot());
    for (const each of [trainer, other]) await each.dispose();
  },
});

Deno.test({
  name: "a run that was killed while a step was ahead goes on to the same bits",
  ignore,
  async fn() {
    const engine = await engines.xla!();
    const whole = newTrainer({ engine });
    const expected = await train(whole, plan);
    for (const steps of [1, 4, 7, 10]) {
      await inFolder(async (folder) => {
        const killed = newTrainer({ engine });
        const stopped = train(killed, { ...plan, checkpoint: into(folder), ...killedAfter(steps) });
        await assert.rejects(stopped, Killed);
        await killed.dispose();
        const resumed = newTrainer({ engine });
        const found = await train(resumed, { ...plan, checkpoint: into(folder) });
        assert.deepEqual(untimed(found), untimed(expected));
        assert.deepEqual(found.parameters, expected.parameters);
        assert.deepEqual(await resumed.snapshot(), await whole.snapshot());
        await resumed.dispose();
      });
    }
    await whole.dispose();
  },
});
