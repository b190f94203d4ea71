/**
 * Start models of `train` by their test errors, calibration and seconds on files of several sizes: what the default
 * costs and gives. The command runs as people run it. Takes hours; `--only` names the data sets.
 */
import { mean } from "../lib/results/statistics.ts";
import { inTrainFolder, train } from "./train_command.ts";

/** A set of texts, and the numbers of training texts that are tried. */
interface ModelCase {
  readonly data: string;
  readonly sizes: readonly number[];
  /** Test texts. */
  readonly test: number;
  /** T. */
  readonly maxLength: number;
}

const cases: readonly ModelCase[] = [
  { data: "imdb", sizes: [200, 1000, 5000], test: 1000, maxLength: 128 },
  { data: "yelp-sentences", sizes: [200, 600], test: 300, maxLength: 128 },
  { data: "wordnet-types", sizes: [200, 1000, 4000], test: 1000, maxLength: 128 },
  { data: "mailing-lists", sizes: [200, 1000], test: 600, maxLength: 128 },
];

/** Models that `train` may start from without an address. */
const models = ["minilm", "bge-small-en"] as const;

/** The result of a training. */
export interface ModelResult {
  readonly data: string;
  readonly train: number;
  readonly model: string;
  readonly seconds: number;
  /** Share of wrong predictions on the test texts. */
  readonly testError: number;
  /** Expected calibration error on the test texts. */
  readonly ece: number;
}

/** Runs all comparisons, or those of the data sets named; returns the numbers for the history. */
export async function benchStartModels(
  { say, only }: { say: (line: string) => void; only?: readonly string[] },
): Promise<ModelResult[]> {
  const results: ModelResult[] = [];
  for (const { data, sizes, test, maxLength } of cases.filter(({ data }) => only?.includes(data) ?? true)) {
    for (const size of sizes) {
      await inTrainFolder(data, { train: size, test }, async (folder) => {
        for (const model of models) {
          const found = await train(folder, "--model", model, "--max-length", `${maxLength}`);
          const { error_rate: testError, ece } = found.test;
          results.push({ data, train: size, model, seconds: found.seconds, testError, ece });
          say(
            `${data}, ${size} texts, ${model}: error ${(100 * testError).toFixed(1)} %, calibration error ` +
              `${(100 * ece).toFixed(1)} points, ${found.seconds.toFixed(0)} s`,
          );
        }
      });
    }
  }
  for (const model of models) {
    const own = results.filter((one) => one.model === model);
    say(`${model}: mean error ${(100 * mean(own.map(({ testError }) => testError))).toFixed(1)} %`);
  }
  return results;
}
