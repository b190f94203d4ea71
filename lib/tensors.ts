/** Tensors in host memory: what checkpoints hold and what crosses an engine's boundary. */

/** A dense row-major tensor. */
export interface HostTensor {
  /** Sizes of its dimensions; [] for a number. */
  readonly shape: readonly number[];
  /** Its elements. */
  readonly data: Float32Array | Int32Array;
}

/** Tensors by name. */
export type HostTensors = Record<string, HostTensor>;
