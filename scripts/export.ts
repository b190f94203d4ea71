/** `deno task export`: a trained classifier for Hugging Face's libraries, transformers.js and ONNX Runtime. */
import { Command } from "commander";
import { join } from "node:path";
import { exportClassifier } from "../lib/classifier/export.ts";
import { type Output, runMain, standardOutput, standWhereUserStood } from "./command.ts";

interface ExportOptions {
  readonly model: string;
  readonly output: string;
  readonly overwrite?: boolean;
}

/** The command, not yet run. */
export function exportCommand(output: Output): Command {
  return new Command("export")
    .description(
      "Writes a trained classifier as a folder that Python's transformers, transformers.js and ONNX Runtime load: " +
        "the model folder's files, onnx/model.onnx, and a model card (README.md) that says how.",
    )
    .requiredOption(
      "--model <folder>",
      "a folder that `deno task train` wrote, or another classifier of BERT or its family",
    )
    .requiredOption("--output <folder>", "where it is written")
    .option("--overwrite", "write into a folder that holds a model or other files, and replace them")
    .action(async (options: ExportOptions) => {
      const { bytes, notes } = await exportClassifier(options.model, options.output, options);
      for (const note of notes) output.error(note);
      const path = join(options.output, "onnx", "model.onnx");
      output.out(`wrote ${options.output}, with ${path} (${(bytes / 1e6).toFixed(1)} MB)`);
    });
}

if (import.meta.main) {
  await standWhereUserStood();
  await runMain(exportCommand(standardOutput));
}
