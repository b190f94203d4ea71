/** The progress of `deno task train`, step by step. */
import { measuredWords, type Recipe, type RecipeContext } from "../lib/classifier/recipe.ts";
import { type Progress, showProgress } from "../lib/results/progress.ts";
import { updatesOf } from "../lib/training/stretches.ts";
import { percent } from "../lib/wording.ts";
import type { Output } from "./command.ts";
import { noteStep } from "./output_folder.ts";
import { preTrainingSentence, sentence } from "./train_result.ts";

/** Progress of one thing after another. */
export class Phases {
  #current: { readonly label: string; readonly progress: Progress } | undefined;

  /** That of a label; another label ends what was before. */
  of(label: string, steps: number): Progress {
    if (this.#current?.label !== label) {
      this.stop();
      this.#current = { label, progress: showProgress(label, steps, "steps") };
    }
    return this.#current!.progress;
  }

  stop(): void {
    this.#current?.progress.stop();
  }
}

/** Returns callbacks that tell the progress of a recipe. @param label the name of its training */
export function progressOf(
  { fineTuning, data, preTraining: settings }: Recipe,
  progress: Phases,
  output: Output,
  label = "training",
): Partial<RecipeContext> {
  let steps = updatesOf(Math.ceil(data.train.length / fineTuning.batchSize), fineTuning);
  const training = () => progress.of(label, steps);
  let preTraining = 0;
  let measured = "";
  const before = () =>
    progress.of(label === "training" ? "pre-training" : `pre-training, ${label}`, preTraining);
  return {
    onPreTraining: (plan) => {
      measured = measuredWords(plan);
      preTraining = plan.headSteps + plan.steps;
      output.error(preTrainingSentence(plan, settings?.batchSize ?? 32));
    },
    onPreTrainingStep: ({ step, loss }) => {
      noteStep();
      before().update(step, `loss ${loss.toFixed(3)}`);
    },
    onEvaluation: ({ step, mlmLoss, mlmAccuracy }) =>
      before().log(
        `step ${step}: ${measured}: loss ${mlmLoss.toFixed(3)}, ` +
          `${percent(mlmAccuracy)} right`,
      ),
    onStep: ({ step, steps: ofThis, loss }) => {
      noteStep();
      steps = ofThis; // a fold's are fewer than the recipe's
      training().update(step, `loss ${loss.toFixed(3)}`);
    },
    onEpoch: ({ epoch, trainLoss, dev }) =>
      training().log(
        `epoch ${Number(epoch.toFixed(2))}: training loss ${trainLoss.toFixed(3)}${
          dev ? `, ${sentence(dev)}` : ""
        }`,
      ),
  };
}
