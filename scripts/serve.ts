/** `deno task serve`: a folder of `deno task export --page`, for a browser on this machine. */
import { Command } from "commander";
import { servePage } from "../lib/page/serve.ts";
import { type Output, runMain, standardOutput, standWhereUserStood } from "./command.ts";
import { wholeNumber } from "./options.ts";

/** The command, not yet run. */
export function serveCommand(output: Output): Command {
  return new Command("serve")
    .description(
      "Serves a page that deno task export --page wrote, to browsers on this machine alone, until it is stopped.",
    )
    .argument("<folder>", "the page's folder")
    .option("--port <N>", "port of the address; 0 for any that is free", wholeNumber("--port", 0), 8000)
    .action(async (folder: string, { port }: { readonly port: number }) => {
      await using server = await servePage(folder, port);
      output.out(`serving ${folder} at ${server.url} (stop with Ctrl+C)`);
      await server.finished;
    });
}

if (import.meta.main) {
  standWhereUserStood();
  await runMain(serveCommand(standardOutput));
}
