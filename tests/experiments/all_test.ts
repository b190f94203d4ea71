/** The experiments at paper scale, against the paper's settings written down a second time (section 5.2 to 5.7). */
import assert from "node:assert/strict";
import { join } from "node:path";
import { dataTables, experiments } from "../../experiments/all.ts";
import type { Configuration } from "../../lib/runs/configuration.ts";
import { configurationHash, readRecords } from "../../lib/results/records.ts";
import { resolveCells } from "../../lib/runs/experiment.ts";

const cellsOf = async (name: string, scale: "mini" | "imdb" | "paper" = "paper") =>
  await resolveCells(experiments.find((experiment) => experiment.name === name)!, { scale });

/** A field of each cell's configuration, by row, which all columns must share. */
async function byRow<Value>(
  name: string,
  field: (configuration: Configuration) => Value,
): Promise<Record<string, Value>> {
  const rows: Record<string, Value> = {};
  for (const { row, configuration } of await cellsOf(name)) {
    const value = field(configuration);
    if (row in rows) assert.deepEqual(rows[row], value, `${name}, ${row}`);
    rows[row] = value;
  }
  return rows;
}

Deno.test("every table and figure of the paper is an experiment, and the schedules are one", () => {
  assert.deepEqual(
    [...dataTables, ...experiments].map(({ name }) => name).sort(),
    [
      "figure2",
      "figure3",
      "figure4",
      "schedules",
      "table1",
      "table2",
      "table3",
      "table4",
      "table5",
      "table6",
      "table7",
      "table8",
    ],
  );
});

Deno.test("all runs have the settings of section 5.2 unless their experiment is about them", async () => {
  const varied: Record<string, readonly string[]> = {
    figure2: ["learningRate", "epochs"],
    table4: ["learningRate"],
    schedules: ["schedule"],
    table6: ["learningRate"],
    table7: ["learningRate"],
  };
  for (const { name } of experiments) {
    for (const { row, configuration } of await cellsOf(name)) {
      const expected: Partial<Configuration> = {
        maxLength: 512,
        epochs: 4,
        batchSize: 24,
        learningRate: 2e-5,
        schedule: "linear",
        warmupProportion: .1,
        maxFractions: 8,
        layers: null,
        padToMax: false,
      };
      for (const [field, value] of Object.entries(expected)) {
        if (varied[name]?.includes(field)) continue;
        assert.equal(configuration[field as keyof Configuration], value, `${name}, ${row}: ${field}`);
      }
      const { train, dev, test } = configuration.limits;
      assert.deepEqual([dev, test], [null, null], name);
      if (name !== "figure4") assert.equal(train, null, name);
    }
  }
});

Deno.test("data sets and models are the paper's", async () => {
  const found = new Map<string, Set<string>>();
  for (const { name } of experiments) {
    for (const { column, configuration: { data, model } } of await cellsOf(name)) {
      if (name === "figure4") continue;
      if (!found.has(column)) found.set(column, new Set());
      found.get(column)!.add(`${data} ${model}`);
    }
  }
  const uncased = (data: string) => [`${data} bert-base-uncased`];
  const both = (data: string) => [...uncased(data), `${data} bert-large-uncased`];
  assert.deepEqual(Object.fromEntries([...found].map(([column, set]) => [column, [...set]])), {
    "IMDb": both("imdb"),
    "Yelp P.": both("yelp-polarity"),
    "Yelp F.": both("yelp-full"),
    "TREC": uncased("trec"),
    "Yahoo! Answers": uncased("yahoo-answers"),
    "AG's News": both("ag-news"),
    "DBPedia": both("dbpedia"),
    "Sogou": ["sogou bert-base-chinese"],
  });
});

Deno.test("Table 2's rows are the text strategies, Table 3's the layers", async () => {
  assert.deepEqual(await byRow("table2", ({ text }) => text), {
    "head-only": "head",
    "tail-only": "tail",
    "head+tail": "head+tail",
    "hierarchical mean": "hierarchical-mean",
    "hierarchical max": "hierarchical-max",
    "hierarchical self-attention": "hierarchical-attention",
  });
  const layers = await byRow("table3", ({ features }) => features);
  assert.equal(Object.keys(layers).length, 19);
  for (const [row, features] of Object.entries(layers)) {
    assert.equal(features, row.replace("all 12", "all"), row);
  }
});

Deno.test("rates and decays are those of Table 4 and Figure 2", async () => {
  assert.deepEqual(
    await byRow("table4", ({ learningRate, layerDecay }) => [learningRate, layerDecay]),
    Object.fromEntries(
      [2.5e-5, 2e-5].flatMap((rate) =>
        [1, .95, .9, .85].map((decay) => [
          `${(rate * 1e5).toFixed(1)}e-5 xi ${decay.toFixed(2)}`,
          [rate, decay],
        ])
      ),
    ),
  );
  assert.deepEqual(await byRow("figure2", ({ learningRate }) => learningRate), {
    "2e-5": 2e-5,
    "5e-5": 5e-5,
    "1e-4": 1e-4,
    "4e-4": 4e-4,
  });
  // 5 passes of 22,500 texts in batches of 24: 4,690 of the figure's 5,000 steps.
  for (const { configuration } of await cellsOf("figure2")) assert.equal(configuration.epochs, 5);
  for (const name of ["table5", "table6", "table7", "table8"]) {
    for (const { row, configuration } of await cellsOf(name)) {
      assert.equal(configuration.layerDecay, row === "BERT-Feat" ? 1 : .95, `${name}, ${row}`);
    }
  }
});

Deno.test("the six schedules are trained with", async () => {
  assert.deepEqual(await byRow("schedules", ({ schedule }) => schedule), {
    "constant": "constant",
    "constant with warm-up": "constant-with-warmup",
    "cosine with warm-up": "cosine",
    "cosine with hard restarts": "cosine-with-restarts",
    "linear with warm-up": "linear",
    "polynomial decay with warm-up": "polynomial",
  });
});

Deno.test("further pre-training is the paper's: 100,000 steps of 32 texts of 128 at 5e-5; BERT-large's its own", async () => {
  const expected = { batchSize: 32, maxLength: 128, learningRate: 5e-5, nsp: true, headSteps: 0 };
  for (const { name } of experiments) {
    for (const { row, configuration: { preTraining, model } } of await cellsOf(name)) {
      if (!preTraining) continue;
      const large = model === "bert-large-uncased";
      const steps = name === "figure3" ? 500_000 : large ? 120_000 : 100_000;
      const { batchSize, maxLength, learningRate, nsp, headSteps } = preTraining;
      assert.deepEqual(
        { batchSize, maxLength, learningRate, nsp, headSteps, steps: preTraining.steps },
        { ...expected, batchSize: large ? 24 : 32, steps },
        `${name}, ${row}`,
      );
    }
  }
  const points = await byRow("figure3", ({ preTraining }) => (preTraining?.point ?? 0) * 500_000);
  for (const [row, steps] of Object.entries(points)) assert.ok(Math.abs(Number(row) - steps) < 1e-6, row);
});

Deno.test("the corpora of Table 5 and 6 are the paper's domains", async () => {
  const all = ["imdb", "yelp-polarity", "yelp-full", "trec", "yahoo-answers", "ag-news", "dbpedia"];
  const corpora = await byRow("table5", ({ preTraining }) => preTraining?.corpus ?? []);
  assert.deepEqual(corpora, {
    "IMDb": [all[0]],
    "Yelp P.": [all[1]],
    "Yelp F.": [all[2]],
    "all sentiment": all.slice(0, 3),
    "TREC": [all[3]],
    "Yahoo! Answers": [all[4]],
    "all question": all.slice(3, 5),
    "AG's News": [all[5]],
    "DBPedia": [all[6]],
    "all topic": all.slice(5),
    "all": all,
    "without pre-training": [],
  });
  const rows = (await cellsOf("table6")).filter(({ column }) => column === "TREC");
  assert.deepEqual(rows.map(({ configuration: { preTraining } }) => preTraining?.corpus), [
    undefined,
    undefined,
    ["trec"],
    ["trec", "yahoo-answers"],
    all,
  ]);
  const sogou = (await cellsOf("table6")).filter(({ column }) => column === "Sogou").map(({ row }) => row);
  assert.deepEqual(sogou, ["BERT-Feat", "BERT-FiT", "BERT-ITPT-FiT"]);
});

Deno.test("Table 6's BERT-Feat leaves BERT as it is; Table 7's second rate is half the first", async () => {
  assert.deepEqual(await byRow("table6", ({ method, learningRate }) => [method, learningRate]), {
    "BERT-Feat": ["feature-extraction", 1e-3],
    "BERT-FiT": ["fine-tuning", 2e-5],
    "BERT-ITPT-FiT": ["fine-tuning", 2e-5],
    "BERT-IDPT-FiT": ["fine-tuning", 2e-5],
    "BERT-CDPT-FiT": ["fine-tuning", 2e-5],
  });
  const tasks = ["imdb", "yelp-polarity", "ag-news", "dbpedia"];
  assert.deepEqual(
    await byRow("table7", ({ multiTask, learningRate, preTraining }) => [
      multiTask?.tasks ?? [],
      multiTask?.learningRate ?? 0,
      learningRate,
      preTraining?.corpus.length ?? 0,
    ]),
    {
      "BERT-FiT": [[], 0, 2e-5, 0],
      "BERT-MFiT-FiT": [tasks, 2e-5, 1e-5, 0],
      "BERT-CDPT-FiT": [[], 0, 2e-5, 7],
      "BERT-CDPT-MFiT-FiT": [tasks, 2e-5, 1e-5, 7],
    },
  );
});

Deno.test("Figure 4 takes the paper's shares of IMDb, and each seed its own", async () => {
  const cells = await cellsOf("figure4");
  assert.deepEqual(
    cells.filter(({ row }) => row === "BERT-FiT").map(({ configuration }) => configuration.limits.train),
    [100, 250, 500, 1000, 2500, 5000, null],
  );
  for (const { configuration } of cells) assert.ok(configuration.resample && configuration.data === "imdb");
});

Deno.test("the scale imdb needs no data but IMDb", async () => {
  for (const { name, scales } of experiments) {
    if (!scales.imdb) continue;
    for (const { configuration: { data, preTraining, multiTask } } of await cellsOf(name, "imdb")) {
      assert.deepEqual([data, preTraining?.corpus ?? ["imdb"], multiTask], ["imdb", ["imdb"], null], name);
    }
  }
  const missing = experiments.filter(({ scales }) => !scales.imdb).map(({ name }) => name);
  assert.deepEqual(missing, ["table7"], "which needs several tasks");
});

Deno.test("at mini scale the rows that stand for the same run are the same run", async () => {
  const hashOf = async (name: string, row: string, column: string) =>
    (await cellsOf(name, "mini")).find((cell) => cell.row === row && cell.column === column)!.hash;
  const table5 = await hashOf("table5", "without pre-training", "IMDb");
  assert.equal(await hashOf("table6", "BERT-FiT", "IMDb"), table5);
  assert.equal(await hashOf("table4", "2.0e-5 xi 0.95", "IMDb"), table5);
  assert.equal(await hashOf("table6", "BERT-CDPT-FiT", "TREC"), await hashOf("table5", "all", "TREC"));
  assert.equal(await hashOf("table6", "BERT-ITPT-FiT", "TREC"), await hashOf("table5", "TREC", "TREC"));
  for (const column of ["IMDb", "DBPedia"]) {
    assert.equal(await hashOf("table8", "BERT-base", column), await hashOf("table6", "BERT-FiT", column));
    assert.equal(
      await hashOf("table8", "BERT-base + ITPT", column),
      await hashOf("table6", "BERT-ITPT-FiT", column),
    );
  }
});

Deno.test("every published record is found by its configuration, as a run of an experiment", async () => {
  const { records } = await readRecords(join(import.meta.dirname!, "..", "..", "results", "mini"));
  assert.ok(records.length >= 553);
  const seeds = [...new Set(records.map(({ seed }) => seed))];
  const cells = await Promise.all(experiments.map((experiment) => resolveCells(experiment, { seeds })));
  const hashes = new Set(cells.flat().map(({ hash }) => hash));
  for (const { experiment, cell, seed, configuration, hash } of records) {
    const run = `${experiment}, ${cell.row}, ${cell.column}, seed ${seed}`;
    assert.equal(await configurationHash(configuration), hash, run);
    assert.ok(hashes.has(hash), run);
  }
});
