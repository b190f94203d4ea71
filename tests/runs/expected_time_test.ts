import assert from "node:assert/strict";
import table5 from "../../experiments/table5.ts";
import table6 from "../../experiments/table6.ts";
import { resolveCells } from "../../lib/runs/experiment.ts";
import { expectedSeconds, sharedModels } from "../../lib/runs/expected_time.ts";
import { cutting } from "../helpers/example_experiment.ts";

const configurations = async (...options: Parameters<typeof resolveCells>) =>
  (await resolveCells(...options)).map(({ configuration }) => configuration);

Deno.test("an experiment's minutes are those of its runs and of the models that they share", async () => {
  const all = await configurations(table5);
  assert.equal(await expectedSeconds(table5, "mini", all, []), 60 * table5.scales.mini!.minutes);
  const models = new Set(all.map((one) => sharedModels(one).pretrained).filter(Boolean)).size;
  const { minutes, modelMinutes } = table5.scales.mini!;
  const runs = await expectedSeconds(table5, "mini", all, all);
  assert.ok(Math.abs(runs / 60 - (minutes - models * modelMinutes!)) < 1e-9, "the models are made already");
});

Deno.test("what one table has pre-trained costs the next one nothing, and a second seed neither", async () => {
  const own = await configurations(table6, { columns: ["TREC"], rows: ["BERT-ITPT-FiT"], seeds: [1, 2] });
  const others = await configurations(table5, { columns: ["IMDb"], rows: ["TREC"] });
  const [alone, after] = [
    await expectedSeconds(table6, "mini", own, []),
    await expectedSeconds(table6, "mini", own, others),
  ];
  assert.ok(Math.abs(alone - after - 60 * table6.scales.mini!.modelMinutes!) < 1e-9);
});

Deno.test("a part of a table takes a part of its time", async () => {
  const part = await configurations(cutting, { rows: ["tail-only"], columns: ["IMDb"], seeds: [1, 2] });
  assert.equal(await expectedSeconds(cutting, "mini", part, []), 60 * 2 / 4);
});
