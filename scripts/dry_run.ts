/** `deno task reproduce --dry-run`: what would be run, and what it would cost. */
import type { Configuration } from "../lib/runs/configuration.ts";
import type { targetNames } from "../lib/engine/xla/targets/hopper.ts";
import { InputError } from "../lib/errors.ts";
import type { DataTable } from "../lib/runs/data_table.ts";
import { type CellOptions, type Experiment, type Scale, scaleOf } from "../lib/runs/experiment.ts";
import { sharedModels } from "../lib/runs/expected_time.ts";
import { modelShape, type RunData, type RunFlops, runFlops } from "../lib/runs/cost.ts";
import { duration } from "../lib/results/progress.ts";
import { textSampler } from "../lib/runs/text_sample.ts";
import { experimentResult, type Shard, shareOf } from "../lib/runs/run_experiment.ts";
import type { Output } from "./command.ts";

/** Options of a dry run besides the cells. */
export interface DryRunOptions {
  /** Folder of the records. */
  readonly results: string;
  /** Throughput that hours are counted by, in TFLOP/s. */
  readonly throughput: number;
  /** Devices that share each batch. */
  readonly devices: number;
  /** Only this share of the runs. */
  readonly shard?: Shard;
  /** A card that the runs' largest steps are compiled for. */
  readonly target?: typeof targetNames[number];
}

/** One for all experiments, which use the same texts. */
const sampleOf = textSampler();

/** Lists an experiment's runs: which are on record, and steps, operations and hours of the others. */
export async function dryRun(
  experiment: Experiment,
  cellOptions: CellOptions,
  { results, throughput, devices, shard, target }: DryRunOptions,
  { dataTables, output }: { readonly dataTables: readonly DataTable[]; readonly output: Output },
): Promise<void> {
  const { cells: all, records } = await experimentResult(experiment, {
    ...cellOptions,
    resultsDir: results,
    onProgress: (event) => event.kind === "line" && output.error(event.line),
  });
  const cells = shard ? shareOf(all, shard).share : all;
  const scale = scaleOf(experiment, cellOptions.scale ?? "mini");
  const shared = new Map<string, number>();
  const made = new Set(
    cells.filter(({ hash }) => records.has(hash)).flatMap(({ configuration }) =>
      Object.values(sharedModels(configuration))
    ),
  );
  const time = (flops: number) => duration(flops / (1e12 * throughput));
  const unknown = new Set<string>();
  let [total, due] = [0, 0];
  let [isBound, isSharedBound] = [false, false];
  for (const { row, column, configuration, hash } of cells) {
    const name = `${hash.slice(0, 16)}  ${column}, ${row}, seed ${configuration.seed}`;
    if (records.has(hash)) {
      output.out(`on record  ${name}`);
      continue;
    }
    due++;
    const samples = await samplesOf(configuration);
    const sizes = { ...sizesOf(configuration, scale, dataTables), samples };
    const flops = await flopsOf(configuration, sizes);
    if (typeof flops === "string") {
      output.out(`to be run  ${name}: no estimate: ${flops}`);
      unknown.add(hash);
      continue;
    }
    const own = flops.fineTuning + flops.evaluation;
    total += own;
    const models = sharedModels(configuration);
    const share = (model: string | undefined, flops: number) =>
      model === undefined || made.has(model) || shared.set(model, flops);
    share(models.pretrained, flops.preTraining);
    share(models.multiTask, flops.multiTask);
    const { preTraining, multiTask, epochs, batchSize, maxLength } = configuration;
    const isAtMost = samples[configuration.data] === undefined;
    isBound ||= isAtMost;
    isSharedBound ||= preTraining !== null || (multiTask?.tasks ?? []).some((name) => !samples[name]);
    const steps = epochs * Math.ceil(sizes.train / batchSize);
    output.out(
      `to be run  ${name}: ${configuration.model}, ${
        [
          ...preTraining
            ? [`${preTraining.steps} steps of pre-training on ${preTraining.corpus.join(", ")}`]
            : [],
          ...multiTask ? [`multi-task fine-tuning on ${multiTask.tasks.join(", ")}`] : [],
          `${steps} steps of ${batchSize} x ${maxLength} at ${configuration.learningRate.toExponential()}`,
        ].join(", then ")
      }; ${isAtMost ? "at most " : ""}${operations(own)}, ${time(own)}`,
    );
  }
  if (due > unknown.size) {
    const making = [...shared.values()].reduce((sum, flops) => sum + flops, 0);
    const isMakingBound = isSharedBound && making > 0;
    const about = (isBound: boolean) => isBound ? "at most" : "about";
    const sentence = [
      `${about(isBound)} ${time(total)} of fine-tuning and ${about(isMakingBound)} ${
        time(making)
      } of what runs share`,
      `at ${throughput} TFLOP/s`,
      ...unknown.size > 0 ? [`without ${unknown.size} runs`] : [],
      ...isBound || isMakingBound ? ["with texts that are not at hand as long as they may be"] : [],
    ];
    output.out(`${experiment.name}: ${sentence.join(", ")}`);
  }
  const recorded = cells.filter(({ hash }) => records.has(hash)).length;
  output.out(`${experiment.name}: ${recorded} of ${cells.length} runs are on record`);
  if (target === undefined) return;
  // Loaded only here: a call that finds all on record ends at once.
  const { planKey } = await import("../lib/runs/gpu_plan.ts");
  const { tellPlan } = await import("./engines.ts");
  const told = new Set<string>();
  for (const { row, column, configuration, hash } of cells) {
    const key = planKey(configuration);
    if (unknown.has(hash) || told.has(key)) continue;
    told.add(key);
    await tellPlan(`${column}, ${row}`, configuration, { target, devices, fusedAttention: true }, output);
  }
}

/** Operations of a run, or why they are not known: the model is not at hand, or lacks the layers. */
async function flopsOf(configuration: Configuration, sizes: RunData): Promise<RunFlops | string> {
  try {
    return runFlops(await modelShape(configuration), configuration, sizes);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

/** Samples of the texts of a run's data sets, as far as they can be had. */
async function samplesOf(configuration: Configuration): Promise<NonNullable<RunData["samples"]>> {
  const names = new Set([configuration.data, ...configuration.multiTask?.tasks ?? []]);
  const samples = Array.from(names, async (name) => [name, await sampleOf(name, configuration)] as const);
  return Object.fromEntries(await Promise.all(samples));
}

/** "29.5 PFLOP" */
function operations(flops: number): string {
  const [unit, name] = flops < 1e15 ? [1e12, "TFLOP"] : [1e15, "PFLOP"];
  return `${Number((flops / unit).toPrecision(3))} ${name}`;
}

/** Sizes of a run's data: its limits, or what the paper's Table 1 prints, a tenth of the training texts held out. */
function sizesOf(
  { data, limits, multiTask, protocol }: Configuration,
  { sets = {} }: Scale,
  dataTables: readonly DataTable[],
): RunData {
  const printedOf = (name: string) => {
    const set = Object.keys(sets).find((set) => sets[set] === name) ?? (name === "imdb" ? "IMDb" : name);
    return dataTables.flatMap(({ published }) => published[set] ?? [])[0];
  };
  const trainOf = (name: string) => {
    const whole = printedOf(name)?.train ?? 0;
    const kept = protocol === "paper" ? whole : Math.round(.9 * whole);
    return Math.min(limits.train ?? Infinity, kept || Infinity);
  };
  const printed = printedOf(data);
  const finite = (size: number) => Number.isFinite(size) ? size : 0;
  return {
    train: finite(trainOf(data)),
    dev: limits.dev ?? Math.round(.1 * (printed?.train ?? 0)),
    test: finite(Math.min(limits.test ?? Infinity, printed?.test ?? Infinity)),
    classes: printed?.classes,
    ...multiTask ? { tasks: multiTask.tasks.map((name) => finite(trainOf(name))) } : {},
  };
}
