/** `deno task engines`: what is usable here, and what to do about what is not; with --target, a GPU that is not there. */
import { Command } from "commander";
import { sequenceClassifier } from "../lib/bert/classifier.ts";
import { newConfig } from "../lib/bert/config.ts";
import { initialParameters } from "../lib/bert/parameters.ts";
import { planFor } from "../lib/engine/xla/ahead_of_time.ts";
import { findPlugin, findPlugins, hasNvidiaGpu } from "../lib/engine/xla/discovery.ts";
import { loadPlugin } from "../lib/engine/xla/plugin.ts";
import { describePlugin, type PluginDescription } from "../lib/engine/xla/probe.ts";
import { type Target, targets } from "../lib/engine/xla/targets/hopper.ts";
import { InputError } from "../lib/errors.ts";
import { sizeOf } from "../lib/graph/graph.ts";
import { versions } from "../lib/results/provenance.ts";
import { optimizer } from "../lib/training/optimizers.ts";
import { gradientGraph, signatures, updateGraph } from "../lib/training/step.ts";
import { type Output, runCommand, standardOutput } from "./command.ts";
import { chooseEngine, numberBetween, oneOf, wholeNumber } from "./options.ts";

interface EnginesOptions {
  readonly target?: keyof typeof targets;
  readonly precision: "f32" | "bf16";
  readonly devices: number;
  readonly fusedAttention: boolean;
  readonly attentionDropout: number;
  readonly layers: number;
  readonly hidden: number;
  readonly batchSize: number;
  readonly maxLength: number;
}

/** The command. */
export function enginesCommand(output: Output): Command {
  const names = Object.keys(targets) as (keyof typeof targets)[];
  return new Command("engines")
    .description("Says which engines are usable here, on what, and what to do about those that are not.")
    .option(
      "--target <gpu>",
      `instead: compile a training step for a GPU that is not there (${
        names.join(", ")
      }) and say what it takes`,
      oneOf("--target", names),
    )
    .option("--precision <name>", "f32 or bf16", oneOf("--precision", ["f32", "bf16"]), "bf16")
    .option("--devices <N>", "GPUs that share the batch", wholeNumber("--devices", 1), 1)
    .option("--no-fused-attention", "attention as matrix products and a softmax, not as a call of cuDNN")
    .option(
      "--attention-dropout <rate>",
      "of the attention's probabilities; cuDNN's call needs 0, as its masks cannot be drawn again",
      numberBetween("--attention-dropout", 0, 0.9),
      0.1,
    )
    .option("--layers <L>", "of the model", wholeNumber("--layers", 1), 12)
    .option("--hidden <H>", "its width", wholeNumber("--hidden", 1), 768)
    .option("--batch-size <B>", "texts a pass", wholeNumber("--batch-size", 1), 32)
    .option("--max-length <T>", "tokens of a text", wholeNumber("--max-length", 4), 128)
    .action(async (options: EnginesOptions) => {
      if (options.target) await compileStep(targets[options.target], options, output);
      else await tellEngines(output);
    });
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

/** Compiles the two programs of a training step and says what the card would have to hold. */
async function compileStep(target: Target, options: EnginesOptions, output: Output): Promise<void> {
  const { layers: L, hidden: H, batchSize: B, maxLength: T, precision, devices } = options;
  const config = newConfig({
    vocab_size: 30_522,
    hidden_size: H,
    num_hidden_layers: L,
    attention_probs_dropout_prob: options.attentionDropout,
    max_position_embeddings: Math.max(512, T),
  });
  const parameters = signatures(initialParameters(config, { seed: 1, labels: 2 }));
  const size = Object.values(parameters).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const { api } = loadPlugin((await findPlugin(undefined, "cuda")).path);
  output.out(
    `${target.name}, ${precision}, BERT of ${L} layers, width ${H} (${
      (size / 1e6).toFixed(0)
    } million parameters), ` +
      `${B} texts of ${T} tokens${devices > 1 ? ` on ${devices} GPUs` : ""}`,
  );
  const graphs = [
    gradientGraph(sequenceClassifier(config), parameters, { B, K: 1, T }),
    updateGraph(parameters, optimizer("adamw")),
  ];
  let most = 0;
  for (const graph of graphs) {
    const plan = planFor(api, target, graph, {
      precision,
      devices,
      fusedAttention: options.fusedAttention && precision === "bf16",
    });
    // Parameters, gradients and both moments stay on the card, also those that this program does not take.
    const taken = plan.module.inputs.filter(({ kind }) => kind === "state")
      .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const card = plan.memory.peak + 4 * (4 * size - taken);
    most = Math.max(most, card);
    output.out(
      `${graph.name}: compiled in ${plan.seconds.toFixed(1)} s; ${
        gigabytes(card)
      } GB of the card at most, of which ` +
        `${gigabytes(plan.memory.temporary)} GB in between; ${plan.products} matrix products, ` +
        `${plan.attentionCalls} calls of cuDNN's attention; ${
          gigabytes(plan.memory.aliased)
        } GB updated in place`,
    );
  }
  const fits = most <= target.memory ? "it fits" : "it does not fit: take fewer texts at once";
  output.out(`${gigabytes(most)} of ${gigabytes(target.memory)} GB: ${fits}`);
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(bytes < 1e9 ? 2 : 1);
}

if (import.meta.main) Deno.exit(await runCommand(enginesCommand(standardOutput), Deno.args));
