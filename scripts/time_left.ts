/** How long the runs of an experiment will take that are still to be made, by those that were. */
import type { Configuration } from "../lib/configuration.ts";

/**
 * A model that is made for several runs, such as a pre-trained one, takes its time once, in the first run that needs
 * it: runs and models are counted apart.
 */
export class TimeLeft {
  readonly #own = new Mean();
  readonly #making = new Mean();
  #made = 0;

  /** @param due the runs to be made, in their order. */
  constructor(readonly due: readonly Configuration[]) {}

  /**
   * Seconds that are left after the next run of those due is done.
   *
   * @param own what the run took without what it made for others.
   * @param whole what it took in all.
   */
  after(own: number, whole: number): number {
    const before = modelsOf(this.due.slice(0, this.#made));
    const model = modelOf(this.due[this.#made++]!);
    this.#own.add(own);
    if (model !== undefined && !before.has(model)) this.#making.add(Math.max(0, whole - own));
    const left = this.due.slice(this.#made);
    const known = modelsOf(this.due.slice(0, this.#made));
    const models = [...modelsOf(left)].filter((model) => !known.has(model));
    return left.length * this.#own.value + models.length * this.#making.value;
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

/** What tells the model that a run shares with others, if it starts from one that is made. */
function modelOf(
  { model, layers, architecture, preTraining, multiTask, seed }: Configuration,
): string | undefined {
  if (!preTraining && !multiTask) return undefined;
  const pretrained = preTraining && { ...preTraining, point: 0 };
  return JSON.stringify([model, layers, architecture, pretrained, multiTask && [multiTask, seed]]);
}

function modelsOf(configurations: readonly Configuration[]): Set<string | undefined> {
  const models = new Set(configurations.map(modelOf));
  models.delete(undefined);
  return models;
}
