/** All experiments, in the order of the paper. */
import type { Experiment } from "../lib/experiment.ts";
import figure3 from "./figure3.ts";
import table2 from "./table2.ts";
import table5 from "./table5.ts";

/** Every experiment that `deno task reproduce` knows. */
export const experiments: readonly Experiment[] = [table2, figure3, table5];
