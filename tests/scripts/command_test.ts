import assert from "node:assert/strict";
import { Command } from "commander";
import { InputError } from "../../lib/errors.ts";
import { runCommand } from "../../scripts/command.ts";

async function run(action: () => void, ...args: string[]): Promise<{ code: number; error: string }> {
  const error: string[] = [];
  const command = new Command("example").option("--one").option("--two <N>").action(action);
  const code = await runCommand(command, args, { out: () => {}, error: (text) => error.push(text) });
  return { code, error: error.join("\n") };
}

Deno.test("success is code 0", async () => {
  assert.deepEqual(await run(() => {}, "--one"), { code: 0, error: "" });
});

Deno.test("a user's mistake is its sentence alone, with code 1", async () => {
  const mistake = () => {
    throw new InputError("Cannot read a.csv as it is empty");
  };
  assert.deepEqual(await run(mistake), { code: 1, error: "Cannot read a.csv as it is empty" });
});

Deno.test("any other error comes with its trace, with code 1", async () => {
  const { code, error } = await run(() => {
    throw new RangeError("out of range");
  });
  assert.equal(code, 1);
  assert.match(error, /^RangeError: out of range\n +at /);
});

Deno.test("unknown options and arguments too many are one sentence", async () => {
  const message = "Unknown option --three: expected one of --one, --two, or --help to see what they do";
  assert.deepEqual(await run(() => {}, "--three"), { code: 1, error: message });
  const { code, error } = await run(() => {}, "word");
  assert.equal(code, 1);
  assert.equal(error.split("\n").length, 1);
  assert.match(error, /^Too many arguments/);
});
