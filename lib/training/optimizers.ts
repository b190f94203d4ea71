/**
 * Optimizers as pure functions of tensors, recorded like everything else: AdamW (Loshchilov and Hutter 2019, as in
 * PyTorch) and BertAdam, which the paper's own code uses (section 5.2).
 */
import * as tf from "@tensorflow/tfjs";
import { squaredNorm } from "../graph/composites.ts";
import type { Signature, StepResult, Tensors } from "../graph/graph.ts";

/** Settings of an optimizer; the defaults are the project's. */
export interface OptimizerOptions {
  /** AdamW corrects the moments' bias and decays apart from the moments; BertAdam does not correct. */
  readonly name: "adamw" | "bertadam";
  /** Decay of the first moment. */
  readonly beta1: number;
  /** Decay of the second moment. */
  readonly beta2: number;
  /** Added to the root of the second moment. */
  readonly epsilon: number;
  /** Decoupled; biases and LayerNorm parameters have none. */
  readonly weightDecay: number;
  /** Gradients are scaled down to `clipNorm`: all together, or each parameter's by itself. */
  readonly clip: "global" | "per-parameter" | "none";
  /** The largest Euclidean norm that is let through. */
  readonly clipNorm: number;
}

/** PyTorch's AdamW with global clipping. */
const adamw: OptimizerOptions = {
  name: "adamw",
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  clip: "global",
  clipNorm: 1,
};

/** The paper's BertAdam: no bias correction, ε 1e-6, each parameter's gradient clipped to norm 1. */
const bertAdam: OptimizerOptions = {
  ...adamw,
  name: "bertadam",
  epsilon: 1e-6,
  clip: "per-parameter",
};

/** The optimizer of a name, as on the command line. */
export function optimizer(name: OptimizerOptions["name"]): OptimizerOptions {
  return name === "adamw" ? adamw : bertAdam;
}

/** Biases (of an LSTM, too) and LayerNorm parameters are not decayed (the paper's code, and Hugging Face's). */
export function decays(name: string): boolean {
  return !/(^|\.)(bias(_\w+)?|LayerNorm\.(weight|gamma|beta))$/.test(name);
}

/** Names of the state tensors that belong to a parameter. */
export const stateName = {
  gradient: (parameter: string): string => `gradient/${parameter}`,
  firstMoment: (parameter: string): string => `m/${parameter}`,
  secondMoment: (parameter: string): string => `v/${parameter}`,
};

/** Returns the feeds of an update: each parameter's learning rate [P], in order, and its bias corrections [P, 2]. */
export const updateFeeds = (parameters: readonly string[]): Record<string, Signature> => ({
  learning_rates: { shape: [parameters.length], dtype: "float32" },
  bias_corrections: { shape: [parameters.length, 2], dtype: "float32" },
});

/**
 * 1 − β₁ᵗ and 1 − β₂ᵗ of each parameter at its own update t = 1, 2, …, as [P, 2]; all 1 for BertAdam.
 *
 * @param updates t of each parameter
 */
export function biasCorrections(
  { name, beta1, beta2 }: OptimizerOptions,
  updates: readonly number[],
): Float32Array {
  return Float32Array.from(
    updates.flatMap((t) => name === "bertadam" ? [1, 1] : [1 - beta1 ** t, 1 - beta2 ** t]),
  );
}

/** PyTorch's clip_grad_norm_: what gradients of this norm are multiplied by. */
function clipFactor(norm: tf.Tensor, limit: number): tf.Tensor {
  return tf.minimum(1, tf.div(limit, tf.add(norm, 1e-6)));
}

/**
 * One update of every parameter from its gradient:
 *
 *     m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
 *     AdamW:     θ ← θ (1 − η λ) − η m̂ / (√v̂ + ε)          m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)
 *     BertAdam:  θ ← θ (1 − η λ) − η m / (√v + ε)
 *
 * @param inputs For each parameter its value, gradient and moments, and the feeds of {@linkcode updateFeeds}.
 */
export function update(
  parameters: readonly string[],
  options: OptimizerOptions,
  inputs: Tensors,
): StepResult {
  const { beta1, beta2, epsilon, weightDecay, clip, clipNorm } = options;
  const state: Tensors = {};
  const gradient = (name: string) => inputs[stateName.gradient(name)]!;
  const norm = tf.sqrt(tf.addN(parameters.map((name) => squaredNorm(gradient(name)))));
  const common = clip === "global" ? clipFactor(norm, clipNorm) : tf.scalar(1);
  // [P] all at once: an operation on one number takes as long as one on thousands.
  const column = (k: number) =>
    tf.reshape(tf.slice(inputs.bias_corrections!, [0, k], [parameters.length, 1]), [parameters.length]);
  const rates = inputs.learning_rates!;
  const roots = tf.sqrt(column(1));
  const steps = tf.mul(rates, tf.div(roots, column(0)));
  const epsilons = tf.mul(roots, epsilon);
  const kept = tf.sub(1, tf.mul(rates, weightDecay));
  parameters.forEach((name, i) => {
    const g = gradient(name);
    const factor = clip === "per-parameter" ? clipFactor(tf.sqrt(squaredNorm(g)), clipNorm) : common;
    const own = (numbers: tf.Tensor) => tf.reshape(tf.slice(numbers, [i], [1]), []);
    const m = tf.add(
      tf.mul(inputs[stateName.firstMoment(name)]!, beta1),
      tf.mul(g, tf.mul(factor, 1 - beta1)),
    );
    const v = tf.add(
      tf.mul(inputs[stateName.secondMoment(name)]!, beta2),
      tf.mul(tf.square(g), tf.mul(tf.square(factor), 1 - beta2)),
    );
    // η m̂ / (√v̂ + ε) = η (√c₂ / c₁) m / (√v + ε √c₂): the corrections stay scalars.
    const direction = tf.div(m, tf.add(tf.sqrt(v), own(epsilons)));
    const decayed = decays(name) && weightDecay > 0 ? tf.mul(inputs[name]!, own(kept)) : inputs[name]!;
    state[name] = tf.sub(decayed, tf.mul(direction, own(steps)));
    state[stateName.firstMoment(name)] = m;
    state[stateName.secondMoment(name)] = v;
  });
  return { state, outputs: { gradient_norm: norm } };
}
