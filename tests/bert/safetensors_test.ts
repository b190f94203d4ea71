import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors, readSafetensorsHeader, writeSafetensors } from "../../lib/bert/safetensors.ts";
import { writeWhole } from "../../lib/storage/whole_file.ts";
import { inMemory } from "../helpers/bytes_in_memory.ts";
import { goldenFolder } from "../golden/load.ts";
import { inFolder } from "../helpers/in_folder.ts";

/** A file with this header and so many bytes after it. */
function fileOf(header: unknown, bytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + bytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

const tensors = {
  "b.weight": { shape: [2, 3], data: Float32Array.of(1, -2.5, 0, NaN, Infinity, 1e-40) },
  "a.ids": { shape: [3], data: Int32Array.of(-1, 0, 2147483647) },
  "c.scalar": { shape: [], data: Float32Array.of(7) },
  "d.empty": { shape: [0, 4], data: new Float32Array(0) },
};

Deno.test("what is written is read again, bit by bit and sorted by name", () =>
  inFolder(async (folder) => {
    const path = join(folder, "model.safetensors");
    await writeSafetensors(path, tensors, { format: "pt", step: "3" });
    const header = await readSafetensorsHeader(path);
    deepStrictEqual([...header.tensors.keys()], ["a.ids", "b.weight", "c.scalar", "d.empty"]);
    deepStrictEqual(header.metadata, { format: "pt", step: "3" });
    strictEqual(header.tensors.get("a.ids")!.span[0] % 8, 0);
    deepStrictEqual(await readSafetensors(path), tensors);
    deepStrictEqual(Object.keys(await readSafetensors(path, ["c.scalar"])), ["c.scalar"]);
    await rejects(readSafetensors(path, ["other"]), {
      message: `Cannot read ${path} as tensor "other" is missing`,
    });
  }));

Deno.test("half and brain floats and 64-bit integers are those that PyTorch reads", async () => {
  const values = await readSafetensors(join(goldenFolder, "types.safetensors"));
  // As lists, because not-a-number has many bit patterns.
  deepStrictEqual([...values["f16"]!.data], [...values["f16.f32"]!.data]);
  deepStrictEqual([...values["bf16"]!.data], [...values["bf16.f32"]!.data]);
  ok(Object.is(values["f16"]!.data[1], -0) && Number.isNaN(values["f16"]!.data[11]));
  deepStrictEqual(values["i64"], { shape: [1, 2], data: Int32Array.of(-1, 2147483647) });
});

Deno.test("tensors of more than one chunk are read whole", () =>
  inFolder(async (folder) => {
    const path = join(folder, "long.safetensors");
    const count = (1 << 20) + 3;
    const file = fileOf({ x: { dtype: "BF16", shape: [count], data_offsets: [0, 2 * count] } }, 2 * count);
    const start = file.length - 2 * count;
    for (let i = 0; i < count; i++) {
      new DataView(file.buffer).setUint16(start + 2 * i, i % 128 + 0x3f80, true);
    }
    await writeFile(path, file);
    const { data } = (await readSafetensors(path)).x!;
    ok(data.every((value, i) => value === 1 + (i % 128) / 128));
  }));

Deno.test("broken files are refused in one sentence that names the file and the tensor", () =>
  inFolder(async (folder) => {
    const path = join(folder, "broken.safetensors");
    const entry = (first: number, last: number, more = {}) => ({
      dtype: "F32",
      shape: [(last - first) / 4],
      data_offsets: [first, last],
      ...more,
    });
    const start = (header: unknown) => 8 + JSON.stringify(header).length;
    const overlapping = { x: entry(0, 8), y: entry(4, 8) };
    const gap = { x: entry(0, 4), y: entry(8, 12) };
    const cases: [Uint8Array, string][] = [
      [new Uint8Array(3), "it has 3 bytes and must have at least 8"],
      [fileOf("[]", 0), "its header is not a JSON object"],
      [
        fileOf({}, 0).fill(255, 0, 8),
        "its header should have 18446744073709552000 bytes and the whole file has 10, so it is cut off or not one",
      ],
      [fileOf({ x: null }, 0), 'its header does not give type, shape and two offsets of tensor "x"'],
      [
        fileOf({ x: entry(0, 4, { shape: [-1] }) }, 4),
        'its header does not give type, shape and two offsets of tensor "x"',
      ],
      [fileOf({ x: entry(0, 4, { dtype: "F31" }) }, 4), 'tensor "x" has the unknown type "F31"'],
      [
        fileOf({ x: entry(0, 4, { shape: new Array(65).fill(1) }) }, 4),
        'its header does not give type, shape and two offsets of tensor "x"',
      ],
      [
        fileOf({ ["\x1b[2J" + "x".repeat(200)]: 3 }, 0),
        `its header does not give type, shape and two offsets of tensor "\ufffd[2J${"x".repeat(95)}…"`,
      ],
      [fileOf({ __metadata__: { format: 3 } }, 0), "its __metadata__ is not an object of strings"],
      [
        // 8 * 2^61 is 2^64, and wraps around to 0 where sizes are 64-bit integers.
        fileOf({ x: entry(0, 0, { dtype: "F64", shape: [2 ** 31, 2 ** 30] }) }, 0),
        'tensor "x" of type F64 and shape [2147483648,1073741824] should have 18446744073709552000 bytes: found 0',
      ],
      [
        fileOf({ x: entry(0, 4, { shape: [2] }) }, 4),
        'tensor "x" of type F32 and shape [2] should have 8 bytes: found 4',
      ],
      [
        fileOf(overlapping, 8),
        `tensor "y" overlaps the tensor before it: it starts at byte ${
          start(overlapping) + 4
        } and should at byte ${start(overlapping) + 8}`,
      ],
      [
        fileOf(gap, 12),
        `tensor "y" leaves a gap before it: it starts at byte ${start(gap) + 8} and should at byte ${
          start(gap) + 4
        }`,
      ],
      [
        fileOf({ x: entry(0, 8) }, 4),
        `tensor "x" ends at byte ${start({ x: entry(0, 8) }) + 8} and the file at byte ${
          start({ x: entry(0, 8) }) + 4
        }, so it is cut off`,
      ],
      [
        fileOf({ x: entry(0, 4) }, 5),
        `its tensors end at byte ${start({ x: entry(0, 4) }) + 4} and the file at byte ${
          start({ x: entry(0, 4) }) + 5
        }`,
      ],
    ];
    for (const [bytes, why] of cases) {
      await writeFile(path, bytes);
      await rejects(readSafetensors(path), {
        name: "InputError",
        message: `Cannot read ${path} as a safetensors file: ${why}`,
      });
    }
    await writeFile(path, fileOf("{x}", 0));
    await rejects(readSafetensors(path), /its header is not JSON/);
    await rejects(readSafetensors(join(folder, "none")), /^InputError: Cannot open .*none: /);
    await writeFile(path, fileOf({ x: { dtype: "U8", shape: [8], data_offsets: [0, 8] } }, 8));
    await rejects(readSafetensors(path), {
      message:
        `Cannot read ${path} as tensor "x" has the type U8: only F64, F32, F16, BF16, I32 and I64 are read`,
    });
    await rejects(readSafetensors(folder), {
      name: "InputError",
      message: `Cannot read ${folder} as it is a folder or a device`,
    });
  }));

Deno.test("a header of ten gigabytes is refused without being read", async () => {
  const start = new Uint8Array(8);
  new DataView(start.buffer).setBigUint64(0, 10_000_000_000n, true);
  const file = { ...inMemory("large", start), size: 10_000_000_008 };
  await rejects(readSafetensors(file), {
    name: "InputError",
    message:
      "Cannot read large as a safetensors file: its header should have 10000000000 bytes and the whole file " +
      "has 10000000008, so it is cut off or not one",
  });
});

Deno.test("a download that broke off is recognised, wherever it broke", () =>
  inFolder(async (folder) => {
    const whole = await readFile(join(goldenFolder, "tiny", "model.safetensors"));
    for (const length of [0, 7, 100, 5000, 100_000, whole.length - 1]) {
      const path = join(folder, "cut.safetensors");
      await writeFile(path, whole);
      await truncate(path, length);
      await rejects(readSafetensors(path), { name: "InputError" });
    }
  }));

Deno.test("a write that fails leaves the older file and no other", () =>
  inFolder(async (folder) => {
    const path = join(folder, "model.safetensors");
    await writeSafetensors(path, tensors);
    function* breaking() {
      yield new Uint8Array(1000);
      throw new Error("No space left on device");
    }
    await rejects(writeWhole(path, breaking()), /No space left/);
    deepStrictEqual(await readSafetensors(path), tensors);
    await mkdir(join(folder, "occupied", "inside"), { recursive: true });
    await rejects(writeSafetensors(join(folder, "occupied"), tensors), (error: Error) => {
      return error.name === "InputError" &&
        error.message.startsWith(`Cannot write ${join(folder, "occupied")}: `);
    });
    deepStrictEqual((await readdir(folder)).sort(), ["model.safetensors", "occupied"]);
  }));

Deno.test("a tensor whose shape does not fit its data is not written", () =>
  inFolder(async (folder) => {
    const path = join(folder, "model.safetensors");
    await rejects(writeSafetensors(path, { x: { shape: [3], data: new Float32Array(2) } }), {
      name: "RangeError",
      message: 'Cannot write tensor "x" of shape [3] with 2 values',
    });
    deepStrictEqual(await readdir(folder), []);
  }));
