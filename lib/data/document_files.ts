/** A user's own unlabelled texts, for further pre-training (section 5.4). */
import { InputError } from "../errors.ts";
import { wholeText } from "./examples.ts";
import { textColumnsOf, textOf } from "./files.ts";
import { isTable, readTable, readText, requireColumns, type TableOptions } from "../tables/table.ts";
import { requireArguments, someOf, tableLayout, textList } from "../storage/arguments.ts";
import { text } from "../storage/json.ts";

/**
 * Reads the documents of files: the rows of a CSV, TSV, JSON Lines or Parquet file, or the blocks between blank lines
 * of any other file. Blank documents are left out.
 *
 * @param textColumn column of the texts, in files that have columns; several are separated by commas
 * @param layout the tables' layout, where they do not tell it
 * @throws InputError when a file cannot be read, has no such column, or holds no document.
 */
export async function readDocuments(
  paths: readonly string[],
  textColumn: string,
  layout: TableOptions = {},
): Promise<string[]> {
  requireArguments("readDocuments", {
    paths: [paths, textList],
    textColumn: [textColumn, text],
    layout: [layout, someOf(tableLayout)],
  });
  const all: string[] = [];
  for (const path of paths) {
    const documents = (isTable(path) ? await rowsOf(path, textColumn, layout) : await blocksOf(path))
      .map((document) => document.trim()).filter((document) => document !== "");
    if (documents.length === 0) {
      throw new InputError(`Cannot use ${path}: expected texts, found only blank ones`);
    }
    for (const document of documents) all.push(document);
  }
  return all;
}

async function rowsOf(path: string, textColumn: string, layout: TableOptions): Promise<string[]> {
  const table = await readTable(path, layout, (columns) => textColumnsOf(textColumn, columns));
  const columns = textColumnsOf(textColumn, table.columns);
  requireColumns(table, ...columns);
  return table.rows.map((row) => wholeText(textOf(row, columns, path)));
}

async function blocksOf(path: string): Promise<string[]> {
  const text = await readText(path, {
    file: "a text file",
    content: "documents with blank lines between them",
  });
  return text.replaceAll(/\r\n?/g, "\n").split(/\n(?:[ \t]*\n)+/);
}
