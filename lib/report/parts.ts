/** The parts that a section of an experiment's page is made of: each a few tables from the records. */
import { combinationText, type Section } from "./collect.ts";
import type { EvaluatedCell } from "./evaluate.ts";
import { type Content, html, type Markup } from "./html.ts";
import type { Mistakes } from "./mistakes.ts";
import { folded, grid, list } from "./page.ts";
import type { SettingDifference } from "./settings.ts";
import type { AdjustedComparison, NotCompared } from "../results/comparison.ts";
import { forgettingTable, preTrainingTable } from "../results/knowledge.ts";
import { percent, points, probability, signed, spread } from "../results/markdown.ts";
import { duration } from "../results/progress.ts";
import type { RunRecord } from "../results/records.ts";
import { mean } from "../results/statistics.ts";
import { improvements } from "../results/tables.ts";

/** What a difference came to, in words that a style marks. */
export function verdict(comparison: AdjustedComparison | NotCompared, words?: string): Content {
  if ("missing" in comparison) return words ? `${words}: ${comparison.missing}` : comparison.missing;
  const text = words ?? comparison.verdict;
  return html`<span class="${text}">${text}</span>${comparison.seeds === 1 && " (one seed)"}`;
}

/** Difference with interval and the three p, or why there are none: four cells of a line. */
export function comparisonCells(comparison: AdjustedComparison | NotCompared | undefined): Content[] {
  if (comparison === undefined || "missing" in comparison) return ["–", "–", "–", "–"];
  const { pExamples, pSeeds, adjusted } = comparison;
  return [points(comparison), pExamples, pSeeds, adjusted].map((value) =>
    value === undefined ? "–" : typeof value === "number" ? probability(value) : value
  );
}

/** What the numbers of the tables of results are. */
export const legend =
  "Test error in percent: the paper's, ours as mean ± sd over seeds (number of runs), Δ = ours − paper in points. " +
  "The difference to the baseline is in points, on the seeds that both have, with the 95 % interval of a paired " +
  "bootstrap over test examples; then p of that bootstrap, p of a paired t test over seeds, and the larger of both " +
  "adjusted for all comparisons of the experiment (Holm 1979), from which the verdict comes at .05. One seed tells " +
  "nothing of the draw of the training.";

/** Paper, ours, difference to the baseline and verdict: a table for each column. */
export function results({ table, evaluated }: Section): Content {
  const cells = evaluated.filter(({ paper, expected }) => paper !== null || expected > 0);
  return table.columns.map((column) =>
    grid({
      caption: `${table.heading(column)}: test error, %`,
      head: [
        "",
        "paper",
        "ours",
        "Δ",
        `difference to ${table.baseline}`,
        "p (ex.)",
        "p (seeds)",
        "p (Holm)",
        "verdict",
      ],
      words: [8],
      rows: cells.filter((cell) => cell.column === column).map((cell) => {
        const { row, paper, expected, errors, comparison } = cell;
        const printed = paper === null ? "–" : paper.toFixed(2);
        if (errors.length === 0) {
          const ours = expected === 0 ? "not run" : "missing";
          return [row, printed, ours, "–", ...comparisonCells(undefined), ""];
        }
        return [
          row,
          printed,
          spread(errors, expected),
          paper === null ? "–" : signed(cell.mean! - paper),
          ...comparisonCells(comparison),
          comparison ? verdict(comparison) : "baseline",
        ];
      }),
    })
  );
}

/** Average relative improvement over a row, where the experiment shows it. */
export function improvement({ table }: Section): Content {
  const base = table.improvementOver;
  if (base === undefined) return null;
  const gain = (value: number | null) => value === null ? "–" : signed(value);
  return html`<p>The mean over data sets of (${base} − row) / ${base}. The paper prints it over the sets that each row
has; beside it, over the sets that all rows have.</p>
${
    grid({
      caption: `Average relative improvement over ${base}, %`,
      head: ["", "paper, as printed", "paper, same sets", "ours, same sets"],
      rows: improvements(table, base).rows.map(({ row, printed, paper, ours }) => [
        row,
        ...[printed, paper, ours].map(gain),
      ]),
    })
  }`;
}

/** Calibration and cost of each cell that has runs. */
export function cost({ table, evaluated }: Section): Content {
  return grid({
    caption: "Means over seeds; memory is the most of all runs",
    head: ["", "data", "ECE, %", "Brier", "macro F1", "log loss", "run", "training", "steps", "memory"],
    texts: 2,
    rows: evaluated.filter(({ records }) => records.length > 0).map(({ row, column, records }) => {
      const average = (value: (record: RunRecord) => number) => mean(records.map(value));
      return [
        row,
        table.heading(column),
        (100 * average(({ test }) => test.ece)).toFixed(2),
        average(({ test }) => test.brier).toFixed(3),
        average(({ test }) => test.macroF1).toFixed(3),
        average(({ test }) => test.loss).toFixed(3),
        duration(average(({ seconds }) => seconds)),
        duration(average(({ trainSeconds }) => trainSeconds)),
        average(({ steps }) => steps).toFixed(0),
        `${(Math.max(...records.map((record) => record.peakMemoryBytes)) / 1e9).toFixed(1)} GB`,
      ];
    }),
  });
}

/** What fine-tuning made the model forget, where it was measured. */
export function forgetting({ table, evaluated }: Section): Content {
  return grid(forgettingTable(evaluated.map((cell) => ({ ...cell, data: table.heading(cell.column) }))));
}

/** The further pre-training that runs started from. */
export const preTraining = (records: readonly RunRecord[]): Content => grid(preTrainingTable(records));

/** Each run with its epochs. */
export function runs(cells: readonly EvaluatedCell[]): Markup {
  const made = cells.flatMap(({ records, ...cell }) => records.map((record) => ({ ...cell, record })));
  return folded(
    `Each of the ${made.length} runs with its epochs`,
    grid({
      caption: "Errors in percent, epoch by epoch",
      head: [
        "",
        "data",
        "seed",
        "test",
        "best epoch",
        "development",
        "training loss",
        "time",
        "begun",
        "run",
      ],
      texts: 2,
      words: [5, 6, 8, 9],
      rows: made.map(({ row, column, record }) => [
        row,
        column,
        record.seed,
        (100 * record.test.errorRate).toFixed(2),
        record.bestEpoch,
        record.epochs.map(({ dev, test }) => percent((dev ?? test)?.errorRate)).join(", "),
        record.epochs.map(({ trainLoss }) => trainLoss.toFixed(2)).join(", "),
        duration(record.seconds),
        record.start.slice(0, 16).replace("T", " "),
        html`<code>${record.hash.slice(0, 12)}</code>`,
      ]),
    }),
  );
}

/** The most confident mistakes on each test set. */
export function mistakes(found: readonly Mistakes[]): Content {
  return found.filter(({ mistakes }) => mistakes.length > 0).map(({ data, runs, mistakes, withoutTexts }) =>
    html`<p>${data}, by the mean of ${runs} ${runs === 1 ? "run" : "runs"}: ${withoutTexts}</p>
${
      list(mistakes.map(({ example, expected, predicted, probability, wrong, text }) =>
        html`Test example ${example} is ${expected}, and is called ${predicted} with probability
${probability.toFixed(3)}; ${wrong} of ${runs} runs are wrong.${
          text !== undefined && html`<blockquote>${text}</blockquote>`
        }`
      ))
    }`
  );
}

/** Settings beside the paper's. */
export const settings = (differences: readonly SettingDifference[]): Content =>
  grid({
    caption: "Settings that are not the paper's",
    head: ["setting", "paper", "here", "where"],
    texts: 4,
    rows: differences.map(({ setting, paper, here, where }) => [
      html`<code>${setting}</code>`,
      paper,
      here,
      where,
    ]),
  });

/** Data sets, models, versions and machines. */
export function provenance({ evaluated, combination }: Section): Content {
  const data = new Map(evaluated.flatMap(({ column, records }) =>
    records.map((record) => [
      JSON.stringify([column, record.data.fingerprint, record.model]),
      { column, ...record.data, model: record.model },
    ])
  ));
  const places = new Map<string, { record: RunRecord; runs: number }>();
  for (const record of evaluated.flatMap(({ records }) => records)) {
    const key = JSON.stringify([record.versions, record.commit, record.machine]);
    places.set(key, { record, runs: (places.get(key)?.runs ?? 0) + 1 });
  }
  return [
    grid({
      caption: "Data sets, after limits, and models",
      head: ["", "data", "training", "development", "test", "fingerprint", "model"],
      texts: 2,
      words: [5, 6],
      rows: [...data.values()].map(({ column, name, train, dev, test, fingerprint, model }) => [
        column,
        name,
        train,
        dev,
        test,
        html`<code>${fingerprint.slice(0, 12)}</code>`,
        model,
      ]),
    }),
    grid({
      caption: `Versions and machines: ${combinationText(combination)}`,
      head: ["bertlab", "runs", "commit", "others", "machine"],
      texts: 1,
      words: [2, 3, 4],
      rows: [...places.values()].map(({ record: { versions, commit, machine }, runs }) => [
        versions["bertlab"] ?? "?",
        runs,
        commit ? html`<code>${commit.slice(0, 12)}${commit.endsWith("-dirty") && "-dirty"}</code>` : "–",
        Object.entries(versions).filter(([name]) => name !== "bertlab").map((pair) => pair.join(" ")).join(
          ", ",
        ),
        `${machine.cpu}, ${machine.cores} cores, ${
          (machine.memoryBytes / 1e9).toFixed(0)
        } GB, ${machine.os} ${machine.arch}`,
      ]),
    }),
  ];
}
