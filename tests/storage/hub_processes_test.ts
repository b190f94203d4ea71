import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { COMMIT, send, sha256, withHub } from "./hub_server.ts";

const weights = "weights ".repeat(100_000);
const repositories = { "models/org/name": { files: { "a.bin": weights } } };
const file = (folder: string) => join(folder, "hub", "models--org--name", "snapshots", COMMIT, "a.bin");

/** A process that fetches the file. */
function fetching(folder: string, write = "--allow-write"): Deno.ChildProcess {
  const child = fileURLToPath(new URL("./hub_child.ts", import.meta.url));
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-read",
      write,
      "--allow-net",
      "--allow-env",
      child,
      "org/name",
      "a.bin",
    ],
    env: { HF_HUB_CACHE: join(folder, "hub") },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();

Deno.test("a process that is killed in the middle has not fetched in vain", () =>
  withHub(repositories, async (hub, folder) => {
    const cut = Math.floor(0.3 * weights.length);
    hub.instead = ({ server, method, range }) => {
      if (server !== "store" || range) return undefined;
      return send(weights, {}, method, range, cut, () => new Promise(() => {}));
    };
    const blobs = join(folder, "hub", "models--org--name", "blobs");
    const partial = join(blobs, `${sha256(weights)}.incomplete`);
    const killed = fetching(folder);
    let ended = false;
    killed.status.then(() => ended = true);
    while (!ended && (await stat(partial).catch(() => undefined))?.size !== cut);
    killed.kill("SIGKILL");
    strictEqual((await killed.output()).success, false);
    deepStrictEqual(await readdir(blobs), [`${sha256(weights)}.incomplete`]);

    const { stdout, stderr } = await fetching(folder).output();
    strictEqual(text(stdout), file(folder), text(stderr));
    strictEqual(await readFile(file(folder), "utf8"), weights);
    deepStrictEqual(hub.asked.filter(({ server }) => server === "store").map(({ range }) => range), [
      undefined,
      `bytes=${cut}-`,
    ]);
    deepStrictEqual(await readdir(blobs), [sha256(weights)]);
  }));

Deno.test("two processes that want the same file at once fetch it once", () =>
  withHub(repositories, async (hub, folder) => {
    // The bytes come when both have asked what the file is.
    const both = Promise.withResolvers<void>();
    let heads = 0;
    hub.instead = async ({ server, method, range }) => {
      if (method === "HEAD" && ++heads === 2) both.resolve();
      if (server !== "store") return undefined;
      await both.promise;
      return send(weights, {}, method, range);
    };
    const outputs = await Promise.all([fetching(folder).output(), fetching(folder).output()]);
    for (const { stdout } of outputs) strictEqual(text(stdout), file(folder));
    strictEqual(await readFile(file(folder), "utf8"), weights);
    strictEqual(hub.paths("store").length, 1);
    const said = outputs.map(({ stderr }) => text(stderr)).join("");
    ok(said === "" || said === "a.bin: waiting for another process that is fetching it", said);
  }));

Deno.test("where links are not allowed, the file is a copy", {
  ignore: process.platform === "win32",
}, () =>
  withHub(repositories, async (_hub, folder) => {
    // Deno lets a program make links only if it may write everywhere.
    const { stdout, stderr } = await fetching(folder, `--allow-write=${folder}`).output();
    strictEqual(text(stdout), file(folder), text(stderr));
    ok((await lstat(file(folder))).isFile());
    strictEqual(await readFile(file(folder), "utf8"), weights);
    match((await readdir(join(folder, "hub", "models--org--name", "blobs"))).join(), /^[0-9a-f]{64}$/);
  }));
