/** The first page: a picture of the paper's claims, their verdicts, and a line for each experiment. */
import { escapeMarkdown } from "../printable.ts";
import type { Judgement } from "../results/claims.ts";
import {
  claimsFigure,
  claimsLegend,
  claimsMarkdown,
  columnsOnRecord,
  countsOf,
  detectableText,
  powerLegend,
  verdictText,
  withinText,
} from "../results/claims_text.ts";
import { seedsLegend } from "../results/comparison.ts";
import { markdown, points, probability, signed } from "../results/markdown.ts";
import { duration } from "../results/progress.ts";
import { mainResult, secondsOf } from "../results/result_table.ts";
import { type Chart, chart } from "./chart.ts";
import { combinationText, type Report } from "./collect.ts";
import { missingSets } from "./data_page.ts";
import { missingRuns, shortName } from "./experiment_page.ts";
import { type Fragment, html } from "./html.ts";
import { grid, list, minute, type Page } from "./page.ts";
import { comparisonCells } from "./parts.ts";

/** A line of the table of experiments. */
interface Line {
  readonly name: string;
  readonly title: string;
  /** True if there are runs or measurements. */
  readonly made: boolean;
  readonly result: string;
  readonly runs: string;
  readonly seconds: number;
  readonly missing?: string;
}

const about = "How to Fine-Tune BERT for Text Classification? (Sun, Qiu, Xu, Huang 2019)";

const smallScale =
  "At this scale a small model learns from a few hundred texts, often of stand-ins for the paper's data, whose errors " +
  "have nothing to do with the paper's: what can be compared is the rows within a column.";

/** Explanation of the picture of all claims. */
const pictureCaption =
  "Each claim says that one way has a lower error than another: the difference of test errors in points, to the left of 0 " +
  "if it is so. The paper's as a diamond; ours with a 95 % interval over test texts. Grey: true differences up to this size " +
  "would be missed more than once in five by these runs. Sizes grow more slowly outwards.";

/** Makes the first page and its pictures. `links` are shown below the introduction. */
export async function indexPage(report: Report, links: Fragment): Promise<{ page: Page; charts: Chart[] }> {
  const { scale, made, records, claims } = report;
  const lines = linesOf(report);
  const missing = lines.filter(({ missing }) => missing);
  const charts = await Promise.all(
    claims.map(({ judgements }, place) =>
      chart(place === 0 ? "claims" : `claims-${place + 1}`, claimsFigure(judgements), pictureCaption)
    ),
  );
  const main = html`
    <h1>The paper's experiments, run again</h1>
    <p class="lead">
      A reproduction of <a href="https://arxiv.org/abs/1905.05583">${about}</a> with bertlab.
      ${claims[0] && countsOf(claims[0].judgements)}
    </p>
    ${charts[0]?.markup}
    ${claims.length > 0 &&
      html`<p>What the paper's own test sets can tell with one run: <a href="resolution.html">the resolution of its
differences</a>.</p>`}
    <p>
      Every table and figure is made from records of runs, the paper's numbers beside ours. Scale ${scale},
      ${records.length} runs on record, made ${minute(made)}. ${scale === "mini" && smallScale}
    </p>
    ${links}
    <h2>The paper's claims</h2>
    ${claims.map(({ combination, judgements }, place) =>
      html`${claims.length > 1 && html`<h3>By runs with ${combinationText(combination)}</h3>`}
${place > 0 && html`<p>${countsOf(judgements)}</p>\n${charts[place]!.markup}`}
${claimsGrid(judgements.filter(({ verdict }) => place === 0 || verdict !== "no data"))}`
    )}
    ${claims.length === 0
      ? html`<p class="missing">No claim can be judged yet: there are no runs.</p>`
      : [claimsLegend, powerLegend, seedsLegend].map((text) => html`<p>${text}</p>\n`)}
    <h2>Experiments</h2>
    ${grid({
      caption: "What was run",
      head: ["", "main result", "runs", "time"],
      texts: 2,
      rows: lines.map(({ name, title, result, runs, seconds }) => [
        html`<a href="${name}.html">${title}</a>`,
        html`<div class="text">${result}</div>`,
        runs,
        seconds > 0 ? duration(seconds) : "–",
      ]),
    })}
    <p>Runs: those made, of those that belong to the seeds found. Time is that of all runs of a table and of the models
    that were made for them; what several tables share counts in each.</p>
    ${missing.length > 0 &&
      html`<h2>What is missing</h2>\n${
        list(missing.map(({ name, title, missing }) => html`<a href="${name}.html">${title}</a>: ${missing}`))
      }`}
    ${report.warnings.length > 0 && html`<h2>Warnings</h2>\n${list(report.warnings)}`}
    <h2>Files</h2>
    ${list([
      html`<a href="report.md">report.md</a>, and one Markdown file for each experiment`,
      html`<a href="claims.csv">claims.csv</a>: a row for each claim; <a href="cells.csv">cells.csv</a>: one for each
cell of each table`,
      html`<a href="runs.csv">runs.csv</a>: a row for each run; <a href="epochs.csv">epochs.csv</a>: one for each epoch`,
      html`<a href="report.bib">report.bib</a>: how to cite the paper and this report`,
    ])}
  `;
  return { page: { title: `bertlab: ${about}`, file: "index.html", main }, charts };
}

/** Writes the first page as Markdown. */
export function indexMarkdown(report: Report): string {
  const missing = linesOf(report).flatMap(({ title, missing }) => missing ? [`${title}: ${missing}`] : []);
  const part = (heading: string, sentences: readonly string[]) =>
    sentences.length > 0 ? [`## ${heading}`, sentences.map((line) => `- ${line}`).join("\n")] : [];
  return [
    "# The paper's experiments, run again",
    `${about}; scale ${report.scale}, ${report.records.length} runs on record.`,
    ...report.claims.flatMap(({ combination, judgements }) => [
      `## The paper's claims: ${combinationText(combination)}`,
      countsOf(judgements),
      claimsMarkdown(judgements).trimEnd(),
    ]),
    "## Experiments",
    experimentsTable(report),
    ...part("What is missing", missing),
    ...part("Warnings", report.warnings.map(escapeMarkdown)),
  ].join("\n\n") + "\n";
}

/**
 * Writes the experiments as a Markdown table, a line each, with links to the files of those that have runs; the links
 * start with `folder`.
 */
export function experimentsTable(report: Report, folder = ""): string {
  return markdown(
    ["", "main result", "runs", "time"],
    linesOf(report).map(({ name, title, made, result, runs, seconds }) => [
      made ? `[${title}](${folder}${name}.md)` : title,
      result,
      runs,
      seconds > 0 ? duration(seconds) : "–",
    ]),
    2,
  );
}

function linesOf({ experiments, dataTables, scale }: Report): Line[] {
  const measured = dataTables.map(({ table, rows }): Line => {
    const missing = missingSets(table, rows, scale);
    return {
      name: table.name,
      title: shortName(table),
      made: rows.length > 0,
      result: `${rows.length} data sets measured.`,
      runs: "–",
      seconds: 0,
      ...missing.length > 0 ? { missing: `not measured yet: ${missing.join(", ")}.` } : {},
    };
  });
  return [
    ...measured,
    ...experiments.flatMap(({ experiment, sections }) =>
      sections.map((section): Line => {
        const missing = missingRuns(section);
        const how = sections.length > 1 ? ` (${combinationText(section.combination)})` : "";
        return {
          name: experiment.name,
          title: shortName(experiment) + how,
          made: section.records.size > 0,
          result: mainResult(section.evaluated, section.table),
          runs: `${section.records.size} of ${section.cells.length}`,
          seconds: secondsOf(section.records.values()),
          ...missing ? { missing } : {},
        };
      })
    ),
  ];
}

const claimsGrid = (judgements: readonly Judgement[]): Fragment =>
  grid({
    caption: "Claims of the paper",
    head: [
      "claim",
      "verdict",
      "paper",
      "would see",
      "ours",
      "p (ex.)",
      "p (seeds)",
      "p (Holm)",
      "p (smaller)",
      "seeds",
      "columns",
    ],
    texts: 2,
    rows: judgements.map((judgement) => {
      const { claim, verdict, comparison, chance } = judgement;
      return [
        [
          html`<a href="${claim.experiment}.html">${claim.name}</a>`,
          html`<div class="soft text">${claim.sentence}</div>`,
          chance.map((one) =>
            html`<div class="soft">Against chance: ${points(one)}, p (examples) ${
              probability(one.pExamples)
            }</div>`
          ),
        ],
        html`<span class="${verdict}">${verdictText(judgement)}</span>`,
        signed(claim.paper),
        detectableText(comparison),
        ...comparisonCells(comparison),
        withinText(judgement),
        "missing" in comparison ? "–" : comparison.seeds,
        columnsOnRecord(judgement),
      ];
    }),
  });
