/**
 * The power of a comparison (comparison.ts) by the model of variance of its own two tests: the bootstrap takes the
 * difference as normal around the true one with the standard error over test examples, the t test with that over
 * seeds, and a finding needs both. What both draws do together is wider than either.
 */
import { criticalNormal, criticalT, crossing, normalBelow } from "./distributions.ts";

/** Standard errors of a difference. */
export interface StandardErrors {
  /** Over the draw of test examples, with the seeds as they are: that of the bootstrap. */
  readonly examples: number;
  /** Over the draw of seeds, with the examples as they are: sd / √seeds; 0 with one seed. */
  readonly seeds: number;
  /** Over both draws. */
  readonly both: number;
  /** Number of seeds. */
  readonly count: number;
}

/** The power that {@linkcode detectable} is asked for: four times in five. */
const fourInFive = 0.8;

/**
 * Returns the function that gives the probability of finding a true difference, in its own direction: that the
 * bootstrap's p and the t test's p are both below the level. It is the probability that the difference exceeds both
 * critical sizes, averaged over the sd that so many seeds may show.
 */
export function powerOf(
  { examples, seeds, both, count }: StandardErrors,
  level: number,
): (difference: number) => number {
  const byExamples = criticalNormal(level) * examples;
  const bySeeds = count > 1 ? criticalT(level, count - 1) * seeds : 0;
  const shown = bySeeds > 0 ? shownSpreads(count - 1) : [{ ratio: 0, weight: 1 }];
  return (difference) =>
    shown.reduce((sum, { ratio, weight }) => {
      const above = difference - Math.max(byExamples, bySeeds * ratio);
      return sum + weight * (both === 0 ? Number(above > 0) : normalBelow(above / both));
    }, 0);
}

/** Returns the smallest true difference that is found at a level with the power asked for. */
export function detectable(errors: StandardErrors, level: number, power = fourInFive): number {
  return crossing(powerOf(errors, level), power);
}

/** Returns ratios of a sample's sd to the true one with their probabilities: √(χ² / degrees of freedom), 400 steps. */
function shownSpreads(degreesOfFreedom: number): { ratio: number; weight: number }[] {
  const steps = 400;
  const step = (1 + 8 / Math.sqrt(degreesOfFreedom)) / steps;
  const ratios = Array.from({ length: steps }, (_, n) => (n + 0.5) * step);
  const densities = ratios.map((u) =>
    Math.exp(degreesOfFreedom * ((1 - u * u) / 2 + Math.log(u)) - Math.log(u))
  );
  const all = densities.reduce((sum, density) => sum + density, 0);
  return ratios.map((ratio, n) => ({ ratio, weight: densities[n]! / all }));
}
