/** The list of all experiments, in an order in which each can use the models that those before it have pre-trained. */
import type { DataTable } from "../lib/runs/data_table.ts";
import type { Experiment } from "../lib/runs/experiment.ts";
import figure2 from "./figure2.ts";
import figure3 from "./figure3.ts";
import figure4 from "./figure4.ts";
import schedules from "./schedules.ts";
import table1 from "./table1.ts";
import table2 from "./table2.ts";
import table3 from "./table3.ts";
import table4 from "./table4.ts";
import table5 from "./table5.ts";
import table6 from "./table6.ts";
import table7 from "./table7.ts";
import table8 from "./table8.ts";

/** The tables of the paper that need no training. */
export const dataTables: readonly DataTable[] = [table1];

/** Every experiment that `deno task reproduce` knows. */
export const experiments: readonly Experiment[] = [
  table2,
  table3,
  table4,
  schedules,
  figure2,
  figure3,
  table5,
  table6,
  table7,
  table8,
  figure4,
];
