import assert from "node:assert/strict";
import { forgettingTable, preTrainingTable } from "../../lib/results/text_tables.ts";
import { exampleRecord } from "./example_record.ts";

const forgotten = (mlmAccuracy: number, moved: number) =>
  exampleRecord({
    forgetting: {
      before: { mlmLoss: 4, mlmAccuracy: 0.3 },
      after: { mlmLoss: 8, mlmAccuracy },
      distances: { embeddings: moved, "layer 0": 2 * moved },
    },
  });

Deno.test("what was forgotten is the mean over the runs that measured it, in percent", () => {
  const { head, rows } = forgettingTable([
    { row: "2e-5", column: "IMDb", records: [forgotten(0.2, 0.01), forgotten(0.1, 0.03), exampleRecord()] },
    { row: "4e-4", column: "IMDb", records: [exampleRecord()] },
  ], { heading: (column) => column });
  assert.deepEqual(head.slice(2), ["runs", "guessed right, %", "log loss", "embeddings", "layer 0"]);
  assert.deepEqual(rows, [["2e-5", "IMDb", "2", "30.0 → 15.0", "4.00 → 8.00", "2.0", "4.0"]]);
});

Deno.test("further pre-training has a line for each model that was made, whatever starts from it", () => {
  const preTraining = (steps: number, nspAccuracy?: number) => ({
    start: "minilm",
    corpus: ["imdb", "yelp-sentences"],
    texts: 900,
    steps,
    seconds: 61,
    before: { mlmLoss: 10, mlmAccuracy: 0, nspAccuracy },
    after: { mlmLoss: 5, mlmAccuracy: 0.25, nspAccuracy },
  });
  const { rows } = preTrainingTable([
    exampleRecord({ seed: 1, preTraining: preTraining(200, 0.5) }),
    exampleRecord({ seed: 2, preTraining: preTraining(200, 0.5) }),
    exampleRecord({ preTraining: preTraining(400) }),
    exampleRecord(),
  ]);
  const start = ["imdb, yelp-sentences", "minilm", "900"];
  assert.deepEqual(rows, [
    [...start, "200", "1 min 1 s", "0.0 → 25.0", "10.00 → 5.00", "50.0 → 50.0"],
    [...start, "400", "1 min 1 s", "0.0 → 25.0", "10.00 → 5.00", "–"],
  ]);
});
