/** The trainings of a search: the texts as each choice reads them, the model to start from, and the cost. */
import { type StartModel, startModel } from "../bert/start_model.ts";
import { pretrained, type Recipe, type RecipeContext, type RecipePreTraining } from "../classifier/recipe.ts";
import { wholeText } from "../data/examples.ts";
import type { Engine } from "../engine/engine.ts";
import { fineTune, type FineTuneContext, type FineTuned } from "../paper/fine_tune.ts";
import { encodeDataset, type EncodedDataset } from "../paper/reading.ts";
import type { FineTuneSettings } from "../paper/settings.ts";
import { updatesOf } from "../training/stretches.ts";
import type { Choice } from "./choices.ts";
import { fineTuningFlops, type Pace, readingFlops, type TrainingFlops } from "./cost.ts";

/** Updates that measure the pace. */
const paceSteps = 3;

/** Makes the trainings of one search. */
export class Trainings {
  /** Updates of a whole training. */
  readonly total: number;
  readonly #pieces = new Map<string, Int32Array>();
  readonly #read = new Map<string, EncodedDataset>();
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

  /** Returns the texts as a truncation makes them; wordpieces are made once for all. */
  read(truncation: string): EncodedDataset {
    const { data, fineTuning } = this.recipe;
    const { tokenizer } = this.model;
    const encode = (text: string) => {
      const known = this.#pieces.get(text) ?? tokenizer.encode(text);
      this.#pieces.set(text, known);
      return known;
    };
    const known = this.#read.get(truncation) ??
      encodeDataset(data, { ...tokenizer, encode }, { ...fineTuning, text: truncation });
    this.#read.set(truncation, known);
    return known;
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
    const encoded = this.read(choice.truncation);
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
