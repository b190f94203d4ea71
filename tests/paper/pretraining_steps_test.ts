import assert from "node:assert/strict";
import { preTrainingRates } from "../../lib/paper/pretraining_steps.ts";

const settings = {
  steps: 500,
  headSteps: 3,
  headLearningRate: .001,
  learningRate: 2,
  warmupSteps: 10,
  decaySteps: 500,
  jumps: false,
};

Deno.test("the rate is the heads' own, rises over the warm-up and falls in a straight line to the end", () => {
  const rate = preTrainingRates(settings);
  const at = (step: number) => rate("any", 3 + step);
  assert.deepEqual([0, 1, 2].map((update) => rate("any", update)), [.001, .001, .001]);
  assert.deepEqual([0, 1, 5, 10].map(at), [0, .2, 1, 2]);
  assert.deepEqual([255, 451].map(at), [1, .2], "halfway between the end of the warm-up and the last step");
  assert.equal(at(500), 0);
});

Deno.test("a fall shorter than what the warm-up leaves has a level part before", () => {
  const rate = preTrainingRates({ ...settings, headSteps: 0, decaySteps: 100 });
  assert.deepEqual([10, 399, 400, 450, 490].map((step) => rate("any", step)), [2, 2, 2, 1, .2]);
});

Deno.test("as in BERT's own code the rate after the warm-up is what a fall from the first step would have left", () => {
  const rate = preTrainingRates({ ...settings, headSteps: 0, jumps: true });
  // optimization.py: polynomial_decay of power 1 over all steps, replaced by init_lr · step / warm-up before its end.
  const expected = (step: number) => 2 * (step < 10 ? step / 10 : 1 - step / 500);
  for (const step of [0, 1, 9, 10, 50, 100, 499]) {
    assert.ok(Math.abs(rate("any", step) - expected(step)) < 1e-12, `${step}`);
  }
});

Deno.test("without warm-up the first update has the whole rate", () => {
  assert.equal(preTrainingRates({ ...settings, headSteps: 0, warmupSteps: 0 })("any", 0), 2);
});
