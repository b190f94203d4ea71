/** The folder of `--log`, with a subfolder for each part of a run that has several trainings. */
import { join } from "node:path";
import type { RecipeContext } from "../lib/classifier/recipe.ts";
import { prepareLog, TrainingLog } from "../lib/classifier/training_log.ts";
import type { Metrics } from "../lib/results/metrics.ts";
import type { TrainOptions } from "./train_options.ts";

/** The logs of a run; without `--log` they write nothing. */
export interface RunLogs {
  /** Callbacks that write a part's log besides; the whole run's is "". */
  part(name: string, callbacks: Partial<RecipeContext>): Partial<RecipeContext>;
  /** Writes the measures of the test texts. */
  test(part: string, metrics: Metrics, step: number): void;
  close(): void;
}

/** Makes the folder of `--log` ready. @throws InputError if events of another run are there. */
export async function openLog({ log: folder, resume, overwrite }: TrainOptions): Promise<RunLogs> {
  if (folder === undefined) return { part: (_, callbacks) => callbacks, test: () => {}, close: () => {} };
  await prepareLog(folder, { resume, overwrite });
  const logs = new Map<string, TrainingLog>();
  const of = (part: string) => {
    const log = logs.get(part) ?? new TrainingLog(join(folder, part));
    logs.set(part, log);
    return log;
  };
  return {
    part: (name, callbacks) => of(name).around(callbacks),
    test: (part, metrics, step) => of(part).test(metrics, step),
    close: () => logs.forEach((log) => log.close()),
  };
}
