/** Compiled programs on disk: a step is compiled once for a plugin and a kind of device, and read from then on. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { arch, cpus } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { withLockIfFree } from "../../storage/file_lock.ts";
import { writeWhole } from "../../storage/whole_file.ts";
import type { Overrides } from "./compile_options.ts";
import { type CudaLibraries, cudaLibraries } from "./cuda_libraries.ts";
import { InputError } from "../../errors.ts";
import type { LoadedExecutable } from "./executable.ts";
import type { OpenPlugin } from "./open.ts";

/** Days without use after which a program is deleted. */
const keptDays = 30;

/** Settings for compiling a module. */
export interface CompileSettings {
  readonly replicas: number;
  readonly overrides: Overrides;
}

/** A folder of compiled programs. */
export class ProgramCache {
  /** @param folder Made when the first program is written; false keeps nothing. */
  constructor(readonly folder: string | false) {}

  /**
   * Returns a module's program: read from disk, or compiled and written. Of processes that want the same one at once
   * one compiles, and all get its program: two that were compiled apart need not compute the same bits.
   */
  async compile(opened: OpenPlugin, text: string, settings: CompileSettings): Promise<LoadedExecutable> {
    const { folder } = this;
    if (folder === false) return await opened.client.compile(text, settings);
    const path = join(folder, `${keyOf(opened, text, settings)}.program`);
    const make = async () => {
      const kept = await this.#load(opened, path); // by the process that had the lock before
      if (kept) return kept;
      const program = await opened.client.compile(text, settings);
      const first = await this.#load(opened, path); // where there are no locks, another may have been faster
      if (first) {
        program.dispose();
        return first;
      }
      await this.#write(folder, path, program).catch((error) => {
        // A full or read-only disk, or a plugin that cannot serialize programs.
        if (!(error instanceof InputError) && error.code === undefined) throw error;
      });
      return program;
    };
    return await this.#load(opened, path) ?? await withLockIfFree(`${path}.lock`, make, () => {});
  }

  /** Loads a program from disk; undefined if there is none that can be loaded. */
  async #load(opened: OpenPlugin, path: string): Promise<LoadedExecutable | undefined> {
    const bytes = await this.#read(path);
    if (!bytes) return undefined;
    try {
      return opened.client.load(bytes);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return undefined; // it is compiled again
    }
  }

  /** Reads a program's bytes; undefined if there are none or their checksum differs. */
  async #read(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const file = await readFile(path).catch(() => undefined);
    if (!file) return undefined;
    const bytes = Uint8Array.from(file.subarray(32));
    if (!file.subarray(0, 32).equals(sha256(bytes))) return undefined;
    await utimes(path, new Date(), new Date()).catch(() => {}); // used today
    return bytes;
  }

  async #write(folder: string, path: string, program: LoadedExecutable): Promise<void> {
    const bytes = program.executable.serialize();
    await mkdir(folder, { recursive: true });
    await writeWhole(path, [sha256(bytes), bytes]);
    for (const name of (await readdir(folder)).filter((name) => name.endsWith(".program"))) {
      const other = join(folder, name);
      const used = (await stat(other).catch(() => undefined))?.mtimeMs ?? Infinity;
      if (Date.now() - used > keptDays * 86_400_000) await rm(other, { force: true });
    }
  }
}

/**
 * Returns a hash of all that a compiled program depends on. CPU programs use the processor's instructions, GPU programs
 * the algorithms that cuDNN and cuBLAS of this version have for this driver, and XLA_FLAGS changes any.
 */
export function keyOf(
  { plugin, client }: OpenPlugin,
  text: string,
  settings: CompileSettings,
  libraries: CudaLibraries = cudaLibraries(plugin),
): string {
  const key = {
    text,
    ...settings,
    api: plugin.api.version,
    attributes: [...plugin.attributes],
    platform: [client.platform, client.platformVersion],
    devices: client.devices.map(({ kind }) => kind),
    processor: [arch(), cpus()[0]?.model],
    libraries,
    flags: process.env.XLA_FLAGS ?? "",
  };
  return createHash("sha256").update(JSON.stringify(key)).digest("hex");
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
