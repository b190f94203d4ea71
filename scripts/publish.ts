/** `deno task publish`: writes the report as a version into a folder for a static host. */
import type { Command } from "commander";
import { join } from "node:path";
import type { ScaleName } from "../lib/runs/experiment.ts";
import { publishReport } from "../lib/report/publish.ts";
import { withOutputFolder } from "../lib/storage/output_folder.ts";
import { runMain, userPath } from "./command.ts";
import { readReport, recordsCommand, type ReportParts, reportParts } from "./report.ts";

interface PublishOptions {
  readonly scale: ScaleName;
  readonly results?: string;
  readonly to: string;
}

/** The command, not yet run. */
export function publishCommand(parts: ReportParts): Command {
  return recordsCommand("publish")
    .description(
      "Writes the report as a version into FOLDER/versions, with what changed since the one before. FOLDER/index.html " +
        "leads to the newest, FOLDER/table2/ to the newest Table 2; earlier versions stay.",
    )
    .requiredOption("--to <folder>", "the folder that is served", userPath)
    .action(async (options: PublishOptions) => {
      const report = await readReport(options, parts);
      const plotly = await parts.plotly();
      const version = await withOutputFolder(
        options.to,
        () => publishReport(report, options.to, { find: parts.find, plotly }),
      );
      parts.output.out(`Wrote ${join(options.to, "versions", version.id, "index.html")}`);
    });
}

if (import.meta.main) await runMain(publishCommand(reportParts));
