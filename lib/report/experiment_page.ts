/** The page of an experiment: first the main result and the figures, then the numbers, then settings and origin. */
import type { Cell, Experiment } from "../runs/experiment.ts";
import { differenceCaption, differenceFigure } from "../results/differences.ts";
import type { Dot, DotFigure, Figure } from "../results/figures.ts";
import { mainResult } from "../results/result_table.ts";
import { markdownTable, recordNotes } from "../results/tables.ts";
import { costTable, forgettingTable, preTrainingTable, settingsTable } from "../results/text_tables.ts";
import { commandFor } from "../runs/run_experiment.ts";
import { type Chart, chart } from "./chart.ts";
import { combinationText, type ExperimentReport, type Report, type Section } from "./collect.ts";
import { type Fragment, html } from "./html.ts";
import { confidentMistakes, type FindDataset } from "./mistakes.ts";
import { grid, list, type Page } from "./page.ts";
import * as parts from "./parts.ts";
import { capital } from "../wording.ts";

/** A page with the files that belong to it. */
export interface PageFiles {
  /** The page. */
  readonly page: Page;
  /** The page as Markdown. */
  readonly markdown: string;
  /** The page's figures. */
  readonly charts: readonly Chart[];
}

/** Returns an experiment's short name, the last part of its place in the paper: "Table 2". */
export const shortName = ({ paper }: { readonly paper: string }): string =>
  capital(paper.split(", ").at(-1)!);

/** Writes how many runs are missing and names the first of them; undefined if none are. */
export function missingRuns({ cells, records }: Section): string | undefined {
  const missing = cells.filter(({ hash }) => !records.has(hash));
  if (missing.length === 0) return undefined;
  const names = missing.slice(0, 6).map(({ row, column, configuration }) =>
    `${column}, ${row}, seed ${configuration.seed}`
  );
  const more = missing.length > names.length ? `; and ${missing.length - names.length} more` : "";
  return `${missing.length} of ${cells.length} runs are missing: ${names.join("; ")}${more}.`;
}

/** Makes the page of an experiment. */
export async function experimentPage(
  { experiment, sections }: ExperimentReport,
  report: Report,
  find: FindDataset,
): Promise<PageFiles> {
  const { name, paper, question } = experiment;
  const { scale } = report;
  const charts: Chart[] = [];
  const shown: Fragment[] = [];
  const texts: string[] = [];
  for (const [number, section] of sections.entries()) {
    const several = sections.length > 1;
    const start = number === 0 ? name : `${name}-${number + 1}`;
    const context: SectionContext = { report, start, find, charts, level: several ? 3 : 2 };
    const body = await sectionBody(experiment, section, context);
    const heading = several && html`<h2>${capital(combinationText(section.combination))}</h2>\n`;
    shown.push(html`<section>${heading}${body}</section>\n`);
    texts.push(
      markdownTable(section.table, section.evaluated),
      `## Again\n\n    ${commandAgain(experiment, section, report)}\n`,
    );
  }
  const title = `${shortName(experiment)}: ${question}`;
  const main = html`
    <h1>${title}</h1>
    <p class="soft">
      ${paper} of the paper; scale ${scale}. Also as <a href="${name}.md">Markdown</a>; all numbers:
      <a href="cells.csv">cells</a>, <a href="runs.csv">runs</a>, <a href="epochs.csv">epochs</a> (CSV).
    </p>
    ${shown}
  `;
  return { page: { title, file: `${name}.html`, main }, markdown: texts.join("\n"), charts };
}

const commandAgain = (experiment: Experiment, { cells, combination }: Section, { results }: Report) =>
  commandFor(experiment, cells, results, combination.model);

interface SectionContext {
  readonly report: Report;
  /** The start of the names of the figures' files. */
  readonly start: string;
  readonly find: FindDataset;
  /** The figures drawn so far; new ones are added. */
  readonly charts: Chart[];
  /** The level of the headings. */
  readonly level: 2 | 3;
}

async function sectionBody(
  experiment: Experiment,
  section: Section,
  { report, start, find, charts, level }: SectionContext,
): Promise<Fragment> {
  const { table, evaluated, records } = section;
  const heading = (text: string) => level === 2 ? html`<h2>${text}</h2>\n` : html`<h3>${text}</h3>\n`;
  const part = (text: string, content: Fragment) => hasContent(content) && html`${heading(text)}${content}`;
  const draw = async (name: string, figure: Figure | DotFigure, caption: string) => {
    const made = await chart(name, figure, caption);
    charts.push(made);
    return made.markup;
  };
  const missing = missingRuns(section);
  const again = html`<pre><code>${commandAgain(experiment, section, report)}</code></pre>`;
  const state = html`
    <p class="lead">${mainResult(evaluated, table)}</p>
    ${missing &&
      html`<p class="missing">${missing} The command at the end of this page goes on where it stopped.</p>`}
  `;
  if (records.size === 0) return html`${state}${part("Run it", again)}`;

  const pictures: (() => Promise<Fragment>)[] = [
    async () => {
      const differences = differenceFigure(section, shortName(experiment));
      return differences.panels.length > 0 &&
        await draw(`${start}-differences`, differences, differenceCaption(table.baseline));
    },
    async () => {
      const errors = errorDots(section, shortName(experiment));
      const own = experiment.figure && !experiment.figureOfSettings;
      return !own && errors.panels.length > 0 && await draw(`${start}-errors`, errors, dotsCaption(section));
    },
  ];
  if (experiment.figure) {
    const drawn = experiment.figure({ cells: section.cells, records, scale: report.scale });
    const spread = experiment.figureOfSettings ? "" : " Where there are several seeds, mean ± sd.";
    const own = () => draw(start, drawn, `${drawn.title}.${spread}`);
    if (experiment.figureOfSettings) pictures.push(own);
    else pictures.unshift(own);
  }
  const figures: Fragment[] = [];
  for (const picture of pictures) figures.push(await picture());
  const runs = [...records.values()];
  const mistakes = await confidentMistakes(runs, report.folder, find);
  const curves = learningCurves(section);
  const notes = [...table.notes, ...recordNotes(runs)];
  return html`${state}${figures}
${heading("Results")}<p>${parts.legend}</p>
${parts.results(section)}
${part("Average relative improvement", parts.improvement(section))}
${part("What was forgotten", grid(forgettingTable(evaluated, table)))}
${heading("Calibration and cost")}${grid(costTable(evaluated, table))}
${part("Errors worth reading", parts.mistakesBySet(mistakes))}
${heading("Learning curves")}${
    curves &&
    await draw(`${start}-curves`, curves, "Mean ± sd over seeds; the best epoch is the one that is tested.")
  }
${parts.runs(evaluated)}
${part("Further pre-training", grid(preTrainingTable(runs)))}
${heading("How it was made")}${grid(settingsTable(table))}
${parts.provenance(section)}
${part("Notes", list(notes))}
${part("Run it again", again)}`;
}

const hasContent = (content: Fragment): boolean =>
  Array.isArray(content)
    ? content.some(hasContent)
    : content !== null && content !== undefined && content !== false;

/**
 * Returns the figure of errors: a panel for each column, a line for each row that is run or printed. Columns where the
 * paper's errors and ours lie apart are left out, as one axis does not serve both.
 */
function errorDots({ table, evaluated }: Section, name: string): DotFigure {
  const panels = table.columns.map((column) => ({
    title: table.heading(column),
    dots: evaluated
      .filter((cell) => cell.column === column && (cell.paper !== null || cell.errors.length > 0))
      .map(({ row, paper, mean, sd = 0 }): Dot => ({
        name: row,
        paper,
        ...mean === undefined ? {} : { ours: { middle: mean, low: mean - sd, high: mean + sd } },
      })),
  }));
  const meet = ({ dots }: typeof panels[number]) => {
    const printed = dots.flatMap(({ paper }) => paper ?? []);
    const ours = dots.flatMap(({ ours }) => ours?.middle ?? []);
    return printed.length === 0 ||
      Math.min(...printed) <= Math.max(...ours) && Math.min(...ours) <= Math.max(...printed);
  };
  return { title: `${name}: test error, %`, x: "test error, %", panels: panels.filter(meet) };
}

function dotsCaption({ evaluated }: Section): string {
  const counts = evaluated.filter(({ errors }) => errors.length > 0).map(({ errors }) => errors.length);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const seeds = least === most ? `n = ${most}` : `n = ${least} to ${most}`;
  const printed = evaluated.some(({ paper }) => paper !== null);
  const paper = printed ? "the paper's number as a diamond, " : "";
  return `Test error in percent: ${paper}ours as mean ± sd over seeds (${seeds}).`;
}

/** Returns the figure of the errors that choose the best epoch; undefined if the experiment's own figure shows them. */
function learningCurves({ table, cells, evaluated }: Section): Figure | undefined {
  if (cells.some(({ configuration }: Cell) => configuration.evaluationsPerEpoch > 1)) return undefined;
  const protocol = cells[0]!.configuration.protocol;
  return {
    title: "Learning curves",
    x: "epochs",
    y: protocol === "paper" ? "test error, %" : "development error, %",
    panels: table.columns.map((column) => ({
      title: table.heading(column),
      curves: evaluated.filter((cell) => cell.column === column && cell.records.length > 0)
        .map(({ row, records }) => {
          const points = new Map<number, number[]>();
          for (const { epoch, dev, test } of records.flatMap(({ epochs }) => epochs)) {
            const error = (dev ?? test)?.errorRate;
            if (error !== undefined) points.set(epoch, [...points.get(epoch) ?? [], 100 * error]);
          }
          return { name: row, points: [...points].map(([x, values]) => ({ x, values })) };
        }),
    })),
  };
}
