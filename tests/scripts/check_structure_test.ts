import assert from "node:assert/strict";
import { exportsOf, findings, importsOf } from "../../scripts/check_structure.ts";

const file = (path: string, ...lines: string[]) => ({ path, text: lines.join("\n") + "\n" });

Deno.test("imports are found in all their forms", () => {
  const source = file(
    "lib/bert/a.ts",
    'import { one, type Two, three as four } from "./b.ts";',
    'import type { Five } from "../c.ts";',
    'import six, { seven } from "./d.ts";',
    'import * as all from "./e.ts";',
    'import * as passed from "./i.ts";',
    'export * from "./f.ts";',
    "import {",
    "  eight,",
    '} from "./g.ts";',
    'const nine = await import("./h.ts");',
    'import { ok } from "node:assert";',
    "all.ten(all.eleven, Object.values(passed), passed.twelve);",
    'import json from "../../deno.json" with { type: "json" };',
  );
  assert.deepEqual(
    importsOf(source).map(({ target, names }) => [target, names.join()]),
    [
      ["lib/bert/b.ts", "one,Two,three"],
      ["lib/c.ts", "Five"],
      ["lib/bert/d.ts", "default,seven"],
      ["lib/bert/e.ts", "ten,eleven"],
      ["lib/bert/i.ts", "*"],
      ["lib/bert/f.ts", "*"],
      ["lib/bert/g.ts", "eight"],
      ["lib/bert/h.ts", "*"],
      ["deno.json", "default"],
    ],
  );
});

Deno.test("exports are found in all their forms", () => {
  const source = file(
    "lib/a.ts",
    "export const a = 1;",
    "export async function b() {}",
    "export abstract class C {}",
    "export interface D {}",
    "export type E = 1;",
    "export default a;",
    "const hidden = 1;",
  );
  assert.deepEqual(exportsOf(source), ["a", "b", "C", "D", "E", "default"]);
});

Deno.test("an import cycle is found, also one of types", () => {
  const cycle = (second: string) => [
    file("lib/bert/a.ts", 'import { b } from "./b.ts";', "export const a = b;"),
    file("lib/bert/b.ts", second, "export const b = 1;"),
  ];
  for (const second of ['import { a } from "./a.ts";', 'import type { a } from "./a.ts";']) {
    assert.deepEqual(findings(cycle(second)), [
      "Import cycle: lib/bert/a.ts → lib/bert/b.ts → lib/bert/a.ts",
    ]);
  }
});

Deno.test("an import against the order of the floors is found, also of a type", () => {
  const found = (from: string, to: string, specifier: string, keyword = "import") =>
    findings([
      file(to, "export const x = 1;"),
      file(from, `${keyword} { x } from "${specifier}";`),
    ]);
  for (const keyword of ["import", "import type", "export", "export type"]) {
    assert.deepEqual(found("lib/graph/a.ts", "lib/paper/layers.ts", "../paper/layers.ts", keyword), [
      "lib/graph/a.ts imports lib/paper/layers.ts: lib/paper is not below lib/graph in the list of floors",
    ]);
  }
  const refused = (from: string, to: string, specifier: string) => found(from, to, specifier).length === 1;
  assert(refused("lib/engine/a.ts", "lib/bert/b.ts", "../bert/b.ts"), "engines know nothing of BERT");
  assert(refused("lib/bert/a.ts", "lib/engine/b.ts", "../engine/b.ts"), "BERT knows nothing of engines");
  assert(refused("lib/a.ts", "scripts/b.ts", "../scripts/b.ts"), "lib/ stands by itself");
  assert(refused("lib/a.ts", "lib/storage/b.ts", "./storage/b.ts"), "lib's own files know no folder of it");
  assert(refused("scripts/a.ts", "tests/b.ts", "../tests/b.ts"), "commands do not use tests");
  assert.deepEqual(found("lib/data/a.ts", "lib/errors.ts", "../errors.ts"), []);
  assert.deepEqual(found("lib/paper/long_text.ts", "lib/data/a.ts", "../data/a.ts"), []);
  assert.deepEqual(found("lib/graph/onnx/a.ts", "lib/graph/b.ts", "../b.ts"), []);
  assert.throws(
    () => findings([file("stray/a.ts", 'import "../lib/a.ts";')]),
    /stray\/a\.ts is in no folder/,
  );
});

Deno.test("an export that nobody imports is found, a type in another export's signature is not", () => {
  const library = file(
    "lib/a.ts",
    "export const used = 1;",
    "export const unused = 2;",
    "export interface Options {}",
    "export const make = (options: Options) => options;",
  );
  const user = file("mod.ts", 'export { make, used } from "./lib/a.ts";');
  const namesake = file("mod.ts", 'import * as a from "./lib/a.ts";', "a.make(a.used);");
  for (const each of [user, namesake]) {
    assert.deepEqual(findings([library, each]), ["lib/a.ts exports unused, which nobody imports"]);
  }
});

Deno.test("a file of more than 400 lines is found", () => {
  const long = (lines: number) => file("lib/a.ts", ...Array<string>(lines).fill("// a line"));
  assert.deepEqual(findings([long(400)]), []);
  assert.deepEqual(findings([long(401)]), ["lib/a.ts has 401 lines: expected at most 400"]);
});
