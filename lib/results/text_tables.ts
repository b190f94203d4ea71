/** Tables from records, with the same texts for Markdown and for a page. */
import { percentCell, signed } from "./markdown.ts";
import { duration } from "./progress.ts";
import type { PreTrainingMeasures, RunRecord } from "./records.ts";
import { type EvaluatedCell, improvements, type ResultTable } from "./result_table.ts";
import { mean, median } from "./statistics.ts";

/** A table of texts, for Markdown or for a page. */
export interface TextTable {
  /** Description of its numbers. */
  readonly caption: string;
  /** The head of each column. */
  readonly head: readonly string[];
  /** Its lines; there may be none. */
  readonly rows: readonly (readonly string[])[];
  /** Number of columns on the left that are words and not numbers. */
  readonly texts: number;
}

const change = (key: keyof PreTrainingMeasures, before: PreTrainingMeasures, after: PreTrainingMeasures) =>
  key.endsWith("Loss")
    ? [before[key], after[key]].map((loss) => loss?.toFixed(2) ?? "–").join(" → ")
    : [before[key], after[key]].map(percentCell).join(" → ");

/** Makes the table of forgetting by fine-tuning (lib/paper/forgetting.ts), for the cells with measurements. */
export function forgettingTable(
  cells: readonly Pick<EvaluatedCell, "row" | "column" | "records">[],
  { heading }: Pick<ResultTable, "heading">,
): TextTable {
  const measured = cells.flatMap(({ row, column, records }) => {
    const found = records.flatMap(({ forgetting }) => forgetting ?? []);
    return found.length > 0 ? [{ row, data: heading(column), found }] : [];
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
        ...places.map((place) => percentCell(mean(found.map(({ distances }) => distances[place] ?? 0)))),
      ];
    }),
  };
}

/** Makes the table of the further pre-training that runs started from; runs that share it have one line. */
export function preTrainingTable(records: readonly RunRecord[]): TextTable {
  const found = new Map(
    records.flatMap(({ preTraining }) => preTraining ? [[JSON.stringify(preTraining), preTraining]] : []),
  );
  return {
    caption:
      "Further pre-training: measures on held-out texts of the corpus before → after. Of next sentences: a document of " +
      "one sentence has only pairs that do not follow each other (0 → 100 says that), and a rise to the share of the " +
      "commoner answer is no learning",
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

/** Makes the table of average relative improvements over the row that the table names; no lines if it names none. */
export function improvementTable(table: ResultTable): TextTable & { readonly sets: string } {
  const base = table.improvementOver;
  const { paperSets, ourSets, rows } = base === undefined
    ? { paperSets: [], ourSets: [], rows: [] }
    : improvements(table, base);
  const names = (sets: readonly string[]) => sets.join(", ") || "none";
  const gain = (value: number | null) => value === null ? "–" : signed(value);
  return {
    caption: `Average relative improvement over ${base}, %`,
    head: ["", "paper, as printed", "paper, same sets", "ours, same sets"],
    texts: 1,
    rows: rows.map(({ row, printed, paper, ours }) => [row, ...[printed, paper, ours].map(gain)]),
    sets:
      `The mean over data sets of (${base} − row) / ${base}. The paper prints it over the sets that each row has; ` +
      `beside it, over the sets that all of these rows have (the paper: ${names(paperSets)}; our runs: ` +
      `${names(ourSets)}, on the seeds that all rows have).`,
  };
}

/** Makes the table of settings that differ from the paper's; no lines if none do. */
export function settingsTable({ settings }: Pick<ResultTable, "settings">): TextTable {
  return {
    caption: "Settings of the configuration that are not the paper's",
    head: ["setting", "paper", "here", "where"],
    texts: 4,
    rows: settings.map(({ setting, paper, here, where }) => [setting, paper, here, where]),
  };
}

/** Makes the table of calibration and cost of each cell that has runs. */
export function costTable(cells: readonly EvaluatedCell[], { heading }: ResultTable): TextTable {
  return {
    caption:
      "Means over seeds: expected calibration error (15 bins), Brier score (0 to 2), macro F1 over all classes. Medians: time of a run and " +
      "of its training steps, without the models that runs share. Memory is the most that the process used",
    head: ["", "data", "ECE, %", "Brier", "macro F1", "log loss", "run", "training", "steps", "memory"],
    texts: 2,
    rows: cells.filter(({ records }) => records.length > 0).map(({ row, column, records }) => {
      const average = (value: (record: RunRecord) => number) => mean(records.map(value));
      const middle = (value: (record: RunRecord) => number) => median(records.map(value));
      return [
        row,
        heading(column),
        (100 * average(({ test }) => test.ece)).toFixed(2),
        average(({ test }) => test.brier).toFixed(3),
        average(({ test }) => test.macroF1).toFixed(3),
        average(({ test }) => test.loss).toFixed(3),
        duration(middle(({ seconds }) => seconds)),
        duration(middle(({ trainSeconds }) => trainSeconds)),
        average(({ steps }) => steps).toFixed(0),
        peakMemory(records),
      ];
    }),
  };
}

/** Returns the most memory that the process used in any of the runs: "1.3 GB". */
export const peakMemory = (records: readonly RunRecord[]): string =>
  `${(Math.max(...records.map((record) => record.peakMemoryBytes)) / 1e9).toFixed(1)} GB`;
