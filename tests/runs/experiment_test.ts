import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { paperSettings } from "../../lib/runs/configuration.ts";
import { type Experiment, experiment, resolveCells, type ScaleName } from "../../lib/runs/experiment.ts";
import { experiments } from "../../experiments/all.ts";
import paper from "../../experiments/paper_tables.json" with { type: "json" };
import table2 from "../../experiments/table2.ts";
import table6 from "../../experiments/table6.ts";
import table8 from "../../experiments/table8.ts";
import { cutting } from "../helpers/example_experiment.ts";

Deno.test("a cell is the paper's settings, then scale, column and row, the later one winning", async () => {
  const cells = await resolveCells(cutting, { seeds: [1, 2] });
  assert.deepEqual(
    cells.map(({ row, column, configuration }) => [configuration.seed, column, row]),
    [1, 2].flatMap((seed) =>
      ["IMDb", "Sogou"].flatMap((column) => ["head-only", "tail-only"].map((row) => [seed, column, row]))
    ),
  );
  const [head, , sogouHead, sogouTail] = cells.map(({ configuration }) => configuration);
  assert.deepEqual(head, {
    ...paperSettings,
    text: "head",
    limits: { train: 40, dev: null, test: 20 },
    epochs: 2,
    learningRate: 1e-4,
    seed: 1,
  });
  assert.equal(sogouHead?.data, "sogou");
  assert.equal(sogouHead?.epochs, 5);
  assert.deepEqual(sogouHead?.limits, { train: 80, dev: null, test: 20 });
  assert.equal(sogouTail?.epochs, 6);
});

Deno.test("equal configurations have equal hashes, and a seed makes another", async () => {
  const [first] = await resolveCells(cutting, { seeds: [1] });
  const [again] = await resolveCells(cutting, { seeds: [1], overrides: { epochs: 2 } });
  const [other] = await resolveCells(cutting, { seeds: [2] });
  assert.equal(first?.hash, again?.hash);
  assert.notEqual(first?.hash, other?.hash);
  assert.match(first!.hash, /^[0-9a-f]{64}$/);
});

Deno.test("further pre-training names its data sets, and those whose held-out texts it never sees", async () => {
  const rows = { "head-only": {}, "tail-only": { preTraining: { corpus: "in-domain", steps: 7 } } } as const;
  const sets = { "IMDb": "imdb", "Yelp P.": "yelp", "Yelp F.": "amazon", "Sogou": "sogou" };
  const table = { ...cutting, rows, scales: { mini: { ...cutting.scales.mini!, sets } } };
  const cells = await resolveCells(table);
  assert.equal(cells[0]!.configuration.preTraining, null);
  const { preTraining } = cells[1]!.configuration;
  assert.deepEqual(preTraining?.corpus, ["imdb", "yelp", "amazon"]);
  assert.deepEqual(preTraining?.unseen, ["imdb", "yelp", "amazon"]);
  assert.deepEqual([preTraining?.steps, preTraining?.batchSize, preTraining?.learningRate], [7, 32, 5e-5]);
  assert.deepEqual(cells[3]!.configuration.preTraining?.corpus, ["sogou"], "alone in its domain");
  const [, longer] = await resolveCells(table, { overrides: { "preTraining.steps": 9 } });
  assert.notEqual(longer?.hash, cells[1]!.hash);
});

Deno.test("each seed pre-trains a model of its own where a scale says so, else all start from one", async () => {
  const rows = { "head-only": {}, "tail-only": { preTraining: { corpus: "in-domain" } } } as const;
  const table = { ...cutting, rows };
  const seedsOf = async (table: Experiment) =>
    (await resolveCells(table, { seeds: [1, 2], columns: ["IMDb"] })).map(({ configuration }) =>
      configuration.preTraining?.seed
    );
  const mini = { ...cutting.scales.mini!, sets: { IMDb: "imdb" } };
  assert.deepEqual(await seedsOf({ ...table, scales: { mini } }), [undefined, 1, undefined, 1]);
  const own = { ...mini, preTrainForEachSeed: true };
  assert.deepEqual(await seedsOf({ ...table, scales: { mini: own } }), [undefined, 1, undefined, 2]);
});

Deno.test("the paper's protocol brings the optimizer of the paper's code", async () => {
  const [clean] = await resolveCells(cutting);
  const [asPaper] = await resolveCells(cutting, { protocol: "paper", engine: "xla", precision: "bf16" });
  assert.deepEqual(asPaper?.configuration, {
    ...clean!.configuration,
    protocol: "paper",
    optimizer: "bertadam",
    schedule: "bertadam-linear",
    engine: "xla",
    precision: "bf16",
  });
});

Deno.test("another model stands in the place of the scale's own, not of those that rows or columns state", async () => {
  const models = async (experiment: Experiment, scale: ScaleName) =>
    new Set(
      (await resolveCells(experiment, { scale, model: "my-bert" })).map(({ row, column, configuration }) =>
        `${/large/.test(row) ? "large" : "base"} ${
          column === "Sogou" ? "Chinese" : "English"
        }: ${configuration.model}`
      ),
    );
  assert.deepEqual(
    await models(table8, "paper"),
    new Set(["base English: my-bert", "large English: bert-large-uncased"]),
  );
  assert.deepEqual(
    await models(table8, "mini"),
    new Set(["base English: my-bert", "large English: minilm"]),
  );
  assert.deepEqual(
    await models(table2, "paper"),
    new Set(["base English: my-bert", "base Chinese: bert-base-chinese"]),
  );
  assert.deepEqual(
    await models(table2, "mini"),
    new Set(["base English: my-bert", "base Chinese: bge-small-zh"]),
  );
});

Deno.test("overrides win over everything, in nested fields too", async () => {
  const overrides = { epochs: 9, "limits.train": null, "architecture.hidden": 64, text: "head+tail" };
  for (const { configuration } of await resolveCells(cutting, { overrides })) {
    assert.equal(configuration.epochs, 9);
    assert.equal(configuration.limits.train, null);
    assert.equal(configuration.limits.test, 20);
    assert.equal(configuration.architecture.hidden, 64);
    assert.equal(configuration.text, "head+tail");
  }
});

Deno.test("overrides that make no sense are refused in one sentence", async () => {
  const refused = (field: string, value: unknown, message: RegExp) =>
    assert.rejects(
      resolveCells(cutting, { overrides: { [field]: value } }),
      (error) => error instanceof InputError && message.test(error.message),
    );
  await refused(
    "epoch",
    3,
    /^Cannot set "epoch" as there is no field "epoch": expected one of data, limits, resample, model/,
  );
  await refused("limits.training", 3, /no field "training": expected one of train, dev, test$/);
  await refused("epochs.first", 3, /no field "epochs"|no field "first"/);
  await refused("toString", "x", /no field "toString"/);
  await refused("epochs", "three", /^Cannot set "epochs" to "three": expected a whole number of at least 1$/);
  await refused("epochs", null, /^Cannot set "epochs" to null: expected a whole number of at least 1$/);
  await refused(
    "layers",
    "all",
    /^Cannot set "layers" to "all": expected a whole number of at least 1, or null$/,
  );
  await refused("optimizer", "AdamW", /^Cannot set "optimizer" to "AdamW": expected one of adamw, bertadam$/);
  await refused("protocol", "Paper", /expected one of clean, paper$/);
  await refused("epochs", 1.5, /^Cannot set "epochs" to 1\.5: expected a whole number of at least 1$/);
  await refused("evaluationsPerEpoch", 0, /expected a whole number of at least 1$/);
  await refused("maxLength", 3, /expected a whole number of at least 4$/);
  await refused("limits.train", -1, /expected a whole number of at least 1, or null$/);
  await refused("preTraining.learningRate", 0, /expected a number above 0$/);
  await refused("architecture.layers", null, /expected a whole number of at least 1$/);
  await refused("padToMax", "yes", /^Cannot set "padToMax" to "yes": expected a boolean$/);
  await refused("limits.test", 0, /expected a whole number of at least 1, or null$/);
  const corpora = /expected one of within-task, in-domain, cross-domain, or a list of data sets, such as/;
  for (const corpus of ["foo", [], [1], null]) await refused("preTraining.corpus", corpus, corpora);
  await refused("limits", 100, /^Cannot set "limits" to 100: expected limits\.FIELD$/);
});

Deno.test("a corpus is set for rows with further pre-training and without, as a word or a list", async () => {
  const corporaOf = async (corpus: unknown) =>
    (await resolveCells(table6, { columns: ["IMDb"], overrides: { "preTraining.corpus": corpus } }))
      .map(({ configuration }) => configuration.preTraining?.corpus);
  for (const corpus of ["within-task", ["IMDb"]]) {
    const found = await corporaOf(corpus);
    assert.deepEqual(found, Array(found.length).fill(["imdb"]));
  }
});

Deno.test("a row, column or seed that is named twice is run once", async () => {
  const twice = await resolveCells(cutting, {
    rows: ["tail-only", "tail-only"],
    columns: ["IMDb", "IMDb"],
    seeds: [2, 2],
  });
  assert.deepEqual(twice.map(({ row, column }) => [row, column]), [["tail-only", "IMDb"]]);
});

Deno.test("a row whose pre-trained model is not kept is refused", async () => {
  const overrides = { "preTraining.corpus": ["imdb"], "preTraining.points": [0.5, 1] };
  const cell = (point: number) =>
    resolveCells(cutting, { overrides: { ...overrides, "preTraining.point": point } });
  assert.equal((await cell(0.5))[0]!.configuration.preTraining!.point, 0.5);
  await assert.rejects(cell(0.2), {
    name: "InputError",
    message: /^Cannot start from preTraining\.point 0\.2 as preTraining\.points has only 0\.5, 1: /,
  });
});

Deno.test("a scale that an experiment does not have is refused with those it has", async () => {
  await assert.rejects(
    resolveCells(cutting, { scale: "paper" }),
    new InputError('Experiment cutting has no scale "paper": expected one of mini'),
  );
});

Deno.test("a scale states what its rows change, which of them it has, and a column which of those", async () => {
  const { mini } = cutting.scales;
  const rows = { "tail-only": { epochs: 7 } } as const;
  const fewer = { ...cutting, scales: { mini: { ...mini!, rows, baseline: "tail-only" } } } as const;
  const cells = await resolveCells(fewer);
  assert.deepEqual(cells.map(({ row, column }) => [row, column]), [["tail-only", "IMDb"], [
    "tail-only",
    "Sogou",
  ]]);
  assert.deepEqual(cells.map(({ configuration }) => configuration.epochs), [7, 7], "over row and column");
  const columns = { ...mini!.columns, Sogou: { ...mini!.columns.Sogou!, rows: ["head-only"] } };
  const without = await resolveCells({ ...cutting, scales: { mini: { ...mini!, columns } } });
  assert.deepEqual(without.map(({ row, column }) => `${column} ${row}`), [
    "IMDb head-only",
    "IMDb tail-only",
    "Sogou head-only",
  ]);
});

Deno.test("tasks are named by the scale's data sets, and none are no multi-task fine-tuning", async () => {
  const rows = {
    "head-only": {},
    "tail-only": { multiTask: { tasks: ["IMDb", "Sogou"], epochs: 2 } },
  } as const;
  const sets = { "IMDb": "yelp-sentences", "Sogou": "sogou" };
  const cells = await resolveCells({ ...cutting, rows, scales: { mini: { ...cutting.scales.mini!, sets } } });
  assert.equal(cells[0]!.configuration.multiTask, null);
  assert.deepEqual(cells[1]!.configuration.multiTask, {
    tasks: ["yelp-sentences", "sogou"],
    epochs: 2,
    learningRate: 2e-5,
  });
});

Deno.test("rows and columns that the paper's table does not have are refused", () => {
  const value = { ...cutting, published: { columns: ["IMDb"], rows: { "head-only": [5.63] } } };
  assert.throws(() => experiment(value), { message: "Section 5.3.1 of the paper has no tail-only, Sogou" });
});

Deno.test("Table 2 has the paper's rows, columns and numbers", async () => {
  assert.deepEqual(Object.keys(table2.rows), Object.keys(paper.table2.rows));
  assert.deepEqual(table2.columns, paper.table2.columns);
  assert.deepEqual(table2.published.rows["hierarchical mean"], [5.89, 2.83]);
  const cells = await resolveCells(table2, { scale: "paper" });
  assert.equal(cells.length, 12);
  assert.deepEqual(cells[2]?.configuration, { ...paperSettings, microBatchSize: 12 });
});

Deno.test("every experiment resolves at every scale it has, to runs that differ", async () => {
  for (const one of experiments) {
    for (const scale of Object.keys(one.scales) as (keyof typeof one.scales)[]) {
      for (const model of [undefined, "my-bert"]) {
        const cells = await resolveCells(one, { scale, seeds: [1, 2], model });
        assert.ok(cells.length >= 2 * Object.keys(one.scales[scale]!.columns).length);
        assert.equal(new Set(cells.map((cell) => cell.hash)).size, cells.length, `${one.name} at ${scale}`);
      }
    }
  }
});
