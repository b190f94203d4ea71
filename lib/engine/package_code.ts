/**
 * The code of an npm package that is an engine's, run on this library's own tfjs. It is fetched when the engine is first
 * used: in deno.json every command of a clean clone would fetch it, with all packages that it names and does not need
 * here. Its code is checked before it runs.
 */
import * as tf from "@tensorflow/tfjs";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError } from "../errors.ts";
import { type DataPackage, packageFolder } from "../storage/packages.ts";

/** A pinned npm package and the part of it that is run. */
export interface CodePackage extends DataPackage {
  /** Files that are run, in this order; they are CommonJS and may take others of the package. */
  readonly entries: readonly string[];
  /** The sha256 of these and of all files that they take, each after the one that names it first. */
  readonly sha256: string;
}

/** What a file gives to others. */
type Exports = Record<string, unknown>;

/** A file: its code, and the files that it takes by their names in it. */
interface CodeFile {
  readonly code: string;
  readonly takes: ReadonlyMap<string, string>;
  exports?: Exports;
}

/**
 * Runs a package's entries.
 *
 * @param given modules by the names that the package's files ask for, besides tfjs
 * @returns what the entries give
 * @throws InputError if the package cannot be fetched, or holds other code.
 */
export async function runPackage(
  { entries, sha256, ...wanted }: CodePackage,
  given: Readonly<Record<string, Exports>> = {},
): Promise<Exports[]> {
  const folder = await packageFolder(wanted, (note) => console.error(note));
  const modules: Readonly<Record<string, unknown>> = {
    "@tensorflow/tfjs": tf,
    "@tensorflow/tfjs-core": tf,
    ...given,
  };
  const files = new Map<string, CodeFile>();
  for (const entry of entries) await gather(join(folder, entry), files, modules);
  const hash = createHash("sha256");
  for (const { code } of files.values()) hash.update(code);
  const found = hash.digest("hex");
  if (found !== sha256) {
    throw new InputError(
      `Cannot use the npm package ${wanted.name} ${wanted.version} in ${folder}: the sha256 of its code should be ` +
        `${sha256} and is ${found}; remove this folder, and it is fetched again`,
    );
  }
  return entries.map((entry) => run(join(folder, entry), files, modules));
}

/** Reads a file and those that it takes. */
async function gather(
  path: string,
  files: Map<string, CodeFile>,
  modules: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (files.has(path)) return;
  const code = await readFile(path, "utf8");
  const takes = new Map<string, string>();
  files.set(path, { code, takes });
  for (const [, name] of code.matchAll(/\brequire\(["'](\.[^"']+)["']\)/g)) {
    if (name! in modules) continue;
    const target = join(dirname(path), name!.endsWith(".js") ? name! : `${name}.js`);
    takes.set(name!, target);
    await gather(target, files, modules);
  }
}

function run(
  path: string,
  files: ReadonlyMap<string, CodeFile>,
  modules: Readonly<Record<string, unknown>>,
): Exports {
  const file = files.get(path)!;
  if (file.exports) return file.exports;
  const module = { exports: file.exports = {} };
  const require = (name: string) => {
    if (name in modules) return modules[name];
    const target = file.takes.get(name);
    if (target === undefined) throw new TypeError(`${path} asks for ${name}, which is not given to it`);
    return run(target, files, modules);
  };
  new Function("require", "module", "exports", `${file.code}\n//# sourceURL=${path}`)(
    require,
    module,
    module.exports,
  );
  return file.exports = module.exports;
}
