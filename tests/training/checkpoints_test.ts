import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeSafetensors } from "../../lib/bert/safetensors.ts";
import { CheckpointTimes, newestCheckpoint, writeCheckpoint } from "../../lib/training/checkpoints.ts";
import { withClock } from "../helpers/clock.ts";
import { inFolder } from "../helpers/in_folder.ts";

const tensors = { weight: { shape: [2], data: Float32Array.of(1, 2) } };
const snapshot = (updates: number) => ({ tensors, updates, counts: [updates] });
const checkpoint = (updates: number) => ({ snapshot: snapshot(updates), position: { epoch: updates } });
const options = (folder: string) => ({ folder, every: 1, identity: "this run", resume: true });

Deno.test("the newest checkpoint comes back as it was", () =>
  inFolder(async (folder) => {
    assert.equal(await newestCheckpoint(options(folder)), undefined);
    for (const updates of [1, 2]) await writeCheckpoint(options(folder), checkpoint(updates));
    assert.deepEqual(await newestCheckpoint(options(folder)), checkpoint(2));
    const best = { weight: { shape: [2], data: Float32Array.of(3, 4) } };
    await writeCheckpoint(options(folder), { ...checkpoint(3), best });
    assert.deepEqual(await newestCheckpoint(options(folder)), { ...checkpoint(3), best });
  }));

Deno.test("time leaves a minute and fifty times the writing between checkpoints, a number of updates nothing", () =>
  withClock(async (clock) => {
    const times = new CheckpointTimes(undefined);
    const every = new CheckpointTimes(200);
    const isDue = (seconds: number) => {
      clock.seconds = seconds;
      return times.isDue(1, true);
    };
    const taking = (seconds: number) => times.take(() => Promise.resolve(void (clock.seconds += seconds)));
    assert.deepEqual([isDue(59), isDue(60)], [false, true]);
    await taking(1);
    assert.deepEqual([isDue(61 + 59), isDue(61 + 60)], [false, true]);
    await taking(20);
    assert.deepEqual([isDue(141 + 999), isDue(141 + 1000)], [false, true]);
    assert.deepEqual(
      [every.isDue(199, false), every.isDue(199, true), every.isDue(400, false)],
      [false, true, true],
    );
  }));

Deno.test("a damaged checkpoint is one sentence, which says how to go on, and that is so", () =>
  inFolder(async (folder) => {
    const advice = "; remove it to go on from the checkpoint before it, or start anew with --overwrite";
    for (const updates of [1, 2]) await writeCheckpoint(options(folder), checkpoint(updates));
    const path = join(folder, "checkpoint-00000002.safetensors");
    const whole = await readFile(path);
    const refused = (message: string) =>
      assert.rejects(newestCheckpoint(options(folder)), { name: "InputError", message: message + advice });
    const metadata = { format: "bertlab-checkpoint", identity: "this run", counts: "[2]", position: "{}" };
    for (
      const [changes, found] of [
        [{ counts: "[2" }, '"counts" is not a list of whole numbers: found [2'],
        [{ counts: "[1.5]" }, '"counts" is not a list of whole numbers: found [1.5]'],
        [{ counts: '{"a":\n1}' }, '"counts" is not a list of whole numbers: found {"a":\ufffd1}'],
        [{ position: '{"epoch":' }, '"position" is not an object: found {"epoch":'],
        [{ position: "null" }, '"position" is not an object: found null'],
      ] as const
    ) {
      await writeSafetensors(path, tensors, { ...metadata, ...changes });
      await refused(`Cannot resume from ${path} as its ${found}`);
    }
    const { position: _, ...without } = metadata;
    await writeSafetensors(path, tensors, without);
    await refused(`Cannot resume from ${path} as its "position" is not an object: found none`);
    await writeFile(path, whole.subarray(0, 20));
    await refused(
      `Cannot read ${path} as a safetensors file: its header should have ${
        whole.readUInt32LE(0)
      } bytes and the whole file has 20, so it is cut off or not one`,
    );
    await rm(path);
    assert.deepEqual((await newestCheckpoint(options(folder)))?.position, { epoch: 1 });
  }));
