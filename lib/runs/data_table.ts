/** Table 1 of the paper: what the data sets are, measured with the tokenizer of the models, beside what it prints. */
import { join } from "node:path";
import { resolveModel } from "../bert/models.ts";
import { type Dataset, wholeText } from "../data/examples.ts";
import { InputError } from "../errors.ts";
import { escapeMarkdown } from "../printable.ts";
import type { ScaleName } from "./experiment.ts";
import { markdown } from "../results/markdown.ts";
import { characterTokenizer, loadTokenizer, type Tokenizer } from "../text/tokenizer.ts";
import { withLockIfFree } from "../storage/file_lock.ts";
import { writeWhole } from "../storage/whole_file.ts";
import { anything, list, number, object, readJsonIfThere, type Shape, text, whole } from "../storage/json.ts";
import { aDataset, aTokenizer, callback, having, requireArguments } from "../storage/arguments.ts";

/** Counts of a data set, printed in the paper or measured. */
export interface DataCounts {
  /** C */
  readonly classes: number;
  /** Mean length of a text in wordpieces (characters for Chinese). */
  readonly averageLength: number;
  /** Length of the longest text. */
  readonly maxLength: number;
  /** Texts of more than 512 wordpieces, in percent. */
  readonly exceeding: number;
  /** Training texts, those held out for development among them. */
  readonly train: number;
  /** Test texts. */
  readonly test: number;
}

/** A table of data sets. */
export interface DataTable {
  /** The name on the command line. */
  readonly name: string;
  /** Section and table of the paper. */
  readonly paper: string;
  /** Question of the table, as a sentence. */
  readonly question: string;
  /** The paper's numbers, by its names of the data sets. */
  readonly published: Readonly<Record<string, DataCounts>>;
  /** The data sets of each scale by the paper's names, and the minutes that measuring them takes. */
  readonly scales: Readonly<
    Partial<Record<ScaleName, { readonly minutes: number; readonly sets: Readonly<Record<string, string>> }>>
  >;
}

/** A measured data set. */
export interface MeasuredData extends DataCounts {
  /** The paper's name. */
  readonly set: string;
  /** The data set that has its place. */
  readonly data: string;
  /** sha256 over its texts and labels. */
  readonly fingerprint: string;
  /** Source of the data. */
  readonly source: string;
}

/** Options of {@linkcode measureDataTable}. */
export interface DataTableOptions {
  /** The scale by name. */
  readonly scale: ScaleName;
  /** Folder that the measurements are kept in. */
  readonly folder: string;
  /** Finds a data set by name. */
  readonly dataset: (name: string) => Promise<Dataset>;
  /** Finds the tokenizer of a data set's language. */
  readonly tokenizer: (data: Dataset) => Promise<Tokenizer>;
  /** Told what is going on. */
  readonly say: (line: string) => void;
}

/** Finds tokenizers by language: wordpieces of bert-base-uncased's vocabulary, or single characters. */
export function dataTokenizer(say: (line: string) => void): (data: Dataset) => Promise<Tokenizer> {
  requireArguments("dataTokenizer", { say: [say, callback] });
  let english: Promise<Tokenizer> | undefined;
  return async ({ language, train, dev, test }) => {
    if (language === "zh") return characterTokenizer([train, dev, test].flat().map(wholeText));
    english ??= resolveModel("minilm", { onProgress: say }).then(loadTokenizer);
    return await english;
  };
}

/** Counts of a data set over the texts of all its splits. */
export function countData(data: Dataset, tokenizer: Tokenizer): DataCounts {
  requireArguments("countData", { data: [data, aDataset], tokenizer: [tokenizer, aTokenizer] });
  const { labels, train, dev, test } = data;
  let [sum, longest, exceeding] = [0, 0, 0];
  const splits = [train, dev, test];
  for (const example of splits.flat()) {
    const { length } = tokenizer.encode(wholeText(example));
    sum += length;
    longest = Math.max(longest, length);
    if (length > 512) exceeding++;
  }
  const texts = train.length + dev.length + test.length;
  return {
    classes: labels.length,
    averageLength: sum / texts,
    maxLength: longest,
    exceeding: 100 * exceeding / texts,
    train: train.length + dev.length,
    test: test.length,
  };
}

/**
 * Measures the data sets of a scale. What the folder holds already is taken as it is, without a look at the data; what
 * cannot be had is told, and left out.
 *
 * @throws InputError if the table does not have the scale, or what the folder holds cannot be read.
 */
export async function measureDataTable(table: DataTable, options: DataTableOptions): Promise<MeasuredData[]> {
  requireArguments("measureDataTable", {
    table: [table, having("a table of data sets", "paper")],
    options: [options, having("an object with options", "scale")],
  });
  const { scale: name, folder, say } = options;
  const scale = table.scales[name];
  if (scale === undefined) {
    const found = Object.keys(table.scales).join(", ");
    throw new InputError(`${table.name} has no scale "${name}": expected one of ${found}`);
  }
  const waiting = () => say(`Waiting for another process that measures ${table.name}`);
  const measure = () => measureSets(table.name, scale.sets, options);
  return await withLockIfFree(join(folder, `.${table.name}.lock`), measure, waiting);
}

async function measureSets(
  table: string,
  places: Readonly<Record<string, string>>,
  options: DataTableOptions,
): Promise<MeasuredData[]> {
  const { folder, say } = options;
  const file = join(folder, `${table}.json`);
  const rows = new Map((await readMeasured(file)).map((row) => [row.set, row]));
  const sets = Object.keys(places);
  const measured: MeasuredData[] = [];
  for (const [set, place] of Object.entries(places)) {
    let row = rows.get(set);
    if (row?.data !== place) {
      say(`measuring ${place}`);
      const found = await measureSet(place, options);
      if ("missing" in found) {
        say(`${set} is not measured: ${found.missing}`);
        continue;
      }
      row = { set, data: place, ...found };
      rows.set(set, row);
      const others = [...rows.keys()].filter((set) => !sets.includes(set));
      const all = [...sets, ...others].flatMap((set) => rows.get(set) ?? []);
      await writeWhole(file, [JSON.stringify(all, null, 2) + "\n"]);
    }
    measured.push(row);
  }
  return measured;
}

/** Counts of a data set and where it comes from, or the sentence on why it cannot be had. */
async function measureSet(
  name: string,
  { dataset, tokenizer }: DataTableOptions,
): Promise<Omit<MeasuredData, "set" | "data"> | { readonly missing: string }> {
  try {
    const data = await dataset(name);
    const { fingerprint, source } = data;
    return { ...countData(data, await tokenizer(data)), fingerprint, source };
  } catch (error) {
    if (error instanceof InputError) return { missing: error.message };
    throw error;
  }
}

/** The measurements of a file, none if there is no file. @throws InputError if it holds something else. */
export async function readMeasured(file: string): Promise<readonly MeasuredData[]> {
  const advice = "remove it, and deno task reproduce measures anew";
  return await readJsonIfThere(file, list(measuredShape), advice) ?? [];
}

const measuredShape: Shape<MeasuredData> = object<MeasuredData>({
  ...{ set: text, data: text, fingerprint: text, source: text },
  ...{ classes: whole(1), averageLength: number(0), maxLength: whole(0), exceeding: number(0, 100) },
  ...{ train: whole(0), test: whole(0) },
});

/** The measurements as Markdown, the paper's numbers beside ours. */
export function dataTableMarkdown(
  table: DataTable,
  rows: readonly MeasuredData[],
  scale: ScaleName,
): string {
  requireArguments("dataTableMarkdown", {
    table: [table, having("a table of data sets", "paper", "published")],
    rows: [rows, list(anything)],
    scale: [scale, text],
  });
  const { paper, question, published } = table;
  const columns: readonly [string, (counts: DataCounts) => string][] = [
    ["classes", ({ classes }) => `${classes}`],
    ["average length", ({ averageLength }) => averageLength.toFixed(0)],
    ["longest", ({ maxLength }) => `${maxLength}`],
    ["over 512, %", ({ exceeding }) => exceeding.toFixed(2)],
    ["train", ({ train }) => `${train}`],
    ["test", ({ test }) => `${test}`],
  ];
  const head = ["", ...columns.flatMap(([name]) => [`${name}: paper`, "ours"])];
  const lines = rows.map((row) => [
    row.set === row.data ? row.set : `${row.set} → ${escapeMarkdown(row.data)}`,
    ...columns.flatMap(([, show]) => [show(published[row.set]!), show(row)]),
  ]);
  const notes = [
    "Lengths in wordpieces of bert-base-uncased's vocabulary, in characters for Chinese, over the texts of all splits; " +
    "train counts the texts held out for development.",
    ...rows.map(({ set, data, source, fingerprint }) =>
      `${set}: ${escapeMarkdown(data)}, ${escapeMarkdown(source)} (fingerprint ${fingerprint.slice(0, 12)}).`
    ),
  ];
  return [
    `# ${paper}, scale ${scale}`,
    question,
    markdown(head, lines),
    notes.map((note) => `- ${note}`).join("\n"),
  ].join("\n\n") + "\n";
}
