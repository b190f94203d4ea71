/**
 * Element-wise updates of large state tensors, taken out of a graph so that an engine can run them block by block.
 *
 * An optimizer's update reads and writes each number a dozen times. Node by node over whole tensors, each time goes
 * through memory; block by block, the numbers stay in the cache (LOG.md has the measurement).
 */
import { type GraphBody, live, type Node, sizeOf, type Value } from "./graph.ts";

/** Updates that belong together, as a graph over one block of their flat tensors. */
export interface TileGroup {
  /** The graph of a block of one element: state tensors are `x0`, `x1`, …, numbers are fed as `s0`, `s1`, … */
  readonly body: GraphBody;
  /** A key that is equal for groups which differ only in their tensors. */
  readonly structure: string;
  /** Names of `x0`, `x1`, … in the state. */
  readonly tensors: readonly string[];
  /** Outputs of the rest that are fed as `s0`, `s1`, … */
  readonly scalars: readonly string[];
  /** Elements of each tensor. */
  readonly size: number;
}

/** A graph in two parts: first the rest, then the groups, in any order. */
export interface TiledGraph {
  readonly rest: GraphBody;
  readonly groups: readonly TileGroup[];
}

const elementWise = new Set([
  "Add",
  "Sub",
  "Multiply",
  "RealDiv",
  "Maximum",
  "Minimum",
  "Neg",
  "Sqrt",
  "Square",
]);

/** Elements of the smallest tensor that gains from blocks. */
const smallest = 1 << 16;

/** The nodes, tensors and numbers that updates are computed from. */
interface Cone {
  readonly updates: string[];
  readonly nodes: Set<Node>;
  readonly tensors: Set<string>;
  readonly scalars: Set<Value>;
  readonly size: number;
}

/** Splits a graph in two; without such updates the rest is the whole graph. */
export function tileUpdates(graph: GraphBody): TiledGraph {
  const producers = new Map(
    graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)),
  );
  const stateNames = new Map([...graph.state].map(([name, value]) => [value, name]));
  let cones: Cone[] = [];
  for (const [name, value] of graph.updates) {
    const cone = coneOf(name, value, producers, stateNames);
    if (!cone) continue;
    const touching = cones.filter((other) =>
      other.size === cone.size && intersects(names(cone), names(other))
    );
    cones = [...cones.filter((other) => !touching.includes(other)), [...touching, cone].reduce(join)];
  }
  // The rest runs first, so it must not write what a group reads.
  const tiled = () => new Set(cones.flatMap(({ updates }) => updates));
  cones = cones.filter((cone) => {
    const own = tiled();
    return [...cone.tensors].every((name) => !graph.updates.has(name) || own.has(name));
  });

  const done = tiled();
  const updates = new Map([...graph.updates].filter(([name]) => !done.has(name)));
  const outputs = new Map(graph.outputs);
  const groups = cones.map((cone) => groupOf(graph, cone, outputs));
  const { nodes, constants } = live(graph, [...updates.values(), ...outputs.values()]);
  return { rest: { ...graph, updates, outputs, nodes, constants }, groups };
}

const names = ({ updates, tensors }: Cone) => new Set([...updates, ...tensors]);

function intersects(a: Set<string>, b: Set<string>): boolean {
  return [...a].some((name) => b.has(name));
}

function join(a: Cone, b: Cone): Cone {
  return {
    updates: [...a.updates, ...b.updates],
    nodes: new Set([...a.nodes, ...b.nodes]),
    tensors: new Set([...a.tensors, ...b.tensors]),
    scalars: new Set([...a.scalars, ...b.scalars]),
    size: a.size,
  };
}

/** Returns the nodes and leaves behind an update, or undefined if some node is not element-wise over its shape. */
function coneOf(
  name: string,
  update: Value,
  producers: ReadonlyMap<Value, Node>,
  stateNames: ReadonlyMap<Value, string>,
): Cone | undefined {
  const size = sizeOf(update.shape);
  if (size < smallest) return undefined;
  const cone: Cone = { updates: [name], nodes: new Set(), tensors: new Set(), scalars: new Set(), size };
  const seen = new Set<Value>();
  const visit = (value: Value): boolean => {
    if (seen.has(value)) return true;
    seen.add(value);
    if (sizeOf(value.shape) === 1) {
      cone.scalars.add(value);
      return true;
    }
    if (value.shape.join() !== update.shape.join()) return false;
    const stateName = stateNames.get(value);
    if (stateName !== undefined) {
      cone.tensors.add(stateName);
      return true;
    }
    const node = producers.get(value);
    if (!node || !elementWise.has(node.op)) return false;
    cone.nodes.add(node);
    return (Object.values(node.inputs) as Value[]).every(visit);
  };
  return visit(update) ? cone : undefined;
}

/** Makes a graph of a cone; adds the numbers that the rest must give to `outputs`. */
function groupOf(graph: GraphBody, cone: Cone, outputs: Map<string, Value>): TileGroup {
  const copies = new Map<Value, Value>();
  const copy = (value: Value): Value => {
    let made = copies.get(value);
    if (!made) {
      const shape = sizeOf(value.shape) === 1 ? [] : [1];
      copies.set(value, made = { id: copies.size, shape, dtype: value.dtype });
    }
    return made;
  };
  const tensors = [...names(cone)].sort();
  const state = new Map(tensors.map((name, i) => [`x${i}`, copy(graph.state.get(name)!)]));
  const constants = new Map<Value, ArrayBufferView>();
  const feeds = new Map<string, Value>();
  const scalars: string[] = [];
  for (const value of [...cone.scalars].sort((a, b) => a.id - b.id)) {
    const data = graph.constants.get(value);
    if (data) {
      constants.set(copy(value), data);
      continue;
    }
    const name = `scalar ${value.id}`;
    outputs.set(name, value);
    feeds.set(`s${scalars.length}`, copy(value));
    scalars.push(name);
  }
  const nodes = graph.nodes.filter((node) => cone.nodes.has(node)).map((node): Node => ({
    ...node,
    inputs: Object.fromEntries(
      Object.entries(node.inputs).map(([name, value]) => [name, copy(value as Value)]),
    ),
    outputs: node.outputs.map(copy),
  }));
  const updates = new Map(
    cone.updates.map((name) => [`x${tensors.indexOf(name)}`, copy(graph.updates.get(name)!)]),
  );
  const structure = JSON.stringify([
    nodes.map(({ op, inputs, attributes, outputs }) => [op, inputs, attributes, outputs]),
    [...state],
    [...feeds],
    [...updates],
    [...constants].map(([value, data]) => [value, Array.from(data as Float32Array)]),
  ]);
  const body = { name: `${graph.name}, block`, state, feeds, constants, nodes, updates, outputs: new Map() };
  return { body, structure, tensors, scalars, size: cone.size };
}
