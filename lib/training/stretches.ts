/** Stretches of a training: the steps between two measurements of the model. */
import type { EpochBatches } from "./step.ts";

/** Settings of a training's length and of its measurements. */
export interface StretchSettings {
  /** Passes over the training texts. */
  readonly epochs: number;
  /** Measurements in each pass, evenly spread; 1 if not given. */
  readonly evaluationsPerEpoch?: number;
  /** Updates between two measurements, instead of some in each pass. */
  readonly evaluateEvery?: number;
  /** Updates at most. */
  readonly maxSteps?: number;
}

/** The steps from one measurement to the next. */
export interface Stretch {
  /** Updates before it. */
  readonly from: number;
  /** Updates up to its end. */
  readonly to: number;
  /** Passes over the training texts up to its end. */
  readonly epoch: number;
}

/** Returns the updates of a whole training. @param steps those of a pass. */
export function updatesOf(
  steps: number,
  { epochs, maxSteps = Infinity }: Pick<StretchSettings, "epochs" | "maxSteps">,
): number {
  return Math.min(steps * epochs, maxSteps);
}

/** Returns the stretches of a training in their order. @param steps updates of a pass. */
export function stretchesOf(steps: number, settings: StretchSettings): Stretch[] {
  const { epochs, evaluationsPerEpoch: points = 1, evaluateEvery } = settings;
  const total = updatesOf(steps, settings);
  const ends = evaluateEvery === undefined
    ? Array.from({ length: epochs * points }, (_, point) => ({
      to: Math.floor(point / points) * steps + Math.floor((point % points + 1) * steps / points),
      epoch: (point + 1) / points,
    }))
    : Array.from({ length: Math.ceil(total / evaluateEvery) }, (_, n) => (n + 1) * evaluateEvery)
      .map((to) => ({ to, epoch: to / steps }));
  const within = ends.filter(({ to }) => to < total);
  const last = ends.find(({ to }) => to === total) ?? { to: total, epoch: total / steps };
  return [...within, last].map((end, n) => ({ from: within[n - 1]?.to ?? 0, ...end }));
}

/** Returns the batches of a stretch. @param epochs the batches of each pass, as many in all of them. */
export function batchesOfStretch(epochs: readonly EpochBatches[], { from, to }: Stretch): EpochBatches {
  const steps = epochs[0]!.length;
  return {
    length: to - from,
    at: (place) => epochs[Math.floor((from + place) / steps)]!.at((from + place) % steps),
  };
}
