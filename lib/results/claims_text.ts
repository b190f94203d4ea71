/** The verdicts on the paper's claims as texts, tables and pictures. */
import type { ClaimVerdict, Judgement } from "./claims.ts";
import { type AdjustedComparison, type NotCompared, seedsLegend } from "./comparison.ts";
import { differenceDot } from "./differences.ts";
import type { DotFigure } from "./figures.ts";
import { comparisonNumbers, markdown, points, probability, signed } from "./markdown.ts";
import { having, requireArguments } from "../storage/arguments.ts";
import { list } from "../storage/json.ts";

/** Writes claims and verdicts as a Markdown table. */
export function claimsTable(judgements: readonly Judgement[]): string {
  const rows = judgements.map((judgement) => {
    const { claim, comparison } = judgement;
    const start = [claim.name, claim.section, verdictText(judgement), signed(claim.paper)];
    if ("missing" in comparison) return [...start, "–", comparison.missing, ...Array(6).fill("")];
    return [
      ...start,
      detectableText(comparison),
      ...comparisonNumbers(comparison),
      withinText(judgement),
      `${comparison.seeds}`,
      columnsOnRecord(judgement),
    ];
  });
  const head = ["claim", "section", "verdict", "paper", "would see", "ours"];
  return markdown(
    [...head, "p (examples)", "p (seeds)", "p (Holm)", "p (smaller)", "seeds", "columns"],
    rows,
    3,
  );
}

/** Writes the smallest difference that a comparison would find four times in five, in points. */
export const detectableText = (comparison: AdjustedComparison | NotCompared): string =>
  "missing" in comparison ? "–" : (100 * comparison.detectable).toFixed(2);

/** Writes the adjusted p of a difference as large as the paper's. */
export const withinText = ({ comparison, pWithin }: Judgement): string =>
  "missing" in comparison ? "–" : probability(pWithin);

/** Counts the verdicts in a sentence: "Of 14 claims, 3 confirmed, …" */
export function countsOf(judgements: readonly Judgement[]): string {
  const words: Readonly<Record<ClaimVerdict, string>> = {
    "confirmed": "confirmed",
    "contradicted": "contradicted",
    "smaller": "smaller than in the paper",
    "not distinguishable": "not distinguishable from chance",
    "no data": "without data yet",
  };
  const counts = Object.entries(words).flatMap(([verdict, word]) => {
    const count = judgements.filter((one) => one.verdict === verdict).length;
    return count > 0 ? [`${count} ${word}`] : [];
  });
  const made = judgements.flatMap(({ claim, comparison }) =>
    "missing" in comparison ? [] : [{ claim, ...comparison }]
  );
  const alone = made.filter(({ seeds }) => seeds === 1).length;
  const large = made.filter(({ claim, detectable }) => Math.abs(claim.paper) >= 100 * detectable).length;
  return `Of ${judgements.length} claims, ${counts.join(", ")}` +
    (alone > 0 ? `; ${alone} ${alone === 1 ? "rests" : "rest"} on one seed.` : ".") +
    (made.length === 0
      ? ""
      : ` These runs would find differences of the paper's own size, four times in five, for ` +
        `${large} of them.`);
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
  "that with the most.";

/** Explanation of what the runs would have seen, and of equivalence. */
export const powerLegend =
  "Would see: the smallest true difference, for or against the claim, that the same two tests with the same number of " +
  "seeds and texts would find four times in five (power .8), at the level that Holm's adjustment leaves to the claim. It " +
  "takes the spread that these runs show for the true one, and a spread of three or five seeds is a rough measure " +
  "itself. P (smaller) is of two one-sided tests (TOST) by the bootstrap and the t test, the largest p of them adjusted " +
  "for all claims. Their margin is the size of the paper's own difference: below .05 ours is smaller than the paper's, " +
  "in either direction. Of a claim that is neither confirmed nor contradicted nor smaller, these runs tell only that a " +
  "true difference as large as “would have seen” would have been missed at most once in five.";

/** Writes {@linkcode claimsTable} with its explanations, and each claim with its differences by column. */
export function claimsMarkdown(judgements: readonly Judgement[]): string {
  requireArguments("claimsMarkdown", {
    judgements: [judgements, list(having("a claim with its verdict", "claim"))],
  });
  return [claimsTable(judgements), claimsLegend, powerLegend, seedsLegend, judgements.map(details).join("\n")]
    .join("\n\n") + "\n";
}

/** Returns the verdict with remarks on it: "not distinguishable (would have seen 2.10, one seed)". */
export function verdictText({ claim, verdict, comparison, aboveChance }: Judgement): string {
  if ("missing" in comparison) return verdict;
  const remarks = [
    ...aboveChance ? ["better than chance"] : [],
    ...verdict === "not distinguishable" ? [`would have seen ${detectableText(comparison)}`] : [],
    ...comparison.seeds === 1 ? ["one seed"] : [],
  ];
  const text = verdict === "smaller" ? `smaller than ${Math.abs(claim.paper).toFixed(2)} points` : verdict;
  return remarks.length === 0 ? text : `${text} (${remarks.join(", ")})`;
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

/** Returns the picture of all claims: the paper's difference, ours, and what these runs would have seen. */
export function claimsFigure(judgements: readonly Judgement[]): DotFigure {
  return {
    title: "The paper's claims: difference of test errors",
    x: "points (below 0: for the claim)",
    linearUntil: 0.5,
    panels: [{
      title: "grey: what these runs would have missed more than once in five",
      dots: judgements.map(({ claim, comparison }) => ({
        name: claim.name,
        paper: claim.paper,
        ...differenceDot(comparison),
      })),
    }],
  };
}
