/** Texts that may have several labels, which a tiny model can learn: "o" where a word has an o, "u" where one has a u. */
import type { Dataset, Example } from "../../lib/data/examples.ts";
import { fold, Random } from "../../lib/random.ts";

/** The labels. */
export const vowels = ["o", "u"];

/** Makes texts of short words, in turn with none, the first, the second and both of the labels. */
export function severalTexts(count: number, seed: number, words = 6): Required<Omit<Example, "pair">>[] {
  return Array.from({ length: count }, (_, index) => {
    const random = new Random(fold(seed, index));
    const classes = [0, 1].filter((c) => (index >> c) % 2 === 1);
    const text = Array.from({ length: words }, (_, place) => {
      const c = classes[place < classes.length ? place : random.below(6)];
      return "bdgkmnpt"[random.below(8)]! + (c === undefined ? "e" : vowels[c]!);
    });
    return { text: text.join(" "), label: classes[0] ?? 0, classes };
  });
}

/** A data set of such texts: half of `count` to train on, a quarter each to choose by and to test on. */
export function severalDataset(count = 128, words = 6): Dataset {
  return {
    ...{ name: "vowels", language: "en", labels: vowels, multiLabel: true },
    train: severalTexts(count / 2, 1, words),
    dev: severalTexts(count / 4, 2, words),
    test: severalTexts(count / 4, 3, words),
    ...{ fingerprint: `several ${count} ${words}`, source: "made up", note: "" },
  };
}
