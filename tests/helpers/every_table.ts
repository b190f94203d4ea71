/** Tables of every kind that people bring: those that are read, and those that are refused in a sentence. */
import { gzipSync } from "node:zlib";
import type { TableOptions } from "../../lib/tables/table.ts";

/** A table's file. */
export interface TableCase {
  /** Its name. */
  readonly name: string;
  /** Its bytes. */
  readonly content: string | Uint8Array;
  /** The layout that is given with it. */
  readonly options?: TableOptions;
  /** A pattern of the sentence that refuses it; it is read if this is absent. */
  readonly refused?: RegExp;
  /** A pattern of the note on it. */
  readonly note?: RegExp;
  /** `true` if training alone refuses it, as other commands know the labels. */
  readonly onlyTraining?: boolean;
}

/** The rows of each table that is read. */
export const everyRow: readonly { readonly text: string; readonly label: string }[] = Array.from(
  { length: 24 },
  (_, n) => ({ text: `A lamp, ${n % 2 ? "warm" : "dull"} and no. ${n}`, label: n % 2 ? "pos" : "neg" }),
);

const names = ["text", "label"];
const lines = (rows: readonly (readonly string[])[], separator: string, end = "\n") =>
  rows.map((row) => row.map((cell) => cell.includes(separator) ? `"${cell}"` : cell).join(separator)).join(
    end,
  ) + end;
const rows = everyRow.map(({ text, label }) => [text, label]);
const delimited = (separator: string, { head = names, end = "\n" } = {}) =>
  lines([head, ...rows], separator, end);
const more = (head: string, cells: string) =>
  delimited(",").replaceAll(/^(.+)$/gm, (line) => `${line},${line === "text,label" ? head : cells}`);
const csv = delimited(",");
const json = (row: (of: { text: string; label: string }, n: number) => unknown) =>
  everyRow.map((of, n) => JSON.stringify(row(of, n))).join("\n");
const utf16 = (text: string) =>
  new Uint8Array(new Uint16Array(Array.from(text, (sign) => sign.charCodeAt(0))).buffer);
const utf32 = (text: string) =>
  new Uint8Array(new Uint32Array(Array.from(`\ufeff${text}`, (sign) => sign.codePointAt(0)!)).buffer);
const bytes = (start: string, rest = 600) =>
  Uint8Array.from({ length: start.length + rest }, (_, at) => at < start.length ? start.charCodeAt(at) : 0);

/** All tables. */
export const everyTable: readonly TableCase[] = [
  { name: "plain.csv", content: csv },
  { name: "mark.csv", content: `\ufeff${csv}` },
  { name: "returns.csv", content: delimited(",", { end: "\r" }) },
  { name: "windows.csv", content: delimited(",", { end: "\r\n" }) },
  { name: "blanks.csv", content: delimited(",", { head: [" text ", "label "] }) },
  { name: "semicolons.csv", content: delimited(";"), note: /with semicolons/ },
  { name: "sep.csv", content: `sep=;\r\n${delimited(";")}`, note: /with semicolons/ },
  { name: "tabs.csv", content: delimited("\t"), note: /with tabs/ },
  { name: "bars.tsv", content: delimited("|"), note: /with bars/ },
  { name: "caret.csv", content: delimited("^"), options: { separator: "^" } },
  { name: "excel.txt", content: utf16(`\ufeff${delimited("\t")}`), note: /as UTF-16/ },
  { name: "utf16.csv", content: utf16(csv), options: { encoding: "utf-16le" } },
  { name: "packed.csv.gz", content: gzipSync(csv) },
  { name: "packed.csv", content: gzipSync(csv) },
  { name: "unpacked.csv.gz", content: csv },
  { name: "trailing.csv", content: more(",", ",") },
  { name: "twice.csv", content: more("id,id", "1,2") },
  { name: "other.dat", content: csv, options: { format: "csv" } },
  { name: "lines.jsonl", content: json((row) => row) },
  { name: "mark.jsonl", content: `\ufeff${json((row) => row)}` },
  {
    name: "tokens.jsonl",
    content: json(({ text, label }) => ({ text: text.split(" "), label })),
    note: /lists of tokens/,
  },
  { name: "list.json", content: `\n${JSON.stringify(everyRow)}` },
  { name: "wrapped.json", content: JSON.stringify({ data: everyRow }, null, 1) },
  { name: "schema.json", content: JSON.stringify({ schema: {}, data: everyRow }) },
  { name: "packed.jsonl.gz", content: gzipSync(json((row) => row)) },

  { name: "caret.csv", content: delimited("^"), refused: /column "text" is missing.*; give --separator if/ },
  {
    name: "upper.csv",
    content: delimited(",", { head: ["Text", "Label"] }),
    refused: /name another with --text/,
  },
  { name: "headless.csv", content: lines(rows, ","), refused: /the first line must name the columns$/ },
  {
    name: "utf16.csv",
    content: utf16(csv),
    refused: /UTF-16 without a byte order mark: give --encoding utf-16le$/,
  },
  { name: "utf32.csv", content: utf32(csv), refused: /as it is UTF-32: save it as UTF-8$/ },
  {
    name: "latin.csv",
    content: bytes("text,label\nCaf\xe9,pos\n", 0),
    refused: /as with --encoding windows-1252$/,
  },
  {
    name: "cut.csv.gz",
    content: gzipSync(csv).subarray(0, 60),
    refused: /with gzip: .*; it is damaged or cut off/,
  },
  { name: "twice.csv.gz", content: gzipSync(gzipSync(csv)), refused: /compressed with gzip/ },
  {
    name: "page.csv",
    content: "<!DOCTYPE html>\n<html></html>\n",
    refused: /as it is a web page \(HTML\): download/,
  },
  {
    name: "base.csv",
    content: bytes("SQLite format 3\0"),
    refused: /a database of SQLite: export its table as CSV/,
  },
  {
    name: "feather.csv",
    content: bytes("ARROW1\0\0"),
    refused: /an Arrow file \(Feather\): write it as Parquet/,
  },
  { name: "feather.parquet", content: bytes("ARROW1\0\0"), refused: /an Arrow file \(Feather\): write it/ },
  {
    name: "text.parquet",
    content: csv,
    refused: /does not begin with PAR1, .* give it a name that ends in \.csv/,
  },
  { name: "empty.parquet", content: "", refused: /as it is empty: expected a Parquet file$/ },
  { name: "book.csv", content: bytes("\xd0\xcf\x11\xe0"), refused: /an Excel workbook: save it from Excel/ },
  { name: "empty.csv", content: "", refused: /as it is empty: expected column names and rows$/ },
  { name: "head.csv", content: "text,label\n", refused: /as it has no rows: expected at least one$/ },
  {
    name: "short.csv",
    content: `${csv}alone\n`,
    refused: /line 26 has 1 value: expected 2, .*; a value is missing/,
  },
  {
    name: "single.csv",
    content: "text,label\n'a, b',pos\n",
    refused: /line 2 has 3 values: .*put values with commas in double quotes/,
  },
  {
    name: "open.csv",
    content: `${csv}"A lamp,neg\n`,
    refused: /quotes in the row that starts in line 26 are not/,
  },
  {
    name: "stray.tsv",
    content: `text\tlabel\n" A lamp\tneg\nA soup\tpos\nA "train\tneg\nA "\tpos\n`,
    refused: /in line 2 (seems to swallow|are not balanced)/,
  },
  {
    name: "swallow.tsv",
    content:
      'text\tlabel\n" The lamp was dull.\tneg\nA warm soup.\tpos\nA "grim" train".\tneg\n" A lamp.\tpos\n',
    refused: /in line 2 (seems to swallow|are not balanced)/,
  },
  {
    name: "object.jsonl",
    content: json(({ text, label }) => ({ text: { en: text }, label })),
    refused:
      /the text in column "text" of line 1 is an object with "en": expected a text, or a list of tokens$/,
  },
  {
    name: "ids.jsonl",
    content: json(({ label }, n) => ({ text: [1, n], label })),
    refused: /of line 1 is a list of other things than texts: expected a text, or a list of tokens$/,
  },
  {
    name: "columns.json",
    content: JSON.stringify({ text: everyRow.map(({ text }) => text), label: [] }),
    refused: /found an object with "text", "label"; pandas writes rows with to_json\(orient="records"\)$/,
  },
  {
    name: "splits.json",
    content: JSON.stringify({ train: everyRow, test: everyRow }),
    refused: /found an object with "train", "test"; write each of these lists into a file of its own$/,
  },
  { name: "comma.json", content: `[${json((row) => row).replaceAll("\n", ",")},]`, refused: /as JSON: / },
  {
    name: "arrays.jsonl",
    content: json(({ text, label }) => [text, label]),
    refused: /as its first line is a list: expected an object a line$/,
  },
  {
    name: "labels.jsonl",
    content: json(({ text, label }) => ({ text, label: { name: label } })),
    refused: /is an object: expected a text or a number; keep one of "name"$/,
    onlyTraining: true,
  },
  {
    name: "several.csv",
    content: csv.replaceAll(/(pos|neg)$/gm, "$1|new"),
    refused: /holds "\|", as most labels do: expected one label a text/,
    onlyTraining: true,
  },
  {
    name: "one.csv",
    content: csv.replaceAll(/neg$/gm, "pos"),
    refused: /expected at least two labels in column "label", found only "pos"$/,
    onlyTraining: true,
  },
];
