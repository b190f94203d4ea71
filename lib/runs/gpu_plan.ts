/**
 * Check that a run fits a GPU that is not there: its largest training steps, compiled by the CUDA plugin's compiler for
 * that card.
 */
import { InputError } from "../errors.ts";
import type { BertConfig } from "../bert/config.ts";
import { parameterShapes, preTrainingShapes } from "../bert/parameters.ts";
import { pretrainer } from "../bert/pretraining.ts";
import { planFor } from "../engine/xla/ahead_of_time.ts";
import type { Api } from "../engine/xla/api.ts";
import { memoryFraction } from "../engine/xla/memory_fraction.ts";
import type { Target } from "../engine/xla/targets/hopper.ts";
import type { Configuration } from "./configuration.ts";
import { classifierPlan } from "../paper/classifier_plan.ts";
import { type Graph, type Signature, sizeOf } from "../graph/graph.ts";
import { textStrategy } from "../paper/long_text.ts";
import { batchesOf, longestTexts, maskedPlaces, modelShape } from "./cost.ts";
import { trainingBatches } from "../training/batches.ts";
import { optimizer } from "../training/optimizers.ts";
import { type PackedSize, packedSizes } from "../training/packing.ts";
import { evaluationGraph, gradientGraph, signatures, trainedNames, updateGraph } from "../training/step.ts";
import type { ClassifierShape } from "../bert/classifier.ts";

/** A compiled program of a step. */
export interface ProgramPlan {
  /** Name of the computation. */
  readonly name: string;
  /** Seconds that the compiler took. */
  readonly seconds: number;
  /** Bytes of the card at most, with the whole state. */
  readonly bytes: number;
  /** Bytes in between. */
  readonly temporary: number;
  /** Bytes of the state that it updates, and those of them that are updated in place. */
  readonly updated: number;
  /** Bytes whose memory becomes a result's. */
  readonly aliased: number;
  /** Matrix products. */
  readonly products: number;
  /** Calls of cuDNN's attention. */
  readonly attentionCalls: number;
}

/** Programs and memory of a run's largest steps. */
export interface GpuPlan {
  /** Parameters of the larger of its models, in millions. */
  readonly millions: number;
  /** The programs. */
  readonly programs: readonly ProgramPlan[];
  /** Bytes of the card at most. */
  readonly bytes: number;
  /** Bytes of the card that the engine's programs may take. */
  readonly room: number;
  /** `true` if there is as much room. */
  readonly fits: boolean;
}

/** Options of compiling programs. */
export interface GpuPlanOptions {
  /** GPUs that share each batch; 1 if not given. */
  readonly devices?: number;
  /** cuDNN's attention where it can be; true if not given. */
  readonly fusedAttention?: boolean;
  /** Only programs whose names begin so are compiled: "evaluation", "gradients" or "update". */
  readonly only?: string;
}

/** Classes that are assumed: they hardly matter. */
const classes = 2;

/**
 * Identity of a run's plan: what its largest steps depend on. Runs with the same one need be compiled but once.
 */
export function planKey(configuration: Configuration): string {
  const { model, layers, architecture, text, features, preTraining } = configuration;
  const { method, batchSize, optimizer, precision, attentionDropout } = configuration;
  const { pooling } = textStrategy(text);
  return JSON.stringify([
    model === "new" ? architecture : model,
    ...[layers, features, pooling, largestShape(configuration, 1), batchSize],
    ...[method, optimizer, precision, attentionDropout],
    preTraining && [preTraining.batchSize, preTraining.maxLength, preTraining.nsp],
  ]);
}

/** The shape of a pass whose texts are as long as they may be. */
function largestShape(configuration: Configuration, devices: number): ClassifierShape {
  const { batchSize, data } = configuration;
  const texts = longestTexts(configuration, data).slice(0, batchSize);
  return trainingBatches(texts, { ...batchesOf(configuration), devices }, [0])[0]!.shapes[0]!;
}

/**
 * Compiles the largest steps of a run for a card.
 *
 * @param api the CUDA plugin's
 * @throws XlaError with the compiler's words; InputError if the model's configuration cannot be had.
 */
export async function gpuPlan(
  api: Api,
  target: Target,
  configuration: Configuration,
  { devices = 1, fusedAttention = true, only = "" }: GpuPlanOptions = {},
): Promise<GpuPlan> {
  const { precision } = configuration;
  if (precision === "tf32") {
    throw new InputError("Cannot compile for tf32, which the engine tensorflow has: expected f32 or bf16");
  }
  const room = memoryFraction() * target.memory;
  const steps = await largestSteps(configuration, devices);
  const programs = steps.flatMap(({ graphs, parameters }) => {
    const state = 4 * 4 * sizesOf(Object.values(parameters)); // parameters, gradients and both moments in f32
    return graphs.filter(({ name }) => name.startsWith(only)).map((graph): ProgramPlan => {
      const plan = planFor(api, target, graph, {
        precision,
        devices,
        fusedAttention: fusedAttention && precision === "bf16",
      });
      const { inputs, outputs } = plan.module;
      const held = 4 * sizesOf(inputs.filter(({ kind }) => kind === "state"));
      return {
        name: graph.name,
        seconds: plan.seconds,
        bytes: plan.memory.peak + state - held,
        temporary: plan.memory.temporary,
        updated: 4 * sizesOf(outputs.filter(({ kind }) => kind === "update")),
        aliased: plan.memory.aliased,
        products: plan.products,
        attentionCalls: plan.attentionCalls,
      };
    });
  });
  const bytes = Math.max(...programs.map((program) => program.bytes));
  const millions = Math.max(...steps.map(({ parameters }) => sizesOf(Object.values(parameters)) / 1e6));
  return { millions, programs, bytes, room, fits: bytes <= room };
}

/** The graphs of a step of its largest shape, and the parameters that it trains or reads. */
export interface LargestStep {
  /** Evaluation, gradients and update. */
  readonly graphs: readonly Graph[];
  /** Shapes by name. */
  readonly parameters: Record<string, Signature>;
}

/**
 * Returns the largest steps of a run: of further pre-training, if it has any, and of fine-tuning.
 *
 * @throws InputError if the model's configuration cannot be had.
 */
export async function largestSteps(configuration: Configuration, devices = 1): Promise<LargestStep[]> {
  const whole = await modelShape(configuration);
  const config = { ...whole, num_hidden_layers: configuration.layers ?? whole.num_hidden_layers };
  const { preTraining } = configuration;
  const steps = [fineTuningStep(config, configuration, devices)];
  if (preTraining) steps.unshift(preTrainingStep(config, preTraining, maskedPlaces(configuration), devices));
  return steps;
}

/** Numbers in tensors. */
function sizesOf(tensors: readonly { readonly shape: readonly number[] }[]): number {
  return tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

function tensorsOf(shapes: Map<string, number[]>): Record<string, Signature> {
  return Object.fromEntries([...shapes].map(([name, shape]) => [name, { shape, dtype: "float32" }]));
}

/** The largest step of fine-tuning: all texts, all fractions, all tokens. */
function fineTuningStep(model: BertConfig, configuration: Configuration, devices: number): LargestStep {
  const { config, width, pooler, trainable, additional } = classifierPlan(model, configuration);
  const shapes = parameterShapes(config, { labels: classes, features: width });
  const parameters = {
    ...tensorsOf(new Map([...shapes].filter(([name]) => pooler || !name.startsWith("bert.pooler.")))),
    ...signatures(additional(0)),
  };
  const shape = largestShape(configuration, devices);
  const accumulate = shape.B < configuration.batchSize;
  const names = trainedNames(trainable, parameters, shape);
  const trained = Object.fromEntries(names.map((name) => [name, parameters[name]!]));
  return {
    graphs: [
      evaluationGraph(trainable, parameters, shape),
      gradientGraph(trainable, parameters, shape, { accumulate }),
      updateGraph(trained, optimizer(configuration.optimizer)),
    ],
    parameters,
  };
}

/** The largest step of further pre-training. */
function preTrainingStep(
  config: BertConfig,
  { batchSize: B, maxLength, nsp }: NonNullable<Configuration["preTraining"]>,
  P: number,
  devices: number,
): LargestStep {
  const parameters = tensorsOf(preTrainingShapes(config, { nsp }));
  const list = new Array<number>(B / devices).fill(maxLength);
  const [{ S, R, T }] = packedSizes([list]) as [PackedSize];
  const shape = { B, P, S: S * devices, R: R * devices, T };
  const trainable = pretrainer(config, { nsp });
  return {
    graphs: [
      evaluationGraph(trainable, parameters, shape),
      gradientGraph(trainable, parameters, shape),
      updateGraph(parameters, optimizer("adamw")),
    ],
    parameters,
  };
}
