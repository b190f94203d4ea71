import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "../../lib/random.ts";
import {
  compareErrors,
  compareRuns,
  compareSums,
  compareWithChance,
  type Comparison,
  type NotCompared,
  withHolm,
} from "../../lib/results/comparison.ts";
import { pairedBootstrap, pairedT } from "../../lib/results/statistics.ts";
import golden from "../golden/power.json" with { type: "json" };
import { exampleRuns } from "./example_runs.ts";
import { inFolder } from "../helpers/in_folder.ts";

function made(comparison: Comparison | NotCompared): Comparison {
  if ("missing" in comparison) assert.fail(`not compared: ${comparison.missing}`);
  return comparison;
}

Deno.test("two cells differ by the bootstrap over examples and the paired t over seeds; p is the larger", () =>
  inFolder(async (folder) => {
    const records = await exampleRuns(folder, { wrongs: [1, 2, 1] });
    const baseline = await exampleRuns(folder, { wrongs: [6, 9, 8] });
    const { p: pExamples, ...interval } = pairedBootstrap(
      [1, 1 / 3, 0, 0, 0, 0, 0, 0, 0, 0],
      [1, 1, 1, 1, 1, 1, 2 / 3, 2 / 3, 1 / 3, 0],
    );
    const { p: pSeeds } = pairedT([0.1, 0.2, 0.1], [0.6, 0.9, 0.8]);
    const found = made(await compareRuns(records, baseline, folder));
    assert.ok(Math.abs(found.difference - interval.difference) < 1e-12);
    assert.ok(Math.abs(found.low - interval.low) < 1e-12 && Math.abs(found.high - interval.high) < 1e-12);
    assert.equal(found.pExamples, pExamples);
    assert.ok(Math.abs(found.pSeeds! - pSeeds) < 1e-9);
    assert.ok(pSeeds > pExamples);
    assert.equal(found.p, found.pSeeds);
    assert.equal(found.seeds, 3);
  }));

Deno.test("only seeds that both have are compared; one seed leaves the bootstrap alone", () =>
  inFolder(async (folder) => {
    const records = await exampleRuns(folder, { wrongs: [9, 1] });
    const baseline = (await exampleRuns(folder, { wrongs: [9, 9, 9] })).slice(1);
    const { difference, pExamples, pSeeds, p, seeds } = made(await compareRuns(records, baseline, folder));
    assert.deepEqual([difference, seeds, pSeeds], [-0.8, 1, undefined]);
    assert.equal(p, pExamples);
    assert.deepEqual(await compareRuns(records.slice(0, 1), baseline, folder), {
      missing: "no seed in common",
    });
  }));

Deno.test("runs that cannot be compared say why", () =>
  inFolder(async (folder) => {
    const records = await exampleRuns(folder, { wrongs: [1] });
    const otherNames = await exampleRuns(folder, { wrongs: [2], data: "yelp" });
    const changed = records.map((record) => ({
      ...record,
      data: { ...record.data, fingerprint: "another" },
    }));
    const standIn = records.map((record) => ({ ...record, model: "new over characters, 1 layers of 64" }));
    assert.deepEqual(await compareRuns(records, [], folder), { missing: "no runs" });
    assert.deepEqual(await compareRuns(records, standIn, folder), { missing: "other model" });
    const [model, other] = ["aa", "bb"].map((content) =>
      records.map((record) => ({ ...record, contents: { model: content } }))
    );
    assert.deepEqual(await compareRuns(model!, other!, folder), { missing: "other model" });
    assert.ok("p" in await compareRuns(model!, records, folder));
    assert.deepEqual(await compareRuns(records, otherNames, folder), { missing: "other data" });
    assert.deepEqual(await compareRuns(records, changed, folder), { missing: "other data" });
    await rm(join(folder, "predictions"), { recursive: true });
    assert.deepEqual(await compareRuns(records, records, folder), { missing: "no predictions" });
    assert.deepEqual(await compareWithChance(records, folder), { missing: "no predictions" });
  }));

Deno.test("an average over columns on the same test examples resamples them together", () =>
  inFolder(async (folder) => {
    const pair = {
      records: await exampleRuns(folder, { wrongs: [1, 3] }),
      baseline: await exampleRuns(folder, { wrongs: [6, 7] }),
    };
    const one = await compareSums([{ ...pair, weight: 1 }], folder);
    const twice = await compareSums([{ ...pair, weight: 0.5 }, { ...pair, weight: 0.5 }], folder);
    assert.deepEqual(twice, one);
  }));

Deno.test("an average over different test sets resamples each by itself", () =>
  inFolder(async (folder) => {
    const cells = (data: string) =>
      Promise.all([1, 6].map((wrong) => exampleRuns(folder, { wrongs: [wrong, wrong + 1], data })));
    const pairs = [];
    for (const data of ["imdb", "yelp"]) {
      const [records, baseline] = await cells(data);
      pairs.push({ weight: 0.5, records: records!, baseline: baseline! });
    }
    const [imdb, both] = [
      await compareSums([{ ...pairs[0]!, weight: 1 }], folder),
      await compareSums(pairs, folder),
    ]
      .map(made);
    const width = ({ low, high }: Comparison) => high - low;
    assert.ok(Math.abs(both!.difference - imdb!.difference) < 1e-12);
    assert.ok(Math.abs(width(both!) / width(imdb!) - Math.SQRT1_2) < 0.15, `${width(both!)}`);
  }));

Deno.test("a difference of differences pairs the seeds of all four cells", () =>
  inFolder(async (folder) => {
    const runs = (...wrongs: number[]) => exampleRuns(folder, { wrongs });
    const found = made(
      await compareSums([
        { weight: 1, records: await runs(1, 2, 1), baseline: await runs(8, 7, 8) },
        { weight: -1, records: await runs(1, 1), baseline: await runs(2, 3) },
      ], folder),
    );
    assert.equal(found.seeds, 2);
    assert.ok(Math.abs(found.difference - (-0.6 + 0.15)) < 1e-12);
    const { p } = pairedT([-0.7, -0.5], [-0.1, -0.2]);
    assert.ok(Math.abs(found.pSeeds! - p) < 1e-9);
  }));

Deno.test("chance is the most frequent class of the test set", () =>
  inFolder(async (folder) => {
    const expected = [0, 0, 0, 1, 1, 1, 1, 1, 1, 1]; // always guessing 1 gets 3 wrong
    const constant = await exampleRuns(folder, { wrongs: [3, 3], expected });
    const none = made(await compareWithChance(constant, folder));
    assert.deepEqual([none.difference, none.p], [0, 1]);
    const learnt = await exampleRuns(folder, { wrongs: [0, 0], expected });
    const some = made(await compareWithChance(learnt, folder));
    assert.ok(Math.abs(some.difference + 0.3) < 1e-12);
    assert.deepEqual(await compareWithChance([], folder), { missing: "no runs" });
  }));

Deno.test("the verdict comes from the p that is adjusted for all comparisons of a table", () => {
  const comparison = (difference: number, p: number): Comparison => ({
    difference,
    low: difference - 1,
    high: difference + 1,
    pExamples: p,
    p,
    seeds: 1,
    errors: { examples: 0.01, seeds: 0, both: 0.01, count: 1 },
  });
  const verdicts = (...comparisons: (Comparison | NotCompared)[]) =>
    withHolm(comparisons).map((found) =>
      "missing" in found ? found.missing : [found.adjusted, found.verdict]
    );
  assert.deepEqual(verdicts(comparison(-0.1, 0.02)), [[0.02, "better"]]);
  assert.deepEqual(verdicts(comparison(0.1, 0.02)), [[0.02, "worse"]]);
  assert.deepEqual(
    verdicts(comparison(-0.1, 0.01), { missing: "no runs" }, comparison(0.1, 0.03), comparison(0, 0.5)),
    [[0.04, "better"], "no runs", [0.09, "not distinguishable"], [1, "not distinguishable"]],
    "what is still to be compared counts as well",
  );
  assert.deepEqual(verdicts(comparison(-0.1, 0.05)), [[0.05, "not distinguishable"]]);
});

Deno.test("a comparison's own level is the one that the adjustment leaves to it", () => {
  const random = new Random(3);
  for (let trial = 0; trial < 200; trial++) {
    const made = Array.from({ length: 1 + random.below(8) }, (): Comparison => {
      const p = random.uniform() ** 6;
      const errors = { examples: 0.01, seeds: 0, both: 0.01, count: 1 };
      return { difference: 1, low: 0, high: 2, pExamples: p, p, seeds: 1, errors };
    });
    for (const found of withHolm(made)) {
      if ("missing" in found) assert.fail();
      assert.equal(found.p < found.level, found.adjusted < 0.05);
    }
  }
});

Deno.test("standard errors are those of an analysis of variance of seeds and examples", () => {
  const { examples, seeds, differences } = golden.errors;
  const mistakes = (values: readonly number[], sign: number) =>
    Float64Array.from(values, (value) => Math.max(0, sign * value));
  const { errors } = compareErrors(
    differences.map((values, seed) => ({
      weight: 1,
      seed,
      testSet: "imdb",
      first: mistakes(values, 1),
      second: mistakes(values, -1),
    })),
  );
  close(errors.examples, examples);
  close(errors.seeds, seeds);
  close(errors.both, golden.errors.both);
});

function close(found: number, expected: number) {
  assert.ok(Math.abs(found - expected) < 1e-9 * expected, `expected ${expected}, found ${found}`);
}
