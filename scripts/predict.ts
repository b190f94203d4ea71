/** `deno task predict`: a trained model's labels for the rows of a file. */
import { Command } from "commander";
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { lostCharacters, textColumnsOf } from "../lib/data/files.ts";
import {
  formatOf,
  openTable,
  requireColumns,
  tableFormats,
  type TableOptions,
  type TableStream,
} from "../lib/tables/table.ts";
import type { TableFormat } from "../lib/tables/rows.ts";
import { keepsType, numberType } from "../lib/tables/parquet_types.ts";
import { RowTally } from "../lib/tables/row_tally.ts";
import { requireWritable } from "../lib/storage/whole_file.ts";
import { type TableLayout, writeTable } from "../lib/tables/writer.ts";
import { InputError } from "../lib/errors.ts";
import {
  namesOf,
  type PredictionColumns,
  predictionColumns,
  predictRows,
  requireSeparable,
} from "../lib/classifier/predict.ts";
import { shortened } from "../lib/wording.ts";
import { showProgress } from "../lib/results/progress.ts";
import { requireTextColumns } from "../lib/classifier/trained.ts";
import { type Output, runMain, standardOutput, standWhereUserStood } from "./command.ts";
import { layoutOf as tableLayout, refuseInput, tableOptions } from "./options.ts";
import { type ClassifierCommandOptions, useClassifier, withClassifierOptions } from "./with_classifier.ts";

interface PredictOptions extends ClassifierCommandOptions, TableOptions {
  readonly input: string;
  readonly output: string;
  readonly probabilities?: boolean;
  readonly explain?: boolean;
  readonly overwrite?: boolean;
  readonly safeCsv?: boolean;
  readonly labelSeparator: string;
}

/** The command, not yet run. */
export function predictCommand(output: Output): Command {
  const command = new Command("predict")
    .description(
      "Adds a trained model's label and its probability, or several, to each row of a table: CSV, TSV, JSON Lines or " +
        "Parquet, by the names' endings. The table may be larger than memory, and its columns stay as they are.",
    )
    .requiredOption("--input <file>", "the texts; - is standard input")
    .requiredOption("--output <file>", "the texts with labels; - is standard output")
    .option("--overwrite", "the output may replace the input")
    .option("--probabilities", "a column for each class besides")
    .option(
      "--explain",
      "a column of JSON besides: how the label's probability changes as each word or sentence is left out (each costs " +
        "as much as a text)",
    )
    .option(
      "--label-separator <text>",
      "between several labels of a text, and between their probabilities; JSON Lines have lists",
      ";",
    )
    .option(
      "--safe-csv",
      "for spreadsheets: cells that begin as a formula does (= + - @, a tab, a line end) get an apostrophe in front",
    );
  tableOptions(command, `of - and of files whose names do not tell it: ${tableFormats.join(", ")}`);
  return withClassifierOptions(command).action((options: PredictOptions) => predict(options, output));
}

async function predict(options: PredictOptions, output: Output): Promise<void> {
  const { input, textColumn } = options;
  if (!options.overwrite) await refuseInput(options, "give another --output, or --overwrite to replace it");
  const format = formatOf(input) ?? options.format;
  if (input === "-" && !format) {
    throw new InputError(
      `Cannot read standard input without its format: give --format and one of ${tableFormats.join(", ")}`,
    );
  }
  const layout = tableLayout(options);
  const survey = await surveyed(input, textColumn, layout);
  const written = outputFormat(options, format);
  await makeFolderOf(options.output);
  if (options.safeCsv && written !== "csv" && written !== "tsv") {
    throw new InputError(`Cannot use --safe-csv with ${options.output}: expected an output in CSV or TSV`);
  }
  await useClassifier(options, output, async (classifier) => {
    await using table = await openTable(input, layout);
    if (!survey) requireTexts(table, textColumn);
    if (table.note) output.error(table.note);
    sayKeys(table, output);
    const columns = survey?.columns ?? [...table.keys];
    const textColumns = textColumnsOf(textColumn, columns);
    requireTextColumns(classifier, options.model, textColumns);
    const multiLabel = classifier.thresholds !== undefined;
    const labelSeparator = written === "jsonl" ? undefined : options.labelSeparator;
    if (multiLabel && labelSeparator !== undefined) requireSeparable(classifier.labels, labelSeparator);
    const added = predictionColumns(columns, classifier.labels, { ...options, multiLabel });
    sayNames(added, output);
    const outputLayout = { ...layoutOf(table, columns, added, written, multiLabel), safe: options.safeCsv };
    sayTypes(outputLayout, table, output);
    const [withoutText, withNul, withLost, withTokens] = Array.from({ length: 4 }, () => new RowTally());
    const progress = showProgress("predicting", survey?.rows ?? 0, "examples");
    let rows = 0;
    try {
      const batches = predictRows(table.rows, classifier, {
        name: table.path,
        textColumns,
        added,
        labelSeparator,
        columns: outputLayout.format === "jsonl" ? undefined : columns,
        withoutText,
        withNul,
        withLost,
        withTokens,
        explain: async (text, label) =>
          (await import("../lib/classifier/occlusion.ts")).explain(classifier, text, { label }),
        onRows: (done) => progress.update(rows = done),
      });
      await writeTable(options.output, outputLayout, batches);
    } finally {
      progress.stop();
    }
    const notes = [
      withTokens!.note(
        table.path,
        "has a list of tokens as text, joined by blanks",
        "have lists of tokens as texts, joined by blanks",
      ),
      withoutText!.note(table.path, "without a text has no label", "without a text have no label"),
      withNul!.note(table.path, "holds NUL characters", "hold NUL characters"),
      withLost!.note(table.path, ...lostCharacters),
    ];
    for (const note of notes.filter(Boolean)) output.error(note);
    if (options.output !== "-") output.out(`wrote ${rows} rows to ${options.output}`);
  });
}

/**
 * Goes through a file before the model does, which takes seconds where that takes hours: a line that cannot be read is
 * told at once, and all rows and columns are known. Nothing for what can be read only once.
 */
async function surveyed(
  input: string,
  textColumn: string,
  layout: TableOptions,
): Promise<{ rows: number; columns: readonly string[] } | undefined> {
  const pipe = input === "-" ||
    await stat(input).then((info) => !info.isFile() && !info.isDirectory(), () => false);
  if (pipe) return undefined;
  await using table = await openTable(input, layout);
  if (table.format !== "jsonl") requireTexts(table, textColumn);
  let rows = 0;
  for await (const _ of table.rows) rows++;
  requireTexts(table, textColumn);
  return { rows, columns: [...table.keys] };
}

/** Makes the folder of an output that is not there. @throws InputError if it cannot be made. */
async function makeFolderOf(output: string): Promise<void> {
  const folder = dirname(resolve(output));
  if (output !== "-" && !await stat(folder).then((info) => info.isDirectory(), () => false)) {
    await requireWritable(folder);
  }
}

/** Makes sure that there are texts. */
function requireTexts(table: TableStream, textColumn: string): void {
  requireColumns(table, ...textColumnsOf(textColumn, table.columns));
}

/** Says the names of columns whose own name an earlier one has. */
function sayKeys({ path, columns, keys }: TableStream, output: Output): void {
  const renamed = keys.filter((key, place) => key !== columns[place]);
  if (renamed.length === 0) return;
  output.error(`Columns of ${path} whose name an earlier one has are written as ${listed(renamed)}`);
}

function outputFormat({ output, format }: PredictOptions, input: TableFormat | undefined): TableFormat {
  if (/\.gz$/i.test(output)) {
    throw new InputError(`Cannot write ${output}: gzip is read and not written, give a name without .gz`);
  }
  const found = formatOf(output) ?? format ?? (output === "-" ? input : undefined);
  if (found) return found;
  throw new InputError(
    `Cannot write ${output}: expected a name that ends in .csv, .tsv, .jsonl or .parquet, or --format`,
  );
}

function layoutOf(
  table: TableStream,
  columns: readonly string[],
  added: PredictionColumns,
  format: TableFormat,
  multiLabel: boolean,
): TableLayout {
  const numbers = multiLabel ? added.classes : [added.probability, ...added.classes];
  return {
    format,
    columns: [...columns, ...namesOf(added)],
    types: [...(table.types ?? []).filter(keepsType), ...numbers.map(numberType)],
  };
}

/** Returns up to ten names of columns, each shortened. */
const listed = (names: readonly string[]) =>
  names.slice(0, 10).map((name) => `"${shortened(name, 30)}"`).join(", ");

function sayNames(added: PredictionColumns, output: Output): void {
  const renamed = namesOf(added).filter((name) => name.startsWith("predicted_"));
  if (renamed.length === 0) return;
  const names = listed(renamed);
  output.error(`Columns of these names are there already, so the predictions stand in ${names}`);
}

function sayTypes({ format }: TableLayout, { path, types = [] }: TableStream, output: Output): void {
  const changed = format === "parquet" ? types.filter((type) => !keepsType(type)) : [];
  if (changed.length === 0) return;
  const names = listed(changed.map(({ name }) => name));
  output.error(`Columns of ${path} whose types cannot be written are written as texts: ${names}`);
}

if (import.meta.main) {
  standWhereUserStood();
  await runMain(predictCommand(standardOutput));
}
