/** A user's own labelled files as a data set. */
import { basename, extname } from "node:path";
import { InputError } from "../errors.ts";
import {
  type Dataset,
  type Example,
  fingerprintOf,
  overlapNote,
  type Splits,
  stratifiedSplit,
} from "./examples.ts";
import { readTable, requireColumns, type Row } from "./table.ts";

/** Files and columns of {@link datasetFromFiles}. */
export interface FileOptions {
  /** Training file: CSV, TSV or JSON Lines. */
  readonly train: string;
  /** File to choose on; without one, a tenth of the training rows is held out. */
  readonly dev?: string;
  /** File to report on; none if not given. */
  readonly test?: string;
  /** "text" if not given. */
  readonly textColumn?: string;
  /** "label" if not given. */
  readonly labelColumn?: string;
  /** For the rows held out for dev; 0 if not given. */
  readonly seed?: number;
}

/** Labelled rows of a file. */
export interface LabelledFile {
  /** The classes: those given, or those found, in order (numbers by value). */
  readonly labels: readonly string[];
  /** The rows with a text and a label. */
  readonly examples: Example[];
  /** Which rows were left out because their text or label is empty; "" if none. */
  readonly note: string;
}

/**
 * Reads a file's labelled rows; those with an empty text or label are left out, counted in the note.
 *
 * @param options.labels the classes that may occur, from a model or another file
 * @param options.labelsFrom where those classes come from, for the error
 * @throws InputError when the file cannot be read, a column is missing, or a label is none of those given.
 */
export async function readLabelled(
  path: string,
  { textColumn = "text", labelColumn = "label", labels, labelsFrom = "the model" }: {
    readonly textColumn?: string;
    readonly labelColumn?: string;
    readonly labels?: readonly string[];
    readonly labelsFrom?: string;
  } = {},
): Promise<LabelledFile> {
  const table = await readTable(path);
  requireColumns(table, textColumn, labelColumn);
  const textOf = (row: Row) => row.values.get(textColumn) ?? "";
  const labelOf = (row: Row) => (row.values.get(labelColumn) ?? "").trim();
  const noText = table.rows.filter((row) => textOf(row).trim() === "");
  const noLabel = table.rows.filter((row) => textOf(row).trim() !== "" && labelOf(row) === "");
  const rows = table.rows.filter((row) => textOf(row).trim() !== "" && labelOf(row) !== "");
  if (rows.length === 0) {
    throw new InputError(
      `Cannot use ${path}: expected rows with a text and a label, found ${table.rows.length} without`,
    );
  }
  const classes = labels ?? [...new Set(rows.map(labelOf))].sort(byValue);
  const places = new Map(classes.map((name, place) => [name, place]));
  const examples = rows.map((row): Example => {
    const label = places.get(labelOf(row));
    if (label !== undefined) return { text: textOf(row), label };
    throw new InputError(
      `Cannot use ${path}: the label "${
        labelOf(row)
      }" in line ${row.line} does not occur in ${labelsFrom}, ` +
        `which has ${listed(classes)}`,
    );
  });
  const note = [leftOut(path, noText, "text"), leftOut(path, noLabel, "label")].filter(Boolean).join("; ");
  return { labels: classes, examples, note };
}

/**
 * A data set from one to three files. The classes are those of the training file; without a dev file a tenth of the
 * training rows, each class in its share, is held out.
 *
 * @throws InputError as {@link readLabelled}, or when the training file has only one class.
 */
export async function datasetFromFiles(options: FileOptions): Promise<Dataset> {
  const { train: path, seed = 0, labelColumn = "label" } = options;
  const trainFile = await readLabelled(path, options);
  const { labels } = trainFile;
  if (labels.length < 2) {
    throw new InputError(
      `Cannot train on ${path}: expected at least two labels in column "${labelColumn}", found only "${
        labels[0]
      }"`,
    );
  }
  const readOther = (other: string | undefined) =>
    other === undefined ? undefined : readLabelled(other, { ...options, labels, labelsFrom: path });
  const devFile = await readOther(options.dev);
  const testFile = await readOther(options.test);
  const held = Math.round(trainFile.examples.length / 10);
  const own = devFile
    ? { train: trainFile.examples, dev: devFile.examples }
    : stratifiedSplit(trainFile.examples, { dev: held, test: 0 }, seed);
  const splits: Splits = { train: own.train, dev: own.dev, test: testFile?.examples ?? [] };
  const notes = [
    devFile
      ? ""
      : `dev is ${held} of the ${trainFile.examples.length} training rows, held out with seed ${seed}`,
    ...[trainFile, devFile, testFile].map((file) => file?.note ?? ""),
    overlapNote(splits),
  ];
  return {
    name: basename(path, extname(path)),
    language: languageOf(splits.train.map(({ text }) => text)),
    labels,
    ...splits,
    fingerprint: fingerprintOf(labels, splits),
    source: [path, options.dev, options.test].filter(Boolean).join(", "),
    note: notes.filter(Boolean).join("; "),
  };
}

const collator = new Intl.Collator("en", { numeric: true });

/** Numbers by value, other names as people sort them ("class 2" before "class 10"). */
function byValue(a: string, b: string): number {
  const difference = Number(a) - Number(b);
  if (!Number.isNaN(difference) && difference !== 0) return difference;
  return collator.compare(a, b) || (a < b ? -1 : 1);
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 10).map((name) => `"${name}"`).join(", ");
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown;
}

function leftOut(path: string, rows: readonly Row[], what: string): string {
  if (rows.length === 0) return "";
  const [count, verb] = rows.length === 1 ? ["1 row", "is"] : [`${rows.length} rows`, "are"];
  return `${count} of ${path} with an empty ${what} ${verb} left out (the first in line ${rows[0]!.line})`;
}

/** Chinese if at least a third of the letters of the first texts are Han characters. */
export function languageOf(texts: readonly string[]): "en" | "zh" {
  const sample = texts.slice(0, 200).join("");
  const letters = sample.match(/\p{L}/gu)?.length ?? 0;
  const han = sample.match(/\p{Script=Han}/gu)?.length ?? 0;
  return han * 3 > letters ? "zh" : "en";
}
