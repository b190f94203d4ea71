/** `deno task bench`: times what the library does against what others do, and keeps a history of the numbers. */
import { Command, Option } from "commander";
import { appendFile } from "node:fs/promises";
import { benchDevices } from "../benchmarks/devices.ts";
import { benchGpu } from "../benchmarks/gpu.ts";
import { benchHost } from "../benchmarks/host.ts";
import { benchGpuRun, runCase } from "../benchmarks/gpu_run.ts";
import { benchJax } from "../benchmarks/jax.ts";
import { benchLoad } from "../benchmarks/load.ts";
import { benchMultiLabel } from "../benchmarks/multi_label.ts";
import { benchPadding } from "../benchmarks/padding.ts";
import { benchPredict } from "../benchmarks/predict.ts";
import { benchPretrain } from "../benchmarks/pretrain.ts";
import { benchPrograms } from "../benchmarks/programs.ts";
import { benchSearch } from "../benchmarks/search.ts";
import { benchStartModels } from "../benchmarks/start_models.ts";
import { benchStep } from "../benchmarks/step.ts";
import { benchTrain } from "../benchmarks/train.ts";
import { InputError } from "../lib/errors.ts";
import { commit, machine, versions } from "../lib/results/provenance.ts";
import { type Output, runCommand, standardOutput } from "./command.ts";
import { collect, numberBetween, wholeNumber } from "./options.ts";
import { ownCommand, projectFile } from "./project.ts";

interface BenchOptions {
  readonly engine: string;
  readonly python?: string;
  readonly repeats: number;
  readonly history: string;
  readonly run?: boolean;
  readonly tiny?: boolean;
  readonly only?: readonly string[];
  readonly seconds: number;
  readonly case?: string;
}

const benchmarks = {
  step: benchStep,
  pretrain: benchPretrain,
  load: benchLoad,
  train: benchTrain,
  labels: benchMultiLabel,
  predict: benchPredict,
  search: benchSearch,
  models: benchStartModels,
  padding: benchPadding,
  devices: benchDevices,
  gpu: benchGpu,
  programs: benchPrograms,
  host: benchHost,
  jax: benchJax,
} as const;

/**
 * Benchmarks run if none is named: `train` takes half an hour, `labels` a quarter of it, `programs` an hour, `search` and
 * `models` two each, the others need a plugin of the engine xla, `jax` also a Python with JAX.
 */
const usual = ["step", "pretrain", "padding"];

/** The other side of `gpu --run`. */
const peerScript = projectFile("benchmarks", "gpu_step.py");

/**
 * The command, not yet run.
 *
 * @param history file of the numbers if none is named
 */
export function benchCommand(output: Output, history = "benchmarks/history.jsonl"): Command {
  const names = Object.keys(benchmarks);
  return new Command("bench")
    .description(`Benchmarks: ${names.join(", ")}. Each appends a line to the history.`)
    .argument("[names...]", `which; ${usual.join(", ")} if none is named`)
    .option("--engine <name>", "the engine that is timed; of step also several, by commas", "onnx")
    .option(
      "--python <path>",
      "a Python with PyTorch and transformers to compare with (also: the variable BERTLAB_PYTHON)",
      Deno.env.get("BERTLAB_PYTHON"),
    )
    .option("--repeats <N>", "steps of each side", wholeNumber("--repeats", 1), 7)
    .option("--history <file>", "where the numbers are appended", history)
    .option("--run", "gpu: time the steps on a GPU of this machine, instead of compiling them for others")
    .option("--tiny", "gpu --run: tiny steps, on a CPU too")
    .option(
      "--only <case>",
      "gpu --run: only this case; search, models: only this data set; step: only the models whose names begin so, such as roberta; " +
        "may be repeated",
      collect,
    )
    .option("--seconds <S>", "gpu --run: seconds of steps of a case", numberBetween("--seconds", 0.1, 600), 4)
    .addOption(new Option("--case <name>", "a case, in this process").hideHelp())
    .action(async (chosen: string[], options: BenchOptions) => {
      if (options.case !== undefined) return await runCase(options.case, options);
      for (const name of chosen.length > 0 ? chosen : usual) {
        const benchmark = benchmarks[name as keyof typeof benchmarks];
        if (!benchmark) {
          throw new InputError(`Unknown benchmark "${name}": expected one of ${names.join(", ")}`);
        }
        const say = output.out;
        const results = name === "gpu" && options.run
          ? await benchGpuRun({ ...options, script: peerScript, command: ownCommand("bench"), say })
          : await benchmark({ ...options, say });
        const line = {
          benchmark: name === "gpu" && options.run ? "gpu --run" : name,
          date: new Date().toISOString(),
          commit: await commit(),
          machine: machine(),
          versions: versions(),
          results,
        };
        await appendFile(options.history, `${JSON.stringify(line)}\n`);
      }
    });
}

if (import.meta.main) Deno.exit(await runCommand(benchCommand(standardOutput), Deno.args));
