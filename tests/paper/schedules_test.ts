import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import {
  schedule,
  type ScheduleName,
  scheduleNames,
  type ScheduleOptions,
} from "../../lib/paper/schedules.ts";
import golden from "../golden/schedules.json" with { type: "json" };

const cases = golden.cases as { name: ScheduleName; options: ScheduleOptions; multipliers: number[] }[];

Deno.test("every schedule has golden values", () => {
  assert.deepEqual(new Set(cases.map((golden) => golden.name)), new Set(scheduleNames));
});

for (const { name, options, multipliers } of cases) {
  Deno.test(`${name} agrees with the reference at every step, ${JSON.stringify(options)}`, () => {
    const multiplier = schedule(name, options);
    for (const [step, expected] of multipliers.entries()) {
      const found = multiplier(step);
      assert.ok(Math.abs(found - expected) < 1e-6, `step ${step}: expected ${expected}, found ${found}`);
    }
  });
}

Deno.test("BertAdam's schedule jumps from 1 towards .9 at the end of the warm-up", () => {
  const multiplier = schedule("bertadam-linear", { totalSteps: 1000, warmupSteps: 100 });
  assert.equal(multiplier(99), 0.99);
  assert.equal(multiplier(100), 0.9);
});

Deno.test("a run that is all warm-up has a finite rate at its last step", () => {
  for (const name of scheduleNames) {
    assert.ok(Number.isFinite(schedule(name, { totalSteps: 3, warmupSteps: 3 })(3)), name);
  }
});

Deno.test("an unknown schedule is refused with the names there are", () => {
  assert.throws(
    () => schedule("sawtooth" as ScheduleName, { totalSteps: 1, warmupSteps: 0 }),
    (error) =>
      error instanceof InputError && /"sawtooth": expected one of constant, .*linear/.test(error.message),
  );
});

Deno.test("steps below 0 and an end rate above the base rate are refused", () => {
  assert.throws(() => schedule("linear", { totalSteps: -1, warmupSteps: 0 }), RangeError);
  assert.throws(
    () => schedule("polynomial", { totalSteps: 9, warmupSteps: 0, baseRate: 1e-8 }),
    {
      name: "InputError",
      message:
        'Cannot use the schedule "polynomial" with a learning rate of 1e-8: expected one above 1e-7, its rate at the end',
    },
  );
});
