/** The origin of a run for its record: versions, commit, machine, memory. */
import { execFile } from "node:child_process";
import { cpus, totalmem } from "node:os";
import manifest from "../../deno.json" with { type: "json" };
import type { MachineRecord } from "./records.ts";

/** Returns the versions of Deno, of this library, and of tfjs and ONNX Runtime as pinned in deno.json. */
export function versions(): Record<string, string> {
  const pinned = (specifier: string) => specifier.slice(specifier.lastIndexOf("@") + 1);
  return {
    deno: Deno.version.deno,
    bertlab: manifest.version,
    tfjs: pinned(manifest.imports["@tensorflow/tfjs"]),
    onnxruntime: pinned(manifest.imports["onnxruntime-node"]),
  };
}

let found: Promise<string | undefined> | undefined;

/**
 * Returns the commit of this library's source tree at the first call, with "-dirty" if tracked files had changed;
 * undefined if the source is not in a git repository, there is no git, or it may not be run.
 */
export function commit(): Promise<string | undefined> {
  return found ??= describe();
}

function describe(): Promise<string | undefined> {
  const folder = import.meta.dirname;
  if (folder === undefined) return Promise.resolve(undefined);
  const command = ["-C", folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
  return new Promise((resolve) => {
    try {
      execFile("git", command, (error, output) => resolve(error ? undefined : output.trim()));
    } catch {
      resolve(undefined); // no permission to run git
    }
  });
}

/** Describes the machine, without names that identify it. */
export function machine(): MachineRecord {
  const processors = cpus();
  return {
    os: Deno.build.os,
    arch: Deno.build.arch,
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: Math.min(processors.length, navigator.hardwareConcurrency),
    memoryBytes: totalmem(),
  };
}

/** A watch on the process's resident memory, from its making until `stop`. */
export class MemoryWatch {
  #peak = Deno.memoryUsage().rss;
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param interval Milliseconds between two looks. */
  constructor(interval = 200) {
    this.#timer = setInterval(() => this.#look(), interval);
  }

  #look(): void {
    this.#peak = Math.max(this.#peak, Deno.memoryUsage().rss);
  }

  /** Stops the watch and returns the largest resident set seen, in bytes. */
  stop(): number {
    clearInterval(this.#timer);
    this.#look();
    return this.#peak;
  }
}
