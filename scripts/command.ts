/** Parts that all commands share: how they end, and how they say that something was wrong. */
import { type Command, CommanderError } from "commander";
import { InputError } from "../lib/errors.ts";

/** The output of a command: results to `out`, everything else to `error`. */
export interface Output {
  /** Writes text and a line end to standard output. */
  out(text: string): void;
  /** Writes text and a line end to standard error. */
  error(text: string): void;
}

/** Standard output and standard error. */
export const standardOutput: Output = { out: console.log, error: console.error };

/**
 * Runs a command and returns its exit code: 0 only on success. A user's mistake is one sentence on standard error, any
 * other error comes with its trace.
 */
export async function runCommand(
  command: Command,
  args: readonly string[],
  output: Output = standardOutput,
): Promise<number> {
  command.exitOverride().configureOutput({
    writeOut: (text) => output.out(text.trimEnd()),
    writeErr: () => {}, // said below, in one sentence
  });
  try {
    await command.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    output.error(sentence(command, error));
    return 1;
  }
}

function sentence(command: Command, error: unknown): string {
  if (error instanceof InputError) return error.message;
  if (!(error instanceof CommanderError)) {
    return error instanceof Error ? error.stack ?? error.message : `${error}`;
  }
  const given = /'(.*?)'/.exec(error.message)?.[1];
  if (error.code === "commander.unknownOption") {
    const options = command.options.map((option) => option.long).join(", ");
    return `Unknown option ${given}: expected one of ${options}, or --help to see what they do`;
  }
  const text = error.message.replace(/^error: /, "").replaceAll(/\s+/g, " ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}; --help shows what is expected`;
}
