/** Counts rows of one kind, for a sentence on how many there are and where the first is. */
export class RowTally {
  #count = 0;
  #first = 0;

  /** How many were added. */
  get count(): number {
    return this.#count;
  }

  /** Adds the row that starts in a line. */
  add(line: number): void {
    if (this.#count++ === 0) this.#first = line;
  }

  /** "3 rows of FILE … (the first in line 7)", with the words for one row or those for several; "" without rows. */
  note(path: string, one: string, several: string): string {
    if (this.#count === 0) return "";
    const rows = this.#count === 1 ? `1 row of ${path} ${one}` : `${this.#count} rows of ${path} ${several}`;
    return `${rows} (the first in line ${this.#first})`;
  }
}
