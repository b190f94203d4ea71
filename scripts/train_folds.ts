/** `deno task train --folds K`: cross-validation, and a model of all rows. */
import { allRows, crossValidate, type CrossValidation } from "../lib/classifier/folds.ts";
import { foldsSentence } from "../lib/classifier/folds_text.ts";
import { calibratedError, type Recipe } from "../lib/classifier/recipe.ts";
import { surveyLines } from "../lib/classifier/survey.ts";
import { foldsSection } from "../lib/report/folds_section.ts";
import { atTemperature } from "../lib/results/calibration.ts";
import { evaluationOf, measuresOf } from "../lib/results/evaluation.ts";
import { measure, type Metrics } from "../lib/results/metrics.ts";
import { stopping } from "./stopping.ts";
import { openLog } from "./train_log.ts";
import { type TrainContext, writeTrained } from "./train_output.ts";
import { Phases, progressOf } from "./train_progress.ts";
import { evaluationsOf, sentence, type SplitEvaluation } from "./train_result.ts";

/** Cross-validates and trains on all rows. */
export async function trainFolds(recipe: Recipe, context: TrainContext): Promise<void> {
  const { options, engine, checkpoint, output } = context;
  const start = performance.now();
  const { data } = recipe;
  const folds = options.folds!;
  output.error(
    `${data.name}: ${allRows(data).length} rows in ${folds} folds and ${data.test.length} test texts, ` +
      `${data.labels.length} labels${data.note ? `; ${data.note}` : ""}`,
  );
  const progress = new Phases();
  const log = await openLog(options);
  try {
    const found = await crossValidate(recipe, folds, {
      ...{ engine, checkpoint: { ...checkpoint, every: options.checkpointEvery } },
      onSurvey: (survey) => {
        for (const line of surveyLines(survey, recipe.fineTuning)) output.error(line);
      },
      part: (name) => log.part(name.replaceAll(" ", "-"), progressOf(recipe, progress, output, name)),
      onFold: (n, { metrics }) => {
        progress.stop();
        output.error(`fold ${n} of ${folds}: ${sentence(metrics)}`);
      },
    });
    progress.stop();
    stopping.goOn = undefined;
    if (found.run.tuned.test) log.test("all-rows", found.run.tuned.test, found.run.tuned.steps);
    await writeTrained({
      ...{ recipe, run: found.run, evaluations: [heldOut(found), ...evaluationsOf(found.run, data)] },
      seconds: (performance.now() - start) / 1000,
      more: { folds: foldsResult(found) },
      part: await foldsSection(found),
      sentences: [foldsSentence(found)],
    }, context);
  } finally {
    progress.stop();
    log.close();
  }
}

/** The evaluation of all rows, each by the classifier that has not seen it. */
function heldOut({ rows, predictions, given, run }: CrossValidation): SplitEvaluation {
  const { labels, probabilities, expected } = predictions;
  const { temperature, tuned: { thresholds } } = run;
  if (thresholds) {
    const evaluation = evaluationOf({ labels, examples: rows }, probabilities, thresholds, given);
    return { key: "cross_validation", split: "held-out", evaluation, calibrated: evaluation.ece };
  }
  const calibrated = atTemperature(probabilities, labels.length, temperature);
  return {
    ...{ key: "cross_validation", split: "held-out" },
    evaluation: {
      ...evaluationOf({ labels, examples: rows }, calibrated),
      ...measuresOf(measure(probabilities, expected, labels.length)),
    },
    calibrated: calibratedError(predictions, temperature),
  };
}

/** Returns the entry of result.json. */
function foldsResult({ folds, errorRate, microF1, macroF1, loss }: CrossValidation) {
  const of = ({ examples, errorRate, macroF1, loss, ece, brier, multiLabel }: Metrics) => ({
    examples,
    error_rate: errorRate,
    macro_f1: macroF1,
    ...multiLabel ? { micro_f1: multiLabel.microF1, hamming_loss: multiLabel.hammingLoss } : {},
    loss,
    ece,
    brier,
  });
  return {
    ...{ error_rate: errorRate, macro_f1: macroF1, ...microF1 ? { micro_f1: microF1 } : {}, loss },
    each: folds.map(({ metrics, bestEpoch, steps, seconds, epochs }) => ({
      ...{ ...of(metrics), best_epoch: bestEpoch, steps, seconds },
      epochs: epochs.map(({ epoch, trainLoss, dev }) => ({
        epoch,
        train_loss: trainLoss,
        ...dev ? { dev: of(dev) } : {},
      })),
    })),
  };
}
