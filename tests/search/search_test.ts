/** Whole searches of a tiny model: what they try, that they come to the same choice after a kill, and what stops them. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { InputError } from "../../lib/errors.ts";
import { runRecipe } from "../../lib/classifier/recipe.ts";
import type { Dataset } from "../../lib/data/examples.ts";
import { readBest } from "../../lib/search/best_model.ts";
import {
  type SearchContext,
  type SearchOptions,
  searchRecipe,
  type SearchResult,
} from "../../lib/search/search.ts";
import { choiceSentences } from "../../lib/search/search_text.ts";
import { errorsOf, type Trial } from "../../lib/search/state.ts";
import { exampleDataset, tinyArchitecture } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { test } from "../helpers/slow.ts";
import { severalDataset } from "../helpers/several_labels.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";

const engine = onnxEngine();
const data: Dataset = { ...exampleDataset({ count: 80, words: 9 }), test: [] };

const options: SearchOptions = {
  recipe: {
    data,
    model: "new",
    start: { seed: 1, architecture: tinyArchitecture },
    fineTuning: tinySettings({
      ...{ epochs: 7, layerDecay: 0.95, schedule: "linear", warmupProportion: 0.1, text: "head+tail" },
    }),
  },
  fixed: ["recipe", "truncation", "layerDecay"],
  budget: 600,
  leastSteps: 16,
};

class Killed extends Error {}

/** Searches; it is killed at a step, counted over all trainings of the sitting. */
async function search(
  folder: string,
  { killAt, more = {}, context = {} }: {
    killAt?: number;
    more?: Partial<SearchOptions>;
    context?: Partial<SearchContext>;
  } = {},
): Promise<{ result?: SearchResult; steps: number; said: string[] }> {
  let steps = 0;
  const said: string[] = [];
  const result = await searchRecipe({ ...options, ...more }, {
    ...{ engine, checkpoint: { folder, resume: true } },
    say: (line) => said.push(line),
    training: () => ({
      onStep: () => {
        if (++steps === killAt) throw new Killed();
      },
    }),
    ...context,
  }).catch((error) => {
    if (!(error instanceof Killed)) throw error;
    return undefined;
  });
  return { ...result ? { result } : {}, steps, said };
}

/** What does not take time. */
function comparable({ order, state: { ladder, rungs, trials }, trial, tuned }: SearchResult) {
  const made = trials.map(({ choice, rung, outcome: { seconds: _, epochs, ...outcome } }) => ({
    ...{ choice, rung, outcome },
    epochs: epochs.map(({ seconds: _, ...epoch }) => epoch),
  }));
  const { choice, rung } = trial;
  return { order, ladder, rungs, made, choice, rung, parameters: tuned.parameters, dev: tuned.dev };
}

Deno.test("a search tries all that the time allows, trains the default whole, and ends in a model", () =>
  inFolder(async (folder) => {
    const { result, said } = await search(folder);
    const { state, order, trial, tuned } = result!;
    assert.deepEqual([state.ladder, order.length], [[17, 35], 3]);
    assert.deepEqual(state.rungs.map(({ choices }) => choices.length), [3, state.rungs[1]!.choices.length]);
    assert.equal(state.rungs[1]!.choices[0], 0);
    assert.ok(state.rungs[1]!.choices.length >= 2);
    assert.deepEqual(state.trials.map(({ outcome }) => outcome.steps), [
      ...new Array<number>(3).fill(17),
      ...new Array<number>(state.rungs[1]!.choices.length).fill(35),
    ]);
    assert.equal(trial.rung, 1);
    assert.deepEqual(tuned.dev, trial.outcome.metrics);
    assert.match(
      said[0]!,
      /^Search within 10 min: 1 × 3 × 1 × 1 = 3 choices of recipe \(fit\), rate \(1e-2, 4e-3, 2e-2\), /,
    );
    assert.match(
      said[1]!,
      /^A whole training of the default, 35 steps, takes about \d s; many choices get 17 steps, the /,
    );
    assert.match(said[2]!, /^3 choices of 17 steps \(the better half goes on\); 9 min/);

    // The default of the last rung is what train makes without a search.
    const whole = state.trials.find(({ choice, rung }) => choice === 0 && rung === 1)!;
    const { tuned: alone } = await runRecipe(options.recipe, {
      engine,
      checkpoint: { folder: `${folder}/alone`, resume: false },
    });
    assert.deepEqual(whole.outcome.metrics, alone.dev);
    assert.deepEqual(whole.outcome.predictions, alone.devPredictions);
  }));

test.slow("a search that was killed again and again comes to the same trainings, choice and parameters", async () => {
  const whole = await inFolder(async (folder) => comparable((await search(folder)).result!));
  await inFolder(async (folder) => {
    let sittings = 0;
    for (const killAt of [1, 20, 17, 10, 40]) {
      assert.equal((await search(folder, { killAt })).result, undefined);
      sittings++;
    }
    const { result, steps } = await search(folder);
    assert.deepEqual(comparable(result!), whole);
    assert.ok(steps < 3 * 17 + 2 * 35 && sittings === 5);
    const again = await search(folder);
    assert.deepEqual([again.steps, comparable(again.result!)], [0, whole]);
  });
});

test.slow("a search that was killed before its newest choice was kept makes that training again", () =>
  inFolder(async (folder) => {
    const whole = comparable((await search(folder)).result!);
    const file = join(folder, "search.json");
    const kept = JSON.parse(await readFile(file, "utf8"));
    const { trials } = kept.value;
    const newest = trials.findIndex(({ choice, rung }: Trial) =>
      choice === whole.choice && rung === whole.rung
    );
    kept.value.trials = trials.slice(0, newest + 1);
    await writeFile(file, JSON.stringify(kept));
    const course = join(folder, "best", "course.json");
    await writeFile(course, (await readFile(course, "utf8")).replace(/"rung":\d/, '"rung":0'));
    const { result, steps } = await search(folder);
    assert.deepEqual(comparable(result!), whole);
    assert.equal(steps, 35 * (trials.length - newest));
    await assert.rejects(
      readBest(
        join(folder, "best"),
        { choice: whole.choice + 1, rung: whole.rung },
        options.recipe.fineTuning,
      ),
      (error) =>
        error instanceof InputError &&
        /expected the classifier that was chosen, found another/.test(error.message),
    );
  }));

test.slow("a search among several labels is judged by micro F1, and after a kill comes to the same choice", async () => {
  const recipe = {
    ...options.recipe,
    data: { ...severalDataset(80, 9), test: [] },
    fineTuning: {
      ...options.recipe.fineTuning,
      classWeights: "balanced",
      patience: 3,
      evaluateEvery: 4,
    } as const,
  };
  const more = { recipe, fixed: ["recipe", "truncation", "learningRate"] as const };
  const whole = await inFolder(async (folder) => (await search(folder, { more })).result!);
  await inFolder(async (folder) => {
    assert.equal((await search(folder, { more, killAt: 30 })).result, undefined);
    const { result } = await search(folder, { more });
    assert.deepEqual(comparable(result!), comparable(whole));
    assert.deepEqual(result!.tuned.thresholds, whole.tuned.thresholds);
  });
  const { state: { trials }, trial, tuned } = whole;
  assert.deepEqual(tuned.thresholds, trial.outcome.metrics.multiLabel!.thresholds);
  for (const { outcome } of trials) {
    const errors = errorsOf(outcome);
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    assert.ok(Math.abs(1 - mean - outcome.metrics.multiLabel!.microF1) < 1e-9);
  }
  const last = trials.filter(({ rung }) => rung === trial.rung);
  const best = Math.max(...last.map(({ outcome }) => outcome.metrics.multiLabel!.microF1));
  assert.ok(trial.choice === 0 || trial.outcome.metrics.multiLabel!.microF1 === best);
  assert.match(choiceSentences(whole)[0]!, /, development micro F1 [01]\.\d{4}, as /);
});

Deno.test("pre-training is one of the choices where there is time for a pass over the texts", () =>
  inFolder(async (folder) => {
    const preTraining = { unlabelled: [], passes: 2, batchSize: 8, maxLength: 16 };
    const more = { preTraining, fixed: ["learningRate", "layerDecay", "truncation"] as const };
    const { result, said } = await search(folder, { more });
    assert.deepEqual(result!.order.map(({ recipe }) => recipe), ["fit", "itpt-fit"]);
    assert.deepEqual(result!.state.preTraining!.passes, 2);
    assert.match(
      said[2]!,
      /^Choices with itpt-fit start from one model that is pre-trained for \d+ steps, 2 passes over /,
    );
    assert.equal(result!.state.trials.filter(({ rung }) => rung === 0).length, 2);
  }));

Deno.test("when the time is over a search ends in the best model so far, and says so", () =>
  inFolder(async (folder) => {
    // A second passes at each step, of which the pace tells nothing.
    let seconds = 0;
    const context = { clock: () => seconds, training: () => ({ onStep: () => void seconds++ }) };
    const { result } = await search(folder, { more: { budget: 60 }, context });
    const { state, trial, tuned } = result!;
    assert.match(state.ended!, /^the time was over in the training of fit, rate /);
    assert.ok(seconds <= 60 && seconds > 40, `${seconds}`);
    assert.deepEqual(tuned.dev, trial.outcome.metrics);
    assert.equal((await search(folder, { more: { budget: 60 }, context })).result!.state.ended, state.ended);
  }));

Deno.test("a search refuses test texts, a budget that is too small, and the state of another search", () =>
  inFolder(async (folder) => {
    await assert.rejects(
      search(folder, { more: { recipe: { ...options.recipe, data: exampleDataset() } } }),
      new RangeError("A search gets no test texts"),
    );
    await assert.rejects(
      search(folder, { more: { budget: 1 } }),
      /^InputError: Cannot train within 1 s as the default recipe takes about \d s: give --budget more time, or --max-len/,
    );
    const only = { fixed: ["recipe", "learningRate", "layerDecay", "truncation"] as const };
    await search(folder, { more: only });
    await assert.rejects(
      search(folder),
      /^InputError: Cannot resume from .*search\.json as it is of a run with other/,
    );
    await assert.rejects(
      search(folder, { more: only, context: { checkpoint: { folder, resume: false } } }),
      (error) =>
        error instanceof InputError && /^Cannot start anew in .* unfinished run is there/.test(error.message),
    );
  }));
