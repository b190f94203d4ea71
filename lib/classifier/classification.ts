/** The classes of texts as a classifier gives them. */
import type { Example } from "../data/examples.ts";
import { argmax } from "../results/metrics.ts";

/** The class of a text, with the probabilities. */
export interface Classification {
  /** The class with the largest probability. */
  readonly label: string;
  /** Its probability. */
  readonly probability: number;
  /** [C] Those of all classes, in the order of the classifier's labels. */
  readonly probabilities: Float64Array;
  /** The classes whose probability reaches their threshold, only where a text may have several or none. */
  readonly labels?: readonly string[];
}

/** A text, or a pair of them. */
export type ClassifierText = string | Omit<Example, "label">;

/** Returns the class of each text, and its labels where there are thresholds. @param probabilities [N*C] */
export function classifications(
  probabilities: Float64Array,
  { labels, thresholds }: { readonly labels: readonly string[]; readonly thresholds?: readonly number[] },
): Classification[] {
  const classes = labels.length;
  return Array.from(argmax(probabilities, classes), (best, place) => {
    const own = probabilities.subarray(place * classes, (place + 1) * classes);
    const several = thresholds && labels.filter((_, c) => own[c]! >= thresholds[c]!);
    const found = { label: labels[best]!, probability: own[best]!, probabilities: own };
    return several ? { ...found, labels: several } : found;
  });
}
