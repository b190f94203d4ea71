/** Tables of tasks that a classifier of texts does not do: they are refused by name. */
import { shown } from "../storage/byte_source.ts";
import { InputError } from "../errors.ts";
import type { Row } from "../tables/table.ts";

/** Rows with a label for each token, as of named entities or parts of speech. */
export class TokenLabels {
  #line: number | undefined;
  #others = false;

  /** Looks at a row: its text and its label are lists of the same length, or they are not. */
  add(
    { line, typed }: Pick<Row, "line" | "typed">,
    textColumns: readonly string[],
    labelColumn: string,
  ): void {
    const label = typed?.get(labelColumn);
    if (!Array.isArray(label)) return;
    const isOfTokens = textColumns.some((column) => {
      const tokens = typed!.get(column);
      return Array.isArray(tokens) && tokens.length === label.length;
    });
    if (isOfTokens) this.#line ??= line;
    else this.#others = true;
  }

  /** @throws InputError if all lists of labels are as long as those of the tokens. */
  refuse(path: string): void {
    if (this.#line === undefined || this.#others) return;
    throw new InputError(
      `Cannot use ${path}: the text in line ${this.#line} has a label for each of its tokens, and labels of tokens are ` +
        "not among the tasks: expected one label a text",
    );
  }
}

/** Rows from which on labels that are numbers can be told to be amounts. */
const leastRows = 20;

/** Refuses labels that are amounts: numbers, most with a fraction, and most of them different. */
export function refuseAmounts(
  path: string,
  rows: readonly { readonly label: string; readonly line: number }[],
): void {
  if (rows.length < leastRows || rows.some(({ label }) => !Number.isFinite(Number(label)))) return;
  const fractions = rows.filter(({ label }) => !Number.isInteger(Number(label)));
  const different = new Set(rows.map(({ label }) => label)).size;
  if (2 * fractions.length < rows.length || 2 * different < rows.length) return;
  const { label, line } = fractions[0]!;
  throw new InputError(
    `Cannot train on ${path}: the labels are amounts, such as ${
      shown(label)
    } in line ${line}, and regression is not ` +
      "among the tasks: expected classes; make ranges of the amounts, with a name for each",
  );
}
