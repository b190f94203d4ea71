/** Tensors in host memory, as checkpoints hold them and engines take and return them. */

/** A dense row-major tensor. */
export interface HostTensor {
  /** Sizes of its dimensions; [] for a number. */
  readonly shape: readonly number[];
  /** Its elements. */
  readonly data: Float32Array | Int32Array;
}

/** Tensors by name. */
export type HostTensors = Record<string, HostTensor>;
