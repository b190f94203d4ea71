/** `deno task train --budget TIME`: a search for the best way to train. */
import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { calibrationOf, type Recipe } from "../lib/classifier/recipe.ts";
import { surveyLines } from "../lib/classifier/survey.ts";
import { tested } from "../lib/classifier/tested.ts";
import { readLabelled } from "../lib/data/files.ts";
import { type Dataset, overlapNote } from "../lib/data/examples.ts";
import { InputError } from "../lib/errors.ts";
import { searchSection } from "../lib/report/search_section.ts";
import { type ChoiceName, choiceNames } from "../lib/search/choices.ts";
import { searchRecipe, type SearchResult } from "../lib/search/search.ts";
import {
  asJudged,
  choiceSentences,
  judged,
  judgedBy,
  searchEffects,
  trialHead,
  trialRow,
} from "../lib/search/search_text.ts";
import { layoutOf } from "./options.ts";
import { noteStep } from "./output_folder.ts";
import { stopping } from "./stopping.ts";
import { openLog } from "./train_log.ts";
import type { TrainOptions } from "./train_options.ts";
import { type TrainContext, writeTrained } from "./train_output.ts";
import { Phases, progressOf } from "./train_progress.ts";
import { measuresOf } from "../lib/results/evaluation.ts";
import { evaluationsOf } from "./train_result.ts";

/** Returns the choices that the command line states: the search keeps them. */
export function statedChoices(command: Command): ChoiceName[] {
  return choiceNames.filter((name) => command.getOptionValueSource(name) === "cli");
}

/** Searches within the budget, and tests the model that is chosen. */
export async function trainWithin(
  recipe: Recipe,
  fixed: readonly ChoiceName[],
  context: TrainContext,
): Promise<void> {
  const { options, engine, checkpoint, output } = context;
  const { data } = recipe;
  const { preTraining: asked, ...base } = recipe;
  const preTraining = fixed.includes("recipe") && options.recipe === "fit" ? undefined : asked;
  const testTexts = await expectedTestTexts(options, data.train.length + (options.dev ? 0 : data.dev.length));
  output.error(
    `${data.name}: ${data.train.length} training and ${data.dev.length} development texts, ${data.labels.length} ` +
      `labels${data.note ? `; ${data.note}` : ""}` +
      (options.test === undefined ? "" : `; ${options.test} is read when the search has ended`),
  );
  const progress = new Phases();
  const log = await openLog(options);
  const before = progressOf(recipe, progress, output);
  const head = trialHead(judgedBy(data));
  try {
    const found = await searchRecipe(
      { recipe: base, preTraining, fixed, budget: options.budget!, testTexts },
      {
        ...{ engine, checkpoint },
        clock: () => performance.now() / 1000,
        say: (line) => output.error(line),
        onSurvey: (survey) => {
          for (const line of surveyLines(survey, recipe.fineTuning)) output.error(line);
        },
        preTraining: log.part("", before),
        training: (name, steps, number) =>
          log.part(`training-${`${number}`.padStart(2, "0")}`, {
            onStep: ({ step, loss }) => {
              noteStep();
              progress.of(name, steps).update(step, `loss ${loss.toFixed(3)}`);
            },
          }),
        onTrial: (trial, { order, state }) => {
          progress.stop();
          const row = trialRow(trial, order).map((value, n) => `${head[n]} ${value}`);
          output.error(`${state.trials.indexOf(trial) + 1}: ${row.join(", ")}`);
        },
      },
    );
    progress.stop();
    stopping.goOn = undefined;
    for (const line of choiceSentences(found)) output.error(line);
    const { tuned, survey } = found;
    const run = { tuned, survey, ...calibrationOf(tuned.devPredictions!, tuned) };
    const test = await readTest(options, data, output.error);
    const whole = test ? await tested(run, data, test, engine) : run;
    const withTest = { ...data, test: test ?? [] };
    if (test) {
      const note = overlapNote(withTest);
      if (note) output.error(note);
    }
    await writeTrained({
      ...{ recipe: { ...recipe, data: withTest }, run: whole, evaluations: evaluationsOf(whole, withTest) },
      seconds: performance.now() / 1000,
      more: { search: searchEntry(found, options.budget!) },
      part: await searchSection(found),
      sentences: choiceSentences(found),
    }, { ...context, options: withChoice(options, found) });
  } finally {
    progress.stop();
    log.close();
  }
}

/** The options as the search has chosen them. */
function withChoice(options: TrainOptions, { order, trial }: SearchResult): TrainOptions {
  return { ...options, ...order[trial.choice]! };
}

/**
 * Number of test texts, by the sizes of the files alone.
 *
 * @throws InputError if there is no such file: better now than after the search.
 */
async function expectedTestTexts({ train, test }: TrainOptions, rows: number): Promise<number> {
  if (test === undefined) return 0;
  const [own, other] = await Promise.all([train, test].map((path) => stat(path).catch(() => undefined)));
  if (!other) throw new InputError(`Cannot read ${test}: there is no such file; check the path`);
  return own ? Math.ceil(rows * other.size / Math.max(1, own.size)) : 0;
}

/** Reads the test texts; a file that cannot be used costs its measures, not the model. */
async function readTest(
  options: TrainOptions,
  { labels, multiLabel }: Dataset,
  say: (line: string) => void,
) {
  if (options.test === undefined) return undefined;
  const { textColumn, labelColumn, labelSeparator, labelColumns } = options;
  try {
    const file = await readLabelled(options.test, {
      ...layoutOf(options),
      ...{ textColumn, labelColumn, labelSeparator, labelColumns, multiLabel, labels },
      labelsFrom: options.train,
    });
    if (file.note) say(file.note);
    return file.examples;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    say(`${error.message}; the model is not tested: deno task evaluate does it`);
    return undefined;
  }
}

/** Returns the entry of result.json. */
function searchEntry(found: SearchResult, budget: number) {
  const { order, state, trial, space, seconds } = found;
  const effects = searchEffects(found);
  const measure = judged(found);
  const shown = effects?.errors.map((effect) => asJudged(effect, measure));
  return {
    ...{
      budget,
      seconds,
      space,
      chosen: order[trial.choice]!,
      pre_training: state.preTraining && { steps: state.preTraining.steps, passes: state.preTraining.passes },
      ended: state.ended,
    },
    trials: state.trials.map(({ choice, rung, outcome: { steps, seconds, metrics } }) => ({
      ...{ ...order[choice]!, rung, steps, seconds },
      dev: measuresOf(metrics),
    })),
    effects: effects && {
      ...{ steps: effects.steps, trainings: effects.trainings },
      ...measure === "error" ? { error_rate: shown } : { micro_f1: shown },
      loss: effects.losses,
    },
  };
}
