/** A second task over the words of {@linkcode exampleDataset}, with other classes. */
import type { Dataset, Example } from "../../lib/data/examples.ts";
import { fold, Random } from "../../lib/random.ts";

/** Texts of which each class has its own consonant more often than the others. */
function consonantTexts(count: number, seed: number): Example[] {
  return Array.from({ length: count }, (_, index) => {
    const random = new Random(fold(seed, index));
    const label = index % 3;
    const text = Array.from({ length: 6 }, () => {
      const consonant = random.uniform() < .5 ? "bkt"[label]! : "dgmnp"[random.below(5)]!;
      return consonant + "eou"[random.below(3)]!;
    });
    return { text: text.join(" "), label };
  });
}

/** Returns three classes of texts by frequent consonant: half of `count` to train on, a quarter each for dev and test. */
export function consonantDataset(count = 96): Dataset {
  return {
    name: "consonants",
    language: "en",
    labels: ["b", "k", "t"],
    train: consonantTexts(count / 2, 4),
    dev: consonantTexts(count / 4, 5),
    test: consonantTexts(count / 4, 6),
    fingerprint: `consonants ${count}`,
    source: "made up",
    note: "",
  };
}
