/** The parts of a section of an experiment's page, each a few tables from the records. */
import { combinationText, type Section } from "./collect.ts";
import { type Fragment, html, type Markup } from "./html.ts";
import type { TestSetMistakes } from "./mistakes.ts";
import { folded, grid, list } from "./page.ts";
import type { AdjustedComparison, NotCompared } from "../results/comparison.ts";
import { comparisonNumbers, percentCell, signed, spread } from "../results/markdown.ts";
import { duration } from "../results/progress.ts";
import type { RunRecord } from "../results/records.ts";
import type { EvaluatedCell } from "../results/result_table.ts";
import { comparisonLegend } from "../results/tables.ts";
import { improvementTable } from "../results/text_tables.ts";
import { counted } from "../wording.ts";

/** Writes a comparison's verdict, with a style. */
function verdict(comparison: AdjustedComparison | NotCompared): Fragment {
  if ("missing" in comparison) return comparison.missing;
  const text = comparison.verdict;
  return html`<span class="${text}">${text}</span>${comparison.seeds === 1 && " (one seed)"}`;
}

/** Writes a difference with its interval and the three p as four cells of a line; dashes if there are none. */
export function comparisonCells(comparison: AdjustedComparison | NotCompared | undefined): Fragment[] {
  if (comparison === undefined || "missing" in comparison) return ["–", "–", "–", "–"];
  return comparisonNumbers(comparison);
}

/** Explanation of the numbers in the tables of results. */
export const legend =
  "Test error in percent: the paper's, ours as mean ± sd over seeds (number of runs), Δ = ours − paper in points. " +
  `To the right each row against the baseline. ${comparisonLegend}`;

/** Writes a table for each column: the paper's error, ours, the difference to the baseline and the verdict. */
export function results({ table, evaluated }: Section): Fragment {
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

/** Writes average relative improvements over a row, if the experiment shows them. */
export function improvement({ table }: Section): Fragment {
  const { sets, ...numbers } = improvementTable(table);
  return numbers.rows.length > 0 && html`<p>${sets}</p>\n${grid(numbers)}`;
}

/** Writes each run with its epochs. */
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
        record.epochs.map(({ dev, test }) => percentCell((dev ?? test)?.errorRate)).join(", "),
        record.epochs.map(({ trainLoss }) => trainLoss.toFixed(2)).join(", "),
        duration(record.seconds),
        record.start.slice(0, 16).replace("T", " "),
        html`<code>${record.hash.slice(0, 12)}</code>`,
      ]),
    }),
  );
}

/** Writes the most confident mistakes on each test set. */
export function mistakesBySet(found: readonly TestSetMistakes[]): Fragment {
  return found.filter(({ mistakes }) => mistakes.length > 0).map(({ data, runs, mistakes, withoutTexts }) =>
    html`<p>${data}, by the mean of ${counted(runs, "run")}: ${withoutTexts}</p>
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

/** Writes data sets, models, versions and machines. */
export function provenance({ evaluated, combination }: Section): Fragment {
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
        `${machine.cpu}, ${counted(machine.cores, "core")}, ${
          (machine.memoryBytes / 1e9).toFixed(0)
        } GB, ${machine.os} ${machine.arch}`,
      ]),
    }),
  ];
}
