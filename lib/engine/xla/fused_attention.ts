/**
 * cuDNN's attention, tried before it is relied on: for each length and head size one small attention with padding is
 * computed, with its gradients, by cuDNN and by matrix products. Where cuDNN refuses, or its numbers are not finite or
 * others, programs have attention as products.
 */
import * as tf from "@tensorflow/tfjs";
import { InputError } from "../../errors.ts";
import { attention } from "../../graph/composites.ts";
import type { Graph } from "../../graph/graph.ts";
import { record } from "../../graph/record.ts";
import { type AttentionShape, shapeKey } from "../../graph/stablehlo/emitter.ts";
import { fusibleShapes } from "../../graph/stablehlo/fused_attention.ts";
import { Random } from "../../random.ts";
import type { HostTensor, HostTensors } from "../../tensors.ts";
import { isKnownGood } from "./cudnn.ts";
import { XlaError } from "./errors.ts";
import type { XlaProgram } from "./program.ts";

/** Runs a graph once, with cuDNN's attention or with products. */
type RunOnce = (graph: Graph, feeds: HostTensors, fused: boolean) => Promise<HostTensors>;

/** Largest relative distance of cuDNN's numbers from those of products; both round to bf16. */
const tolerance = .05;

/** Knows which shapes of attention cuDNN may compute. */
export class FusedAttention {
  readonly #accepted = new Set<string>();
  readonly #refused = new Set<string>();

  /** @param version cuDNN's, if it is known. */
  constructor(
    readonly version: number | undefined,
    readonly say: (line: string) => void,
    readonly run: RunOnce,
  ) {}

  /**
   * Compiles a graph with cuDNN's attention where it may be used.
   *
   * @param compile Compiles it, with products for the shapes that are given.
   */
  async compile(
    graph: Graph,
    compile: (unfused: ReadonlySet<string>) => Promise<XlaProgram>,
  ): Promise<XlaProgram> {
    for (const shape of fusibleShapes(graph)) await this.#try(shape);
    try {
      return await compile(this.#refused);
    } catch (error) {
      const shapes = fusibleShapes(graph).filter((shape) => this.#accepted.has(shapeKey(shape)));
      if (!(error instanceof XlaError) || error.outOfMemory || shapes.length === 0) throw error;
      for (const shape of shapes) this.#refuse(shape, `it refuses "${graph.name}" (${error.message})`);
      return await compile(this.#refused);
    }
  }

  async #try(shape: AttentionShape): Promise<void> {
    const key = shapeKey(shape);
    if (this.#accepted.has(key) || this.#refused.has(key)) return;
    const problem = isKnownGood(this.version, shape)
      ? await this.#problemOf(shape)
      : `version ${this.version} is known for gradients that are not numbers`;
    if (problem === undefined) this.#accepted.add(key);
    else this.#refuse(shape, problem);
  }

  #refuse(shape: AttentionShape, problem: string): void {
    const key = shapeKey(shape);
    this.#accepted.delete(key);
    this.#refused.add(key);
    const { tokens, size } = shape;
    this.say(
      `Attention over ${tokens} tokens with heads of ${size} is computed by matrix products, not by cuDNN: ${problem}`,
    );
  }

  /** Returns what is wrong with cuDNN's attention of a shape. */
  async #problemOf(shape: AttentionShape): Promise<string | undefined> {
    const graph = trialGraph(shape), feeds = trialFeeds(shape);
    try {
      const found = await this.run(graph, feeds, true);
      const expected = await this.run(graph, feeds, false);
      for (const [name, tensor] of Object.entries(found)) {
        const distance = distanceOf(tensor, expected[name]!);
        if (!(distance < tolerance)) {
          return Number.isFinite(distance)
            ? `its ${name} differs by ${(100 * distance).toFixed(0)} %`
            : `its ${name} is not finite`;
        }
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return `it refuses (${error.message})`;
    }
  }
}

const names = ["query", "key", "value"] as const;

/** Rows of a trial: one without padding, one that is half padding. */
const rows = 2;

/** Attention and the gradients of Σ y · weight. */
function trialGraph({ tokens, heads, size }: AttentionShape): Graph {
  const wide = { shape: [rows, tokens, heads * size], dtype: "float32" } as const;
  const feeds = {
    query: wide,
    key: wide,
    value: wide,
    weight: wide,
    bias: { ...wide, shape: [rows, tokens] },
  };
  return record(`attention over ${tokens} tokens`, { state: {}, feeds }, (inputs) => {
    const y = (...[query, key, value]: tf.Tensor[]) =>
      attention(query!, key!, value!, inputs.bias!, heads, 0);
    const sum = (...given: tf.Tensor[]) => tf.sum(tf.mul(y(...given), inputs.weight!)) as tf.Scalar;
    const given = names.map((name) => inputs[name]!);
    const gradients = tf.grads(sum)(given).map((gradient, i) => [`gradient of the ${names[i]}`, gradient]);
    return { state: {}, outputs: { result: y(...given), ...Object.fromEntries(gradients) } };
  });
}

function trialFeeds({ tokens, heads, size }: AttentionShape): HostTensors {
  const random = new Random(1);
  const shape = [rows, tokens, heads * size];
  const normal = () => ({
    shape,
    data: Float32Array.from({ length: rows * tokens * heads * size }, () => random.normal()),
  });
  const bias = new Float32Array(rows * tokens).fill(-1e9, tokens + Math.ceil(tokens / 2));
  const wide = { query: normal(), key: normal(), value: normal(), weight: normal() };
  return { ...wide, bias: { shape: [rows, tokens], data: bias } };
}

/** |a − b| / |b| by their Euclidean norms; NaN if a number is not finite. */
function distanceOf({ data: a }: HostTensor, { data: b }: HostTensor): number {
  let difference = 0, size = 0;
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return Math.sqrt(difference / Math.max(size, Number.MIN_VALUE));
}
