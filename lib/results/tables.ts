/** Tables from records, as Markdown: the paper's number, ours, the difference, what it cost, and what to know. */
import { mistakes } from "./metrics.ts";
import { duration } from "./progress.ts";
import { readPredictions, type RunRecord } from "./records.ts";
import { mean, pairedBootstrap, pairedT, standardDeviation } from "./statistics.ts";

/** One cell: the paper's number and our runs. */
export interface TableCell {
  /** Test error in percent; null where the paper gives none. */
  readonly paper: number | null;
  /** Records of the cell, one a seed, by rising seed. */
  readonly records: readonly RunRecord[];
  /** How many records there should be. */
  readonly expected: number;
}

/** A table to print. */
export interface ResultTable {
  /** The heading. */
  readonly title: string;
  /** A sentence below the heading. */
  readonly question: string;
  /** Names of the rows. */
  readonly rows: readonly string[];
  /** Names of the columns. */
  readonly columns: readonly string[];
  /** What is printed above a column: its name, with what stands in for its data. */
  readonly heading: (column: string) => string;
  /** The row that the others are compared with. */
  readonly baseline: string;
  /** The cell of a row and a column. */
  readonly cell: (row: string, column: string) => TableCell;
  /** What the experiment itself says about its data and scale. */
  readonly notes: readonly string[];
}

/** The whole table as Markdown: numbers, comparison with the baseline, notes. `folder` holds the predictions. */
export async function markdownTable(table: ResultTable, folder: string): Promise<string> {
  const parts = [
    `# ${table.title}`,
    table.question,
    "Test error in percent: the paper's, ours as mean ± sd over seeds (number of seeds), Δ = ours − paper in points; " +
    "time is the mean of a run, with loading and evaluation.",
    numbers(table),
    `Against ${table.baseline}: difference in points with the 95 % interval of a paired bootstrap over test ` +
    "examples (10,000 resamples, errors averaged over seeds), and p of a paired t test over seeds.",
    await comparison(table, folder),
    [...table.notes, ...notesOf(table)].map((note) => `- ${note}`).join("\n"),
  ];
  return parts.join("\n\n") + "\n";
}

function numbers(table: ResultTable): string {
  const head = [
    "",
    ...table.columns.flatMap((column) => [`${table.heading(column)}: paper`, "ours", "Δ", "time"]),
  ];
  const rows = table.rows.map((row) => [
    row,
    ...table.columns.flatMap((column) => {
      const { paper, records, expected } = table.cell(row, column);
      const printed = paper === null ? "–" : paper.toFixed(2);
      if (records.length === 0) return [printed, "missing", "", ""];
      const errors = records.map((record) => 100 * record.test.errorRate);
      const seconds = mean(records.map((record) => record.seconds));
      return [
        printed,
        spread(errors, expected),
        paper === null ? "" : signed(mean(errors) - paper),
        duration(seconds),
      ];
    }),
  ]);
  return markdown(head, rows);
}

/** "36.80 ± 1.20 (3)", "36.80 (1)", "36.80 ± 1.20 (2 of 3)". */
function spread(errors: readonly number[], expected: number): string {
  const sd = standardDeviation(errors);
  const count = errors.length === expected ? `${expected}` : `${errors.length} of ${expected}`;
  return `${mean(errors).toFixed(2)}${sd === undefined ? "" : ` ± ${sd.toFixed(2)}`} (${count})`;
}

async function comparison(table: ResultTable, folder: string): Promise<string> {
  const others = table.rows.filter((row) => row !== table.baseline);
  const head = [
    "",
    ...table.columns.flatMap((
      column,
    ) => [`${table.heading(column)}: difference`, "p (examples)", "p (seeds)", "verdict"]),
  ];
  const rows: string[][] = [];
  for (const row of others) {
    const cells = table.columns.map((column) =>
      compare(table.cell(row, column).records, table.cell(table.baseline, column).records, folder)
    );
    rows.push([row, ...(await Promise.all(cells)).flat()]);
  }
  return markdown(head, rows);
}

/** Compares two cells on the seeds that both have: difference, p over examples, p over seeds, verdict. */
async function compare(
  records: readonly RunRecord[],
  baseline: readonly RunRecord[],
  folder: string,
): Promise<string[]> {
  const pairs = records.flatMap((record) => {
    const other = baseline.find(({ seed }) => seed === record.seed);
    return other ? [{ record, other }] : [];
  });
  if (pairs.length === 0) return ["missing", "", "", ""];
  if (pairs.some(({ record, other }) => record.data.fingerprint !== other.data.fingerprint)) {
    return ["other data", "", "", ""];
  }
  const wrongs = await Promise.all(pairs.map(({ record }) => wrongOf(folder, record)));
  const otherWrongs = await Promise.all(pairs.map(({ other }) => wrongOf(folder, other)));
  if (wrongs.includes(undefined) || otherWrongs.includes(undefined)) {
    return ["no predictions", "", "", ""];
  }
  const examples = pairedBootstrap(average(wrongs as Float64Array[]), average(otherWrongs as Float64Array[]));
  const seeds = pairs.length < 2 ? undefined : pairedT(
    pairs.map(({ record }) => record.test.errorRate),
    pairs.map(({ other }) => other.test.errorRate),
  );
  const percent = (value: number) => signed(100 * value);
  const distinct = examples.p < 0.05 && (seeds === undefined || seeds.p < 0.05);
  return [
    `${percent(examples.difference)} [${percent(examples.low)}, ${percent(examples.high)}]`,
    probability(examples.p),
    seeds === undefined ? "–" : probability(seeds.p),
    !distinct ? "not distinguishable" : examples.difference < 0 ? "better" : "worse",
  ];
}

async function wrongOf(folder: string, record: RunRecord): Promise<Float64Array | undefined> {
  const predictions = await readPredictions(folder, record);
  return predictions && mistakes(predictions.probabilities, predictions.expected);
}

/** The mean over seeds for each example. */
function average(wrongs: readonly Float64Array[]): Float64Array {
  return wrongs[0]!.map((_, n) => mean(wrongs.map((wrong) => wrong[n]!)));
}

/** What the records say: data, model, engine, versions, memory, and whether they were made alike. */
function notesOf(table: ResultTable): string[] {
  const all = (column: string) => table.rows.flatMap((row) => table.cell(row, column).records);
  const notes = table.columns.flatMap((column) => {
    const records = all(column);
    const data = distinct(
      records.map(({ data }) =>
        `${data.name}, ${data.train} training, ${data.dev} development and ${data.test} test examples ` +
        `(fingerprint ${data.fingerprint.slice(0, 12)})`
      ),
    );
    const models = distinct(records.map((record) => record.model));
    return records.length === 0 ? [] : [`${column}: ${data.join("; and ")}; model: ${models.join("; ")}.`];
  });
  const records = table.columns.flatMap(all);
  notes.push(...distinct(records.flatMap((record) => record.notes)));
  const missing =
    table.columns.flatMap((column) =>
      table.rows.filter((row) => table.cell(row, column).records.length < table.cell(row, column).expected)
    ).length;
  if (missing > 0) notes.push(`${missing} cells lack runs; the same command goes on where it stopped.`);
  if (records.length === 0) return notes;
  const gigabytes = Math.max(...records.map((record) => record.peakMemoryBytes)) / 1e9;
  const made = (values: string[]) => distinct(values).join(" and ");
  notes.push(
    `Made with engine ${
      made(records.map(({ engine, precision }) => `${engine} (${precision})`))
    }, protocol ` +
      `${made(records.map((record) => record.protocol))}, bertlab ${
        made(records.map(({ versions }) => versions["bertlab"] ?? "?"))
      }, on ${made(records.map(({ machine }) => `${machine.cpu}, ${machine.cores} cores`))}; ` +
      `the process used at most ${gigabytes.toFixed(1)} GB.`,
  );
  return notes;
}

const distinct = (values: readonly string[]) => [...new Set(values)];

/** "+1.20", "−0.35". */
const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

const probability = (p: number) => p < 0.001 ? "< .001" : p.toFixed(3).replace(/^0/, "");

/** A Markdown table with aligned columns; all but the first are right-aligned. */
function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, c) => Math.max(3, ...lines.map((line) => line[c]!.length)));
  const text = (line: readonly string[]) =>
    `| ${line.map((cell, c) => c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!)).join(" | ")} |`;
  const rule = widths.map((width, c) => c === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":");
  return [text(head), `| ${rule.join(" | ")} |`, ...rows.map(text)].join("\n");
}
