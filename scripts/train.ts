/** `deno task train`: the general solution (lib/classifier/recipe.ts) on one's own labelled files. */
import { Command } from "commander";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { explainedMistakes } from "../lib/classifier/explained_mistakes.ts";
import { saveClassifier } from "../lib/classifier/save.ts";
import { chooseEngine, openEngine } from "../lib/engine/open.ts";
import { type Recipe, type RecipeContext, runRecipe } from "../lib/classifier/recipe.ts";
import { trainingPage } from "../lib/report/training_page.ts";
import { duration, type Progress, showProgress } from "../lib/results/progress.ts";
import { versions } from "../lib/results/provenance.ts";
import { surveyLines } from "../lib/classifier/survey.ts";
import { type Output, runMain, standardOutput, standWhereUserStood } from "./command.ts";
import { noteStep, refuseSameFolder, trainInto } from "./output_folder.ts";
import { stopping } from "./stopping.ts";
import { recipeOf, type TrainOptions, withTrainOptions } from "./train_options.ts";
import { evaluationsOf, preTrainingSentence, resultOf, resultText, sentence } from "./train_result.ts";
import { percent } from "../lib/wording.ts";

/** The command, not yet run. */
export function trainCommand(output: Output): Command {
  const command = new Command("train")
    .description(
      "Fine-tunes a model on labelled texts, if asked for after pre-training it further on the same texts without their " +
        "labels. The output folder is a Hugging Face model folder with bertlab.json (how it was trained), result.json " +
        "(what it came to) and report.html (the same to read).",
    );
  return withTrainOptions(command).action((options: TrainOptions) => train(options, output));
}

async function train(options: TrainOptions, output: Output): Promise<void> {
  const recipe = await recipeOf(options, output.error);
  await refuseSameFolder(options.model, options.output);
  await trainInto(options, output.error, async (checkpoint) => {
    await trainWith(recipe, options, checkpoint, output);
  });
}

async function trainWith(
  recipe: Recipe,
  options: TrainOptions,
  checkpoint: RecipeContext["checkpoint"],
  output: Output,
): Promise<void> {
  const start = performance.now();
  const { data } = recipe;
  output.error(
    `${data.name}: ${data.train.length} training, ${data.dev.length} development and ${data.test.length} test texts, ` +
      `${data.labels.length} labels${data.note ? `; ${data.note}` : ""}`,
  );
  const engine = await openEngine(
    await chooseEngine(options.engine, output.error),
    options.precision,
    options.devices,
  );
  const report = join(options.output, "report.html");
  const progress = phases();
  try {
    const run = await runRecipe(recipe, {
      engine,
      checkpoint: { ...checkpoint, every: options.checkpointEvery },
      onSurvey: (survey) => {
        for (const line of surveyLines(survey, recipe.fineTuning)) output.error(line);
      },
      ...progressOf(recipe, progress, output),
    });
    progress.stop();
    stopping.goOn = undefined;
    const evaluations = evaluationsOf(run, data);
    const { deno: ___, ...packages } = versions();
    const result = {
      ...resultOf(run, evaluations),
      recipe: options.recipe,
      data: data.fingerprint,
      engine: engine.name,
      precision: options.precision,
      seed: options.seed,
      seconds: (performance.now() - start) / 1000,
      versions: packages,
    };
    const { name, source } = data;
    const errors = await explainedMistakes(run, data, evaluations.at(-1)!, engine);
    const { resume: _, overwrite: __, ...settings } = options;
    const page = await trainingPage({
      ...{ name, source, run, evaluations, errors, notes: run.tuned.notes },
      settings: { ...settings, engine: engine.name, steps: run.tuned.steps, took: duration(result.seconds) },
    });
    await saveClassifier(options.output, run.tuned, run.temperature, {
      "result.json": JSON.stringify(result, null, 2) + "\n",
      "report.html": page,
    });
    await rm(checkpoint.folder, { recursive: true, force: true });
    for (const note of run.tuned.notes) output.error(note);
    for (const part of resultText(run, evaluations)) output.out(part);
    output.out(
      `wrote ${options.output} after ${duration(result.seconds)}; ${report} is the same to read`,
    );
  } finally {
    progress.stop();
    engine.dispose();
  }
}

/** Progress of one thing after another. */
function phases() {
  let current: { readonly label: string; readonly progress: Progress } | undefined;
  const stop = () => current?.progress.stop();
  return {
    /** That of a label; another label ends what was before. */
    of(label: string, steps: number): Progress {
      if (current?.label !== label) {
        stop();
        current = { label, progress: showProgress(label, steps, "steps") };
      }
      return current!.progress;
    },
    stop,
  };
}

/** Returns callbacks that tell the progress of the recipe. */
function progressOf(
  { fineTuning, data, preTraining: settings }: Recipe,
  progress: ReturnType<typeof phases>,
  output: Output,
): Partial<RecipeContext> {
  const steps = fineTuning.epochs * Math.ceil(data.train.length / fineTuning.batchSize);
  const training = () => progress.of("training", steps);
  let preTraining = 0;
  const before = () => progress.of("pre-training", preTraining);
  return {
    onPreTraining: (plan) => {
      preTraining = plan.headSteps + plan.steps;
      output.error(preTrainingSentence(plan, settings?.batchSize ?? 32));
    },
    onPreTrainingStep: ({ step, loss }) => {
      noteStep();
      before().update(step, `loss ${loss.toFixed(3)}`);
    },
    onEvaluation: ({ step, mlmLoss, mlmAccuracy }) =>
      before().log(
        `step ${step}: masked words of the development texts: loss ${mlmLoss.toFixed(3)}, ` +
          `${percent(mlmAccuracy)} right`,
      ),
    onStep: ({ step, loss }) => {
      noteStep();
      training().update(step, `loss ${loss.toFixed(3)}`);
    },
    onEpoch: ({ epoch, trainLoss, dev }) =>
      training().log(
        `epoch ${epoch}: training loss ${trainLoss.toFixed(3)}${dev ? `, ${sentence(dev)}` : ""}`,
      ),
  };
}

if (import.meta.main) {
  await standWhereUserStood();
  await runMain(trainCommand(standardOutput));
}
