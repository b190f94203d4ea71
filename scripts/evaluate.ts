/** `deno task evaluate`: how well a trained model labels the texts of a file. */
import { Command } from "commander";
import { dirname, resolve } from "node:path";
import { readLabelled } from "../lib/data/files.ts";
import { labelLayout } from "../lib/data/label_lists.ts";
import { evaluationOf, evaluationText, measuresText } from "../lib/results/evaluation.ts";
import { showProgress } from "../lib/results/progress.ts";
import { requireTextColumns } from "../lib/classifier/trained.ts";
import { requireWritable, writeWhole } from "../lib/storage/whole_file.ts";
import { type Output, runMain, standardOutput, standWhereUserStood } from "./command.ts";
import type { TableOptions } from "../lib/tables/table.ts";
import { layoutOf, refuseInput, type SeveralLabelsOptions, tableOptions } from "./options.ts";
import { type ClassifierCommandOptions, useClassifier, withClassifierOptions } from "./with_classifier.ts";

interface EvaluateOptions extends ClassifierCommandOptions, TableOptions, SeveralLabelsOptions {
  readonly input: string;
  readonly labelColumn: string;
  readonly output?: string;
}

/** The command, not yet run. */
export function evaluateCommand(output: Output): Command {
  const command = new Command("evaluate")
    .description(
      "Compares a trained model's labels with those of a table: error, macro F1, calibration, precision and recall of " +
        "each class, what is taken for what, and the mistakes that the model is surest of.",
    )
    .requiredOption("--input <file>", "texts with labels: CSV, TSV, JSON Lines or Parquet")
    .option("--label-column <name>", "column of the labels", "label")
    .option(
      "--label-separator <text>",
      "between several labels in a cell; by default ; for a model of several labels a text",
    )
    .option(
      "--label-columns <names>",
      "columns of 0 and 1 with commas between: a text has the labels whose column is 1",
    )
    .option("--output <file>", "where all of it is written as JSON");
  tableOptions(command, "of a file whose name does not tell it: csv, tsv, jsonl, parquet");
  return withClassifierOptions(command).action((options: EvaluateOptions) => evaluate(options, output));
}

async function evaluate(options: EvaluateOptions, output: Output): Promise<void> {
  if (options.output !== undefined) {
    await requireWritable(dirname(resolve(options.output)));
    await refuseInput({ ...options, output: options.output }, "give another --output");
  }
  const { input, model } = options;
  await useClassifier(options, output, async (classifier, engine) => {
    const { labels, thresholds } = classifier;
    const { textColumn, labelColumn } = options;
    const file = await readLabelled(input, {
      ...layoutOf(options),
      ...{ textColumn, labelColumn, labels, labelsFrom: `the model ${model}` },
      ...labelLayout(options, model, thresholds !== undefined),
    });
    requireTextColumns(classifier, model, file.textColumns);
    if (file.note) output.error(file.note);
    const progress = showProgress("evaluating", file.examples.length, "examples");
    let probabilities: Float64Array;
    try {
      probabilities = await classifier.probabilities(file.examples, (done) => progress.update(done));
    } finally {
      progress.stop();
    }
    const evaluation = evaluationOf(file, probabilities, thresholds);
    const { examples, ece, brier } = evaluation;
    output.out(
      `${examples} texts of ${input}: ${measuresText(evaluation)}, ECE ${ece.toFixed(4)}, Brier ${
        brier.toFixed(4)
      }`,
    );
    for (const part of evaluationText(evaluation)) output.out(`\n${part}`);
    if (options.output === undefined) return;
    const result = { model, input, engine: engine.name, ...evaluation, note: file.note };
    await writeWhole(options.output, [`${JSON.stringify(result, null, 2)}\n`]);
    output.out(`\nwrote ${options.output}`);
  });
}

if (import.meta.main) {
  standWhereUserStood();
  await runMain(evaluateCommand(standardOutput));
}
