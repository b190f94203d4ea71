/** A user's own labelled files as a data set. */
import { basename, extname } from "node:path";
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import {
  type Dataset,
  type Example,
  fingerprintOf,
  overlapNote,
  type Splits,
  stratifiedSplit,
  wholeText,
} from "./examples.ts";
import { openTable, requireColumns, type Row, type TableOptions } from "../tables/table.ts";
import { labelHints, plainLabel } from "./label_hints.ts";
import { refuseAmounts, TokenLabels } from "./other_tasks.ts";
import { RowTally } from "../tables/row_tally.ts";

/** Files and columns of {@link datasetFromFiles}. */
export interface FileOptions extends TableOptions {
  /** Training file: CSV, TSV, JSON Lines or Parquet. */
  readonly train: string;
  /** File to choose on; without one, a tenth of the training rows is held out. */
  readonly dev?: string;
  /** File to report on; none if not given. */
  readonly test?: string;
  /** Column of the text, "text" if not given; "a,b" are a pair, more columns are joined by line breaks. */
  readonly textColumn?: string;
  /** Column of the label; "label" if not given. */
  readonly labelColumn?: string;
  /** Seed for the rows held out for dev; 0 if not given. */
  readonly seed?: number;
}

/** Labelled rows of a file. */
export interface LabelledFile {
  /** The classes: those given, or those found, in order (numbers by value). */
  readonly labels: readonly string[];
  /** The rows with a text and a label. */
  readonly examples: Example[];
  /** The line of each example. */
  readonly lines: readonly number[];
  /** The columns of their texts. */
  readonly textColumns: readonly string[];
  /** A note on rows left out because their text or label is empty, and on other oddities; "" if none. */
  readonly note: string;
}

/** Returns the columns that `--text-column` names: one, or several with commas between. */
export function textColumnsOf(name: string, columns: readonly string[]): string[] {
  return columns.includes(name) ? [name] : name.split(",").map((column) => column.trim());
}

/**
 * Returns the text in a row's columns: one as it is, two as a pair, more joined by line breaks. The tokens of a list are
 * joined by blanks.
 *
 * @param name name of the table for the error
 * @throws InputError if a text is an object, or a list of something else than texts.
 */
export function textOf(
  { values, typed, line }: Row,
  columns: readonly string[],
  name: string,
): Omit<Example, "label"> {
  const texts = columns.map((column) => {
    const value = typed?.get(column);
    if (isTokens(value)) return value.join(" ");
    if (!Array.isArray(value) && !isPlainObject(value)) return values.get(column) ?? "";
    const fields = Object.keys(value).slice(0, 5).map((field) => `"${shown(field)}"`).join(", ");
    throw new InputError(
      `Cannot use ${name}: the text in column "${shown(column)}" of line ${line} is ${
        Array.isArray(value) ? "a list of other things than texts" : `an object with ${fields || "no fields"}`
      }: expected a text, or a list of tokens`,
    );
  });
  if (texts.length === 2) return { text: texts[0]!, pair: texts[1]! };
  return { text: texts.length === 1 ? texts[0]! : texts.filter((text) => text.trim() !== "").join("\n") };
}

/** Tells whether a text of a row is a list of tokens. */
export function hasTokens({ typed }: Pick<Row, "typed">, columns: readonly string[]): boolean {
  return typed !== undefined && columns.some((column) => isTokens(typed.get(column)));
}

function isPlainObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isTokens(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((token) => typeof token === "string");
}

/**
 * Reads a file's labelled rows; those with an empty text or label are left out, counted in the note.
 *
 * @param options.labels the classes that may occur, from a model or another file
 * @param options.labelsFrom origin of those classes, for the error
 * @throws InputError when the file cannot be read, a column is missing, or a label is none of those given.
 */
export async function readLabelled(
  path: string,
  { textColumn = "text", labelColumn = "label", labels, labelsFrom = "the model", ...layout }:
    & TableOptions
    & {
      readonly textColumn?: string;
      readonly labelColumn?: string;
      readonly labels?: readonly string[];
      readonly labelsFrom?: string;
    } = {},
): Promise<LabelledFile> {
  await using table = await openTable(path, layout);
  const textColumns = textColumnsOf(textColumn, table.columns);
  const checkColumns = () => requireColumns(table, ...textColumns, labelColumn);
  if (table.format !== "jsonl") checkColumns(); // all columns of JSON Lines are known only at the end
  const found: LabelledRow[] = [];
  const tokenLabels = new TokenLabels();
  const [noText, noLabel, withNul, lost, tokens] = Array.from({ length: 5 }, () => new RowTally()) as Tallies;
  for await (const row of table.rows) {
    const { line, values } = row;
    const text = textOf(row, textColumns, path);
    if (hasTokens(row, textColumns)) tokens.add(line);
    const given = values.get(labelColumn) ?? "";
    const label = plainLabel(given);
    const whole = wholeText(text);
    if (whole.trim() === "") noText.add(line);
    else if (label === "") noLabel.add(line);
    else found.push({ text, label, line, given });
    if (whole.includes("\0")) withNul.add(line);
    if (whole.includes("\ufffd")) lost.add(line);
    tokenLabels.add(row, textColumns, labelColumn);
  }
  checkColumns();
  if (found.length === 0) {
    throw new InputError(
      `Cannot use ${path}: expected rows with a text and a label, found ${
        noText.count + noLabel.count
      } without`,
    );
  }
  refuseObjects(path, found);
  tokenLabels.refuse(path);
  if (!labels) refuseAmounts(path, found);
  if (!labels) refuseSeveralLabels(path, found);
  const classes = labels ?? [...new Set(found.map(({ label }) => label))].sort(byValue);
  const places = new Map(classes.map((name, place) => [name, place]));
  for (const [place, name] of classes.entries()) {
    if (!places.has(plainLabel(name))) places.set(plainLabel(name), place);
  }
  const examples = found.map(({ text, label, line, given }): Example => {
    const place = places.get(given.trim()) ?? places.get(label);
    if (place !== undefined) return { ...text, label: place };
    throw new InputError(
      `Cannot use ${path}: the label "${shown(label)}" in line ${line} does not occur in ${labelsFrom}, ` +
        `which has ${listed(classes)}`,
    );
  });
  const note = [
    table.note,
    tokens.note(
      path,
      "has a list of tokens as text, joined by blanks",
      "have lists of tokens as texts, joined by blanks",
    ),
    noText.note(path, "with an empty text is left out", "with an empty text are left out"),
    noLabel.note(path, "with an empty label is left out", "with an empty label are left out"),
    withNul.note(path, "holds NUL characters", "hold NUL characters"),
    lost.note(path, ...lostCharacters),
    ...labels ? [] : labelHints(found.map(({ given }) => given), labelColumn),
  ].filter(Boolean).join("; ");
  return { labels: classes, examples, lines: found.map(({ line }) => line), textColumns, note };
}

type Tallies = [RowTally, RowTally, RowTally, RowTally, RowTally];

/** The two forms of a note on texts with U+FFFD in them. */
export const lostCharacters = [
  "holds characters that were lost when it was written or read (U+FFFD)",
  "hold characters that were lost when they were written or read (U+FFFD)",
] as const;

interface LabelledRow {
  readonly text: Omit<Example, "label">;
  readonly label: string;
  /** The label as it is written. */
  readonly given: string;
  readonly line: number;
}

/** Refuses texts with several labels each: labels are JSON lists, or most of them have the same separator in them. */
function refuseSeveralLabels(path: string, rows: readonly LabelledRow[]): void {
  const list = rows.find(({ label }) => isJsonList(label));
  const separator = ["|", ";"].find((sign) =>
    rows.filter(({ label }) => label.includes(sign)).length > rows.length / 2
  );
  const odd = list ?? (separator && rows.find(({ label }) => label.includes(separator)));
  if (!odd) return;
  throw new InputError(
    `Cannot train on ${path}: the label ${shown(odd.label)} in line ${odd.line} ` +
      `${list ? "is a list" : `holds "${separator}", as most labels do`}: expected one label a text; ` +
      "keep one of them, or train a classifier for each",
  );
}

/** Refuses labels that are JSON objects. */
function refuseObjects(path: string, rows: readonly LabelledRow[]): void {
  const odd = rows.find(({ label }) => label.startsWith("{") && isObject(jsonOf(label)));
  if (!odd) return;
  throw new InputError(
    `Cannot use ${path}: the label ${
      shown(odd.label)
    } in line ${odd.line} is an object: expected a text or a number; ` +
      `keep one of ${
        Object.keys(jsonOf(odd.label) as object).slice(0, 5).map((name) => `"${shown(name)}"`).join(", ")
      }`,
  );
}

function isJsonList(label: string): boolean {
  return label.startsWith("[") && Array.isArray(jsonOf(label));
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Reads a data set from one to three files. The classes are those of the training file; without a dev file a tenth of
 * the training rows, each class in its share, is held out.
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
        shown(labels[0]!)
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
    columnsNote(trainFile.textColumns),
  ];
  return {
    name: basename(path, extname(path)),
    language: languageOf(splits.train.map(wholeText)),
    labels,
    ...splits,
    fingerprint: fingerprintOf(labels, splits),
    source: [path, options.dev, options.test].filter(Boolean).join(", "),
    note: notes.filter(Boolean).join("; "),
  };
}

function columnsNote(columns: readonly string[]): string {
  if (columns.length < 2) return "";
  const names = columns.map((column) => `"${column}"`).join(", ");
  return columns.length === 2
    ? `the columns ${names} are read as pairs of texts`
    : `the columns ${names} are joined by line breaks`;
}

const collator = new Intl.Collator("en", { numeric: true });

/** Compares numbers by value, other names as people sort them ("class 2" before "class 10"). */
function byValue(a: string, b: string): number {
  const difference = Number(a) - Number(b);
  if (!Number.isNaN(difference) && difference !== 0) return difference;
  return collator.compare(a, b) || (a < b ? -1 : 1);
}

function listed(names: readonly string[]): string {
  const first = names.slice(0, 10).map((name) => `"${shown(name)}"`).join(", ");
  return names.length > 10 ? `${first} and ${names.length - 10} more` : first;
}

/** Returns the language: Chinese if at least a third of the letters of the first texts are Han characters. */
export function languageOf(texts: readonly string[]): "en" | "zh" {
  const sample = texts.slice(0, 200).join("");
  const letters = sample.match(/\p{L}/gu)?.length ?? 0;
  const han = sample.match(/\p{Script=Han}/gu)?.length ?? 0;
  return han * 3 > letters ? "zh" : "en";
}
