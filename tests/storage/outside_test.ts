import { doesNotMatch, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { readConfig } from "../../lib/bert/config.ts";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { InputError } from "../../lib/errors.ts";
import { predictionFaults } from "../../lib/results/records.ts";
import { fileName, innerPath } from "../../lib/storage/file_name.ts";
import { request } from "../../lib/storage/http.ts";
import { hubFile, hubFiles, type HubRepository } from "../../lib/storage/hub.ts";
import { hashFile } from "../../lib/storage/download.ts";
import { readParquet } from "../../lib/tables/parquet.ts";
import { openTable } from "../../lib/tables/table.ts";
import { loadTokenizer } from "../../lib/text/tokenizer.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { exampleRecord } from "../results/example_record.ts";
import { withHub, withSettings } from "./hub_server.ts";

const model: HubRepository = { type: "model", id: "org/name" };
const one = { "models/org/name": { files: { "config.json": "{}" } } };

async function messageOf(action: () => unknown): Promise<string> {
  let message = "";
  await rejects(async () => await action(), (error: Error) => {
    ok(error instanceof InputError, `${error.stack}`);
    message = error.message;
    return true;
  });
  return message;
}

Deno.test("names from outside are plain, or paths that stay inside", () => {
  const never = ["", ".", "..", "a\\b", "C:", "a:b", "a\0", "a\nb", "a\x1b[2J", "\ud800", "a".repeat(256)];
  for (const name of [...never, "a/b", "../a", "/a", null, undefined, 1, ["a"], {}]) {
    throws(() => fileName(name, "the list"), InputError, String(name));
  }
  for (const path of [...never, "/a", "a/", "a//b", "a/../b", "./a", "a/..\\b", null, 7, ["a"]]) {
    throws(() => innerPath(path, "the list"), InputError, String(path));
  }
  for (const name of ["a", ".a", "..a", "größe 1.csv", "a%2Fb"]) strictEqual(fileName(name, "it"), name);
  strictEqual(innerPath("a/b.c/d", "it"), "a/b.c/d");
});

Deno.test("a record whose predictions have no name of a file is refused", () =>
  inFolder(async (folder) => {
    for (const predictions of ["..", "predictions/..", "a\\..\\b", "a\x1b[2J", ""]) {
      const record = { ...exampleRecord(), predictions };
      match((await predictionFaults(folder, [record])).join(), /expected the plain name of a file/);
    }
  }));

Deno.test("a token that no header may hold is refused and not quoted, wherever it stands", () =>
  withHub(one, async (hub, folder) => {
    for (
      const token of [
        "hf_secret\nline",
        "hf_secret\rline",
        "hf_secret line",
        "hf_secret\u20ac",
        "hf_secret\x7f",
      ]
    ) {
      process.env.HF_TOKEN = token;
      doesNotMatch(await messageOf(() => hubFile(model, "config.json")), /secret|line\b(?! break)/);
      process.env.HF_TOKEN = "";
      process.env.HF_TOKEN_PATH = join(folder, "token");
      await writeFile(process.env.HF_TOKEN_PATH, `${token}\n`);
      const message = await messageOf(() => hubFile(model, "config.json"));
      doesNotMatch(message, /secret/);
      ok(message.includes(process.env.HF_TOKEN_PATH), message);
      await rejects(request(hub.url, { token }), (error: Error) => !error.message.includes("secret"));
    }
    strictEqual(hub.asked.length, 0);
  }, { HF_TOKEN_PATH: "" }));

Deno.test("user and password in HF_ENDPOINT are refused and not quoted", async () => {
  const addresses = [
    ...[
      "https://user:secret@host",
      "http://secret@127.0.0.1:9",
      "https:user:secret@host",
      "user:secret@host",
    ],
    ...["https://user:sec/secret@host", "https://host/?key=secret", "ftp://user:secret@host"],
  ];
  for (const HF_ENDPOINT of addresses) {
    await withSettings({ HF_ENDPOINT }, async () => {
      const message = await messageOf(() => hubFiles(model));
      doesNotMatch(message, /secret|user:/);
      match(message, /HF_ENDPOINT/);
    });
  }
});

Deno.test("a redirection to a file is not followed", () =>
  withHub(one, async (hub) => {
    hub.instead = () => new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } });
    await rejects(request(hub.url), /redirects to what is no web address/);
  }));

Deno.test("a list of files that never ends is stopped", () =>
  withHub(one, async (hub) => {
    let pages = 0;
    hub.instead = ({ path }) =>
      path.includes("/tree/")
        ? Response.json([{ type: "file", path: `f${pages++}`, size: 1, oid: "0" }], {
          headers: { link: `<${hub.url}/api/models/org/name/tree/x?cursor=${pages}>; rel="next"` },
        })
        : undefined;
    match(
      await messageOf(() => hubFiles(model)),
      /its list of files does not end after 1000 entries on 1000 pages/,
    );
    hub.instead = ({ path }) =>
      path.includes("/tree/")
        ? new Response(
          new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(1 << 20).fill(32)) }),
        )
        : undefined;
    match(await messageOf(() => hubFiles(model)), /the answer has more than 64 MiB/);
  }));

Deno.test({
  name: "a pipe or a device in place of a file is refused and never waited for",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const pipe = (name: string) => {
        execFileSync("mkfifo", [join(folder, name)]);
        return join(folder, name);
      };
      await mkdir(join(folder, "model"));
      pipe("model/config.json");
      pipe("model/tokenizer.json");
      const weights = pipe("model/model.safetensors");
      const readers: (() => unknown)[] = [
        () => openTable(pipe("a.csv")),
        () => openTable("/dev/zero", { format: "csv" }),
        () => readParquet(pipe("a.parquet"), ["text"]).next(),
        () => readConfig(join(folder, "model")),
        () => loadTokenizer(join(folder, "model")),
        () => readSafetensors(weights),
        () => hashFile(weights, "sha256"),
      ];
      for (const read of readers) match(await messageOf(read), /as it is a (pipe|device): give a file/);
      const listener = Deno.listen({ transport: "unix", path: join(folder, "socket.csv") });
      match(await messageOf(() => openTable(join(folder, "socket.csv"))), /as it is a socket/);
      listener.close();
    }),
});
