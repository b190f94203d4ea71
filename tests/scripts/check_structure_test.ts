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
    importsOf(source).map(({ target, names, typesOnly }) => [target, names.join(), typesOnly]),
    [
      ["lib/bert/b.ts", "one,Two,three", false],
      ["lib/c.ts", "Five", true],
      ["lib/bert/d.ts", "default,seven", false],
      ["lib/bert/e.ts", "ten,eleven", false],
      ["lib/bert/i.ts", "*", false],
      ["lib/bert/f.ts", "*", false],
      ["lib/bert/g.ts", "eight", false],
      ["lib/bert/h.ts", "*", false],
      ["deno.json", "default", false],
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

Deno.test("an import cycle is found, one of types alone is not", () => {
  const cycle = (second: string) => [
    file("lib/bert/a.ts", 'import { b } from "./b.ts";', "export const a = b;"),
    file("lib/bert/b.ts", second, "export const b = 1;"),
  ];
  assert.deepEqual(findings(cycle('import { a } from "./a.ts";')), [
    "Import cycle: lib/bert/a.ts → lib/bert/b.ts → lib/bert/a.ts",
  ]);
  assert.deepEqual(findings(cycle('import type { a } from "./a.ts";')), []);
});

Deno.test("a layer that reaches up or sideways is found", () => {
  const used = (path: string) => file(path, "export const x = 1;");
  const imports = (path: string, from: string) => file(path, `import { x } from "${from}";`);
  const found = (from: string, to: string, specifier: string) =>
    findings([used(to), imports(from, specifier)]);
  assert.deepEqual(found("lib/data/a.ts", "lib/long_text.ts", "../long_text.ts"), [
    "lib/data/a.ts imports lib/long_text.ts: the folders of lib/ do not know the modules above them",
  ]);
  assert.deepEqual(found("lib/engine/a.ts", "lib/bert/b.ts", "../bert/b.ts"), [
    "lib/engine/a.ts imports lib/bert/b.ts: engines know nothing of BERT",
  ]);
  assert.deepEqual(found("lib/bert/a.ts", "lib/engine/onnx.ts", "../engine/onnx.ts"), [
    "lib/bert/a.ts imports lib/engine/onnx.ts: BERT knows nothing of engines",
  ]);
  assert.deepEqual(found("lib/a.ts", "scripts/b.ts", "../scripts/b.ts"), [
    "lib/a.ts imports scripts/b.ts: lib/ stands by itself",
  ]);
  assert.deepEqual(found("lib/bert/a.ts", "lib/engine/engine.ts", "../engine/engine.ts"), []);
  assert.deepEqual(found("lib/data/a.ts", "lib/errors.ts", "../errors.ts"), []);
  assert.deepEqual(found("lib/long_text.ts", "lib/data/a.ts", "./data/a.ts"), []);
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
