/** Quotes that were meant as characters and swallow the rows up to the next one. */
import { InputError } from "../errors.ts";
import { lineEnd } from "./text_source.ts";

/** Most values of a column, and their most characters, by which a cell is known again. */
const most = { values: 1000, characters: 60 };

/**
 * A check for values that hold rows. The lines of such a value have as many separators as rows have. With tabs between
 * values that is enough; prose has commas too, so there a cell must also occur in the same column of another row.
 */
export class StrayQuotes {
  /** Known values of each column; none of a column that has too many. */
  #known: (Set<string> | undefined)[] = [];
  /** Cells inside values, by column and text, and the line of the value. */
  readonly #suspects = new Map<string, number>();
  #isHeader = true;

  /**
   * @param name name for the error
   * @param separator the character between two values
   */
  constructor(readonly name: string, readonly separator: string) {}

  /** Checks the next record, the header first. @throws InputError if a value seems to hold rows. */
  check({ line, values }: { readonly line: number; readonly values: readonly string[] }): void {
    if (this.#isHeader) {
      this.#isHeader = false;
      this.#known = values.map(() => new Set());
      return;
    }
    const inner = values.length > 1 && values.some((value) => value.includes("\n") || value.includes("\r"));
    for (let column = 0; column < values.length; column++) {
      const known = this.#known[column], value = values[column]!;
      if (!known || known.has(value) || value === "") continue;
      if (known.size < most.values) {
        if (value.length <= most.characters) known.add(value);
        const suspect = this.#suspects.size > 0 && this.#suspects.get(`${column} ${value}`);
        if (suspect) this.#refuse(suspect);
      } else this.#known[column] = undefined;
    }
    if (inner) values.forEach((value, column) => this.#look(value, { column, line, width: values.length }));
  }

  #look(value: string, { column, line, width }: { column: number; line: number; width: number }): void {
    if (!value.includes(this.separator)) return;
    const lines = value.split(lineEnd).map((line) => line.split(this.separator));
    const last = lines.pop()!;
    const [first, ...others] = lines;
    if (!first || first.length !== width - column || last.length !== column + 1) return;
    if (others.some((cells) => cells.length !== width)) return;
    if (this.separator === "\t") this.#refuse(line);
    const rows = [[...Array<string>(column).fill(""), ...first], ...others];
    for (const cells of rows) {
      for (const [place, cell] of cells.entries()) {
        if (place === column || cell === "" || !this.#known[place]) continue;
        if (this.#known[place].has(cell)) this.#refuse(line);
        if (this.#suspects.size < most.values) this.#suspects.set(`${place} ${cell}`, line);
      }
    }
  }

  #refuse(line: number): never {
    throw new InputError(
      `Cannot read ${this.name} as a quote in the row that starts in line ${line} seems to swallow the rows after it: ` +
        "give --quotes none if quotes mean nothing in this file, or --quotes csv if the value does hold these lines",
    );
  }
}
