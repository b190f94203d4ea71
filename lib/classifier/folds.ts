/**
 * Cross-validation for small files: the rows are cut into K folds, and K classifiers are trained, each tested on the fold
 * that it has not seen. Its epoch is chosen by a tenth of the other rows, so that the tested fold chooses nothing. Then
 * one classifier is trained on all rows, for as many passes as those kept in the middle.
 *
 * A row counts in a fold's shares as its class; of several labels as the rarest one that it has, or as one without any.
 * Each fold answers with the thresholds that its own tenth has chosen; those of the classifier of all rows are chosen by
 * the predictions of all rows, each by the fold that has not seen it.
 */
import { aDataset, having, requireArguments } from "../storage/arguments.ts";
import { whole } from "../storage/json.ts";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type Dataset,
  type Example,
  fingerprintOf,
  stratifiedOrder,
  stratifiedSplit,
  wholeText,
} from "../data/examples.ts";
import { InputError } from "../errors.ts";
import { fold } from "../random.ts";
import type { Metrics } from "../results/metrics.ts";
import { assignLabels, chooseThresholds, labelMatrix, measureLabels } from "../results/multi_label.ts";
import type { Predictions } from "../results/records.ts";
import { mean, standardDeviation } from "../results/statistics.ts";
import { startModel } from "../bert/start_model.ts";
import type { FineTuned } from "../paper/fine_tune.ts";
import { encodeDataset } from "../paper/reading.ts";
import { unfinished } from "../training/checkpoints.ts";
import { updatesOf } from "../training/stretches.ts";
import { calibrationOf, type Recipe, type RecipeContext, type RecipeRun, runRecipe } from "./recipe.ts";
import { keep, outcomeShape, readKept, recipeIdentity, type RunOutcome } from "./run_outcome.ts";
import { surveyOf } from "./survey.ts";

/** A fold: its data set, whose test split it is, and the places of its rows among all. */
export interface Fold {
  /** Its texts to train on, to choose by and to test on. */
  readonly data: Dataset;
  /** The places of the tested rows. */
  readonly rows: readonly number[];
}

/** The mean of a measure over the folds, and its standard deviation. */
export interface Spread {
  /** The mean. */
  readonly mean: number;
  /** The standard deviation, divided by n − 1. */
  readonly sd: number;
}

/** The result of {@linkcode crossValidate}. */
export interface CrossValidation {
  /** The training of each fold; its measures and predictions are those of the fold. */
  readonly folds: readonly RunOutcome[];
  /** Share of wrong predictions, over the folds; of texts of which any label is wrong, where a text may have several. */
  readonly errorRate: Spread;
  /** Micro F1, over the folds, only where a text may have several labels. */
  readonly microF1?: Spread;
  /** Macro F1, over the folds. */
  readonly macroF1: Spread;
  /** Log loss, over the folds. */
  readonly loss: Spread;
  /** All rows: those to train on, then those to choose by. */
  readonly rows: readonly Example[];
  /** The predictions of all rows, each by the classifier that has not seen it. */
  readonly predictions: Predictions;
  /** [N*C] 1 for each label that a row gets by its fold's thresholds, only where a text may have several. */
  readonly given?: readonly number[];
  /** The classifier of all rows; its temperature is fitted to `predictions`, or its thresholds are chosen by them. */
  readonly run: RecipeRun;
}

/** The context of {@linkcode crossValidate}: that of a recipe, whose survey is of all rows, with callbacks for each part. */
export interface FoldsContext extends Pick<RecipeContext, "engine" | "checkpoint" | "onSurvey"> {
  /** Returns the callbacks of a part: "fold 1", "fold 2", …, and "all rows". */
  part?(name: string): Partial<RecipeContext>;
  /** Told after each fold. */
  onFold?(number: number, outcome: RunOutcome): void;
}

/** Returns the rows that are neither for test: those to train on and those to choose by. */
export function allRows({ train, dev }: Pick<Dataset, "train" | "dev">): Example[] {
  return [...train, ...dev];
}

/** Version of how rows are divided: a cross-validation that was begun by another one is not gone on with. */
const division = 2;

/**
 * Cuts a data set's rows into folds that hold each class in its share: of each class, and of all rows, no fold has two
 * more than another.
 *
 * @throws InputError if there are fewer than two rows a fold.
 */
export function foldsOf(data: Dataset, count: number, seed: number): Fold[] {
  requireArguments("foldsOf", { data: [data, aDataset], count: [count, whole(2)], seed: [seed, whole(0)] });
  const all = allRows(data);
  if (all.length < 2 * count) {
    throw new InputError(
      `Cannot cut ${all.length} rows of ${data.name} into ${count} folds: expected at least two rows a fold`,
    );
  }
  const parts = Array.from({ length: count }, (): number[] => []);
  const classOf = (place: number) => all[place]!.classes?.length === 0 ? -1 : all[place]!.label;
  let before = 0;
  for (const members of Map.groupBy(stratifiedOrder(all, fold(seed, count)), classOf).values()) {
    // The folds' turns go on from class to class. In order, they leave equal texts, which are neighbours, together.
    const turns = members.map((_, n) => (before + n) % count).sort((a, b) => a - b);
    members.forEach((place, n) => parts[turns[n]!]!.push(place));
    before += members.length;
  }
  return parts.map((part) => {
    const rows = part.sort((a, b) => a - b);
    const tested = new Set(rows);
    const others = all.filter((_, place) => !tested.has(place));
    const held = Math.max(1, Math.round(others.length / 10));
    const { train, dev } = stratifiedSplit(others, { dev: held, test: 0 }, seed);
    const splits = { train, dev, test: rows.map((place) => all[place]!) };
    return { rows, data: { ...data, ...splits, fingerprint: fingerprintOf(data.labels, splits) } };
  });
}

/**
 * Cross-validates a recipe, then trains a classifier on all rows. A run that was stopped goes on after its last whole
 * fold, and in the fold that it was in from its last checkpoint.
 *
 * @param recipe its development split is used as training rows; its test split is for the last classifier alone
 * @throws InputError as `runRecipe`, if there are too few rows, the test split would choose the epoch, or what is there is
 * of another run.
 */
export async function crossValidate(
  recipe: Recipe,
  count: number,
  context: FoldsContext,
): Promise<CrossValidation> {
  requireArguments("crossValidate", {
    recipe: [recipe, having("a recipe", "data", "model", "start", "fineTuning")],
    count: [count, whole(2)],
    context: [context, having("an object with an engine and a checkpoint", "engine", "checkpoint")],
  });
  const { data, fineTuning, preTraining } = recipe;
  if (fineTuning.protocol === "paper") {
    throw new InputError(
      'Cannot cross-validate with protocol "paper", by which the tested fold would choose the epoch: expected "clean"',
    );
  }
  const { engine, checkpoint, part = () => ({}) } = context;
  const { folder } = checkpoint;
  const folds = foldsOf(data, count, fineTuning.seed);
  const rows = allRows(data);
  const identity = await recipeIdentity(recipe, { folds: count, division });
  if (!checkpoint.resume) await removeFolds(folder, checkpoint.overwrite);
  await surveyAll(recipe, rows, context);
  const carryOut = (recipe: Recipe, name: string, place: string) =>
    runRecipe(recipe, {
      ...part(name),
      ...{ engine, checkpoint: { ...checkpoint, folder: join(folder, place) } },
    });

  // A fold's data does not hold the test texts.
  const leftOut = [...preTraining?.leftOut ?? [], ...data.test.map(wholeText)];
  const ofFolds = preTraining ? { ...recipe, preTraining: { ...preTraining, leftOut } } : recipe;
  const outcomes: RunOutcome[] = [];
  for (const [n, fold] of folds.entries()) {
    const path = join(folder, `fold-${n + 1}.json`);
    let outcome = await readKept(path, identity, outcomeShape);
    if (!outcome) {
      const start = performance.now();
      const { tuned } = await carryOut({ ...ofFolds, data: fold.data }, `fold ${n + 1}`, `fold-${n + 1}`);
      const { epochs, bestEpoch, steps, test, testPredictions } = tuned;
      const seconds = (performance.now() - start) / 1000;
      outcome = { epochs, bestEpoch, steps, metrics: test!, predictions: testPredictions!, seconds };
      await keep(path, identity, outcome);
      await rm(join(folder, `fold-${n + 1}`), { recursive: true, force: true });
    }
    outcomes.push(outcome);
    context.onFold?.(n + 1, outcome);
  }

  const predictions = {
    labels: data.labels,
    expected: data.multiLabel ? labelMatrix(rows, data.labels.length) : rows.map(({ label }) => label),
    probabilities: inRows(folds, rows.length, (n) => outcomes[n]!.predictions.probabilities),
  };
  const run = await carryOut(recipeOfAll(recipe, rows, outcomes), "all rows", "all-rows");
  const over = (measure: (metrics: Metrics) => number) => {
    const values = outcomes.map(({ metrics }) => measure(metrics));
    return { mean: mean(values), sd: standardDeviation(values)! };
  };
  const given = (n: number) => {
    const { predictions: { probabilities }, metrics } = outcomes[n]!;
    return [...assignLabels(probabilities, metrics.multiLabel!.thresholds)];
  };
  return {
    folds: outcomes,
    errorRate: over(({ errorRate }) => errorRate),
    ...data.multiLabel
      ? { microF1: over(({ multiLabel }) => multiLabel!.microF1), given: inRows(folds, rows.length, given) }
      : {},
    macroF1: over(({ macroF1 }) => macroF1),
    loss: over(({ loss }) => loss),
    ...{ rows, predictions },
    run: data.multiLabel
      ? { ...run, tuned: withThresholds(run.tuned, predictions) }
      : { ...run, ...calibrationOf(predictions, run.tuned) },
  };
}

/** Tells the survey of all rows, and of the test texts. */
async function surveyAll(
  { data, model, start, fineTuning }: Recipe,
  train: readonly Example[],
  { onSurvey }: FoldsContext,
): Promise<void> {
  if (!onSurvey) return;
  const all = { ...data, train, dev: [] };
  const { tokenizer } = await startModel(model, {
    ...start,
    labels: data.labels,
    texts: train.map(wholeText),
  });
  onSurvey(surveyOf(all, encodeDataset(all, tokenizer, { ...fineTuning, keep: "last" })));
}

/** Returns a classifier of several labels with the thresholds that suit predictions, and tested with them. */
function withThresholds(tuned: FineTuned, { labels, expected, probabilities }: Predictions): FineTuned {
  const { thresholds } = chooseThresholds(probabilities, expected, labels.length);
  const { test, testPredictions } = tuned;
  const again = () => measureLabels(testPredictions!.probabilities, testPredictions!.expected, thresholds);
  return { ...tuned, thresholds, test: test && again() };
}

/** The recipe of all rows: as many passes as the folds kept in the middle; the rates fall to 0 by their end. */
function recipeOfAll(recipe: Recipe, rows: readonly Example[], outcomes: readonly RunOutcome[]): Recipe {
  const { data, fineTuning: { patience: _, evaluateEvery: __, ...settings } } = recipe;
  const splits = { train: rows, dev: [], test: data.test };
  const kept = outcomes.map(({ bestEpoch }) => bestEpoch).sort((a, b) => a - b);
  const [low, high] = [kept[Math.floor((kept.length - 1) / 2)]!, kept[Math.floor(kept.length / 2)]!];
  const passes = (low + high) / 2;
  const steps = Math.ceil(rows.length / settings.batchSize);
  const maxSteps = Math.min(updatesOf(steps, settings), Math.max(1, Math.round(passes * steps)));
  return {
    ...recipe,
    data: { ...data, ...splits, fingerprint: fingerprintOf(data.labels, splits) },
    fineTuning: { ...settings, epochs: Math.ceil(maxSteps / steps), maxSteps, keep: "last" },
  };
}

/** Returns the values of the folds' rows, C each, in the order of all rows [N*C]. */
function inRows(folds: readonly Fold[], count: number, valuesOf: (n: number) => readonly number[]): number[] {
  const each = new Array<readonly number[]>(count);
  for (const [n, { rows }] of folds.entries()) {
    const values = valuesOf(n);
    const C = values.length / rows.length;
    rows.forEach((row, place) => each[row] = values.slice(place * C, (place + 1) * C));
  }
  return each.flat();
}

/** Removes what an earlier run left. @throws InputError if there is something, and it is not to be replaced. */
async function removeFolds(folder: string, overwrite = false): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).filter((name) =>
    /^(fold-\d+(\.json)?|all-rows)$/.test(name)
  );
  if (names.length > 0 && !overwrite) throw unfinished(folder);
  for (const name of names) await rm(join(folder, name), { recursive: true, force: true });
}
