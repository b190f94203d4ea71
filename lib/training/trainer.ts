/** A model in training on an engine: its state, and the recorded programs for each shape of batch. */
import type { Engine, Program, State } from "../engine/engine.ts";
import type { HostTensors } from "../tensors.ts";
import { RowSubset, type UsedRows } from "./used_rows.ts";
import { stepKey } from "../graph/composites.ts";
import { biasCorrections, type OptimizerOptions, stateName } from "./optimizers.ts";
import {
  evaluationGraph,
  gradientGraph,
  signatures,
  type StepBatch,
  type Trainable,
  trainedNames,
  updateGraph,
} from "./step.ts";

/** State of a trainer, which {@linkcode Trainer.restore} takes back. */
export interface Snapshot {
  /** Parameters and moments by their names in the state. */
  readonly tensors: HostTensors;
  /** Updates made. */
  readonly updates: number;
  /** Updates of each parameter, in the trainer's order. */
  readonly counts: readonly number[];
  /** The factor by which rows that are not used are still to be scaled; 1 if not given (used_rows.ts). */
  readonly decay?: number;
}

/** The result of a step. */
export interface StepOutcome {
  /** The batch's mean loss before the step. */
  readonly loss: number;
  /** The gradients' norm before clipping. */
  readonly gradientNorm: number;
}

/** Owns a state of the engine; `dispose` frees it. */
export class Trainer {
  readonly parameterNames: readonly string[];
  #updates = 0;
  readonly #counts = new Map<string, number>();
  readonly #state: State;
  readonly #subset: RowSubset | undefined;
  readonly #signatures: ReturnType<typeof signatures>;
  readonly #programs = new Map<string, Promise<Program>>();
  /** Programs that have run. */
  readonly #ran = new Set<Program>();
  /** Steps whose result nobody has asked for yet. */
  readonly #begun = new Set<() => Promise<StepOutcome>>();

  /**
   * @param parameters Initial values.
   * @param seed The seed of the dropout masks.
   * @param used Rows of a table that batches use, if not all.
   */
  constructor(
    readonly engine: Engine,
    readonly trainable: Trainable,
    parameters: HostTensors,
    readonly optimizer: OptimizerOptions,
    readonly seed: number,
    used?: UsedRows,
  ) {
    this.parameterNames = Object.keys(parameters);
    this.#subset = used && new RowSubset(used, parameters[used.parameter]!);
    const held = this.#held(parameters);
    this.#signatures = signatures(held);
    const zero = new Float32Array(Math.max(0, ...Object.values(held).map(({ data }) => data.length)));
    const zeros: HostTensors = {};
    for (const [name, { shape, data }] of Object.entries(held)) {
      for (const nameOf of Object.values(stateName)) {
        zeros[nameOf(name)] = { shape, data: zero.subarray(0, data.length) };
      }
    }
    this.#state = engine.state({ ...held, ...zeros });
  }

  #held(tensors: HostTensors): HostTensors {
    return this.#subset?.held(tensors) ?? tensors;
  }

  /** Updates made so far. */
  get updates(): number {
    return this.#updates;
  }

  #count(parameter: string): number {
    return this.#counts.get(parameter) ?? 0;
  }

  #program(kind: string, make: () => Parameters<Engine["compile"]>[0]): Promise<Program> {
    let program = this.#programs.get(kind);
    if (!program) this.#programs.set(kind, program = this.engine.compile(make()));
    return program;
  }

  /** One optimizer step; it waits for the result. */
  async step(batch: StepBatch, rate: (parameter: string) => number): Promise<StepOutcome> {
    return await (await this.begin(batch, rate))();
  }

  /**
   * Begins an optimizer step. Where the engine enqueues programs, the gradients and the update are only enqueued, and
   * another step may begin before this one's result is asked for.
   *
   * A program's first run is waited for: if memory is short, it says so there, before the update has overwritten the
   * parameters. After an error the gradients are there again, so that a smaller batch can be tried.
   *
   * @param rate The learning rate of each parameter at this step.
   * @returns a function that waits for the result.
   */
  async begin(batch: StepBatch, rate: (parameter: string) => number): Promise<() => Promise<StepOutcome>> {
    const runs: (() => Promise<HostTensors>)[] = [];
    try {
      for (const [i, part] of batch.parts.entries()) {
        const accumulate = i > 0;
        const program = await this.#program(
          `gradients ${accumulate} ${JSON.stringify(batch.shape)}`,
          () => gradientGraph(this.trainable, this.#signatures, batch.shape, { accumulate }),
        );
        const key = Int32Array.of(stepKey(stepKey(this.seed, this.#updates), i));
        const feeds = this.#subset?.feeds(part) ?? part;
        runs.push(await this.#start(program, { ...feeds, key: { shape: [1], data: key } }));
      }
      const names = trainedNames(this.trainable, this.#signatures, batch.shape);
      const update = await this.#program(`update ${names}`, () => {
        const trained = Object.fromEntries(names.map((name) => [name, this.#signatures[name]!]));
        return updateGraph(trained, this.optimizer);
      });
      const counts = names.map((name) => this.#count(name) + 1);
      runs.push(
        await this.#start(update, {
          learning_rates: { shape: [names.length], data: Float32Array.from(names, rate) },
          bias_corrections: { shape: [names.length, 2], data: biasCorrections(this.optimizer, counts) },
        }),
      );
      this.#updates++;
      names.forEach((name, i) => this.#counts.set(name, counts[i]!));
      if (this.#subset && names.includes(this.#subset.parameter)) {
        this.#subset.decay *= 1 - rate(this.#subset.parameter) * this.optimizer.weightDecay;
      }
    } catch (error) {
      await this.#outcome(runs); // an error of a run before this one explains more
      this.#restoreGradients();
      throw error;
    }
    let outcome: Promise<StepOutcome> | undefined;
    const wait = () => {
      this.#begun.delete(wait);
      return outcome ??= this.#outcome(runs);
    };
    this.#begun.add(wait);
    return wait;
  }

  /** `true` if a step that was begun is computed while others begin. */
  get runsAhead(): boolean {
    return [...this.#ran].some(({ start }) => start !== undefined);
  }

  /** Runs a program, or enqueues it if it has run before; returns a function that waits for the outputs. */
  async #start(program: Program, feeds: HostTensors): Promise<() => Promise<HostTensors>> {
    if (program.start && this.#ran.has(program)) return program.start(this.#state, feeds);
    const outputs = await program.run(this.#state, feeds);
    this.#ran.add(program);
    return () => Promise.resolve(outputs);
  }

  /** Waits for the runs of a step, gradients of its parts and then the update; throws the first error of them. */
  async #outcome(runs: readonly (() => Promise<HostTensors>)[]): Promise<StepOutcome> {
    const ends: PromiseSettledResult<HostTensors>[] = [];
    // The last one first: once it has ended, the others have, and one wait is enough.
    for (const wait of runs.toReversed()) ends.unshift(...await Promise.allSettled([wait()]));
    const outputs = ends.map((end) => {
      if (end.status === "fulfilled") return end.value;
      this.#restoreGradients();
      throw end.reason;
    });
    const loss = outputs.reduce((sum, { loss }) => sum + (loss?.data[0] ?? 0), 0);
    return { loss, gradientNorm: outputs.at(-1)?.gradient_norm?.data[0] ?? NaN };
  }

  /** Puts zeros where a failed run has taken a gradient's memory; the next step overwrites them. */
  #restoreGradients(): void {
    const { shapes } = this.#state;
    for (const [name, { shape }] of Object.entries(this.#signatures)) {
      const gradient = stateName.gradient(name);
      if (shapes.has(gradient)) continue;
      const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
      try {
        this.#state.upload({ [gradient]: { shape, data } });
      } catch {
        return; // there is no room even for these: the error of the run says more
      }
    }
  }

  /** Loss and outputs of a batch (its first part) without dropout. */
  async evaluate(batch: StepBatch): Promise<HostTensors> {
    const program = await this.#program(
      `evaluation ${JSON.stringify(batch.shape)}`,
      () => evaluationGraph(this.trainable, this.#signatures, batch.shape),
    );
    const [part] = batch.parts as readonly [HostTensors];
    return program.run(this.#state, this.#subset?.feeds(part) ?? part);
  }

  /** A copy of the parameters. */
  async parameters(): Promise<HostTensors> {
    const held = await this.#state.download(this.parameterNames);
    return this.#subset?.whole(held, this.#subset.decay) ?? held;
  }

  /** Puts other values of the parameters in place. */
  load(parameters: HostTensors): void {
    this.#state.upload(this.#held(parameters));
    const table = this.#subset && parameters[this.#subset.parameter];
    if (table) this.#subset!.replace(table);
  }

  /** Everything that the next step depends on. */
  async snapshot(): Promise<Snapshot> {
    const names = this.parameterNames.flatMap((name) => [
      name,
      stateName.firstMoment(name),
      stateName.secondMoment(name),
    ]);
    const held = await this.#state.download(names);
    return {
      // Not scaled, so that a resumed run rounds them as often as one that was never stopped.
      tensors: this.#subset?.whole(held, 1) ?? held,
      updates: this.#updates,
      counts: this.parameterNames.map((name) => this.#count(name)),
      ...this.#subset ? { decay: this.#subset.decay } : {},
    };
  }

  /** Goes back to a snapshot. */
  restore({ tensors, updates, counts, decay }: Snapshot): void {
    this.#state.upload(this.#held(tensors));
    if (this.#subset) this.#subset.replace(tensors[this.#subset.parameter]!, decay);
    this.#updates = updates;
    this.parameterNames.forEach((name, place) => this.#counts.set(name, counts[place]!));
  }

  /** Frees programs and state, after the end of what was begun. */
  async dispose(): Promise<void> {
    for (const wait of [...this.#begun]) await wait().catch(() => {});
    for (const program of this.#programs.values()) (await program.catch(() => undefined))?.dispose();
    this.#state.dispose();
  }
}
