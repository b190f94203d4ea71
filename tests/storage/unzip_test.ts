import { deepStrictEqual, rejects } from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readZipDirectory, unzip } from "../../lib/storage/unzip.ts";
import { inMemory } from "../helpers/bytes_in_memory.ts";
import { zip } from "../helpers/zip.ts";
import { inFolder } from "../helpers/in_folder.ts";

/** The archive with a field of the directory's record of a file changed. */
function withField(archive: Buffer, file: string, offset: number, value: number): Buffer {
  archive.writeUInt32LE(value, archive.lastIndexOf(file) - 46 + offset);
  return archive;
}

const compressed = 20, size = 24, place = 42;
const long = "some text ".repeat(100);

async function refused(archive: Buffer, message: string): Promise<void> {
  await inFolder(async (folder) => {
    await rejects(unzip(inMemory("a.zip", archive), "m", folder), { name: "InputError", message });
  });
}

Deno.test("files that lie over each other are refused: a small archive could be endless", async () => {
  const archive = () => zip({ "m/a": long, "m/b": long, "m/c": long });
  const over = (name: string) => `a.zip has a broken directory: ${name} overlaps what comes after it`;
  await refused(withField(archive(), "m/b", place, 0), over("m/a"));
  await refused(withField(archive(), "m/a", compressed, 1000), over("m/a"));
  await refused(withField(archive(), "m/c", compressed, 1000), over("m/c"));
  await refused(withField(archive(), "m/c", place, 0xfffffff0), over("m/c"));
});

Deno.test("sizes that lie are refused", async () => {
  const broken = "a.zip holds a broken file: m/a";
  for (const lie of [0, long.length - 1, long.length + 1, 0xffffffff]) {
    await refused(withField(zip({ "m/a": long, "m/b": "b" }), "m/a", size, lie), broken);
  }
  await refused(withField(zip({ "m/a": long, "m/b": "b" }), "m/a", compressed, 3), broken);
  const archive = zip({ "m/a": "short" });
  archive.writeUInt32LE(0xfffffff0, archive.length - 10);
  await refused(archive, "a.zip has a broken directory: it does not lie in the archive");
  const more = zip({ "m/a": "short" });
  more.writeUInt16LE(5, more.length - 12);
  await refused(more, "a.zip has a broken directory: it should name 5 files and names 1");
});

Deno.test("two files of one name, and a file that is a folder, are refused", async () => {
  const archive = zip({ "m/a": "1", "m/b": "2" });
  archive.write("m/a", archive.lastIndexOf("m/b"));
  await refused(archive, "a.zip has a broken directory: it names m/a twice");
  await inFolder(async (folder) => {
    const clash = inMemory("a.zip", zip({ "m/a": "1", "m/a/b": "2" }));
    await rejects(unzip(clash, "m", folder), (error: Error) => {
      return error.name === "InputError" &&
        error.message.startsWith(`Cannot make the folder ${join(folder, "a")}: `);
    });
    await mkdir(join(folder, "taken"));
    await rejects(unzip(inMemory("a.zip", zip({ "m/taken": "1" })), "m", folder), (error: Error) => {
      return error.name === "InputError" && error.message.startsWith("Cannot unpack m/taken: ");
    });
    await writeFile(join(folder, "no.zip"), "");
    await rejects(unzip(join(folder, "no.zip"), "m", folder), {
      name: "InputError",
      message: `${join(folder, "no.zip")} is not a zip archive, or it is cut off`,
    });
    await rejects(unzip(join(folder, "none.zip"), "m", folder), { name: "InputError" });
    deepStrictEqual((await readdir(folder)).sort(), ["a", "no.zip", "taken"]);
  });
});

Deno.test("the directory names the files in its order", async () => {
  const entries = await readZipDirectory(inMemory("a.zip", zip({ "b": long, "a": "short" })));
  deepStrictEqual(entries.map(({ name, method, size, offset }) => [name, method, size, offset]), [
    ["b", 8, 1000, 0],
    ["a", 0, 5, 31 + entries[0]!.compressed],
  ]);
});
