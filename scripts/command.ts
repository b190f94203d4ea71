/** Parts that all commands share: how they end, and how they say that something was wrong. */
import { type Command, CommanderError } from "commander";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { InputError } from "../lib/errors.ts";
import { oneLine, printable, shortMessage, withoutUser } from "../lib/printable.ts";
import { listenForSignals, Stopped } from "./stopping.ts";

/** The output of a command: results to `out`, everything else to `error`. */
export interface Output {
  /** Writes text and a line end to standard output. */
  out(text: string): void;
  /** Writes text and a line end to standard error. */
  error(text: string): void;
}

/** Standard output and standard error, which get no control characters of files, such as those in labels. */
export const standardOutput: Output = {
  out: (text) => console.log(printable(text)),
  error: (text) => console.error(printable(withoutUser(text))),
};

/**
 * Goes back to the folder that the user stood in, so that relative paths are looked up there: `deno task` goes to this
 * repository first, and leaves the user's folder in INIT_CWD.
 */
export async function standWhereUserStood(): Promise<void> {
  const folder = Deno.env.get("INIT_CWD");
  const isTask = Deno.cwd() === resolve(import.meta.dirname!, "..");
  if (folder && isTask && (await stat(folder).catch(() => undefined))?.isDirectory()) Deno.chdir(folder);
}

/** Runs the command of this process, stops it at a signal, and ends the process. */
export async function runMain(command: Command, args: readonly string[] = Deno.args): Promise<never> {
  listenForSignals();
  Deno.exit(await runCommand(command, args));
}

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
    output.error(said(command, error));
    return error instanceof Stopped ? error.code : 1;
  }
}

/** Returns the text about an error: a sentence of at most 500 characters, and the trace of one that is no mistake. */
function said(command: Command, error: unknown): string {
  if (error instanceof InputError || error instanceof CommanderError) {
    return shortMessage(oneLine(error instanceof InputError ? error.message : sentence(command, error)));
  }
  const { name, message, stack = "" } = error instanceof Error ? error : new Error(`${error}`);
  const trace = stack.split("\n").filter((line) => /^ +at /.test(line));
  return [shortMessage(oneLine(withoutUser(`${name}: ${message}`))), ...trace].join("\n");
}

function sentence(command: Command, error: CommanderError): string {
  const given = /'(.*?)'/.exec(error.message)?.[1];
  if (error.code === "commander.unknownOption") {
    const options = command.options.map((option) => option.long).join(", ");
    return `Unknown option ${given}: expected one of ${options}, or --help to see what they do`;
  }
  const text = error.message.replace(/^error: /, "").replaceAll(/\s+/g, " ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}; --help shows what is expected`;
}
