/** Files that belong together, written by processes that are killed. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadCheckpoint, saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { InputError } from "../../lib/errors.ts";
import { Random } from "../../lib/random.ts";
import { removeOrphans, Temporary, temporaryFolder } from "../../lib/storage/whole_file.ts";
import { writeFolder, writeTogether } from "../../lib/storage/whole_folder.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { models } from "./writing_child.ts";
import { child } from "./writing_child_process.ts";

/** Kills children of this kind while they write, and looks at what each leaves. */
async function killed(what: string, folder: string, look: () => Promise<void>): Promise<void> {
  const random = new Random(5);
  for (let n = 0; n < 8; n++) {
    const kill = await child(what, folder);
    await sleep(40 + random.below(40));
    await kill();
    await look();
  }
}

const read = (...path: string[]) => readFile(join(...path), "utf8").catch(() => undefined);

Deno.test("files that belong together are all old or all new after a kill, or the last one is not there", () =>
  inFolder(async (folder) => {
    await killed("together", folder, async () => {
      const last = await read(folder, "last");
      if (last === undefined) return;
      strictEqual(last.length, 50_000);
      deepStrictEqual([await read(folder, "a"), await read(folder, "inner", "b")], [last, last]);
    });
    await writeTogether(folder, { a: "1", "inner/b": ["2", "3"], last: new Uint8Array([52]) }, "last");
    deepStrictEqual((await readdir(folder, { recursive: true })).sort(), ["a", "inner", "inner/b", "last"]);
    deepStrictEqual(await Promise.all(["a", "inner/b", "last"].map((name) => read(folder, name))), [
      "1",
      "23",
      "4",
    ]);
  }));

Deno.test("a folder is the old one, the new one or not there after a kill", () =>
  inFolder(async (folder) => {
    const place = join(folder, "place");
    await killed("folder", place, async () => {
      const names = await readdir(place).catch(() => undefined);
      if (names) {
        deepStrictEqual([names.sort(), await read(place, "a")], [["a", "last"], await read(place, "last")]);
      }
    });
    await writeFolder(place, (beside) => writeFile(join(beside, "only"), ""));
    deepStrictEqual((await readdir(folder, { recursive: true })).sort(), ["place", "place/only"]);
    await rejects(
      writeFolder(place, () => Promise.reject(new InputError("no"))),
      new InputError("no"),
    );
    deepStrictEqual((await readdir(folder, { recursive: true })).sort(), ["place", "place/only"]);
  }));

Deno.test("a model saved over another one by a process that is killed is one of the two, or is refused", () =>
  inFolder(async (folder) => {
    await killed("model", folder, async () => {
      const loaded = await loadCheckpoint(folder, { seed: 1 }).catch((error) => {
        ok(error instanceof InputError, error);
      });
      if (!loaded) return;
      const whole = models.find(({ config }) => config.id2label![0] === loaded.config.id2label![0])!;
      deepStrictEqual(loaded, { config: whole.config, parameters: whole.parameters, notes: [], drawn: [] });
      deepStrictEqual(JSON.parse((await read(folder, "bertlab.json"))!), whole.extra);
      strictEqual(await read(folder, "vocab.txt"), whole.tokenizerFiles["vocab.txt"]);
    });
    await saveCheckpoint(folder, models[0]!);
    deepStrictEqual((await readdir(folder)).sort(), [
      "bertlab.json",
      "config.json",
      "model.safetensors",
      "vocab.txt",
    ]);
  }));

Deno.test("a model that cannot be saved to its end leaves a folder that is refused, not a mix", () =>
  inFolder(async (folder) => {
    await saveCheckpoint(folder, models[0]!);
    await mkdir(join(folder, "tokenizer.json"));
    const tokenizerFiles = { "vocab.txt": "", "tokenizer.json": "{}" };
    await rejects(saveCheckpoint(folder, { ...models[1]!, tokenizerFiles }), InputError);
    await rejects(loadCheckpoint(folder, { seed: 1 }), InputError);
  }));

Deno.test("temporary files and folders go when their process is dead, and not before", () =>
  inFolder(async (folder) => {
    const kill = await child("temporaries", folder);
    await removeOrphans(folder);
    const names = (await readdir(folder)).map((name) => name.replace(/\.[0-9a-f-]{36}\./, ".ID.")).sort();
    deepStrictEqual(names, ["file.ID.tmp", "folder.ID.tmp", "folder.ID.tmp.lock"]);
    await kill();
    await removeOrphans(folder, "other.");
    strictEqual((await readdir(folder)).length, 3);
    await writeFile(join(folder, "mine.tmp"), "");
    await removeOrphans(folder);
    deepStrictEqual(await readdir(folder), ["mine.tmp"]);
  }));

Deno.test("a temporary file that another process locked as an orphan is left to it, and a new one made", () =>
  inFolder(async (folder) => {
    const { tryLock } = Deno.FsFile.prototype;
    const taken: string[] = [];
    /** Is tried when the file is there, and not locked yet: the other process is faster. */
    const whenTried = async function (this: Deno.FsFile, exclusive?: boolean) {
      Deno.FsFile.prototype.tryLock = tryLock;
      const [name] = await readdir(folder);
      taken.push(name!);
      using other = await Deno.open(join(folder, name!), { write: true });
      strictEqual(await other.tryLock(true), true);
      return await this.tryLock(exclusive);
    };
    for (
      const make of [() => Temporary.beside(join(folder, "a")), () => temporaryFolder(join(folder, "a"))]
    ) {
      Deno.FsFile.prototype.tryLock = whenTried;
      const made = await make().finally(() => Deno.FsFile.prototype.tryLock = tryLock);
      deepStrictEqual(
        taken.splice(0),
        (await readdir(folder)).filter((name) => !join(folder, name).startsWith(made.name)),
      );
      await made.discard();
      await removeOrphans(folder);
      deepStrictEqual(await readdir(folder), []);
    }
  }));
