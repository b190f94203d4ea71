import assert from "node:assert/strict";
import { Command } from "commander";
import { InputError } from "../../lib/errors.ts";
import { runCommand, standardOutput } from "../../scripts/command.ts";

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

Deno.test("control characters of files are escaped, passwords in addresses left out, long messages cut", async () => {
  const start = "Cannot use \x1b[2J\r\n\x9b31m\u202eevil\0 from https://user:pa@ss@host/a: ";
  for (const kind of [InputError, RangeError]) {
    const { error } = await run(() => {
      throw new kind(`${start}${"x".repeat(2000)}; do this`);
    });
    const [message] = error.split("\n");
    assert.ok(message!.length <= 500, message!);
    assert.doesNotMatch(message!, /[\p{Cc}\u202e]|user|ss@/u);
    assert.match(message!, /Cannot use \\u001b\[2J.*https:\/\/host\/a.*….*; do this$/);
  }
  const { error } = await run(() => {}, "--\x1b[2J\n");
  assert.doesNotMatch(error, /\p{Cc}/u);
});

Deno.test("standard output and standard error get no control characters", () => {
  const { log, error } = console;
  const lines: string[] = [];
  console.log = console.error = (line: string) => void lines.push(line);
  try {
    standardOutput.out("label \x1b[31m\u202e\r!\n\tsecond");
    standardOutput.error("label \x9b31m\x07, https://user:pw@host");
  } finally {
    Object.assign(console, { log, error });
  }
  assert.deepEqual(lines, [
    "label \\u001b[31m\\u202e\\r!\n\tsecond",
    "label \\u009b31m\\u0007, https://host",
  ]);
});
