/** `deno task engines`: what is usable here, and what to do about what is not; with --target, a GPU that is not there. */
import { Command } from "commander";
import { experiments } from "../experiments/all.ts";
import { chooseEngine } from "../lib/engine/open.ts";
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
import { versions } from "../lib/results/provenance.ts";
import { type Output, runCommand, standardOutput } from "./command.ts";
import { chooseExperiments, numberBetween, oneOf, wholeNumber } from "./options.ts";

interface EnginesOptions {
  readonly target?: keyof typeof targets;
  readonly scale: ScaleName;
  readonly precision: "f32" | "bf16";
  readonly devices: number;
  readonly fusedAttention: boolean;
  readonly attentionDropout?: number;
  readonly layers: number;
  readonly hidden: number;
  readonly batchSize: number;
  readonly maxLength: number;
}

/** The command. */
export function enginesCommand(output: Output): Command {
  return new Command("engines")
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
    .action(async (names: string[], options: EnginesOptions) => {
      const { target } = options;
      if (!target && names.length > 0) {
        throw new InputError(`Cannot compile ${names.join(", ")}: give --target, the GPU to compile for`);
      }
      if (!target) return await tellEngines(output);
      for (const [label, configuration] of await configurationsOf(names, options)) {
        await tellPlan(label, configuration, { ...options, target }, output);
      }
    });
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
  { scale, precision, attentionDropout }: EnginesOptions,
): Promise<[key: string, label: string, configuration: Configuration][]> {
  const overrides = { precision, ...attentionDropout === undefined ? {} : { attentionDropout } };
  const cells = await resolveCells(experiment, { scale, overrides });
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
    : "does not fit; a smaller microBatchSize makes the same step of several passes";
  output.out(`  ${gigabytes(plan.bytes)} of the ${gigabytes(card.memory)} GB of ${card.name}: ${advice}`);
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
    if (description.platform) usable.add(description.platform);
    output.out(`xla: ${path} (${origin}): ${sentence(description)}`);
  }
  if (found.length === 0) output.out(`xla: no plugin in ${without.join(", ")}`);
  const gpu = await hasNvidiaGpu();
  output.out(`tensorflow: ${await tensorflowHere(gpu)}`);
  output.out(`webgpu: ${await webgpuDevice() ?? "no device"}; an experiment`);
  output.out(gpu ? "GPU: NVIDIA's driver is there" : "GPU: none of NVIDIA's (there is no /dev/nvidia0)");
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
