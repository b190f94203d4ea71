/**
 * What each choice was worth. All trainings of the lowest rung had as many updates; of their mistakes on the N
 * development texts, the share y_t of training t is explained by y = X c, where X has a column for each level that differs
 * from the default (least squares). So c_l is the difference that level l makes, all else equal.
 *
 * Two things make it uncertain. The texts are a draw: c_l is the mean over texts of Σ_t w_lt y_tn, whose variance over n
 * is known. And trainings differ by their own chance and in ways that do not add up: their residual variance s² makes
 * s² Σ_t w_lt². Both variances are added, with the degrees of freedom of Welch and Satterthwaite.
 */
import { criticalT } from "../results/distributions.ts";
import { mean, standardDeviation } from "../results/statistics.ts";
import { type Choice, type Level, levelsOf, rowOf, type Space } from "./choices.ts";

/** What was measured of a training. */
export interface Measured {
  readonly choice: Choice;
  /** [N] of each development text: its error, such as 0 or 1 for right or wrong, or its loss. */
  readonly values: ArrayLike<number>;
}

/** The difference that a level makes, with its 95 % interval. */
export interface Effect {
  /** The level. */
  readonly level: Level;
  /** Trainings with it. */
  readonly trainings: number;
  /** Mean with it minus mean with the default's, all else equal; below 0 is better. */
  readonly difference: number;
  /** Lower end of the interval. */
  readonly low: number;
  /** Upper end of the interval. */
  readonly high: number;
}

/**
 * Returns the effects of the levels that were tried; none if there are no more trainings than such levels and the
 * default, as chance and effects cannot be told apart then.
 */
export function effectsOf(space: Space, trainings: readonly Measured[]): Effect[] {
  const levels = levelsOf(space).filter(({ name, value }) =>
    trainings.some(({ choice }) => choice[name] === value)
  );
  const rows = trainings.map(({ choice }) => rowOf(choice, levels));
  const [T, P] = [rows.length, levels.length + 1];
  if (T <= P) return [];
  const square = columns(P).map((i) => columns(P).map((j) => sum(rows, (row) => row[i]! * row[j]!)));
  const inverse = invert(square);
  if (!inverse) return []; // two levels occur only together
  // w [P][T]: what each training counts for each coefficient.
  const weights = inverse.map((line) =>
    rows.map((row) => line.reduce((sum, value, j) => sum + value * row[j]!, 0))
  );
  const means = trainings.map(({ values }) => mean(values));
  const coefficients = weights.map((line) => line.reduce((sum, weight, t) => sum + weight * means[t]!, 0));
  const residuals = rows.map((row, t) =>
    means[t]! - row.reduce((sum, x, j) => sum + x * coefficients[j]!, 0)
  );
  const variance = sum(residuals, (residual) => residual ** 2) / (T - P);
  const N = trainings[0]!.values.length;
  return levels.map((level, l) => {
    const own = weights[l + 1]!;
    const ofTexts = Array.from(
      { length: N },
      (_, n) => own.reduce((sum, w, t) => sum + w * trainings[t]!.values[n]!, 0),
    );
    const byTexts = (standardDeviation(ofTexts) ?? 0) ** 2 / N;
    const byTrainings = variance * sum(own, (weight) => weight ** 2);
    const total = byTexts + byTrainings;
    const freedom = total ** 2 / (byTexts ** 2 / Math.max(1, N - 1) + byTrainings ** 2 / (T - P));
    const reach = total > 0 ? criticalT(0.05, freedom) * Math.sqrt(total) : 0;
    const difference = coefficients[l + 1]!;
    return {
      level,
      trainings: trainings.filter(({ choice }) => choice[level.name] === level.value).length,
      ...{ difference, low: difference - reach, high: difference + reach },
    };
  });
}

const columns = (count: number) => Array.from({ length: count }, (_, i) => i);

const sum = <Item>(items: readonly Item[], value: (item: Item) => number) =>
  items.reduce((sum, item) => sum + value(item), 0);

/** Inverts a symmetric matrix of whole numbers (Gauss and Jordan, with pivots); undefined if it has no inverse. */
function invert(matrix: readonly (readonly number[])[]): number[][] | undefined {
  const size = matrix.length;
  const lines = matrix.map((line, i) => [...line, ...columns(size).map((j) => i === j ? 1 : 0)]);
  for (const column of columns(size)) {
    const pivot = columns(size).slice(column)
      .reduce((a, b) => Math.abs(lines[b]![column]!) > Math.abs(lines[a]![column]!) ? b : a);
    if (Math.abs(lines[pivot]![column]!) < 1e-9) return undefined;
    [lines[column], lines[pivot]] = [lines[pivot]!, lines[column]!];
    const scale = lines[column]![column]!;
    lines[column] = lines[column]!.map((value) => value / scale);
    for (const other of columns(size).filter((line) => line !== column)) {
      const factor = lines[other]![column]!;
      lines[other] = lines[other]!.map((value, j) => value - factor * lines[column]![j]!);
    }
  }
  return lines.map((line) => line.slice(size));
}
