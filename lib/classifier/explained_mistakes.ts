/** The surest mistakes of a training, with the words that they rest on. */
import { type Dataset, type Example, wholeText } from "../data/examples.ts";
import type { Engine } from "../engine/engine.ts";
import { type Evaluation, mistakeText } from "../results/evaluation.ts";
import { explain, type Explanation } from "./occlusion.ts";
import type { RecipeRun } from "./recipe.ts";
import { classifierOf } from "./tested.ts";

/** A mistake and its explanation. */
export interface ExplainedMistake {
  /** The true class. */
  readonly label: string;
  /** The text or the pair. */
  readonly example: Example;
  /** The explanation of the predicted class. */
  readonly explanation: Explanation;
}

/** Most mistakes that are explained, and most parts of their texts, as each part costs as much as a text. */
const most = { mistakes: 5, parts: 40 };

/** Explains the surest mistakes of a split; none where a text may have several labels. */
export async function explainedMistakes(
  { tuned, temperature }: Pick<RecipeRun, "tuned" | "temperature">,
  data: Dataset,
  { key, evaluation }: { readonly key: string; readonly evaluation: Evaluation },
  engine: Engine,
): Promise<ExplainedMistake[]> {
  if (tuned.thresholds || (key !== "dev" && key !== "test")) return [];
  const classifier = classifierOf(tuned, { engine, temperature });
  try {
    const found: ExplainedMistake[] = [];
    for (const { label, predicted, text } of evaluation.surest_mistakes.slice(0, most.mistakes)) {
      const example = data[key].find((example) =>
        data.labels[example.label] === label && mistakeText(wholeText(example)) === text
      );
      if (!example) continue;
      const { label: _, ...given } = example;
      const explanation = await explain(classifier, given, { label: predicted, mostParts: most.parts });
      found.push({ label, example, explanation });
    }
    return found;
  } finally {
    await classifier.dispose();
  }
}
