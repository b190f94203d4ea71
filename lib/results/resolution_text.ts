/** The resolution of the paper's own test sets as texts, a table and a picture: claim by claim, with our verdicts. */
import type { Judgement } from "./claims.ts";
import { detectableText, verdictText } from "./claims_text.ts";
import type { DotFigure } from "./figures.ts";
import { markdown, points, signed } from "./markdown.ts";
import { type Resolution, sharedMistakes } from "./resolution.ts";
import type { TextTable } from "./text_tables.ts";

/** Counts the claims whose difference the paper's test sets resolve, in a sentence. */
export function resolutionCounts(judgements: readonly Judgement[]): string {
  const below = (side: keyof Resolution) =>
    judgements.filter(({ claim }) => Math.abs(claim.paper) < claim.resolution[side]).length;
  const [paired, unpaired] = [below("paired"), below("unpaired")];
  return `Of the paper's ${judgements.length} differences, ${
    judgements.length - unpaired
  } are larger than what two ` +
    `single runs need on its test sets. ${paired} are smaller than that even for runs that share mistakes as assumed ` +
    `here; for ${unpaired - paired} it depends on how many they share.`;
}

/** Explanation of the numbers in {@linkcode resolutionTable}. */
export const resolutionLegend =
  "The paper prints one number for each cell, without an interval, and does not say of how many runs; here each counts " +
  "as one run. A test set is a sample of texts: on as many others the same model would have another error. From the sizes " +
  "of its test sets (25,000 reviews for IMDb) and its errors follows how far apart two runs must be at least, for p below " +
  ".05 in one comparison alone. Unpaired: each run tested on texts of its own, by the binomial distribution. That is too " +
  "strict for runs on the same texts, as they share mistakes. Paired: on the same texts, where the better run shares " +
  `${100 * sharedMistakes} % of its mistakes with the ` +
  "other. The paper does not say how many its runs share: the more, the smaller the difference that they need. Both are " +
  "about the draw of the texts alone. That the same training with another seed ends elsewhere comes on top, and one run " +
  "cannot tell. A difference below these numbers may be real. It is not shown by one run, and neither is an order of rows " +
  "that rests on it.";

/** Makes the table of what the paper's test sets resolve, and what our runs would have seen. */
export function resolutionTable(judgements: readonly Judgement[]): TextTable {
  return {
    caption: "Differences and what test sets resolve, in points",
    head: ["claim", "verdict of our runs", "paper", "needs, unpaired", "needs, paired", "ours", "would see"],
    texts: 2,
    rows: judgements.map((judgement) => {
      const { claim, comparison } = judgement;
      return [
        claim.name,
        verdictText(judgement),
        signed(claim.paper),
        claim.resolution.unpaired.toFixed(2),
        claim.resolution.paired.toFixed(2),
        "missing" in comparison ? comparison.missing : points(comparison),
        detectableText(comparison),
      ];
    }),
  };
}

/** Writes counts, table and explanation as Markdown. */
export function resolutionMarkdown(judgements: readonly Judgement[]): string {
  const { head, rows, texts } = resolutionTable(judgements);
  return [resolutionCounts(judgements), markdown(head, rows, texts), resolutionLegend].join("\n\n");
}

/** Returns the picture of the paper's differences and what its test sets do not resolve. */
export function resolutionFigure(judgements: readonly Judgement[]): DotFigure {
  return {
    title: "The paper's differences, and what its test sets resolve",
    x: "points (below 0: for the claim)",
    linearUntil: 0.05,
    panels: [{
      title: "grey: what two single runs cannot tell apart, unpaired",
      dots: judgements.map(({ claim: { name, paper, resolution } }) => ({
        name,
        paper,
        unseen: resolution.unpaired,
      })),
    }],
  };
}
