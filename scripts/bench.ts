/** `deno task bench`: times what the library does against what others do, and keeps a history of the numbers. */
import { Command } from "commander";
import { appendFile } from "node:fs/promises";
import { benchDevices } from "../benchmarks/devices.ts";
import { benchGpu } from "../benchmarks/gpu.ts";
import { benchJax } from "../benchmarks/jax.ts";
import { benchMultiLabel } from "../benchmarks/multi_label.ts";
import { benchPadding } from "../benchmarks/padding.ts";
import { benchPredict } from "../benchmarks/predict.ts";
import { benchPretrain } from "../benchmarks/pretrain.ts";
import { benchStep } from "../benchmarks/step.ts";
import { benchTrain } from "../benchmarks/train.ts";
import { InputError } from "../lib/errors.ts";
import { commit, machine, versions } from "../lib/results/provenance.ts";
import { type Output, runCommand, standardOutput } from "./command.ts";
import { wholeNumber } from "./options.ts";

interface BenchOptions {
  readonly engine: string;
  readonly python?: string;
  readonly repeats: number;
  readonly history: string;
}

const benchmarks = {
  step: benchStep,
  pretrain: benchPretrain,
  train: benchTrain,
  labels: benchMultiLabel,
  predict: benchPredict,
  padding: benchPadding,
  devices: benchDevices,
  gpu: benchGpu,
  jax: benchJax,
} as const;

/**
 * Benchmarks run if none is named: `train` takes half an hour, `labels` a quarter of it, the others need a plugin of the engine xla, `jax` also a
 * Python with JAX.
 */
const usual = ["step", "pretrain", "padding"];

function benchCommand(output: Output): Command {
  const names = Object.keys(benchmarks);
  return new Command("bench")
    .description(`Benchmarks: ${names.join(", ")}. Each appends a line to the history.`)
    .argument("[names...]", `which; ${usual.join(", ")} if none is named`)
    .option("--engine <name>", "the engine that is timed", "onnx")
    .option(
      "--python <path>",
      "a Python with PyTorch and transformers to compare with (also: the variable BERTLAB_PYTHON)",
      Deno.env.get("BERTLAB_PYTHON"),
    )
    .option("--repeats <N>", "steps of each side", wholeNumber("--repeats", 1), 7)
    .option("--history <file>", "where the numbers are appended", "benchmarks/history.jsonl")
    .action(async (chosen: string[], options: BenchOptions) => {
      for (const name of chosen.length > 0 ? chosen : usual) {
        const benchmark = benchmarks[name as keyof typeof benchmarks];
        if (!benchmark) {
          throw new InputError(`Unknown benchmark "${name}": expected one of ${names.join(", ")}`);
        }
        const results = await benchmark({ ...options, say: output.out });
        const line = {
          benchmark: name,
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
