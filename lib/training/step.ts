/** The two halves of a training step as recorded graphs: loss and gradients, then the update. */
import * as tf from "@tensorflow/tfjs";
import type { HostTensors } from "../tensors.ts";
import { DropoutKey } from "../graph/composites.ts";
import type { Graph, Signature, StepResult, Tensors } from "../graph/graph.ts";
import { record } from "../graph/record.ts";
import { type OptimizerOptions, stateName, update, updateFeeds } from "./optimizers.ts";

/** One optimizer batch: feeds of one or more parts of the same shape, whose weights sum to 1 over all parts. */
export interface StepBatch {
  /** Key that programs are cached by. */
  readonly shape: unknown;
  readonly parts: readonly HostTensors[];
  /** Examples without padding rows. */
  readonly examples: number;
  /** Tokens without padding. */
  readonly tokens: number;
}

/** An epoch's batches; any of them can be asked for. */
export interface EpochBatches {
  readonly length: number;
  at(place: number): StepBatch;
}

/** A model to train: its loss as a function of parameters and a batch. */
export interface Trainable {
  /** Tensors of a batch by name, for one shape. */
  feeds(shape: unknown): Record<string, Signature>;
  /** Tells whether batches of a shape train a parameter; if absent, all are trained. Others stay as they are. */
  trains?(parameter: string, shape: unknown): boolean;
  /**
   * The batch's loss, and what an evaluation returns besides (logits). The losses of its examples must be weighted
   * by feeds: with weights that sum to 1 over the optimizer's batch, the losses of its parts add up to its mean.
   * Every parameter that is trained must take part in it.
   */
  loss(inputs: Tensors, key: DropoutKey | undefined, shape: unknown): { loss: tf.Scalar; outputs: Tensors };
}

/** The parameters that batches of a shape train. */
export function trainedNames(
  trainable: Trainable,
  parameters: Record<string, Signature>,
  shape: unknown,
): string[] {
  return Object.keys(parameters).filter((name) => trainable.trains?.(name, shape) ?? true);
}

/** Shapes of a set of tensors as inputs of a graph. */
export function signatures(tensors: HostTensors): Record<string, Signature> {
  return Object.fromEntries(
    Object.entries(tensors).map((
      [name, { shape, data }],
    ) => [name, { shape, dtype: data instanceof Float32Array ? "float32" : "int32" }]),
  );
}

const keyFeed: Record<string, Signature> = { key: { shape: [1], dtype: "int32" } };

function prefixed(
  rename: (name: string) => string,
  inputs: Record<string, Signature>,
): Record<string, Signature> {
  return Object.fromEntries(Object.entries(inputs).map(([name, signature]) => [rename(name), signature]));
}

/**
 * Loss and gradients: writes `gradient/NAME` for every parameter that is trained, or adds to it; returns the loss.
 */
export function gradientGraph(
  trainable: Trainable,
  parameters: Record<string, Signature>,
  shape: unknown,
  { accumulate = false }: { accumulate?: boolean } = {},
): Graph {
  const names = trainedNames(trainable, parameters, shape);
  const trained = Object.fromEntries(names.map((name) => [name, parameters[name]!]));
  const source = (inputs: Tensors): StepResult => {
    const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
      const own = Object.fromEntries(tensors.map((tensor, i) => [names[i]!, tensor]));
      return trainable.loss({ ...inputs, ...own }, new DropoutKey(inputs.key!), shape).loss;
    })(names.map((name) => inputs[name]!));
    const state = Object.fromEntries(names.map((name, i) => {
      const gradient = stateName.gradient(name);
      return [gradient, accumulate ? tf.add(inputs[gradient]!, grads[i]!) : grads[i]!];
    }));
    return { state, outputs: { loss: value } };
  };
  const gradients = prefixed(stateName.gradient, trained);
  return record(`gradients ${JSON.stringify(shape)}`, {
    state: { ...parameters, ...gradients },
    feeds: { ...trainable.feeds(shape), ...keyFeed },
  }, source);
}

/** The optimizer's update from `gradient/NAME`; returns the gradients' norm before clipping. */
export function updateGraph(parameters: Record<string, Signature>, options: OptimizerOptions): Graph {
  const names = Object.keys(parameters);
  const state = {
    ...parameters,
    ...prefixed(stateName.gradient, parameters),
    ...prefixed(stateName.firstMoment, parameters),
    ...prefixed(stateName.secondMoment, parameters),
  };
  return record("update", { state, feeds: updateFeeds(names) }, (inputs) => update(names, options, inputs));
}

/** Loss and outputs without dropout and without gradients. */
export function evaluationGraph(
  trainable: Trainable,
  parameters: Record<string, Signature>,
  shape: unknown,
): Graph {
  return record(
    `evaluation ${JSON.stringify(shape)}`,
    { state: parameters, feeds: trainable.feeds(shape) },
    (inputs) => {
      const { loss, outputs } = trainable.loss(inputs, undefined, shape);
      return { state: {}, outputs: { loss, ...outputs } };
    },
  );
}
