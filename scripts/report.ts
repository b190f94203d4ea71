/** `deno task report`: one offline folder with everything that the records tell. */
import { Command } from "commander";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { dataTables, experiments } from "../experiments/all.ts";
import { claimsAt } from "../experiments/claims.ts";
import { dataset } from "../lib/data/dataset.ts";
import type { DataTable } from "../lib/runs/data_table.ts";
import { InputError } from "../lib/errors.ts";
import { type Experiment, type ScaleName, scaleNames } from "../lib/runs/experiment.ts";
import { collectReport, type Report } from "../lib/report/collect.ts";
import type { FindDataset } from "../lib/report/mistakes.ts";
import { writeReport } from "../lib/report/write_report.ts";
import { withOutputFolder } from "../lib/storage/output_folder.ts";
import type { Claim } from "../lib/results/claims.ts";
import { type Output, runMain, standardOutput, userPath } from "./command.ts";
import { oneOf } from "./options.ts";
import { makeOutputFolder } from "./output_folder.ts";

/** Parts that the commands that write reports work with; tests put others in place. */
export interface ReportParts {
  readonly experiments: readonly Experiment[];
  readonly dataTables: readonly DataTable[];
  readonly claimsAt: (scale: ScaleName) => readonly Claim[];
  /** Finds data sets that are on this machine. */
  readonly find: FindDataset;
  /** The source of plotly.js. */
  readonly plotly: () => Promise<string>;
  readonly output: Output;
}

/** The paper's experiments, and the data sets of this machine. */
export const reportParts: ReportParts = {
  experiments,
  dataTables,
  claimsAt,
  find: localDatasets(),
  plotly: async () =>
    (await import("plotly.js-dist-min/plotly.min.js", { with: { type: "text" } })).default as string,
  output: standardOutput,
};

interface ReportOptions {
  readonly scale: ScaleName;
  readonly results?: string;
  readonly output?: string;
}

/** A command with the options that say which records are meant. */
export function recordsCommand(name: string): Command {
  return new Command(name)
    .option(
      "--scale <scale>",
      `which records: ${scaleNames.join(", ")}`,
      oneOf("--scale", scaleNames),
      "mini",
    )
    .option(
      "--results <folder>",
      "where records are kept (default: runs, or the published ones in results if there are none)",
      userPath,
    );
}

/** The report of the records that the options name, with its warnings said. */
export async function readReport({ scale, results }: ReportOptions, parts: ReportParts): Promise<Report> {
  const claims = parts.claimsAt(scale);
  const folder = results ?? (await stat(join("runs", scale)).catch(() => undefined) ? "runs" : "results");
  const report = await collectReport({ ...parts, claims, scale, results: folder, made: new Date() });
  for (const line of report.warnings) parts.output.error(line);
  return report;
}

/** The command, not yet run. */
export function reportCommand(parts: ReportParts): Command {
  return recordsCommand("report")
    .description(
      "Writes one folder with pages, Markdown, CSV and BibTeX from the records alone; nothing is run, and the pages " +
        "need no network.",
    )
    .option("--output <folder>", "where the report is written; RESULTS/SCALE/report if not given", userPath)
    .action(async (options: ReportOptions) => {
      const report = await readReport(options, parts);
      const folder = options.output ?? join(report.folder, "report");
      await makeOutputFolder(folder);
      const plotly = await parts.plotly();
      await withOutputFolder(folder, () => writeReport(report, folder, { find: parts.find, plotly }));
      parts.output.out(`Wrote ${join(folder, "index.html")}`);
    });
}

/** Finds data sets that need no download, each once. */
function localDatasets(): FindDataset {
  const read = new Map<string, ReturnType<FindDataset>>();
  return (name) => {
    const found = read.get(name) ?? dataset(name, { offline: true }).catch((error) => {
      if (error instanceof InputError) return undefined;
      throw error;
    });
    read.set(name, found);
    return found;
  };
}

if (import.meta.main) await runMain(reportCommand(reportParts));
