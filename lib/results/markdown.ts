/** Numbers as texts for reports, and Markdown tables. */
import type { AdjustedComparison } from "./comparison.ts";
import { mean, standardDeviation } from "./statistics.ts";

/** Writes a Markdown table with aligned columns; all but the first `texts` columns are right-aligned. */
export function markdown(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  texts = 1,
): string {
  const lines = [head, ...rows];
  const widths = head.map((_, c) => Math.max(3, ...lines.map((line) => line[c]!.length)));
  const pad = (cell: string, c: number) => c < texts ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!);
  const text = (line: readonly string[]) => `| ${line.map(pad).join(" | ")} |`;
  const rule = widths.map((width, c) => c < texts ? "-".repeat(width) : "-".repeat(width - 1) + ":");
  return [text(head), `| ${rule.join(" | ")} |`, ...rows.map(text)].join("\n");
}

/** A share in percent as a cell of a table: "12.5"; "–" where there is none. */
export function percentCell(share: number | undefined): string {
  return share === undefined ? "–" : (100 * share).toFixed(1);
}

/** Writes a number with its sign: "+1.20", "−0.35". */
export function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}

/** Writes a p value: ".030", "< .001". */
export function probability(p: number): string {
  return p < 0.001 ? "< .001" : p.toFixed(3).replace(/^0/, "");
}

/** Writes mean, sd and number of values: "36.80 ± 1.20 (3)", "36.80 (1)", "36.80 ± 1.20 (2 of 3)". */
export function spread(values: readonly number[], expected: number): string {
  const sd = standardDeviation(values);
  const count = values.length === expected ? `${expected}` : `${values.length} of ${expected}`;
  return `${mean(values).toFixed(2)}${sd === undefined ? "" : ` ± ${sd.toFixed(2)}`} (${count})`;
}

/** Writes a difference of shares with its interval, in points: "−1.20 [−2.10, −0.35]". */
export function points({ difference, low, high }: Record<"difference" | "low" | "high", number>): string {
  return `${signed(100 * difference)} [${signed(100 * low)}, ${signed(100 * high)}]`;
}

/** Four cells of a line: a comparison's difference with its interval, and its three p. */
export function comparisonNumbers(comparison: AdjustedComparison): string[] {
  const { pExamples, pSeeds, adjusted } = comparison;
  return [
    points(comparison),
    ...[pExamples, pSeeds, adjusted].map((p) => p === undefined ? "–" : probability(p)),
  ];
}
