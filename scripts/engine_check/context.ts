/** What a part of the check is given, and what it tells. */
import { join } from "node:path";
import type { Engine } from "../../lib/engine/engine.ts";
import { openEngine } from "../../lib/engine/open.ts";
import { findPlugin } from "../../lib/engine/xla/discovery.ts";
import { xlaEngine } from "../../lib/engine/xla/engine.ts";
import { openPlugin } from "../../lib/engine/xla/open.ts";
import { InputError } from "../../lib/errors.ts";
import type { DeviceMemory } from "../../lib/engine/xla/client.ts";

/** A finding of a part, one line of the report. */
export interface Finding {
  /** Name inside the part. */
  readonly name: string;
  readonly state: "right" | "wrong" | "not run";
  /** The numbers that people want, as a short text. */
  readonly text: string;
  /** All numbers, for the file. */
  readonly numbers?: Readonly<Record<string, unknown>>;
}

/** The result of a check: whether it is right, and the rest of its {@linkcode Finding}. */
export interface Outcome {
  readonly right: boolean;
  readonly text: string;
  readonly numbers?: Readonly<Record<string, unknown>>;
}

/** Ways to compute that a part may ask for. */
export interface EngineVariant {
  readonly precision?: "f32" | "bf16";
  /** cuDNN's attention in bf16, or products and a softmax. */
  readonly fusedAttention?: boolean;
  /** Programs are kept on disk from process to process. */
  readonly keep?: boolean;
}

/** Names of the engines that can be checked. */
export type CheckedEngine = Engine["name"];

/** The engine that is checked, in one process, and the way to tell of findings. */
export class CheckContext {
  /**
   * @param work a folder that all processes of a check share
   * @param stage number of the process of its part, from 1
   * @param tell gets each finding as it comes
   */
  constructor(
    readonly name: CheckedEngine,
    readonly work: string,
    readonly stage: number,
    readonly tell: (finding: Finding) => void,
  ) {}

  /** Opens the engine. @throws InputError if it cannot be used. */
  async open({ precision = "f32", fusedAttention, keep = false }: EngineVariant = {}): Promise<Engine> {
    if (this.name !== "xla") return await openEngine(this.name, precision);
    const cacheFolder = keep ? join(this.work, "programs") : false;
    return await xlaEngine({ precision, fusedAttention, cacheFolder });
  }

  /** Tells whether the engine computes on a GPU. */
  async isOnGpu(): Promise<boolean> {
    return this.name === "xla" && (await this.#client()).platform !== "cpu";
  }

  /** The memory of the first device at this moment; undefined if nobody counts it. */
  async memory(): Promise<DeviceMemory | undefined> {
    return this.name === "xla" ? (await this.#client()).devices[0]!.memory : undefined;
  }

  async #client() {
    return (await openPlugin((await findPlugin()).path)).client;
  }

  /** Runs one check; an error is a finding too, and the next check runs. */
  async check(name: string, run: () => Promise<Outcome>): Promise<void> {
    try {
      const { right, ...rest } = await run();
      this.tell({ name, state: right ? "right" : "wrong", ...rest });
    } catch (error) {
      const { name: kind, message, stack } = error as Error;
      const text = error instanceof InputError ? message : `${kind}: ${message}`;
      this.tell({ name, state: "wrong", text, numbers: { stack } });
    }
  }

  /** Says why something is not checked here. */
  skip(name: string, why: string): void {
    this.tell({ name, state: "not run", text: why });
  }
}
