import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { hubFile, type HubRepository } from "../../lib/storage/hub.ts";
import { COMMIT, inHaste, refuse, send, sha256, storeEtag, withHub, withSettings } from "./hub_server.ts";
import { noSmallDisk, smallDisk } from "../helpers/small_disk.ts";

const weights = "weights ".repeat(1000);
const files = { "config.json": "{}", "sub/model.safetensors": weights };
const model: HubRepository = { type: "model", id: "org/name" };
const one = { "models/org/name": { files } };
const cut = Math.floor(0.3 * weights.length);

Deno.test("a connection that is cut at 30 % is taken up there, if the store has the same bytes still", async () => {
  const etags = [storeEtag(weights), '"older"'];
  for (const etag of etags) {
    await withHub(one, async (hub) => {
      let times = 0;
      hub.instead = ({ server, method, range }) =>
        server === "store" && times++ === 0 ? send(weights, { etag }, method, range, cut) : undefined;
      const file = await hubFile(model, "sub/model.safetensors");
      strictEqual(await readFile(file!, "utf8"), weights);
      const [first, second] = hub.asked.filter(({ server }) => server === "store");
      deepStrictEqual([first!.range, first!.ifRange], [undefined, undefined]);
      deepStrictEqual([second!.range, second!.ifRange], [`bytes=${cut}-`, etag]);
    });
  }
});

Deno.test("a connection over which nothing comes any more is taken up too", () =>
  withHub(one, async (hub) => {
    hub.instead = ({ server, method, range }) =>
      server === "store" && !range
        ? send(weights, {}, method, range, cut, () => new Promise(() => {}))
        : undefined;
    await inHaste(async () => {
      strictEqual(await readFile((await hubFile(model, "sub/model.safetensors"))!, "utf8"), weights);
    });
    strictEqual(hub.asked.at(-1)!.range, `bytes=${cut}-`);
  }));

Deno.test("a connection that is cut again and again ends in one sentence, and the bytes stay", () =>
  withHub(one, async (hub, folder) => {
    const partial = join(folder, "hub", "models--org--name", "blobs", `${sha256(weights)}.incomplete`);
    const answers = [
      // The connection is cut where it was before, and a server does not go on where it is asked to.
      (range?: string) => send(weights, {}, "GET", range, range ? 0 : cut),
      (range?: string) => range ? send(weights, {}, "GET", "bytes=1-") : send(weights, {}, "GET", range, cut),
    ];
    const reasons = ["error reading a body from connection", `it did not go on at byte ${cut}`];
    for (const [index, answer] of answers.entries()) {
      hub.instead = ({ server, range }) => server === "store" ? answer(range) : undefined;
      await inHaste(() =>
        rejects(hubFile(model, "sub/model.safetensors"), (error: Error) => {
          const start =
            `Cannot fetch sub/model.safetensors of the model org/name from ${hub.url}: it broke off ` +
            "again and again: ";
          ok(error.message.startsWith(start), error.message);
          const reason = error.message.slice(start.length).replace("; check the network and HF_ENDPOINT", "");
          ok(reasons.includes(reason), reason);
          return error.name === "InputError";
        })
      );
      const kept = await readFile(partial, "utf8");
      ok(index === 0 ? kept === weights.slice(0, cut) : weights.startsWith(kept));
    }
  }));

Deno.test("what came before is not fetched again, unless it is wrong", async () => {
  for (const before of [weights.slice(0, cut), "x".repeat(cut), `${weights}x`, weights]) {
    await withHub(one, async (hub, folder) => {
      const partial = join(folder, "hub", "models--org--name", "blobs", `${sha256(weights)}.incomplete`);
      await mkdir(dirname(partial), { recursive: true });
      await writeFile(partial, before);
      const file = await hubFile(model, "sub/model.safetensors");
      strictEqual(await readFile(file!, "utf8"), weights);
      const path = "GET /models/org/name/sub/model.safetensors?signature=secret";
      const rest = `${path} bytes=${cut}-`;
      const expected = before === weights ? [] : before.length > cut ? [path] : [rest];
      deepStrictEqual(hub.paths("store"), before.startsWith("x") ? [rest, path] : expected);
    });
  }
});

Deno.test("wrong bytes are fetched once more, then refused in one sentence", async () => {
  const wrong = weights.replace("s", "z");
  for (const times of [1, Infinity]) {
    await withHub(one, async (hub, folder) => {
      let left = times;
      hub.instead = ({ server, method, range }) =>
        server === "store" && left-- > 0 ? send(wrong, {}, method, range) : undefined;
      const lines: string[] = [];
      const file = hubFile(model, "sub/model.safetensors", { onProgress: (line) => lines.push(line) });
      const fault = `its sha256 should be ${sha256(weights)} and is ${sha256(wrong)}`;
      if (times === 1) strictEqual(await readFile((await file)!, "utf8"), weights);
      else {
        await rejects(file, {
          name: "InputError",
          message:
            `Cannot fetch sub/model.safetensors of the model org/name from ${hub.url}: ${fault}, twice; ` +
            "something on the way changes it: try another network or HF_ENDPOINT",
        });
        deepStrictEqual(await readdir(join(folder, "hub", "models--org--name", "blobs")), []);
      }
      deepStrictEqual(lines, [`sub/model.safetensors: ${fault}, so it is fetched once more`]);
      strictEqual(hub.paths("store").length, 2);
    });
  }
  await withHub(one, async (hub) => {
    hub.instead = ({ method, range }) =>
      method === "GET" ? send('{"a":1}', { etag: '"x"' }, method, range) : undefined;
    await rejects(hubFile(model, "config.json"), /: it should have 2 bytes and has \d, twice; /);
  });
});

Deno.test("each refusal is one sentence that says what to do", () =>
  withHub(one, async (hub) => {
    const page = `${hub.url}/org/name`;
    const cases: [Response, string, string?][] = [
      [
        refuse(401, "GatedRepo", "Access is restricted"),
        `its authors want their terms to be accepted first; accept them at ${page} and set HF_TOKEN to a token of ` +
        "your account",
      ],
      [
        refuse(403, "GatedRepo", "Access is restricted"),
        `its authors want their terms to be accepted first; accept them at ${page} with the account that the token ` +
        "belongs to",
        "mine",
      ],
      [
        refuse(401, "", "Invalid credentials in Authorization header"),
        "the token is not valid; set HF_TOKEN to one that is, or log in again",
        "mine",
      ],
      [
        refuse(401, "RepoNotFound", "Repository not found"),
        "there is none, or it is private; check the name, or set HF_TOKEN to a token that may read it",
      ],
      [
        refuse(404, "RepoNotFound", "Repository not found"),
        "there is none, or it is private; check the name, or check that the token may read it",
        "mine",
      ],
      [
        refuse(404, "RevisionNotFound", "Invalid rev id"),
        'it has no revision "main"; name a branch, a tag or a commit after the @',
      ],
      [refuse(403, "", "Forbidden"), "access is refused (Forbidden); check what the token may read"],
      [
        refuse(429, "", "", { "retry-after": "3600" }),
        "there were too many requests; wait 3600 s, or set HF_TOKEN, which allows more",
      ],
      [
        refuse(503, "", "", { "retry-after": "0" }),
        "it answered 503 again and again; try again later",
      ],
      [refuse(418, "", ""), "it answered 418; check that HF_ENDPOINT is the address of a hub"],
      [
        new Response(null, { headers: { "x-repo-commit": COMMIT } }),
        "the answer does not say which bytes it is (ETag); check that HF_ENDPOINT is the address of a hub",
      ],
      [
        new Response(null, { status: 302, headers: { location: "/again" } }),
        "it redirects more than 5 times; check the network and HF_ENDPOINT",
      ],
      [
        new Response("<html>", { headers: { etag: '"123456789"' } }),
        "Cannot read the answer as it is not JSON: Unexpected token '<', \"<html>\" is not valid JSON; check the network and HF_ENDPOINT",
      ],
    ];
    for (const [answer, sentence, token = ""] of cases) {
      process.env.HF_TOKEN = token;
      hub.instead = () => answer.clone();
      await rejects(hubFile(model, "config.json"), {
        name: "InputError",
        message: `Cannot fetch config.json of the model org/name from ${hub.url}: ${sentence}`,
      });
    }
  }));

Deno.test("a server that is busy or fails is waited for, and the wait is told", () =>
  withHub(one, async (hub) => {
    const answers = [
      refuse(429, "", "", { "retry-after": "1" }),
      refuse(500, "", "", { "retry-after": "0" }),
    ];
    hub.instead = () => answers.shift();
    const lines: string[] = [];
    const delays = await inHaste(async () => {
      ok(await hubFile(model, "config.json", { onProgress: (line) => lines.push(line) }));
    });
    deepStrictEqual(delays.slice(0, 2), [1000, 0]);
    deepStrictEqual(lines, [
      `${hub.url} answered 429: it is asked again in 1 s`,
      `${hub.url} answered 500: it is asked again in 0 s`,
    ]);
  }));

Deno.test("a hub that cannot be reached is told, with the reason", () =>
  withSettings({}, async () => {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response());
    process.env.HF_ENDPOINT = `http://127.0.0.1:${server.addr.port}/`;
    await server.shutdown();
    await rejects(hubFile(model, "config.json"), (error: Error) => {
      match(
        error.message,
        /^Cannot fetch config\.json of the model org\/name from http:\/\/127\.0\.0\.1:\d+: no connection \(tcp connect error: .*\); check the network and HF_ENDPOINT$/,
      );
      return error.name === "InputError";
    });
    process.env.HF_ENDPOINT = "hub.example.org";
    await rejects(hubFile(model, "config.json"), {
      name: "InputError",
      message:
        "Cannot use HF_ENDPOINT as the hub: expected an address such as https://hub.example.org, found " +
        '"hub.example.org"',
    });
  }));

Deno.test("a cache that cannot be written is told, and is no reason to forget what a repository lacks", () =>
  withHub(one, async (hub, folder) => {
    process.env.HF_HUB_CACHE = join(folder, "file");
    await writeFile(process.env.HF_HUB_CACHE, "");
    strictEqual(await hubFile(model, "vocab.txt"), undefined);
    await rejects(hubFile(model, "config.json"), (error: Error) => {
      const start = `Cannot keep config.json of the model org/name in the hub's cache ${
        join(folder, "file")
      }: `;
      ok(error.message.startsWith(start), error.message);
      ok(error.message.endsWith("; set HF_HUB_CACHE to a folder that can be written"), error.message);
      return error.name === "InputError";
    });
    strictEqual(hub.paths("hub").length, 2);
  }));

Deno.test({
  name: `a full disk is told, and with room the rest is fetched${noSmallDisk}`,
  ignore: noSmallDisk !== "",
  fn: () =>
    withHub({ "models/org/name": { files: { "a.bin": "12345678".repeat(100_000) } } }, async (hub) => {
      const disk = smallDisk(400_000);
      process.env.HF_HUB_CACHE = disk.folder;
      try {
        await rejects(hubFile(model, "a.bin"), (error: Error) => {
          const start =
            `Cannot keep a.bin of the model org/name in the hub's cache ${disk.folder}: No space left`;
          ok(error.message.startsWith(start), error.message);
          ok(error.message.endsWith("; make room and start again, the bytes so far are kept"), error.message);
          return error.name === "InputError";
        });
        disk.resize(2_000_000);
        strictEqual((await stat((await hubFile(model, "a.bin"))!)).size, 800_000);
        match(hub.asked.at(-1)!.range!, /^bytes=[1-9]\d+-$/);
      } finally {
        disk.remove();
      }
    }),
});
