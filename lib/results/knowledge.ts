/** What models learnt in further pre-training, and what fine-tuning made them forget: rows of tables, from records. */
import { percent } from "./markdown.ts";
import { duration } from "./progress.ts";
import type { PreTrainingMeasures, RunRecord } from "./records.ts";
import { mean } from "./statistics.ts";

/** A table, to be written as Markdown or as a page. */
export interface TextTable {
  /** What its numbers are. */
  readonly caption: string;
  /** The head of each column. */
  readonly head: readonly string[];
  /** Its lines; there may be none. */
  readonly rows: readonly (readonly string[])[];
  /** How many columns at the left are words and not numbers. */
  readonly texts: number;
}

const change = (key: keyof PreTrainingMeasures, before: PreTrainingMeasures, after: PreTrainingMeasures) =>
  key.endsWith("Loss")
    ? [before[key], after[key]].map((loss) => loss?.toFixed(2) ?? "–").join(" → ")
    : [before[key], after[key]].map(percent).join(" → ");

/** What fine-tuning made the model forget (lib/forgetting.ts), for the cells of which it was measured. */
export function forgettingTable(
  cells: readonly { readonly row: string; readonly data: string; readonly records: readonly RunRecord[] }[],
): TextTable {
  const measured = cells.flatMap(({ row, data, records }) => {
    const found = records.flatMap(({ forgetting }) => forgetting ?? []);
    return found.length > 0 ? [{ row, data, found }] : [];
  });
  const places = Object.keys(measured[0]?.found[0]?.distances ?? {});
  return {
    caption: "Masked words of general text before → after fine-tuning, and how far the weights have moved, %",
    head: ["", "data", "runs", "guessed right, %", "log loss", ...places],
    texts: 2,
    rows: measured.map(({ row, data, found }) => {
      const over = (when: "before" | "after") => ({
        mlmAccuracy: mean(found.map((one) => one[when].mlmAccuracy)),
        mlmLoss: mean(found.map((one) => one[when].mlmLoss)),
      });
      return [
        row,
        data,
        `${found.length}`,
        change("mlmAccuracy", over("before"), over("after")),
        change("mlmLoss", over("before"), over("after")),
        ...places.map((place) => percent(mean(found.map(({ distances }) => distances[place] ?? 0)))),
      ];
    }),
  };
}

/** The further pre-training that runs started from; runs that share it have one line. */
export function preTrainingTable(records: readonly RunRecord[]): TextTable {
  const found = new Map(
    records.flatMap(({ preTraining }) => preTraining ? [[JSON.stringify(preTraining), preTraining]] : []),
  );
  return {
    caption: "Further pre-training: measures on held-out texts of the corpus before → after",
    head: ["corpus", "from", "texts", "steps", "time", "words right, %", "words, log loss", "next right, %"],
    texts: 2,
    rows: [...found.values()].map(({ corpus, start, texts, steps, seconds, before, after }) => [
      corpus.join(", "),
      start,
      `${texts}`,
      `${steps}`,
      duration(seconds),
      change("mlmAccuracy", before, after),
      change("mlmLoss", before, after),
      before.nspAccuracy === undefined ? "–" : change("nspAccuracy", before, after),
    ]),
  };
}
