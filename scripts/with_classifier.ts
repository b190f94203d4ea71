/** Parts that the commands that use a trained model have in common. */
import type { Command } from "commander";
import { resolveModel } from "../lib/bert/models.ts";
import { type Classifier, loadClassifier } from "../lib/classifier/classifier.ts";
import type { Engine } from "../lib/engine/engine.ts";
import { chooseEngine, engineNames, openEngine } from "../lib/engine/open.ts";
import type { Output } from "./command.ts";
import { oneOf, wholeNumber } from "./options.ts";

/** Options of every command that uses a trained model. */
export interface ClassifierCommandOptions {
  readonly model: string;
  readonly textColumn: string;
  readonly engine: typeof engineNames[number];
  readonly batchSize: number;
  readonly offline?: boolean;
}

/** Adds the options to a command. */
export function withClassifierOptions(command: Command): Command {
  return command
    .requiredOption("--model <folder>", "a folder of deno task train, or the hub id of a BERT classifier")
    .option("--text-column <names>", "column of the texts; several with commas, as in training", "text")
    .option("--engine <name>", engineNames.join(", "), oneOf("--engine", engineNames), "auto")
    .option("--batch-size <B>", "texts computed at once", wholeNumber("--batch-size", 1), 32)
    .option("--offline", "ask no hub: the model is a folder or in the cache");
}

/** Opens the model, uses it and frees it; what a reader of its predictions should know is said. */
export async function useClassifier<Result>(
  { model, engine: name, batchSize, offline }: ClassifierCommandOptions,
  output: Output,
  use: (classifier: Classifier, engine: Engine) => Promise<Result>,
): Promise<Result> {
  const folder = await resolveModel(model, { offline, onProgress: output.error });
  const engine = await openEngine(await chooseEngine(name, output.error));
  try {
    const classifier = await loadClassifier(folder, { engine, batchSize });
    try {
      for (const note of classifier.notes) output.error(note);
      return await use(classifier, engine);
    } finally {
      await classifier.dispose();
    }
  } finally {
    engine.dispose();
  }
}
