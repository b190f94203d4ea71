/** The code of a package is checked before it runs. */
import assert from "node:assert/strict";
import { runPackage } from "../../lib/engine/package_code.ts";
import { InputError } from "../../lib/errors.ts";

/** A package that deno.json pins, so that it is in the cache; one of its files asks for another. */
const commander = { name: "commander", version: "14.0.2", megabytes: 1, entries: ["lib/argument.js"] };

Deno.test("other code than what is pinned is refused, and what is pinned runs with the files that it asks for", async () => {
  let sha256 = "";
  await assert.rejects(runPackage({ ...commander, sha256: "0".repeat(64) }), (error) => {
    assert.ok(error instanceof InputError);
    const found =
      /^Cannot use the npm package commander 14\.0\.2 in .* should be 0{64} and is ([0-9a-f]{64}); remove/;
    sha256 = found.exec(error.message)![1]!;
    return true;
  });
  const [exports] = await runPackage({ ...commander, sha256 });
  const { Argument } = exports as { Argument: new (name: string) => { choices(of: string[]): unknown } };
  assert.equal(Object.hasOwn(new Argument("<one>"), "required"), true);
});

Deno.test("a module that is not given is told by name", async () => {
  const command = { ...commander, entries: ["lib/command.js"] };
  let sha256 = "";
  await assert.rejects(runPackage({ ...command, sha256: "" }), (error) => {
    sha256 = / and is ([0-9a-f]{64});/.exec((error as Error).message)![1]!;
    return true;
  });
  await assert.rejects(runPackage({ ...command, sha256 }), /asks for node:events, which is not given to it/);
});
