/** The program of a pack: its commands in one file. The first argument names the command. */
import type { Command } from "commander";
import { InputError } from "../../lib/errors.ts";
import { benchCommand } from "../bench.ts";
import { type Output, runMain, standardOutput } from "../command.ts";
import { enginesCommand } from "../engines.ts";
import { evaluateCommand } from "../evaluate.ts";
import { predictCommand } from "../predict.ts";
import { ownParts, reproduceCommand } from "../reproduce.ts";
import { trainCommand } from "../train.ts";

const commands: Readonly<Record<string, (output: Output) => Command>> = {
  train: trainCommand,
  predict: predictCommand,
  evaluate: evaluateCommand,
  reproduce: (output) => reproduceCommand(ownParts(output)),
  engines: enginesCommand,
  bench: (output) => benchCommand(output, "bench.jsonl"),
};

/** Returns the command that is asked for. @throws InputError if there is none of this name. */
function commandOf(name: string | undefined): Command {
  const make = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (make) return make(standardOutput);
  throw new InputError(
    `Cannot run ${name === undefined ? "no command" : `"${name}"`}: expected one of ${
      Object.keys(commands).join(", ")
    }, each of which tells its options with --help`,
  );
}

const [name, ...args] = Deno.args;
if (name?.endsWith(".so")) {
  // A plugin is tried by the program that found it, started again with the plugin's path (lib/engine/xla/probe.ts).
  await import(new URL("probe.js", import.meta.url).href);
} else {
  try {
    await runMain(commandOf(name), args);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
