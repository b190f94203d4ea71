/**
 * Comparisons of runs as values: how much two cells of a table differ, and whether that is more than chance. A
 * difference must survive both the draw of the test set (a bootstrap over its examples) and the draw of the training (a
 * paired t test over seeds), so its p is the larger of both.
 */
import { mistakes } from "./metrics.ts";
import { hasStandIn, type Predictions, readPredictions, type RunRecord } from "./records.ts";
import { holm, mean, pairedT, stratifiedBootstrap } from "./statistics.ts";

/** A difference of test errors; errors are shares between 0 and 1. */
export interface Comparison {
  /** Error of the runs minus that of the baseline; below 0 the runs are better. */
  readonly difference: number;
  /** Lower end of the 95 % interval, by the bootstrap. */
  readonly low: number;
  /** Upper end of the 95 % interval. */
  readonly high: number;
  /** Two-sided p of the bootstrap over test examples, errors averaged over seeds. */
  readonly pExamples: number;
  /** Two-sided p of the paired t test over seeds; undefined with one seed. */
  readonly pSeeds?: number;
  /** The larger of both; with one seed that of the bootstrap alone. */
  readonly p: number;
  /** How many seeds both sides have. */
  readonly seeds: number;
}

/** Why there is no comparison. */
export interface NotCompared {
  /** "no runs", "no seed in common", "other data", "other model" or "no predictions". */
  readonly missing: string;
}

/** Two cells, and how much their difference counts in a sum. */
export interface WeightedPair {
  /** The factor. */
  readonly weight: number;
  /** Runs of one cell, one a seed. */
  readonly records: readonly RunRecord[];
  /** Runs of the cell that it is compared with. */
  readonly baseline: readonly RunRecord[];
}

/** What p values below it are called distinguishable. */
export const level = 0.05;

/** Compares two cells on the seeds that both have. */
export function compareRuns(
  records: readonly RunRecord[],
  baseline: readonly RunRecord[],
  folder: string,
): Promise<Comparison | NotCompared> {
  return compareSums([{ weight: 1, records, baseline }], folder);
}

/**
 * The weighted sum of several differences, as one comparison on the seeds that all cells have: an average over data
 * sets, or a difference of differences. The bootstrap resamples each test set by itself; cells that are tested on the
 * same examples are resampled together.
 *
 * @param folder where the predictions are
 */
export async function compareSums(
  pairs: readonly WeightedPair[],
  folder: string,
): Promise<Comparison | NotCompared> {
  const cells = pairs.flatMap(({ records, baseline }) => [records, baseline]);
  if (cells.length === 0 || cells.some((cell) => cell.length === 0)) return { missing: "no runs" };
  const seeds = cells.map((cell) => cell.map(({ seed }) => seed))
    .reduce((common, others) => common.filter((seed) => others.includes(seed)));
  if (seeds.length === 0) return { missing: "no seed in common" };
  const errors: ErrorDifference[] = [];
  for (const { weight, records, baseline } of pairs) {
    for (const seed of seeds) {
      const [record, other] = [records, baseline].map((cell) => cell.find((run) => run.seed === seed)!);
      const first = await readPredictions(folder, record!);
      const second = await readPredictions(folder, other!);
      if (!first || !second) return { missing: "no predictions" };
      const testSet = testSetOf(record!, first);
      const sameData = record!.data.fingerprint === other!.data.fingerprint;
      if (!sameData || testSet !== testSetOf(other!, second)) return { missing: "other data" };
      if (!sameStart(record!, other!)) return { missing: "other model" };
      errors.push({ weight, seed, testSet, first: wrongs(first), second: wrongs(second) });
    }
  }
  return compare(errors);
}

/** Whether two runs that name one model had the same, as far as is known; those of different names are to be compared. */
function sameStart(first: RunRecord, second: RunRecord): boolean {
  if (hasStandIn(first) !== hasStandIn(second)) return false;
  const [content, other] = [first, second].map(({ contents }) => contents?.["model"]);
  const sameName = first.configuration["model"] === second.configuration["model"];
  return !sameName || (content ?? other) === (other ?? content);
}

/** Compares runs with always guessing the class that is the most frequent one of the test set. */
export async function compareWithChance(
  records: readonly RunRecord[],
  folder: string,
): Promise<Comparison | NotCompared> {
  if (records.length === 0) return { missing: "no runs" };
  const errors: ErrorDifference[] = [];
  for (const record of records) {
    const predictions = await readPredictions(folder, record);
    if (!predictions) return { missing: "no predictions" };
    const { labels, expected } = predictions;
    const counts = labels.map((_, label) => expected.filter((other) => other === label).length);
    const guess = counts.indexOf(Math.max(...counts));
    errors.push({
      weight: 1,
      seed: record.seed,
      testSet: testSetOf(record, predictions),
      first: wrongs(predictions),
      second: Float64Array.from(expected, (label) => label === guess ? 0 : 1),
    });
  }
  return compare(errors);
}

/** What two models got wrong, 1 or 0 for each example of a test set. */
interface ErrorDifference {
  readonly weight: number;
  readonly seed: number;
  readonly testSet: string;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

function compare(errors: readonly ErrorDifference[]): Comparison {
  const seeds = [...new Set(errors.map(({ seed }) => seed))];
  const byExample = new Map<string, Float64Array>(); // of each test set: Σ weight × difference, mean over seeds
  for (const { weight, testSet, first, second } of errors) {
    const sums = byExample.get(testSet) ?? new Float64Array(first.length);
    byExample.set(testSet, sums.map((sum, n) => sum + weight * (first[n]! - second[n]!) / seeds.length));
  }
  const { p: pExamples, ...interval } = stratifiedBootstrap([...byExample.values()]);
  const bySeed = seeds.map((seed) =>
    errors.filter((error) => error.seed === seed)
      .reduce((sum, { weight, first, second }) => sum + weight * (mean(first) - mean(second)), 0)
  );
  if (seeds.length < 2) return { ...interval, pExamples, p: pExamples, seeds: seeds.length };
  const { p: pSeeds } = pairedT(bySeed, bySeed.map(() => 0));
  return { ...interval, pExamples, pSeeds, p: Math.max(pExamples, pSeeds), seeds: seeds.length };
}

const wrongs = ({ probabilities, expected }: Predictions) => mistakes(probabilities, expected);

/** Identity of a test set: runs with the same one are tested on the same examples. */
const testSetOf = ({ data }: RunRecord, { expected }: Predictions) => `${data.name} ${expected.join(" ")}`;

/** What a comparison comes to. */
export type Verdict = "better" | "worse" | "not distinguishable";

/** A comparison as one of several. */
export interface AdjustedComparison extends Comparison {
  /** p, adjusted for all comparisons. */
  readonly adjusted: number;
  /** Better or worse if the adjusted p is below .05. */
  readonly verdict: Verdict;
}

/**
 * The comparisons of one table, or of one report, with their p adjusted for all of them (Holm 1979). Those that cannot
 * be made yet count as well, with p 1: a verdict does not come easier because most of a table is still to be run.
 */
export function withHolm(
  comparisons: readonly (Comparison | NotCompared)[],
): (AdjustedComparison | NotCompared)[] {
  const adjusted = holm(comparisons.map((comparison) => "missing" in comparison ? 1 : comparison.p));
  return comparisons.map((comparison, place) => {
    if ("missing" in comparison) return comparison;
    const p = adjusted[place]!;
    const verdict = p >= level ? "not distinguishable" : comparison.difference < 0 ? "better" : "worse";
    return { ...comparison, adjusted: p, verdict };
  });
}

/** What an sd and a test over seeds speak of. */
export const seedsLegend =
  "Seeds differ in new weights, order of batches and dropout; they share the texts (but for Figure 4, where each draws " +
  "its own to train on) and pre-trained models, so that sd (of a sample) and p (seeds) do not cover those. With one " +
  "seed, only the draw of the test texts is tested. Each of the two tests holds fixed what the other draws, so their larger " +
  "p is near to that of a test of both, not equal.";
