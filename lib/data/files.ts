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
import {
  type LabelledRow,
  type LabelOptions,
  labelReader,
  readLists,
  severalClasses,
  severalHints,
} from "./label_lists.ts";
import { refuseAmounts, refuseObjects, refuseTokenLabels, refuseUntold } from "./other_tasks.ts";
import { RowTally } from "../tables/row_tally.ts";

/** Files and columns of {@link datasetFromFiles}. */
export interface FileOptions extends TableOptions, LabelOptions {
  /** Training file: CSV, TSV, JSON Lines or Parquet. */
  readonly train: string;
  /** File to choose on; without one, a tenth of the training rows is held out. */
  readonly dev?: string;
  /** File to report on; none if not given. */
  readonly test?: string;
  /** Column of the text, "text" if not given; "a,b" are a pair, more columns are joined by line breaks. */
  readonly textColumn?: string;
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
  /** `true` if a text may have several labels, or none. */
  readonly multiLabel?: boolean;
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

/** Classes and layout of {@link readLabelled}. */
export interface LabelledOptions extends TableOptions, LabelOptions {
  /** Column of the text; "text" if not given. */
  readonly textColumn?: string;
  /** The classes that may occur, from a model or another file. */
  readonly labels?: readonly string[];
  /** Origin of those classes, for the error. */
  readonly labelsFrom?: string;
}

/**
 * Reads a file's labelled rows; those with an empty text or label are left out, counted in the note. Where a text may have
 * several labels with a separator between, an empty cell stands for none of them.
 *
 * @throws InputError when the file cannot be read, a column is missing, or a label is none of those given.
 */
export async function readLabelled(path: string, options: LabelledOptions = {}): Promise<LabelledFile> {
  const { textColumn = "text", labelColumn = "label", labels, labelsFrom = "the model" } = options;
  const textsIn = (columns: readonly string[]) => textColumnsOf(textColumn, columns);
  const setsIn = (columns: readonly string[]) =>
    options.labelColumns ? textColumnsOf(options.labelColumns, columns) : undefined;
  await using table = await openTable(path, options, (columns) => [
    ...textsIn(columns),
    ...setsIn(columns) ?? [labelColumn],
  ]);
  const textColumns = textsIn(table.columns), setColumns = setsIn(table.columns);
  const checkColumns = () => requireColumns(table, ...textColumns, ...setColumns ?? [labelColumn]);
  if (table.format !== "jsonl") checkColumns(); // all columns of JSON Lines are known only at the end
  const lacking = setColumns && labels?.find((label) => !setColumns.includes(label));
  if (lacking !== undefined) {
    throw new InputError(
      `Cannot use ${path} as --label-columns lacks "${
        shown(lacking)
      }", a label of ${labelsFrom}: name a column for each ` +
        "of its labels",
    );
  }
  const read = labelReader(path, setColumns, options);
  const rows: LabelledRow[] = [];
  const [noText, noLabel, withNul, lost, tokens] = Array.from({ length: 5 }, () => new RowTally()) as Tallies;
  for await (const row of table.rows) {
    const { line, values, typed } = row;
    const text = textOf(row, textColumns, path);
    if (hasTokens(row, textColumns)) tokens.add(line);
    const given = values.get(labelColumn) ?? "";
    const label = plainLabel(given);
    const whole = wholeText(text);
    if (whole.includes("\0")) withNul.add(line);
    if (whole.includes("\ufffd")) lost.add(line);
    if (whole.trim() === "") {
      noText.add(line);
      continue;
    }
    const names = read?.(row);
    if (read ? !names : label === "") noLabel.add(line);
    else rows.push({ text, label, line, given, names, tokens: tokensOf(typed, textColumns) });
  }
  checkColumns();
  if (rows.length === 0) {
    throw new InputError(
      `Cannot use ${path}: expected rows with a text and a label, found ${
        noText.count + noLabel.count
      } without`,
    );
  }
  const found = read || labels ? rows : findLists(path, rows);
  const multiLabel = found[0]!.names !== undefined;
  if (!multiLabel) refuseObjects(path, found);
  if (!labels && !multiLabel) {
    refuseUntold(path, found);
    refuseAmounts(path, found);
  }
  const all = multiLabel ? found.flatMap(({ names }) => names!) : found.map(({ label }) => label);
  const classes = labels ?? setColumns ?? [...new Set(all)].sort(byValue);
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
    ...labels
      ? []
      : multiLabel
      ? severalHints(all, found, options)
      : labelHints(found.map(({ given }) => given), labelColumn),
  ].filter(Boolean).join("; ");
  return {
    labels: classes,
    examples: examplesOf(path, found, classes, labelsFrom),
    lines: found.map(({ line }) => line),
    textColumns,
    note,
    ...multiLabel ? { multiLabel } : {},
  };
}

type Tallies = [RowTally, RowTally, RowTally, RowTally, RowTally];

/** The two forms of a note on texts with U+FFFD in them. */
export const lostCharacters = [
  "holds characters that were lost when it was written or read (U+FFFD)",
  "hold characters that were lost when they were written or read (U+FFFD)",
] as const;

/** Returns the number of tokens of a row's text that is a list of them. */
function tokensOf(typed: Row["typed"], columns: readonly string[]): number | undefined {
  const value = columns.length === 1 ? typed?.get(columns[0]!) : undefined;
  return isTokens(value) ? value.length : undefined;
}

/** Returns rows with the labels of their lists, where most of them have one. */
function findLists(path: string, rows: readonly LabelledRow[]): readonly LabelledRow[] {
  refuseTokenLabels(path, rows);
  return readLists(path, rows);
}

/** Returns the rows as examples of these classes. @throws InputError if a label is none of them. */
function examplesOf(
  path: string,
  rows: readonly LabelledRow[],
  classes: readonly string[],
  labelsFrom: string,
): Example[] {
  const places = new Map(classes.map((name, place) => [name, place]));
  for (const [place, name] of classes.entries()) {
    if (!places.has(plainLabel(name))) places.set(plainLabel(name), place);
  }
  const placeOf = (label: string, line: number, given = label) => {
    const place = places.get(given) ?? places.get(label);
    if (place !== undefined) return place;
    throw new InputError(
      `Cannot use ${path}: the label "${shown(label)}" in line ${line} does not occur in ${labelsFrom}, ` +
        `which has ${listed(classes)}`,
    );
  };
  if (!rows[0]?.names) {
    return rows.map(({ text, label, line, given }) => ({
      ...text,
      label: placeOf(label, line, given.trim()),
    }));
  }
  const several = rows.map(({ names, line }) => [...new Set(names!.map((name) => placeOf(name, line)))]);
  const counts = classes.map(() => 0);
  for (const place of several.flat()) counts[place]!++;
  return rows.map(({ text }, row) => ({ ...text, ...severalClasses(several[row]!, counts) }));
}

/**
 * Reads a data set from one to three files. The classes are those of the training file; without a dev file a tenth of
 * the training rows, each class in its share, is held out.
 *
 * @throws InputError as {@link readLabelled}, or when the training file has only one class.
 */
export async function datasetFromFiles(options: FileOptions): Promise<Dataset> {
  const { train: path, seed = 0, labelColumn = options.labelColumns ?? "label" } = options;
  const trainFile = await readLabelled(path, options);
  const { labels, multiLabel } = trainFile;
  if (labels.length < 2) {
    throw new InputError(
      `Cannot train on ${path}: expected at least two labels in column "${labelColumn}", found ${
        labels[0] === undefined ? "none" : `only "${shown(labels[0])}"`
      }`,
    );
  }
  const readOther = (other: string | undefined) =>
    other === undefined
      ? undefined
      : readLabelled(other, { ...options, labels, labelsFrom: path, multiLabel });
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
    ...multiLabel ? { multiLabel } : {},
    ...multiLabel && options.labelSeparator === undefined && options.labelColumns === undefined
      ? { labelLists: true }
      : {},
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
