/** An evaluation as a text for users: error, each class, confused classes, and the model's surest mistakes. */
import { type Example, wholeText } from "../data/examples.ts";
import { markdown } from "./markdown.ts";
import { argmax, type ClassMetrics, classMetrics, confusions, measure, type Metrics } from "./metrics.ts";
import { assignLabels, labelMatrix, labelMetrics, measureLabels } from "./multi_label.ts";
import { percent, shortened } from "../wording.ts";

/** {@linkcode Metrics} under the names of the JSON files. */
export interface Measures extends Omit<Metrics, "errorRate" | "macroF1" | "multiLabel"> {
  /** 1 - accuracy. */
  readonly error_rate: number;
  /** Unweighted mean of F1 over all classes of the model; one that is neither true nor predicted counts 0. */
  readonly macro_f1: number;
  /** F1 over all labels of all texts, only where a text may have several. */
  readonly micro_f1?: number;
  /** Share of wrong answers among all labels of all texts, only where a text may have several. */
  readonly hamming_loss?: number;
  /** [C] the least probabilities of labels that a text gets, only where it may have several. */
  readonly thresholds?: readonly number[];
}

/** Returns measures under the names of the JSON files. */
export function measuresOf({ errorRate, macroF1, multiLabel, ...metrics }: Metrics): Measures {
  const names = { ...metrics, error_rate: errorRate, macro_f1: macroF1 };
  if (!multiLabel) return names;
  const { microF1, hammingLoss, thresholds } = multiLabel;
  return { ...names, micro_f1: microF1, hamming_loss: hammingLoss, thresholds };
}

/** Returns measures in a line. */
export function measuresText(evaluation: Evaluation): string {
  const { error_rate, micro_f1, loss } = evaluation;
  const macro = `${macroF1Text(evaluation)}, loss ${loss.toFixed(4)}`;
  return micro_f1 === undefined
    ? `error ${percent(error_rate, 2)}, ${macro}`
    : `micro F1 ${micro_f1.toFixed(4)}, ${macro}, ${percent(error_rate, 2)} of the texts not wholly right`;
}

/** Measures of a model's probabilities for labelled examples, under the names of the JSON files. */
export interface Evaluation extends Measures {
  /** Unweighted mean of F1 over the classes that the examples have. */
  readonly macro_f1_present: number;
  /** Number of the classes that the examples have. */
  readonly classes_present: number;
  /** Measures of each class, with its threshold where a text may have several labels. */
  readonly classes: readonly (ClassMetrics & { readonly label: string; readonly threshold?: number })[];
  /** Pairs of confused classes, the most frequent first. */
  readonly confused: readonly {
    readonly label: string;
    readonly predicted: string;
    readonly count: number;
  }[];
  /** The mistakes with the highest probabilities. */
  readonly surest_mistakes: readonly Mistake[];
}

/** An example whose predicted class, or one of whose predicted labels, is wrong. */
export interface Mistake {
  /** Its line in the file, if known. */
  readonly line?: number;
  /** The true class, or the true labels with commas between. */
  readonly label: string;
  /** The predicted class, or the predicted labels with commas between. */
  readonly predicted: string;
  /** Probability of the predicted class, or of the surest of the wrong answers on a label. */
  readonly probability: number;
  /** The beginning of the text, in one line. */
  readonly text: string;
}

/** Most mistakes that are kept, and most characters of their texts. */
const mistakesKept = 10;
const charactersKept = 300;

/** Texts of an evaluation. */
interface EvaluatedTexts {
  readonly labels: readonly string[];
  readonly examples: readonly Example[];
  readonly lines?: readonly number[];
}

/** Returns the part of a mistake's text that is kept. */
export const mistakeText = (whole: string): string => shortened(whole, charactersKept);

/**
 * Computes all measures of an evaluation.
 *
 * @param data the classes' names, the examples [N], and their lines in a file
 * @param probabilities [N*C]
 * @param thresholds [C] where a text may have several labels
 * @param given [N*C] then 1 for a label that a text gets; by the thresholds if not given
 */
export function evaluationOf(
  data: EvaluatedTexts,
  probabilities: ArrayLike<number>,
  thresholds?: readonly number[],
  given?: ArrayLike<number>,
): Evaluation {
  if (thresholds) return labelEvaluationOf(data, probabilities, thresholds, given);
  const { labels, examples, lines } = data;
  const expected = examples.map(({ label }) => label);
  const predicted = argmax(probabilities, labels.length);
  const named = (label: number) => labels[label]!;
  const confidence = (n: number) => probabilities[n * labels.length + predicted[n]!]!;
  const classes = classMetrics(predicted, expected, labels.length);
  const wrong = expected.keys().filter((n) => predicted[n] !== expected[n]).toArray();
  return {
    ...measuresOf(measure(probabilities, expected, labels.length)),
    ...presentOf(classes),
    classes: classes.map((of, c) => ({ label: named(c), ...of })),
    confused: confusions(predicted, expected).map(({ label, predicted, count }) => ({
      label: named(label),
      predicted: named(predicted),
      count,
    })),
    surest_mistakes: wrong.sort((a, b) => confidence(b) - confidence(a)).slice(0, mistakesKept).map((n) => ({
      ...lines ? { line: lines[n]! } : {},
      label: named(expected[n]!),
      predicted: named(predicted[n]!),
      probability: confidence(n),
      text: mistakeText(wholeText(examples[n]!)),
    })),
  };
}

/** Returns macro F1 over the classes that examples have, and the number of these. */
function presentOf(
  classes: readonly ClassMetrics[],
): Pick<Evaluation, "macro_f1_present" | "classes_present"> {
  const present = classes.filter(({ count }) => count > 0);
  return {
    macro_f1_present: present.reduce((sum, { f1 }) => sum + f1, 0) / present.length,
    classes_present: present.length,
  };
}

/** Returns the evaluation of texts that may have several labels; nothing is told of one label being taken for another. */
function labelEvaluationOf(
  { labels, examples, lines }: EvaluatedTexts,
  probabilities: ArrayLike<number>,
  thresholds: readonly number[],
  predicted: ArrayLike<number> = assignLabels(probabilities, thresholds),
): Evaluation {
  const C = labels.length;
  const expected = labelMatrix(examples, C);
  const namesOf = (matrix: ArrayLike<number>, n: number) =>
    labels.filter((_, c) => matrix[n * C + c] === 1).join(", ") || "none";
  const mistakes = examples.flatMap((example, n): Mistake[] => {
    const wrong = labels.keys().map((c) => n * C + c).filter((at) => predicted[at] !== expected[at])
      .toArray();
    if (wrong.length === 0) return [];
    const sure = wrong.map((at) => predicted[at] === 1 ? probabilities[at]! : 1 - probabilities[at]!);
    return [{
      ...lines ? { line: lines[n]! } : {},
      label: namesOf(expected, n),
      predicted: namesOf(predicted, n),
      probability: Math.max(...sure),
      text: shortened(wholeText(example), charactersKept),
    }];
  });
  const classes = labelMetrics(predicted, expected, C);
  return {
    ...measuresOf(measureLabels(probabilities, expected, thresholds, predicted)),
    ...presentOf(classes),
    classes: classes.map((of, c) => ({
      label: labels[c]!,
      ...of,
      threshold: thresholds[c]!,
    })),
    confused: [],
    surest_mistakes: mistakes.sort((a, b) => b.probability - a.probability).slice(0, mistakesKept),
  };
}

/** Most classes that are shown, most that a confusion matrix shows, and most characters of a mistake's text. */
const classesShown = 30;
const matrixShown = 12;
const charactersShown = 120;

/** Returns macro F1 with the labels that it is over: "macro F1 0.4907 over all 4 labels, 0.6543 over the 3 of these texts". */
export function macroF1Text(
  { macro_f1, macro_f1_present, classes_present, classes }: Pick<
    Evaluation,
    "macro_f1" | "macro_f1_present" | "classes_present" | "classes"
  >,
): string {
  const all = `macro F1 ${macro_f1.toFixed(4)} over all ${classes.length} labels`;
  if (classes_present === classes.length) return all;
  const present = classes_present === 1 ? "the one label" : `the ${classes_present} labels`;
  return `${all}, ${macro_f1_present.toFixed(4)} over ${present} that these texts have`;
}

/** Each class and the mistakes as text, in parts. */
export function evaluationText(
  { classes, confusion, confused, surest_mistakes, thresholds }: Evaluation,
): string[] {
  const name = (label: string) => shortened(label, 30);
  const named = (labels: string) => shortened(labels, thresholds ? 90 : 30);
  const shown = classes.toSorted((a, b) => b.count - a.count).slice(0, classesShown);
  const byClass = markdown(
    ["label", "precision", "recall", "F1", "texts", ...thresholds ? ["threshold"] : []],
    classes.filter((of) => shown.includes(of)).map(({ label, precision, recall, f1, count, threshold }) => [
      name(label),
      ...[precision, recall, f1].map((share) => share.toFixed(4)),
      `${count}`,
      ...threshold === undefined ? [] : [threshold.toFixed(4)],
    ]),
  ) + (classes.length > classesShown ? `\n… and ${classes.length - classesShown} smaller classes` : "");
  const mistakes = surest_mistakes.map(({ line, label, predicted, probability, text }) =>
    `${line === undefined ? "" : `line ${line}: `}${named(predicted)} (${
      percent(probability, 2)
    }) instead of ` +
    `${named(label)}: ${shortened(text, charactersShown)}`
  );
  if (mistakes.length === 0) return [byClass];
  const told = ["The surest mistakes:", ...mistakes].join("\n");
  if (thresholds) return [byClass, told];
  const matrix = classes.length <= matrixShown
    ? markdown(
      ["label \\ predicted", ...classes.map(({ label }) => name(label))],
      classes.map(({ label }, c) => [name(label), ...confusion[c]!.map(String)]),
    )
    : markdown(
      ["label", "taken for", "texts"],
      confused.slice(0, classesShown).map(({ label, predicted, count }) => [
        name(label),
        name(predicted),
        `${count}`,
      ]),
      2,
    );
  return [byClass, matrix, told];
}
