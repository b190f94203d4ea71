import assert from "node:assert/strict";
import { decide } from "../../lib/search/decisions.ts";
import { affordableCount, affordableSteps, ladder } from "../../lib/search/rungs.ts";
import { chosen, ranked, type SearchState, type Trial } from "../../lib/search/state.ts";
import { measure } from "../../lib/results/metrics.ts";
import { budgetSeconds } from "../../lib/search/budget.ts";
import { InputError } from "../../lib/errors.ts";

Deno.test("rungs double, from at least 64 steps, and are at most four", () => {
  assert.deepEqual([ladder(76), ladder(76, 16)], [[76], [19, 38, 76]]);
  assert.deepEqual(ladder(1000), [125, 250, 500, 1000]);
  assert.deepEqual([ladder(128), ladder(127), ladder(3)], [[64, 128], [127], [3]]);
});

Deno.test("the longest training is halved until the time pays for it", () => {
  assert.equal(affordableSteps(100, 100, (steps) => steps), 100);
  assert.equal(affordableSteps(100, 30, (steps) => steps), 25);
  assert.equal(affordableSteps(100, 12, (steps) => steps), 12);
  assert.equal(affordableSteps(100, 10, () => 11), undefined);
});

Deno.test("a rung takes as many choices as its part of the time pays for", () => {
  const costs = [1, 1, 2, 2, 2];
  assert.equal(affordableCount({ costs, seconds: 12, rungs: 3, most: 9 }), 3);
  assert.equal(affordableCount({ costs, seconds: 100, rungs: 3, most: 9 }), 5);
  assert.equal(affordableCount({ costs, seconds: 100, rungs: 3, most: 2 }), 2);
  assert.equal(affordableCount({ costs, seconds: 0, rungs: 1, most: 9 }), 0);
});

/** A training of ten texts of which the first so many are wrong. */
function trial(choice: number, rung: number, wrong: number, sure = 0.9): Trial {
  const expected = new Array<number>(10).fill(0);
  const probabilities = expected.flatMap((_, n) => n < wrong ? [1 - sure, sure] : [sure, 1 - sure]);
  const predictions = { labels: ["a", "b"], expected, probabilities };
  const metrics = measure(probabilities, expected, 2);
  return { choice, rung, outcome: { epochs: [], bestEpoch: 1, metrics, predictions, steps: 1, seconds: 1 } };
}

Deno.test("the default stays unless another makes fewer mistakes by more than one standard error", () => {
  const base = trial(0, 1, 5);
  // One of ten fewer: .1 on average, with a standard error of .1.
  assert.equal(chosen([base, trial(3, 1, 4)]).choice, 0);
  // Two fewer: .2, with a standard error of .133.
  assert.equal(chosen([base, trial(3, 1, 3), trial(4, 1, 4)]).choice, 3);
  assert.equal(chosen([base, trial(3, 0, 0)]).choice, 0, "a shorter training does not count");
  assert.equal(chosen([trial(2, 0, 4), trial(1, 0, 3)]).choice, 1);
  assert.deepEqual(
    ranked([trial(1, 0, 3, 0.9), trial(2, 0, 3, 0.8), trial(3, 0, 2)], 0).map(({ choice }) => choice),
    [
      3,
      2,
      1,
    ],
  );
});

/** A training of a hundred texts of which those are wrong. */
function trialOf(choice: number, wrong: ReadonlySet<number>): Trial {
  const expected = new Array<number>(100).fill(0);
  const probabilities = expected.flatMap((_, n) => wrong.has(n) ? [.1, .9] : [.9, .1]);
  const predictions = { labels: ["a", "b"], expected, probabilities };
  const metrics = measure(probabilities, expected, 2);
  return {
    choice,
    rung: 0,
    outcome: { epochs: [], bestEpoch: 1, metrics, predictions, steps: 1, seconds: 1 },
  };
}

Deno.test("a training that is no surer than the default does not take the place of one that is", () => {
  const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
  const base = trialOf(0, new Set(upTo(0, 20)));
  const sure = trialOf(1, new Set(upTo(0, 17))); // three fewer, none new: .03 with a standard error of .017
  const unsure = trialOf(2, new Set([...upTo(0, 10), ...upTo(50, 56)])); // four fewer, six new: .04 with a standard error of .04
  assert.deepEqual(ranked([base, sure, unsure], 0).map(({ choice }) => choice), [2, 1, 0]);
  assert.equal(chosen([base, sure]).choice, 1);
  assert.equal(chosen([base, unsure]).choice, 0);
  assert.equal(chosen([base, sure, unsure]).choice, 1);
});

Deno.test("a search decides by what is left: the default's whole training is put aside, and half go on", () => {
  const order = Array.from({ length: 8 }, () => ({} as never));
  const state: SearchState = { pace: { start: 0, operation: 1 }, ladder: [1, 2, 4], rungs: [], trials: [] };
  const cost = (_: number, steps: number) => steps;
  assert.deepEqual(decide(0, { order, state, cost, left: 4 + 3 * 5 }), [0, 1, 2, 3, 4]);
  assert.deepEqual(decide(0, { order, state, cost, left: 4 + 3 }), [], "one choice compares nothing");
  const first = {
    ...state,
    rungs: [{ steps: 1, choices: [0, 1, 2, 3] }],
    trials: [3, 1, 2, 4].map((w, c) => trial(c, 0, w)),
  };
  assert.deepEqual(decide(1, { order, state: first, cost, left: 100 }), [1, 2]);
  const second = {
    ...first,
    rungs: [...first.rungs, { steps: 2, choices: [1, 2] }],
    trials: [...first.trials, trial(1, 1, 2), trial(2, 1, 1)],
  };
  const better = { ...first, trials: [2, 1, 4, 3].map((w, c) => trial(c, 0, w)) };
  assert.deepEqual(decide(1, { order, state: better, cost, left: 100 }), [0, 1], "the default comes first");
  assert.deepEqual(decide(2, { order, state: second, cost, left: 8 }), [0, 2]);
  assert.deepEqual(decide(2, { order, state: second, cost, left: 7 }), [0]);
  const none = { ...state, rungs: [{ steps: 1, choices: [] }, { steps: 2, choices: [] }] };
  assert.deepEqual(decide(2, { order, state: none, cost, left: 9 }), [0, 1]);
});

Deno.test("budgets are times", () => {
  assert.deepEqual(["90s", "30m", "1.5h", "2 min"].map((time) => budgetSeconds(time, "it")), [
    90,
    1800,
    5400,
    120,
  ]);
  assert.throws(
    () => budgetSeconds("30", "--budget"),
    new InputError("Cannot use --budget 30: expected a time such as 90s, 30m or 2h"),
  );
});
