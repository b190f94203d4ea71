/** A search for the best way to train, and a cross-validation, in a few lines of a notebook. */
import { aDataset, having, requireArguments } from "../storage/arguments.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crossValidate, type CrossValidation } from "../classifier/folds.ts";
import { foldsFigure, foldsSentence } from "../classifier/folds_text.ts";
import { calibrationOf, type Recipe } from "../classifier/recipe.ts";
import { tested } from "../classifier/tested.ts";
import type { Dataset } from "../data/examples.ts";
import { escapeMarkdown } from "../printable.ts";
import { figureSvg } from "../results/figures.ts";
import { markdown } from "../results/markdown.ts";
import type { Draft } from "../runs/configuration.ts";
import { budgetSeconds } from "../search/budget.ts";
import type { ChoiceName } from "../search/choices.ts";
import { searchRecipe, type SearchResult } from "../search/search.ts";
import {
  asJudged,
  choiceSentences,
  effectText,
  judged,
  judgedBy,
  searchEffects,
  trialHead,
  trialRow,
} from "../search/search_text.ts";
import { type Displayable, withDisplay } from "./displayable.ts";
import { LiveCurve, type WatchedStep } from "./live.ts";
import { LiveTable } from "./live_table.ts";
import { classifyBy, trainDraft, type TrainedClassifier, type TrainSettings, withEngineOf } from "./train.ts";

/** The settings of a search: those of the default recipe, and what is searched. */
export interface SearchSettings extends Omit<TrainSettings, "log"> {
  /** The time for all of it, such as "30m". */
  readonly budget: string;
  /** Choices that keep the value of the default recipe. */
  readonly fixed?: readonly ChoiceName[];
  /** Texts to pre-train on besides the training texts. */
  readonly unlabelled?: readonly string[];
  /** Folder of the search's state, so that a cell that was stopped goes on; a temporary one if not given. */
  readonly folder?: string;
}

/** A classifier that was searched for. */
export interface FoundClassifier extends TrainedClassifier {
  /** The search that it came from. */
  readonly search: SearchResult;
}

/**
 * Searches for the best way to train within a budget, by the development texts alone; a notebook shows a table of the
 * trainings meanwhile. The test texts, if there are any, are read by the chosen classifier at the end.
 *
 * @throws InputError as `searchRecipe`.
 */
export async function searchClassifier(data: Dataset, settings: SearchSettings): Promise<FoundClassifier> {
  requireArguments("searchClassifier", {
    data: [data, aDataset],
    settings: [settings, having('an object with a budget, such as { budget: "30m" }', "budget")],
  });
  const { budget, fixed, unlabelled = [], folder, ...own } = settings;
  const seconds = budgetSeconds(budget, "the budget");
  const { draft, tuning } = trainDraft({ learningRate: 5e-5, layerDecay: 0.95, ...own });
  const recipe = recipeOf({ ...data, test: [] }, draft, tuning);
  const withEngine = withEngineOf(draft);
  const preTraining = fixed?.includes("recipe") ? undefined : { unlabelled };
  const table = new LiveTable(trialHead(judgedBy(data)));
  const found = await inFolder(folder, (folder) =>
    withEngine(async (engine) => {
      const search = await searchRecipe(
        { recipe, preTraining, fixed, budget: seconds, testTexts: data.test.length },
        {
          ...{ engine, checkpoint: { folder, resume: true } },
          say: (line) => table.note(line),
          onTrial: (trial, { order }) => table.row(trialRow(trial, order)),
        },
      );
      const { tuned, survey } = search;
      const run = { tuned, survey, ...calibrationOf(tuned.devPredictions!, tuned) };
      const whole = data.test.length > 0 ? await tested(run, data, data.test, engine) : run;
      return { search, tuned: whole.tuned };
    })).finally(() => table.end());
  const { search, tuned } = found;
  const text = searchMarkdown(search);
  const classifier = { ...tuned, labels: data.labels, search, classify: classifyBy(tuned, withEngine) };
  return withDisplay(classifier, () => ({ text, markdown: text }));
}

function searchMarkdown(search: SearchResult): string {
  const { order } = search;
  const effects = searchEffects(search);
  const points = (share: number) => (100 * share).toFixed(2);
  const measure = judged(search);
  const worth = effects?.errors.map((effect) => asJudged(effect, measure)).map((effect) => [
    escapeMarkdown(effectText(effect, order[0]!)),
    points(effect.difference),
    `${points(effect.low)} to ${points(effect.high)}`,
  ]);
  return [
    ...choiceSentences(search).map(escapeMarkdown),
    ...worth && effects
      ? [
        `What each choice was worth in ${effects.trainings} trainings of ${effects.steps} steps:`,
        markdown(["", `development ${measure}, points`, "95 % interval"], worth),
      ]
      : [],
  ].join("\n\n");
}

/** The settings of a cross-validation. */
export interface FoldsSettings extends Omit<TrainSettings, "log"> {
  /** K; 5 if not given. */
  readonly folds?: number;
  /** Folder of the folds that are done, so that a cell that was stopped goes on; a temporary one if not given. */
  readonly folder?: string;
}

/** A classifier of all rows, with the cross-validation that tells how good it is. */
export interface CrossValidatedClassifier extends TrainedClassifier {
  /** The folds and their means. */
  readonly crossValidation: CrossValidation;
}

/**
 * Cross-validates the training of a classifier and trains one on all rows; a notebook draws a curve of each fold.
 *
 * @throws InputError as `crossValidate`.
 */
export async function crossValidateClassifier(
  data: Dataset,
  settings: FoldsSettings = {},
): Promise<CrossValidatedClassifier & Displayable> {
  requireArguments("crossValidateClassifier", {
    data: [data, aDataset],
    settings: [settings, having("an object with settings, such as { folds: 5 }")],
  });
  const { folds = 5, folder, ...own } = settings;
  const { draft, tuning } = trainDraft(own);
  const recipe = recipeOf(data, draft, tuning);
  const withEngine = withEngineOf(draft);
  const error = data.multiLabel ? "texts not wholly right" : "error";
  const table = new LiveTable([
    ...["fold", "texts", error, "macro F1", "loss"],
    ...data.multiLabel ? ["micro F1"] : [],
  ]);
  const curves = new Curves();
  const found = await inFolder(folder, (folder) =>
    withEngine((engine) =>
      crossValidate(recipe, folds, {
        ...{ engine, checkpoint: { folder, resume: true } },
        part: (name) => ({ onStep: curves.begin(`${data.name}, ${name}`) }),
        onFold: (n, { metrics: { examples, errorRate, macroF1, loss, multiLabel } }) => {
          const own = multiLabel ? [multiLabel.microF1] : [];
          const numbers = [errorRate, macroF1, loss, ...own].map((value) => value.toFixed(4));
          table.row([`${n}`, `${examples}`, ...numbers]);
        },
      })
    )).finally(() => Promise.all([table.end(), curves.end()]));
  const { tuned } = found.run;
  const text = foldsSentence(found);
  return withDisplay(
    { ...tuned, labels: data.labels, crossValidation: found, classify: classifyBy(tuned, withEngine) },
    () => ({ text, svg: () => figureSvg(foldsFigure(found.folds)) }),
  );
}

/** A live curve for each of several trainings. */
class Curves {
  #current: LiveCurve | undefined;
  #ended = Promise.resolve();

  /** Begins the curve of a training, and ends the one before. */
  begin(label: string): (step: WatchedStep) => void {
    void this.end();
    const curve = new LiveCurve(label);
    this.#current = curve;
    return (step) => curve.step(step);
  }

  async end(): Promise<void> {
    const curve = this.#current;
    this.#current = undefined;
    this.#ended = this.#ended.then(() => curve?.end());
    await this.#ended;
  }
}

function recipeOf(data: Dataset, draft: Draft, fineTuning: Recipe["fineTuning"]): Recipe {
  const { model, seed, layers, architecture } = draft;
  return {
    ...{ data, model, fineTuning },
    start: { seed, layers: layers ?? undefined, architecture, say: console.error },
  };
}

/** Does something with a folder, or with a temporary one that is removed. */
async function inFolder<Result>(
  folder: string | undefined,
  action: (folder: string) => Promise<Result>,
): Promise<Result> {
  if (folder !== undefined) return await action(folder);
  const temporary = await mkdtemp(join(tmpdir(), "bertlab-"));
  return await action(temporary).finally(() => rm(temporary, { recursive: true, force: true }));
}
