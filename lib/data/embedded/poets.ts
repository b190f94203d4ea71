/** Who wrote it? Ten poets of the Song dynasty, a stand-in for the paper's Sogou: long Chinese documents. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Example, Splits } from "../examples.ts";
import type { EmbeddedSet } from "./embedded.ts";

/** The ten with most poems in the package, and the thousands of the files where 200 documents of theirs stand. */
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

/** 200 documents a poet. */
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

async function readDocuments(
  folder: string,
  { name, files }: { name: string; files: readonly number[] },
): Promise<string[]> {
  const found: string[] = [];
  let poems: string[] = [];
  let characters = 0;
  for (const file of files) {
    const path = join(folder, "dist", "quantangshi", `poet.song.${file * 1000}.json`);
    const rows: { author: string; paragraphs: string[] }[] = JSON.parse(await readFile(path, "utf8"));
    for (const { author, paragraphs } of rows) {
      if (author !== name) continue;
      const poem = paragraphs.join("");
      poems.push(poem);
      characters += [...poem].length;
      if (characters < shortest) continue;
      found.push(poems.join("\n"));
      poems = [];
      characters = 0;
    }
  }
  return found;
}
