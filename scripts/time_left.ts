/** Time of an experiment's runs that are still to be made, by those that were. */
import type { Configuration } from "../lib/runs/configuration.ts";
import { sharedModels } from "../lib/runs/expected_time.ts";

/**
 * A model that is made for several runs, such as a pre-trained one, takes its time once, in the first run that needs
 * it: runs and models are counted apart.
 */
export class TimeLeft {
  readonly #own = new Mean();
  readonly #making = new Mean();
  /** The model that each run starts from, if that is made for several. */
  readonly #models: readonly (string | undefined)[];
  #made = 0;

  /** @param due the runs to be made, in their order. */
  constructor(due: readonly Configuration[]) {
    this.#models = due.map(sharedModels).map(({ pretrained, multiTask }) => multiTask ?? pretrained);
  }

  /**
   * Seconds that are left after the next run of those due is done.
   *
   * @param own seconds of the run without those of making models for others.
   * @param whole seconds of the run in all.
   */
  after(own: number, whole: number): number {
    const known = new Set(this.#models.slice(0, this.#made));
    const model = this.#models[this.#made++];
    this.#own.add(own);
    if (model !== undefined && !known.has(model)) this.#making.add(Math.max(0, whole - own));
    known.add(model).add(undefined);
    const left = this.#models.slice(this.#made);
    const models = new Set(left.filter((model) => !known.has(model)));
    return left.length * this.#own.value + models.size * this.#making.value;
  }
}

class Mean {
  #sum = 0;
  #count = 0;

  /** Zero of nothing. */
  get value(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  add(value: number): void {
    this.#sum += value;
    this.#count++;
  }
}
