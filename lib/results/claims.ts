/**
 * The paper's claims as values, and what the records say of them. A claim is that one row of a table has a lower test
 * error than another, averaged over data sets; it is weighed as any comparison is (comparison.ts), with p adjusted
 * for all claims of the report.
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
  /** A few words. */
  readonly name: string;
  /** Section and table. */
  readonly section: string;
  /** What the paper says, as a sentence. */
  readonly sentence: string;
  /** Name of the experiment that tests it. */
  readonly experiment: string;
  /** The row that is said to have the lower error. */
  readonly better: string;
  /** The rows that it is compared with: with the mean of their errors. */
  readonly than: readonly string[];
  /** The columns over which errors are averaged, as far as all rows have runs in them. */
  readonly columns: readonly string[];
  /** The claim is that `better` gains more in the first of the columns than in the last; both must have runs. */
  readonly interaction?: boolean;
  /** The claim is also that the rows of `than` are no better than always guessing the most frequent class. */
  readonly noBetterThanChance?: boolean;
  /** The difference in points by the paper's own numbers; below 0 it speaks for the claim. */
  readonly paper: number;
}

/** What the records say of a claim. */
export type ClaimVerdict = "confirmed" | "not distinguishable" | "contradicted" | "no data";

/** A claim with its verdict. */
export interface Judgement {
  /** The claim. */
  readonly claim: Claim;
  /** Confirmed or contradicted if the adjusted p is below .05; contradicted as well by `aboveChance`. */
  readonly verdict: ClaimVerdict;
  /** Error of `better` minus that of `than`; of an interaction the same in the first column minus in the last. */
  readonly comparison: AdjustedComparison | NotCompared;
  /** The difference in each column that has runs. */
  readonly perColumn: readonly { readonly column: string; readonly comparison: Comparison | NotCompared }[];
  /** The rows of `than` against chance, by column, where the claim speaks of it. */
  readonly chance: readonly Comparison[];
  /** Whether a row that is said to fail is better than chance, which contradicts the claim whatever p is. */
  readonly aboveChance: boolean;
}

/** Finds the runs of a cell, one a seed; none if there are none. */
export type ClaimRuns = (experiment: string, row: string, column: string) => readonly RunRecord[];

/**
 * Weighs claims by records of one scale and protocol.
 *
 * @param folder where the predictions are
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
    // Of a row that fails p is neither adjusted nor the larger of two: both would make it easier to pass for chance.
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
  switch (comparison.verdict) {
    case "better":
      return "confirmed";
    case "worse":
      return "contradicted";
    case "not distinguishable":
      return "not distinguishable";
  }
}

/** Claims and verdicts as a Markdown table. */
export function claimsTable(judgements: readonly Judgement[]): string {
  const rows = judgements.map((judgement) => {
    const { claim, comparison } = judgement;
    const start = [claim.name, claim.section, verdictText(judgement), signed(claim.paper)];
    if ("missing" in comparison) return [...start, comparison.missing, "", "", "", "", ""];
    return [...start, ...comparisonNumbers(comparison), `${comparison.seeds}`, columnsOnRecord(judgement)];
  });
  return markdown(
    [
      ...["claim", "section", "verdict", "paper", "ours"],
      ...["p (examples)", "p (seeds)", "p (Holm)", "seeds", "columns"],
    ],
    rows,
    3,
  );
}

/** How many of a claim's columns have runs: "7 of 8". */
export const columnsOnRecord = ({ perColumn, claim }: Judgement): string =>
  `${perColumn.length} of ${claim.columns.length}`;

/** What the numbers of {@linkcode claimsTable} are. */
export const claimsLegend =
  "Differences of test errors in points, averaged over the columns (data sets, or sizes of the sample) that have runs; " +
  "below 0 they speak for the claim. Ours have the 95 % interval of a bootstrap over test examples, each test set by " +
  "itself; p (seeds) is of a paired t test; the verdict comes from the larger of both, adjusted for all of these claims, " +
  "also those that have no runs yet (Holm 1979), at .05. What is said to fail must also not be better than guessing the " +
  "most frequent class (p of the bootstrap, not adjusted), or the claim is contradicted. “Most with few examples” is the gain with the fewest texts less " +
  "that with the most. " +
  seedsLegend;

/** {@linkcode claimsTable}, what its numbers are, and each claim with its differences by column. */
export function claimsMarkdown(judgements: readonly Judgement[]): string {
  return [claimsTable(judgements), claimsLegend, judgements.map(details).join("\n")].join("\n\n") + "\n";
}

/** The verdict with what must be known of it: "contradicted (better than chance, one seed)". */
export function verdictText({ verdict, comparison, aboveChance }: Judgement): string {
  const remarks = [
    ...aboveChance ? ["better than chance"] : [],
    ...!("missing" in comparison) && comparison.seeds === 1 ? ["one seed"] : [],
  ];
  return remarks.length === 0 ? verdict : `${verdict} (${remarks.join(", ")})`;
}

/** "- **name** (section): sentence By data set: IMDb −1.20 …" */
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
