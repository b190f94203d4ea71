/** The page of a table of data sets: the paper's numbers beside the measured ones. */
import { type DataCounts, type DataTable, dataTableMarkdown, type MeasuredData } from "../runs/data_table.ts";
import type { ScaleName } from "../runs/experiment.ts";
import { chart } from "./chart.ts";
import { type PageFiles, shortName } from "./experiment_page.ts";
import { html } from "./html.ts";
import { grid } from "./page.ts";

const columns: readonly { name: string; show: (counts: DataCounts) => string }[] = [
  { name: "classes", show: ({ classes }) => `${classes}` },
  { name: "average length", show: ({ averageLength }) => averageLength.toFixed(0) },
  { name: "longest", show: ({ maxLength }) => `${maxLength}` },
  { name: "over 512, %", show: ({ exceeding }) => exceeding.toFixed(2) },
  { name: "training texts", show: ({ train }) => `${train}` },
  { name: "test texts", show: ({ test }) => `${test}` },
];

/** Returns the data sets of a scale that are not measured yet, by the paper's names. */
export const missingSets = (table: DataTable, rows: readonly MeasuredData[], scale: ScaleName): string[] =>
  Object.keys(table.scales[scale]?.sets ?? {}).filter((set) => !rows.some((row) => row.set === set));

/** Makes the page of measured data sets. */
export async function dataPage(
  table: DataTable,
  rows: readonly MeasuredData[],
  scale: ScaleName,
): Promise<PageFiles> {
  const { name, paper, question, published } = table;
  const title = `${shortName(table)}: ${question}`;
  const missing = missingSets(table, rows, scale);
  const label = ({ set, data }: MeasuredData) => set === data ? set : `${set} → ${data}`;
  const charts = rows.length === 0 ? [] : [
    await chart(name, {
      title: "Length of the texts",
      x: "",
      panels: ([["average length", "averageLength"], ["over 512 wordpieces, %", "exceeding"]] as const).map(
        ([title, key]) => ({
          title,
          dots: rows.map((row) => ({
            name: label(row),
            paper: published[row.set]?.[key] ?? null,
            values: [row[key]],
          })),
        }),
      ),
    }, "What the paper prints as a diamond, what was measured as a disc; lengths in wordpieces."),
  ];
  const main = html`
    <h1>${title}</h1>
    <p class="soft">
      ${paper} of the paper; scale ${scale}. Nothing is trained. Also as <a href="${name}.md">Markdown</a>.
    </p>
    ${missing.length > 0 && html`<p class="missing">Not measured yet: ${missing.join(", ")}.</p>`}
    ${charts.map(({ markup }) => markup)}
    ${grid({
      caption: "Each number: the paper's, then ours",
      head: ["", ...columns.flatMap(({ name }) => [`${name}: paper`, "ours"])],
      rows: rows.map((row) => [
        label(row),
        ...columns.flatMap(({ show }) => [published[row.set] ? show(published[row.set]!) : "–", show(row)]),
      ]),
    })}
    <p>Lengths in wordpieces of bert-base-uncased's vocabulary, in characters for Chinese, over the texts of all splits;
    training texts count those held out for development.</p>
    <h2>Where the data come from</h2>
    ${grid({
      caption: "The data sets that were measured",
      head: ["", "data", "source", "fingerprint"],
      texts: 4,
      rows: rows.map(({ set, data, source, fingerprint }) => [
        set,
        data,
        html`<div class="text">${source}</div>`,
        html`<code>${fingerprint.slice(0, 12)}</code>`,
      ]),
    })}
    <h2>Run it again</h2>
    <pre><code>deno task reproduce ${name} --scale ${scale}</code></pre>
  `;
  return {
    page: { title, file: `${name}.html`, main },
    markdown: dataTableMarkdown(table, rows, scale),
    charts,
  };
}
