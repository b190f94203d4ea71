/** The time that a search has taken. */
import type { StateFile } from "./state.ts";

/** The seconds of all sittings. They are kept now and then, so that a killed sitting counts. */
export class Clock {
  readonly #began = performance.now();
  #kept = performance.now();
  #writing = Promise.resolve();

  constructor(readonly file: StateFile, readonly earlier: number, readonly own?: () => number) {}

  get spent(): number {
    return this.earlier + (this.own?.() ?? (performance.now() - this.#began) / 1000);
  }

  /** To be called often. */
  tick(): void {
    if (performance.now() - this.#kept < 5000) return;
    this.#kept = performance.now();
    this.#writing = this.#writing.then(() => this.file.writeSpent(this.spent));
  }

  async keep(): Promise<void> {
    await this.#writing;
    await this.file.writeSpent(this.spent);
  }
}
