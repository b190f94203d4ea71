/**
 * The building blocks of BERT as single operations with gradients of their own. Eager tfjs runs them as written in
 * eager.ts; while recording each becomes one node, so that an engine can use a kernel made for it.
 */
import * as tf from "@tensorflow/tfjs";
import { fold } from "../random.ts";

type Inputs = Record<string, tf.Tensor>;

function run(kernel: string, inputs: Inputs, attributes: Record<string, unknown> = {}): tf.Tensor[] {
  const result = tf.engine().runKernel(kernel, inputs, attributes as tf.NamedAttrMap) as
    | tf.Tensor
    | tf.Tensor[];
  return Array.isArray(result) ? result : [result];
}

/**
 * `tf.customGrad` for functions whose gradient needs other tensors: tfjs disposes of whatever the forward pass made
 * and did not save, so all that `backward` reads comes through `saved`.
 */
function withGradient(
  inputs: tf.Tensor[],
  forward: () => [output: tf.Tensor, saved: tf.Tensor[]],
  backward: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[],
): tf.Tensor {
  return tf.customGrad((...parameters) => {
    const save = parameters.at(-1) as unknown as tf.GradSaveFunc;
    const [value, saved] = forward();
    save(saved);
    return { value, gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => backward(dy, saved) };
  })(...inputs);
}

/** The 32-bit key of one step's randomness; a graph is fed with it as int32. */
export function stepKey(seed: number, step: number): number {
  return fold(seed, step) | 0;
}

/**
 * The key of one step's dropout masks. Each mask is a function of (key, site, element); sites are numbered in the
 * order in which the step function asks for them.
 */
export class DropoutKey {
  #sites = 0;

  /** @param tensor int32 [1], from {@linkcode stepKey}. */
  constructor(readonly tensor: tf.Tensor) {}

  /** The next site's number. */
  nextSite(): number {
    return this.#sites++;
  }
}

/** x Wᵀ + b. x […, I], weight [O, I] (as in Hugging Face's checkpoints), bias [O]. Returns […, O]. */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const [outputs, inputs] = weight.shape as [number, number];
  const rows = tf.reshape(x, [-1, inputs]);
  const y = withGradient(
    [rows, weight, bias],
    () => [run("Linear", { x: rows, weight, bias })[0]!, [rows, weight]],
    (dy, [rows, weight]) => [
      tf.matMul(dy as tf.Tensor2D, weight as tf.Tensor2D),
      tf.matMul(dy as tf.Tensor2D, rows as tf.Tensor2D, true, false),
      tf.sum(dy, 0),
    ],
  );
  return tf.reshape(y, [...x.shape.slice(0, -1), outputs]);
}

/** Layer normalization over the last axis (Ba et al. 2016). x […, H], gamma [H], beta [H]. */
export function layerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: number): tf.Tensor {
  return withGradient(
    [x, gamma, beta],
    () => {
      const [y, mean, inverseDeviation] = run("LayerNorm", { x, gamma, beta }, { epsilon });
      return [y!, [x, gamma, mean!, inverseDeviation!]];
    },
    (dy, [x, gamma, mean, inverseDeviation]) =>
      run("LayerNormGrad", { dy, x: x!, gamma: gamma!, mean: mean!, inverseDeviation: inverseDeviation! }),
  );
}

/** x Φ(x) with the exact normal distribution function (Hendrycks and Gimpel 2016). */
export function gelu(x: tf.Tensor): tf.Tensor {
  return withGradient([x], () => {
    const [y, distribution] = run("Gelu", { x });
    return [y!, [x, distribution!]];
  }, (dy, [x, distribution]) => run("GeluGrad", { dy, x: x!, distribution: distribution! }));
}

/** Zeroes elements with probability `rate` and scales the others by 1 / (1 - rate); the identity without a key. */
export function dropout(x: tf.Tensor, rate: number, key?: DropoutKey): tf.Tensor {
  if (!key || rate === 0) return x;
  const attributes = { rate, site: key.nextSite() };
  const apply = (x: tf.Tensor, key: tf.Tensor) => run("Dropout", { x, key }, attributes);
  return withGradient([x], () => [apply(x, key.tensor)[0]!, [key.tensor]], (dy, [key]) => apply(dy, key!));
}

/**
 * Scaled dot-product attention with N heads (Vaswani et al. 2017), dropout on the probabilities.
 * query, key, value [B, T, N·D]; maskBias [B, T], added to every score of a key (0 or a large negative number).
 * Returns [B, T, N·D].
 */
export function attention(
  query: tf.Tensor,
  key: tf.Tensor,
  value: tf.Tensor,
  maskBias: tf.Tensor,
  heads: number,
  rate: number,
  dropoutKey?: DropoutKey,
): tf.Tensor {
  const drop = dropoutKey && rate > 0 ? dropoutKey : undefined;
  const attributes = { heads, rate: drop ? rate : 0, site: drop ? drop.nextSite() : 0 };
  const randomness = (key?: tf.Tensor): Inputs => key ? { dropoutKey: key } : {};
  return withGradient(
    [query, key, value],
    () => {
      const [y, probabilities] = run("Attention", {
        query,
        key,
        value,
        maskBias,
        ...randomness(drop?.tensor),
      }, attributes);
      return [y!, [query, key, value, y!, probabilities!, ...(drop ? [drop.tensor] : [])]];
    },
    (dy, [query, key, value, y, probabilities, dropoutKey]) =>
      run("AttentionGrad", {
        dy,
        query: query!,
        key: key!,
        value: value!,
        y: y!,
        probabilities: probabilities!,
        ...randomness(dropoutKey),
      }, attributes),
  );
}

/** Σ x² over all elements, as a scalar. */
export function squaredNorm(x: tf.Tensor): tf.Tensor {
  return withGradient(
    [x],
    () => [run("SquaredNorm", { x })[0]!, [x]],
    (dy, [x]) => [tf.mul(tf.mul(x!, 2), dy)],
  );
}

/** −log softmax(logits)[label] for each row. logits [B, C], labels int32 [B]. Returns [B]. */
export function softmaxCrossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  return withGradient(
    [logits],
    () => {
      const [loss, logProbabilities] = run("SoftmaxCrossEntropy", { logits, labels });
      return [loss!, [logProbabilities!, labels]];
    },
    (dy, [logProbabilities, labels]) =>
      run("SoftmaxCrossEntropyGrad", { dy, logProbabilities: logProbabilities!, labels: labels! }),
  );
}

/** Rows of a table. table [V, H], ids int32 […]. Returns […, H]. */
export function embedding(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  const [vocabulary, hidden] = table.shape as [number, number];
  const flat = tf.reshape(ids, [-1]);
  const rows = withGradient(
    [table],
    () => [run("Embedding", { table, ids: flat })[0]!, [flat]],
    (dy, [ids]) => run("EmbeddingGrad", { dy, ids: ids! }, { vocabulary }),
  );
  return tf.reshape(rows, [...ids.shape, hidden]);
}
