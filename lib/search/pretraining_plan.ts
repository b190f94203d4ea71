/** The length of further pre-training that a search can afford. */
import { startModel } from "../bert/start_model.ts";
import { preTrainingTexts, type Recipe, type RecipePreTraining, stepsOf } from "../classifier/recipe.ts";
import { duration } from "../results/progress.ts";
import { encodeDocuments } from "../paper/segments.ts";
import { type Pace, preTrainingFlops } from "./cost.ts";
import type { SearchPreTraining } from "./state.ts";

/**
 * Returns the length of pre-training: what is asked for, or as much of it as the time allows; undefined, with a sentence,
 * where that is less than a pass over the texts.
 */
export async function planPreTraining(
  recipe: Recipe,
  { unlabelled: given, ...settings }: RecipePreTraining,
  { seconds, pace, say }: {
    readonly seconds: number;
    readonly pace: Pace;
    readonly say: (line: string) => void;
  },
): Promise<SearchPreTraining | undefined> {
  const { data, model: name, start, fineTuning } = recipe;
  const { labelled, unlabelled } = preTrainingTexts(data, given);
  const texts = [...labelled, ...unlabelled];
  const model = await startModel(name, { ...start, preTraining: {}, texts });
  const { documents } = encodeDocuments(texts, model.tokenizer, data.language);
  const asked = stepsOf(model, documents, { unlabelled: given, ...settings }, start.seed);
  const { step, headStep } = preTrainingFlops(model.config, fineTuning, asked, settings);
  // New heads are trained alone for a tenth of the steps, a hundred at most.
  const perStep = pace.operation * (step + (asked.headSteps > 0 ? headStep / 10 : 0));
  const { batchSize = 32 } = settings;
  const pass = Math.max(1, Math.ceil(asked.sequences / batchSize));
  const steps = Math.min(asked.steps, Math.floor((seconds - pace.start) / perStep));
  const least = Math.min(pass, asked.steps);
  if (steps < least) {
    say(
      `itpt-fit is not tried: a pass of pre-training over the ${texts.length} texts takes about ` +
        `${duration(pass * perStep)}, and a quarter of the time is for it`,
    );
    return undefined;
  }
  return {
    steps,
    passes: Number((steps * batchSize / asked.sequences).toPrecision(2)),
    seconds: pace.start + steps * perStep,
  };
}
