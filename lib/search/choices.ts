/**
 * The choices of the paper's general solution (its conclusion): whether to pre-train further, the rate, its decay from
 * layer to layer, and the treatment of long texts. What is not open to choice keeps its one value.
 */
import { fold } from "../random.ts";
import { textStrategyNames } from "../paper/long_text.ts";

/** A way to train. */
export interface Choice {
  /** `itpt-fit` pre-trains on the task's texts before, `fit` does not. */
  readonly recipe: "fit" | "itpt-fit";
  /** The base rate. */
  readonly learningRate: number;
  /** xi of section 5.3.4; 1 is none. */
  readonly layerDecay: number;
  /** A name of lib/paper/long_text.ts. */
  readonly truncation: string;
}

/** The name of a choice. */
export type ChoiceName = keyof Choice;

/** The values that are open for each choice; the first one is that of the default recipe. */
export type Space = { readonly [Name in ChoiceName]: readonly Choice[Name][] };

/** The names in the order of the tables. */
export const choiceNames = [
  "recipe",
  "learningRate",
  "layerDecay",
  "truncation",
] as const satisfies ChoiceName[];

/** Names of the choices in sentences. */
const choiceTitles: Readonly<Record<ChoiceName, string>> = {
  recipe: "recipe",
  learningRate: "rate",
  layerDecay: "layer decay",
  truncation: "truncation",
};

/** What leaves fewer values open. */
export interface SpaceLimits {
  /** Choices that keep the value of the default recipe. */
  readonly fixed?: readonly ChoiceName[];
  /** `false` where no text is longer than the input, or texts are pairs: all truncations read the same. */
  readonly cutsTexts: boolean;
}

/** Returns the space around a default: three rates, decay on and off, the six truncations, pre-training or not. */
export function spaceAround(base: Choice, { fixed = [], cutsTexts }: SpaceLimits): Space {
  const { recipe, learningRate, layerDecay, truncation } = base;
  const rates = [learningRate, 0.4 * learningRate, 2 * learningRate].map((rate) =>
    Number(rate.toPrecision(6))
  );
  const open: Space = {
    recipe: first(recipe, ["fit", "itpt-fit"]),
    learningRate: rates,
    layerDecay: first(layerDecay, layerDecay === 1 ? [0.95] : [1]),
    truncation: cutsTexts ? first(truncation, textStrategyNames) : [truncation],
  };
  const entries = choiceNames.map((name) => [name, fixed.includes(name) ? [base[name]] : open[name]]);
  return Object.fromEntries(entries);
}

function first<Value>(value: Value, values: readonly Value[]): Value[] {
  return [value, ...values.filter((other) => other !== value)];
}

/** Returns every choice of a space, the default first. */
export function choicesOf({ recipe, learningRate, layerDecay, truncation }: Space): Choice[] {
  return recipe.flatMap((recipe) =>
    learningRate.flatMap((learningRate) =>
      layerDecay.flatMap((layerDecay) =>
        truncation.map((truncation) => ({ recipe, learningRate, layerDecay, truncation }))
      )
    )
  );
}

/** A value of a choice that differs from the default's. */
export type Level = {
  readonly [Name in ChoiceName]: { readonly name: Name; readonly value: Choice[Name] };
}[ChoiceName];

/** Returns the levels of a space. */
export function levelsOf(space: Space): Level[] {
  return choiceNames.flatMap((name) => space[name].slice(1).map((value) => ({ name, value }) as Level));
}

/** A choice as a row of numbers: 1 for the default, then 1 for each level that it has. */
export function rowOf(choice: Choice, levels: readonly Level[]): number[] {
  return [1, ...levels.map(({ name, value }) => choice[name] === value ? 1 : 0)];
}

/**
 * Returns the choices in the order in which they are tried, so that the first n, whatever n is, tell most of what each
 * level is worth for their cost: the default, then always the one with the largest gain of log det(XᵀX) over its cost
 * (D-optimal design). Equal ones come in an order that the seed gives.
 */
export function informativeOrder(space: Space, cost: (choice: Choice) => number, seed: number): Choice[] {
  const levels = levelsOf(space);
  const [base, ...left] = choicesOf(space).map((choice, place) => ({
    choice,
    row: rowOf(choice, levels),
    cost: cost(choice),
    key: fold(seed, place),
  }));
  // The inverse of XᵀX + .001 I, updated by each row that is added (Sherman and Morrison).
  let inverse: number[][] = [0, ...levels].map((_, i) => [0, ...levels].map((_, j) => i === j ? 1000 : 0));
  const times = (row: readonly number[]) =>
    inverse.map((line) => line.reduce((sum, value, j) => sum + value * row[j]!, 0));
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const add = (row: readonly number[]) => {
    const product = times(row);
    const scale = 1 + dot(row, product);
    inverse = inverse.map((line, i) => line.map((value, j) => value - product[i]! * product[j]! / scale));
  };
  const order = [base!];
  add(base!.row);
  while (left.length > 0) {
    const gains = left.map(({ row, cost }) => Math.log1p(dot(row, times(row))) / cost);
    const most = Math.max(...gains);
    const equal = left.filter((_, place) => gains[place]! > most * (1 - 1e-9));
    const next = equal.reduce((a, b) => a.key < b.key ? a : b);
    left.splice(left.indexOf(next), 1);
    add(next.row);
    order.push(next);
  }
  return order.map(({ choice }) => choice);
}

/** Writes a choice for a line: "itpt-fit, rate 5e-5, layer decay 0.95, head+tail". */
export function choiceText({ recipe, learningRate, layerDecay, truncation }: Choice): string {
  return `${recipe}, rate ${rateText(learningRate)}, layer decay ${layerDecay}, ${truncation}`;
}

/** Writes a rate: "5e-5". */
export function rateText(rate: number): string {
  return rate.toExponential().replace("e+0", "");
}

/** Writes a level: "rate 2e-5". */
export function levelText({ name, value }: Level): string {
  if (name === "recipe" || name === "truncation") return value;
  return `${choiceTitles[name]} ${name === "learningRate" ? rateText(value) : value}`;
}
