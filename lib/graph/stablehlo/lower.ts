/** A recorded graph as StableHLO text: each node is lowered by its rule in operations.ts. */
import type { ElementType, GraphBody, Node, Value } from "../graph.ts";
import { type Operation, operations } from "../operations.ts";
import {
  type LoweringOptions,
  namesText,
  type Operand,
  StablehloEmitter,
  typesText,
  typeText,
} from "./emitter.ts";
import { elementTexts } from "./rules.ts";
import { having, requireArguments } from "../../storage/arguments.ts";

/** A graph as text, with the arguments and results of its function. */
export interface LoweredModule {
  /** StableHLO with a public function @main. */
  readonly text: string;
  /** Arguments of @main in order: state tensors that are read or updated, then feeds that are read. */
  readonly inputs: readonly ModuleInput[];
  /** Results of @main in order: updates (new values of state tensors, by the state's name), then outputs. */
  readonly outputs: readonly ModuleOutput[];
}

/** An argument of @main. */
export interface ModuleInput {
  /** Name of the state tensor or the feed. */
  readonly name: string;
  /** Kind of argument. */
  readonly kind: "state" | "feed";
  /** Sizes of its dimensions. */
  readonly shape: readonly number[];
  /** Type of its elements. */
  readonly dtype: "float32" | "int32";
}

/** A result of @main. */
export interface ModuleOutput {
  /** Name of the state tensor or the output. */
  readonly name: string;
  /** Kind of result. */
  readonly kind: "update" | "output";
  /** Sizes of its dimensions. */
  readonly shape: readonly number[];
  /** Type of its elements. */
  readonly dtype: ElementType;
}

/**
 * Lowers a graph to StableHLO.
 *
 * The argument of every updated state tensor is donated: its memory becomes the result's. With several replicas the
 * updates "gradient/…" and the output "loss" are sums over all of them; the addition to a gradient's old value is
 * summed before it is added.
 */
export function lowerToStablehlo(
  graph: GraphBody,
  options: LoweringOptions = {},
): LoweredModule {
  requireArguments("lowerToStablehlo", {
    graph: [graph, having("a graph, as record() returns", "nodes")],
    options: [options, having("an object with options")],
  });
  const {
    precision = "f32",
    replicas = 1,
    fusedAttention = false,
    unfused = new Set(),
    widened = false,
  } = options;
  const read = new Set([
    ...graph.nodes.flatMap((node) => Object.values(node.inputs) as Value[]),
    ...graph.updates.values(),
    ...graph.outputs.values(),
  ]);
  const inputs = [
    ...[...graph.state].filter(([name, value]) => read.has(value) || graph.updates.has(name))
      .map(([name, value]) => ({ name, kind: "state" as const, value })),
    ...[...graph.feeds].filter(([, value]) => read.has(value))
      .map(([name, value]) => ({ name, kind: "feed" as const, value })),
  ];
  const outputs = [
    ...[...graph.updates].map(([name, value]) => ({ name, kind: "update" as const, value })),
    ...[...graph.outputs].map(([name, value]) => ({ name, kind: "output" as const, value })),
  ];

  const emit = new StablehloEmitter({ precision, replicas, fusedAttention, unfused, widened });
  const lowering = new Lowering(emit);
  inputs.forEach(({ value }, i) => lowering.bind(value, { name: `%arg${i}`, ...typeOf(value) }));
  for (const [value, data] of graph.constants) {
    const { type, shape } = typeOf(value);
    lowering.bind(value, emit.constants(Array.from(data as Float32Array), type, shape));
  }
  const { summed, after } = replicas > 1 ? sumsOf(graph) : { summed: [], after: new Set<Node>() };
  for (const node of graph.nodes) if (!after.has(node)) lowering.lower(node);
  if (summed.length > 0) {
    const sums = emit.allReduce(summed.map((value) => lowering.operand(value)));
    summed.forEach((value, i) => lowering.bind(value, sums[i]!));
  }
  for (const node of after) lowering.lower(node);

  const results = outputs.map(({ value }) => lowering.operand(value));
  const parameters = inputs.map(({ name, value }, i) => {
    const donated = outputs.findIndex((output) => output.kind === "update" && output.name === name);
    const attribute = donated < 0 ? "" : ` {tf.aliasing_output = ${donated} : i32}`;
    return `%arg${i}: ${typeText(typeOf(value))}${attribute}`;
  });
  const text = [
    `module attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = ${replicas} : i32} {`,
    `  func.func public @main(${parameters.join(", ")}) -> (${typesText(results)}) {`,
    ...emit.lines.map((line) => `    ${line}`),
    `    return ${namesText(results)} : ${typesText(results)}`,
    "  }",
    "}",
    "",
  ].join("\n");
  return {
    text,
    inputs: inputs.map(({ name, kind, value: { shape, dtype } }) => ({
      name,
      kind,
      shape,
      dtype: dtype as "float32" | "int32",
    })),
    outputs: outputs.map(({ name, kind, value: { shape, dtype } }) => ({ name, kind, shape, dtype })),
  };
}

function typeOf({ shape, dtype }: Value): Omit<Operand, "name"> {
  return { shape, type: elementTexts[dtype] };
}

/** The lowering of a graph, with the module's tensor of each recorded value. */
class Lowering {
  readonly #operands = new Map<Value, Operand>();
  /** Outputs that a rule has left out: only rules that know of it may read them. */
  readonly #unmade = new Set<Value>();

  constructor(readonly emit: StablehloEmitter) {}

  operand(value: Value): Operand {
    const operand = this.#operands.get(value);
    if (operand === undefined) throw new RangeError(`Value ${value.id} is used before it is made`);
    return operand;
  }

  bind(value: Value, operand: Operand): void {
    this.#operands.set(value, operand);
  }

  /** Lowers a node. @throws TypeError if the result of its rule differs from its shape rule's. */
  lower({ op, inputs, attributes, outputs }: Node): void {
    const { stablehlo } = operations[op as keyof typeof operations] as Operation;
    const given: Record<string, Operand> = {};
    for (const [name, value] of Object.entries(inputs) as [string, Value][]) {
      if (!this.#unmade.has(value)) given[name] = this.operand(value);
    }
    const made = [stablehlo(this.emit, given, attributes, outputs)].flat();
    outputs.forEach((value, i) => {
      const operand = made[i];
      if (!operand) {
        this.#unmade.add(value);
        return;
      }
      const [expected, found] = [typeText(typeOf(value)), typeText(operand)];
      if (found !== expected) {
        throw new TypeError(
          `The StableHLO rule of ${op} makes ${found} as output ${i}: expected ${expected}`,
        );
      }
      this.bind(value, operand);
    });
  }
}

/** Returns the values summed over the replicas, and the nodes that add them to a gradient's old value. */
function sumsOf({ state, nodes, updates, outputs }: GraphBody): { summed: Value[]; after: Set<Node> } {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const summed = new Set<Value>();
  const after = new Set<Node>();
  for (const [name, value] of updates) {
    if (!name.startsWith("gradient/")) continue;
    const producer = producers.get(value);
    const terms = producer?.op === "Add" ? Object.values(producer.inputs) as Value[] : [];
    const old = state.get(name);
    if (producer && old && terms.includes(old)) {
      after.add(producer);
      for (const term of terms) if (term !== old) summed.add(term);
    } else summed.add(value);
  }
  const loss = outputs.get("loss");
  if (loss) summed.add(loss);
  return { summed: [...summed], after };
}
