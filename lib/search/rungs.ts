/**
 * Successive halving (Jamieson and Talwalkar 2016): many choices are trained for few updates, the better ones for twice
 * as many, and so on, up to a whole training. The time that is left is divided evenly among the rungs that are left; each
 * takes as many choices as its part pays for.
 */

/** Rungs at most. */
const mostRungs = 4;

/** Updates of the lowest rung at least: with fewer nothing is learnt that could be compared. */
const usualLeast = 64;

/** Updates at least of a training that a budget is too small for. */
const fewest = 16;

/** Returns the updates of the rungs, the lowest first; the last is a whole training of so many. */
export function ladder(steps: number, least = usualLeast): number[] {
  const rungs = [steps];
  while (rungs.length < mostRungs && Math.floor(rungs[0]! / 2) >= least) {
    rungs.unshift(Math.floor(rungs[0]! / 2));
  }
  return rungs;
}

/**
 * Returns the updates of the longest training that the time pays for: all, a half, a quarter, …; undefined if not even
 * the fewest updates.
 *
 * @param cost seconds of so many updates
 */
export function affordableSteps(
  steps: number,
  seconds: number,
  cost: (steps: number) => number,
): number | undefined {
  for (let affordable = steps; affordable >= 1; affordable = Math.floor(affordable / 2)) {
    if (cost(affordable) <= seconds) return affordable;
    if (affordable < fewest) return undefined;
  }
  return undefined;
}

/** The candidates of a rung in the order in which they would be taken, and what limits their number. */
export interface RungLimits {
  /** Expected seconds of each candidate. */
  readonly costs: readonly number[];
  /** Seconds for this rung and all later ones. */
  readonly seconds: number;
  /** Rungs that are left, this one among them. */
  readonly rungs: number;
  /** Most candidates. */
  readonly most: number;
}

/** Returns how many candidates a rung takes: as many of the first as its part of the time pays for. */
export function affordableCount({ costs, seconds, rungs, most }: RungLimits): number {
  let left = seconds / rungs;
  let count = 0;
  while (count < Math.min(most, costs.length) && costs[count]! <= left) left -= costs[count++]!;
  return count;
}
