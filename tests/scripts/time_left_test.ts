import assert from "node:assert/strict";
import table5 from "../../experiments/table5.ts";
import { resolveCells } from "../../lib/runs/experiment.ts";
import { TimeLeft } from "../../scripts/time_left.ts";

Deno.test("what is made for several runs is counted once", async () => {
  const cells = await resolveCells(table5, {
    rows: ["all", "IMDb"],
    columns: ["IMDb", "Yelp P."],
    seeds: [1, 2],
  });
  const due = cells.map(({ configuration }) => configuration);
  const corpora = due.map(({ preTraining, seed }) => `${preTraining!.corpus.length} of seed ${seed}`);
  assert.equal(due.length, 8);
  const models = new Set(due.map(({ preTraining }) => preTraining!.corpus.join()));
  assert.equal(models.size, 2, corpora.join());

  const time = new TimeLeft(due);
  const made = new Set<string>();
  for (const [place, { preTraining }] of due.entries()) {
    const model = preTraining!.corpus.join();
    const making = made.has(model) ? 0 : 100;
    made.add(model);
    const left: number = (due.length - place - 1) * 10 + (2 - made.size) * 100;
    assert.equal(time.after(10, 10 + making), left, `after run ${place + 1}`);
  }
});

Deno.test("runs that share nothing are counted by their mean", async () => {
  const [cell] = await resolveCells(table5, { rows: ["IMDb"], columns: ["IMDb"] });
  const alone = { ...cell!.configuration, preTraining: null };
  const time = new TimeLeft([alone, alone, alone]);
  assert.equal(time.after(10, 11), 20);
  assert.equal(time.after(20, 20), 15);
  assert.equal(time.after(3, 3), 0);
});
