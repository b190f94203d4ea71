import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../lib/errors.ts";
import { requireRoom, withOutputFolder } from "../../lib/storage/output_folder.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { child } from "./writing_child_process.ts";

Deno.test("a folder that another process writes into is refused with its owner, and taken over when that is dead", () =>
  inFolder(async (folder) => {
    const kill = await child("hold", folder);
    await rejects(withOutputFolder(folder, () => Promise.resolve()), (error: Error) => {
      ok(error instanceof InputError);
      match(
        error.message,
        /^Cannot write into .* as process \d+ of \S+ \(since \d{4}-\d\d-\d\d \d\d:\d\d UTC\) is writing there: wait until /,
      );
      return true;
    });
    await kill();
    deepStrictEqual(await readdir(folder), [".bertlab.lock"]);
    strictEqual(await withOutputFolder(folder, async () => (await readdir(folder)).length), 1);
    deepStrictEqual(await readdir(folder), []);
  }));

Deno.test("the lock goes with an action that fails, and a second one of the same process is refused", () =>
  inFolder(async (folder) => {
    const inner = join(folder, "not", "there");
    const nested = withOutputFolder(inner, () => withOutputFolder(inner, () => Promise.resolve()));
    await rejects(nested, /^InputError: Cannot write into .*there as process/);
    deepStrictEqual(await readdir(inner), []);
  }));

Deno.test("a folder with a model or with other files has no room, unless they may be replaced", () =>
  inFolder(async (folder) => {
    const refused = (found: string) =>
      rejects(
        requireRoom(folder, {}),
        new InputError(
          `Cannot write into ${folder} as ${found} is there already: give --overwrite to replace it, or another folder`,
        ),
      );
    await requireRoom(join(folder, "nowhere"), {});
    await writeFile(join(folder, ".hidden"), "");
    await writeFile(join(folder, `model.${crypto.randomUUID()}.tmp`), "");
    await mkdir(join(folder, "checkpoints"));
    await requireRoom(folder, { except: ["checkpoints"] });
    await refused("checkpoints");
    await writeFile(join(folder, "notes.txt"), "");
    await rejects(requireRoom(folder, { except: ["checkpoints"] }), /as notes\.txt is there already/);
    await writeFile(join(folder, "config.json"), "");
    await refused("a model");
    await requireRoom(folder, { overwrite: true });
  }));
