/** Parts that all commands share: how they end, and how they say that something was wrong. */
import { type Command, CommanderError } from "commander";
import { statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
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
export function standWhereUserStood(): void {
  const folder = userFolder();
  if (folder !== undefined) Deno.chdir(folder);
}

/** Reads a path of an option of a command that stays in this repository: a relative one begins where the user stood. */
export function userPath(path: string): string {
  const folder = userFolder();
  return folder === undefined || isAbsolute(path) ? path : join(folder, path);
}

/** Reads a model of an option as {@linkcode userPath} does, if it is a folder there; else it is a name. */
export function userModel(model: string): string {
  const path = userPath(model);
  return isFolder(path) ? path : model;
}

/** Returns the folder that the user of `deno task` stood in; undefined if that is the repository, or there is no task. */
function userFolder(): string | undefined {
  const folder = Deno.env.get("INIT_CWD");
  const root = Deno.cwd();
  const isTask = root === resolve(import.meta.dirname!, "..");
  return folder && isTask && resolve(folder) !== root && isFolder(folder) ? folder : undefined;
}

/** Tells whether there is a folder. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // there is nothing, or it cannot be seen
  }
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
