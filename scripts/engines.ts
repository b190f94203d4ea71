/** `deno task engines`: what is usable here, and what to do about what is not; with --target, a GPU that is not there. */
import { Command, Option } from "commander";
import { experiments } from "../experiments/all.ts";
import { chooseEngine, engineNames } from "../lib/engine/open.ts";
import { describeTensorFlow } from "../lib/engine/tensorflow/engine.ts";
import { hasNvidiaGpu } from "../lib/engine/discovery.ts";
import { findLibraries } from "../lib/engine/tensorflow/libraries.ts";
import { webgpuDevice } from "../lib/engine/webgpu.ts";
import { findPlugin, findPlugins } from "../lib/engine/xla/discovery.ts";
import { loadPlugin } from "../lib/engine/xla/plugin.ts";
import { describePlugin, type PluginDescription } from "../lib/engine/xla/probe.ts";
import { targetNames, targets } from "../lib/engine/xla/targets/hopper.ts";
import { InputError } from "../lib/errors.ts";
import { type Configuration, paperSettings } from "../lib/runs/configuration.ts";
import { type Experiment, resolveCells, type ScaleName, scaleNames } from "../lib/runs/experiment.ts";
import { gpuPlan, planKey } from "../lib/runs/gpu_plan.ts";
import { experimentFor } from "../lib/runs/model_layers.ts";
import { versions } from "../lib/results/provenance.ts";
import { type Output, runCommand, standardOutput, userModel, userPath } from "./command.ts";
import { checkEngine, runPart } from "./engine_check/check.ts";
import type { CheckedEngine } from "./engine_check/context.ts";
import { parts } from "./engine_check/parts.ts";
import { chooseExperiments, collect, memoryOption, numberBetween, oneOf, wholeNumber } from "./options.ts";
import { ownCommand } from "./project.ts";

interface EnginesOptions {
  readonly target?: keyof typeof targets;
  readonly scale: ScaleName;
  readonly model?: string;
  readonly precision: "f32" | "bf16";
  readonly devices: number;
  readonly fusedAttention: boolean;
  readonly attentionDropout?: number;
  readonly layers: number;
  readonly hidden: number;
  readonly batchSize: number;
  readonly maxLength: number;
  readonly check?: boolean;
  readonly engine: typeof engineNames[number];
  readonly json?: string;
  readonly part?: readonly string[];
  readonly limit?: number;
  readonly checkPart?: string;
  readonly checkStage: number;
  readonly checkWork: string;
}

const partNames = Object.keys(parts);

/** The command. */
export function enginesCommand(output: Output): Command {
  return memoryOption(new Command("engines"))
    .description("Says which engines are usable here, on what, and what to do about those that are not.")
    .argument("[experiments...]", "with --target: experiments whose largest steps are compiled")
    .option(
      "--target <gpu>",
      `instead: compile training steps for a GPU that is not there (${
        targetNames.join(", ")
      }) and say what they take`,
      oneOf("--target", targetNames),
    )
    .option("--scale <scale>", "of the experiments", oneOf("--scale", scaleNames), "paper")
    .option("--model <model>", "a folder of another model instead of the experiments' own", userModel)
    .option("--precision <name>", "f32 or bf16", oneOf("--precision", ["f32", "bf16"]), "bf16")
    .option("--devices <N>", "GPUs that share the batch", wholeNumber("--devices", 1), 1)
    .option("--no-fused-attention", "attention as matrix products and a softmax, not as a call of cuDNN")
    .option(
      "--attention-dropout <rate>",
      "of the attention's probabilities; cuDNN's call needs 0, as its masks cannot be drawn again",
      numberBetween("--attention-dropout", 0, 0.9),
    )
    .option("--layers <L>", "of the model, where no experiment is named", wholeNumber("--layers", 1), 12)
    .option("--hidden <H>", "its width", wholeNumber("--hidden", 1), 768)
    .option("--batch-size <B>", "texts a pass", wholeNumber("--batch-size", 1), 32)
    .option("--max-length <T>", "tokens of a text", wholeNumber("--max-length", 4), 128)
    .option(
      "--check",
      "instead: check an engine part by part, each in a process of its own with a time limit; exit code 1 if one is wrong",
    )
    .option(
      "--engine <name>",
      `with --check: ${engineNames.join(", ")}`,
      oneOf("--engine", engineNames),
      "auto",
    )
    .option("--json <file>", "with --check: gets each finding as a line of JSON, as it comes", userPath)
    .option(
      "--part <name>",
      `with --check: only this part; may be repeated (${partNames.join(", ")})`,
      collect,
    )
    .option(
      "--limit <seconds>",
      "with --check: most seconds of each process, instead of each part's own limit",
      numberBetween("--limit", 0.1, 1e6),
    )
    .addOption(new Option("--check-part <name>", "a part, in this process").hideHelp())
    .addOption(new Option("--check-stage <N>").default(1).argParser(Number).hideHelp())
    .addOption(new Option("--check-work <folder>").default(".").hideHelp())
    .action(async (names: string[], options: EnginesOptions) => {
      const { target } = options;
      if (options.check || options.checkPart) return await check(options, output);
      if (!target && names.length > 0) {
        throw new InputError(`Cannot compile ${names.join(", ")}: give --target, the GPU to compile for`);
      }
      if (!target) return await tellEngines(output);
      for (const [label, configuration] of await configurationsOf(names, options)) {
        await tellPlan(label, configuration, { ...options, target }, output);
      }
    });
}

/** Checks an engine, or runs one part of it in this process. @throws InputError if something is wrong. */
async function check(options: EnginesOptions, output: Output): Promise<void> {
  const { part: only, checkPart, checkStage: stage, checkWork: work, json, limit } = options;
  if (checkPart !== undefined) {
    return await runPart(checkPart, { engine: options.engine as CheckedEngine, work, stage });
  }
  const unknown = only?.find((name) => !partNames.includes(name));
  if (unknown !== undefined) {
    throw new InputError(`Unknown part "${unknown}": expected one of ${partNames.join(", ")}`);
  }
  const engine = await chooseEngine(options.engine, output.error);
  output.error(`Checking the engine ${engine}; a part that does not end is stopped`);
  const command = ownCommand("engines");
  if (await checkEngine({ engine, json, only, limit, command }, output)) return;
  throw new InputError(`Not all parts of the check of the engine ${engine} are right: the table says which`);
}

/** Returns the configurations to compile, by name: runs of experiments that differ in their steps, or one step. */
async function configurationsOf(
  names: readonly string[],
  options: EnginesOptions,
): Promise<Map<string, Configuration>> {
  const { precision, attentionDropout = null, layers, hidden, batchSize, maxLength } = options;
  if (names.length === 0) {
    const architecture = {
      ...paperSettings.architecture,
      layers,
      hidden,
      heads: Math.max(1, Math.floor(hidden / 64)),
      intermediate: 4 * hidden,
    };
    const step = {
      model: "new",
      text: "head",
      architecture,
      batchSize,
      maxLength,
      precision,
      attentionDropout,
    };
    return new Map([[`L${layers} H${hidden} B${batchSize} T${maxLength}`, { ...paperSettings, ...step }]]);
  }
  const labels = new Map<string, [string, Configuration]>();
  for (const experiment of chooseExperiments(experiments, names)) {
    for (const [key, label, configuration] of await stepsOf(experiment, options)) {
      if (!labels.has(key)) labels.set(key, [label, configuration]);
    }
  }
  return new Map(labels.values());
}

async function stepsOf(
  experiment: Experiment,
  { scale, model, precision, attentionDropout }: EnginesOptions,
): Promise<[key: string, label: string, configuration: Configuration][]> {
  const overrides = { precision, ...attentionDropout === undefined ? {} : { attentionDropout } };
  const ofModel = await experimentFor(experiment, model, { fetch: false, say: console.error });
  const cells = await resolveCells(ofModel, { scale, model, overrides });
  return cells.map(({ row, column, configuration }) => [
    planKey(configuration),
    `${experiment.name}, ${column}, ${row}`,
    configuration,
  ]);
}

/** Compiles the largest steps of a run and says what the card would have to hold. */
export async function tellPlan(
  label: string,
  configuration: Configuration,
  { target, devices, fusedAttention }: {
    target: keyof typeof targets;
    devices: number;
    fusedAttention: boolean;
  },
  output: Output,
): Promise<void> {
  const card = targets[target];
  const { api } = loadPlugin((await findPlugin(undefined, "cuda")).path);
  const plan = await gpuPlan(api, card, configuration, { devices, fusedAttention });
  const on = devices > 1 ? ` on ${devices} GPUs` : "";
  output.out(`${label}: ${plan.millions.toFixed(0)} million parameters, ${configuration.precision}${on}`);
  for (const { name, seconds, bytes, temporary, products, attentionCalls, aliased } of plan.programs) {
    output.out(
      `  ${name}: compiled in ${seconds.toFixed(1)} s; ${gigabytes(bytes)} GB of the card at most, ` +
        `${gigabytes(temporary)} GB of it in between; ${products} matrix products, ` +
        `${attentionCalls} calls of cuDNN's attention; ${gigabytes(aliased)} GB updated in place`,
    );
  }
  const advice = plan.fits
    ? "fits"
    : "does not fit; a smaller microBatchSize makes the same step of several passes, --memory-fraction gives more room";
  output.out(
    `  ${gigabytes(plan.bytes)} of the ${gigabytes(plan.room)} GB that programs may take of ${card.name}'s ${
      gigabytes(card.memory)
    } GB: ${advice}`,
  );
}

async function tellEngines(output: Output): Promise<void> {
  const { tfjs, onnxruntime } = versions();
  output.out(`reference: eager tfjs ${tfjs}, for looking into things; slow`);
  output.out(`onnx: ONNX Runtime ${onnxruntime} on the CPU`);
  const { found, without } = await findPlugins();
  const usable = new Set<string>();
  for (const { path, origin } of found) {
    const description = await describePlugin(path).catch((error) => {
      if (!(error instanceof InputError)) throw error;
      return error.message;
    });
    if (typeof description === "string") {
      output.out(`xla: ${description}`);
      continue;
    }
    if (description.platform && description.problem === undefined) usable.add(description.platform);
    output.out(`xla: ${path} (${origin}): ${sentence(description)}`);
  }
  if (found.length === 0) output.out(`xla: no plugin in ${without.join(", ")}`);
  const gpu = hasNvidiaGpu();
  output.out(`tensorflow: ${await tensorflowHere(gpu)}`);
  output.out(`webgpu: ${await webgpuDevice() ?? "no device"}; an experiment`);
  output.out(gpu ? "GPU: NVIDIA's driver shows one" : "GPU: none of NVIDIA's (its driver shows none)");
  output.out(`auto: ${await chooseEngine("auto", output.error)}`);
  const wanted = gpu ? "cuda" : "cpu";
  if (usable.has(wanted)) return;
  output.out(
    gpu
      ? "Next: `deno task xla install cuda13` fetches the plugin for the GPU and its libraries; a driver for CUDA 13 is needed"
      : "Next: `deno task xla install cpu` fetches a plugin for the CPU, if you want the engine xla",
  );
}

/** Returns the version and devices of TensorFlow, or the next step. */
async function tensorflowHere(gpu: boolean): Promise<string> {
  const { found: [first], without } = await findLibraries();
  if (!first) {
    return `no library in ${without.join(", ")}; \`deno task tensorflow install ${
      gpu ? "cuda12" : "cpu"
    }\` fetches it`;
  }
  try {
    const { version, devices } = await describeTensorFlow();
    return `${first.path} (${first.origin}): TensorFlow ${version}; ${devices.join(", ")}`;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.message;
  }
}

function sentence({ api, attributes, cudnn, platform, devices, problem }: PluginDescription): string {
  const version = [
    `PJRT API ${api}`,
    `StableHLO ${attributes.stablehlo_current_version}`,
    ...attributes.cuda_version ? [`CUDA ${Number(attributes.cuda_version) / 1000}`] : [],
    ...cudnn ? [`cuDNN ${Math.floor(cudnn / 10_000)}.${Math.floor(cudnn / 100) % 100}`] : [],
  ].join(", ");
  if (problem !== undefined) return `${version}; ${problem}`;
  const kinds = devices.map(({ kind, memory }) =>
    memory?.limit ? `${kind} (${gigabytes(memory.limit)} GB)` : kind
  );
  return `${version}; ${devices.length} ${platform} devices: ${kinds.join(", ")}`;
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(bytes < 1e9 ? 2 : 1);
}

if (import.meta.main) Deno.exit(await runCommand(enginesCommand(standardOutput), Deno.args));
