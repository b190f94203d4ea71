import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { withCacheLock, withLock } from "../../lib/storage/file_lock.ts";
import { InputError } from "../../lib/errors.ts";
import { inFolder } from "../helpers/in_folder.ts";

const withLockFile = (test: (lock: string) => Promise<void>) =>
  inFolder((folder) => test(join(folder, "locks", "a.lock")));

Deno.test("two under the same lock do their work one after the other, also if the first fails", () =>
  withLockFile(async (lock) => {
    const events: string[] = [];
    const inside = Promise.withResolvers<void>(), go = Promise.withResolvers<void>();
    const first = withLock(lock, () => events.push("first waits"), async () => {
      inside.resolve();
      await go.promise;
      events.push("first");
      throw new Error("no");
    });
    await inside.promise;
    const second = withLock(lock, () => {
      events.push("second waits");
      go.resolve();
    }, () => Promise.resolve(events.push("second")));
    strictEqual(await first.catch(({ message }) => message), "no");
    strictEqual(await second, 3);
    deepStrictEqual(events, ["second waits", "first", "second"]);
  }));

Deno.test("a cache folder in which no lock can be made is one sentence with the variable that names another", () =>
  withLockFile(async (lock) => {
    await writeFile(dirname(lock), "");
    await rejects(withCacheLock(lock, () => {}, () => Promise.resolve()), (error) => {
      ok(error instanceof InputError);
      match(
        error.message,
        /^Cannot make the lock .*a\.lock: .*; name another cache folder in BERTLAB_CACHE$/,
      );
      return true;
    });
  }));

Deno.test("a lock whose file was removed while it was waited for is asked for again", {
  ignore: process.platform === "win32",
}, () =>
  withLockFile(async (lock) => {
    await withLock(lock, () => {}, () => Promise.resolve());
    const holder = await Deno.open(lock, { write: true });
    await holder.lock(true);
    let removed: Promise<void> | undefined;
    await withLock(lock, () => removed = rm(lock).then(() => holder.close()), async () => {
      await removed;
      using other = await Deno.open(lock, { write: true });
      strictEqual(await other.tryLock(true), false);
    });
  }));
