/** The trainings of a search: the texts as each choice reads them, the model to start from, and the cost. */
import { type StartModel, startModel } from "../bert/start_model.ts";
import { pretrained, type Recipe, type RecipeContext, type RecipePreTraining } from "../classifier/recipe.ts";
import { wholeText } from "../data/examples.ts";
import type { Engine } from "../engine/engine.ts";
import { fineTune, type FineTuneContext, type FineTuned } from "../paper/fine_tune.ts";
import { encodeDataset, type EncodedDataset } from "../paper/reading.ts";
import type { FineTuneSettings } from "../paper/settings.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { updatesOf } from "../training/stretches.ts";
import type { Choice } from "./choices.ts";
import { fineTuningFlops, type Pace, readingFlops, type TrainingFlops } from "./cost.ts";

/** Updates that measure the pace. */
const paceSteps = 3;

/** Returns a function that computes each value once. */
function once<Value>(compute: (key: string) => Value): (key: string) => Value {
  const known = new Map<string, Value>();
  return (key) => {
    if (!known.has(key)) known.set(key, compute(key));
    return known.get(key)!;
  };
}

/** Makes the trainings of one search. */
export class Trainings {
  /** Updates of a whole training. */
  readonly total: number;
  readonly #readers = new Map<Tokenizer, (truncation: string) => EncodedDataset>();
  #preTrained: StartModel | undefined;

  constructor(readonly recipe: Recipe, readonly model: StartModel, readonly engine: Engine) {
    this.total = updatesOf(this.#pass, recipe.fineTuning);
  }

  /** Loads the model that a recipe starts from. */
  static async open(recipe: Recipe, engine: Engine): Promise<Trainings> {
    const { data, start, model: name } = recipe;
    const model = await startModel(name, { ...start, labels: data.labels, texts: data.train.map(wholeText) });
    return new Trainings(recipe, model, engine);
  }

  /** Updates of a pass. */
  get #pass(): number {
    return Math.ceil(this.recipe.data.train.length / this.recipe.fineTuning.batchSize);
  }

  /** `true` once the model of the choices with pre-training is there. */
  get isPreTrained(): boolean {
    return this.#preTrained !== undefined;
  }

  /** Returns the texts as a truncation makes them of a model's wordpieces, which are made once for all truncations. */
  read(truncation: string, { tokenizer }: StartModel = this.model): EncodedDataset {
    let reader = this.#readers.get(tokenizer);
    if (!reader) this.#readers.set(tokenizer, reader = this.#reader(tokenizer));
    return reader(truncation);
  }

  #reader(tokenizer: Tokenizer): (truncation: string) => EncodedDataset {
    const { data, fineTuning } = this.recipe;
    const encode = once((text: string) => tokenizer.encode(text));
    return once((text: string) => encodeDataset(data, { ...tokenizer, encode }, { ...fineTuning, text }));
  }

  /** Returns the settings of a choice that is trained for so many updates. */
  settings({ learningRate, layerDecay, truncation: text }: Choice, steps: number): FineTuneSettings {
    const { fineTuning } = this.recipe;
    const maxSteps = steps === this.total ? fineTuning.maxSteps : steps;
    return { ...fineTuning, ...{ learningRate, layerDecay, text, maxSteps } };
  }

  /** Returns the operations of a training. */
  flops(choice: Choice, steps: number): TrainingFlops {
    return fineTuningFlops(
      this.model.config,
      this.settings(choice, steps),
      this.read(choice.truncation),
      this.#pass,
    );
  }

  /** Returns the operations of reading some texts once as a choice does. */
  readingFlops(choice: Choice, texts: number): number {
    const encoded = this.read(choice.truncation);
    const settings = this.settings(choice, this.total);
    return texts / encoded.split.dev.length * readingFlops(this.model.config, settings, encoded);
  }

  /** Trains. */
  async tune(
    from: StartModel,
    choice: Choice,
    steps: number,
    more: Partial<FineTuneContext>,
  ): Promise<FineTuned> {
    // A new model's characters are those of its texts, and pre-training has more of them.
    const encoded = this.read(choice.truncation, this.recipe.model === "new" ? from : this.model);
    const settings = this.settings(choice, steps);
    return await fineTune(from, this.recipe.data, settings, { engine: this.engine, encoded, ...more });
  }

  /** Returns the model that a choice starts from; a pre-trained one is made once, in a folder. */
  async start(
    { recipe }: Choice,
    settings: RecipePreTraining,
    context: Omit<RecipeContext, "engine">,
  ): Promise<StartModel> {
    if (recipe === "fit") return this.model;
    this.#preTrained ??= (await pretrained(this.recipe, settings, { ...context, engine: this.engine })).model;
    return this.#preTrained;
  }

  /** Measures the pace by a few updates of a choice. */
  async pace(choice: Choice): Promise<Pace> {
    const encoded = this.read(choice.truncation);
    const { batchSize } = this.recipe.fineTuning;
    const split = { ...encoded.split, dev: encoded.split.dev.slice(0, batchSize) };
    const times = [performance.now()];
    const onStep = () => void times.push(performance.now());
    await this.tune(this.model, choice, paceSteps, { encoded: { ...encoded, split }, onStep });
    const whole = (performance.now() - times[0]!) / 1000;
    const made = times.length - 1;
    // The first update waits for its program.
    const seconds = times.slice(1).map((time, n) => (time - times[n]!) / 1000);
    const step = Math.min(...seconds.length > 1 ? seconds.slice(1) : seconds);
    const { training } = this.flops(choice, made);
    return { start: Math.max(0, whole - made * step), operation: step / (training / made) };
  }
}
