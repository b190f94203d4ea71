/**
 * Measures of a classifier's predictions: error, macro F1, log loss, the confusion matrix and calibration.
 */
import { numbers, requireArguments } from "../storage/arguments.ts";
import { whole } from "../storage/json.ts";

/** The measures of one evaluation; shares are between 0 and 1. */
export interface Metrics {
  /** N, the number of examples. */
  readonly examples: number;
  /** Share of the examples whose predicted class is right. */
  readonly accuracy: number;
  /** 1 - accuracy; the paper prints it in percent. */
  readonly errorRate: number;
  /** Unweighted mean of F1 over all classes; a class that is neither true nor predicted anywhere counts 0. */
  readonly macroF1: number;
  /** Mean negative log probability of the true class, in nats; probabilities are clipped at 1e-12. */
  readonly loss: number;
  /** Expected calibration error of the top probability, 15 bins of equal width (Guo et al. 2017). */
  readonly ece: number;
  /** Mean over examples of the squared distance to the one-hot truth, summed over classes: 0 to 2 (Brier 1950). */
  readonly brier: number;
  /** Counts [C][C]: row = true class, column = predicted class; empty for more than 200 classes. */
  readonly confusion: readonly (readonly number[])[];
  /** Further measures where a text may have several labels; the others are then as multi_label.ts says. */
  readonly multiLabel?: MultiLabelMetrics;
}

/** Measures of predictions of several labels for each text. */
export interface MultiLabelMetrics {
  /** F1 over all N · C decisions: 2 TP / (2 TP + FP + FN). */
  readonly microF1: number;
  /** Share of the N · C decisions that are wrong. */
  readonly hammingLoss: number;
  /** [C] the least probability at which a text gets a label. */
  readonly thresholds: readonly number[];
}

/** The measures of one class against the others; a share of no examples is 0. */
export interface ClassMetrics {
  /** Share of the examples predicted as this class that belong to it. */
  readonly precision: number;
  /** Share of the examples of this class that are predicted as it. */
  readonly recall: number;
  /** Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN). */
  readonly f1: number;
  /** Number of examples of this class. */
  readonly count: number;
}

/** Examples of one class that are predicted as another. */
export interface Confusion {
  /** The true class. */
  readonly label: number;
  /** The predicted class. */
  readonly predicted: number;
  /** Number of these examples. */
  readonly count: number;
}

/** Most classes of a confusion matrix; one of more would be large and nearly empty. */
const mostInMatrix = 200;

/** Returns the predicted class of each row of scores [N*C]: the one with the largest score, the first of equals. */
export function argmax(scores: ArrayLike<number>, classes: number): Int32Array {
  const predicted = new Int32Array(scores.length / classes);
  for (let n = 0; n < predicted.length; n++) {
    for (let c = 1; c < classes; c++) {
      if (scores[n * classes + c]! > scores[n * classes + predicted[n]!]!) predicted[n] = c;
    }
  }
  return predicted;
}

/** Returns 1 for a wrong prediction and 0 for a right one [N], from probabilities [N*C] and labels [N]. */
export function mistakes(probabilities: ArrayLike<number>, labels: ArrayLike<number>): Float64Array {
  const predicted = argmax(probabilities, probabilities.length / labels.length);
  return Float64Array.from(predicted, (label, n) => label === labels[n] ? 0 : 1);
}

/**
 * Computes all measures from class probabilities [N*C] (each row sums to 1) and true classes [N].
 *
 * @throws RangeError if there is no example, the sizes do not fit, or a label is not one of the C classes.
 */
export function measure(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): Metrics {
  requireArguments("measure", {
    probabilities: [probabilities, numbers],
    labels: [labels, numbers],
    classes: [classes, whole(1)],
  });
  const examples = labels.length;
  if (examples === 0 || probabilities.length !== examples * classes) {
    throw new RangeError(
      `Expected probabilities of ${examples} examples and ${classes} classes, found ${probabilities.length}`,
    );
  }
  const predicted = argmax(probabilities, classes);
  const size = classes > mostInMatrix ? 0 : classes;
  const confusion = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  let right = 0, loss = 0, brier = 0;
  for (let n = 0; n < examples; n++) {
    const label = labels[n]!;
    if (!(label >= 0 && label < classes)) {
      throw new RangeError(`Label ${label} of example ${n} is not one of ${classes} classes`);
    }
    if (size > 0) confusion[label]![predicted[n]!]!++;
    if (predicted[n] === label) right++;
    loss -= Math.log(Math.max(1e-12, probabilities[n * classes + label]!));
    for (let c = 0; c < classes; c++) {
      brier += (probabilities[n * classes + c]! - (c === label ? 1 : 0)) ** 2;
    }
  }
  return {
    examples,
    accuracy: right / examples,
    errorRate: (examples - right) / examples,
    macroF1: classMetrics(predicted, labels, classes).reduce((sum, { f1 }) => sum + f1, 0) / classes,
    loss: loss / examples,
    ece: calibrationError(probabilities, labels, predicted, classes),
    brier: brier / examples,
    confusion,
  };
}

/** Computes the measures of each class, from predicted and true classes [N]. */
export function classMetrics(
  predicted: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): ClassMetrics[] {
  const [known, claimed, right] = [0, 0, 0].map(() => new Float64Array(classes)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let n = 0; n < labels.length; n++) {
    const [label, guess] = [labels[n]!, predicted[n]!];
    known[label]!++;
    claimed[guess]!++;
    if (label === guess) right[label]!++;
  }
  const share = (part: number, whole: number) => whole > 0 ? part / whole : 0;
  return Array.from(right, (count, c) => ({
    precision: share(count, claimed[c]!),
    recall: share(count, known[c]!),
    f1: share(2 * count, known[c]! + claimed[c]!),
    count: known[c]!,
  }));
}

/** Counts the confusions that occur, the most frequent first. */
export function confusions(predicted: ArrayLike<number>, labels: ArrayLike<number>): Confusion[] {
  const counts = new Map<string, number>();
  for (let n = 0; n < labels.length; n++) {
    if (predicted[n] === labels[n]) continue;
    const pair = `${labels[n]} ${predicted[n]}`;
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  return Array.from(counts, ([pair, count]) => {
    const [label, guess] = pair.split(" ").map(Number) as [number, number];
    return { label, predicted: guess, count };
  }).sort((a, b) => b.count - a.count || a.label - b.label || a.predicted - b.predicted);
}

/** Sums over bins (0, 1/15], (1/15, 2/15], …: the bin's share of examples times |accuracy - mean confidence|. */
function calibrationError(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  predicted: Int32Array,
  classes: number,
): number {
  const bins = 15;
  const surplus = new Float64Array(bins); // sum of confidence - right
  for (let n = 0; n < labels.length; n++) {
    const confidence = probabilities[n * classes + predicted[n]!]!;
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1));
    surplus[bin]! += confidence - (predicted[n] === labels[n] ? 1 : 0);
  }
  return surplus.reduce((sum, value) => sum + Math.abs(value), 0) / labels.length;
}
