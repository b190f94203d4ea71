/** A trained classifier tested on texts that were read after its training. */
import { aDataset, anEngine, having, listOf, requireArguments } from "../storage/arguments.ts";
import { anything } from "../storage/json.ts";
import type { Dataset, Example } from "../data/examples.ts";
import { configLabels } from "../bert/config.ts";
import type { Engine } from "../engine/engine.ts";
import { encodeDataset } from "../paper/reading.ts";
import { classifierPlan } from "../paper/classifier_plan.ts";
import { textStrategy } from "../paper/long_text.ts";
import type { FineTuned } from "../paper/fine_tune.ts";
import { measure } from "../results/metrics.ts";
import { labelMatrix, measureLabels } from "../results/multi_label.ts";
import { Classifier, type ClassifierOptions } from "./classifier.ts";
import type { RecipeRun } from "./recipe.ts";
import { surveyOf } from "./survey.ts";

/** Makes a classifier of a training that was not saved yet. @param temperature divisor of its logits; 1 if not given */
export function classifierOf(
  { model, parameters, settings, pairs, thresholds }: FineTuned,
  { temperature = 1, ...options }: ClassifierOptions & { readonly temperature?: number },
): Classifier {
  const { config, tokenizer, notes } = model;
  const { maxLength, features = "last" } = settings;
  const labels = configLabels(config)!;
  const text = textStrategy(settings.text, settings);
  const plan = classifierPlan(config, settings);
  return new Classifier(
    {
      ...{ config, labels, parameters, tokenizer, text, maxLength, features },
      ...{ plan, pairs, notes, thresholds, temperature },
    },
    options,
  );
}

/** Returns a run with the measures of a test split, and the survey of the data set with it. */
export async function tested(
  run: RecipeRun,
  data: Dataset,
  test: readonly Example[],
  engine: Engine,
): Promise<RecipeRun> {
  requireArguments("tested", {
    run: [run, having("a run, as runRecipe() returns", "tuned", "survey")],
    data: [data, aDataset],
    test: [test, listOf("a list of examples", anything)],
    engine: [engine, anEngine],
  });
  const { tuned } = run;
  const classifier = classifierOf(tuned, { engine });
  try {
    const probabilities = await classifier.probabilities(test);
    const { labels } = data;
    const { thresholds } = tuned;
    const expected = thresholds ? labelMatrix(test, labels.length) : test.map(({ label }) => label);
    const whole = { ...data, test };
    return {
      ...run,
      survey: surveyOf(whole, encodeDataset(whole, tuned.model.tokenizer, tuned.settings)),
      tuned: {
        ...tuned,
        test: thresholds
          ? measureLabels(probabilities, expected, thresholds)
          : measure(probabilities, expected, labels.length),
        testPredictions: {
          ...{ labels, expected },
          probabilities: Array.from(probabilities, (p) => Number(p.toPrecision(6))),
        },
      },
    };
  } finally {
    await classifier.dispose();
  }
}
