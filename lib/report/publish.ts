/** Versions of a report in one folder for a static host: earlier versions stay, links lead to the newest. */
import { access, mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { signed } from "../results/markdown.ts";
import { shown } from "../storage/byte_source.ts";
import { fileName } from "../storage/file_name.ts";
import { removeOrphans, requireWritable, writeWhole } from "../storage/whole_file.ts";
import { writeFolder } from "../storage/whole_folder.ts";
import type { Report } from "./collect.ts";
import { cellsCsv, parseCsv } from "./csv.ts";
import { html } from "./html.ts";
import { grid, list, minute, type Page, redirect, shell } from "./page.ts";
import { type WriteOptions, writeReport } from "./write_report.ts";
import { readTextFile } from "../storage/input_file.ts";
import { fitting, list as listOf, object, readJson, type Shape, text, whole } from "../storage/json.ts";

/** A published version. */
export interface Version {
  /** Name of its folder: the date and the records' fingerprint. */
  readonly id: string;
  /** Time of its making, ISO 8601 in UTC. */
  readonly made: string;
  /** Number of runs on record. */
  readonly runs: number;
}

/** The cells whose numbers differ between two versions. */
export interface Changes {
  /** Cells whose mean error changed, with the errors in percent. */
  readonly changed: readonly { readonly cell: string; readonly before: number; readonly after: number }[];
  /** Cells that have runs for the first time. */
  readonly added: readonly { readonly cell: string; readonly after: number }[];
  /** Cells that have no runs any more. */
  readonly gone: readonly { readonly cell: string; readonly before: number }[];
}

/**
 * Writes a report as a version into `FOLDER/versions/`, with a page of changes since the version before. A report of
 * the same records replaces the newest version.
 *
 * @returns the version
 * @throws InputError if the folder has an index.html that is not a report's, its manifest cannot be used, or a file
 * cannot be written.
 */
export async function publishReport(
  report: Report,
  folder: string,
  options: Omit<WriteOptions, "links" | "more">,
): Promise<Version> {
  await requireWritable(folder);
  const versions = join(folder, "versions");
  const manifest = join(versions, "versions.json");
  const known = await readVersions(folder, manifest);
  await makeInside(folder, "versions");
  await removeOrphans(versions);
  const newest = known.at(-1);
  const again = newest?.id.endsWith(`-${report.fingerprint}`) ?? false;
  const id = again ? newest!.id : `${report.made.toISOString().slice(0, 10)}-${report.fingerprint}`;
  const version = { id, made: report.made.toISOString(), runs: report.records.length };
  const earlier = known.filter((one) => one.id !== id);
  const before = earlier.at(-1);
  const page = before && changesPage(
    before,
    await changesSince(join(versions, before.id, "cells.csv"), cellsCsv(report)),
  );
  const links = list([
    html`Version ${id}; <a href="../index.html">all versions</a>`,
    ...page ? [html`<a href="${page.file}">What changed since ${before!.id}</a>`] : [],
  ]);

  const all = [...earlier, version];
  let names: string[] = [];
  await writeFolder(join(versions, id), async (beside) => {
    names = await writeReport(report, beside, { ...options, links, more: page ? [page] : [] });
    for (const name of names) await makeInside(folder, name);
    // Before the folder is there, as a version without a folder is forgotten, and a folder without a version is not.
    await writeWhole(manifest, [JSON.stringify(all, null, 2) + "\n"]);
  });
  await writeWhole(join(versions, "index.html"), [versionsPage(all)]);
  await writeWhole(join(folder, "index.html"), [redirect("The newest report", `versions/${id}/index.html`)]);
  for (const name of names) {
    const target = `../versions/${id}/${name}.html`;
    await writeWhole(join(folder, name, "index.html"), [redirect(`The newest ${name}`, target)]);
  }
  return version;
}

/** Returns the versions whose folders are still there, the oldest first. */
async function readVersions(folder: string, manifest: string): Promise<Version[]> {
  const there = (path: string) => access(path).then(() => true, () => false);
  if (await there(manifest)) {
    const all = await readManifest(manifest);
    const kept = await Promise.all(all.map(({ id }) => there(join(folder, "versions", id, "cells.csv"))));
    return all.filter((_, place) => kept[place]);
  }
  if (await there(join(folder, "index.html"))) {
    throw new InputError(
      `Cannot publish to ${folder} as it has an index.html that is not of a report: name another folder with --to`,
    );
  }
  return [];
}

/**
 * Reads the versions of a manifest.
 *
 * @throws InputError unless it is a list of versions whose ids are plain names.
 */
export async function readManifest(path: string): Promise<Version[]> {
  const advice = "name another folder with --to";
  const all = await readJson(path, listOf(versionShape), advice);
  const ids = new Set<string>();
  for (const [place, { id }] of all.entries()) {
    const what = `id, entry ${place + 1} of ${path}`;
    if (!reserved.test(fileName(id, what)) && !ids.has(id)) ids.add(id);
    else throw new InputError(`Cannot use the ${what}: ${shown(id)} is taken; ${advice}`);
  }
  return [...all];
}

const versionShape: Shape<Version> = object<Version>({
  id: text,
  made: fitting(text, "a time", (made) => !Number.isNaN(Date.parse(made))),
  runs: whole(0),
});

/** Names in the folder of versions that are no versions' own. */
const reserved = /^(index\.html|versions\.json|.*\.unfinished|.*\.tmp(\.lock)?)$/;

/** Compares a version's `cells.csv` with the cells of now. @throws InputError if it cannot be read. */
async function changesSince(path: string, now: string): Promise<Changes> {
  try {
    return compareCells(await readTextFile(path), now);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      `Cannot read ${path}: ${
        shown((error as Error).message)
      }; remove its folder, which forgets this version`,
      { cause: error },
    );
  }
}

/** Makes a folder in another if it is not there. @throws InputError if it is a link to elsewhere, or no folder. */
async function makeInside(folder: string, name: string): Promise<void> {
  const path = join(folder, name);
  await mkdir(path, { recursive: true }).catch((error) => {
    throw new InputError(`Cannot make the folder ${path}: ${error.message}; name another folder with --to`);
  });
  if (await realpath(path) !== join(await realpath(folder), name)) {
    throw new InputError(`Cannot publish to ${folder} as ${path} is a link: name another folder with --to`);
  }
}

/** Finds the differences between two `cells.csv`. */
export function compareCells(before: string, after: string): Changes {
  const [old, now] = [before, after].map((csv) =>
    new Map(
      parseCsv(csv).filter(({ runs }) => Number(runs) > 0).map((row) => {
        const { experiment, column, row: name, scale, protocol, engine, precision } = row;
        const cell =
          `${experiment}, ${column}, ${name} (scale ${scale}, protocol ${protocol}, ${engine}, ${precision})`;
        return [cell, Number(row["mean_error"])] as const;
      }),
    )
  ) as [Map<string, number>, Map<string, number>];
  const both = [...now].flatMap(([cell, after]) =>
    old.has(cell) ? [{ cell, before: old.get(cell)!, after }] : []
  );
  return {
    changed: both.filter(({ before, after }) => before !== after),
    added: [...now].filter(([cell]) => !old.has(cell)).map(([cell, after]) => ({ cell, after })),
    gone: [...old].filter(([cell]) => !now.has(cell)).map(([cell, before]) => ({ cell, before })),
  };
}

function changesPage(version: Version, { changed, added, gone }: Changes): Page {
  const title = `What changed since ${version.id}`;
  const number = (value: number) => value.toFixed(2);
  const part = (heading: string, caption: string, head: string[], rows: string[][]) => {
    const table = grid({ caption: `Mean test error in percent${caption}`, head: ["", ...head], rows });
    return table && html`<h2>${heading}</h2>\n${table}`;
  };
  const changes = changed.toSorted((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before))
    .map(({ cell, before, after }) => [cell, number(before), number(after), signed(after - before)]);
  const main = html`<h1>${title}</h1>
<p class="lead">${changed.length} cells have another mean error, ${added.length} have runs for the first time,
${gone.length} have none any more.</p>
<p><a href="../${version.id}/index.html">The version before</a>, with ${version.runs} runs</p>
${part("Changed", ", the largest change first", ["before", "now", "change"], changes)}
${part("New", "", ["now"], added.map(({ cell, after }) => [cell, number(after)]))}
${part("Gone", ", before", ["before"], gone.map(({ cell, before }) => [cell, number(before)]))}`;
  return { title, file: "changes.html", main };
}

/** Writes the page that lists all versions, with the styles of the newest one. */
function versionsPage(versions: readonly Version[]): string {
  const lines = versions.map(({ id, made, runs }, place) => [
    html`<a href="${id}/index.html">${id}</a>, made ${minute(new Date(made))} from ${runs} runs`,
    place > 0 && html`; <a href="${id}/changes.html">what changed</a>`,
  ]).reverse();
  return shell(
    "Versions of the report",
    html`<link rel="stylesheet" href="${versions.at(-1)!.id}/report.css">`,
    html`<main><h1>Versions of the report</h1>\n<p>The newest first.</p>\n${list(lines)}</main>`,
  );
}
