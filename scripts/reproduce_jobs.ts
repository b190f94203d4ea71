/** The call of `deno task reproduce` that a task of a cluster makes, from the call that writes the jobs. */
import { resolve } from "node:path";
import { InputError } from "../lib/errors.ts";
import { isFolder, userPath } from "./command.ts";
import { type Jobs, schedulers, writeJobs } from "./jobs.ts";
import { shellCommand } from "./project.ts";

/** Options of the command that a task has too. */
export interface PassedOptions {
  readonly scale: string;
  readonly seeds: number;
  readonly protocol: string;
  readonly model?: string;
  readonly engine: string;
  readonly precision: string;
  readonly devices: number;
  readonly memoryFraction?: number;
  readonly results: string;
  readonly row?: readonly string[];
  readonly column?: readonly string[];
  readonly set?: Readonly<Record<string, unknown>>;
  readonly dataDir?: string;
  readonly offline?: boolean;
}

/** Most tasks, if nobody says how many. */
const usualTasks = 16;

/**
 * Returns the engine of the tasks. What `auto` takes here says nothing of the machines that they run on, where the runs
 * must be found again by the task that makes the tables: it is xla.
 */
export function jobEngine<Name extends string>(engine: Name): Exclude<Name, "auto"> | "xla" {
  return engine === "auto" ? "xla" : engine as Exclude<Name, "auto">;
}

/**
 * Writes the jobs; returns the sentence that tells how to start them.
 *
 * @param asked the words after --jobs
 * @param tasks as many as there are runs, up to {@linkcode usualTasks}, if not given
 * @throws InputError if there is no such scheduler, or not one folder.
 */
export async function writeReproduceJobs(
  asked: readonly string[],
  names: readonly string[],
  options: PassedOptions,
  { runs, tasks = Math.min(runs, usualTasks) }: { readonly runs: number; readonly tasks?: number },
): Promise<string> {
  const [name, folder, ...others] = asked;
  const scheduler = schedulers.find((scheduler) => scheduler === name);
  if (!scheduler || folder === undefined || others.length > 0) {
    throw new InputError(
      `Cannot use --jobs ${asked.join(" ")}: expected ${schedulers.join(" or ")} and one folder after it`,
    );
  }
  const inContainer = scheduler === "kubernetes";
  const local = [options.model, options.dataDir].find((given) => given !== undefined && isFolder(given));
  if (inContainer && local !== undefined) {
    throw new InputError(
      `Cannot use the folder ${local} with --jobs kubernetes as pods do not see it: copy it to the volume of the ` +
        "results, and name it as it is called there, such as /results/NAME",
    );
  }
  const program = inContainer ? ["deno", "task", "--quiet", "reproduce"] : shellCommand("reproduce");
  const results = inContainer ? "/results" : resolve(options.results);
  const jobs: Jobs = {
    scheduler,
    folder: resolve(userPath(folder)),
    tasks: Math.max(1, tasks),
    command: [...program, ...names, ...flagsOf({ ...options, results })],
  };
  return await writeJobs(jobs);
}

/** Returns the options as words. */
function flagsOf(
  { scale, seeds, protocol, model, engine, precision, devices, memoryFraction, results, ...rest }:
    PassedOptions,
): string[] {
  const { row, column, set, dataDir, offline } = rest;
  const many = (flag: string, values: readonly string[] = []) => values.flatMap((value) => [flag, value]);
  const settings = Object.entries(set ?? {}).map(([field, value]) => `${field}=${JSON.stringify(value)}`);
  return [
    ...["--scale", scale, "--seeds", `${seeds}`, "--protocol", protocol],
    ...[
      "--engine",
      jobEngine(engine),
      "--precision",
      precision,
      "--devices",
      `${devices}`,
      "--results",
      results,
    ],
    ...many("--memory-fraction", memoryFraction === undefined ? [] : [`${memoryFraction}`]),
    ...many("--model", model === undefined ? [] : [model]),
    ...[...many("--row", row), ...many("--column", column), ...many("--set", settings)],
    ...many("--data-dir", dataDir === undefined ? [] : [resolve(dataDir)]),
    ...offline ? ["--offline"] : [],
  ];
}
