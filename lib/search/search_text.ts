/** A search in tables and sentences, for the terminal, a notebook and the report. */
import { having, requireArguments } from "../storage/arguments.ts";
import { duration } from "../results/progress.ts";
import { type BootstrapResult, pairedBootstrap } from "../results/statistics.ts";
import { percent } from "../wording.ts";
import { type Choice, choiceText, levelText, rateText } from "./choices.ts";
import { type Effect, effectsOf } from "./effects.ts";
import type { SearchResult } from "./search.ts";
import { errorsOf, type Trial } from "./state.ts";

/** The measure by which trainings are compared: the error or, where a text may have several labels, micro F1. */
export type Judged = "error" | "micro F1";

/** Returns the measure by which the trainings of a data set are compared. */
export const judgedBy = ({ multiLabel }: { readonly multiLabel?: unknown }): Judged =>
  multiLabel ? "micro F1" : "error";

/** Returns the measure by which the trainings of a search were compared. */
export const judged = ({ state: { trials } }: Pick<SearchResult, "state">): Judged =>
  judgedBy(trials[0]!.outcome.metrics);

/** Returns a difference of errors as one of the measure: micro F1 is larger where the error is smaller. */
export function asJudged<Interval extends Pick<Effect, "difference" | "low" | "high">>(
  interval: Interval,
  measure: Judged,
): Interval {
  if (measure === "error") return interval;
  const { difference, low, high } = interval;
  return { ...interval, difference: -difference, low: -high, high: -low };
}

/** Returns the headings of {@linkcode trialRow}. */
export const trialHead = (measure: Judged): string[] => [
  ...["steps", "recipe", "rate", "layer decay", "truncation"],
  ...[measure, "macro F1", "loss", "time"],
];

/** A training as a line of a table. */
export function trialRow({ choice, outcome }: Trial, order: readonly Choice[]): string[] {
  const { recipe, learningRate, layerDecay, truncation } = order[choice]!;
  const { steps, metrics: { errorRate, multiLabel, macroF1, loss }, seconds } = outcome;
  return [
    `${steps}`,
    recipe,
    rateText(learningRate),
    `${layerDecay}`,
    truncation,
    multiLabel ? multiLabel.microF1.toFixed(4) : percent(errorRate, 2),
    macroF1.toFixed(4),
    loss.toFixed(4),
    duration(seconds),
  ];
}

/**
 * What each choice was worth: differences of the share of mistakes (of 1 − micro F1 where a text may have several labels) and
 * of the loss on the development texts.
 */
export interface SearchEffects {
  /** Updates of the trainings that are compared. */
  readonly steps: number;
  /** Number of these trainings. */
  readonly trainings: number;
  /** Differences of the share of mistakes, or of 1 − micro F1. */
  readonly errors: readonly Effect[];
  /** Differences of the loss. */
  readonly losses: readonly Effect[];
}

/** Returns what each choice was worth in the lowest rung that compares any; undefined if there are too few trainings. */
export function searchEffects(
  result: Pick<SearchResult, "space" | "order" | "state">,
): SearchEffects | undefined {
  requireArguments("searchEffects", {
    result: [result, having("the result of a search", "space", "order", "state")],
  });
  const { space, order, state } = result;
  for (const [rung, { steps }] of state.rungs.entries()) {
    const trials = state.trials.filter((trial) => trial.rung === rung);
    if (trials.length < 2) continue;
    const measured = (values: (trial: Trial) => ArrayLike<number>) =>
      effectsOf(space, trials.map((trial) => ({ choice: order[trial.choice]!, values: values(trial) })));
    const errors = measured(({ outcome }) => errorsOf(outcome));
    if (errors.length === 0) continue;
    return { steps, trainings: trials.length, errors, losses: measured(lossesOf) };
  }
  return undefined;
}

/** The loss of each development text. */
function lossesOf(
  { outcome: { metrics, predictions: { labels, expected, probabilities } } }: Trial,
): number[] {
  const C = labels.length;
  const lossOf = (p: number) => -Math.log(Math.max(1e-12, p));
  if (!metrics.multiLabel) return expected.map((label, n) => lossOf(probabilities[n * C + label]!));
  const answer = (at: number) => lossOf(expected[at] === 1 ? probabilities[at]! : 1 - probabilities[at]!);
  return Array.from(
    { length: expected.length / C },
    (_, n) => labels.reduce((sum, _, c) => sum + answer(n * C + c), 0) / C,
  );
}

/** A whole training against the default's on the same development texts. */
export interface AgainstDefault {
  readonly trial: Trial;
  /** Difference of the share of mistakes, or of 1 − micro F1, with its 95 % interval over the texts. */
  readonly difference: BootstrapResult;
}

/** Returns the trainings of the highest rung against the default's in it; none if that is alone there. */
export function againstDefault({ state }: Pick<SearchResult, "state">): AgainstDefault[] {
  const rung = Math.max(...state.trials.map(({ rung }) => rung));
  const trials = state.trials.filter((trial) => trial.rung === rung);
  const base = trials.find(({ choice }) => choice === 0);
  if (!base) return [];
  const own = errorsOf(base.outcome);
  return trials.filter((trial) => trial !== base)
    .map((trial) => ({ trial, difference: pairedBootstrap(errorsOf(trial.outcome), own) }));
}

/** Writes an effect: "tail rather than head+tail". */
export function effectText({ level }: Effect, base: Choice): string {
  const other = base[level.name];
  const text = level.name === "learningRate" ? rateText(other as number) : other;
  return `${levelText(level)} rather than ${text}`;
}

/** The sentences on the end of a search. */
export function choiceSentences(
  { order, state, trial, seconds }: Pick<SearchResult, "order" | "state" | "trial" | "seconds">,
): string[] {
  const { metrics: { errorRate, multiLabel }, steps } = trial.outcome;
  const [better, measured] = multiLabel
    ? ["had a larger micro F1", `micro F1 ${multiLabel.microF1.toFixed(4)}`]
    : ["made fewer mistakes", `error ${percent(errorRate, 2)}`];
  const others = state.trials.filter(({ rung, choice }) => rung === trial.rung && choice !== trial.choice);
  const why = trial.choice === 0
    ? others.length === 0
      ? "no other training was as long"
      : `${
        others.length === 1 ? "not even the other" : `none of the ${others.length} others`
      } ${better} by more than one standard error`
    : `it ${better} than the default by more than one standard error`;
  return [
    `Chosen: ${choiceText(order[trial.choice]!)}${
      trial.choice === 0 ? " (the default)" : ""
    }, ${steps} steps, ` +
    `development ${measured}, as ${why}`,
    `${state.trials.length} trainings in ${duration(seconds)}` + (state.ended ? `; ${state.ended}` : ""),
  ];
}
