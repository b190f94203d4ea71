import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cachedModel, type MakingRun } from "../../lib/training/cached_model.ts";
import { InputError } from "../../lib/errors.ts";
import { anything, map, object, text } from "../../lib/storage/json.ts";
import { newestCheckpoint, ResumeError, writeCheckpoint } from "../../lib/training/checkpoints.ts";
import { withCache } from "../helpers/cache_folder.ts";

interface Made {
  readonly by: string;
}

/** Returns options of a cached model, with a list of the lines that were said. */
function asked(identity: object = { steps: 2 }) {
  const said: string[] = [];
  return {
    said,
    model: {
      kind: "made",
      identity,
      part: "step-2",
      recordFile: "made.json",
      recordShape: object<Made>({ by: text }),
      say: (line: string) => said.push(line),
    },
  };
}

/** Makes a model of one file. */
const making = (by: string) => (run: MakingRun<Made>) =>
  run.keep("step-2", async (folder) => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "weights"), by);
  }, { by });

Deno.test("a model is made once for each identity", () =>
  withCache(async () => {
    const { model } = asked();
    const first = await cachedModel<Made>(model, making("first"));
    assert.equal(await readFile(join(first.folder, "weights"), "utf8"), "first");
    assert.deepEqual(await cachedModel<Made>(model, making("second")), first);
    const other = await cachedModel<Made>(asked({ steps: 3 }).model, making("second"));
    assert.equal(other.record.by, "second");
    await assert.rejects(
      cachedModel<Made>({ ...model, part: "step-1" }, making("third")),
      /No model was left in/,
    );
  }));

Deno.test("of two that want a model at once one makes it, the other waits for it", () =>
  withCache(async () => {
    const [one, other] = [asked(), asked()];
    const inside = Promise.withResolvers<void>(), go = Promise.withResolvers<void>();
    const first = cachedModel<Made>(one.model, async (run) => {
      inside.resolve();
      await go.promise;
      await making("first")(run);
    });
    await inside.promise;
    const second = cachedModel<Made>(
      { ...other.model, say: (line) => (go.resolve(), other.said.push(line)) },
      () => {
        throw new Error("made twice");
      },
    );
    assert.deepEqual(await second, await first);
    assert.match(other.said.join("\n"), /^Waiting for another process that is making the model in .*$/);
    assert.deepEqual(one.said, []);
  }));

Deno.test("checkpoints of an older version, or damaged ones, are left behind; other failures leave them", () =>
  withCache(async (cache) => {
    const { model, said } = asked();
    const snapshot = { tensors: {}, updates: 1, counts: [] };
    const stopped = async (identity: string) =>
      await assert.rejects(
        cachedModel<Made>(model, async ({ checkpoint }) => {
          await writeCheckpoint({ ...checkpoint, identity }, { snapshot, position: {} });
          throw new InputError("the disk is full");
        }),
        { name: "InputError", message: "the disk is full" },
      );
    const goOn = async ({ checkpoint, ...run }: MakingRun<Made>) => {
      const found = await newestCheckpoint({ ...checkpoint, identity: "now" }, map(anything));
      await making(found ? "resumed" : "anew")({ checkpoint, ...run });
    };
    await stopped("now");
    assert.equal((await cachedModel<Made>(model, goOn)).record.by, "resumed");
    assert.deepEqual(said, []);

    const [folder] = await readdir(join(cache, "made"));
    const run = join(cache, "made", folder!);
    assert.deepEqual((await readdir(run)).sort(), ["lock", "step-2"], "checkpoints are removed at the end");
    for (const damage of ["older", "damaged"]) {
      await Deno.remove(join(run, "step-2"), { recursive: true });
      await stopped(damage === "older" ? "before" : "now");
      const [file] = await readdir(join(run, "checkpoints"));
      if (damage === "damaged") await writeFile(join(run, "checkpoints", file!), "no");
      said.length = 0;
      assert.equal((await cachedModel<Made>(model, goOn)).record.by, "anew", damage);
      assert.deepEqual(said, [
        `Starting anew, as what is in ${join(run, "checkpoints")} cannot be gone on from`,
      ]);
    }
    const error = new ResumeError("no");
    assert.ok(
      error instanceof InputError && error.name === "InputError",
      "a command prints it as a sentence",
    );
  }));
