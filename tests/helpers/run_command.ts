/** Commands in a test's own process. */
import type { Command } from "commander";
import { type Output, runCommand } from "../../scripts/command.ts";

/** The result of a command. */
export interface CommandResult {
  readonly code: number;
  /** Text on standard output, without the end. */
  readonly out: string;
  /** Text on standard error. */
  readonly error: string;
}

/** Runs a command with these arguments. */
export async function runInTest(
  make: (output: Output) => Command,
  ...args: readonly string[]
): Promise<CommandResult> {
  const out: string[] = [];
  const error: string[] = [];
  const output = { out: (text: string) => out.push(text), error: (text: string) => error.push(text) };
  const code = await runCommand(make(output), args, output);
  return { code, out: out.join("\n"), error: error.join("\n") };
}
