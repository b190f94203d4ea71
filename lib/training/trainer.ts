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

/** Owns a state of the engine; `dispose` frees it. */
export class Trainer {
  readonly parameterNames: readonly string[];
  #updates = 0;
  readonly #counts = new Map<string, number>();
  readonly #state: State;
  readonly #subset: RowSubset | undefined;
  readonly #signatures: ReturnType<typeof signatures>;
  readonly #programs = new Map<string, Promise<Program>>();

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

  /**
   * One optimizer step.
   *
   * @param rate The learning rate of each parameter at this step.
   * @returns the batch's mean loss before the step, and the gradients' norm before clipping.
   */
  async step(
    batch: StepBatch,
    rate: (parameter: string) => number,
  ): Promise<{ loss: number; gradientNorm: number }> {
    let loss = 0;
    for (const [i, part] of batch.parts.entries()) {
      const accumulate = i > 0;
      const program = await this.#program(
        `gradients ${accumulate} ${JSON.stringify(batch.shape)}`,
        () => gradientGraph(this.trainable, this.#signatures, batch.shape, { accumulate }),
      );
      const key = Int32Array.of(stepKey(stepKey(this.seed, this.#updates), i));
      const feeds = this.#subset?.feeds(part) ?? part;
      const outputs = await program.run(this.#state, { ...feeds, key: { shape: [1], data: key } });
      loss += outputs.loss!.data[0]!;
    }
    const names = trainedNames(this.trainable, this.#signatures, batch.shape);
    const update = await this.#program(`update ${names}`, () => {
      const trained = Object.fromEntries(names.map((name) => [name, this.#signatures[name]!]));
      return updateGraph(trained, this.optimizer);
    });
    this.#updates++;
    for (const name of names) this.#counts.set(name, this.#count(name) + 1);
    const corrections = biasCorrections(this.optimizer, names.map((name) => this.#count(name)));
    const { gradient_norm: norm } = await update.run(this.#state, {
      learning_rates: { shape: [names.length], data: Float32Array.from(names, rate) },
      bias_corrections: { shape: [names.length, 2], data: corrections },
    });
    if (this.#subset && names.includes(this.#subset.parameter)) {
      this.#subset.decay *= 1 - rate(this.#subset.parameter) * this.optimizer.weightDecay;
    }
    return { loss, gradientNorm: norm!.data[0]! };
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

  /** Frees programs and state. */
  async dispose(): Promise<void> {
    for (const program of this.#programs.values()) (await program.catch(() => undefined))?.dispose();
    this.#state.dispose();
  }
}
