import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { hubFile, type HubRepository, hubRepository } from "../../lib/storage/hub.ts";
import { COMMIT, etagOf, sha256, withHub, withSettings } from "./hub_server.ts";

const weights = "weights ".repeat(1000);
const files = { "config.json": "{}", "sub/model.safetensors": weights };
const model: HubRepository = { type: "model", id: "org/name" };
const one = { "models/org/name": { files } };

/** All files below a folder, with where links lead or what the file holds. */
async function layout(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1).replaceAll("\\", "/");
    if (entry.isSymbolicLink()) found[name] = `-> ${await readlink(path)}`;
    else if (entry.isFile()) found[name] = await readFile(path, "utf8");
  }
  return found;
}

Deno.test("files come into huggingface_hub's own layout, and the second time from there", () =>
  withHub(one, async (hub, folder) => {
    const snapshot = join(folder, "hub", "models--org--name", "snapshots", COMMIT);
    for (let time = 0; time < 2; time++) {
      strictEqual(await hubFile(model, "config.json"), join(snapshot, "config.json"));
      strictEqual(await hubFile(model, "sub/model.safetensors"), join(snapshot, "sub", "model.safetensors"));
      strictEqual(await hubFile(model, "vocab.txt"), undefined);
    }
    const [config, large] = [etagOf("config.json", "{}"), sha256(weights)];
    deepStrictEqual(await layout(join(folder, "hub")), {
      [`.locks/models--org--name/${config}.lock`]: "",
      [`.locks/models--org--name/${large}.lock`]: "",
      "models--org--name/refs/main": COMMIT,
      [`models--org--name/blobs/${config}`]: "{}",
      [`models--org--name/blobs/${large}`]: weights,
      [`models--org--name/snapshots/${COMMIT}/config.json`]: `-> ../../blobs/${config}`,
      [`models--org--name/snapshots/${COMMIT}/sub/model.safetensors`]: `-> ../../../blobs/${large}`,
      [`models--org--name/.no_exist/${COMMIT}/vocab.txt`]: "",
    });
    deepStrictEqual(hub.paths("hub"), [
      "HEAD /org/name/resolve/main/config.json",
      `GET /org/name/resolve/${COMMIT}/config.json`,
      `HEAD /org/name/resolve/${COMMIT}/sub/model.safetensors`,
      `GET /org/name/resolve/${COMMIT}/sub/model.safetensors`,
      `HEAD /org/name/resolve/${COMMIT}/vocab.txt`,
    ]);
    strictEqual(hub.paths("store").length, 1);
  }));

Deno.test("a data set, a branch, a commit and bytes that another commit has already", async () => {
  const other = "d".repeat(40);
  const repositories = {
    "datasets/org/name": { files, revisions: ["feature/x"] },
    "datasets/squad": { files: { "a b#.csv": "text" }, commit: other },
  };
  await withHub(repositories, async (hub, folder) => {
    const place = join(folder, "hub", "datasets--org--name");
    const data: HubRepository = { type: "dataset", id: "org/name", revision: "feature/x" };
    ok(await hubFile(data, "sub/model.safetensors"));
    strictEqual(await readFile(join(place, "refs", "feature", "x"), "utf8"), COMMIT);

    hub.repositories["datasets/org/name"] = { files, commit: other };
    ok(await hubFile({ ...data, revision: other }, "sub/model.safetensors"));
    deepStrictEqual((await readdir(join(place, "snapshots"))).sort(), [COMMIT, other]);
    deepStrictEqual(await readdir(join(place, "refs")), ["feature"]);
    strictEqual(hub.paths("store").length, 1);

    const old = await hubFile({ type: "dataset", id: "squad" }, "a b#.csv");
    strictEqual(old, join(folder, "hub", "datasets--squad", "snapshots", other, "a b#.csv"));
  });
});

Deno.test("a repository that has another name now is still found under the old one", () =>
  withHub(one, async (hub, folder) => {
    hub.instead = ({ path }) => {
      if (!path.startsWith("/old/")) return undefined;
      const location = path.replace("/old/", "/org/");
      return new Response(`Moved to ${location}`, {
        status: 307,
        headers: { location, etag: '"of the move"' },
      });
    };
    const file = await hubFile({ type: "model", id: "old/name" }, "config.json");
    strictEqual(file, join(folder, "hub", "models--old--name", "snapshots", COMMIT, "config.json"));
    strictEqual(await readFile(file, "utf8"), "{}");
  }));

Deno.test("what Python has fetched is used as it is", () =>
  withSettings({}, async (folder) => {
    const place = join(folder, "hub", "models--org--name");
    const file = join(place, "snapshots", COMMIT, "config.json");
    await mkdir(dirname(file), { recursive: true });
    await mkdir(join(place, "refs"));
    await mkdir(join(place, ".no_exist", COMMIT), { recursive: true });
    await writeFile(join(place, "refs", "main"), COMMIT);
    await writeFile(file, "{}");
    await writeFile(join(place, ".no_exist", COMMIT, "vocab.txt"), "");
    strictEqual(await hubFile(model, "config.json"), file);
    strictEqual(await hubFile({ ...model, revision: COMMIT }, "config.json", { offline: true }), file);
    strictEqual(await hubFile(model, "vocab.txt", { offline: true }), undefined);
  }));

Deno.test("offline, one sentence says what is missing, and the hub is not asked", () =>
  withHub(one, async (hub, folder) => {
    const message = `Cannot fetch config.json of the model org/name@v1: it is not in the cache ${
      join(folder, "hub")
    }, and the hub is not asked offline; fetch it once without --offline and HF_HUB_OFFLINE`;
    const asked = { ...model, revision: "v1" };
    await rejects(hubFile(asked, "config.json", { offline: true }), { name: "InputError", message });
    process.env.HF_HUB_OFFLINE = "1";
    await rejects(hubFile(asked, "config.json"), { message });
    deepStrictEqual(hub.asked, []);
  }));

Deno.test("the token goes to the hub and to nobody else", () =>
  withHub({ "models/org/name": { files, gatedTo: "mine" } }, async (hub, folder) => {
    await mkdir(join(folder, "home"));
    await writeFile(join(folder, "home", "token"), "mine\n");
    ok(await hubFile(model, "sub/model.safetensors"));
    process.env.HF_TOKEN = "other";
    await rejects(hubFile({ ...model, revision: "main" }, "config.json"), /authors want their terms/);
    deepStrictEqual(hub.asked.map(({ server, token }) => `${server} ${token}`), [
      "hub mine",
      "hub mine",
      "store undefined",
      "hub other",
    ]);
  }));

Deno.test("progress is told at most once a second: file, size, speed and time left", () =>
  withHub({ "models/org/name": { files: { "a.bin": "12345678".repeat(500_000) } } }, async () => {
    const { now } = Date;
    for (const tick of [0, 2000]) {
      const lines: string[] = [];
      let time = 0;
      Date.now = () => time += tick;
      try {
        await hubFile(tick === 0 ? model : { ...model, revision: COMMIT }, "a.bin", {
          onProgress: (line) => lines.push(line),
        });
      } finally {
        Date.now = now;
      }
      if (tick === 0) deepStrictEqual(lines, []);
      else {
        const last = "a.bin: 4 of 4 MB, ";
        ok(lines.at(-1)!.startsWith(last));
        for (const line of lines) match(line, /^a\.bin: [0-4] of 4 MB, \d+\.\d MB\/s, \d+ (s|min) left$/);
      }
      await Deno.remove(process.env.HF_HUB_CACHE!, { recursive: true });
    }
  }));

Deno.test("names that the hub cannot have, or that lead out of the folder, are refused", () =>
  withSettings({}, async () => {
    for (const path of ["../x", "a/../../x", "/etc/passwd", "a\\b", "C:x", "", "a//b", "./a"]) {
      await rejects(hubFile(model, path), {
        name: "InputError",
        message: `Cannot use "${path}" as a file of the model org/name`,
      });
    }
    for (
      const text of ["", "a/b/c", "../x", "org/a..b", "org/a--b", "org/name@", "org/name@../x", "org/n@a b"]
    ) {
      strictEqual(hubRepository("model", text), undefined);
      const [id, revision] = text.split("@");
      await rejects(hubFile({ type: "model", id: id!, revision }, "a"), {
        name: "InputError",
        message: `Cannot use "${text}" as a repository of the hub: expected organisation/name or ` +
          "organisation/name@revision",
      });
    }
    deepStrictEqual(hubRepository("model", "org/name"), model);
    deepStrictEqual(hubRepository("dataset", "org/name@refs/pr/1"), {
      type: "dataset",
      id: "org/name",
      revision: "refs/pr/1",
    });
  }));
