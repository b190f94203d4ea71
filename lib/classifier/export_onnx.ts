/**
 * A trained classifier as an ONNX model: int64 inputs `input_ids`, `attention_mask` and, of a family that reads them,
 * `token_type_ids` [batch, sequence] as in Hugging Face's exports, `logits` [batch, classes], the weights inside. Where a text is read
 * in fractions the inputs are [batch, fractions, sequence], and a fraction whose mask is 0 everywhere is padding.
 *
 * The model is made from the function that was trained (classifierLogits), recorded without dropout; see
 * graph/onnx/dynamic.ts for how its dimensions become free. It has standard operations only.
 */
import * as tf from "@tensorflow/tfjs";
import { classifierLogits } from "../bert/classifier.ts";
import { type BertConfig, positionsOf } from "../bert/config.ts";
import { familyOf } from "../bert/family/families.ts";
import { InputError } from "../errors.ts";
import type { Signature, Tensors } from "../graph/graph.ts";
import { onnxModel } from "../graph/onnx/lower.ts";
import { dynamicModel } from "../graph/onnx/dynamic.ts";
import { elementTypes, encodeModel, type OnnxConstant, type OnnxNode } from "../graph/onnx/proto.ts";
import { type WeightFormat, withWeights } from "../graph/onnx/weights.ts";
import { record } from "../graph/record.ts";
import { classifierFeatures, type LayerFeatures } from "../paper/layers.ts";
import type { Pooling } from "../paper/long_text.ts";
import type { HostTensors } from "../tensors.ts";
import { signatures } from "../training/step.ts";

/** Parts that a classifier's logits are computed from. */
export interface ClassifierParts {
  /** Configuration of the layers that are used. */
  readonly config: BertConfig;
  /** Parameters by Hugging Face's names, those of the pooling of fractions besides. */
  readonly parameters: HostTensors;
  /** Layers that are classified. */
  readonly features: LayerFeatures;
  /** Pooling of a text's fractions to one; absent where a text is one sequence. */
  readonly pooling?: Pooling;
}

/** Returns the names that transformers gives a model's inputs, by the recorded function's. */
export function inputNames(config: BertConfig): Readonly<Record<string, string>> {
  const names: Record<string, string> = { ids: "input_ids", mask: "attention_mask" };
  return familyOf(config).segments === "read" ? { ...names, type_ids: "token_type_ids" } : names;
}

/** A protobuf message, which an ONNX file is, may not be longer. */
const longestFile = 2 ** 31 - 1;

/**
 * The bytes of the classifier's ONNX model.
 *
 * @param format numbers of the large weights
 * @throws InputError if its weights take 2 GB or more, or the model has fewer than 4 positions.
 */
export function classifierOnnx(parts: ClassifierParts, format: WeightFormat = "f32"): Uint8Array {
  const { config, parameters, pooling } = parts;
  const bytes = Object.values(parameters).reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes > longestFile - 2 ** 20) {
    throw new InputError(
      `Cannot export the model as ONNX as its weights take ${(bytes / 2 ** 30).toFixed(1)} GB: ` +
        "one file holds less than 2 GB",
    );
  }
  const positions = positionsOf(config);
  const names = inputNames(config);
  if (positions < 4) {
    throw new InputError(`Cannot export a model of ${positions} positions: expected 4 or more`);
  }

  const lower = ({ batch, fractions, sequence }: Record<string, number>) => {
    const shape = [batch!, ...fractions ? [fractions] : [], sequence!];
    const input: Signature = { shape, dtype: "int32" };
    const feeds = Object.fromEntries(Object.keys(names).map((name) => [name, input]));
    const graph = record("classifier", { state: signatures(parameters), feeds }, (inputs) => ({
      state: {},
      outputs: { logits: logits(parts, inputs) },
    }));
    return onnxModel(graph, { standard: true });
  };
  // Below all positions, as a table that is read whole needs no Slice.
  const dimensions = [
    { name: "batch", input: "ids", axis: 0, sizes: [1000, 3000] },
    ...pooling ? [{ name: "fractions", input: "ids", axis: 1, sizes: [10, 50] } as const] : [],
    { name: "sequence", input: "ids", axis: pooling ? 2 : 1, sizes: [positions - 2, positions - 1] },
  ] as const;
  const model = dynamicModel(lower, dimensions);

  const casts = Object.entries(names).map(([name, given]): OnnxNode => ({
    op: "Cast",
    inputs: [given],
    outputs: [name],
    attributes: { to: elementTypes.int32 },
    domain: "",
  }));
  const weights = model.inputs.filter(({ name }) => name in parameters).map(({ name }): OnnxConstant => {
    const { shape, data } = parameters[name]!;
    return {
      name,
      shape,
      type: "float32",
      bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    };
  });
  return encodeModel(withWeights({
    ...model,
    nodes: withoutUnread([...casts, ...model.nodes], model.outputs.map(({ name }) => name)),
    constants: [...weights, ...model.constants],
    inputs: Object.values(names).map((name) => ({
      name,
      shape: dimensions.map(({ name }) => name),
      type: "int64",
    })),
  }, format));
}

/** The logits [B, C] of input ids, mask and segment ids [B, T] or, with fractions, [B, K, T]. */
function logits({ config, features, pooling }: ClassifierParts, inputs: Tensors): tf.Tensor {
  const { ids, mask, type_ids: typeIds } = inputs;
  const rows = (tensor: tf.Tensor) => tf.reshape(tensor, [-1, tensor.shape.at(-1)!]);
  return classifierLogits(inputs, config, classifierFeatures(features, pooling), {
    ...{ ids: rows(ids!), mask: rows(mask!), typeIds: typeIds && rows(typeIds), texts: ids!.shape[0]! },
    ...pooling ? { fractionMask: tf.cast(tf.max(mask!, 2), "float32") } : {},
  });
}

/** Nodes without the optional outputs at their ends that nothing reads, which some runtimes do not have. */
function withoutUnread(nodes: readonly OnnxNode[], results: readonly string[]): OnnxNode[] {
  const read = new Set([...nodes.flatMap(({ inputs }) => inputs), ...results]);
  return nodes.map((node) => ({
    ...node,
    outputs: node.outputs.slice(0, 1 + node.outputs.findLastIndex((output) => read.has(output))),
  }));
}
