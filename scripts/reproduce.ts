/** `deno task reproduce`: runs experiments of the paper and prints their tables. */
import { Command } from "commander";
import { dataTables, experiments } from "../experiments/all.ts";
import { chooseEngine, engineNames, precisions } from "../lib/engine/open.ts";
import { targetNames } from "../lib/engine/xla/targets/hopper.ts";
import { InputError } from "../lib/errors.ts";
import type { Configuration, Protocol } from "../lib/runs/configuration.ts";
import type { DataTable } from "../lib/runs/data_table.ts";
import {
  type CellOptions,
  type Experiment,
  resolveCells,
  type ScaleName,
  scaleNames,
  scaleRows,
} from "../lib/runs/experiment.ts";
import { experimentTable } from "../lib/runs/experiment_table.ts";
import { duration } from "../lib/results/progress.ts";
import { evaluateTable } from "../lib/results/result_table.ts";
import { predictionFaults } from "../lib/results/records.ts";
import { markdownTable } from "../lib/results/tables.ts";
import {
  experimentResult,
  type RunCell,
  runExperiment,
  type Shard,
  shareOf,
} from "../lib/runs/run_experiment.ts";
import { counted } from "../lib/wording.ts";
import { type Output, runMain, standardOutput, userModel, userPath } from "./command.ts";
import { ExperimentWatch } from "./experiment_watch.ts";
import {
  chooseExperiments,
  collect,
  memoryOption,
  numberBetween,
  oneOf,
  parseSetting,
  parseShard,
  sourceOptions,
  wholeNumber,
} from "./options.ts";
import { measureData } from "./measure_data.ts";
import { jobEngine, writeReproduceJobs } from "./reproduce_jobs.ts";
import { writeTable } from "./reproduce_table.ts";
import { stopping } from "./stopping.ts";

interface ReproduceOptions {
  readonly scale: ScaleName;
  readonly seeds: number;
  readonly protocol: Protocol;
  readonly model?: string;
  readonly engine: typeof engineNames[number];
  readonly precision: typeof precisions[number];
  readonly devices: number;
  readonly results: string;
  readonly shard?: Shard;
  readonly row?: readonly string[];
  readonly column?: readonly string[];
  readonly set?: Readonly<Record<string, unknown>>;
  readonly list?: boolean;
  readonly dryRun?: boolean;
  readonly throughput?: number;
  readonly target?: typeof targetNames[number];
  readonly merge?: boolean;
  readonly jobs?: readonly string[];
  readonly tasks?: number;
}

/** Parts that the command works with; tests put others in place. */
export interface ReproduceParts {
  readonly experiments: readonly Experiment[];
  readonly dataTables: readonly DataTable[];
  readonly runCell: RunCell;
  readonly output: Output;
}

/** The command, not yet run. */
export function reproduceCommand(parts: ReproduceParts): Command {
  return memoryOption(sourceOptions(new Command("reproduce")))
    .description(
      "Runs experiments of the paper and prints their tables. Finished runs are kept: a second call goes on where " +
        "the first one stopped.",
    )
    .argument("[names...]", "experiments, such as table2; all of them if none is named")
    .option(
      "--scale <scale>",
      "how large: mini: small models and texts, on a CPU; imdb: the paper's settings on IMDb, for one GPU; paper: all of it",
      oneOf("--scale", scaleNames),
      "mini",
    )
    .option("--seeds <N>", "seeds 1 to N for each cell", wholeNumber("--seeds", 1), 1)
    .option(
      "--protocol <protocol>",
      "clean: a development split picks the epoch; paper: as the authors' code: the test set picks it and is in the further pre-training, no development split, BertAdam",
      oneOf("--protocol", ["clean", "paper"]),
      "clean",
    )
    .option(
      "--model <model>",
      "a folder or hub id of another model instead of the scale's own, with all its layers",
      userModel,
    )
    .option("--engine <engine>", engineNames.join(", "), oneOf("--engine", engineNames), "auto")
    .option("--precision <name>", precisions.join(", "), oneOf("--precision", precisions), "f32")
    .option("--devices <N>", "devices that share each batch", wholeNumber("--devices", 1), 1)
    .option("--results <folder>", "where records and tables are kept", userPath, "runs")
    .option("--shard <I/N>", "only the I-th of N shares of the runs, for several machines", parseShard)
    .option("--row <name>", "only this row; may be repeated", collect)
    .option("--column <name>", "only this column; may be repeated", collect)
    .option(
      "--set <field=value>",
      "another value for a field, such as epochs=2; may be repeated",
      parseSetting,
    )
    .option("--merge", "make no runs: only the tables of those on record, of all shares")
    .option(
      "--jobs <words...>",
      "slurm or kubernetes and a folder: write the runs as jobs there, one share a task, instead of making them",
    )
    .option("--tasks <N>", "with --jobs: the number of shares", wholeNumber("--tasks", 1))
    .option("--list", "only list the experiments")
    .option("--dry-run", "only list the runs, which of them are on record, and what the others would cost")
    .option(
      "--throughput <TFLOP/s>",
      "with --dry-run: TFLOP/s of your machine, from which hours are computed (default: 100)",
      numberBetween("--throughput", 1e-3, 1e6),
    )
    .option(
      "--target <gpu>",
      `with --dry-run: compile the runs' largest steps for a GPU that is not there (${
        targetNames.join(", ")
      })`,
      oneOf("--target", targetNames),
    )
    .action(async (names: string[], options: ReproduceOptions) => {
      requireTogether(options);
      const all = [...parts.dataTables, ...await experimentsFor(options, parts)];
      // Where none is named, those are left out that do not have the scale, the rows or the columns.
      const chosen = chooseExperiments(all, names)
        .filter((experiment) => names.length > 0 || options.list || hasAll(experiment, options));
      if (chosen.length === 0) {
        const asked = [...options.row ?? [], ...options.column ?? []].join(", ");
        throw new InputError(
          `No experiment of scale ${options.scale} has ${asked}: name an experiment, which then tells what it has`,
        );
      }
      if (options.list) return list(chosen, parts.output);
      const { jobs } = options;
      const engine = jobs ? jobEngine(options.engine) : options.engine;
      const cells = await cellOptions({ ...options, engine }, parts.output);
      const runs = await requireRuns(chosen, cells, options);
      if (jobs) return parts.output.out(await writeReproduceJobs(jobs, names, options, { ...options, runs }));
      const failed: string[] = [];
      for (const experiment of chosen) {
        if (isDataTable(experiment)) failed.push(...await measureData(experiment, options, parts.output));
        else if (options.dryRun) {
          const { dryRun } = await import("./dry_run.ts"); // it counts operations of models, so it loads much
          await dryRun(experiment, cells, { ...options, throughput: options.throughput ?? 100 }, parts);
        } else failed.push(...await reproduce(experiment, cells, options, parts));
      }
      if (failed.length === 0) return;
      throw new InputError(
        options.merge
          ? `Not on record: ${failed.join("; ")}; leave out --merge to make them`
          : `Not made: ${failed.join("; ")}. Why is said above; the same command tries again.`,
      );
    });
}

/** @throws InputError if an option would say nothing, as another is there or missing. */
function requireTogether(options: ReproduceOptions): void {
  const needs = { tasks: "jobs", throughput: "dryRun", target: "dryRun" } as const;
  const flag = (name: string) => `--${name === "dryRun" ? "dry-run" : name}`;
  for (const [name, other] of Object.entries(needs) as [keyof typeof needs, "jobs" | "dryRun"][]) {
    if (options[name] === undefined || options[other]) continue;
    throw new InputError(`Cannot use ${flag(name)} without ${flag(other)}: add ${flag(other)}`);
  }
  for (const name of ["shard", "merge", "dryRun"] as const) {
    if (!options.jobs || options[name] === undefined) continue;
    throw new InputError(
      `Cannot use ${
        flag(name)
      } with --jobs, which writes jobs for all shares and their tables: leave one out`,
    );
  }
}

/**
 * Returns the experiments, for the layers of the model that is given instead of their own. A call that trains fetches it
 * for that, others know no rows but the paper's where it is not here.
 */
async function experimentsFor(
  { model, set = {}, dryRun, list, jobs, merge }: ReproduceOptions,
  { experiments, output }: ReproduceParts,
): Promise<readonly Experiment[]> {
  if (model === undefined || list) return experiments;
  const { experimentFor } = await import("../lib/runs/model_layers.ts"); // it loads what opens models
  const { layers } = set as { layers?: number };
  const how = { layers, fetch: !(dryRun || jobs || merge), say: output.error };
  return await Promise.all(experiments.map((experiment) => experimentFor(experiment, model, how)));
}

/** Tells whether an experiment has a scale, and all rows and columns that are asked for. */
function hasAll(
  experiment: Experiment | DataTable,
  { scale, row = [], column = [] }: ReproduceOptions,
): boolean {
  if (isDataTable(experiment)) {
    return experiment.scales[scale] !== undefined && row.length + column.length === 0;
  }
  const found = experiment.scales[scale];
  if (found === undefined) return false;
  const rows = scaleRows(experiment, found);
  return row.every((name) => rows.includes(name)) && column.every((name) => found.columns[name]);
}

/**
 * Finds what is wrong with the options before anything is run; returns the number of different runs.
 *
 * @throws InputError also if a setting is stated of what no run has.
 */
async function requireRuns(
  chosen: readonly (Experiment | DataTable)[],
  cells: CellOptions,
  { scale, seeds, shard, set = {}, row = [], column = [] }: ReproduceOptions,
): Promise<number> {
  const own = ["protocol", "engine", "precision", ...seeds > 1 ? ["seed"] : []].find((field) =>
    Object.hasOwn(set, field)
  );
  if (own !== undefined) {
    throw new InputError(`Cannot use --set ${own}: give --${own === "seed" ? "seeds alone" : own} instead`);
  }
  if (Object.hasOwn(set, "preTraining.unseen")) {
    throw new InputError("Cannot use --set preTraining.unseen: it follows from preTraining.corpus; set that");
  }
  const configurations: Configuration[] = [];
  for (const experiment of chosen) {
    if (!isDataTable(experiment)) {
      const all = await resolveCells(experiment, cells);
      configurations.push(...shareOf(all, shard).runs.map(({ configuration }) => configuration));
    } else if (row.length + column.length > 0) {
      throw new InputError(`Cannot choose rows or columns of ${experiment.name}: it is measured as a whole`);
    } else if (!experiment.scales[scale]) {
      throw new InputError(
        `Cannot measure ${experiment.name} at scale ${scale}: it has ${Object.keys(experiment.scales)}`,
      );
    }
  }
  for (const part of ["preTraining", "multiTask"] as const) {
    const field = Object.keys(set).find((field) => field.startsWith(`${part}.`));
    if (field === undefined || configurations.some((configuration) => configuration[part])) continue;
    throw new InputError(
      `Cannot use --set ${field}: none of these runs has ${
        part === "preTraining" ? "further pre-training" : "other tasks"
      }`,
    );
  }
  return configurations.length;
}

const isDataTable = (experiment: Experiment | DataTable): experiment is DataTable => !("rows" in experiment);

function list(experiments: readonly (Experiment | DataTable)[], output: Output): void {
  for (const { name, paper, question, scales } of experiments) {
    const minutes = Object.entries(scales).map(([scale, { minutes }]) =>
      `${scale} ${duration(60 * minutes)}`
    );
    output.out(
      `${name}: ${paper}. ${question} Time for a seed, less where models are pre-trained already: ${
        minutes.join(", ")
      }.`,
    );
  }
}

const cellOptions = async (options: ReproduceOptions, output: Output): Promise<CellOptions> => ({
  scale: options.scale,
  seeds: Array.from({ length: options.seeds }, (_, index) => index + 1),
  protocol: options.protocol,
  engine: await chooseEngine(options.engine, output.error),
  precision: options.precision,
  model: options.model,
  rows: options.row,
  columns: options.column,
  overrides: options.set,
});

/** Makes the runs of an experiment that are missing, prints its table and writes it; returns what could not be made. */
async function reproduce(
  experiment: Experiment,
  cells: CellOptions,
  options: ReproduceOptions,
  parts: ReproduceParts,
): Promise<string[]> {
  const { output, runCell } = parts;
  const watch = new ExperimentWatch(experiment, output);
  try {
    const result = options.merge
      ? await onRecordAlone(experiment, cells, options, output)
      : await runExperiment(experiment, {
        ...cells,
        resultsDir: options.results,
        shard: options.shard,
        runCell: (configuration, hooks) => runCell(configuration, { ...hooks, devices: options.devices }),
        stop: stopping.signal,
        onProgress: (event) => {
          stopping.goOn = event.kind === "step" ? "the same command goes on from there" : undefined;
          watch.see(event);
        },
      });
    const { length } = result.failures;
    const failed = length === 0 ? [] : [`${counted(length, "run")} of ${experiment.name}`];
    const table = await experimentTable(experiment, result, options.scale);
    const text = markdownTable(table, await evaluateTable(table, result.folder));
    for (const line of await predictionFaults(result.folder, result.records.values())) output.error(line);
    output.out(text);
    if (options.set || options.row || options.column) return failed; // not the experiment as it stands
    for (const line of await writeTable(text, experiment, result, cells)) output.error(line);
    return failed;
  } finally {
    watch.stop();
  }
}

/** Returns what is on record of an experiment; runs that are missing are failures. */
async function onRecordAlone(
  experiment: Experiment,
  cells: CellOptions,
  { results }: ReproduceOptions,
  output: Output,
) {
  const result = await experimentResult(experiment, {
    ...cells,
    resultsDir: results,
    onProgress: (event) => event.kind === "line" && output.error(event.line),
  });
  const { runs } = shareOf(result.cells);
  const missing = runs.filter(({ hash }) => !result.records.has(hash));
  if (missing.length > 0) {
    output.error(
      `${experiment.name}: ${missing.length} of ${counted(runs.length, "run")} ${
        missing.length === 1 ? "is" : "are"
      } not on record`,
    );
  }
  return { ...result, failures: missing.map((cell) => ({ cell, message: "it is not on record" })) };
}

/** Loads what trains only when something is to be trained, so that a call that finds all on record ends at once. */
function lateRunner(): RunCell {
  let runner: RunCell | undefined;
  return async (configuration, hooks) => {
    runner ??= (await import("../lib/runs/run_cell.ts")).cellRunner();
    return await runner(configuration, hooks);
  };
}

/** Returns the parts of the command that a person calls. */
export function ownParts(output: Output): ReproduceParts {
  return { experiments, dataTables, runCell: lateRunner(), output };
}

if (import.meta.main) await runMain(reproduceCommand(ownParts(standardOutput)));
