/**
 * Part of the gate: what a compiler does not see. No import against the order of the floors, no import cycle, no export
 * that nobody uses, no file over 400 lines; imports of types count. Prints each finding on a line and exits with code 1
 * if there is one.
 */
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";

/** A source file: its path from the root with "/" between parts, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/**
 * The repository's folders as the floors of a house, from the ground up; those of one floor do not know each other. The
 * one rule: a file imports from its own folder and from floors below it, nothing else.
 */
export const floors: readonly (readonly string[])[] = [
  ["."], // deno.json
  ["lib"], // errors, random numbers, tensors
  ["lib/storage"],
  ["lib/tables"],
  ["lib/text"],
  ["lib/graph"],
  ["lib/bert", "lib/engine"],
  ["lib/data"],
  ["lib/results"],
  ["lib/training"],
  ["lib/paper"],
  ["lib/classifier"],
  ["lib/runs"],
  ["lib/search"],
  ["lib/report", "lib/notebook"],
  ["lib/page"],
  ["mod.ts"],
  ["experiments"],
  ["benchmarks"],
  ["scripts"],
  ["tests"],
];
const longest = 400;

/** Imports and re-exports of other files, as paths from the root, with the names that are taken. */
export function importsOf({ path, text }: SourceFile): { target: string; names: string[] }[] {
  const statements = text.matchAll(
    /^(?:import|export)\s+(?:type\s+)?([^;"]*?)\s*from\s+"(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"\s*\)|^import\s+"(\.[^"]+)"/gm,
  );
  return Array.from(statements, ([, clause = "", from, dynamic, bare]) => {
    const names = [...clause.matchAll(/(?:^|[{,])\s*(?:type\s+)?(\*|\w+)/g)].map((match) => match[1]!);
    const space = /^\* as (\w+)$/.exec(clause)?.[1];
    return {
      target: normalize(join(dirname(path), (from ?? dynamic ?? bare)!)).replaceAll("\\", "/"),
      // `import x from` takes the default export, `export *` and `import()` may take any
      names: clause.startsWith("{")
        ? names
        : /^\w/.test(clause)
        ? ["default", ...names.slice(1)]
        : space && membersOf(space, text) || ["*"],
    };
  });
}

/** Lists what a file takes of a namespace; undefined where the namespace itself is given away: it may take any. */
function membersOf(space: string, text: string): string[] | undefined {
  if (new RegExp(`[({[,]\\s*(\\.\\.\\.)?${space}\\s*[,)}\\]]`).test(text)) return undefined;
  return Array.from(text.matchAll(new RegExp(`\\b${space}\\.(\\w+)`, "g")), (match) => match[1]!);
}

/** Names that a file exports itself. */
export function exportsOf({ text }: SourceFile): string[] {
  const declared = text.matchAll(
    /^export\s+(?:declare\s+)?(?:async\s+)?(?:abstract\s+)?(?:const|let|function\*?|class|interface|type|enum)\s+(\w+)/gm,
  );
  return [
    ...Array.from(declared, (match) => match[1]!),
    ...(/^export default\b/m.test(text) ? ["default"] : []),
  ];
}

/** All findings, one sentence each. */
export function findings(files: readonly SourceFile[]): string[] {
  return [...cycles(files), ...layering(files), ...deadExports(files), ...longFiles(files)];
}

/** Cycles of imports, of types too. */
function cycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(files.map((file) => [file.path, importsOf(file).map(({ target }) => target)]));
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: string[]) => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push(`Import cycle: ${[...trail.slice(start), path].join(" → ")}`);
    if (start >= 0 || done.has(path)) return;
    for (const target of edges.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

/** The one rule of {@linkcode floors}. */
function layering(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    importsOf(file).flatMap(({ target }) => {
      const [from, to] = [placeOf(file.path), placeOf(target)];
      if (from.folder === to.folder || to.floor < from.floor) return [];
      return [
        `${file.path} imports ${target}: ${to.folder} is not below ${from.folder} in the list of floors`,
      ];
    })
  );
}

/** The folder of {@linkcode floors} that a file belongs to: the longest whose name its path begins with. */
function placeOf(path: string): { folder: string; floor: number } {
  const folders = floors.flatMap((folders, floor) => folders.map((folder) => ({ folder, floor })));
  const holds = (folder: string) => path === folder || path.startsWith(`${folder}/`);
  const own = path.includes("/") || path === "mod.ts"
    ? folders.filter(({ folder }) => holds(folder))
    : [folders[0]!];
  const longest = own.sort((a, b) => b.folder.length - a.folder.length)[0];
  if (!longest) {
    throw new Error(`${path} is in no folder of the list "floors": give its folder a place there`);
  }
  return longest;
}

/** Exports that no other file imports. */
function deadExports(files: readonly SourceFile[]): string[] {
  const used = new Map<string, Set<string>>();
  for (const { target, names } of files.flatMap(importsOf)) {
    used.set(target, new Set([...used.get(target) ?? [], ...names]));
  }
  return files.filter(({ path }) => path.startsWith("lib/") || path.startsWith("experiments/")).flatMap(
    (file) => {
      const names = used.get(file.path);
      if (names?.has("*")) return [];
      return exportsOf(file).filter((name) => !names?.has(name) && !inPublicSignature(file, name))
        .map((name) => `${file.path} exports ${name}, which nobody imports`);
    },
  );
}

/** Tells whether an exported type belongs to another export's signature: documentation needs it to be public. */
function inPublicSignature({ text }: SourceFile, name: string): boolean {
  const isType = new RegExp(`^export\\s+(?:interface|type)\\s+${name}\\b`, "m").test(text);
  return isType && text.match(new RegExp(`\\b${name}\\b`, "g"))!.length > 1;
}

function longFiles(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.split("\n").length - 1;
    return lines > longest ? [`${path} has ${lines} lines: expected at most ${longest}`] : [];
  });
}

async function sourceFiles(root: string): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for (const folder of ["lib", "experiments", "scripts", "benchmarks", "tests"]) {
    const names = (await readdir(join(root, folder), { recursive: true })).filter((name) =>
      name.endsWith(".ts")
    );
    for (const name of names.sort()) {
      const path = `${folder}/${name.replaceAll("\\", "/")}`;
      files.push({ path, text: await readFile(join(root, path), "utf8") });
    }
  }
  files.push({ path: "mod.ts", text: await readFile(join(root, "mod.ts"), "utf8") });
  return files;
}

if (import.meta.main) {
  const files = await sourceFiles(join(import.meta.dirname!, ".."));
  const found = findings(files);
  for (const finding of found) console.error(finding);
  console.log(`${files.length} files, ${found.length} findings about their structure`);
  Deno.exit(found.length === 0 ? 0 : 1);
}
