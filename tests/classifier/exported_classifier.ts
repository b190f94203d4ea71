/** Exported tiny classifiers, and what runs their cards. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { exportClassifier } from "../../lib/classifier/export.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import type { FineTuned } from "../../lib/paper/fine_tune.ts";
import { largestDifference } from "../golden/load.ts";
import { python, pythonHas } from "../golden/transformers.ts";
import { type ClassifierKind, trainedClassifier } from "./trained_classifier.ts";

/** Trains a classifier and exports it. */
export async function exportTrained(exported: string, kind: ClassifierKind): Promise<FineTuned> {
  const run = await trainedClassifier(kind);
  await saveClassifier(`${exported} trained`, run);
  await exportClassifier(`${exported} trained`, exported);
  return run;
}

/** Makes sure that logits or probabilities are the same but for rounding. */
export function assertClose(found: readonly number[][], expected: readonly number[][], what: string): void {
  const difference = largestDifference(found.flat(), expected.flat());
  assert.ok(difference < 1e-4, `${what}: logits differ by ${difference}`);
}

/** Tells whether a Python can run the card's snippet of ONNX Runtime; says what is skipped where none can. */
export const hasOnnxRuntime = (test: string): boolean => pythonHas(test, "onnxruntime", "tokenizers");

/** Results of a card's Python snippets: logits of each text, and of a pipeline its probabilities by label. */
export interface CardResults {
  readonly onnxruntime: number[][];
  /** Logits of a Python that has PyTorch and transformers. */
  readonly transformers?: number[][];
  readonly pipeline?: Record<string, number>[];
}

/** Runs the Python snippets of exported folders' cards on texts or pairs; a result for each folder. */
export function runCards(
  folders: readonly string[],
  texts: readonly string[] | readonly (readonly [string, string])[],
): CardResults[] {
  const script = join(import.meta.dirname!, "..", "golden", "check_export.py");
  const output = execFileSync(python, [script, ...folders], { input: JSON.stringify(texts), stdio: "pipe" });
  return JSON.parse(output.toString());
}
