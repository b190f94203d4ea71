/**
 * Comparisons of runs as values: the difference between two cells of a table, and whether it is more than chance. A
 * difference must hold up against both the draw of the test set (a bootstrap over its examples) and the draw of the
 * training (a paired t test over seeds), so its p is the larger of both.
 */
import { mistakes } from "./metrics.ts";
import { hasStandIn, type Predictions, readPredictions, type RunRecord } from "./records.ts";
import { detectable, type StandardErrors } from "./power.ts";
import { holm, mean, pairedT, pairedWithin, stratifiedBootstrap } from "./statistics.ts";
import { aRecord, having, path, requireArguments } from "../storage/arguments.ts";
import { list, number, optional } from "../storage/json.ts";

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
  /** The larger of both p; with one seed the bootstrap's. */
  readonly p: number;
  /** Number of seeds that both sides have. */
  readonly seeds: number;
  /** Standard errors of the difference. */
  readonly errors: StandardErrors;
  /**
   * The p of a difference as large as a margin, in either direction: the larger of two one-sided tests by the bootstrap
   * and by the t test. Undefined without a margin.
   */
  readonly pWithin?: number;
}

/** The reason why there is no comparison. */
export interface NotCompared {
  /** "no runs", "no seed in common", "other data", "other model" or "no predictions". */
  readonly missing: string;
}

/** Two cells, with the weight of their difference in a sum. */
export interface WeightedPair {
  /** The factor of the difference. */
  readonly weight: number;
  /** Runs of one cell, one for each seed. */
  readonly records: readonly RunRecord[];
  /** Runs of the cell that it is compared with. */
  readonly baseline: readonly RunRecord[];
}

/** The level of significance: differences with p below it are called better or worse. */
export const level = 0.05;

/** Compares two cells on the seeds that both have. */
export function compareRuns(
  records: readonly RunRecord[],
  baseline: readonly RunRecord[],
  folder: string,
): Promise<Comparison | NotCompared> {
  requireArguments("compareRuns", {
    records: [records, list(aRecord)],
    baseline: [baseline, list(aRecord)],
    folder: [folder, path],
  });
  return compareSums([{ weight: 1, records, baseline }], folder);
}

/**
 * Compares by the weighted sum of several differences, on the seeds that all cells have: an average over data sets, or
 * a difference of differences. The bootstrap resamples each test set by itself; cells that are tested on the same
 * examples are resampled together.
 *
 * @param folder the folder with the predictions
 * @param margin the size that the difference may be shown to be below, as a share
 */
export async function compareSums(
  pairs: readonly WeightedPair[],
  folder: string,
  margin?: number,
): Promise<Comparison | NotCompared> {
  requireArguments("compareSums", {
    pairs: [pairs, list(having("a pair of runs with a weight", "weight"))],
    folder: [folder, path],
    margin: [margin, optional(number(0))],
  });
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
  return compareErrors(errors, margin);
}

/** Tells whether two runs' start models can be compared: both or neither stand-ins, and equal files for equal names. */
function sameStart(first: RunRecord, second: RunRecord): boolean {
  if (hasStandIn(first) !== hasStandIn(second)) return false;
  const [content, other] = [first, second].map(({ contents }) => contents?.["model"]);
  const sameName = first.configuration["model"] === second.configuration["model"];
  return !sameName || (content ?? other) === (other ?? content);
}

/** Compares runs with always guessing the most frequent class of the test set. */
export async function compareWithChance(
  records: readonly RunRecord[],
  folder: string,
): Promise<Comparison | NotCompared> {
  requireArguments("compareWithChance", {
    records: [records, list(aRecord)],
    folder: [folder, path],
  });
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
  return compareErrors(errors);
}

/** The mistakes of two models, 1 (wrong) or 0 for each example of a test set. */
export interface ErrorDifference {
  /** The factor of the difference. */
  readonly weight: number;
  /** The seed of both. */
  readonly seed: number;
  /** Identity of the test set. */
  readonly testSet: string;
  /** Mistakes of the one model. */
  readonly first: Float64Array;
  /** Mistakes of the model that it is compared with. */
  readonly second: Float64Array;
}

/** Compares by mistakes, with the same seeds for each pair of cells. */
export function compareErrors(differences: readonly ErrorDifference[], margin?: number): Comparison {
  const seeds = [...new Set(differences.map(({ seed }) => seed))];
  const byExample = new Map<string, Float64Array>(); // of each test set: Σ weight × difference, mean over seeds
  for (const { weight, testSet, first, second } of differences) {
    const sums = byExample.get(testSet) ?? new Float64Array(first.length);
    byExample.set(testSet, sums.map((sum, n) => sum + weight * (first[n]! - second[n]!) / seeds.length));
  }
  const { p: pExamples, ...bootstrap } = stratifiedBootstrap([...byExample.values()], { margin });
  const bySeed = seeds.map((seed) =>
    differences.filter((one) => one.seed === seed)
      .reduce((sum, { weight, first, second }) => sum + weight * (mean(first) - mean(second)), 0)
  );
  const found = { ...bootstrap, pExamples, errors: standardErrors(differences, byExample, bySeed) };
  if (seeds.length < 2) return { ...found, p: pExamples, seeds: seeds.length };
  const none = bySeed.map(() => 0);
  const { p: pSeeds } = pairedT(bySeed, none);
  const within = margin === undefined
    ? {}
    : { pWithin: Math.max(found.pWithin!, pairedWithin(bySeed, none, margin)) };
  return { ...found, pSeeds, p: Math.max(pExamples, pSeeds), seeds: seeds.length, ...within };
}

/**
 * Computes the standard errors of a difference. A seed's chance on a single example is in the error over examples and
 * in that over seeds, so it is taken off once from the sum of both (as in an analysis of variance of two factors).
 */
function standardErrors(
  differences: readonly ErrorDifference[],
  byExample: ReadonlyMap<string, Float64Array>,
  bySeed: readonly number[],
): StandardErrors {
  const count = bySeed.length;
  let examples = 0, shared = 0;
  for (const [testSet, means] of byExample) {
    const sums = new Map<number, Float64Array>(); // of each seed: Σ weight × difference
    for (const { weight, seed, first, second, ...one } of differences) {
      if (one.testSet !== testSet) continue;
      const sum = sums.get(seed) ?? new Float64Array(first.length);
      sums.set(seed, sum.map((value, n) => value + weight * (first[n]! - second[n]!)));
    }
    examples += variance(means) / means.length;
    const ofSeeds = mean([...sums.values()].map(variance));
    if (count > 1) shared += (ofSeeds - variance(means)) / (count - 1) / means.length;
  }
  const seeds = count > 1 ? variance(bySeed) / (count - 1) : 0;
  const both = Math.max(examples + seeds - shared, examples, seeds);
  return { examples: Math.sqrt(examples), seeds: Math.sqrt(seeds), both: Math.sqrt(both), count };
}

/** Returns the mean square of the distances from the mean. */
function variance(values: ArrayLike<number>): number {
  const centre = mean(values);
  return mean(Float64Array.from(values, (value) => (value - centre) ** 2));
}

const wrongs = ({ probabilities, expected }: Predictions) => mistakes(probabilities, expected);

/** Returns a test set's identity; runs with equal ones are tested on the same examples. */
const testSetOf = ({ data }: RunRecord, { expected }: Predictions) => `${data.name} ${expected.join(" ")}`;

/** The verdict of a comparison. */
export type Verdict = "better" | "worse" | "not distinguishable";

/** One of several comparisons, with its adjusted p. */
export interface AdjustedComparison extends Comparison {
  /** The p adjusted for all comparisons. */
  readonly adjusted: number;
  /** The level that p itself must be below, by the adjustment and the p of the other comparisons. */
  readonly level: number;
  /** The smallest true difference that this comparison would find at its level four times in five. */
  readonly detectable: number;
  /** "better" or "worse" if the adjusted p is below .05. */
  readonly verdict: Verdict;
}

/**
 * Adjusts the p of all comparisons of a table or a report (Holm 1979). Comparisons that cannot be made yet count too,
 * with p 1, so that a verdict is not easier to reach while most of a table is still to be run.
 */
export function withHolm(
  comparisons: readonly (Comparison | NotCompared)[],
): (AdjustedComparison | NotCompared)[] {
  requireArguments("withHolm", { comparisons: [comparisons, list(having("a comparison"))] });
  const all = comparisons.map((comparison) => "missing" in comparison ? 1 : comparison.p);
  const adjusted = holm(all);
  return comparisons.map((comparison, place) => {
    if ("missing" in comparison) return comparison;
    const p = adjusted[place]!;
    const verdict = p >= level ? "not distinguishable" : comparison.difference < 0 ? "better" : "worse";
    const others = holm(all.with(place, 1)).filter((other) => other < level).length;
    const own = level / (all.length - others);
    return {
      ...comparison,
      adjusted: p,
      level: own,
      detectable: detectable(comparison.errors, own),
      verdict,
    };
  });
}

/** Explanation of an sd and a test over seeds. */
export const seedsLegend =
  "Seeds differ in new weights, order of batches and dropout; they share the texts (but for Figure 4, where each draws " +
  "its own to train on) and pre-trained models, so that sd (of a sample) and p (seeds) do not cover those. With one " +
  "seed, only the draw of the test texts is tested. Each of the two tests holds fixed what the other draws, so their larger " +
  "p is near to that of a test of both, not equal.";
