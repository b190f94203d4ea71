/**
 * Layers whose features are classified (paper section 5.3.2, Table 3). A text's feature is its [CLS] state of one
 * layer, or several layers' states side by side, their mean or their maximum. Layer 0 is the lowest; layers above the
 * highest that is used are neither computed nor trained.
 *
 * The state of a single layer goes through the pooler, so that the top layer is BERT's usual way; the paper says of
 * combinations only what they are, and here they are classified as they stand.
 */
import * as tf from "@tensorflow/tfjs";
import type { ClassifierFeatures } from "../bert/classifier.ts";
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import { poolFractions, type Pooling } from "./long_text.ts";

/** Layers and what is made of their states. */
export interface LayerFeatures {
  /** Name by which {@link layerFeatures} knows it. */
  readonly name: string;
  /** Places of the layers among L, from 0. */
  readonly layers: readonly number[];
  /** Combination of their states; undefined for a single layer's. */
  readonly combination?: "concat" | "mean" | "max";
}

/** The names that {@link layerFeatures} knows, for messages. */
const known = "last, layer K, first 4 concat, mean or max, last 4 concat, mean or max, all concat";

/**
 * The features of a name, for a model of L layers.
 *
 * @param name `last`, `layer K` (from 0), `first 4 …` or `last 4 …` with `concat`, `mean` or `max`, or `all concat`
 * @throws InputError if there is no such name, or the model does not have those layers.
 */
export function layerFeatures(name: string, total: number): LayerFeatures {
  const parts = /^(?:last|layer (\d+)|(first 4|last 4|all) (concat|mean|max))$/.exec(name);
  if (!parts || (parts[2] === "all" && parts[3] !== "concat")) {
    throw new InputError(`Cannot use the features "${shown(name)}": expected one of ${known}`);
  }
  const [, single, group, combination] = parts;
  const run = (from: number, count: number) => Array.from({ length: count }, (_, place) => from + place);
  const layers = group === undefined
    ? [single === undefined ? total - 1 : Number(single)]
    : group === "all"
    ? run(0, total)
    : run(group === "first 4" ? 0 : total - 4, 4);
  if (layers[0]! < 0 || layers.at(-1)! >= total) {
    throw new InputError(
      `Cannot use the features "${shown(name)}" of a model of ${total} layers: it has layers 0 to ${
        total - 1
      }`,
    );
  }
  return { name, layers, combination: combination as LayerFeatures["combination"] };
}

/** F, the width of the features of a model whose states have the width H. */
export function featureWidth({ layers, combination }: LayerFeatures, hidden: number): number {
  return combination === "concat" ? layers.length * hidden : hidden;
}

/**
 * The feature of each row, before the pooler if there is one.
 *
 * @param states [rows, H] for each layer, the lowest first
 * @returns [rows, F]
 */
function combineLayers(
  { layers, combination }: LayerFeatures,
  states: readonly tf.Tensor[],
): tf.Tensor {
  const used = layers.map((layer) => states[layer]!);
  switch (combination) {
    case undefined:
      return used[0]!;
    case "concat":
      return tf.concat(used, 1);
    case "mean":
      return tf.div(used.reduce((sum, state) => tf.add(sum, state)), used.length);
    case "max":
      return used.reduce((largest, state) => tf.maximum(largest, state));
  }
}

/** The way from the layers' states to what is classified, where a text's fractions are pooled if there is a pooling. */
export function classifierFeatures(
  features: LayerFeatures,
  pooling?: Pooling,
): ClassifierFeatures & { readonly pooler: boolean } {
  return {
    layers: (states) => combineLayers(features, states),
    fractions: pooling && ((states, mask, parameters) => poolFractions(pooling, states, mask, parameters)),
    pooler: features.combination === undefined,
  };
}
