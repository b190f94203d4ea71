/** The first page: an introduction, the verdicts on the paper's claims, and a line for each experiment. */
import {
  claimsLegend,
  claimsMarkdown,
  type ClaimVerdict,
  columnsOnRecord,
  type Judgement,
  verdictText,
} from "../results/claims.ts";
import { markdown, points, probability, signed } from "../results/markdown.ts";
import { duration } from "../results/progress.ts";
import { mainResult, secondsOf } from "../results/result_table.ts";
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

/** Makes the first page. `links` are shown below the introduction. */
export function indexPage(report: Report, links: Fragment): Page {
  const { scale, made, records, claims } = report;
  const lines = linesOf(report);
  const missing = lines.filter(({ missing }) => missing);
  const main = html`
    <h1>The paper's experiments, run again</h1>
    <p class="lead">
      A reproduction of <a href="https://arxiv.org/abs/1905.05583">${about}</a> with bertlab: every table and figure
      from records of runs, the paper's numbers beside ours, and whether the differences are more than chance.
    </p>
    <p>
      Scale ${scale}, ${records.length} runs on record, made ${minute(made)}. ${scale === "mini" &&
        smallScale}
    </p>
    ${links}
    <h2>The paper's claims</h2>
    ${claims.map(({ combination, judgements }, place) =>
      html`${claims.length > 1 && html`<h3>By runs with ${combinationText(combination)}</h3>`}
<p>${countsOf(judgements)}</p>
${claimsGrid(judgements.filter(({ verdict }) => place === 0 || verdict !== "no data"))}`
    )}
    ${claims.length === 0
      ? html`<p class="missing">No claim can be judged yet: there are no runs.</p>`
      : html`<p>${claimsLegend}</p>`}
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
      html`<a href="cells.csv">cells.csv</a>: a row for each cell of each table`,
      html`<a href="runs.csv">runs.csv</a>: a row for each run; <a href="epochs.csv">epochs.csv</a>: one for each epoch`,
      html`<a href="report.bib">report.bib</a>: how to cite the paper and this report`,
    ])}
  `;
  return { title: `bertlab: ${about}`, file: "index.html", main };
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
    ...part("Warnings", report.warnings),
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

/** Counts the verdicts in a sentence: "Of 14 claims, 3 confirmed, …" */
export function countsOf(judgements: readonly Judgement[]): string {
  const words: Readonly<Record<ClaimVerdict, string>> = {
    "confirmed": "confirmed",
    "not distinguishable": "not distinguishable from chance",
    "contradicted": "contradicted",
    "no data": "without data yet",
  };
  const counts = Object.entries(words).flatMap(([verdict, word]) => {
    const count = judgements.filter((one) => one.verdict === verdict).length;
    return count > 0 ? [`${count} ${word}`] : [];
  });
  const alone =
    judgements.filter(({ comparison }) => !("missing" in comparison) && comparison.seeds === 1).length;
  return `Of ${judgements.length} claims, ${counts.join(", ")}` +
    (alone > 0 ? `; ${alone} rest on one seed.` : ".");
}

const claimsGrid = (judgements: readonly Judgement[]): Fragment =>
  grid({
    caption: "Claims of the paper",
    head: ["claim", "verdict", "paper", "ours", "p (ex.)", "p (seeds)", "p (Holm)", "seeds", "columns"],
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
        ...comparisonCells(comparison),
        "missing" in comparison ? "–" : comparison.seeds,
        columnsOnRecord(judgement),
      ];
    }),
  });
