import assert from "node:assert/strict";
import {
  type Choice,
  choicesOf,
  informativeOrder,
  levelsOf,
  rowOf,
  type Space,
  spaceAround,
} from "../../lib/search/choices.ts";
import { effectsOf } from "../../lib/search/effects.ts";
import { Random } from "../../lib/random.ts";

const base: Choice = { recipe: "fit", learningRate: 5e-5, layerDecay: 0.95, truncation: "head+tail" };

Deno.test("the space has pre-training or not, three rates, decay on and off and six truncations", () => {
  const space = spaceAround(base, { cutsTexts: true });
  assert.deepEqual([space.recipe, space.learningRate, space.layerDecay], [["fit", "itpt-fit"], [
    5e-5,
    2e-5,
    1e-4,
  ], [0.95, 1]]);
  assert.equal(space.truncation.length, 6);
  assert.deepEqual([choicesOf(space).length, choicesOf(space)[0]], [72, base]);
  assert.deepEqual(spaceAround(base, { cutsTexts: false }).truncation, ["head+tail"]);
  assert.deepEqual(spaceAround({ ...base, layerDecay: 1 }, { cutsTexts: false }).layerDecay, [1, 0.95]);
  const fixed = spaceAround(base, { fixed: ["recipe", "learningRate"], cutsTexts: true });
  assert.equal(choicesOf(fixed).length, 12);
});

Deno.test("the first choices tell the effects apart as early as any could, and cheap ones come before equals", () => {
  const space = spaceAround(base, { cutsTexts: true });
  const order = informativeOrder(space, () => 1, 1);
  assert.deepEqual([order.length, new Set(order.map((choice) => JSON.stringify(choice))).size, order[0]], [
    72,
    72,
    base,
  ]);
  const levels = levelsOf(space);
  const first = order.slice(0, levels.length + 1).map((choice) => rowOf(choice, levels));
  assert.ok(Math.abs(determinant(first)) >= 1, "the first ten are independent");
  const costly = informativeOrder(space, ({ recipe }) => recipe === "fit" ? 1 : 50, 1);
  const places = (choices: Choice[]) => choices.findIndex(({ recipe }) => recipe === "itpt-fit");
  assert.ok(places(costly) > places(order));
  assert.deepEqual(informativeOrder(space, () => 1, 1), order);
});

function determinant(matrix: readonly (readonly number[])[]): number {
  if (matrix.length === 1) return matrix[0]![0]!;
  return matrix[0]!.reduce((sum, value, column) =>
    value === 0 ? sum : sum + (column % 2 ? -1 : 1) * value *
        determinant(matrix.slice(1).map((row) => row.filter((_, n) => n !== column))), 0);
}

/** A full factorial of rate and decay. */
const space: Space = {
  recipe: ["fit"],
  learningRate: [5e-5, 2e-5],
  layerDecay: [0.95, 1],
  truncation: ["head+tail"],
};

Deno.test("in a whole factorial an effect is the difference of the means, with the errors of both kinds", () => {
  // Mistakes of 4 texts in 4 trainings: rate and decay (base, base), (base, 1), (2e-5, base), (2e-5, 1).
  const values = [[0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]];
  const trainings = choicesOf(space).map((choice, n) => ({ choice, values: values[n]! }));
  const [rate, decay] = effectsOf(space, trainings) as [
    ReturnType<typeof effectsOf>[0],
    ReturnType<typeof effectsOf>[0],
  ];
  // Means .5, .75, .25, 0.
  assert.ok(Math.abs(rate.difference - (0.125 - 0.625)) < 1e-12);
  assert.ok(Math.abs(decay.difference - (0.375 - 0.375)) < 1e-12);
  // Of each text, rate: (0, -.5, -1, -.5); s² = 1 / 6, over 4 texts. Residuals ±.125: s² = .0625 with 1 degree of freedom,
  // and each mean of two has half of it, so .0625 for a difference.
  const [texts, chance] = [1 / 24, 0.0625];

  // Student's t exceeds 3.6614 in 5 % of cases with 2.419 degrees of freedom (Welch and Satterthwaite).
  const reach = (rate.high - rate.low) / 2;
  assert.ok(
    Math.abs(reach / Math.sqrt(texts + chance) - 3.6614) < 0.01,
    `${reach / Math.sqrt(texts + chance)}`,
  );
  assert.deepEqual([rate.level, rate.trainings], [{ name: "learningRate", value: 2e-5 }, 2]);
});

Deno.test("nothing is told of too few trainings, nor of two levels that only occur together", () => {
  const [a, b, c, d] = choicesOf(space).map((choice) => ({ choice, values: [0, 1] })) as [Run, Run, Run, Run];
  assert.deepEqual(effectsOf(space, [a, b, c]), []);
  assert.deepEqual(effectsOf(space, [a, a, d, d]), []);
  assert.equal(effectsOf(space, [a, b, b, a]).length, 1);
  assert.equal(c.values.length, 2);
});

interface Run {
  readonly choice: Choice;
  readonly values: number[];
}

Deno.test("95 % intervals hold the true effect in about 95 of 100 cases", () => {
  const random = new Random(5);
  let held = 0;
  const cases = 400;
  for (let n = 0; n < cases; n++) {
    const difficulty = Array.from({ length: 60 }, () => random.uniform());
    const trainings = [...choicesOf(space), ...choicesOf(space), ...choicesOf(space)].map((choice) => {
      const rate = 0.1 + (choice.learningRate === 2e-5 ? 0.1 : 0) + 0.03 * random.normal();
      return { choice, values: difficulty.map((hard) => random.uniform() < rate + 0.4 * hard ? 1 : 0) };
    });
    const { low, high } = effectsOf(space, trainings)[0]!;
    if (low <= 0.1 && high >= 0.1) held++;
  }
  assert.ok(held / cases > 0.92 && held / cases <= 1, `${held} of ${cases}`);
});
