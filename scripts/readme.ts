/**
 * `deno task readme`: writes what can be computed into the pages, between marks like `<!-- claims -->` and
 * `<!-- /claims -->`: what the published records say, the sizes of the paper's files, the tasks' permissions, the index of the log. Each
 * experiment's table is written beside the records. A test holds all of it to its sources.
 */
import { Command } from "commander";
import { readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { dataTableMarkdown } from "../lib/runs/data_table.ts";
import { InputError } from "../lib/errors.ts";
import type { Report } from "../lib/report/collect.ts";
import { experimentsTable } from "../lib/report/index_page.ts";
import {
  claimsFigure,
  claimsLegend,
  claimsTable,
  countsOf,
  powerLegend,
} from "../lib/results/claims_text.ts";
import { seedsLegend } from "../lib/results/comparison.ts";
import { dotsSvg, figureSvg } from "../lib/results/figures.ts";
import { markdown } from "../lib/results/markdown.ts";
import { resolutionFigure, resolutionMarkdown } from "../lib/results/resolution_text.ts";
import { markdownTable, numbersTable } from "../lib/results/tables.ts";
import { writeWhole } from "../lib/storage/whole_file.ts";
import { importsOf } from "./check_structure.ts";
import { runCommand } from "./command.ts";
import { permissionsTable } from "./permissions.ts";
import { speedSentence } from "./readme_speed.ts";
import { readReport, reportParts } from "./report.ts";

/**
 * The eleven ideas of the paper: the section, the name, the file in lib/paper that is the idea, and the one that must be
 * read besides to understand it, if any.
 */
const ideas = [
  ["5.2", "fine-tuning", "fine_tune.ts", "classifier_plan"],
  ["5.3.1", "long text", "long_text.ts"],
  ["5.3.2", "layers", "layers.ts"],
  ["5.3.3", "forgetting", "forgetting.ts", "pretraining_steps"],
  ["5.3.4", "layer-wise decay", "layer_decay.ts"],
  ["5.4.1", "further pre-training", "further_pretraining.ts", "masked_words"],
  ["5.4.2", "corpora", "corpora.ts"],
  ["5.4.3", "BERT as features", "bert_feat.ts", "long_text"],
  ["5.5", "multi-task", "multitask.ts", "fine_tune"],
  ["5.6", "few-shot", "few_shot.ts"],
  ["summary", "schedules", "schedules.ts"],
] as const;

/** Reads the published records of the mini scale. */
export const publishedReport = (): Promise<Report> =>
  readReport({ scale: "mini", results: "results" }, reportParts);

/** Reads the pages that people read, by their paths from the root: README.md first, then the others. */
export async function readPages(root: string): Promise<Map<string, string>> {
  const docs = (await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md")).sort();
  const names = [
    "README.md",
    ...docs.map((name) => `docs/${name}`),
    "SECURITY.md",
    "CONTRIBUTING.md",
    "LOG.md",
  ];
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await readFile(join(root, name), "utf8")] as const),
    ),
  );
}

/** The table of {@linkcode ideas}: each file, what to read besides, the files of lib/paper that it calls, its lines. */
async function ideasTable(root: string): Promise<string> {
  const rows = await Promise.all(ideas.map(async ([section, idea, name, besides]) => {
    const path = `lib/paper/${name}`;
    const text = await readFile(join(root, path), "utf8");
    const imports = importsOf({ path, text }).map(({ target }) => target)
      .filter((target) => target.startsWith("lib/paper/"))
      .map((target) => posix.basename(target, ".ts"));
    const others = [...new Set(imports)].filter((other) => other !== besides).sort().join(", ") || "–";
    return [
      idea,
      section,
      `[${path}](${path})`,
      besides ?? "nothing",
      others,
      String(text.split("\n").length - 1),
    ];
  }));
  return markdown(["idea", "section", "file", "to open besides", "also called", "lines"], rows, 5);
}

/** The index of the log: date and title of each entry, with a link to it. */
function logIndex(log: string): string {
  const entries = Array.from(log.matchAll(/^## ((\d{4}-\d\d-\d\d): (.*))$/gm), ([, heading, date, title]) => {
    // the name that GitHub gives to a heading
    const anchor = heading!.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
    return [date!, `[${title}](#${anchor})`];
  });
  return markdown(["date", "entry"], entries, 2);
}

/**
 * The pages with what the records and the files say between their marks.
 *
 * @throws InputError if a mark is missing.
 */
export async function withBlocks(
  pages: ReadonlyMap<string, string>,
  report: Report,
  root: string,
): Promise<Map<string, string>> {
  const judgements = report.claims[0]?.judgements ?? [];
  const table2 = report.experiments.find(({ experiment }) => experiment.name === "table2")!.sections[0]!;
  const records = (page: string) => posix.relative(posix.dirname(page), "results/mini") + "/";
  const sizes = await ideasTable(root);
  const speed = speedSentence(await readFile(join(root, "benchmarks/history.jsonl"), "utf8"));
  const { tasks } = JSON.parse(await readFile(join(root, "deno.json"), "utf8"));
  const blocks: Record<string, (page: string) => string> = {
    verdicts: () => countsOf(judgements),
    claims: () =>
      [countsOf(judgements), claimsTable(judgements), claimsLegend, powerLegend, seedsLegend].join("\n\n"),
    resolution: () => resolutionMarkdown(judgements),
    experiments: (page) => experimentsTable(report, records(page)),
    table2: () => numbersTable(table2.table),
    ideas: () => sizes,
    permissions: () => permissionsTable(tasks),
    entries: (page) => logIndex(pages.get(page)!),
    speed: () => speed,
  };
  const written = new Map(pages);
  for (const [name, block] of Object.entries(blocks)) {
    const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const places = [...written].filter(([, text]) => text.includes(start) && text.includes(end));
    if (places.length === 0) {
      throw new InputError(
        `Cannot write the block “${name}” as no page has ${start} and ${end}: put both back`,
      );
    }
    for (const [page, text] of places) {
      const [from, to] = [text.indexOf(start), text.indexOf(end)];
      written.set(page, `${text.slice(0, from)}${start}\n\n${block(page)}\n\n${text.slice(to)}`);
    }
  }
  return written;
}

/** The pictures of a report's claims, and the tables and figures of its experiments that have runs, by file names. */
export async function recordTables(
  { claims, dataTables, experiments, scale }: Report,
): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const { judgements } of claims.slice(0, 1)) {
    files.set("claims.svg", await dotsSvg(claimsFigure(judgements)));
    files.set("resolution.svg", await dotsSvg(resolutionFigure(judgements)));
  }
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
  .description(
    "Writes what the records in results/mini and the files say into the pages, and the tables beside the records.",
  )
  .action(async () => {
    const report = await publishedReport();
    for (const [name, text] of await recordTables(report)) {
      await writeWhole(join(report.folder, name), [text]);
    }
    const pages = await withBlocks(await readPages("."), report, ".");
    for (const [name, text] of pages) await writeWhole(name, [text]);
    console.log(`Wrote ${[...pages.keys()].join(", ")} and the tables in ${report.folder}`);
  });

if (import.meta.main) Deno.exit(await runCommand(command, Deno.args));
