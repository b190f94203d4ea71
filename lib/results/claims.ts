/**
 * The paper's claims as values, and their verdicts from records. A claim is that one row of a table has a lower test
 * error than another, averaged over data sets. It is tested like any comparison (comparison.ts), with p adjusted for
 * all claims of the report.
 */
import {
  type AdjustedComparison,
  compareSums,
  compareWithChance,
  type Comparison,
  level,
  type NotCompared,
  seedsLegend,
  type WeightedPair,
  withHolm,
} from "./comparison.ts";
import { comparisonNumbers, markdown, points, probability, signed } from "./markdown.ts";
import type { RunRecord } from "./records.ts";

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
}

/** The verdict of the records on a claim. */
export type ClaimVerdict = "confirmed" | "not distinguishable" | "contradicted" | "no data";

/** A claim with its verdict. */
export interface Judgement {
  /** The claim. */
  readonly claim: Claim;
  /** "confirmed" or "contradicted" if the adjusted p is below .05; also "contradicted" if `aboveChance`. */
  readonly verdict: ClaimVerdict;
  /** Error of `better` minus that of `than`; for an interaction, this in the first column minus this in the last. */
  readonly comparison: AdjustedComparison | NotCompared;
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
  const found: Evidence[] = [];
  for (const claim of claims) found.push(await evidenceOf(claim, runs, folder));
  const adjusted = withHolm(found.map(({ comparison }) => comparison));
  return claims.map((claim, place) => {
    const { perColumn, chance } = found[place]!;
    const comparison = adjusted[place]!;
    // This p is neither adjusted nor the larger of two: both would make it easier for a row to count as chance.
    const aboveChance = chance.some(({ difference, pExamples }) => difference < 0 && pExamples < level);
    return { claim, verdict: verdictOf(comparison, aboveChance), comparison, perColumn, chance, aboveChance };
  });
}

type Evidence = Pick<Judgement, "perColumn" | "chance"> & { comparison: Comparison | NotCompared };

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
  return { comparison: await compareSums(all, folder), perColumn, chance };
}

function verdictOf(comparison: Judgement["comparison"], aboveChance: boolean): ClaimVerdict {
  if ("missing" in comparison) return "no data";
  if (aboveChance) return "contradicted";
  const { verdict } = comparison;
  return verdict === "better" ? "confirmed" : verdict === "worse" ? "contradicted" : verdict;
}

/** Writes claims and verdicts as a Markdown table. */
export function claimsTable(judgements: readonly Judgement[]): string {
  const rows = judgements.map((judgement) => {
    const { claim, comparison } = judgement;
    const start = [claim.name, claim.section, verdictText(judgement), signed(claim.paper)];
    if ("missing" in comparison) return [...start, comparison.missing, "", "", "", "", ""];
    return [...start, ...comparisonNumbers(comparison), `${comparison.seeds}`, columnsOnRecord(judgement)];
  });
  const head = ["claim", "section", "verdict", "paper", "ours"];
  return markdown([...head, "p (examples)", "p (seeds)", "p (Holm)", "seeds", "columns"], rows, 3);
}

/** Returns the number of a claim's columns that have runs: "7 of 8". */
export const columnsOnRecord = ({ perColumn, claim }: Judgement): string =>
  `${perColumn.length} of ${claim.columns.length}`;

/** Explanation of the numbers in {@linkcode claimsTable}. */
export const claimsLegend =
  "Differences of test errors in points, averaged over the columns (data sets, or sizes of the sample) that have runs; " +
  "below 0 they speak for the claim. Ours have the 95 % interval of a bootstrap over test examples, each test set by " +
  "itself; p (seeds) is of a paired t test; the verdict comes from the larger of both, adjusted for all of these claims, " +
  "also those that have no runs yet (Holm 1979), at .05. What is said to fail must also not be better than guessing the " +
  "most frequent class (p of the bootstrap, not adjusted), or the claim is contradicted. “Most with few examples” is the gain with the fewest texts less " +
  "that with the most. " +
  seedsLegend;

/** Writes {@linkcode claimsTable} with its explanation, and each claim with its differences by column. */
export function claimsMarkdown(judgements: readonly Judgement[]): string {
  return [claimsTable(judgements), claimsLegend, judgements.map(details).join("\n")].join("\n\n") + "\n";
}

/** Returns the verdict with remarks on it: "contradicted (better than chance, one seed)". */
export function verdictText({ verdict, comparison, aboveChance }: Judgement): string {
  const remarks = [
    ...aboveChance ? ["better than chance"] : [],
    ...!("missing" in comparison) && comparison.seeds === 1 ? ["one seed"] : [],
  ];
  return remarks.length === 0 ? verdict : `${verdict} (${remarks.join(", ")})`;
}

/** Writes a claim as a list item: "- **name** (section): sentence Ours, in 1 of 2 columns: IMDb −1.20 …" */
function details({ claim, perColumn, chance }: Judgement): string {
  const columns = perColumn.map(({ column, comparison }) =>
    `${column} ${"missing" in comparison ? comparison.missing : points(comparison)}`
  );
  return [
    `- **${claim.name}** (${claim.section}): ${claim.sentence}`,
    ...columns.length > 0
      ? [`Ours, in ${columns.length} of ${claim.columns.length} columns: ${columns.join("; ")}.`]
      : [],
    ...chance.map((comparison) =>
      `Against chance: ${points(comparison)}, p (examples) ${probability(comparison.pExamples)}.`
    ),
  ].join(" ");
}
