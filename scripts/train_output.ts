/** The end of `deno task train`: the model folder with result.json and report.html, and what is printed. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ExplainedMistake } from "../lib/classifier/explained_mistakes.ts";
import type { Recipe, RecipeContext, RecipeRun } from "../lib/classifier/recipe.ts";
import { saveClassifier } from "../lib/classifier/save.ts";
import type { Engine } from "../lib/engine/engine.ts";
import type { Fragment } from "../lib/report/html.ts";
import { trainingPage } from "../lib/report/training_page.ts";
import { duration } from "../lib/results/progress.ts";
import { versions } from "../lib/results/provenance.ts";
import type { Output } from "./command.ts";
import type { TrainOptions } from "./train_options.ts";
import { resultOf, resultText, type SplitEvaluation } from "./train_result.ts";

/** A run of `deno task train` that came to its end. */
export interface Ended {
  readonly recipe: Recipe;
  readonly run: RecipeRun;
  readonly evaluations: readonly SplitEvaluation[];
  /** Seconds since the beginning. */
  readonly seconds: number;
  /** Further entries of result.json. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** A further part of the report. */
  readonly part?: Fragment;
  /** Mistakes with what decided them. */
  readonly errors?: readonly ExplainedMistake[];
  /** Sentences that are printed before the measures. */
  readonly sentences?: readonly string[];
}

/** What all ways to train work with. */
export interface TrainContext {
  readonly options: TrainOptions;
  readonly engine: Engine;
  readonly checkpoint: RecipeContext["checkpoint"];
  readonly output: Output;
}

/** Writes the output folder and prints what the run came to. */
export async function writeTrained(
  { recipe: { data }, run, evaluations, seconds, more, part, errors, sentences = [] }: Ended,
  { options, engine, checkpoint, output }: TrainContext,
): Promise<void> {
  const { deno: _, ...packages } = versions();
  const report = join(options.output, "report.html");
  const result = {
    ...resultOf(run, evaluations),
    ...more,
    recipe: options.recipe,
    data: data.fingerprint,
    engine: engine.name,
    precision: options.precision,
    seed: options.seed,
    seconds,
    versions: packages,
  };
  const { name, source } = data;
  const { resume: __, overwrite: ___, ...settings } = options;
  const page = await trainingPage({
    ...{ name, source, run, evaluations, notes: run.tuned.notes, part, errors },
    settings: { ...settings, engine: engine.name, steps: run.tuned.steps, took: duration(result.seconds) },
  });
  await saveClassifier(options.output, run.tuned, run.temperature, {
    "result.json": JSON.stringify(result, null, 2) + "\n",
    "report.html": page,
  });
  await rm(checkpoint.folder, { recursive: true, force: true });
  for (const note of run.tuned.notes) output.error(note);
  for (const line of sentences) output.out(line);
  for (const line of resultText(run, evaluations)) output.out(line);
  output.out(`wrote ${options.output} after ${duration(result.seconds)}; ${report} is the same to read`);
}
