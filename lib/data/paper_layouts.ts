/** The layouts in which the paper's data sets were published: the files of each split, and a reader of their rows. */
import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { InputError } from "../errors.ts";
import { readParquet } from "../tables/parquet.ts";
import { fileBytes, readText, textPieces } from "../tables/text_source.ts";
import { readTextFile } from "../storage/input_file.ts";

/** A row of a file. */
export interface LabelledFields {
  /** The class's place in the labels. */
  readonly label: number;
  /** The texts, as the file has them. */
  readonly fields: readonly string[];
}

/** The layout of a published data set. */
export interface PaperLayout {
  /** Names of the files, for an error. */
  readonly files: string;
  /** Pattern of the paths, below a folder, of the files of the training split. */
  readonly train: RegExp;
  /** Pattern of the paths of the files of the test split. */
  readonly test: RegExp;
  /** A note on these files for readers of results. */
  readonly note?: string;
  /** Yields the rows of one file. @throws InputError when it is broken or has an unknown class. */
  read(path: string, labels: readonly string[]): AsyncGenerator<LabelledFields>;
}

/** Returns the layout of the hub: `train-00000-of-00002.parquet`, or `train/0000.parquet` if converted there. */
export function parquetLayout(columns: {
  readonly label: string;
  readonly fields: readonly string[];
  readonly note?: string;
}): PaperLayout {
  return {
    files: "the hub's train-*.parquet and test-*.parquet",
    train: /(?:^|\/)train(?:-\d{5}-of-\d{5}[^/]*|\/\d{4})?\.parquet$/,
    test: /(?:^|\/)test(?:-\d{5}-of-\d{5}[^/]*|\/\d{4})?\.parquet$/,
    note: columns.note,
    async *read(path, labels) {
      let row = 0;
      for await (const values of readParquet(path, [columns.label, ...columns.fields])) {
        row++;
        const label = Number(values[columns.label] ?? NaN);
        if (!(label in labels)) throw unknownClass(path, `row ${row}`, values[columns.label], labels, 0);
        const fields = columns.fields.map((column) => {
          const value = values[column];
          if (typeof value === "string") return value;
          throw new InputError(`Cannot use ${path}: expected a text in column "${column}" of row ${row}`);
        });
        yield { label, fields };
      }
    },
  };
}

/**
 * Returns the layout of `train.csv` and `test.csv` without a header, the class first: those of Zhang, Zhao and LeCun
 * (2015) with commas and classes from 1, those of the paper's authors for IMDb and TREC with tabs.
 *
 * @param fields names of the values after the class
 * @param firstClass the number of the first class; the file has the classes' names if it is not given
 */
export function delimitedLayout(
  { delimiter, fields, firstClass }: {
    readonly delimiter: "," | "\t";
    readonly fields: readonly string[];
    readonly firstClass?: number;
  },
): PaperLayout {
  const columns = ["class", ...fields];
  return {
    files: `train.csv and test.csv without a header (${columns.join(delimiter === "," ? ", " : " tab ")})`,
    train: /^train\.csv$/,
    test: /^test\.csv$/,
    async *read(path, labels) {
      for await (const { values: [name = "", ...texts], line } of records(path, delimiter)) {
        if (texts.length !== fields.length) {
          throw new InputError(
            `Cannot read ${path} as line ${line} has ${
              texts.length + 1
            } values: expected ${columns.length}, ` +
              columns.join(", "),
          );
        }
        const number = firstClass !== undefined && /^\d+$/.test(name) ? Number(name) - firstClass : -1;
        const label = labels.includes(name) ? labels.indexOf(name) : number;
        if (!(label in labels)) throw unknownClass(path, `line ${line}`, name, labels, firstClass);
        yield { label, fields: texts };
      }
    },
  };
}

/** The folders of the Large Movie Review Dataset: `train/pos/0_9.txt` is review 0, of 9 stars. */
export const reviewFolders: PaperLayout = {
  files: "the folders train/neg, train/pos, test/neg and test/pos of aclImdb",
  train: /^train\/(?:neg|pos)\/\d+_\d+\.txt$/,
  test: /^test\/(?:neg|pos)\/\d+_\d+\.txt$/,
  async *read(path) {
    const text = await readText(path, { file: "a review", content: "a review" });
    yield { label: /[\\/]pos[\\/][^\\/]*$/.test(path) ? 1 : 0, fields: [text] };
  },
};

/** TREC's own files, in Latin-1: `DESC:manner How did serfdom develop ?`. Only the coarse class is taken. */
export const questionLabels: PaperLayout = {
  files: "train_5500.label and TREC_10.label",
  train: /^train_5500\.label$/,
  test: /^TREC_10\.label$/,
  async *read(path, labels) {
    // "sister<F0>city": the one byte that is no ASCII is a space on the hub
    const text = (await readTextFile(path, "latin1")).replaceAll("\xf0", " ");
    for (const [place, row] of text.split(/\r?\n/).entries()) {
      if (row.trim() === "") continue;
      const [, name, question] = /^(\w+):\S+\s+(.*\S)\s*$/.exec(row) ?? [];
      if (name === undefined || question === undefined) {
        throw new InputError(
          `Cannot read line ${place + 1} of ${path}: expected a class and a question such as ` +
            `"DESC:manner How did it start ?", found "${row.slice(0, 40)}"`,
        );
      }
      const label = labels.indexOf(name);
      if (label < 0) throw unknownClass(path, `line ${place + 1}`, name, labels);
      yield { label, fields: [question] };
    }
  },
};

function unknownClass(
  path: string,
  where: string,
  found: unknown,
  labels: readonly string[],
  firstClass?: number,
): InputError {
  const expected = firstClass === undefined
    ? labels.join(", ")
    : `${firstClass} to ${firstClass + labels.length - 1}`;
  return new InputError(`Cannot use ${path}: ${where} has the class "${found}", expected ${expected}`);
}

/** Longest record in bytes, so that an unpaired quotation mark does not swallow the whole file. */
const longestRecord = 2 ** 23;

/** Yields records of delimited values, with the line that each starts in. */
async function* records(
  path: string,
  delimiter: string,
): AsyncGenerator<{ values: readonly string[]; line: number }> {
  const parser = parse({
    delimiter,
    info: true,
    max_record_size: longestRecord,
    relax_column_count: true,
    relax_quotes: delimiter === "\t",
    skip_empty_lines: true,
  });
  const source = Readable.from(textPieces(path, fileBytes(path)));
  source.on("error", (error) => parser.destroy(error));
  try {
    for await (const { record, info } of source.pipe(parser)) {
      const values: string[] = record;
      const breaks = values.reduce((sum, value) => sum + (value.match(/\r\n|\n|\r/g)?.length ?? 0), 0);
      yield { values, line: info.lines - breaks };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines } = error as CsvError & { lines: number };
    throw new InputError(
      `Cannot read ${path} as the quotes up to line ${lines} are not balanced: expected each value in quotes, with ` +
        `each inner quote doubled`,
    );
  } finally {
    source.destroy();
  }
}
