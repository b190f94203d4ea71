/**
 * The six learning-rate schedules of the paper's summary, as in Hugging Face transformers' `optimization.py`, and
 * the one of the paper's own code. A schedule is a function from the step (0 is the first) to the multiplier of the
 * base learning rate. The paper's slanted triangle (section 5.2) is `linear`.
 */
import { InputError } from "../errors.ts";
import { requireArguments } from "../storage/arguments.ts";
import { number, object, text } from "../storage/json.ts";

/** Names of the schedules, in the paper's order; the last is BertAdam's `warmup_linear`. */
export const scheduleNames = [
  "constant",
  "constant-with-warmup",
  "cosine",
  "cosine-with-restarts",
  "linear",
  "polynomial",
  "bertadam-linear",
] as const;

/** The name of a schedule. */
export type ScheduleName = typeof scheduleNames[number];

/** Options of a schedule; steps are optimizer updates. */
export interface ScheduleOptions {
  /** n, all steps. */
  readonly totalSteps: number;
  /** w, the steps of the warm-up among them. */
  readonly warmupSteps: number;
  /** Waves of `cosine` (default .5: down once) or descents of `cosine-with-restarts` (default 1). */
  readonly cycles?: number;
  /** Exponent of `polynomial` (default 1). */
  readonly power?: number;
  /** Learning rate at the end of `polynomial` (default 1e-7), in the unit of `baseRate`. */
  readonly endRate?: number;
  /** The learning rate that the multiplier is for; only `polynomial` needs it (default 2e-5). */
  readonly baseRate?: number;
}

/**
 * The multiplier of the learning rate at each step. With w warm-up steps of n, it is s / w below w in every schedule
 * but `constant`. After that, with p = (s - w) / (n - w):
 *
 * - `constant`, `constant-with-warmup`: 1
 * - `cosine`: (1 + cos(2 pi cycles p)) / 2
 * - `cosine-with-restarts`: (1 + cos(pi ((cycles p) mod 1))) / 2, and 0 from p = 1 on
 * - `linear`: 1 - p
 * - `polynomial`: ((base - end) (1 - p)^power + end) / base
 * - `bertadam-linear`: 1 - s / n, which jumps at the end of the warm-up, as BertAdam does
 *
 * @throws InputError if there is no schedule of that name, or the rate is too low for it; RangeError if a step count
 * makes no sense.
 */
export function schedule(name: ScheduleName, options: ScheduleOptions): (step: number) => number {
  requireArguments("schedule", {
    name: [name, text],
    options: [options, object({ totalSteps: number(), warmupSteps: number() })],
  });
  const { totalSteps: total, warmupSteps: warmup, power = 1, endRate = 1e-7, baseRate = 2e-5 } = options;
  if (!(total >= 0 && warmup >= 0)) {
    throw new RangeError(`Steps must be 0 or more: found ${total} in total, ${warmup} for the warm-up`);
  }
  const span = Math.max(1, total - warmup);
  const progress = (step: number) => (step - warmup) / span;
  const warmed = (after: (step: number) => number) => (step: number) =>
    step < warmup ? step / Math.max(1, warmup) : after(step);

  switch (name) {
    case "constant":
      return () => 1;
    case "constant-with-warmup":
      return warmed(() => 1);
    case "cosine": {
      const cycles = options.cycles ?? 0.5;
      return warmed((step) => Math.max(0, 0.5 * (1 + Math.cos(2 * Math.PI * cycles * progress(step)))));
    }
    case "cosine-with-restarts": {
      const cycles = options.cycles ?? 1;
      return warmed((step) =>
        progress(step) >= 1 ? 0 : 0.5 * (1 + Math.cos(Math.PI * ((cycles * progress(step)) % 1)))
      );
    }
    case "linear":
      return warmed((step) => Math.max(0, (total - step) / span));
    case "polynomial":
      if (!(baseRate > endRate)) {
        throw new InputError(
          `Cannot use the schedule "polynomial" with a learning rate of ${baseRate}: expected one above ${endRate}, ` +
            "its rate at the end",
        );
      }
      return warmed((step) =>
        step > total
          ? endRate / baseRate
          : ((baseRate - endRate) * (1 - progress(step)) ** power + endRate) / baseRate
      );
    case "bertadam-linear":
      return warmed((step) => Math.max(0, 1 - step / Math.max(1, total)));
    default:
      throw new InputError(
        `Cannot use the learning-rate schedule "${name}": expected one of ${scheduleNames.join(", ")}`,
      );
  }
}
