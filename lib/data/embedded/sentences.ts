/** Sentences of restaurant and product reviews (Kotzias et al. 2015), stand-ins for the paper's Yelp sets. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Example, type Splits, stratifiedSplit } from "../examples.ts";
import type { EmbeddedSet } from "./embedded.ts";

const common = {
  language: "en",
  labels: ["negative", "positive"],
  source: "Sentiment Labelled Sentences (Kotzias et al. 2015, CC BY 4.0) in npm sentiment 5.0.2 (MIT)",
  package: { name: "sentiment", version: "5.0.2", megabytes: 1 },
} as const;

/** Sentences on restaurants. */
export const yelpSentences: EmbeddedSet = {
  ...common,
  name: "yelp-sentences",
  note: "stands in for Yelp P.: single sentences instead of whole reviews",
  fingerprint: "a8c7aaef97135dd95f7e7250de78f2fca1be68dba7219bfeb065f12ae554daa6",
  read: (folder) => readSentences(folder, "yelp.json"),
};

/** Sentences on products, with two classes where the paper's Yelp F. has five. */
export const amazonSentences: EmbeddedSet = {
  ...common,
  name: "amazon-sentences",
  note: "stands in for Yelp F.: single sentences of product reviews, two classes instead of five",
  fingerprint: "35377dcfbbd8d7e48b396cd9c06e0b7ea5248fa1612d5630fa0a582875a8ec98",
  read: (folder) => readSentences(folder, "amazon.json"),
};

/** Reads the splits; the files end with an empty row, whose class is null. */
async function readSentences(folder: string, file: string): Promise<Splits> {
  const path = join(folder, "test", "fixtures", file);
  const rows: { text: string; class: number | null }[] = JSON.parse(await readFile(path, "utf8"));
  const examples = rows.flatMap(({ text, class: label }): Example[] =>
    label === null ? [] : [{ text, label }]
  );
  return stratifiedSplit(examples, { dev: 100, test: 300 }, 0);
}
