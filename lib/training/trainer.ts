/** A model in training on an engine: its state, and the recorded programs for each shape of batch. */
import type { Engine, Program, State } from "../engine/engine.ts";
import type { HostTensors } from "../tensors.ts";
import { stepKey } from "../graph/composites.ts";
import { biasCorrections, type OptimizerOptions, stateName } from "./optimizers.ts";
import {
  evaluationGraph,
  gradientGraph,
  signatures,
  type Trainable,
  trainedNames,
  updateGraph,
} from "./step.ts";

/** One optimizer batch: feeds of one or more parts of the same shape, whose weights sum to 1 over all parts. */
export interface StepBatch {
  /** Key that programs are cached by. */
  readonly shape: unknown;
  readonly parts: readonly HostTensors[];
  /** Examples without padding rows. */
  readonly examples: number;
  /** Tokens without padding. */
  readonly tokens: number;
}

/** State of a trainer, which {@linkcode Trainer.restore} takes back. */
export interface Snapshot {
  /** Parameters and moments by their names in the state. */
  readonly tensors: HostTensors;
  /** Updates made. */
  readonly updates: number;
  /** Updates of each parameter, in the trainer's order. */
  readonly counts: readonly number[];
}

/** Owns a state of the engine; `dispose` frees it. */
export class Trainer {
  readonly parameterNames: readonly string[];
  #updates = 0;
  readonly #counts = new Map<string, number>();
  readonly #state: State;
  readonly #signatures: ReturnType<typeof signatures>;
  readonly #programs = new Map<string, Promise<Program>>();

  /**
   * @param parameters Initial values.
   * @param seed The seed of the dropout masks.
   */
  constructor(
    readonly engine: Engine,
    readonly trainable: Trainable,
    parameters: HostTensors,
    readonly optimizer: OptimizerOptions,
    readonly seed: number,
  ) {
    this.parameterNames = Object.keys(parameters);
    this.#signatures = signatures(parameters);
    const zero = new Float32Array(Math.max(0, ...Object.values(parameters).map(({ data }) => data.length)));
    const zeros: HostTensors = {};
    for (const [name, { shape, data }] of Object.entries(parameters)) {
      for (const nameOf of Object.values(stateName)) {
        zeros[nameOf(name)] = { shape, data: zero.subarray(0, data.length) };
      }
    }
    this.#state = engine.state({ ...parameters, ...zeros });
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
      const outputs = await program.run(this.#state, { ...part, key: { shape: [1], data: key } });
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
    return { loss, gradientNorm: norm!.data[0]! };
  }

  /** Loss and outputs of a batch (its first part) without dropout. */
  async evaluate(batch: StepBatch): Promise<HostTensors> {
    const program = await this.#program(
      `evaluation ${JSON.stringify(batch.shape)}`,
      () => evaluationGraph(this.trainable, this.#signatures, batch.shape),
    );
    return program.run(this.#state, batch.parts[0]!);
  }

  /** A copy of the parameters. */
  parameters(): Promise<HostTensors> {
    return this.#state.download(this.parameterNames);
  }

  /** Puts other values of the parameters in place. */
  load(parameters: HostTensors): void {
    this.#state.upload(parameters);
  }

  /** Everything that the next step depends on. */
  async snapshot(): Promise<Snapshot> {
    const names = this.parameterNames.flatMap((name) => [
      name,
      stateName.firstMoment(name),
      stateName.secondMoment(name),
    ]);
    return {
      tensors: await this.#state.download(names),
      updates: this.#updates,
      counts: this.parameterNames.map((name) => this.#count(name)),
    };
  }

  /** Goes back to a snapshot. */
  restore({ tensors, updates, counts }: Snapshot): void {
    this.#state.upload(tensors);
    this.#updates = updates;
    this.parameterNames.forEach((name, place) => this.#counts.set(name, counts[place]!));
  }

  /** Frees programs and state. */
  async dispose(): Promise<void> {
    for (const program of this.#programs.values()) (await program.catch(() => undefined))?.dispose();
    this.#state.dispose();
  }
}
