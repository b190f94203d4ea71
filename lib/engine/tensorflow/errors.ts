/** TensorFlow's errors, each as one sentence. */
import { InputError } from "../../errors.ts";

/** The status of TF_Code that says that memory ran out. */
const resourceExhausted = 8;

/** An error that a function of TensorFlow returned. */
export class TensorFlowError extends InputError {
  /**
   * @param doing the work as a verb and its object, such as `compute MatMul`
   * @param code the status, a number of TF_Code
   * @param detail TensorFlow's own words
   */
  constructor(doing: string, readonly code: number, detail: string) {
    super(
      code === resourceExhausted
        ? `Out of memory in TensorFlow: cannot ${doing}: ${shortened(detail)}; take fewer texts at once ` +
          "(micro-batch size) or a shorter maximum length"
        : `Cannot ${doing} in TensorFlow: ${shortened(detail)}`,
    );
  }

  /** True if memory ran out. */
  get outOfMemory(): boolean {
    return this.code === resourceExhausted;
  }
}

/** Returns the start of a message on one line, without the place in TensorFlow that it names. */
function shortened(detail: string): string {
  const line = detail.replace(/\s*\[Op:\w+\].*$/s, "").replaceAll(/\s+/g, " ").trim().replace(/\.$/, "");
  return line.length > 400 ? `${line.slice(0, 400)}…` : line;
}
