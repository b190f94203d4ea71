/**
 * A search for the best way to train within a budget of time: successive halving (rungs.ts) over the choices of the
 * paper's general solution (choices.ts), judged by the development split alone: by the error or, where a text may have
 * several labels, by micro F1, as early stopping is. The default recipe is always trained whole, and stays unless another
 * is better by more than chance (state.ts).
 *
 * What it does next depends on time, so each decision is kept before it is carried out: a search that was stopped goes on
 * with the same ones.
 */
import { having, requireArguments } from "../storage/arguments.ts";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { recipeIdentity } from "../classifier/run_outcome.ts";
import { type Survey, surveyOf } from "../classifier/survey.ts";
import type { FineTuned } from "../paper/fine_tune.ts";
import { unfinished } from "../training/checkpoints.ts";
import { readBest } from "./best_model.ts";
import { Clock } from "./clock.ts";
import { type Choice, type Space, spaceAround } from "./choices.ts";
import { chosen, StateFile, type Trial } from "./state.ts";
import { Trainings } from "./trainings.ts";
import { Search, type SearchContext, type SearchOptions, type SearchProgress } from "./climb.ts";

export type { SearchContext, SearchOptions, SearchProgress };

/** The result of a search. */
export interface SearchResult extends SearchProgress {
  /** The values that were open. */
  readonly space: Space;
  /** The training that was chosen. */
  readonly trial: Trial;
  /** Its classifier. */
  readonly tuned: FineTuned;
  /** The survey of the data set, without test texts. */
  readonly survey: Survey;
  /** Seconds of all sittings up to the choice. */
  readonly seconds: number;
}

/**
 * Searches for the best recipe.
 *
 * @throws InputError as `fineTune`, if the budget does not allow any training, or what is in the folder is of another
 * search; RangeError if the data has test texts.
 */
export async function searchRecipe(options: SearchOptions, context: SearchContext): Promise<SearchResult> {
  requireArguments("searchRecipe", {
    options: [options, having("an object with a recipe and a budget", "recipe", "budget")],
    context: [context, having("an object with an engine and a checkpoint", "engine", "checkpoint")],
  });
  const { recipe, fixed } = options;
  const { folder, resume, overwrite } = context.checkpoint;
  if (recipe.data.test.length > 0) throw new RangeError("A search gets no test texts");
  const file = new StateFile(
    folder,
    await recipeIdentity(recipe, { search: 2, fixed, preTraining: options.preTraining }),
  );
  if (!resume) {
    const isThere = await file.read().catch(() => true);
    if (isThere && !overwrite) throw unfinished(folder);
    await rm(folder, { recursive: true, force: true });
  }
  const isBegun = await file.read() !== undefined;
  const clock = new Clock(file, isBegun ? await file.spent() : 0, context.clock);
  const trainings = await Trainings.open(recipe, context.engine);
  const base = baseOf(options);
  const encoded = trainings.read(base.truncation);
  const survey = surveyOf(recipe.data, encoded);
  context.onSurvey?.(survey);
  const cutsTexts = encoded.cut > 0 && !encoded.pairs;
  const search = new Search(
    options,
    context,
    file,
    clock,
    trainings,
    spaceAround(base, { fixed, cutsTexts }),
  );
  try {
    await search.begin(base);
    await search.dropUnkept();
    await search.climb();
  } finally {
    if (search.isBegun) await clock.keep();
  }
  const { space, order, state } = search;
  const trial = chosen(state.trials);
  const settings = trainings.settings(order[trial.choice]!, state.ladder[trial.rung]!);
  const tuned = await readBest(join(folder, "best"), trial, settings);
  return { space, order, state, trial, tuned, survey, seconds: clock.spent };
}

/** Returns the default's choices. */
function baseOf({ recipe: { fineTuning }, fixed, preTraining }: SearchOptions): Choice {
  const { learningRate, layerDecay, text } = fineTuning;
  return {
    recipe: fixed?.includes("recipe") && preTraining ? "itpt-fit" : "fit",
    ...{ learningRate, layerDecay, truncation: typeof text === "string" ? text : text.name },
  };
}
