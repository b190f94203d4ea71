/** What a record says of where a run came from: versions, commit, machine, memory. */
import { execFile } from "node:child_process";
import { cpus, totalmem } from "node:os";
import manifest from "../../deno.json" with { type: "json" };
import type { MachineRecord } from "./records.ts";

/** Versions of Deno, of this library and of the packages that compute, as pinned in deno.json. */
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
 * The commit of this library's source tree when it was first asked for, with "-dirty" if tracked files had changed;
 * undefined where the source is not in a git repository, there is no git, or it may not be run.
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

/** The machine, without names that identify it. */
export function machine(): MachineRecord {
  const processors = cpus();
  return {
    os: Deno.build.os,
    arch: Deno.build.arch,
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
  };
}

/** Watches the process's resident memory until it is stopped. */
export class MemoryWatch {
  #peak = Deno.memoryUsage().rss;
  readonly #timer: ReturnType<typeof setInterval>;

  /** Looks once every so many milliseconds. */
  constructor(interval = 200) {
    this.#timer = setInterval(() => this.#look(), interval);
  }

  #look(): void {
    this.#peak = Math.max(this.#peak, Deno.memoryUsage().rss);
  }

  /** Stops and returns the largest resident set seen, in bytes. */
  stop(): number {
    clearInterval(this.#timer);
    this.#look();
    return this.#peak;
  }
}
