/** Poems by author: ten poets of the Song dynasty, a stand-in for the paper's Sogou with long Chinese documents. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Example, Splits } from "../examples.ts";
import type { EmbeddedSet } from "./embedded.ts";

/** The ten poets with most poems in the package, and the files (in thousands) with 200 documents of theirs. */
const poets: readonly { readonly name: string; readonly files: readonly number[] }[] = [
  { name: "陸游", files: [127, 128, 129] },
  { name: "劉克莊", files: [197, 198, 199, 200] },
  { name: "楊萬里", files: [138, 139, 140, 141] },
  { name: "趙蕃", files: [164, 165, 166, 167] },
  { name: "梅堯臣", files: [13, 14, 15] },
  { name: "方回", files: [230, 231, 232, 233] },
  { name: "蘇軾", files: [44, 45, 46] },
  { name: "韓淲", files: [175, 176, 177, 178] },
  { name: "張耒", files: [64, 65, 66] },
  { name: "黄庭堅", files: [55, 56, 57, 58] },
];

const shortest = 500;
const documents = { train: 140, dev: 20, test: 40 };

/** The data set: 200 documents for each poet. */
export const chinesePoets: EmbeddedSet = {
  name: "chinese-poets",
  language: "zh",
  labels: poets.map(({ name }) => name),
  source: "Song poems (public domain) in npm chinese-poetry 2.0.1 (MIT)",
  note:
    "stands in for Sogou: authorship instead of topics; a document is a poet's poems one after another up to " +
    "500 characters, in traditional characters without titles; train, dev and test are blocks in the edition's order",
  package: { name: "chinese-poetry", version: "2.0.1", megabytes: 85 },
  fingerprint: "228f19eb786bcd9792dca03392c2e58827ac467f5e10a2daeecee1702e57ec3c",
  read: async (folder) => {
    const splits = { train: [] as Example[], dev: [] as Example[], test: [] as Example[] };
    for (const [label, poet] of poets.entries()) {
      const examples = (await readDocuments(folder, poet)).map((text): Example => ({ text, label }));
      const dev = documents.train + documents.dev;
      splits.train.push(...examples.slice(0, documents.train));
      splits.dev.push(...examples.slice(documents.train, dev));
      splits.test.push(...examples.slice(dev, dev + documents.test));
    }
    return splits satisfies Splits;
  },
};

/**
 * Reads all Song poems of the package that are not in dev or test, in the edition's order: an author's successive
 * poems, one a line, up to the first that brings a document to 500 characters.
 */
export async function poemDocuments(folder: string): Promise<string[]> {
  const held = new Set<string>();
  for (const poet of poets) {
    const unseen = (await readDocuments(folder, poet)).slice(
      documents.train,
      documents.train + documents.dev + documents.test,
    );
    for (const poem of unseen.flatMap((text) => text.split("\n"))) held.add(lettersOf(poem));
  }
  const found: string[] = [];
  for (const file of await songFiles(folder)) {
    const poems = await readPoems(folder, file);
    found.push(...documentsOf(poems.filter(({ text }) => !held.has(lettersOf(text)))));
  }
  return found;
}

/**
 * Joins successive poems of an author by line feeds, up to the first that brings them to 500 characters; documents may
 * be shorter where the author changes and at the end.
 */
export function documentsOf(poems: readonly Poem[]): string[] {
  const found: string[] = [];
  let texts: string[] = [];
  let characters = 0;
  poems.forEach(({ author, text }, place) => {
    texts.push(text);
    characters += [...text].length;
    if (characters < shortest && poems[place + 1]?.author === author) return;
    found.push(texts.join("\n"));
    texts = [];
    characters = 0;
  });
  return found;
}

/** A poem without its title. */
export interface Poem {
  /** The poet's name, in traditional characters. */
  readonly author: string;
  /** The couplets, one after another. */
  readonly text: string;
}

/** Reads the poet's documents of at least 500 characters, across files. */
async function readDocuments(
  folder: string,
  { name, files }: { name: string; files: readonly number[] },
): Promise<string[]> {
  const poems = (await Promise.all(files.map((file) => readPoems(folder, file * 1000)))).flat();
  return documentsOf(poems.filter(({ author }) => author === name))
    .filter((text) => [...text.replaceAll("\n", "")].length >= shortest);
}

/** Reads the poems of a file that have a text. */
async function readPoems(folder: string, file: number): Promise<Poem[]> {
  const path = join(folder, "dist", "quantangshi", `poet.song.${file}.json`);
  const rows: { author: string; paragraphs: string[] }[] = JSON.parse(await readFile(path, "utf8"));
  return rows.flatMap(({ author, paragraphs }) => {
    const text = paragraphs.join("");
    return text ? [{ author, text }] : [];
  });
}

/** Lists the numbers of the package's files of Song poems, in their order. */
async function songFiles(folder: string): Promise<number[]> {
  const names = await readdir(join(folder, "dist", "quantangshi"));
  return names.flatMap((name) => /^poet\.song\.(\d+)\.json$/.exec(name)?.[1] ?? []).map(Number)
    .sort((a, b) => a - b);
}

/** Returns the letters of a poem alone: editions differ in punctuation. */
function lettersOf(text: string): string {
  return text.replace(/[^\p{L}]/gu, "");
}
