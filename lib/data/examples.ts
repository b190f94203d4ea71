/** Labelled texts, their fingerprint, and samples of them that keep each class's share. */
import { createHash } from "node:crypto";
import { fold, lowbias32 } from "../random.ts";

/** A text, or a pair of texts, and its class. */
export interface Example {
  /** The text as the model reads it, or the first of a pair. */
  readonly text: string;
  /** The second text of a pair, which BERT reads as its second segment. */
  readonly pair?: string;
  /** The class's place in {@link Dataset.labels}; of several classes that of the rarest, 0 if there is none. */
  readonly label: number;
  /** The places of all its classes, ascending, only where a text may have several labels or none. */
  readonly classes?: readonly number[];
}

/** The three parts of a data set. */
export interface Splits {
  /** Examples to learn from. */
  readonly train: readonly Example[];
  /** Examples to make choices on. */
  readonly dev: readonly Example[];
  /** Examples to report on, once. */
  readonly test: readonly Example[];
}

/** A labelled data set. */
export interface Dataset extends Splits {
  /** The name that `dataset` knows, or the training file's. */
  readonly name: string;
  /** The texts' language. */
  readonly language: "en" | "zh";
  /** The classes' names. */
  readonly labels: readonly string[];
  /** `true` if a text may have several labels, or none: each example then has its `classes`. */
  readonly multiLabel?: boolean;
  /** `true` if the labels of the texts are lists in their file: a blank cell there is no answer. */
  readonly labelLists?: boolean;
  /** sha256 over labels, texts and their splits. */
  readonly fingerprint: string;
  /** Origin and licence. */
  readonly source: string;
  /** A note for readers of results on it. */
  readonly note: string;
}

/** Returns all of an example's text as one text; a pair's second text is on lines of its own. */
export function wholeText({ text, pair }: Omit<Example, "label">): string {
  return pair === undefined ? text : `${text}\n${pair}`;
}

/** Returns the sha256 (hexadecimal) over the labels and each split's texts and classes, in their order. */
export function fingerprintOf(labels: readonly string[], splits: Splits): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify(labels));
  for (const name of ["train", "dev", "test"] as const) {
    for (const { text, pair, label, classes } of splits[name]) {
      hash.update(
        `\n${name} ${classes ? `[${classes}]` : label} ${text.length} ${
          pair === undefined ? "" : `${pair.length} `
        }`,
      );
      hash.update(text);
      if (pair !== undefined) hash.update(pair);
    }
  }
  return hash.digest("hex");
}

/**
 * Returns the examples' places in an order whose every prefix holds each class in its share (to one example): a smaller
 * sample lies in a larger one. Of several classes of a text the rarest counts. Within a class the order is a function of the seed and the texts alone.
 */
export function stratifiedOrder(examples: readonly Example[], seed: number): number[] {
  const strata = new Map<number, { place: number; key: number }[]>();
  examples.forEach(({ text, label, classes }, place) => {
    const stratum = classes?.length === 0 ? -1 : label;
    const members = strata.get(stratum) ?? [];
    members.push({ place, key: fold(seed, textHash(text)) });
    strata.set(stratum, members);
  });
  const ordered = [...strata].flatMap(([label, members]) =>
    members
      .sort((a, b) => a.key - b.key || a.place - b.place)
      .map(({ place }, rank) => ({ place, label, share: (rank + 0.5) / members.length }))
  );
  return ordered.sort((a, b) => a.share - b.share || a.label - b.label).map(({ place }) => place);
}

/** Returns at most `size` examples with each class in its share, in their order. */
export function stratifiedPart(examples: readonly Example[], size: number, seed: number): Example[] {
  if (size >= examples.length) return [...examples];
  const kept = stratifiedOrder(examples, seed).slice(0, size).sort((a, b) => a - b);
  return kept.map((place) => examples[place]!);
}

/** A data set with only these of its examples: with a fingerprint of its own, and a note on how many they are. */
export function smallerDataset(whole: Dataset, splits: Splits): Dataset {
  const counts = (["train", "dev", "test"] as const)
    .map((name) => `${splits[name].length} of ${whole[name].length} ${name}`);
  const note = `a part of it, ${counts.join(", ")} texts; of the whole: ${whole.note}`;
  return { ...whole, ...splits, fingerprint: fingerprintOf(whole.labels, splits), note };
}

/** Cuts examples into consecutive parts of the stratified order; the remainder goes to the first part. */
export function stratifiedSplit(
  examples: readonly Example[],
  sizes: { readonly dev: number; readonly test: number },
  seed: number,
): Splits {
  const order = stratifiedOrder(examples, seed);
  const take = (from: number, to: number) =>
    order.slice(from, to).sort((a, b) => a - b).map((place) => examples[place]!);
  const held = sizes.dev + sizes.test;
  return { dev: take(0, sizes.dev), test: take(sizes.dev, held), train: take(held, order.length) };
}

/** Returns a sentence on the test texts that are also in train or dev; "" if there are none. */
export function overlapNote({ train, dev, test }: Splits): string {
  const seen = new Set([...train, ...dev].map(wholeText));
  const overlap = test.filter((example) => seen.has(wholeText(example))).length;
  if (overlap === 0) return "";
  const [texts, verb] = [`${overlap} of the ${test.length} test texts`, overlap === 1 ? "stands" : "stand"];
  return `${texts} also ${verb} word for word in train or dev, and ${overlap === 1 ? "is" : "are"} kept`;
}

/** Returns the FNV-1a hash of the length and the first 256 UTF-16 units, mixed. */
function textHash(text: string): number {
  let hash = 0x811c9dc5 ^ text.length;
  for (let i = 0; i < Math.min(text.length, 256); i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return lowbias32(hash);
}
