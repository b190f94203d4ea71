import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedExecutable } from "../../../lib/engine/xla/executable.ts";
import type { OpenPlugin } from "../../../lib/engine/xla/open.ts";
import type { CudaLibraries } from "../../../lib/engine/xla/cuda_libraries.ts";
import { keyOf, ProgramCache } from "../../../lib/engine/xla/program_cache.ts";
import { withEnvironment } from "../../helpers/environment.ts";
import { inFolder } from "../../helpers/in_folder.ts";

/** Returns the parts, as the cache uses them, of a plugin that compiles everything to one program. */
function compiling(program: Partial<LoadedExecutable>): OpenPlugin {
  return {
    plugin: { api: { version: 99 }, attributes: new Map() },
    client: {
      platform: "made up",
      platformVersion: "1",
      devices: [],
      compile: () => program,
      load: () => program,
    },
  } as unknown as OpenPlugin;
}

const settings = { replicas: 1, overrides: {} };

Deno.test("a folder that cannot be written to does not end a run, a mistake of the program does", () =>
  inFolder(async (folder) => {
    const file = join(folder, "file");
    await writeFile(file, "");
    const cache = new ProgramCache(join(file, "programs"));
    const executable = (serialize: () => Uint8Array<ArrayBuffer>) =>
      ({ executable: { serialize } }) as unknown as LoadedExecutable;
    const good = executable(() => Uint8Array.of(1));
    strictEqual(await cache.compile(compiling(good), "text", settings), good);
    const broken = executable(() => {
      throw new TypeError("a mistake");
    });
    await rejects(cache.compile(compiling(broken), "text", settings), TypeError);
  }));

/** Returns a function that compiles with a plugin of its own, whose programs have a number, and gives that. */
function numbered(folder: string, number: number, delay: Promise<void>, compiled: number[] = []) {
  const program = (number: number) => ({
    number,
    executable: { serialize: () => Uint8Array.of(number) },
    dispose() {},
  });
  const plugin = compiling({});
  Object.assign(plugin.client, {
    async compile() {
      compiled.push(number);
      await delay;
      return program(number);
    },
    load: ([number]: Uint8Array) => program(number!),
  });
  return async () =>
    (await new ProgramCache(folder).compile(plugin, "text", settings) as unknown as { number: number })
      .number;
}

Deno.test("of several that want the same program at once one compiles it, and all get that one", () =>
  inFolder(async (folder) => {
    const compiled: number[] = [];
    const delay = new Promise<void>((resolve) => setTimeout(resolve, 20));
    const compile = (number: number) => numbered(folder, number, delay, compiled)();
    const numbers = await Promise.all([1, 2, 3].map(compile));
    deepStrictEqual([compiled.length, numbers], [1, numbers.map(() => compiled[0])]);
    deepStrictEqual((await readdir(folder)).length, 1, "no lock stays");
  }));

Deno.test("where there are no locks, the program that was written first is everyone's", () =>
  inFolder(async (folder) => {
    const { tryLock } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.tryLock = () => Promise.reject(new Error("no locks"));
    try {
      const { promise, resolve } = Promise.withResolvers<void>();
      const compiled: number[] = [];
      const slow = numbered(folder, 1, promise, compiled)();
      while (compiled.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      deepStrictEqual(await numbered(folder, 2, Promise.resolve())(), 2);
      resolve();
      deepStrictEqual(await slow, 2);
    } finally {
      Deno.FsFile.prototype.tryLock = tryLock;
    }
  }));

Deno.test("a program is compiled again where XLA_FLAGS differ", () =>
  inFolder(async (folder) => {
    const cache = new ProgramCache(folder);
    const program = { executable: { serialize: () => Uint8Array.of(1) } } as unknown as LoadedExecutable;
    const compile = (flags: string) =>
      withEnvironment({ XLA_FLAGS: flags }, async () => {
        await cache.compile(compiling(program), "text", settings);
        return (await readdir(folder)).length;
      });
    deepStrictEqual(await compile(""), 1);
    deepStrictEqual(await compile("--xla_gpu_enable_triton_gemm=true"), 2);
  }));

Deno.test("a program's key has the versions of cuDNN, cuBLAS and the driver", () => {
  const key = (libraries: CudaLibraries) => keyOf(compiling({}), "text", settings, libraries);
  const known = { cudnn: 92601, cublas: 130100, driver: 13000 };
  const keys = [
    known,
    { ...known, cudnn: 92602 },
    { ...known, cublas: 130200 },
    { ...known, driver: 13010 },
    {},
  ];
  deepStrictEqual(new Set(keys.map(key)).size, keys.length);
  deepStrictEqual(key(known), key({ ...known }));
});
