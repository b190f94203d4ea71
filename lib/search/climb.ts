/** A search on its way: it measures the pace, decides, trains, and keeps each decision before it is carried out. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Recipe, RecipeContext, RecipePreTraining } from "../classifier/recipe.ts";
import { InputError } from "../errors.ts";
import type { FineTuneContext, FineTuned } from "../paper/fine_tune.ts";
import { duration } from "../results/progress.ts";
import { fromCheckpoints } from "../training/checkpoints.ts";
import { isBest, keepBest } from "./best_model.ts";
import type { Clock } from "./clock.ts";
import { type Choice, type ChoiceName, choiceText, informativeOrder, type Space } from "./choices.ts";
import { type Pace, secondsOf, type TrainingFlops } from "./cost.ts";
import { decide } from "./decisions.ts";
import { planText, rungText } from "./plan_text.ts";
import { planPreTraining } from "./pretraining_plan.ts";
import { affordableSteps, ladder } from "./rungs.ts";
import { chosen, type SearchState, type StateFile, type Trial } from "./state.ts";
import type { Trainings } from "./trainings.ts";

/** What is searched for, and for how long. */
export interface SearchOptions {
  /** The default recipe: its rate, decay and truncation, and the data without test texts. */
  readonly recipe: Recipe;
  /** Settings of pre-training: one of the choices, or, with `recipe` among `fixed`, before all; none if not given. */
  readonly preTraining?: RecipePreTraining;
  /** Choices that keep the default's value. */
  readonly fixed?: readonly ChoiceName[];
  /** Seconds, with all earlier sittings. */
  readonly budget: number;
  /** Updates of the shortest trainings at least; 64 if not given, as fewer teach nothing that could be compared. */
  readonly leastSteps?: number;
  /** Number of texts that the chosen model is to be tested on after the search, which takes its time, too. */
  readonly testTexts?: number;
}

/** Engine, checkpoints and callbacks of {@linkcode searchRecipe}. */
export interface SearchContext extends Pick<RecipeContext, "engine" | "checkpoint" | "onSurvey"> {
  /** Seconds of this sitting; counted from the call if not given. */
  clock?(): number;
  /** Told what is tried and what it costs. */
  say?(line: string): void;
  /** Returns callbacks for a training, from its name, its updates and its number, from 1. */
  training?(name: string, steps: number, number: number): Pick<FineTuneContext, "onStep" | "onEpoch">;
  /** Callbacks of pre-training. */
  readonly preTraining?: Pick<RecipeContext, "onPreTraining" | "onPreTrainingStep" | "onEvaluation">;
  /** Told after each training, and of all that were made in earlier sittings. */
  onTrial?(trial: Trial, found: SearchProgress): void;
}

/** Where a search is. */
export interface SearchProgress {
  /** All choices in the order in which the lowest rung takes them. */
  readonly order: readonly Choice[];
  /** What was decided, and what came of it. */
  readonly state: SearchState;
}

/** Share of the budget that is planned with; the rest is for what cannot be foreseen. */
const planned = 0.95;
/** Share of the budget after which a training is given up; that of the default, without which there is no whole one. */
const latest = { other: 1, default: 1.06 };
/** Seconds for the final model and its report. */
const ending = 5;

/** Thrown to end a training that takes longer than the budget allows. */
class OutOfTime extends Error {}

/** A search on its way. */
export class Search {
  #state: SearchState | undefined;
  #order: readonly Choice[] = [];
  #told = 0;

  constructor(
    readonly options: SearchOptions,
    readonly context: SearchContext,
    readonly file: StateFile,
    readonly clock: Clock,
    readonly trainings: Trainings,
    public space: Space,
  ) {}

  get state(): SearchState {
    return this.#state!;
  }

  get isBegun(): boolean {
    return this.#state !== undefined;
  }

  get order(): readonly Choice[] {
    return this.#order;
  }

  async #keep(changes: Partial<SearchState>): Promise<void> {
    this.#state = { ...this.state, ...changes };
    await this.file.write(this.state);
  }

  /** Goes on with what is kept; else measures the pace and decides how long trainings are. */
  async begin(base: Choice): Promise<void> {
    const { trainings, options: { budget } } = this;
    const { say = () => {} } = this.context;
    this.#state = await this.file.read();
    if (!this.#state) await this.#plan(base);
    const { preTraining, ladder, pace } = this.state;
    if (!preTraining) this.space = { ...this.space, recipe: ["fit"] };
    const { seed } = this.options.recipe.fineTuning;
    const expected = (choice: Choice, steps: number) => secondsOf(trainings.flops(choice, steps), pace);
    const operations = ({ training, evaluation }: TrainingFlops) => training + evaluation;
    this.#order = informativeOrder(
      this.space,
      (choice) => operations(trainings.flops(choice, ladder[0]!)),
      seed,
    );
    const { total } = trainings;
    const text = { space: this.space, state: this.state, total, budget, cost: expected(base, total) };
    for (const line of planText(text)) say(line);
    this.#tell();
  }

  async #plan(base: Choice): Promise<void> {
    const { trainings, options: { budget, recipe, preTraining: asked, fixed = [], leastSteps } } = this;
    const { say = () => {} } = this.context;
    const pace = await trainings.pace(base);
    const cost = (steps: number) => secondsOf(trainings.flops(base, steps), pace);
    const top = affordableSteps(trainings.total, this.#left(pace, base), cost);
    if (top === undefined) {
      throw new InputError(
        `Cannot train within ${duration(budget)} as the default recipe takes about ${
          duration(cost(trainings.total))
        }: give --budget more time, or --max-length less than ${recipe.fineTuning.maxLength}`,
      );
    }
    const isOpen = asked && (base.recipe === "itpt-fit" || !fixed.includes("recipe"));
    const left = this.#left(pace, base);
    const seconds = Math.min(left / 4, left - 2 * cost(top));
    const preTraining = isOpen ? await planPreTraining(recipe, asked, { seconds, pace, say }) : undefined;
    if (base.recipe === "itpt-fit" && !preTraining) {
      throw new InputError(
        `Cannot pre-train within ${
          duration(budget)
        }: give --budget more time, or fewer steps by --pretrain-steps`,
      );
    }
    this.#state = {
      pace,
      ...preTraining ? { preTraining } : {},
      ladder: ladder(top, leastSteps),
      rungs: [],
      trials: [],
    };
    await this.#keep({});
  }

  /**
   * Forgets the last training if its classifier was chosen and the process was killed before that was kept: it is made
   * again from its last checkpoint.
   */
  async dropUnkept(): Promise<void> {
    const { trials } = this.state;
    if (trials.length === 0 || await isBest(join(this.context.checkpoint.folder, "best"), chosen(trials))) {
      return;
    }
    await this.#keep({ trials: trials.slice(0, -1) });
  }

  /** Seconds that are left to plan with. */
  #left(pace: Pace, base: Choice): number {
    const { options: { budget }, clock: { spent } } = this;
    return planned * budget - spent - this.#ending(pace, base) - this.#preTraining;
  }

  /** Seconds of pre-training that are still to come. */
  get #preTraining(): number {
    const { preTraining, trials } = this.#state ?? { trials: [] };
    const isMade = this.trainings.isPreTrained ||
      trials.some(({ choice }) => this.#order[choice]!.recipe === "itpt-fit");
    return isMade ? 0 : preTraining?.seconds ?? 0;
  }

  /** Seconds from the choice to the end: the test, the model and the report. */
  #ending({ operation }: Pace, base: Choice): number {
    return ending + operation * this.trainings.readingFlops(base, this.options.testTexts ?? 0);
  }

  /** The pace by all trainings so far. */
  get #pace(): Pace {
    const { trials, pace: { start, operation } } = this.state;
    if (trials.length === 0) return { start, operation };
    const flops = trials.map(({ choice, outcome: { steps } }) =>
      this.trainings.flops(this.#order[choice]!, steps)
    );
    const operations = flops.reduce((sum, { training, evaluation }) => sum + training + evaluation, 0);
    const seconds = trials.reduce((sum, { outcome }) => sum + Math.max(0, outcome.seconds - start), 0);
    return { start, operation: seconds / operations };
  }

  /** Trains the choices of each rung. */
  async climb(): Promise<void> {
    for (const [rung, steps] of this.state.ladder.entries()) {
      if (this.state.ended !== undefined) return;
      if (!this.state.rungs[rung]) await this.#decide(rung, steps);
      for (const place of this.state.rungs[rung]!.choices) {
        if (this.state.trials.some((trial) => trial.rung === rung && trial.choice === place)) continue;
        if (!await this.#train(place, rung, steps)) break;
      }
    }
  }

  async #decide(rung: number, steps: number): Promise<void> {
    const [order, pace] = [this.#order, this.#pace];
    const left = this.#left(pace, order[0]!);
    const cost = (place: number, steps: number) =>
      secondsOf(this.trainings.flops(order[place]!, steps), pace);
    const choices = decide(rung, { order, state: this.state, left, cost });
    await this.#keep({ rungs: [...this.state.rungs, { steps, choices }] });
    if (choices.length > 0) this.context.say?.(rungText(rung, this.state, left));
  }

  /** Leaves out what a rung has not trained; without the last rung's the search has ended. */
  async #endRung(rung: number, why: string): Promise<void> {
    const { rungs, trials, ladder } = this.state;
    const made = (place: number) => trials.some((trial) => trial.rung === rung && trial.choice === place);
    await this.#keep({
      rungs: rungs.map((one, n) => n === rung ? { ...one, choices: one.choices.filter(made) } : one),
      ...rung === ladder.length - 1 ? { ended: why } : {},
    });
    this.context.say?.(why);
  }

  /** Trains a choice; returns false if there is no time for it. */
  async #train(place: number, rung: number, steps: number): Promise<boolean> {
    const { context: { checkpoint: { folder } } } = this;
    const choice = this.#order[place]!;
    const isLast = rung === this.state.ladder.length - 1;
    const share = isLast && place === 0 ? latest.default : latest.other;
    const limit = share * this.options.budget - this.#ending(this.#pace, this.#order[0]!);
    const cost = (choice: Choice, steps: number) =>
      secondsOf(this.trainings.flops(choice, steps), this.#pace);
    const before = choice.recipe === "itpt-fit" ? this.#preTraining : 0;
    // The default's whole training is still to come.
    const kept = isLast ? 0 : cost(this.#order[0]!, this.state.ladder.at(-1)!);
    const mayWait = this.state.trials.length > 0 && !(isLast && place === 0);
    if (mayWait && this.clock.spent + before + cost(choice, steps) + kept > limit) {
      await this.#endRung(rung, `no time was left for ${choiceText(choice)}, ${steps} steps`);
      return false;
    }
    let made: { tuned: FineTuned; seconds: number };
    try {
      made = await this.#tune(choice, steps, limit);
    } catch (error) {
      if (!(error instanceof OutOfTime)) throw error;
      await this.#endRung(rung, `the time was over in the training of ${choiceText(choice)}, ${steps} steps`);
      return false;
    }
    const { tuned, seconds } = made;
    const { epochs, bestEpoch, dev, devPredictions, steps: updates } = tuned;
    const measured = { metrics: dev!, predictions: devPredictions! };
    const outcome = { epochs, bestEpoch, ...measured, steps: updates, seconds };
    const trial = { choice: place, rung, outcome };
    const trials = [...this.state.trials, trial];
    await this.#keep({ trials });
    if (chosen(trials) === trial) await keepBest(join(folder, "best"), trial, tuned);
    await rm(join(folder, "trial"), { recursive: true, force: true });
    this.#tell();
    return true;
  }

  /** Returns a choice's classifier and the seconds of its training in all sittings, without pre-training. */
  async #tune(choice: Choice, steps: number, limit: number): Promise<{ tuned: FineTuned; seconds: number }> {
    const { context: { checkpoint: { folder, stop }, say = () => {} }, trainings, options, clock } = this;
    const from = await trainings.start(
      choice,
      { ...options.preTraining!, passes: undefined, steps: this.state.preTraining?.steps },
      {
        ...this.context.preTraining,
        onPreTrainingStep: (report) => {
          this.context.preTraining?.onPreTrainingStep?.(report);
          clock.tick();
        },
        checkpoint: { folder, resume: true, stop },
      },
    );
    const start = performance.now();
    const made = this.state.trials.length;
    const told = this.context.training?.(`${choiceText(choice)}, ${steps} steps`, steps, made + 1);
    const onStep: FineTuneContext["onStep"] = (report) => {
      told?.onStep?.(report);
      clock.tick();
      if (clock.spent > limit && made > 0) throw new OutOfTime();
    };
    const tuned = await fromCheckpoints(
      join(folder, "trial"),
      say,
      (checkpoint) => trainings.tune(from, choice, steps, { checkpoint, onStep, onEpoch: told?.onEpoch }),
      stop,
    );
    return { tuned, seconds: (performance.now() - start) / 1000 + (tuned.earlierSeconds ?? 0) };
  }

  #tell(): void {
    const { order, state } = this;
    for (const trial of state.trials.slice(this.#told)) this.context.onTrial?.(trial, { order, state });
    this.#told = state.trials.length;
  }
}
