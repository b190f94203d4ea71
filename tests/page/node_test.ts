/** The stand-ins for Node's modules in a browser, against Node's own. */
import assert from "node:assert/strict";
import { mkdir, open, readFile, stat, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { createGunzip, gzipSync } from "node:zlib";
import { pipeline, Readable } from "node:stream";
import * as files from "../../lib/page/browser/node/files.ts";
import * as path from "../../lib/page/browser/node/path.ts";
import * as streams from "../../lib/page/browser/node/streams.ts";
import { inFolder } from "../helpers/in_folder.ts";

Deno.test("paths are taken apart as Node does", () => {
  for (
    const name of [
      "a.csv",
      "model/tokenizer.json",
      "a.b.jsonl.gz",
      ".hidden",
      "a/.b",
      "none",
      "x.",
      "é b.TSV",
    ]
  ) {
    assert.equal(path.extname(name), posix.extname(name), name);
    assert.equal(path.basename(name), posix.basename(name), name);
    if (name.includes("/")) assert.equal(path.dirname(name), posix.dirname(name), name);
  }
  assert.equal(path.join("model", "vocab.txt"), posix.join("model", "vocab.txt"));
  assert.equal(path.resolve("a.csv"), "a.csv");
  assert.ok(path.isAbsolute("a.csv"));
});

Deno.test("a page's files are read, and missed, as Node does", () =>
  inFolder(async (folder) => {
    await mkdir(join(folder, "model"));
    const content = new Uint8Array(600_000).map((_, n) => n % 251);
    const place = join(folder, "model", "some");
    await writeFile(place, content);
    files.putFile(place, new Blob([content]));
    assert.deepEqual(await files.readFile(place), new Uint8Array(await readFile(place)));
    assert.equal(await files.readFile(place, "latin1"), new TextDecoder("latin1").decode(content));
    type Status = Awaited<ReturnType<typeof stat>>;
    const [own, nodes] = [(await files.stat(place) as Status)!, await stat(place)];
    assert.deepEqual([own.size, own.isFile(), own.isFIFO()], [nodes.size, nodes.isFile(), nodes.isFIFO()]);
    assert.equal((await files.lstat(place) as Status)!.isSymbolicLink(), false);
    type Handle = Awaited<ReturnType<typeof open>>;
    const handles = [await files.open(place) as Handle, await open(place)];
    for (let n = 0; n < 4; n++) {
      const [one, other] = await Promise.all(handles.map((handle) => handle.read(new Uint8Array(1 << 18))));
      assert.equal(one!.bytesRead, other!.bytesRead);
      assert.deepEqual(one!.buffer, other!.buffer);
    }
    for (const handle of handles) await handle.close();
    for (const missing of [files.stat, files.readFile, stat, readFile]) {
      await assert.rejects(missing(join(folder, "none")) as Promise<unknown>, { code: "ENOENT" });
    }
  }));

Deno.test("bytes that are packed with gzip are unpacked as Node does, and damage is told", async () => {
  const content = new TextEncoder().encode("text,label\n".repeat(10_000));
  const packed = new Uint8Array(gzipSync(content));
  async function* parts(bytes: Uint8Array) {
    for (let start = 0; start < bytes.length; start += 50) yield bytes.subarray(start, start + 50);
  }
  const unpack = async (bytes: Uint8Array, nodes: boolean) => {
    const found: number[] = [];
    const unpacked = nodes ? createGunzip() : streams.createGunzip();
    if (nodes) pipeline(Readable.from(parts(bytes)), unpacked as ReturnType<typeof createGunzip>, () => {});
    else {streams.pipeline(
        streams.Readable.from(parts(bytes)),
        unpacked as ReturnType<typeof streams.createGunzip>,
        () => {},
      );}
    for await (const part of unpacked as AsyncIterable<Uint8Array>) found.push(...part);
    return new Uint8Array(found);
  };
  assert.deepEqual(await unpack(packed, false), await unpack(packed, true));
  for (const nodes of [false, true]) await assert.rejects(unpack(packed.subarray(0, 60), nodes));
});
