/** Small copies of the paper's data sets in the layouts in which they are published. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { inFolder } from "../helpers/in_folder.ts";

/** A row: the class from 0, and the fields. */
export type Row = readonly [label: number, ...fields: string[]];

/** Rows by split. */
export interface Rows {
  readonly train: readonly Row[];
  readonly test: readonly Row[];
}

/** Contents by path. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** Folder of the Parquet files, by the sets' names. */
export const parquetFolder: string = join(import.meta.dirname!, "..", "golden", "parquet");

/** Rows that the Parquet files hold. */
export const parquetRows: Readonly<Record<string, Rows>> = JSON.parse(
  await readFile(join(parquetFolder, "rows.json"), "utf8"),
);

/** Runs in a folder of its own with these files; `plain` takes the folder's path out of a message. */
export async function withFolder<Result>(
  files: Files,
  run: (folder: string, plain: (text: string) => string) => Promise<Result>,
): Promise<Result> {
  return await inFolder(async (folder) => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    return await run(folder, (text) => text.replaceAll(`${folder}/`, "").replaceAll(folder, "DIR"));
  });
}

/** `train.csv` and `test.csv` of Zhang, Zhao and LeCun: classes from 1, every value in quotes. */
export function zhangFiles(folder: string, rows: Rows): Files {
  const quoted = (value: string | number) => `"${String(value).replaceAll('"', '""')}"`;
  return bothSplits(
    rows,
    (split) => `${folder}/${split}.csv`,
    ([label, ...fields]) => [label + 1, ...fields].map(quoted).join(","),
  );
}

/** `train.csv` and `test.csv` of the paper's authors: quotes only where they are needed. */
export function tabFiles(folder: string, rows: Rows, classes: readonly string[]): Files {
  const quoted = (value: string) => value.startsWith('"') ? `"${value.replaceAll('"', '""')}"` : value;
  return bothSplits(
    rows,
    (split) => `${folder}/${split}.csv`,
    ([label, ...fields]) => [classes[label]!, ...fields].map(quoted).join("\t"),
  );
}

/** `train_5500.label` and `TREC_10.label`, in Latin-1. */
export function questionFiles(folder: string, rows: Rows, classes: readonly string[]): Files {
  const text = bothSplits(
    rows,
    (split) => `${folder}/${split === "train" ? "train_5500" : "TREC_10"}.label`,
    ([label, question]) => `${classes[label]}:kind ${question!.replace("sister city", "sister\xf0city")}`,
  );
  return Object.fromEntries(
    Object.entries(text).map((
      [path, content],
    ) => [path, Uint8Array.from(String(content), (letter) => letter.charCodeAt(0))]),
  );
}

/** The folders of aclImdb, with what lies there besides. */
export function reviewFiles(folder: string, rows: Rows): Files {
  const reviews = (["train", "test"] as const).flatMap((split) =>
    rows[split].map(([label, text], place): [string, string] => [
      `${folder}/${split}/${label === 0 ? "neg" : "pos"}/${place}_${label === 0 ? 1 : 9}.txt`,
      text!,
    ])
  );
  return {
    ...Object.fromEntries(reviews),
    [`${folder}/README`]: "about it",
    [`${folder}/train/unsup/0_0.txt`]: "no label",
    [`${folder}/train/labeledBow.feat`]: "9 0:9",
  };
}

function bothSplits(
  rows: Rows,
  path: (split: "train" | "test") => string,
  line: (row: Row) => string,
): Record<string, string> {
  const content = (split: "train" | "test") => rows[split].map((row) => `${line(row)}\n`).join("");
  return { [path("train")]: content("train"), [path("test")]: content("test") };
}
