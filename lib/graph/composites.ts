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
 * Calls `tf.customGrad` for functions whose gradient needs other tensors. tfjs disposes of what the forward pass made
 * and did not save, so `backward` gets everything that it reads through `saved`.
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

/** Returns the 32-bit key of one step's randomness, which a graph gets as int32. */
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

  /** Returns the next site's number. */
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

/** Rows of tokens that attend to each other, out of a list of S tokens; several texts may share a row. */
export interface AttentionRows {
  /** int32 [R, T], the token at each place of a row; places without a token name the last token. */
  readonly tokens: tf.Tensor;
  /** int32 [S], each token's place among the R·T. */
  readonly places: tf.Tensor;
}

/**
 * Scaled dot-product attention with N heads (Vaswani et al. 2017), dropout on the probabilities.
 *
 * @param query [B, T, N·D] as key and value, or with `rows` [S, N·D]
 * @param maskBias added to the scores, 0 or a large negative number: [B, T] to all scores of a key, or [B, T, T],
 * with `rows` [R, T, T], to the score of each query and key
 * @returns the query's shape. With `rows` the gradient is right if no gradient reaches the last token, or each place
 * of the rows has a token.
 */
export function attention(
  query: tf.Tensor,
  key: tf.Tensor,
  value: tf.Tensor,
  maskBias: tf.Tensor,
  heads: number,
  rate: number,
  dropoutKey?: DropoutKey,
  rows?: AttentionRows,
): tf.Tensor {
  const drop = dropoutKey && rate > 0 ? dropoutKey : undefined;
  const attributes = { heads, rate: drop ? rate : 0, site: drop ? drop.nextSite() : 0 };
  const given = (...[key, tokens, places]: (tf.Tensor | undefined)[]): Inputs => ({
    ...key ? { dropoutKey: key } : {},
    ...tokens && places ? { tokens, places } : {},
  });
  const others = [drop?.tensor, rows?.tokens, rows?.places];
  return withGradient(
    [query, key, value],
    () => {
      const [y, probabilities] = run("Attention", {
        query,
        key,
        value,
        maskBias,
        ...given(...others),
      }, attributes);
      return [y!, [query, key, value, y!, probabilities!, ...others.filter((each) => each !== undefined)]];
    },
    (dy, [query, key, value, y, probabilities, ...saved]) =>
      run("AttentionGrad", {
        dy,
        query: query!,
        key: key!,
        value: value!,
        y: y!,
        probabilities: probabilities!,
        ...given(...drop ? saved : [undefined, ...saved]),
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

/**
 * The binary cross-entropy of a sigmoid, −y log σ(z) − (1 − y) log(1 − σ(z)), for each element, as
 * max(z, 0) − z y + log(1 + exp(−|z|)), which no z makes infinite; its gradient is σ(z) − y. logits and targets [B, C],
 * targets from 0 to 1. Returns [B, C].
 */
export function sigmoidCrossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return withGradient(
    [logits],
    () => {
      const rest = tf.log(tf.add(tf.exp(tf.neg(tf.abs(logits))), 1));
      return [tf.add(tf.sub(tf.relu(logits), tf.mul(logits, targets)), rest), [logits, targets]];
    },
    (dy, [logits, targets]) => [tf.mul(dy, tf.sub(tf.sigmoid(logits!), targets!))],
  );
}

/**
 * A long short-term memory (Hochreiter and Schmidhuber 1997) of U units over T tokens, with PyTorch's gates:
 *
 *     i, f, g, o = x_t + W h_{t−1}
 *     c_t = m_t (σ(f) c_{t−1} + σ(i) tanh(g))
 *     h_t = σ(o) tanh(c_t)
 *
 * x [T, B, 4U] is the gates' input, weight [4U, U]; real [T, B, 1] is m, 1 for a token and 0 for padding, where the
 * state becomes zero. `reverse` reads from the last token to the first. Returns h [T, B, U].
 */
export function lstm(x: tf.Tensor, weight: tf.Tensor, real: tf.Tensor, reverse: boolean): tf.Tensor {
  const attributes = { reverse };
  return withGradient(
    [x, weight],
    () => {
      const [h, c] = run("Lstm", { x, weight, real }, attributes);
      return [h!, [x, weight, real, h!, c!]];
    },
    (dy, [x, weight, real, h, c]) => {
      const [T, B, gates] = x!.shape as [number, number, number];
      const units = gates / 4;
      const rows = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [T * B, -1]);
      const none = tf.zeros([1, B, units]);
      const before = (x: tf.Tensor) =>
        reverse
          ? tf.concat([tf.slice(x, [1, 0, 0], [T - 1, B, units]), none], 0)
          : tf.concat([none, tf.slice(x, [0, 0, 0], [T - 1, B, units])], 0);
      const hBefore = rows(before(h!));
      const sums = tf.add(x!, tf.reshape(tf.matMul(hBefore, weight as tf.Tensor2D, false, true), x!.shape));
      const parts = tf.split(sums, 4, 2) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const [i, f, o] = [parts[0], parts[1], parts[3]].map(tf.sigmoid) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const g = tf.tanh(parts[2]);
      const tanhC = tf.tanh(c!);
      // LstmGrad: dh_t = dy_t + Wᵀ dx_{t+1}, dc_t = toCell_t dh_t + kept_{t+1} dc_{t+1},
      // dx_t = toGates_t [dc_t, dc_t, dc_t, dh_t]; here σ' = σ (1 − σ) and tanh' = 1 − tanh².
      const slope = (gate: tf.Tensor) => tf.mul(gate, tf.sub(1, gate));
      const toGates = tf.concat([
        tf.mul(real!, tf.mul(g, slope(i))),
        tf.mul(real!, tf.mul(before(c!), slope(f))),
        tf.mul(real!, tf.mul(i, tf.sub(1, tf.square(g)))),
        tf.mul(tanhC, slope(o)),
      ], 2);
      const toCell = tf.mul(o, tf.sub(1, tf.square(tanhC)));
      const kept = tf.mul(real!, f);
      const dx = run("LstmGrad", { dy, weight: weight!, toGates, toCell, kept }, attributes)[0]!;
      return [dx, tf.matMul(rows(dx), hBefore, true, false)];
    },
  );
}

/** Looks up rows of a table. table [V, H], ids int32 […]. Returns […, H]. */
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
