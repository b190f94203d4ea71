/** Python's transformers on a model folder, where there is a Python that has it. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";

/** BERTLAB_PYTHON, or python3. */
export const python = process.env.BERTLAB_PYTHON || "python3";

/** Tells whether a Python can import these modules; says what is skipped where none can. */
export function pythonHas(test: string, ...modules: readonly string[]): boolean {
  try {
    execFileSync(python, ["-c", `import ${modules.join(", ")}`], { stdio: "pipe" });
    return true;
  } catch {
    console.warn(
      `SKIPPED: ${test}: ${python} cannot import ${modules.join(" and ")} (set BERTLAB_PYTHON to one that can)`,
    );
    return false;
  }
}

/** Tells whether a Python can import transformers; says what is skipped where none can. */
export const hasTransformers = (test: string): boolean => pythonHas(test, "torch", "transformers");

/** A batch, row by row. */
export interface TransformersRequest {
  readonly ids: number[][];
  readonly mask?: number[][];
  readonly type_ids?: number[][];
}

/** Reply of check_folder.py: logits by the names that the class gives them. */
export interface TransformersReply {
  readonly logits?: number[][];
  readonly prediction_logits?: number[][][];
  readonly seq_relationship_logits?: number[][];
  readonly labels: string[];
  /** Names of parameters that were missing, unexpected or misshapen. */
  readonly warnings: Record<string, string[]>;
}

/** Runs a class of transformers on a batch. */
export function runTransformers(
  folder: string,
  request: TransformersRequest,
  className = "AutoModelForSequenceClassification",
): TransformersReply {
  const script = join(import.meta.dirname!, "check_folder.py");
  const output = execFileSync(python, [script, folder, className], {
    input: JSON.stringify(request),
    stdio: "pipe",
  });
  return JSON.parse(output.toString());
}
