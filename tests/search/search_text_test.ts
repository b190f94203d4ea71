import assert from "node:assert/strict";
import { measure } from "../../lib/results/metrics.ts";
import type { Choice } from "../../lib/search/choices.ts";
import { measureLabels } from "../../lib/results/multi_label.ts";
import {
  againstDefault,
  asJudged,
  choiceSentences,
  effectText,
  judged,
  trialHead,
  trialRow,
} from "../../lib/search/search_text.ts";
import { chosen, type Trial } from "../../lib/search/state.ts";

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

/** A training of a hundred texts with two labels each, of which these texts miss the second one. */
function severalTrial(choice: number, misses: (n: number) => boolean): Trial {
  const expected = new Array<number>(200).fill(1);
  const probabilities = expected.map((_, at) => at % 2 === 1 && misses(Math.floor(at / 2)) ? 0.2 : 0.8);
  const metrics = measureLabels(probabilities, expected, [.5, .5]);
  const predictions = { labels: ["a", "b"], expected, probabilities };
  return {
    ...{ choice, rung: 0 },
    outcome: { epochs: [], bestEpoch: 1, metrics, predictions, steps: 76, seconds: 61 },
  };
}

Deno.test("of several labels micro F1 takes the place of the error: larger is better, by more than its standard error", () => {
  const other: Choice = { ...base, truncation: "tail" };
  const of = (misses: number) => {
    const trials = [severalTrial(0, (n) => n < 20), severalTrial(1, (n) => n < misses)];
    return {
      order: [base, other],
      state: { pace: { start: 0, operation: 0 }, ladder: [76], rungs: [], trials },
      seconds: 9,
    };
  };
  const found = of(10);
  const [base20, base10] = [2 * 180 / 380, 2 * 190 / 390];
  assert.equal(judged(found), "micro F1");
  assert.deepEqual(trialHead("micro F1")[5], "micro F1");
  assert.equal(trialRow(found.state.trials[0]!, found.order)[5], base20.toFixed(4));
  const { difference, low, high } = asJudged(againstDefault(found)[0]!.difference, "micro F1");
  assert.ok(
    Math.abs(difference - (base10 - base20)) < 1e-12 && low > 0 && low < difference && difference < high,
  );
  const trial = chosen(found.state.trials);
  assert.equal(trial.choice, 1);
  assert.deepEqual(
    choiceSentences({ ...found, trial })[0],
    `Chosen: fit, rate 5e-5, layer decay 0.95, tail, 76 steps, ` +
      `development micro F1 ${
        base10.toFixed(4)
      }, as it had a larger micro F1 than the default by more than one standard error`,
  );
  // One text of a hundred is chance, in whichever measure.
  assert.equal(chosen(of(19).state.trials).choice, 0);
});
