/** The page of what the paper's own test sets can tell with one run, claim by claim, beside ours. */
import type { Judgement } from "../results/claims.ts";
import {
  resolutionCounts,
  resolutionFigure,
  resolutionLegend,
  resolutionMarkdown,
  resolutionTable,
} from "../results/resolution_text.ts";
import { chart } from "./chart.ts";
import type { PageFiles } from "./experiment_page.ts";
import { html } from "./html.ts";
import { grid } from "./page.ts";

/** Makes the page from the verdicts of the runs that are most. */
export async function resolutionPage(judgements: readonly Judgement[]): Promise<PageFiles> {
  const title = "Resolution: which of the paper's differences can its test sets tell?";
  const picture = await chart(
    "resolution-paper",
    resolutionFigure(judgements),
    "The paper's difference as a diamond. Grey: differences of two single runs that are not told apart at .05, by the " +
      "binomial distribution, as if each run was tested on texts of its own.",
  );
  const counts = resolutionCounts(judgements);
  const main = html`
    <h1>${title}</h1>
    <p class="lead">${counts}</p>
    ${picture.markup}
    <p>${resolutionLegend}</p>
    ${grid(resolutionTable(judgements))}
    <p>To the right our own runs: their difference with its 95 % interval over test texts, and the smallest true
    difference that they would find four times in five (<a href="index.html">how the verdicts are made</a>).</p>
  `;
  const markdown = [`# ${title}`, resolutionMarkdown(judgements)].join("\n\n") + "\n";
  return { page: { title, file: "resolution.html", main }, markdown, charts: [picture] };
}
