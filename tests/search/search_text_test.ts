import assert from "node:assert/strict";
import { measure } from "../../lib/results/metrics.ts";
import type { Choice } from "../../lib/search/choices.ts";
import { againstDefault, effectText, trialHead, trialRow } from "../../lib/search/search_text.ts";
import type { Trial } from "../../lib/search/state.ts";

const base: Choice = { recipe: "fit", learningRate: 5e-5, layerDecay: 0.95, truncation: "head+tail" };

/** A training of a hundred texts of which these are wrong. */
function trial(choice: number, rung: number, isWrong: (n: number) => boolean): Trial {
  const expected = new Array<number>(100).fill(0);
  const probabilities = expected.flatMap((_, n) => isWrong(n) ? [0.2, 0.8] : [0.8, 0.2]);
  const predictions = { labels: ["a", "b"], expected, probabilities };
  const metrics = measure(probabilities, expected, 2);
  return {
    choice,
    rung,
    outcome: { epochs: [], bestEpoch: 1, metrics, predictions, steps: 76, seconds: 61 },
  };
}

Deno.test("whole trainings are compared with the default's on the same texts", () => {
  const trials = [trial(0, 0, () => true), trial(0, 1, (n) => n < 20), trial(4, 1, (n) => n < 10)];
  const state = { pace: { start: 0, operation: 0 }, ladder: [38, 76], rungs: [], trials };
  const [found, ...others] = againstDefault({ state });
  assert.deepEqual([others, found!.trial], [[], trials[2]]);
  const { difference, low, high } = found!.difference;
  // Ten of a hundred texts: -0.1, with a standard error of 0.03.
  assert.ok(
    Math.abs(difference + 0.1) < 1e-12 && Math.abs(low + 0.16) < 0.02 && Math.abs(high + 0.05) < 0.02,
  );
});

Deno.test("a training is a line, and an effect says what it is compared with", () => {
  assert.equal(trialHead("error").length, trialRow(trial(0, 0, () => false), [base]).length);
  assert.deepEqual(
    trialRow(trial(0, 0, (n) => n === 0), [base]),
    ["76", "fit", "5e-5", "0.95", "head+tail", "1.00 %", "0.4975", "0.2370", "1 min 1 s"],
  );
  const effect = { trainings: 1, difference: 0, low: 0, high: 0 };
  assert.equal(
    effectText({ ...effect, level: { name: "learningRate", value: 2e-5 } }, base),
    "rate 2e-5 rather than 5e-5",
  );
  assert.equal(
    effectText({ ...effect, level: { name: "truncation", value: "tail" } }, base),
    "tail rather than head+tail",
  );
});
