/** The part of `deno task reproduce` that measures data sets. */
import { join } from "node:path";
import type { DataTable } from "../lib/runs/data_table.ts";
import type { ScaleName } from "../lib/runs/experiment.ts";
import type { Shard } from "../lib/runs/run_experiment.ts";
import { requireWritable, writeWhole } from "../lib/storage/whole_file.ts";
import type { Output } from "./command.ts";

/** Options of measuring. */
export interface MeasureOptions {
  /** The scale by name. */
  readonly scale: ScaleName;
  /** Folder of the results. */
  readonly results: string;
  /** `true` if nothing is to be done. */
  readonly dryRun?: boolean;
  /** `true` if only what is on record is shown. */
  readonly merge?: boolean;
  /** The share of a machine; the first one measures. */
  readonly shard?: Shard;
}

/** Measures the data sets of a table, prints it and writes it; returns what could not be measured. */
export async function measureData(
  table: DataTable,
  { scale, results, dryRun, merge, shard }: MeasureOptions,
  output: Output,
): Promise<string[]> {
  if (dryRun) {
    output.out(`${table.name}: nothing is trained, the data sets are measured`);
    return [];
  }
  if (shard && shard.index > 1 && !merge) {
    output.error(`${table.name}: the first share measures the data sets`);
    return [];
  }
  const folder = join(results, scale);
  await requireWritable(folder);
  const { sets } = table.scales[scale]!;
  // Loaded only here, as what trains is: a call of other experiments that finds all on record ends at once.
  const { dataTableMarkdown, dataTokenizer, measureDataTable, readMeasured } = await import(
    "../lib/runs/data_table.ts"
  );
  const rows = merge
    ? (await readMeasured(join(folder, `${table.name}.json`))).filter(({ set, data }) => sets[set] === data)
    : await measureDataTable(table, {
      scale,
      folder,
      dataset: async (name) =>
        await (await import("../lib/data/dataset.ts")).dataset(name, { say: output.error }),
      tokenizer: dataTokenizer(output.error),
      say: output.error,
    });
  const text = dataTableMarkdown(table, rows, scale);
  output.out(text);
  await writeWhole(join(folder, `${table.name}.md`), [text]);
  output.error(`Wrote ${join(folder, `${table.name}.md`)}`);
  const missing = Object.keys(sets).filter((set) => rows.every((row) => row.set !== set));
  return missing.length === 0 ? [] : [`${missing.join(", ")} of ${table.name}`];
}
