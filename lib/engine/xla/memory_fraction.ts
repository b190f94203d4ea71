/** The fraction of a GPU's memory that programs may take. */
import process from "node:process";
import { InputError } from "../../errors.ts";

/** The environment variable that sets the fraction of a GPU's memory that programs may take. */
export const memoryVariable = "BERTLAB_MEMORY_FRACTION";

/** The fraction of a GPU's memory that programs may take where none is given: XLA's own. */
export const defaultFraction = .75;

/** Returns the fraction of a GPU's memory that programs may take. @throws InputError if the variable has no fraction. */
export function memoryFraction(): number {
  const text = process.env[memoryVariable];
  if (!text) return defaultFraction;
  const fraction = Number(text);
  if (fraction > 0 && fraction <= 1) return fraction;
  throw new InputError(
    `Cannot use ${text} as a fraction of the GPU's memory: expected a number above 0 and up to 1 in ${memoryVariable}`,
  );
}
