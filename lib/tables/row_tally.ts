/** A count of rows of one kind, for a sentence with their number and the line of the first. */
export class RowTally {
  #count = 0;
  #first = 0;

  /** Number of rows added. */
  get count(): number {
    return this.#count;
  }

  /** Adds the row that starts in a line. */
  add(line: number): void {
    if (this.#count++ === 0) this.#first = line;
  }

  /** Returns "3 rows of FILE … (the first in line 7)", worded for one row or for several; "" without rows. */
  note(path: string, one: string, several: string): string {
    if (this.#count === 0) return "";
    const rows = this.#count === 1 ? `1 row of ${path} ${one}` : `${this.#count} rows of ${path} ${several}`;
    return `${rows} (the first in line ${this.#first})`;
  }
}
