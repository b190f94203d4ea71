/** Predictions for the rows of a table, some thousand rows at a time, so that the table may be larger than memory. */
import type { Classification, ClassifierText } from "./classification.ts";
import type { Classifier } from "./classifier.ts";
import { wholeText } from "../data/examples.ts";
import { hasTokens, textOf } from "../data/files.ts";
import type { Row } from "../tables/table.ts";
import type { RowTally } from "../tables/row_tally.ts";
import type { OutputRow } from "../tables/rows.ts";
import { InputError } from "../errors.ts";
import { shortened } from "../wording.ts";

/** Names of the columns that predictions add to a table. */
export interface PredictionColumns {
  /** The predicted class, or labels. */
  readonly label: string;
  /** Its probability, or theirs. */
  readonly probability: string;
  /** The probability of each class, in their order; empty where these are not asked for. */
  readonly classes: readonly string[];
  /** The explanation, where one is asked for. */
  readonly explanation?: string;
}

/**
 * Names of the columns that are added: "label", "probability" and, if asked for, "probability_CLASS" for each class and
 * "explanation", with "predicted_" before those that the table has already. Where a text may have several labels the
 * first two are "labels" and "probabilities".
 */
export function predictionColumns(
  columns: readonly string[],
  labels: readonly string[],
  { probabilities = false, multiLabel = false, explain = false }: {
    readonly probabilities?: boolean;
    readonly multiLabel?: boolean;
    readonly explain?: boolean;
  } = {},
): PredictionColumns {
  const taken = new Set(columns);
  const free = (name: string) => {
    let found = name;
    for (let n = 1; taken.has(found); n++) found = `predicted_${name}${n > 1 ? `_${n}` : ""}`;
    taken.add(found);
    return found;
  };
  return {
    label: free(multiLabel ? "labels" : "label"),
    probability: free(multiLabel ? "probabilities" : "probability"),
    classes: probabilities ? labels.map((label) => free(`probability_${label}`)) : [],
    ...explain ? { explanation: free("explanation") } : {},
  };
}

/** Returns the names of all added columns in their order. */
export function namesOf({ label, probability, classes, explanation }: PredictionColumns): string[] {
  return [label, probability, ...classes, ...explanation === undefined ? [] : [explanation]];
}

/** Options of {@linkcode predictRows}. */
export interface PredictRowsOptions {
  /** The table's name for errors. */
  readonly name?: string;
  /** The columns of the texts, of which two are a pair. */
  readonly textColumns: readonly string[];
  /** The columns that are added. */
  readonly added: PredictionColumns;
  /** The text between several labels of a text, and between their probabilities; if not given they are lists. */
  readonly labelSeparator?: string;
  /** The table's columns, where the output can have no others. */
  readonly columns?: readonly string[];
  /** Counts rows without a text, which get no label. */
  readonly withoutText?: RowTally;
  /** Counts rows whose text holds NUL characters, which are no text. */
  readonly withNul?: RowTally;
  /** Counts rows whose text holds U+FFFD, in place of characters that were lost. */
  readonly withLost?: RowTally;
  /** Counts rows whose text is a list of tokens. */
  readonly withTokens?: RowTally;
  /** Explains a text's label, for the column of explanations. */
  readonly explain?: (text: ClassifierText, label: string) => Promise<unknown>;
  /** Told on the way how many rows are done. */
  readonly onRows?: (done: number) => void;
}

/** Rows, characters and probabilities that are held at once, at most. */
const window = { rows: 4096, characters: 1 << 23, probabilities: 1 << 22 };

/**
 * The rows with their predictions, in the same order and as many.
 *
 * @throws InputError if a row has a column that the output cannot have; what `rows` throws is thrown on.
 */
export async function* predictRows(
  rows: AsyncIterable<Row>,
  classifier: Pick<Classifier, "labels" | "classify">,
  options: PredictRowsOptions,
): AsyncGenerator<OutputRow[]> {
  const {
    name = "the table",
    textColumns,
    added,
    columns,
    labelSeparator,
    withoutText,
    withNul,
    withLost,
    withTokens,
    explain,
    onRows,
  } = options;
  const most = Math.max(
    1,
    Math.min(window.rows, Math.floor(window.probabilities / classifier.labels.length)),
  );
  const known = columns && new Set(columns);
  const own = new Set(namesOf(added));
  let done = 0;
  for await (const some of windows(rows, most)) {
    const texts = some.map((row) => {
      const { line, values } = row;
      const late = [...values.keys()].find((column) => known ? !known.has(column) : own.has(column));
      if (late !== undefined) {
        throw new InputError(
          `Cannot write the column ${
            JSON.stringify(late)
          }, which line ${line} is the first to have, as the columns ` +
            "are settled by then: give a file instead of standard input",
        );
      }
      if (hasTokens(row, textColumns)) withTokens?.add(line);
      const text = textOf(row, textColumns, name);
      const whole = wholeText(text);
      if (whole.includes("\0")) withNul?.add(line);
      if (whole.includes("\ufffd")) withLost?.add(line);
      if (whole.trim() !== "") return text;
      withoutText?.add(line);
    });
    const found = await classifier.classify(
      texts.filter((text) => text !== undefined),
      added.explanation === undefined ? (texts) => onRows?.(done + texts) : undefined,
    );
    let next = 0;
    const predicted: OutputRow[] = [];
    for (const [place, { values, typed }] of some.entries()) {
      const row = new Map<string, unknown>(typed ?? values);
      const prediction = texts[place] && found[next++];
      const [label, probability] = prediction
        ? answerOf(prediction, classifier, labelSeparator)
        : [null, null];
      row.set(added.label, label);
      row.set(added.probability, probability);
      added.classes.forEach((column, c) =>
        row.set(column, prediction ? rounded(prediction.probabilities[c]!) : null)
      );
      if (added.explanation !== undefined) {
        row.set(added.explanation, prediction ? await explain!(texts[place]!, prediction.label) : null);
        onRows?.(done + place + 1);
      }
      predicted.push(row);
    }
    onRows?.(done += some.length);
    yield predicted;
  }
}

/** Returns the cells of a prediction: its class and the probability, or its labels and theirs. */
function answerOf(
  { label, probability, labels, probabilities }: Classification,
  classifier: Pick<Classifier, "labels">,
  separator: string | undefined,
): [unknown, unknown] {
  if (!labels) return [label, rounded(probability)];
  const own = labels.map((name) => rounded(probabilities[classifier.labels.indexOf(name)]!));
  return separator === undefined ? [labels, own] : [labels.join(separator), own.join(separator)];
}

/** @throws InputError, with the advice, if a label has the separator in it, which would make two of it. */
export function requireSeparable(
  labels: readonly string[],
  separator: string,
  advice = "give another --label-separator, or an output in JSON Lines",
): void {
  const odd = labels.find((label) => label.includes(separator));
  if (odd === undefined) return;
  throw new InputError(
    `Cannot write several labels with "${separator}" between as the label "${
      shortened(odd, 60)
    }" has it: ${advice}`,
  );
}

const rounded = (probability: number) => Number(probability.toPrecision(6));

/** Consecutive rows, at most so many, and fewer where they are long. */
async function* windows(rows: AsyncIterable<Row>, most: number): AsyncGenerator<Row[]> {
  let some: Row[] = [];
  let characters = 0;
  for await (const row of rows) {
    some.push(row);
    for (const value of row.values.values()) characters += value.length;
    if (some.length < most && characters < window.characters) continue;
    yield some;
    [some, characters] = [[], 0];
  }
  if (some.length > 0) yield some;
}
