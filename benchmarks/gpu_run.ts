/**
 * The paper's training steps timed on a GPU, each in a process of its own, beside PyTorch and transformers where a Python
 * has them: bf16 by autocast, attention by SDPA, with and without torch.compile, the fused AdamW.
 */
import { modelShape } from "../lib/runs/cost.ts";
import { hasNvidiaGpu } from "../lib/engine/discovery.ts";
import { InputError } from "../lib/errors.ts";
import type { Configuration } from "../lib/runs/configuration.ts";
import { gpuCases } from "./gpu.ts";
import { type GpuTimes, timeCase } from "./gpu_case.ts";
import { runLimited } from "./limited_process.ts";

/** Options of timing steps on a GPU. */
export interface GpuRunOptions {
  /** Tiny steps, on whatever the engine xla finds. */
  readonly tiny?: boolean;
  /** Only these cases; all if not given. */
  readonly only?: readonly string[];
  /** Seconds of steps of each case. */
  readonly seconds: number;
  /** A Python with PyTorch and transformers. */
  readonly python?: string;
  /** The path of gpu_step.py. */
  readonly script: string;
  /** Deno's arguments that run the command `bench`. */
  readonly command: readonly string[];
  readonly say: (line: string) => void;
}

/** The start of the line that a case's process writes at its end. */
const mark = "result ";

/** Seconds beyond those of the steps: starting, compiling, the first step. */
const patience = 240;

/** Returns a case's configuration, or a tiny one of the same kind. @throws InputError if there is no such case. */
export function caseOf(name: string, tiny = false): Configuration {
  const configuration = Object.hasOwn(gpuCases, name) ? gpuCases[name] : undefined;
  if (!configuration) {
    throw new InputError(`Unknown case "${name}": expected one of ${Object.keys(gpuCases).join(", ")}`);
  }
  if (!tiny) return configuration;
  const { architecture, preTraining, microBatchSize } = configuration;
  const sizes = { layers: 2, hidden: 32, heads: 2, intermediate: 64, vocabulary: 200 };
  return {
    ...configuration,
    ...{
      model: "new",
      architecture: { ...architecture, ...sizes },
      batchSize: 2,
      maxLength: 16,
      maxFractions: 2,
    },
    microBatchSize: microBatchSize === null ? null : 1,
    preTraining: preTraining && { ...preTraining, batchSize: 2, maxLength: 16 },
  };
}

/** Times one case in this process, and writes the times to standard output. */
export async function runCase(name: string, { tiny, seconds }: Pick<GpuRunOptions, "tiny" | "seconds">) {
  console.log(mark + JSON.stringify(await timeCase(caseOf(name, tiny), seconds)));
}

/**
 * Times all cases; returns their numbers for the history.
 *
 * @throws InputError if there is no GPU, and the steps are not tiny.
 */
export async function benchGpuRun(options: GpuRunOptions): Promise<Record<string, unknown>> {
  const { tiny = false, say, only = Object.keys(gpuCases) } = options;
  if (!tiny && !hasNvidiaGpu()) {
    throw new InputError(
      "Cannot time steps on a GPU as this machine has none of NVIDIA's: --tiny times tiny steps on the engine xla's CPU",
    );
  }
  const results: Record<string, unknown> = {};
  for (const name of only) {
    const configuration = caseOf(name, tiny);
    const args = [
      "gpu",
      "--run",
      "--case",
      name,
      "--seconds",
      `${options.seconds}`,
      ...tiny ? ["--tiny"] : [],
    ];
    const ours = await timesOf<GpuTimes>(Deno.execPath(), [...options.command, ...args], options.seconds);
    results[name] = ours;
    say(`${name}: ${typeof ours === "string" ? ours : sentence(ours)}`);
    for (const compiled of isPeered(configuration) && options.python ? [false, true] : []) {
      const peer = `${name}, PyTorch${compiled ? " compiled" : ""}`;
      const shape = await peerShape(configuration, compiled, options.seconds);
      const theirs = await timesOf<PeerTimes>(
        options.python!,
        [options.script, JSON.stringify(shape)],
        options.seconds,
      );
      results[peer] = theirs;
      say(`${peer}: ${typeof theirs === "string" ? theirs : peerSentence(theirs)}`);
    }
  }
  for (const line of tableOf(results)) say(line);
  return results;
}

/** Times of PyTorch's step, as gpu_step.py writes them. */
interface PeerTimes {
  readonly torch: string;
  readonly texts: number;
  readonly firstSeconds: number;
  readonly median: number;
  readonly best: number;
  /** Milliseconds of a step whose loss is not read. */
  readonly device: number;
  readonly bytes: number | null;
}

/** Runs a process to its result; a sentence if it has none. */
async function timesOf<Times>(
  command: string,
  args: readonly string[],
  seconds: number,
): Promise<Times | string> {
  let found: Times | undefined;
  const ended = await runLimited(command, args, {
    seconds: seconds + patience,
    onLine(line) {
      if (line.startsWith(mark)) found = JSON.parse(line.slice(mark.length)); // written by our own process
    },
  });
  return found ?? `no result: ${ended.sentence}`;
}

/** Tells whether PyTorch has the same step: a classifier of one piece of each text. */
const isPeered = ({ text, preTraining }: Configuration) => text === "head" && !preTraining;

async function peerShape(configuration: Configuration, compiled: boolean, seconds: number) {
  const config = await modelShape(configuration);
  const { batchSize, maxLength, precision, attentionDropout } = configuration;
  return {
    ...{ layers: config.num_hidden_layers, hidden: config.hidden_size, heads: config.num_attention_heads },
    ...{ intermediate: config.intermediate_size, vocabulary: config.vocab_size },
    ...{ batchSize, maxLength, precision, attentionDropout: attentionDropout ?? 0.1, compiled, seconds },
  };
}

const gigabytes = (bytes: number | null | undefined) => bytes ? `${(bytes / 1e9).toFixed(1)} GB` : "–";

function sentence({ texts, median, device, speed, productSpeed, bytes, firstSeconds }: GpuTimes): string {
  const gap = device === undefined ? "no room for two models" : `${device.toFixed(2)} ms of the device`;
  return `${median.toFixed(2)} ms a step (${gap}), ${
    (1000 * texts / median).toFixed(1)
  } sequences a second, ` +
    `${gigabytes(bytes)}, ${(100 * speed / productSpeed).toFixed(0)} % of a product's ${
      productSpeed.toPrecision(3)
    } ` +
    `TFLOP/s, first step ${firstSeconds.toFixed(1)} s`;
}

function peerSentence({ torch, texts, median, device, bytes, firstSeconds }: PeerTimes): string {
  return `${median.toFixed(2)} ms a step (${device.toFixed(2)} ms without reading the loss), ` +
    `${(1000 * texts / median).toFixed(1)} sequences a second, ${gigabytes(bytes)}, first step ` +
    `${firstSeconds.toFixed(1)} s, torch ${torch}`;
}

/** Returns the table: sequences a second, milliseconds, those of the device, the host's, memory. */
function tableOf(results: Readonly<Record<string, unknown>>): string[] {
  const width = Math.max(...Object.keys(results).map((name) => name.length));
  const row = (name: string, ...cells: string[]) =>
    `${name.padEnd(width)} ${cells.map((cell) => cell.padStart(9)).join(" ")}`;
  const lines = Object.entries(results).map(([name, times]) => {
    if (typeof times === "string") return row(name, "–");
    const { texts, median, device, bytes } = times as GpuTimes;
    const [own, host] = device === undefined ? ["–", "–"] : [device.toFixed(2), (median - device).toFixed(2)];
    return row(name, (1000 * texts / median).toFixed(1), median.toFixed(2), own, host, gigabytes(bytes));
  });
  return ["", row("", "texts/s", "ms", "device", "host gap", "memory"), ...lines];
}
