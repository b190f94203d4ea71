/** `deno task train`: the general solution (lib/classifier/recipe.ts) on one's own labelled files. */
import { Command } from "commander";
import { explainedMistakes } from "../lib/classifier/explained_mistakes.ts";
import { chooseEngine, openEngine } from "../lib/engine/open.ts";
import { type Recipe, runRecipe } from "../lib/classifier/recipe.ts";
import { surveyLines } from "../lib/classifier/survey.ts";
import { InputError } from "../lib/errors.ts";
import { type Output, runMain, standardOutput, standWhereUserStood } from "./command.ts";
import { refuseSameFolder, trainInto } from "./output_folder.ts";
import { stopping } from "./stopping.ts";
import { statedChoices, trainWithin } from "./train_budget.ts";
import { trainFolds } from "./train_folds.ts";
import { openLog } from "./train_log.ts";
import { recipeOf, refusePreTraining, type TrainOptions, withTrainOptions } from "./train_options.ts";
import { type TrainContext, writeTrained } from "./train_output.ts";
import { Phases, progressOf } from "./train_progress.ts";
import { evaluationsOf } from "./train_result.ts";

/** The command, not yet run. */
export function trainCommand(output: Output): Command {
  const command = new Command("train")
    .description(
      "Fine-tunes a model on labelled texts, if asked for after pre-training it further on the same texts without their " +
        "labels. The output folder is a Hugging Face model folder with bertlab.json (how it was trained), result.json " +
        "(what it came to) and report.html (the same to read).",
    );
  return withTrainOptions(command).action((options: TrainOptions, command: Command) =>
    train(options, command, output)
  );
}

async function train(options: TrainOptions, command: Command, output: Output): Promise<void> {
  if (options.folds !== undefined && options.budget !== undefined) {
    throw new InputError(
      "Cannot use --folds with --budget: search first, then cross-validate what was chosen",
    );
  }
  const stated = statedChoices(command);
  if (stated.includes("recipe") && options.recipe === "fit") refusePreTraining(options);
  const recipe = await recipeOf(options, output.error);
  await refuseSameFolder(options.model, options.output);
  await trainInto(options, output.error, async (checkpoint) => {
    const open = async () =>
      await openEngine(await chooseEngine(options.engine, output.error), options.precision, options.devices);
    const within = async (action: (context: TrainContext) => Promise<void>) => {
      const engine = await open();
      await action({ options, engine, checkpoint, output }).finally(() => engine.dispose());
    };
    if (options.folds !== undefined) return await within((context) => trainFolds(recipe, context));
    if (options.budget !== undefined) {
      return await within((context) => trainWithin(recipe, stated, context));
    }
    sayData(recipe, output);
    await within((context) => trainOnce(recipe, context));
  });
}

function sayData({ data }: Recipe, output: Output): void {
  output.error(
    `${data.name}: ${data.train.length} training, ${data.dev.length} development and ${data.test.length} test texts, ` +
      `${data.labels.length} labels${data.note ? `; ${data.note}` : ""}`,
  );
}

async function trainOnce(recipe: Recipe, context: TrainContext): Promise<void> {
  const { options, engine, checkpoint, output } = context;
  const start = performance.now();
  const progress = new Phases();
  const log = await openLog(options);
  try {
    const run = await runRecipe(recipe, {
      ...{ engine, checkpoint: { ...checkpoint, every: options.checkpointEvery } },
      onSurvey: (survey) => {
        for (const line of surveyLines(survey, recipe.fineTuning)) output.error(line);
      },
      ...log.part("", progressOf(recipe, progress, output)),
    });
    progress.stop();
    stopping.goOn = undefined;
    if (run.tuned.test) log.test("", run.tuned.test, run.tuned.steps);
    const evaluations = evaluationsOf(run, recipe.data);
    await writeTrained({
      ...{ recipe, run, evaluations },
      errors: await explainedMistakes(run, recipe.data, evaluations.at(-1)!, engine),
      seconds: (performance.now() - start) / 1000,
    }, context);
  } finally {
    progress.stop();
    log.close();
  }
}

if (import.meta.main) {
  standWhereUserStood();
  await runMain(trainCommand(standardOutput));
}
