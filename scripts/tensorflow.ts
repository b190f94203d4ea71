/** `deno task tensorflow install cpu|cuda12`: fetches TensorFlow, which the engine tensorflow runs on. */
import { Argument, Command } from "commander";
import { installTensorFlow } from "../lib/engine/tensorflow/install.ts";
import type { LibrarySet } from "../lib/engine/tensorflow/wheels.ts";
import { type Output, runCommand, standardOutput } from "./command.ts";

/** The command. */
export function tensorflowCommand(output: Output): Command {
  return new Command("tensorflow")
    .description(
      "Fetches TensorFlow for the engine tensorflow as pinned and checked Python wheels: cpu (274 MB), or cuda12 with " +
        "the CUDA libraries that it names (3.4 GB; runs with a driver for CUDA 12), and the npm package with its " +
        "operations. A call that was broken off goes on where it stopped.",
    )
    .addArgument(new Argument("<action>", "what to do").choices(["install"]))
    .addArgument(new Argument("<library>", "which").choices(["cpu", "cuda12"]))
    .action(async (_, set: LibrarySet) => {
      const folder = await installTensorFlow(set, { onProgress: output.error });
      output.out(
        `TensorFlow for ${set} is installed in ${folder}; \`deno task engines\` says what it finds there`,
      );
    });
}

if (import.meta.main) Deno.exit(await runCommand(tensorflowCommand(standardOutput), Deno.args));
