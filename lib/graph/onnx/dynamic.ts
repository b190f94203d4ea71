/**
 * A model for inputs of any size. Recordings have fixed shapes, so the function is lowered at two sets of sizes and the
 * two models are compared node by node. They may differ only in whole numbers among their constants (the shapes of
 * Reshape and Expand, the ends of Slice), each of which must be a fixed number times some of the sizes. With
 * well-chosen sizes a number's two values fit only one such product, which a node then computes from the inputs'
 * shapes. Any other difference is refused.
 */
import { constantBytes } from "./emitter.ts";
import type { OnnxConstant, OnnxModel, OnnxNode, OnnxPort } from "./proto.ts";

/** A dimension of the inputs that may have any size. */
export interface Dimension {
  /** Its name in the model's signature. */
  readonly name: string;
  /** An input that has it. */
  readonly input: string;
  /** Its axis there. */
  readonly axis: number;
  /** Two sizes to record at; no two products of dimensions may grow by the same factor from one to the other. */
  readonly sizes: readonly [number, number];
}

/** A product: `factor` times the sizes of some dimensions. */
interface Size {
  readonly factor: number;
  readonly dimensions: readonly Dimension[];
}

/**
 * Returns the model of a function for any sizes of these dimensions.
 *
 * @param lower makes the function's model at given sizes, by the dimensions' names
 * @throws RangeError if the two models differ in more than products of sizes.
 */
export function dynamicModel(
  lower: (sizes: Record<string, number>) => OnnxModel,
  dimensions: readonly Dimension[],
): OnnxModel {
  const [first, second] = ([0, 1] as const).map((place) =>
    lower(Object.fromEntries(dimensions.map(({ name, sizes }) => [name, sizes[place]])))
  ) as [OnnxModel, OnnxModel];
  const sizes = new SizeNodes();
  const [constants, others] = [first, second].map((model) =>
    new Map(model.constants.map((constant) => [constant.name, constant]))
  );
  const input = (node: OnnxNode, name: string, otherName: string): string => {
    const [constant, other] = [constants!.get(name), others!.get(otherName)];
    if (!constant && !other && name === otherName) return name;
    if (constant && other && sameKind(constant, other)) {
      if (String(constant.bytes) === String(other.bytes)) return name;
      if (constant.type === "int64" && constant.shape.length === 1) {
        const [values, otherValues] = [numbers(constant), numbers(other)];
        return sizes.vector(values.map((value, i) => sizeOf([value, otherValues[i]!], dimensions, node.op)));
      }
    }
    throw new RangeError(`An input of ${node.op} changes with the inputs' sizes and is no shape`);
  };
  if (first.nodes.length !== second.nodes.length) {
    throw new RangeError(
      `The number of nodes changes with the inputs' sizes: found ${first.nodes.length} and ${second.nodes.length}`,
    );
  }
  const nodes = first.nodes.map((node, i) => {
    const other = second.nodes[i]!;
    if (signature(node) !== signature(other)) {
      throw new RangeError(`Node ${i} changes with the inputs' sizes: found ${node.op} and ${other.op}`);
    }
    return { ...node, inputs: node.inputs.map((name, at) => input(node, name, other.inputs[at]!)) };
  });
  const port = (port: OnnxPort, other: OnnxPort): OnnxPort => ({
    ...port,
    shape: port.shape.map((size, axis) => {
      const found = sizeOf([Number(size), Number(other.shape[axis])], dimensions, port.name);
      if (found.dimensions.length === 0) return found.factor;
      const names = found.dimensions.map(({ name }) => name);
      return (found.factor === 1 ? names : [found.factor, ...names]).join("*");
    }),
  });
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  return {
    ...first,
    nodes: [...sizes.nodes, ...nodes],
    constants: [...first.constants.filter(({ name }) => read.has(name)), ...sizes.constants],
    inputs: first.inputs.map((input, i) => port(input, second.inputs[i]!)),
    outputs: first.outputs.map((output, i) => port(output, second.outputs[i]!)),
  };
}

/** The nodes that compute sizes, each made once and named after its result. */
class SizeNodes {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxConstant[] = [];
  readonly #made = new Set<string>();

  /** Adds the nodes for sizes as one int64 vector and returns its name. */
  vector(sizes: readonly Size[]): string {
    const names = sizes.map((size) => this.#size(size));
    return names.length === 1 ? names[0]! : this.#node("Concat", names, names.join(), { axis: 0 });
  }

  #size({ factor, dimensions }: Size): string {
    const parts = dimensions.map(({ name, input, axis }) =>
      this.#node("Shape", [input], name, { start: axis, end: axis + 1 })
    );
    if (factor !== 1 || parts.length === 0) parts.unshift(this.#constant(factor));
    return parts.reduce((a, b) => this.#node("Mul", [a, b], `${a}*${b}`));
  }

  #constant(value: number): string {
    const name = String(value);
    if (!this.#made.has(name)) {
      this.constants.push({ name, shape: [1], type: "int64", bytes: constantBytes([value], "int64") });
    }
    this.#made.add(name);
    return name;
  }

  #node(op: string, inputs: string[], output: string, attributes: OnnxNode["attributes"] = {}): string {
    if (!this.#made.has(output)) this.nodes.push({ op, inputs, outputs: [output], attributes, domain: "" });
    this.#made.add(output);
    return output;
  }
}

/** Finds the one product of a whole number and some dimensions' sizes that has these two values. */
function sizeOf(values: readonly [number, number], dimensions: readonly Dimension[], where: string): Size {
  const [value, other] = values;
  if (value === other) return { factor: value, dimensions: [] };
  const found = subsets(dimensions).flatMap((some): Size[] => {
    const [one, two] = [0, 1].map((place) => some.reduce((product, { sizes }) => product * sizes[place]!, 1));
    const factor = value / one!;
    return Number.isInteger(factor) && factor * two! === other ? [{ factor, dimensions: some }] : [];
  });
  if (found.length === 1) return found[0]!;
  throw new RangeError(
    `Cannot tell a size of ${where} from the inputs' sizes: ${value} and ${other} fit ${found.length} products of them`,
  );
}

function subsets<Item>(items: readonly Item[]): Item[][] {
  return items.reduce<Item[][]>((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]]);
}

function signature({ op, domain, inputs, outputs, attributes }: OnnxNode): string {
  return JSON.stringify([op, domain, inputs.length, outputs, attributes]);
}

function sameKind(a: OnnxConstant, b: OnnxConstant): boolean {
  return a.type === b.type && String(a.shape) === String(b.shape);
}

function numbers({ bytes }: OnnxConstant): number[] {
  return Array.from(new BigInt64Array(bytes.slice().buffer), Number);
}
