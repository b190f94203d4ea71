import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { readTorchCheckpoint, readTorchShapes } from "../../lib/bert/torch_checkpoint.ts";
import { inMemory } from "../helpers/bytes_in_memory.ts";
import { goldenFolder } from "../golden/load.ts";
import { zip } from "../helpers/zip.ts";

const folder = join(goldenFolder, "..", "torch");
const formats = ["zip", "legacy"];

/** Bytes of a text whose characters are bytes. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A whole number of 4 or 8 bytes, the lowest first. */
function whole(value: number, length: 4 | 8): string {
  return String.fromCharCode(
    ...Array.from({ length }, (_, place) => Math.floor(value / 256 ** place) % 256),
  );
}

const numbers = (values: readonly number[]) => `(${values.map((value) => `J${whole(value, 4)}`).join("")}t`;

/** The pickled call that makes a view of the storage "k". */
function tensor(
  { type = "FloatStorage", count = 4, offset = 0, shape = [2, 2], strides = [2, 1], view = "N" },
): string {
  return `ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\n${type}\nU\x01kU\x03cpuJ${
    whole(count, 4)
  }${view}tQJ${whole(offset, 4)}${numbers(shape)}${numbers(strides)}\x89ccollections\nOrderedDict\n)RtR`;
}

/** A pickled dict. */
function dict(entries: Record<string, string>): string {
  const items = Object.entries(entries).map(([name, value]) =>
    `U${String.fromCharCode(name.length)}${name}${value}`
  );
  return `\x80\x02}(${items.join("")}u.`;
}

const magic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
const system = (littleEndian: boolean) => dict({ little_endian: littleEndian ? "\x88" : "\x89" });
const storage = `\x80\x02]U\x01ka.${whole(4, 8)}${"\0\0\x80\x3f".repeat(4)}`;

/** A file of the older format with the pickle of a state dict and what comes after it. */
function legacy(pickle: string, rest = storage): Uint8Array {
  return bytesOf(`${magic}\x80\x02M\xe9\x03.${system(true)}${pickle}${rest}`);
}

for (const format of formats) {
  Deno.test(`a BERT that torch.save wrote (${format}) equals its safetensors file`, async () => {
    for (const name of ["f32", "f16", "bf16"]) {
      const expected = await readSafetensors(join(goldenFolder, "folders", name, "model.safetensors"));
      const path = join(folder, `${name}.${format}.bin`);
      deepStrictEqual(await readTorchCheckpoint(path), expected);
      const shapes = [...await readTorchShapes(path)].map(([name, { shape }]) => [name, shape]);
      deepStrictEqual(
        Object.fromEntries(shapes),
        Object.fromEntries(Object.entries(expected).map(([name, { shape }]) => [name, shape])),
      );
    }
  });

  Deno.test(`views of storages (${format}) have the values that PyTorch sees`, async () => {
    const expected = await readSafetensors(join(folder, "views.safetensors"));
    const path = join(folder, `views.${format}.bin`);
    deepStrictEqual(await readTorchCheckpoint(path), expected);
    const { transposed } = await readTorchCheckpoint(path, ["transposed"]);
    deepStrictEqual(transposed, expected.transposed);
    await rejects(readTorchCheckpoint(path, ["other"]), {
      name: "InputError",
      message: `Cannot read ${path} as tensor "other" is missing`,
    });
  });

  Deno.test(`a download that broke off is recognised (${format})`, async () => {
    const bytes = await readFile(join(folder, `views.${format}.bin`));
    for (let length = 0; length < bytes.length; length += 17) {
      await rejects(readTorchCheckpoint(inMemory("cut.bin", bytes.subarray(0, length))), {
        name: "InputError",
      });
    }
  });
}

Deno.test("a minimal file is read, so that the broken ones below fail for their fault alone", async () => {
  const found = await readTorchCheckpoint(inMemory("m.bin", legacy(dict({ x: tensor({}) }))));
  deepStrictEqual(found, { x: { shape: [2, 2], data: new Float32Array(4).fill(1) } });
});

const advice =
  ": expected a state dict of tensors; if you trust its source, convert it with transformers to " +
  "model.safetensors";

async function refused(bytes: Uint8Array, why: string): Promise<void> {
  await rejects(readTorchCheckpoint(inMemory("m.bin", bytes)), {
    name: "InputError",
    message: `Cannot read m.bin as ${why}${advice}`,
  });
}

Deno.test("what a pickle asks to run is named and not run", async () => {
  const call = (name: string) => `c${name}\nX\x07\0\0\0echo hi\x85R`;
  await refused(legacy(`\x80\x02${call("os\nsystem")}.`), "it asks to run os.system");
  await refused(legacy(dict({ x: tensor({}), y: call("builtins\neval") })), "it asks to run builtins.eval");
  await refused(legacy(dict({ x: call("torch\nload") })), "it asks to run torch.load");
  await refused(legacy(dict({ x: call("\x1b[31m\nx") })), "it asks to run \ufffd[31m.x");
  await refused(
    legacy(dict({ x: call("torch._utils\n__class__") })),
    "it asks to run torch._utils.__class__",
  );
  await refused(
    await readFile(join(folder, "script.zip.bin")),
    "it asks to run __torch__.torch.nn.modules.linear.Linear",
  );
  const archive = await readFile(join(folder, "views.zip.bin"));
  archive.set(bytesOf("posix\nsystem_as_of_old\n"), archive.indexOf("collections\nOrderedDict\n"));
  await refused(archive, "it asks to run posix.system_as_of_old");
});

Deno.test("operations that no state dict needs are refused", async () => {
  await refused(
    legacy("\x80\x02ccollections\nOrderedDict\n)\x81."),
    "its pickle has the operation 0x81 at byte 71, which no state dict needs",
  );
  await refused(legacy("\x80\x04N."), "its pickle is of protocol 4 and not 2");
  await refused(legacy("\x80\x02ctorch\nFloatStorage\n)R."), "its pickle calls what is no function");
  await refused(
    legacy("\x80\x02ccollections\nOrderedDict\n]\x85R."),
    "its pickle fills an OrderedDict as Python 2 does",
  );
  await refused(legacy("\x80\x02)}b."), "its pickle sets attributes of what is no dict");
  await refused(legacy("\x80\x02]NNs."), "its pickle fills what is no dict");
  await refused(legacy("\x80\x02}Na."), "its pickle extends what is no list");
  await refused(
    legacy("\x80\x02N0."),
    "its pickle has the operation 0x30 at byte 46, which no state dict needs",
  );
  await refused(legacy("\x80\x02."), "its pickle takes from an empty stack");
  await refused(legacy("\x80\x02N(."), "its pickle takes from an empty stack");
  await refused(legacy("\x80\x02Nt."), "its pickle has no mark where one is needed");
  await refused(legacy("\x80\x02h\x05."), "its pickle asks for value 5 before it is there");
  await refused(legacy("\x80\x02X\xff\xff\xff\xff."), "its pickle is cut off");
  await refused(legacy(`\x80\x02c${"x".repeat(2000)}\n`), "its pickle has a name without an end");
  await refused(legacy(`\x80\x02${"}".repeat(1_000_001)}.`), "its pickle has more than 1000000 operations");
});

Deno.test("what is no state dict of tensors is refused", async () => {
  await refused(legacy("\x80\x02].", "\x80\x02]."), "it holds no dict");
  await refused(legacy(dict({ x: tensor({}), epoch: "K\x03" })), 'its entry "epoch" is no tensor');
  await refused(legacy("\x80\x02}K\x03Ns.", "\x80\x02]."), "a key of its dict is no name");
  await refused(
    bytesOf("version https://git-lfs.github.com/spec/v1\n"),
    "it does not begin as torch.save's files do",
  );
  await refused(new Uint8Array(0), "it does not begin as torch.save's files do");
  await refused(bytesOf(`${magic}\x80\x02K\x01.`), "its version of the format is unknown");
  await refused(
    bytesOf(`${magic}\x80\x02M\xe9\x03.${system(false)}`),
    "its numbers are not little-endian",
  );
  await refused(zip({ "model/config.json": "{}" }), "it is an archive without data.pkl");
  await refused(zip({ "model/data.pkl": "x".repeat(100) }), "its data.pkl is compressed");
});

Deno.test("tensors outside their storage, and storages outside the file, are refused", async () => {
  const outside = async (fault: Parameters<typeof tensor>[0], shape: string, strides: string, offset = 0) => {
    await refused(
      legacy(dict({ x: tensor(fault) })),
      `a tensor of the shape [${shape}], the strides [${strides}] and the offset ${offset} does not lie in its ` +
        "storage of 4 elements",
    );
  };
  await outside({ shape: [2, 3] }, "2,3", "2,1");
  await outside({ strides: [3, 1] }, "2,2", "3,1");
  await outside({ offset: 1 }, "2,2", "2,1", 1);
  await outside({ shape: [4], strides: [1, 1] }, "4", "1,1");
  await outside({ shape: [2147483647, 2147483647], strides: [0, 0] }, "2147483647,2147483647", "0,0");
  const unknown = "its pickle describes a tensor in an unknown way";
  await refused(legacy(dict({ x: tensor({ strides: [-2, 1] }) })), unknown);
  await refused(
    legacy(dict({ x: tensor({ shape: new Array(65).fill(1), strides: new Array(65).fill(1) }) })),
    unknown,
  );
  const storageUnknown = "its pickle describes a storage in an unknown way";
  const otherType = tensor({}).replace("ctorch\nFloatStorage", "ccollections\nOrderedDict");
  await refused(legacy(dict({ x: otherType })), storageUnknown);
  await refused(legacy(dict({ x: tensor({ view: "K\x01" }) })), storageUnknown);
  await refused(legacy(dict({ x: tensor({ count: -1 }) })), storageUnknown);
  await refused(
    legacy(dict({ x: tensor({ count: 5 }) })),
    "its storage k should have 5 elements and has 4",
  );
  await refused(
    legacy(dict({ x: tensor({}), y: tensor({ count: 5 }) })),
    "its storage k has two types or sizes",
  );
  await refused(legacy(dict({ x: tensor({}) }), storage.slice(0, -1)), "its storage k is cut off");
  await refused(
    legacy(dict({ x: tensor({}) }), `\x80\x02].${storage.slice(7)}`),
    "its list of storages is not that of its tensors",
  );
  await refused(legacy("\x80\x02}."), "its list of storages is not that of its tensors");

  const archive = await readFile(join(folder, "views.zip.bin"));
  const place = archive.lastIndexOf("views.zip/data/0") - 46;
  archive.writeUInt32LE(20, place + 20);
  await refused(archive, "its storage 0 should have 24 bytes and has 24");
});

Deno.test("tensors that share a storage cannot grow without end", async () => {
  const entries = Array.from({ length: 1000 }, (_, index) => [`x${index}`, "h\x01h\x02R"]);
  const first = tensor({ count: 4000, shape: [4000], strides: [1] });
  const recorded = first.replace("_v2\n", "_v2\nq\x01").replace(/tR$/, "tq\x02R");
  const pickle = dict({ first: recorded, ...Object.fromEntries(entries) });
  const bytes = legacy(pickle, `\x80\x02]U\x01ka.${whole(4000, 8)}${"\0".repeat(16_000)}`);
  await rejects(readTorchCheckpoint(inMemory("m.bin", bytes)), {
    name: "InputError",
    message:
      `Cannot read m.bin as its tensors share storages: they come to 16016000 bytes, and the file has only ${bytes.length}`,
  });
  const some = await readTorchCheckpoint(inMemory("m.bin", bytes), ["first", "x7"]);
  deepStrictEqual(some.x7, { shape: [4000], data: new Float32Array(4000) });
});

Deno.test("a tensor of a type without a place in the model is refused only if it is asked for", async () => {
  const bytes = legacy(
    dict({ x: tensor({ type: "CharStorage" }) }),
    `\x80\x02]U\x01ka.${whole(4, 8)}1234`,
  );
  strictEqual((await readTorchShapes(inMemory("m.bin", bytes))).size, 1);
  await rejects(readTorchCheckpoint(inMemory("m.bin", bytes)), {
    name: "InputError",
    message:
      'Cannot read m.bin as tensor "x" has the type I8: only F64, F32, F16, BF16, I32 and I64 are read',
  });
});
