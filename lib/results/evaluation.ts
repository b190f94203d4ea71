/** An evaluation as a text for users: error, each class, confused classes, and the model's surest mistakes. */
import { type Example, wholeText } from "../data/examples.ts";
import { markdown } from "./markdown.ts";
import { argmax, type ClassMetrics, classMetrics, confusions, measure, type Metrics } from "./metrics.ts";
import { percent } from "../wording.ts";
import { shortened } from "../wording.ts";

/** Measures of a model's probabilities for labelled examples, under the names of the JSON files. */
export interface Evaluation extends Omit<Metrics, "errorRate" | "macroF1"> {
  /** 1 - accuracy. */
  readonly error_rate: number;
  /** Unweighted mean over the classes of F1. */
  readonly macro_f1: number;
  /** Measures of each class. */
  readonly classes: readonly (ClassMetrics & { readonly label: string })[];
  /** Pairs of confused classes, the most frequent first. */
  readonly confused: readonly {
    readonly label: string;
    readonly predicted: string;
    readonly count: number;
  }[];
  /** The mistakes with the highest probabilities. */
  readonly surest_mistakes: readonly Mistake[];
}

/** An example whose predicted class is wrong. */
export interface Mistake {
  /** Its line in the file, if known. */
  readonly line?: number;
  /** The true class. */
  readonly label: string;
  /** The predicted class. */
  readonly predicted: string;
  /** Probability of the predicted class. */
  readonly probability: number;
  /** The beginning of the text, in one line. */
  readonly text: string;
}

/** Most mistakes that are kept, and most characters of their texts. */
const mistakesKept = 10;
const charactersKept = 300;

/** Returns the part of a mistake's text that is kept. */
export const mistakeText = (whole: string): string => shortened(whole, charactersKept);

/**
 * Computes all measures of an evaluation.
 *
 * @param data the classes' names, the examples [N], and their lines in a file
 * @param probabilities [N*C]
 */
export function evaluationOf(
  { labels, examples, lines }: {
    readonly labels: readonly string[];
    readonly examples: readonly Example[];
    readonly lines?: readonly number[];
  },
  probabilities: ArrayLike<number>,
): Evaluation {
  const expected = examples.map(({ label }) => label);
  const predicted = argmax(probabilities, labels.length);
  const { errorRate, macroF1, ...metrics } = measure(probabilities, expected, labels.length);
  const named = (label: number) => labels[label]!;
  const confidence = (n: number) => probabilities[n * labels.length + predicted[n]!]!;
  const wrong = expected.keys().filter((n) => predicted[n] !== expected[n]).toArray();
  return {
    ...metrics,
    error_rate: errorRate,
    macro_f1: macroF1,
    classes: classMetrics(predicted, expected, labels.length).map((of, c) => ({ label: named(c), ...of })),
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

/** Most classes that are shown, most that a confusion matrix shows, and most characters of a mistake's text. */
const classesShown = 30;
const matrixShown = 12;
const charactersShown = 120;

/** Each class and the mistakes as text, in parts. */
export function evaluationText(
  { classes, confusion, confused, surest_mistakes }: Evaluation,
): string[] {
  const name = (label: string) => shortened(label, 30);
  const shown = classes.toSorted((a, b) => b.count - a.count).slice(0, classesShown);
  const byClass = markdown(
    ["label", "precision", "recall", "F1", "texts"],
    classes.filter((of) => shown.includes(of)).map(({ label, precision, recall, f1, count }) => [
      name(label),
      ...[precision, recall, f1].map((share) => share.toFixed(4)),
      `${count}`,
    ]),
  ) + (classes.length > classesShown ? `\n… and ${classes.length - classesShown} smaller classes` : "");
  if (confused.length === 0) return [byClass];
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
  const mistakes = surest_mistakes.map(({ line, label, predicted, probability, text }) =>
    `${line === undefined ? "" : `line ${line}: `}${name(predicted)} (${
      percent(probability, 2)
    }) instead of ` +
    `${name(label)}: ${shortened(text, charactersShown)}`
  );
  return [byClass, matrix, ["The surest mistakes:", ...mistakes].join("\n")];
}
