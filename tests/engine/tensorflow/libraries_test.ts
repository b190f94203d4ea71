/** Where TensorFlow is looked for, and what is said of one that cannot be used. */
import { deepStrictEqual, doesNotThrow, ok, rejects, throws } from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { InputError } from "../../../lib/errors.ts";
import { checkVersion, loadLibrary } from "../../../lib/engine/tensorflow/api.ts";
import { refuseLostCard } from "../../../lib/engine/tensorflow/engine.ts";
import { TensorFlowError } from "../../../lib/engine/tensorflow/errors.ts";
import { findLibraries, findLibrary, libraryFolder } from "../../../lib/engine/tensorflow/libraries.ts";
import { wheels } from "../../../lib/engine/tensorflow/wheels.ts";
import { noteInstalled } from "../../../lib/storage/wheels.ts";
import { withEnvironment } from "../../helpers/environment.ts";
import { inFolder } from "../../helpers/in_folder.ts";

/** Runs a test with an empty cache, no Python and no library named. */
const alone = (test: (folder: string) => Promise<void>) =>
  inFolder((folder) =>
    withEnvironment({ BERTLAB_CACHE: folder, BERTLAB_TENSORFLOW: "", PATH: folder }, () => test(folder))
  );

async function write(path: string, bytes = new Uint8Array()): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  return path;
}

const name = "libtensorflow_cc.so.2";

Deno.test("the variable comes before the cache, and may name a wheel's folder or Python's packages", () =>
  alone(async (folder) => {
    const installed = await write(join(libraryFolder("cpu"), "tensorflow", name));
    deepStrictEqual((await findLibraries()).found, [], "not unpacked to the end");
    await noteInstalled(wheels.cpu[0]!, libraryFolder("cpu"));
    deepStrictEqual((await findLibrary()).path, installed);
    const packages = await write(join(folder, "site-packages", "tensorflow", name));
    for (const named of [join(folder, "site-packages"), dirname(packages)]) {
      process.env.BERTLAB_TENSORFLOW = named;
      deepStrictEqual(await findLibrary(), { path: packages, origin: "BERTLAB_TENSORFLOW" });
    }
    process.env.BERTLAB_TENSORFLOW = join(folder, "nowhere");
    await rejects(findLibrary(), /^InputError: Cannot find TensorFlow .* in \S*nowhere: run /);
  }));

Deno.test("where there is none, every place is named and the next step", () =>
  alone(async () => {
    await rejects(findLibrary(), (error) => {
      ok(error instanceof InputError);
      const { message } = error;
      ok(
        message.startsWith(
          "Cannot find TensorFlow (libtensorflow_cc.so.2) in BERTLAB_TENSORFLOW (not set), ",
        ),
      );
      for (const place of [libraryFolder("cpu"), libraryFolder("cuda12"), "(there is no python3)"]) {
        ok(message.includes(place), place);
      }
      ok(
        /: run `deno task tensorflow install (cpu|cuda12)`, or name a folder .* BERTLAB_TENSORFLOW$/.test(
          message,
        ),
      );
      return true;
    });
  }));

Deno.test("a library that is cut off, or none at all, is told before it is loaded", () =>
  inFolder(async (folder) => {
    const path = join(folder, name);
    await rejects(loadLibrary(path), { message: `Cannot load TensorFlow: there is no ${path} (ENOENT)` });
    const elf = new DataView(new ArrayBuffer(64));
    elf.setUint32(0, 0x7f454c46);
    elf.setBigUint64(40, 1000n, true); // where the table of sections begins
    elf.setUint16(58, 64, true);
    elf.setUint16(60, 3, true);
    await write(path, new Uint8Array(elf.buffer));
    const next = "run `deno task tensorflow install cpu`, which fetches it anew";
    await rejects(loadLibrary(path), {
      message: `Cannot load TensorFlow: ${path} is cut off, expected 1192 bytes, found 64; ${next}`,
    });
    await write(path, new TextEncoder().encode("version https://git-lfs"));
    await rejects(loadLibrary(path), {
      message: `Cannot load TensorFlow: ${path} is no library for Linux; ${next}`,
    });
  }));

Deno.test("versions whose functions are not known are refused", () => {
  for (const version of ["2.21.0", "2.22.0-rc0", "2.18.1"]) doesNotThrow(() => checkVersion(version, "a"));
  for (const version of ["2.11.0", "1.15.5", "3.0.0", ""]) {
    throws(
      () => checkVersion(version, "/usr/lib/a.so"),
      new InputError(
        `Cannot use TensorFlow ${version} from /usr/lib/a.so: expected 2.18 or a later 2; ` +
          "run `deno task tensorflow install cpu`, or name another one in BERTLAB_TENSORFLOW",
      ),
    );
  }
});

Deno.test("a card that TensorFlow does not find is said, unless it is hidden on purpose", async () => {
  const lost = { forGpu: true, found: false, card: true };
  const visible = (devices: string, test: () => void) =>
    withEnvironment({ CUDA_VISIBLE_DEVICES: devices }, () => Promise.resolve(test()));
  await visible("0", () => {
    throws(
      () => refuseLostCard(lost),
      /^InputError: Cannot use the GPU with the engine tensorflow: .* driver /,
    );
    for (const fine of [{ forGpu: false }, { found: true }, { card: false }]) {
      doesNotThrow(() => refuseLostCard({ ...lost, ...fine }));
    }
  });
  await visible("", () => doesNotThrow(() => refuseLostCard(lost)));
});

Deno.test("TensorFlow's errors are one sentence each, and too little memory says what to do", () => {
  const error = new TensorFlowError(
    "compute MatMul",
    3,
    "Matrix size-incompatible: In[0]: [2,3],\n In[1]: [2,3] [Op:MatMul]",
  );
  deepStrictEqual(
    error.message,
    "Cannot compute MatMul in TensorFlow: Matrix size-incompatible: In[0]: [2,3], In[1]: [2,3]",
  );
  const full = new TensorFlowError("compute Mul", 8, "OOM when allocating tensor with shape[9,9]");
  ok(full.outOfMemory && !error.outOfMemory);
  deepStrictEqual(
    full.message,
    "Out of memory in TensorFlow: cannot compute Mul: OOM when allocating tensor with shape[9,9]; " +
      "take fewer texts at once (micro-batch size) or a shorter maximum length",
  );
});

Deno.test("every wheel is pinned, and TensorFlow is the last of a set", () => {
  for (const [set, list] of Object.entries(wheels)) {
    for (const { version, sha256 } of list) {
      ok(/^[\d.]+$/.test(version) && /^[0-9a-f]{64}$/.test(sha256), set);
    }
    deepStrictEqual(new Set(list.map(({ name }) => name)).size, list.length);
    deepStrictEqual(list.at(-1)!.version, "2.21.0");
  }
});
