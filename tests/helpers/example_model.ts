/** A tiny model over characters, and texts that it can learn in seconds. */
import type { Dataset, Example } from "../../lib/data/examples.ts";
import { fold, Random } from "../../lib/random.ts";
import { type NewModel, type StartModel, startModel } from "../../lib/bert/start_model.ts";

/** One layer of 16. */
export const tinyArchitecture: NewModel = {
  tokens: "characters",
  vocabulary: 40,
  layers: 1,
  hidden: 16,
  heads: 2,
  intermediate: 32,
  initializerRange: 0.2,
};

/** Texts of short words; those of class "o" have words with an o among them, those of class "u" with a u. */
export function exampleTexts(count: number, words: number, seed: number): Example[] {
  return Array.from({ length: count }, (_, index) => {
    const random = new Random(fold(seed, index));
    const label = index % 2;
    const text = Array.from({ length: words }, () => {
      const vowel = random.uniform() < 0.3 ? "ou"[label]! : "e";
      return "bdgkmnpt"[random.below(8)]! + vowel;
    });
    return { text: text.join(" "), label };
  });
}

/** A data set of such texts: half of `count` to train on, a quarter each to choose by and to test on. */
export function exampleDataset({ count = 128, words = 6 } = {}): Dataset {
  return {
    name: "vowels",
    language: "en",
    labels: ["o", "u"],
    train: exampleTexts(count / 2, words, 1),
    dev: exampleTexts(count / 4, words, 2),
    test: exampleTexts(count / 4, words, 3),
    fingerprint: `vowels ${count} ${words}`,
    source: "made up",
    note: "",
  };
}

/** A new model for a data set, with the tiny architecture. */
export function tinyModel(data: Dataset, { dropout = 0.1, seed = 1 } = {}): Promise<StartModel> {
  const texts = data.train.map(({ text }) => text);
  return startModel("new", { labels: data.labels, seed, architecture: tinyArchitecture, texts }).then((
    model,
  ) => ({
    ...model,
    config: { ...model.config, hidden_dropout_prob: dropout, attention_probs_dropout_prob: dropout },
  }));
}
