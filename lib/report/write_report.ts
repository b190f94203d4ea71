/** Writing a report: one folder with pages that need nothing from elsewhere, Markdown, CSV and BibTeX. */
import { writeTogether } from "../storage/whole_folder.ts";
import { bibtex } from "./bibtex.ts";
import scripts from "./charts.js" with { type: "text" };
import type { Report } from "./collect.ts";
import { cellsCsv, claimsCsv, epochsCsv, runsCsv } from "./csv.ts";
import { dataPage } from "./data_page.ts";
import { experimentPage, type PageFiles, shortName } from "./experiment_page.ts";
import { type Fragment, html } from "./html.ts";
import { indexMarkdown, indexPage } from "./index_page.ts";
import type { FindDataset } from "./mistakes.ts";
import { document, type Page } from "./page.ts";
import { resolutionPage } from "./resolution_page.ts";
import styles from "./report.css" with { type: "text" };

/** Options of {@linkcode writeReport}. */
export interface WriteOptions {
  /** Finds a data set for the texts of mistakes. */
  readonly find: FindDataset;
  /** The source text of plotly.js. */
  readonly plotly: string;
  /** Content for the first page, below its introduction. */
  readonly links?: Fragment;
  /** Further pages. */
  readonly more?: readonly Page[];
}

/**
 * Writes a report into a folder.
 *
 * @returns names of the pages of tables, experiments and the resolution, without `.html`
 * @throws InputError if a file cannot be written.
 */
export async function writeReport(
  report: Report,
  folder: string,
  { find, plotly, links, more = [] }: WriteOptions,
): Promise<string[]> {
  const made: PageFiles[] = [];
  for (const { table, rows } of report.dataTables) made.push(await dataPage(table, rows, report.scale));
  for (const one of report.experiments) made.push(await experimentPage(one, report, find));
  const [claims] = report.claims;
  if (claims) made.push(await resolutionPage(claims.judgements));
  const index = await indexPage(report, links);
  const pages = [index.page, ...made.map(({ page }) => page), ...more];
  const names = [
    ...report.dataTables.map(({ table }) => table),
    ...report.experiments.map(({ experiment }) => experiment),
  ];
  const frame = {
    pages: {
      "index.html": "Overview",
      ...Object.fromEntries(names.map((one) => [`${one.name}.html`, shortName(one)])),
      ...claims ? { "resolution.html": "Resolution" } : {},
    },
    footer:
      html`<p>bertlab, scale ${report.scale}, ${report.records.length} runs (records ${report.fingerprint}),
made ${report.made.toISOString().slice(0, 10)}. <a href="report.bib">How to cite</a></p>`,
  };
  const files: Record<string, string> = {
    "report.css": styles,
    "charts.js": scripts,
    "plotly.min.js": plotly,
    "report.md": indexMarkdown(report),
    "report.bib": bibtex(report),
    "claims.csv": claimsCsv(report),
    "cells.csv": cellsCsv(report),
    "runs.csv": runsCsv(report),
    "epochs.csv": epochsCsv(report),
    ...Object.fromEntries(made.map(({ page, markdown }) => [page.file.replace(/html$/, "md"), markdown])),
    ...Object.fromEntries(
      [index, ...made].flatMap(({ charts }) => charts.map(({ file, svg }) => [file, svg])),
    ),
    ...Object.fromEntries(pages.map((page) => [page.file, document(page, frame)])),
  };
  await writeTogether(folder, files, "index.html");
  return made.map(({ page }) => page.file.replace(/\.html$/, ""));
}
