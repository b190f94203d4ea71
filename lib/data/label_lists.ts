/** Texts that may have several labels each: in a cell with a separator, as a JSON list, or as columns of 0 and 1. */
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import { cellText } from "../tables/rows.ts";
import type { Row } from "../tables/table.ts";
import type { Example } from "./examples.ts";
import { labelHints, plainLabel } from "./label_hints.ts";

/** Places of a row's labels. */
export interface LabelOptions {
  /** Column of the label; "label" if not given. */
  readonly labelColumn?: string;
  /** The text between two labels of a cell, where a text may have several. */
  readonly labelSeparator?: string;
  /** Columns of 0 and 1 with commas between: each is a label, which a text has or not. */
  readonly labelColumns?: string;
  /** `true` if a text may have several labels, which is else found out from the file. */
  readonly multiLabel?: boolean;
  /** `true` if a blank cell is no answer, as in files of lists, also where a separator is given. */
  readonly labelLists?: boolean;
}

/** A row with a text and a label. */
export interface LabelledRow {
  readonly text: Omit<Example, "label">;
  readonly label: string;
  /** The label as it is written. */
  readonly given: string;
  readonly line: number;
  /** Tokens of a text that is a list of them. */
  readonly tokens?: number;
  /** The labels of a text that may have several. */
  readonly names?: readonly string[];
}

/**
 * Returns a function from a row to its labels, which gives undefined for a row without an answer (a null, a missing
 * field, and where labels are lists a blank cell); undefined if nothing tells that a text has several.
 *
 * @param columns those of {@linkcode LabelOptions.labelColumns}, one by one
 * @throws InputError if two options contradict each other.
 */
export function labelReader(
  path: string,
  columns: readonly string[] | undefined,
  { labelColumn = "label", labelSeparator: separator, multiLabel, labelLists }: LabelOptions,
): ((row: Row) => string[] | undefined) | undefined {
  if (columns && separator !== undefined) {
    throw new InputError(
      "Cannot use --label-separator with --label-columns: labels are in one column with a separator, or in columns of " +
        "0 and 1",
    );
  }
  if (separator === "") {
    throw new InputError("Cannot use an empty --label-separator: give the text between two labels");
  }
  if (columns) return (row) => columns.filter((column) => isSet(path, row, column));
  if (separator === undefined && !multiLabel) return undefined;
  return ({ line, values, typed }) => {
    if (typed && (typed.get(labelColumn) ?? null) === null) return undefined;
    const cell = values.get(labelColumn) ?? "";
    const list = listOf(cell);
    if (list) return namesOf(path, line, list);
    if ((separator === undefined || labelLists) && plainLabel(cell) === "") return undefined;
    const parts = separator === undefined ? [cell] : cell.split(separator);
    return unique(parts.map(plainLabel));
  };
}

/** Tells whether a cell of 0 and 1 is 1. @throws InputError if it is neither. */
function isSet(path: string, { line, values }: Row, column: string): boolean {
  const value = (values.get(column) ?? "").trim();
  if (/^(1(\.0+)?|true)$/i.test(value)) return true;
  if (/^(0(\.0+)?|false)$/i.test(value)) return false;
  throw new InputError(
    `Cannot use ${path} as line ${line} has "${shown(value)}" in column "${
      shown(column)
    }", which --label-columns ` +
      "names: expected 0 or 1",
  );
}

/** Returns the list that a cell holds as JSON, if it does. */
export function listOf(cell: string): unknown[] | undefined {
  const found = cell.startsWith("[") ? jsonOf(cell) : undefined;
  return Array.isArray(found) ? found : undefined;
}

/** Returns the value of a text in JSON; undefined if it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Returns the labels of rows that are JSON lists, and of others among them as they are; the rows themselves if most of
 * them are no lists.
 *
 * @throws InputError if a list holds something else than labels.
 */
export function readLists(path: string, rows: readonly LabelledRow[]): readonly LabelledRow[] {
  const lists = rows.map(({ label }) => listOf(label));
  if (lists.filter((list) => list).length <= rows.length / 2) return rows;
  return rows.map((row, place) => {
    const list = lists[place];
    return { ...row, names: list ? namesOf(path, row.line, list) : [row.label] };
  });
}

function namesOf(path: string, line: number, list: readonly unknown[]): string[] {
  const odd = list.find((item) => typeof item === "object" && item !== null);
  if (odd !== undefined) {
    throw new InputError(
      `Cannot use ${path}: the labels in line ${line} hold ${
        shown(cellText(odd))
      }: expected a list of texts or numbers`,
    );
  }
  const names = list.map((item) => plainLabel(cellText(item)));
  if (names.every((name) => name === "0" || name === "1") && new Set(names).size < names.length) {
    throw new InputError(
      `Cannot use ${path}: the labels in line ${line} are a list of 0 and 1: expected the labels' names in a list, or a ` +
        "column for each label (--label-columns)",
    );
  }
  return unique(names);
}

const unique = (names: readonly string[]) => [...new Set(names.filter((name) => name !== ""))];

/**
 * Returns the places of a text's labels as an example has them.
 *
 * @param counts texts of each class, by which the rarest is found
 */
export function severalClasses(
  places: readonly number[],
  counts: readonly number[],
): Required<Pick<Example, "label" | "classes">> {
  const classes = places.toSorted((a, b) => a - b);
  const rarest = classes.reduce(
    (rarest, place) => counts[place]! < counts[rarest]! ? place : rarest,
    classes[0] ?? 0,
  );
  return { label: rarest, classes };
}

/**
 * Returns sentences on the labels of texts that may have several.
 *
 * @param all the labels of all texts, one after another
 */
export function severalHints(
  all: readonly string[],
  rows: readonly { readonly names?: readonly string[] }[],
  { labelColumn = "label", labelSeparator, labelColumns }: LabelOptions,
): string[] {
  const told = labelSeparator !== undefined || labelColumns !== undefined;
  return [
    ...told ? [] : [`a text may have several labels, as those of "${shown(labelColumn)}" are lists`],
    ...rows.every(({ names }) => names?.length === 1)
      ? [
        "each text has exactly one label: give them without a list, a separator or columns of 0 and 1, and one class is " +
        "chosen for each text",
      ]
      : [],
    ...labelColumns === undefined ? labelHints(all, labelColumn) : [],
  ];
}

/**
 * Returns how labels stand in a file for a model: where it gives a text several, they are lists, columns, or in a cell with
 * ";" between if nothing else is given.
 *
 * @param labelLists `true` if the model's training file had lists; a blank cell is then no answer, unless a separator is
 * given
 * @throws InputError if options are given for several labels, and the model gives a text one.
 */
export function labelLayout(
  { labelSeparator, labelColumns }: Pick<LabelOptions, "labelSeparator" | "labelColumns">,
  model: string,
  multiLabel: boolean,
  labelLists = false,
): Pick<LabelOptions, "labelSeparator" | "labelColumns" | "multiLabel" | "labelLists"> {
  if (multiLabel) {
    const separator = labelColumns === undefined ? labelSeparator ?? ";" : labelSeparator;
    const lists = labelLists && labelSeparator === undefined;
    return { labelColumns, labelSeparator: separator, multiLabel, labelLists: lists };
  }
  const given = [["--label-separator", labelSeparator], ["--label-columns", labelColumns]] as const;
  const odd = given.find(([, value]) => value !== undefined);
  if (odd) throw new InputError(`Cannot use ${odd[0]} as ${model} gives each text one label: leave it out`);
  return {};
}
