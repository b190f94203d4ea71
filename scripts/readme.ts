/**
 * `deno task readme`: writes what the published records say: into README.md, between `<!-- claims -->` and
 * `<!-- /claims -->` and the like, and as a table for each experiment beside the records. A test holds the files to it.
 */
import { Command } from "commander";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { dataTableMarkdown } from "../lib/runs/data_table.ts";
import { InputError } from "../lib/errors.ts";
import type { Report } from "../lib/report/collect.ts";
import { countsOf, experimentsTable } from "../lib/report/index_page.ts";
import { claimsLegend, claimsTable } from "../lib/results/claims.ts";
import { figureSvg } from "../lib/results/figures.ts";
import { markdownTable, numbersTable } from "../lib/results/tables.ts";
import { writeWhole } from "../lib/storage/whole_file.ts";
import { runCommand } from "./command.ts";
import { readReport, reportParts } from "./report.ts";

/** Reads the published records of the mini scale. */
export const publishedReport = (): Promise<Report> =>
  readReport({ scale: "mini", results: "results" }, reportParts);

/** What stands between the marks, by their names. */
function blocks(report: Report): Record<string, string> {
  const judgements = report.claims[0]?.judgements ?? [];
  const table2 =
    report.experiments.find(({ experiment }) => experiment.name === "table2")!.sections[0]!.table;
  return {
    claims: [countsOf(judgements), claimsTable(judgements), claimsLegend].join("\n\n"),
    experiments: experimentsTable(report, "results/mini/"),
    table2: numbersTable(table2),
  };
}

/**
 * A text with what the records say between its marks.
 *
 * @throws InputError if a mark is missing.
 */
export function withRecords(text: string, report: Report): string {
  for (const [name, block] of Object.entries(blocks(report))) {
    const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 || to < from) {
      throw new InputError(`Cannot write into README.md as it lacks ${start} or ${end}: put both back`);
    }
    text = `${text.slice(0, from)}${start}\n\n${block}\n\n${text.slice(to)}`;
  }
  return text;
}

/** The tables and figures of a report's experiments that have runs, by the names of their files. */
export async function recordTables({ dataTables, experiments, scale }: Report): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const { table, rows } of dataTables) {
    if (rows.length > 0) files.set(`${table.name}.md`, dataTableMarkdown(table, rows, scale));
  }
  for (const { experiment, sections: [section] } of experiments) {
    const { table, evaluated, cells, records } = section!;
    if (records.size === 0) continue;
    files.set(`${experiment.name}.md`, markdownTable(table, evaluated));
    if (!experiment.figure) continue;
    files.set(`${experiment.name}.svg`, await figureSvg(experiment.figure({ cells, records, scale })));
  }
  return files;
}

const command = new Command("readme")
  .description("Writes what the records in results/mini say into README.md, and their tables beside them.")
  .action(async () => {
    const report = await publishedReport();
    for (const [name, text] of await recordTables(report)) {
      await writeWhole(join(report.folder, name), [text]);
    }
    await writeWhole("README.md", [withRecords(await readFile("README.md", "utf8"), report)]);
    console.log(`Wrote README.md and the tables in ${report.folder}`);
  });

if (import.meta.main) Deno.exit(await runCommand(command, Deno.args));
