/** The operations of composites.ts in eager tfjs, from plain tfjs operations. */
import * as tf from "@tensorflow/tfjs";
import { keyedMask } from "./keyed_mask.ts";

type Inputs = Record<string, tf.Tensor>;

/** An operation of our own, run with plain tfjs operations on the current backend. */
export type EagerKernel = (inputs: Inputs, attributes: Record<string, unknown>) => tf.Tensor[];

/** The dropout of one site: the rate, and the number that is its part of the key. */
export interface Site {
  readonly rate: number;
  readonly site: number;
}

/** A function that returns a site's mask of so many elements as a tensor of 0 and 1, on the current backend. */
export type DrawMask = (key: number, site: Site, size: number) => tf.Tensor1D;

const drawInJavaScript: DrawMask = (key, { site, rate }, size) =>
  tf.tensor1d(Float32Array.from(keyedMask(key, site, size, rate)));

const drawOn = new Map<string, DrawMask>();

/** Scales the elements that the site's mask keeps by 1 / (1 − rate), and zeroes the others. */
function dropped(x: tf.Tensor, key: tf.Tensor, attributes: Record<string, unknown>): tf.Tensor {
  const site = attributes as unknown as Site;
  const mask = drawOn.get(tf.getBackend())!(key.dataSync()[0]!, site, x.size);
  return tf.mul(x, tf.mul(tf.reshape(mask, x.shape), 1 / (1 - site.rate)));
}

/** [B, T, N·D], or [S, N·D] by its places in rows, → [B, N, T, D]. */
function splitHeads(x: tf.Tensor, heads: number, rows?: tf.Tensor): tf.Tensor {
  const inRows = rows ? tf.gather(x, rows as tf.Tensor2D) : x;
  const [batch, tokens, hidden] = inRows.shape as [number, number, number];
  return tf.transpose(tf.reshape(inRows, [batch, tokens, heads, hidden / heads]), [0, 2, 1, 3]);
}

/** [B, N, T, D] → [B, T, N·D], or [S, N·D] by the tokens' places. */
function joinHeads(x: tf.Tensor, places?: tf.Tensor): tf.Tensor {
  const [batch, heads, tokens, size] = x.shape as [number, number, number, number];
  const inRows = tf.transpose(x, [0, 2, 1, 3]);
  return places
    ? tf.gather(tf.reshape(inRows, [batch * tokens, heads * size]), places as tf.Tensor1D)
    : tf.reshape(inRows, [batch, tokens, heads * size]);
}

/** Scores' bias [B, T] or [R, T, T] as one that fits [B, N, T, T]. */
function scoreBias(bias: tf.Tensor): tf.Tensor {
  return bias.rank === 2 ? tf.expandDims(tf.expandDims(bias, 1), 1) : tf.expandDims(bias, 1);
}

const inverseRootTwoPi = 1 / Math.sqrt(2 * Math.PI);

/** [T, …] → T tensors […]. */
function tokens(x: tf.Tensor): tf.Tensor[] {
  return tf.split(x, x.shape[0]!).map((token) => tf.reshape(token, x.shape.slice(1)));
}

/** Eager kernels by operation name. */
const eagerKernels: Record<string, EagerKernel> = {
  Linear: ({ x, weight, bias }) => [
    tf.add(tf.matMul(x as tf.Tensor2D, weight as tf.Tensor2D, false, true), bias!),
  ],

  LayerNorm: ({ x, gamma, beta }, { epsilon }) => {
    const { mean, variance } = tf.moments(x!, -1, true);
    const inverseDeviation = tf.rsqrt(tf.add(variance, epsilon as number));
    const normal = tf.mul(tf.sub(x!, mean), inverseDeviation);
    return [tf.add(tf.mul(normal, gamma!), beta!), mean, inverseDeviation];
  },

  LayerNormGrad: ({ dy, x, gamma, mean, inverseDeviation }) => {
    const leading = x!.shape.slice(0, -1).map((_, axis) => axis);
    const normal = tf.mul(tf.sub(x!, mean!), inverseDeviation!);
    const dNormal = tf.mul(dy!, gamma!);
    const projected = tf.add(
      tf.mean(dNormal, -1, true),
      tf.mul(normal, tf.mean(tf.mul(dNormal, normal), -1, true)),
    );
    return [
      tf.mul(inverseDeviation!, tf.sub(dNormal, projected)),
      tf.sum(tf.mul(dy!, normal), leading),
      tf.sum(dy!, leading),
    ];
  },

  Gelu: ({ x }) => {
    const distribution = tf.mul(0.5, tf.add(1, tf.erf(tf.mul(x!, Math.SQRT1_2))));
    return [tf.mul(x!, distribution), distribution];
  },

  GeluGrad: ({ dy, x, distribution }) => {
    const density = tf.mul(inverseRootTwoPi, tf.exp(tf.mul(-0.5, tf.square(x!))));
    return [tf.mul(dy!, tf.add(distribution!, tf.mul(x!, density)))];
  },

  Dropout: ({ x, key }, attributes) => [dropped(x!, key!, attributes)],

  Attention: ({ query, key, value, maskBias, dropoutKey, tokens, places }, attributes) => {
    const heads = attributes.heads as number;
    const split = (x: tf.Tensor | undefined) => splitHeads(x!, heads, tokens);
    const scores = tf.mul(
      tf.matMul(split(query), split(key), false, true),
      1 / Math.sqrt(query!.shape.at(-1)! / heads),
    );
    const probabilities = tf.softmax(tf.add(scores, scoreBias(maskBias!)));
    const weights = dropoutKey ? dropped(probabilities, dropoutKey, attributes) : probabilities;
    return [joinHeads(tf.matMul(weights, split(value)), places), probabilities];
  },

  AttentionGrad: ({ dy, query, key, value, probabilities, dropoutKey, tokens, places }, attributes) => {
    const heads = attributes.heads as number;
    const split = (x: tf.Tensor | undefined) => splitHeads(x!, heads, tokens);
    const scale = 1 / Math.sqrt(query!.shape.at(-1)! / heads);
    const drop = (x: tf.Tensor) => dropoutKey ? dropped(x, dropoutKey, attributes) : x;
    const dContext = split(dy);
    const dValue = tf.matMul(drop(probabilities!), dContext, true, false);
    const dProbabilities = drop(tf.matMul(dContext, split(value), false, true));
    const rowSums = tf.sum(tf.mul(dProbabilities, probabilities!), -1, true);
    const dScores = tf.mul(tf.mul(probabilities!, tf.sub(dProbabilities, rowSums)), scale);
    return [
      joinHeads(tf.matMul(dScores, split(key)), places),
      joinHeads(tf.matMul(dScores, split(query), true, false), places),
      joinHeads(dValue, places),
    ];
  },

  SquaredNorm: ({ x }) => [tf.sum(tf.square(x!))],

  SoftmaxCrossEntropy: ({ logits, labels }) => {
    const logProbabilities = tf.logSoftmax(logits!);
    const chosen = tf.cast(tf.oneHot(labels as tf.Tensor1D, logits!.shape[1]!), "float32");
    return [tf.neg(tf.sum(tf.mul(logProbabilities, chosen), -1)), logProbabilities];
  },

  SoftmaxCrossEntropyGrad: ({ dy, logProbabilities, labels }) => {
    const chosen = tf.cast(tf.oneHot(labels as tf.Tensor1D, logProbabilities!.shape[1]!), "float32");
    return [tf.mul(tf.expandDims(dy!, -1), tf.sub(tf.exp(logProbabilities!), chosen))];
  },

  Lstm: ({ x, weight, real }, { reverse }) => {
    const [T, B, gates] = x!.shape as [number, number, number];
    const [inputs, masks] = [x!, real!].map((x) => tokens(x));
    const state = (): tf.Tensor => tf.zeros([B, gates / 4]);
    let [h, c] = [state(), state()];
    const [hs, cs]: [tf.Tensor[], tf.Tensor[]] = [new Array(T), new Array(T)];
    for (let step = 0; step < T; step++) {
      const t = reverse ? T - 1 - step : step;
      const sums = tf.add(inputs![t]!, tf.matMul(h as tf.Tensor2D, weight as tf.Tensor2D, false, true));
      const [i, f, g, o] = tf.split(sums, 4, 1);
      c = tf.mul(masks![t]!, tf.add(tf.mul(tf.sigmoid(f!), c), tf.mul(tf.sigmoid(i!), tf.tanh(g!))));
      h = tf.mul(tf.sigmoid(o!), tf.tanh(c));
      [hs[t], cs[t]] = [h, c];
    }
    return [tf.stack(hs), tf.stack(cs)];
  },

  LstmGrad: ({ dy, weight, toGates, toCell, kept }, { reverse }) => {
    const [T, B, gates] = toGates!.shape as [number, number, number];
    const [dys, gateFactors, cellFactors, shares] = [dy!, toGates!, toCell!, kept!].map((x) => tokens(x));
    let dGates: tf.Tensor = tf.zeros([B, gates]);
    let dLater: tf.Tensor = tf.zeros([B, gates / 4]);
    const dx: tf.Tensor[] = new Array(T);
    for (let step = 0; step < T; step++) {
      const t = reverse ? step : T - 1 - step;
      const dh = tf.add(dys![t]!, tf.matMul(dGates as tf.Tensor2D, weight as tf.Tensor2D));
      const dc = tf.add(tf.mul(dh, cellFactors![t]!), dLater);
      dGates = tf.mul(tf.concat([dc, dc, dc, dh], 1), gateFactors![t]!);
      dLater = tf.mul(dc, shares![t]!);
      dx[t] = dGates;
    }
    return [tf.stack(dx)];
  },

  Embedding: ({ table, ids }) => [tf.gather(table!, ids as tf.Tensor1D)],

  EmbeddingGrad: ({ dy, ids }, { vocabulary }) => [
    // scatterND adds up equal indices; unsortedSegmentSum reads dy once for each of the V rows.
    tf.scatterND(tf.expandDims(ids!, 1), dy!, [vocabulary as number, dy!.shape[1]!]),
  ],
};

/**
 * Registers the operations of composites.ts with the current tfjs backend, once for each backend.
 *
 * @param drawMask the backend's own way to draw masks; in plain JavaScript if not given
 */
export function registerEagerKernels(drawMask: DrawMask = drawInJavaScript): void {
  const backendName = tf.getBackend();
  if (drawOn.has(backendName)) return;
  drawOn.set(backendName, drawMask);
  for (const [kernelName, kernel] of Object.entries(eagerKernels)) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        tf.tidy(() => kernel(inputs as Inputs, attrs as Record<string, unknown>)),
    });
  }
}
