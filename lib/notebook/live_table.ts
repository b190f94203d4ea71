/** A table that grows while a cell runs: in a notebook one display that is drawn anew, elsewhere its lines on standard error. */
import { oneLine } from "../printable.ts";
import { markdown } from "../results/markdown.ts";
import { type Broadcast, kernelBroadcast } from "./live.ts";

/** A live table. */
export class LiveTable {
  readonly #rows: string[][] = [];
  readonly #notes: string[] = [];
  #isDrawn = false;
  #sent = Promise.resolve();
  readonly #transient = { display_id: crypto.randomUUID() };

  /**
   * @param head headings of the columns
   * @param options.broadcast the kernel's function; undefined outside a notebook
   * @param options.say writes a line outside a notebook
   */
  constructor(
    readonly head: readonly string[],
    readonly options: {
      readonly broadcast?: Broadcast;
      readonly say?: (line: string) => void;
    } = { broadcast: kernelBroadcast(), say: console.error },
  ) {}

  /** Adds a sentence above the table. */
  note(line: string): void {
    this.#notes.push(oneLine(line));
    this.#draw(oneLine(line));
  }

  /** Adds a row. */
  row(row: readonly string[]): void {
    this.#rows.push([...row]);
    this.#draw(row.map((value, n) => `${this.head[n]} ${value}`).join(", "));
  }

  /** Waits until all is drawn. */
  async end(): Promise<void> {
    await this.#sent;
  }

  #draw(line: string): void {
    const { broadcast, say } = this.options;
    if (!broadcast) return say?.(line);
    const table = this.#rows.length > 0 ? [markdown(this.head, this.#rows, this.head.length)] : [];
    const text = [...this.#notes, ...table].join("\n\n");
    const data = { "text/plain": text, "text/markdown": text };
    const type = this.#isDrawn ? "update_display_data" : "display_data";
    this.#isDrawn = true;
    this.#sent = this.#sent.then(() => broadcast(type, { data, metadata: {}, transient: this.#transient }));
  }
}
