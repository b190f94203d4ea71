/**
 * A search within a budget against the default recipe, on the same test texts. The command `train` runs as people run
 * it, for each seed with `--budget` and, unless the search comes to the default, without. Takes about the budgets times
 * the seeds.
 */
import { isDeepStrictEqual } from "node:util";
import { mean, pairedT, standardDeviation } from "../lib/results/statistics.ts";
import { inTrainFolder, train } from "./train_command.ts";

/** A comparison. */
export interface SearchCase {
  /** Name of the data set. */
  readonly data: string;
  /** Training texts, a tenth of which are held out to choose by. */
  readonly train: number;
  /** Test texts. */
  readonly test: number;
  /** T. */
  readonly maxLength: number;
  /** The time of a search. */
  readonly budget: string;
  readonly seeds: readonly number[];
}

/** What a seed came to. */
export interface SearchSeed {
  readonly seed: number;
  /** The choice of the search. */
  readonly chosen: Readonly<Record<string, unknown>>;
  readonly trainings: number;
  /** Share of wrong predictions on the test texts. */
  readonly testError: { readonly searched: number; readonly default: number };
  /** No time for the default where the search came to it: that training is the same, bit for bit. */
  readonly seconds: { readonly searched: number; readonly default?: number };
  /** Seconds of the search over its budget. */
  readonly ofBudget: number;
}

/** Cut to 128 wordpieces, so that the default takes one to two minutes of the twenty on one or two cores. */
const cases: readonly SearchCase[] = [
  { data: "imdb", train: 500, test: 1000, maxLength: 128, budget: "20m", seeds: [1, 2, 3] },
  { data: "mailing-lists", train: 500, test: 600, maxLength: 128, budget: "20m", seeds: [1, 2, 3] },
];

/** What a search starts from, and returns to unless another choice is better. */
const theDefault = { recipe: "fit", learningRate: 5e-5, layerDecay: .95, truncation: "head+tail" };

/** Runs all comparisons, or those of the data sets named; returns the numbers for the history. */
export async function benchSearch(
  { say, only }: { say: (line: string) => void; only?: readonly string[] },
): Promise<(SearchCase & { readonly results: SearchSeed[] })[]> {
  const all = [];
  for (const one of cases.filter(({ data }) => only?.includes(data) ?? true)) {
    all.push({ ...one, results: await searchAgainstDefault(one, say) });
  }
  return all;
}

/** Runs a comparison. */
export async function searchAgainstDefault(
  one: SearchCase,
  say: (line: string) => void,
): Promise<SearchSeed[]> {
  return await inTrainFolder(one.data, one, async (folder) => {
    const results: SearchSeed[] = [];
    for (const seed of one.seeds) {
      const common = ["--seed", `${seed}`, "--max-length", `${one.maxLength}`];
      const searched = await train(folder, ...common, "--budget", one.budget);
      const { trials, chosen, budget } = searched.search;
      const isDefault = isDeepStrictEqual(chosen, theDefault);
      const plain = isDefault ? { test: searched.test } : await train(folder, ...common);
      results.push({
        ...{ seed, chosen, trainings: trials.length, ofBudget: searched.seconds / budget },
        testError: { searched: searched.test.error_rate, default: plain.test.error_rate },
        seconds: { searched: searched.seconds, default: plain.seconds },
      });
      say(`${one.data}: ${JSON.stringify(results.at(-1))}`);
    }
    const errors = (side: "searched" | "default") => results.map(({ testError }) => 100 * testError[side]);
    for (const side of ["searched", "default"] as const) {
      const own = errors(side);
      say(`${one.data}, ${side}: ${mean(own).toFixed(2)} ± ${standardDeviation(own)?.toFixed(2) ?? "–"} %`);
    }
    if (results.length > 1) {
      const { difference, p } = pairedT(errors("searched"), errors("default"));
      say(`${one.data}, searched − default: ${difference.toFixed(2)} points, p = ${p.toFixed(3)} over seeds`);
    }
    return results;
  });
}
