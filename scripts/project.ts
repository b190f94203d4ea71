/** Files and commands of this project, from a clone, or from a pack (scripts/pack), where all commands are one file. */
import { basename, dirname, join } from "node:path";

/** Returns the path of a file of the project; the one file of a pack lies in the folder of this one. */
export function projectFile(...parts: readonly string[]): string {
  return join(import.meta.dirname!, "..", ...parts);
}

/** True in a clone, false in a pack. */
const inClone = basename(import.meta.filename!) === "project.ts";

/** Returns Deno's arguments that run a command of the project in a process of its own. */
export function ownCommand(name: string): string[] {
  const here = import.meta.filename!;
  const allowed = ["read", "write", "env", "sys", "ffi", "net", "run"].map((kind) => `--allow-${kind}`);
  const program = inClone ? [join(dirname(here), `${name}.ts`)] : [here, name];
  return ["run", "--quiet", "--no-prompt", ...allowed, ...program];
}

/** Returns the words that run a command of the project from a shell; a pack's start script sets its variables. */
export function shellCommand(name: string): string[] {
  return inClone ? [Deno.execPath(), ...ownCommand(name)] : [projectFile("bertlab"), name];
}
