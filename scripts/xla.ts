/** `deno task xla install cpu|cuda13`: fetches the plugin that the engine xla runs on. */
import { Argument, Command } from "commander";
import { installPlugin } from "../lib/engine/xla/install.ts";
import { type Output, runCommand, standardOutput } from "./command.ts";

/** The command. */
export function xlaCommand(output: Output): Command {
  return new Command("xla")
    .description(
      "Fetches a PJRT plugin for the engine xla as pinned and checked Python wheels: cpu (63 MB), or cuda13 with the " +
        "CUDA libraries that it names (2.5 GB; runs with a driver for CUDA 13). A call that was broken off goes on " +
        "where it stopped.",
    )
    .addArgument(new Argument("<action>", "what to do").choices(["install"]))
    .addArgument(new Argument("<plugin>", "which").choices(["cpu", "cuda13"]))
    .option("--compiler-only", "of cuda13 only what `deno task engines --target` compiles with (257 MB)")
    .action(async (_, plugin: "cpu" | "cuda13", { compilerOnly }: { compilerOnly?: boolean }) => {
      const options = { compilerOnly: compilerOnly && plugin === "cuda13", onProgress: output.error };
      const folder = await installPlugin(plugin, options);
      output.out(`${plugin} is installed in ${folder}; \`deno task engines\` says what it finds there`);
    });
}

if (import.meta.main) Deno.exit(await runCommand(xlaCommand(standardOutput), Deno.args));
