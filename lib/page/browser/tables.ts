/** Tables that are dropped on the page: looked at first, then labelled row by row, as `deno task predict` does. */
import { namesOf, predictionColumns, predictRows, requireSeparable } from "../../classifier/predict.ts";
import { InputError } from "../../errors.ts";
import { RowTally } from "../../tables/row_tally.ts";
import { formatOf, openTable, requireColumns } from "../../tables/table.ts";
import { encoderOf } from "../../tables/writer.ts";
import type { OnnxClassifier } from "../onnx_classifier.ts";
import type { LabelledTable, TableAnswer, TableWork } from "./messages.ts";
import { putFile } from "./node/files.ts";

/** Reads a whole table to count its rows and to find all its columns. @throws InputError if it cannot be read. */
export async function lookAt(file: File): Promise<TableAnswer> {
  if (formatOf(file.name) === "parquet") {
    throw new InputError(
      `Cannot read ${file.name} on this page: save it as CSV, TSV or JSON Lines, or use deno task predict`,
    );
  }
  putFile(file.name, file);
  const table = await openTable(file.name);
  let rows = 0;
  for await (const _ of table.rows) rows++;
  return { rows, columns: [...table.keys], note: table.note };
}

const types = { csv: "text/csv", tsv: "text/tab-separated-values", jsonl: "application/jsonl" } as const;

/** Labels a table that {@linkcode lookAt} has seen. */
export async function labelTable(
  classifier: OnnxClassifier,
  { name, rows, columns, textColumns, probabilities, safe, labelSeparator: separator }: TableWork,
  onRows: (done: number, all: number) => void,
): Promise<LabelledTable> {
  const table = await openTable(name);
  requireColumns({ path: name, columns }, ...textColumns);
  const format = table.format as keyof typeof types;
  const multiLabel = classifier.thresholds !== undefined;
  const labelSeparator = format === "jsonl" ? undefined : separator;
  if (multiLabel && labelSeparator !== undefined) {
    requireSeparable(classifier.labels, labelSeparator, "write something else between them");
  }
  const added = predictionColumns(columns, classifier.labels, { probabilities, multiLabel });
  const encoder = await encoderOf({
    format,
    columns: [...columns, ...namesOf(added)],
    safe: safe && format !== "jsonl",
  });
  const [withoutText, withNul, withTokens] = [new RowTally(), new RowTally(), new RowTally()];
  const parts: Blob[] = [new Blob([encoder.start() as string])];
  let done = 0;
  const batches = predictRows(table.rows, classifier, {
    ...{ textColumns, added, labelSeparator, withoutText, withNul, withTokens },
    columns: format === "jsonl" ? undefined : columns,
    onRows: (rowsDone) => onRows(done = rowsDone, rows),
  });
  for await (const some of batches) parts.push(new Blob([encoder.rows(some) as string]));
  parts.push(new Blob([encoder.end() as string]));
  return {
    content: new Blob(parts, { type: types[format] }),
    name: `${name.replace(/(\.[^.]*)?(\.gz)?$/i, "")} labelled.${format}`,
    rows: done,
    notes: [
      withTokens.note(name, "has a list of tokens as text", "have lists of tokens as texts"),
      withoutText.note(name, "without a text has no label", "without a text have no label"),
      withNul.note(name, "holds NUL characters", "hold NUL characters"),
    ].filter((note) => note !== ""),
  };
}
