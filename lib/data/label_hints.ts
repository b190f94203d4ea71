/** Hints on labels that are probably not meant as they are written. */
import { shown } from "../storage/byte_source.ts";

/** Returns a label without blanks around it, and a whole number without ".0", as JSON writes it. */
export function plainLabel(label: string): string {
  const trimmed = label.trim();
  return /^-?\d+\.0+$/.test(trimmed) ? trimmed.slice(0, trimmed.indexOf(".")) : trimmed;
}

/** Labels that programs write for a missing value. */
const missing = /^(nan|none|null|n\/a|<na>|undefined)$/i;

/** Rows from which labels of their own are worth a word. */
const enough = 20;

/** Returns sentences on labels that look alike, stand for no label, or are no classes. */
export function labelHints(given: readonly string[], labelColumn: string): string[] {
  const counts = new Map<string, number>();
  for (const label of given) {
    const plain = plainLabel(label);
    counts.set(plain, (counts.get(plain) ?? 0) + 1);
  }
  const named = (label: string) => `"${shown(label)}"`;
  const hints: string[] = [];
  const alike = new Map<string, string[]>();
  for (const label of counts.keys()) {
    const form = label.normalize("NFKC").toLowerCase().replaceAll(/\s+/g, " ").trim();
    alike.set(form, [...alike.get(form) ?? [], label]);
  }
  const groups = [...alike.values()].filter((labels) => labels.length > 1);
  if (groups.length > 0) {
    hints.push(
      `the labels ${
        groups.slice(0, 5).map((labels) => labels.map(named).join(" and ")).join(", ")
      } differ only by ` +
        "case, Unicode form or blanks, and are different classes",
    );
  }
  const none = [...counts.keys()].filter((label) => missing.test(label));
  if (none.length > 0) {
    const rows = none.reduce((sum, label) => sum + counts.get(label)!, 0);
    hints.push(
      `the label ${none.map(named).join(" or ")} of ${rows} ${
        rows === 1 ? "row" : "rows"
      } may stand for none: ` +
        "it is a class as any other; leave these rows out if it is not meant so",
    );
  }
  if (counts.has(labelColumn) && given.length > counts.get(labelColumn)!) {
    hints.push(
      `the label ${named(labelColumn)} is the name of its column: the header may stand among the rows again`,
    );
  }
  if (given.length >= enough && counts.size > given.length / 2) {
    hints.push(
      `${counts.size} labels for ${given.length} texts: nearly every text has a label of its own; a classifier needs ` +
        "several texts a label, and numbers are not predicted as amounts (regression)",
    );
  }
  const numbers = given.filter((label) => label.trim() !== plainLabel(label));
  if (numbers.length > 0) {
    const [label = ""] = numbers;
    hints.push(`labels such as ${named(label.trim())} are read as ${named(plainLabel(label))}`);
  }
  return hints;
}
