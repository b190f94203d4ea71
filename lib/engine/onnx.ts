/** The onnx engine: recorded graphs on ONNX Runtime's CPU kernels, with the state's arrays updated in place. */
import { cpus } from "node:os";
import "./no_telemetry.ts";
import * as ort from "onnxruntime-node";
import { type GraphBody, sizeOf } from "../graph/graph.ts";
import { type LoweredModel, lowerToOnnx, updateName } from "../graph/onnx/lower.ts";
import { type TileGroup, tileUpdates } from "../graph/tiles.ts";
import { type Engine, type Program, type State, stateTensor } from "./engine.ts";
import type { HostTensor, HostTensors } from "../tensors.ts";
import { requireArguments, someOf } from "../storage/arguments.ts";
import { text, whole } from "../storage/json.ts";

class OnnxState implements State {
  readonly tensors = new Map<string, ort.Tensor>();

  get shapes(): ReadonlyMap<string, readonly number[]> {
    return new Map([...this.tensors].map(([name, tensor]) => [name, tensor.dims]));
  }

  upload(tensors: HostTensors): void {
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      this.tensors.set(name, toTensor({ shape, data: data.slice() }));
    }
  }

  download(names: Iterable<string> = this.tensors.keys()): Promise<HostTensors> {
    return Promise.resolve(
      Object.fromEntries([...names].map((name) => [name, toHost(stateTensor(this.tensors, name))])),
    );
  }

  dispose(): void {
    this.tensors.clear();
  }
}

function toTensor({ shape, data }: HostTensor): ort.Tensor {
  return data instanceof Float32Array
    ? new ort.Tensor("float32", data, shape)
    : new ort.Tensor("int32", data, shape);
}

function toHost(tensor: ort.Tensor): HostTensor {
  return { shape: tensor.dims, data: (tensor.data as Float32Array | Int32Array).slice() };
}

/** Returns a tensor of zeros to write to. */
function emptyLike(shape: readonly number[]): ort.Tensor {
  return new ort.Tensor("float32", new Float32Array(sizeOf(shape)), shape);
}

/** Elements of one block, few enough that its tensors stay in the processor's cache from node to node. */
const blockSize = 1 << 18;

/** A graph's session and its lowered model. */
interface Compiled {
  readonly session: ort.InferenceSession;
  readonly lowered: LoweredModel;
}

class OnnxProgram implements Program {
  /** Second buffers for state tensors that cannot be overwritten while the graph runs. */
  readonly #spare = new Map<string, ort.Tensor>();
  /** Names of the outputs for the caller: those of the rest, without the numbers that only the blocks need. */
  readonly #outputs: readonly string[];

  /** @param main The rest of the graph; absent if all of it runs by blocks. */
  constructor(
    readonly rest: GraphBody,
    readonly main: Compiled | undefined,
    readonly tiles: readonly { group: TileGroup; compiled: Compiled }[],
  ) {
    for (const name of main?.lowered.unsafe ?? []) {
      this.#spare.set(name, emptyLike(rest.updates.get(name)!.shape));
    }
    const scalars = new Set(tiles.flatMap(({ group }) => group.scalars));
    this.#outputs = [...rest.outputs.keys()].filter((name) => !scalars.has(name));
  }

  async run(state: State, feeds: HostTensors): Promise<HostTensors> {
    const { tensors } = state as OnnxState;
    const results = this.main ? await this.#runRest(this.main, tensors, feeds) : {};
    for (const { group, compiled } of this.tiles) await runTiles(group, compiled, tensors, results);
    return Object.fromEntries(this.#outputs.map((name) => [name, toHost(results[name]!)]));
  }

  async #runRest(
    { session, lowered: { inputs } }: Compiled,
    tensors: Map<string, ort.Tensor>,
    feeds: HostTensors,
  ): Promise<ort.InferenceSession.OnnxValueMapType> {
    const given: Record<string, ort.Tensor> = {};
    for (const name of this.rest.state.keys()) if (inputs.has(name)) given[name] = stateTensor(tensors, name);
    for (const name of this.rest.feeds.keys()) if (inputs.has(name)) given[name] = toTensor(feeds[name]!);
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const name of this.rest.updates.keys()) {
      fetches[updateName(name)] = this.#spare.get(name) ?? stateTensor(tensors, name);
    }
    for (const name of this.rest.outputs.keys()) fetches[name] = null;
    const results = await session.run(given, fetches as ort.InferenceSession.OnnxValueMapType);
    for (const [name, written] of this.#spare) {
      this.#spare.set(name, stateTensor(tensors, name));
      tensors.set(name, written);
    }
    return results;
  }

  dispose(): void {
    const sessions = [this.main, ...this.tiles.map(({ compiled }) => compiled)].map((each) => each?.session);
    for (const session of new Set(sessions)) void session?.release();
  }
}

/** Updates a group's tensors block by block, in place if no node reads a block after it was written. */
async function runTiles(
  { tensors: names, scalars, size, body }: TileGroup,
  { session, lowered: { unsafe } }: Compiled,
  state: ReadonlyMap<string, ort.Tensor>,
  results: ort.InferenceSession.OnnxValueMapType,
): Promise<void> {
  const data = names.map((name) => stateTensor(state, name).data as Float32Array);
  const fed = Object.fromEntries(
    scalars.map((name, i) => [`s${i}`, new ort.Tensor("float32", results[name]!.data as Float32Array, [])]),
  );
  for (let start = 0; start < size; start += blockSize) {
    const length = Math.min(blockSize, size - start);
    const blocks = Object.fromEntries(
      data.map((
        array,
        i,
      ) => [`x${i}`, new ort.Tensor("float32", array.subarray(start, start + length), [length])]),
    );
    const fetches = Object.fromEntries(
      [...body.updates.keys()].map((
        name,
      ) => [updateName(name), unsafe.has(name) ? emptyLike([length]) : blocks[name]!]),
    );
    await session.run({ ...blocks, ...fed }, fetches);
    for (const name of unsafe) {
      (blocks[name]!.data as Float32Array).set(fetches[updateName(name)]!.data as Float32Array);
    }
  }
}

/** Options of the onnx engine. */
export interface OnnxOptions {
  /** Threads inside one operation; by default ONNX Runtime's choice, the physical cores, or the fewer that are allowed. */
  readonly threads?: number;
  /** Start of the name of the JSON file that gets each node's time (chrome://tracing). */
  readonly profile?: string;
}

/**
 * Time for which a thread without work looks for some before it sleeps. ONNX Runtime's threads spin much longer by
 * themselves, which takes the cores from other processes, and from its own threads where another process has a core.
 */
const spinMicroseconds = 20;

/**
 * Returns the processors that this process may use where they are fewer than the machine's (`taskset`, a container's
 * limit): ONNX Runtime starts a thread for each physical core all the same and binds it there. Undefined otherwise.
 */
function fewerProcessors(): number | undefined {
  try {
    const allowed = navigator.hardwareConcurrency;
    return allowed < cpus().length ? allowed : undefined;
  } catch {
    return undefined; // without --allow-sys=cpus
  }
}

/** Returns the onnx engine. */
export function onnxEngine(options: OnnxOptions = {}): Engine {
  requireArguments("onnxEngine", { options: [options, someOf({ threads: whole(1), profile: text })] });
  const { threads = fewerProcessors(), profile } = options;
  const sessionOptions: ort.InferenceSession.SessionOptions = {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    // With a pattern each session holds its memory twice: that of its first run, and that of the others in one piece.
    enableMemPattern: false,
    // A masked score's probability comes out as some 1e-39, and a processor takes a hundred times as long for numbers
    // below 1e-38. JavaScript then rounds its own numbers below 1e-307 to 0, too, as it runs on the same thread.
    extra: {
      session: { set_denormal_as_zero: "1", intra_op: { spin_duration_us: `${spinMicroseconds}` } },
    },
    ...(threads ? { intraOpNumThreads: threads } : {}),
    ...(profile ? { enableProfiling: true, profileFilePrefix: profile } : {}),
  };
  return {
    name: "onnx",
    capabilities: { dtypes: ["float32"], devices: ["cpu"] },
    async compile(graph) {
      const compile = async (body: GraphBody, flat: boolean): Promise<Compiled> => {
        const lowered = lowerToOnnx(body, { flat });
        return { lowered, session: await ort.InferenceSession.create(lowered.bytes, sessionOptions) };
      };
      const { rest, groups } = tileUpdates(graph);
      const structures = new Map<string, Compiled>();
      for (const { structure, body } of groups) {
        if (!structures.has(structure)) structures.set(structure, await compile(body, true));
      }
      const tiles = groups.map((group) => ({ group, compiled: structures.get(group.structure)! }));
      const empty = rest.updates.size === 0 && rest.outputs.size === 0;
      return new OnnxProgram(rest, empty ? undefined : await compile(rest, false), tiles);
    },
    state(tensors) {
      const state = new OnnxState();
      state.upload(tensors);
      return state;
    },
    dispose() {},
  };
}
