/** The result of a training: result.json, and the printed lines. */
import type { Dataset } from "../lib/data/examples.ts";
import {
  calibratedError,
  type PreTrainingOutcome,
  type PreTrainingPlan,
  type RecipeRun,
} from "../lib/classifier/recipe.ts";
import type { PreTrainingEvaluation } from "../lib/paper/pretraining_steps.ts";
import { atTemperature } from "../lib/results/calibration.ts";
import {
  type Evaluation,
  evaluationOf,
  evaluationText,
  measuresOf,
  measuresText,
} from "../lib/results/evaluation.ts";
import type { Metrics } from "../lib/results/metrics.ts";
import type { Survey } from "../lib/classifier/survey.ts";
import { counted, percent } from "../lib/wording.ts";

/** The evaluation of the classifier on a split. */
export interface SplitEvaluation {
  /** Its name in result.json. */
  readonly key: "dev" | "test" | "cross_validation";
  /** Its name in sentences. */
  readonly split: string;
  /** The measures are of the probabilities as trained; those of the mistakes are calibrated, as predictions are. */
  readonly evaluation: Evaluation;
  /** Expected calibration error of the calibrated probabilities. */
  readonly calibrated: number;
}

/** The evaluation of each split that there is. */
export function evaluationsOf({ tuned, temperature }: RecipeRun, data: Dataset): SplitEvaluation[] {
  const splits = [
    { key: "dev", split: "development", metrics: tuned.dev, predictions: tuned.devPredictions },
    { key: "test", split: "test", metrics: tuned.test, predictions: tuned.testPredictions },
  ] as const;
  return splits.flatMap(({ key, split, metrics, predictions }) => {
    if (!metrics || !predictions) return [];
    const { labels, probabilities } = predictions;
    const texts = { labels, examples: data[key] };
    if (tuned.thresholds) {
      const evaluation = { ...evaluationOf(texts, probabilities, tuned.thresholds), ...measuresOf(metrics) };
      return [{ key, split, evaluation, calibrated: metrics.ece }];
    }
    const calibrated = atTemperature(probabilities, labels.length, temperature);
    const evaluation = { ...evaluationOf(texts, calibrated), ...measuresOf(metrics) };
    return [{ key, split, evaluation, calibrated: calibratedError(predictions, temperature) }];
  });
}

/** Returns the content of a run's result.json. */
export function resultOf(
  { tuned, survey, preTraining, temperature, calibrationNote }: RecipeRun,
  evaluations: readonly SplitEvaluation[],
) {
  return {
    ...Object.fromEntries(
      evaluations.map((
        { key, evaluation, calibrated },
      ) => [key, tuned.thresholds ? evaluation : { ...evaluation, ece_calibrated: calibrated }]),
    ),
    ...tuned.thresholds ? {} : { temperature },
    labels: tuned.model.config.id2label,
    model: tuned.model.description,
    best_epoch: tuned.bestEpoch,
    epochs: tuned.epochs.map(({ epoch, trainLoss, dev, seconds }) => ({
      epoch,
      train_loss: trainLoss,
      ...(dev ? { dev: measuresOf(dev) } : {}),
      seconds,
    })),
    ...preTraining ? { pre_training: preTrainingResult(preTraining) } : {},
    train_seconds: tuned.trainSeconds,
    steps: tuned.steps,
    seconds_per_step: tuned.trainSeconds / tuned.steps,
    texts: surveyResult(survey),
    notes: [...tuned.notes, ...calibrationNote ? [calibrationNote] : []],
  };
}

function preTrainingResult({ evaluations, headSteps, seconds, measuredOn, ...plan }: PreTrainingOutcome) {
  return {
    ...plan,
    measured_on: measuredOn,
    head_steps: headSteps,
    evaluations: evaluations.map(preTrainingMeasures),
    train_seconds: seconds,
  };
}

/** A measurement of pre-training under the names of result.json. */
export const preTrainingMeasures = (
  { step, mlmLoss, mlmAccuracy, nspLoss, nspAccuracy }: PreTrainingEvaluation,
) => ({
  step,
  mlm_loss: mlmLoss,
  mlm_accuracy: mlmAccuracy,
  nsp_loss: nspLoss,
  nsp_accuracy: nspAccuracy,
});

function surveyResult(
  { texts, wordpieces, devInTrain, testInTrain, testInDev, labelsOfText, ...survey }: Survey,
) {
  return {
    ...texts,
    ...survey,
    ...labelsOfText ? { labels_of_text: labelsOfText } : {},
    wordpieces: Object.fromEntries(wordpieces.map(({ percent, most }) => [`${percent} %`, most])),
    dev_in_train: devInTrain,
    test_in_train: testInTrain,
    test_in_dev: testInDev,
  };
}

/** Returns the lines to print of a run: measures of each split, then the last split in full, and the calibration. */
export function resultText(
  { tuned, temperature, calibrationNote }: RecipeRun,
  evaluations: readonly SplitEvaluation[],
): string[] {
  const { split, evaluation } = evaluations.at(-1)!;
  const errors = evaluations.map(({ split, evaluation: { ece }, calibrated }) =>
    `${split} ${ece.toFixed(4)} → ${calibrated.toFixed(4)}`
  );
  return [
    ...evaluations.map(({ split, evaluation }) => `${split}: ${measuresText(evaluation)}`),
    ...[`\nEach label of the ${split} texts:`, ...evaluationText(evaluation)].join("\n\n").split("\n"),
    tuned.thresholds
      ? `\nA text gets the labels whose probability reaches their threshold, which the ${
        evaluations[0]!.split
      } texts chose`
      : temperature === 1 && calibrationNote
      ? `\n${calibrationNote}`
      : `\ncalibration error, with the logits divided by ${temperature.toFixed(3)}: ${errors.join(", ")}${
        calibrationNote && `\n${calibrationNote}`
      }`,
  ];
}

/** Returns the measures of an epoch in a line. */
export function sentence(
  { errorRate, macroF1, loss, multiLabel }: Pick<Metrics, "errorRate" | "macroF1" | "loss" | "multiLabel">,
): string {
  const others = `macro F1 over all labels ${macroF1.toFixed(4)}, loss ${loss.toFixed(4)}`;
  return multiLabel
    ? `micro F1 ${multiLabel.microF1.toFixed(4)}, ${others}, ${
      percent(errorRate, 2)
    } of the texts not wholly right`
    : `error ${percent(errorRate, 2)}, ${others}`;
}

/** Returns the plan of pre-training in a line. */
export function preTrainingSentence(
  { texts, unlabelled, nsp, sequences, headSteps, steps }: PreTrainingPlan,
  batchSize: number,
): string {
  const passes = Number((steps * batchSize / sequences).toPrecision(2));
  return `pre-training on ${texts} texts, ${unlabelled} of them without a label: ${
    counted(steps, "step")
  }, ${passes} passes over ` +
    `${sequences} sequences${headSteps > 0 ? `, after ${counted(headSteps, "step")} of its new heads` : ""}` +
    (nsp ? "" : "; on masked words alone, as most texts are one sentence");
}
