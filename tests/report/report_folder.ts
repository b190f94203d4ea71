/** A report of made-up results in a folder of its own. */
import { join } from "node:path";
import type { DataTable } from "../../lib/runs/data_table.ts";
import type { Experiment } from "../../lib/runs/experiment.ts";
import { collectReport, type Report } from "../../lib/report/collect.ts";
import type { FindDataset } from "../../lib/report/mistakes.ts";
import { writeReport } from "../../lib/report/write_report.ts";
import type { Claim } from "../../lib/results/claims.ts";

/** Parts that a report is made of, besides the records. */
export interface Parts {
  readonly experiments: readonly Experiment[];
  readonly dataTables?: readonly DataTable[];
  readonly claims?: readonly Claim[];
  readonly find?: FindDataset;
}

/** No data set is on this machine. */
export const noData: FindDataset = () => Promise.resolve(undefined);

/** The report of a results folder at mini scale, made on a fixed day. */
export const reportOf = (
  results: string,
  { experiments, dataTables = [], claims = [] }: Parts,
  made = new Date("2030-01-02T03:04:05Z"),
): Promise<Report> => collectReport({ experiments, dataTables, claims, results, scale: "mini", made });

/** Writes the report beside the results and returns a reader of its files. */
export async function written(results: string, parts: Parts): Promise<(name: string) => string> {
  const folder = join(results, "report");
  await writeReport(await reportOf(results, parts), folder, { find: parts.find ?? noData, plotly: "" });
  return (name) => Deno.readTextFileSync(join(folder, name));
}
