/** All experiments, in the order of the paper. */
import type { Experiment } from "../lib/experiment.ts";
import table2 from "./table2.ts";

/** Every experiment that `deno task reproduce` knows. */
export const experiments: readonly Experiment[] = [table2];
