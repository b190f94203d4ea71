/** A recorded graph as an ONNX model: each node is lowered by its rule in operations.ts. */
import { type GraphBody, inputsOf, type Value } from "../graph.ts";
import { OnnxEmitter } from "./emitter.ts";
import { encodeModel, type OnnxModel, type OnnxNode, type OnnxPort } from "./proto.ts";
import { type Operation, operations } from "../operations.ts";

/** Returns the name of a state tensor's new value among a model's outputs. */
export function updateName(name: string): string {
  return `${name}:next`;
}

/** A lowered model and facts about its inputs. */
export interface LoweredModel {
  readonly bytes: Uint8Array;
  /** Names of inputs that some node really reads. */
  readonly inputs: ReadonlySet<string>;
  /** State tensors whose new value may be written before some node has read the old one. */
  readonly unsafe: ReadonlySet<string>;
}

/** Options of lowering a graph. */
export interface OnnxLoweringOptions {
  /** `true` if tensors of rank 1 may have any length, for the blocks of tiles.ts. */
  readonly flat?: boolean;
  /** `true` for operations of standard ONNX only, which any runtime can read. */
  readonly standard?: boolean;
}

/** Lowers a graph to the bytes of an ONNX model (opset 20 with ONNX Runtime's own operations). */
export function lowerToOnnx(graph: GraphBody, options: OnnxLoweringOptions = {}): LoweredModel {
  const model = onnxModel(graph, options);
  return {
    bytes: encodeModel(model),
    inputs: new Set(model.inputs.map(({ name }) => name)),
    unsafe: unsafeUpdates(graph, model.nodes),
  };
}

/** Lowers a graph to an ONNX model whose inputs are those of the state and the feeds that some node reads. */
export function onnxModel(graph: GraphBody, { flat = false, standard }: OnnxLoweringOptions = {}): OnnxModel {
  const inputs = graph.nodes.flatMap(inputsOf);
  const emit = new OnnxEmitter(new Set([...inputs, ...graph.updates.values(), ...graph.outputs.values()]), {
    standard,
  });
  for (const [name, value] of [...graph.state, ...graph.feeds]) emit.bind(value, name);
  for (const [value, data] of graph.constants) {
    const type = value.dtype === "float32" ? "float32" : value.dtype === "int32" ? "int32" : "bool";
    emit.bind(value, emit.constant(Array.from(data as Float32Array), type, value.shape));
  }
  for (const node of graph.nodes) {
    const operation = operations[node.op as keyof typeof operations] as Operation;
    const names = operation.onnx(emit, node.inputs as Record<string, Value>, node.attributes, node.outputs);
    [names].flat().forEach((name, i) => emit.bind(node.outputs[i]!, name));
  }

  const results = [
    ...[...graph.updates].map(([name, value]) => [updateName(name), value] as const),
    ...graph.outputs,
  ];
  emit.publish(results);
  const port = ([name, { shape, dtype }]: readonly [string, Value]): OnnxPort => ({
    name,
    shape: flat && shape.length === 1 ? ["length"] : shape,
    type: dtype,
  });
  const read = new Set(emit.nodes.flatMap((node) => node.inputs));
  return {
    name: graph.name,
    nodes: emit.nodes,
    constants: [...emit.constants.values()].filter(({ name }) => read.has(name)),
    inputs: [...graph.state, ...graph.feeds].filter(([name]) => read.has(name)).map(port),
    outputs: results.map(port),
  };
}

/**
 * Returns the state tensors that are not safe to overwrite in place. Safe means that in any order all readers of the
 * old value run before the writer of the new one: each reader is the writer or leads to it.
 */
function unsafeUpdates(graph: GraphBody, nodes: readonly OnnxNode[]): Set<string> {
  const producer = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const unsafe = new Set<string>();
  for (const name of graph.updates.keys()) {
    const writer = producer.get(updateName(name))!;
    const before = new Set<OnnxNode>([writer]);
    const pending = [writer];
    for (let node = pending.pop(); node; node = pending.pop()) {
      for (const input of node.inputs) {
        const source = producer.get(input);
        if (source && !before.has(source)) {
          before.add(source);
          pending.push(source);
        }
      }
    }
    const comesLate = (reader: OnnxNode) =>
      reader === writer ? !elementWise.has(reader.op) : !before.has(reader);
    if (nodes.some((node) => node.inputs.includes(name) && comesLate(node))) unsafe.add(name);
  }
  return unsafe;
}

/** Nodes that read an element no later than they write the element at the same place. */
const elementWise = new Set(["Add", "Sub", "Mul", "Div", "Neg", "Identity", "Sqrt"]);
