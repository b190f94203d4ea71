/** `deno task export`: a trained classifier for Hugging Face's libraries, transformers.js and ONNX Runtime, or as a page. */
import { Command } from "commander";
import { join } from "node:path";
import { exportClassifier } from "../lib/classifier/export.ts";
import { InputError } from "../lib/errors.ts";
import { type WeightFormat, weightFormats } from "../lib/graph/onnx/weights.ts";
import { exportPage } from "../lib/page/export_page.ts";
import { type Output, runMain, standardOutput, standWhereUserStood } from "./command.ts";
import { oneOf, type SeveralLabelsOptions } from "./options.ts";

interface ExportOptions extends SeveralLabelsOptions {
  readonly model: string;
  readonly output: string;
  readonly overwrite?: boolean;
  readonly page?: boolean;
  readonly weights?: WeightFormat;
  readonly test?: string;
  readonly textColumn?: string;
  readonly labelColumn?: string;
}

/** The command, not yet run. */
export function exportCommand(output: Output): Command {
  return new Command("export")
    .description(
      "Writes a trained classifier as a folder that Python's transformers, transformers.js and ONNX Runtime load: " +
        "the model folder's files, onnx/model.onnx, and a model card (README.md) that says how. With --page: as a " +
        "page that runs in a browser, where no text leaves the machine.",
    )
    .requiredOption(
      "--model <folder>",
      "a folder that `deno task train` wrote, or another classifier of BERT or its family",
    )
    .requiredOption("--output <folder>", "where it is written")
    .option("--overwrite", "write into a folder that holds a model or other files, and replace them")
    .option("--page", "a page for browsers, from any host of static files or deno task serve")
    .option(
      "--weights <format>",
      `of a page: ${weightFormats.join(", ")}; f32 if not given`,
      oneOf("--weights", weightFormats),
    )
    .option(
      "--test <file>",
      "of a page: labelled texts, on which the change of the error (or micro F1) by --weights is measured",
    )
    .option("--text-column <names>", "column of their texts, text if not given")
    .option("--label-column <name>", "column of their labels, label if not given")
    .option("--label-separator <text>", "between several labels of a text; by default ;")
    .option("--label-columns <names>", "columns of 0 and 1 for several labels, with commas between")
    .action(async (options: ExportOptions) => {
      await (options.page ? writePage(options, output) : writeFolder(options, output));
    });
}

async function writeFolder(options: ExportOptions, output: Output): Promise<void> {
  const alone = (["weights", "test"] as const).find((name) => options[name] !== undefined);
  if (alone) throw new InputError(`Cannot use --${alone} without --page: add --page, or leave it out`);
  const { bytes, notes } = await exportClassifier(options.model, options.output, {
    overwrite: options.overwrite,
  });
  for (const note of notes) output.error(note);
  const path = join(options.output, "onnx", "model.onnx");
  output.out(`wrote ${options.output}, with ${path} (${(bytes / 1e6).toFixed(1)} MB)`);
}

async function writePage(options: ExportOptions, output: Output): Promise<void> {
  if (options.test !== undefined && (options.weights ?? "f32") === "f32") {
    throw new InputError(
      "Cannot use --test with weights in f32, which change no label: give --weights f16 or int8, or leave it out",
    );
  }
  const { modelBytes, bytes, notes } = await exportPage(options.model, options.output, options);
  for (const note of notes) output.error(note);
  const size = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  output.out(
    `wrote the page ${options.output} (${size(bytes)}, of which the model ${
      size(modelBytes)
    }); see it with: ` +
      `deno task serve ${options.output}`,
  );
}

if (import.meta.main) {
  standWhereUserStood();
  await runMain(exportCommand(standardOutput));
}
