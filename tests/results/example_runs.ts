import { measure } from "../../lib/results/metrics.ts";
import { type RunRecord, writePredictions } from "../../lib/results/records.ts";
import { exampleRecord } from "./example_record.ts";

/** Runs of a cell. */
interface ExampleCell {
  /** Wrong answers of its seeds 1, 2, …: the first so many of the test examples. */
  readonly wrongs: readonly number[];
  /** The true classes, 0 or 1, of the test examples; ten of class 0 if not given. */
  readonly expected?: readonly number[];
  /** Name of the data set. */
  readonly data?: string;
  /** Row and column. */
  readonly cell?: RunRecord["cell"];
}

let runs = 0;

/** The records of a cell, one a seed, with their predictions in the folder. */
export function exampleRuns(folder: string, example: ExampleCell): Promise<RunRecord[]> {
  const { wrongs, expected = Array(10).fill(0), data: name = "imdb", cell } = example;
  return Promise.all(wrongs.map(async (wrong, index) => {
    const right = [[0.75, 0.25], [0.25, 0.75]];
    const probabilities = expected.flatMap((label, n) => right[n < wrong ? 1 - label : label]!);
    const hash = `${runs++}`.padEnd(16, "x").padEnd(64, "0");
    const predictions = await writePredictions(folder, hash, { labels: ["a", "b"], expected, probabilities });
    const record = exampleRecord({ hash, predictions, seed: index + 1, ...cell && { cell } });
    return { ...record, data: { ...record.data, name }, test: measure(probabilities, expected, 2) };
  }));
}
