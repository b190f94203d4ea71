import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeSafetensors } from "../../lib/bert/safetensors.ts";
import { anything, map } from "../../lib/storage/json.ts";
import { CheckpointTimes, newestCheckpoint, writeCheckpoint } from "../../lib/training/checkpoints.ts";
import { withClock } from "../helpers/clock.ts";
import { inFolder } from "../helpers/in_folder.ts";

const tensors = { weight: { shape: [2], data: Float32Array.of(1, 2) } };
const snapshot = (updates: number) => ({ tensors, updates, counts: [updates] });
const checkpoint = (updates: number) => ({ snapshot: snapshot(updates), position: { epoch: updates } });
const options = (folder: string) => ({ folder, every: 1, identity: "this run", resume: true });

Deno.test("the newest checkpoint comes back as it was", () =>
  inFolder(async (folder) => {
    assert.equal(await newestCheckpoint(options(folder), map(anything)), undefined);
    for (const updates of [1, 2]) await writeCheckpoint(options(folder), checkpoint(updates));
    assert.deepEqual(await newestCheckpoint(options(folder), map(anything)), checkpoint(2));
    const best = { weight: { shape: [2], data: Float32Array.of(3, 4) } };
    await writeCheckpoint(options(folder), { ...checkpoint(3), best });
    assert.deepEqual(await newestCheckpoint(options(folder), map(anything)), { ...checkpoint(3), best });
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
      assert.rejects(newestCheckpoint(options(folder), map(anything)), {
        name: "InputError",
        message: message + advice,
      });
    const metadata = { format: "bertlab-checkpoint", identity: "this run", counts: "[2]", position: "{}" };
    for (
      const [changes, found] of [
        [
          { counts: "[2" },
          `Cannot read "counts" of ${path} as it is not JSON: Expected ',' or ']' after array element in JSON at position 2 (line 1 column 3)`,
        ],
        [
          { counts: "[1.5]" },
          `Cannot use "counts" of ${path} as "0" is not a whole number of at least 0: found 1.5`,
        ],
        [{ counts: '{"a":\n1}' }, `Cannot use "counts" of ${path} as it is not a list: found {"a":1}`],
        [
          { position: '{"epoch":' },
          `Cannot read "position" of ${path} as it is not JSON: Unexpected end of JSON input`,
        ],
        [{ position: "null" }, `Cannot use "position" of ${path} as it is not an object: found null`],
      ] as const
    ) {
      await writeSafetensors(path, tensors, { ...metadata, ...changes });
      await refused(found);
    }
    const { position: _, ...without } = metadata;
    await writeSafetensors(path, tensors, without);
    await refused(`Cannot use "position" of ${path} as it is not an object: found null`);
    await writeFile(path, whole.subarray(0, 20));
    await refused(
      `Cannot read ${path} as a safetensors file: its header should have ${
        whole.readUInt32LE(0)
      } bytes and the whole file has 20, so it is cut off or not one`,
    );
    await rm(path);
    assert.deepEqual((await newestCheckpoint(options(folder), map(anything)))?.position, { epoch: 1 });
  }));

Deno.test("a checkpoint whose numbers changed is refused, and one of before checksums is not", () =>
  inFolder(async (folder) => {
    await writeCheckpoint(options(folder), checkpoint(1));
    const path = join(folder, "checkpoint-00000001.safetensors");
    const whole = await readFile(path);
    const read = () => newestCheckpoint(options(folder), map(anything));
    for (const place of [whole.length - 1, whole.lastIndexOf("[1]"), whole.indexOf('epoch\\":1') + 8]) {
      const damaged = Buffer.from(whole);
      damaged[place]! ^= 1;
      await writeFile(path, damaged);
      await assert.rejects(read(), /^InputError: Cannot (read|use|resume) .*; remove it to go on from/);
    }
    await writeFile(path, whole);
    assert.deepEqual(await read(), checkpoint(1));
    const old = {
      format: "bertlab-checkpoint",
      identity: "this run",
      counts: "[1]",
      position: '{"epoch":1}',
    };
    await writeSafetensors(path, tensors, old);
    assert.deepEqual(await read(), checkpoint(1));
  }));
