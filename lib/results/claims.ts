/**
 * The paper's claims as values, and their verdicts from records. A claim is that one row of a table has a lower test
 * error than another, averaged over data sets. It is tested like any comparison (comparison.ts), with p adjusted for
 * all claims of the report; and by the same two tests, adjusted in the same way, for equivalence: a difference smaller
 * than the paper's, in either direction.
 */
import {
  type AdjustedComparison,
  compareSums,
  compareWithChance,
  type Comparison,
  level,
  type NotCompared,
  type WeightedPair,
  withHolm,
} from "./comparison.ts";
import type { RunRecord } from "./records.ts";
import type { Resolution } from "./resolution.ts";
import { holm } from "./statistics.ts";
import { callback, having, path, requireArguments } from "../storage/arguments.ts";
import { list } from "../storage/json.ts";

/** A claim of the paper. */
export interface Claim {
  /** The claim in a few words. */
  readonly name: string;
  /** The paper's section and table. */
  readonly section: string;
  /** The paper's statement as a sentence. */
  readonly sentence: string;
  /** Name of the experiment that tests it. */
  readonly experiment: string;
  /** The row that has the lower error, by the claim. */
  readonly better: string;
  /** The rows that it is compared with, by the mean of their errors. */
  readonly than: readonly string[];
  /** The columns over which errors are averaged; those where a row has no runs are left out. */
  readonly columns: readonly string[];
  /** True if the claim is that `better` gains more in the first column than in the last; both must have runs. */
  readonly interaction?: boolean;
  /** True if the claim is also that the rows of `than` are no better than always guessing the most frequent class. */
  readonly noBetterThanChance?: boolean;
  /** The difference in points by the paper's own numbers; below 0 it supports the claim. */
  readonly paper: number;
  /** The difference in points that the paper's test sets resolve with its one run for each row. */
  readonly resolution: Resolution;
  /** Returns both numbers over some of the columns alone; where it is not given, those over all are used. */
  readonly over?: (columns: readonly string[]) => Pick<Claim, "paper" | "resolution">;
}

/** The verdict of the records on a claim; "smaller" is than the paper's difference, in either direction. */
export type ClaimVerdict = "confirmed" | "contradicted" | "smaller" | "not distinguishable" | "no data";

/** A claim with its verdict. */
export interface Judgement {
  /** The claim, with the paper's numbers over the columns that have runs, if any has. */
  readonly claim: Claim;
  /**
   * "confirmed" or "contradicted" if the adjusted p is below .05; also "contradicted" if `aboveChance`. Else "smaller"
   * if `pWithin` is below .05.
   */
  readonly verdict: ClaimVerdict;
  /** Error of `better` minus that of `than`; for an interaction, this in the first column minus this in the last. */
  readonly comparison: AdjustedComparison | NotCompared;
  /** The p of a difference as large as the paper's, in either direction, adjusted for all claims. */
  readonly pWithin: number;
  /** The difference in each column that has runs. */
  readonly perColumn: readonly { readonly column: string; readonly comparison: Comparison | NotCompared }[];
  /** Comparisons of the rows of `than` with chance, by column; empty unless the claim is about chance. */
  readonly chance: readonly Comparison[];
  /** True if a row that should be no better than chance is better; this contradicts the claim, whatever its p. */
  readonly aboveChance: boolean;
}

/** Finds the runs of a cell, one for each seed; there may be none. */
export type ClaimRuns = (experiment: string, row: string, column: string) => readonly RunRecord[];

/**
 * Judges claims by records of one scale and protocol.
 *
 * @param folder the folder with the predictions
 */
export async function judgeClaims(
  claims: readonly Claim[],
  runs: ClaimRuns,
  folder: string,
): Promise<Judgement[]> {
  requireArguments("judgeClaims", {
    claims: [claims, list(having("a claim", "name", "section"))],
    runs: [runs, callback],
    folder: [folder, path],
  });
  const found: Evidence[] = [];
  for (const claim of claims) found.push(await evidenceOf(claim, runs, folder));
  const adjusted = withHolm(found.map(({ comparison }) => comparison));
  const within = holm(found.map(({ comparison }) => "missing" in comparison ? 1 : comparison.pWithin!));
  return found.map(({ claim, perColumn, chance }, place) => {
    const [comparison, pWithin] = [adjusted[place]!, within[place]!];
    // This p is neither adjusted nor the larger of two: both would make it easier for a row to count as chance.
    const aboveChance = chance.some(({ difference, pExamples }) => difference < 0 && pExamples < level);
    const verdict = verdictOf(comparison, aboveChance, pWithin);
    return { claim, verdict, comparison, pWithin, perColumn, chance, aboveChance };
  });
}

type Evidence = Pick<Judgement, "claim" | "perColumn" | "chance"> & { comparison: Comparison | NotCompared };

async function evidenceOf(claim: Claim, runs: ClaimRuns, folder: string): Promise<Evidence> {
  const { experiment, better, than } = claim;
  const cell = (row: string, column: string) => runs(experiment, row, column);
  const columns = claim.columns.filter((column) =>
    [better, ...than].every((row) => cell(row, column).length > 0)
  );
  const pairs = (column: string, weight: number): WeightedPair[] =>
    than.map((row) => ({
      weight: weight / than.length,
      records: cell(better, column),
      baseline: cell(row, column),
    }));
  const ends = [claim.columns[0]!, claim.columns.at(-1)!] as const;
  const all = claim.interaction
    ? ends.every((end) => columns.includes(end)) ? [...pairs(ends[0], 1), ...pairs(ends[1], -1)] : []
    : columns.flatMap((column) => pairs(column, 1 / columns.length));
  const perColumn: { column: string; comparison: Comparison | NotCompared }[] = [];
  const chance: Comparison[] = [];
  for (const column of columns) {
    perColumn.push({ column, comparison: await compareSums(pairs(column, 1), folder) });
    for (const row of claim.noBetterThanChance ? than : []) {
      const comparison = await compareWithChance(cell(row, column), folder);
      if (!("missing" in comparison)) chance.push(comparison);
    }
  }
  const isPart = !claim.interaction && columns.length > 0 && columns.length < claim.columns.length;
  const shown = isPart ? { ...claim, ...claim.over?.(columns) } : claim;
  const comparison = await compareSums(all, folder, Math.abs(shown.paper) / 100);
  return { claim: shown, comparison, perColumn, chance };
}

function verdictOf(
  comparison: Judgement["comparison"],
  aboveChance: boolean,
  pWithin: number,
): ClaimVerdict {
  if ("missing" in comparison) return "no data";
  if (aboveChance || comparison.verdict === "worse") return "contradicted";
  if (comparison.verdict === "better") return "confirmed";
  return pWithin < level ? "smaller" : "not distinguishable";
}
