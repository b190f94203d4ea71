/** Labels of tasks that are not trained here, each refused by name: objects, amounts, a label for each token. */
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import { jsonOf, type LabelledRow, listOf } from "./label_lists.ts";

/** @throws InputError if labels are JSON objects. */
export function refuseObjects(path: string, rows: readonly LabelledRow[]): void {
  const odd = rows.find(({ label }) => label.startsWith("{") && isObject(jsonOf(label)));
  if (!odd) return;
  throw new InputError(
    `Cannot use ${path}: the label ${
      shown(odd.label)
    } in line ${odd.line} is an object: expected a text or a number; ` +
      `keep one of ${
        Object.keys(jsonOf(odd.label) as object).slice(0, 5).map((name) => `"${shown(name)}"`).join(", ")
      }`,
  );
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * @throws InputError if most texts are lists of tokens with as many labels: those are labels of tokens (names in a text,
 * parts of speech).
 */
export function refuseTokenLabels(path: string, rows: readonly LabelledRow[]): void {
  const ofTokens = rows.filter(({ label, tokens }) =>
    tokens !== undefined && listOf(label)?.length === tokens
  );
  const [first] = ofTokens;
  if (!first || ofTokens.length <= rows.length / 2) return;
  throw new InputError(
    `Cannot train on ${path}: line ${first.line} has ${first.tokens} tokens and as many labels, as most rows do, and a ` +
      "label for each token (token classification) is not built: expected labels of the whole text",
  );
}

/** Rows from which labels of their own are worth a word. */
const enough = 20;

/** @throws InputError if labels are numbers with fractions, and nearly every text has its own. */
export function refuseAmounts(path: string, rows: readonly LabelledRow[]): void {
  const values = new Set(rows.map(({ label }) => label));
  if (rows.length < enough || values.size <= rows.length / 2) return;
  const numbers = [...values].map(Number);
  const odd = rows.find(({ label }) => !Number.isInteger(Number(label)));
  if (!odd || numbers.some((number) => !Number.isFinite(number))) return;
  throw new InputError(
    `Cannot train on ${path}: the labels are amounts, such as ${
      shown(odd.label)
    } in line ${odd.line} (${values.size} ` +
      `different ones for ${rows.length} texts), and to predict amounts (regression) is not built: make a few classes of ` +
      "them, such as low and high",
  );
}

/**
 * Refuses several labels of a text that nothing tells apart: some labels are JSON lists, lists as Python writes them, or
 * most of them have the same separator in them.
 *
 * @throws InputError if there are any.
 */
export function refuseUntold(path: string, rows: readonly LabelledRow[]): void {
  const list = rows.find(({ label }) => listOf(label));
  if (list) {
    throw new InputError(
      `Cannot train on ${path}: the label ${
        shown(list.label)
      } in line ${list.line} is a list, and most are not: expected ` +
        "one label a text, or a list of labels for each",
    );
  }
  const python = rows.filter(({ label }) => /^\[\s*'[^]*\]$/.test(label));
  if (python.length > rows.length / 2) {
    const [first] = python as [LabelledRow];
    throw new InputError(
      `Cannot train on ${path}: the label ${
        shown(first.label)
      } in line ${first.line} is a list as Python writes it: ` +
        'expected JSON, ["a", "b"], or labels with a separator (--label-separator)',
    );
  }
  const separator = ["|", ";"].find((sign) =>
    rows.filter(({ label }) => label.includes(sign)).length > rows.length / 2
  );
  const odd = separator && rows.find(({ label }) => label.includes(separator));
  if (!odd) return;
  throw new InputError(
    `Cannot train on ${path}: the label ${
      shown(odd.label)
    } in line ${odd.line} holds "${separator}", as most labels do: ` +
      `expected one label a text; give --label-separator "${separator}" if a text has several`,
  );
}
