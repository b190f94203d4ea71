import assert from "node:assert/strict";
import schedules from "../../experiments/schedules.ts";
import table4 from "../../experiments/table4.ts";
import { type Experiment, resolveCells, type ScaleName } from "../../lib/runs/experiment.ts";
import type { Figure } from "../../lib/results/figures.ts";
import type { RunRecord } from "../../lib/results/records.ts";
import { exampleRecord } from "../results/example_record.ts";

/** Returns the figure that an experiment draws of its settings, before any run. */
async function drawn(
  experiment: Experiment,
  scale: ScaleName,
  model?: string,
  records: readonly RunRecord[] = [],
): Promise<Figure> {
  const cells = await resolveCells(experiment, { scale, model });
  return experiment.figure!({
    cells,
    records: new Map(records.map((record) => [record.hash, record])),
    scale,
  });
}

/** The values of a curve by their place. */
function valuesOf({ panels }: Figure, panel: string, curve: string): Record<number, number> {
  const { points } = panels.find(({ title }) => title === panel)!.curves.find(({ name }) => name === curve)!;
  return Object.fromEntries(points.map(({ x, values }) => [x, Number(values[0]!.toPrecision(4))]));
}

Deno.test("Table 4 draws the rates of section 5.3.4: both base rates, each with four decays", async () => {
  const figure = await drawn(table4, "paper");
  assert.deepEqual(figure.panels.map(({ title }) => title), ["base rate 2.5e-5", "base rate 2.0e-5"]);
  for (const { curves } of figure.panels) {
    assert.deepEqual(curves.map(({ name }) => name), ["xi 1.00", "xi 0.95", "xi 0.90", "xi 0.85"]);
    for (const { points } of curves) assert.equal(points.length, 14, "12 layers, embeddings, classifier");
  }
  const slower = valuesOf(figure, "base rate 2.0e-5", "xi 0.95");
  assert.equal(slower[12], 2, "the classifier");
  assert.equal(slower[11], 2, "the top layer");
  assert.equal(slower[10], 1.9);
  assert.equal(slower[0], 1.138, "2 * .95^11");
  assert.equal(slower[-1], 1.081, "the embeddings: 2 * .95^12");
  const same = valuesOf(figure, "base rate 2.5e-5", "xi 1.00");
  assert.deepEqual(new Set(Object.values(same)), new Set([2.5]));
});

Deno.test("Table 4 draws the rates and layers that its runs have", async () => {
  const mini = await drawn(table4, "mini");
  assert.deepEqual(mini.panels.map(({ title }) => title), ["base rate 2.5e-4", "base rate 2.0e-4"]);
  assert.deepEqual(valuesOf(mini, "base rate 2.0e-4", "xi 0.90"), {
    [-1]: 13.12,
    0: 14.58,
    1: 16.2,
    2: 18,
    3: 20,
    4: 20,
  });
  const minilm = await drawn(table4, "imdb", "minilm");
  assert.equal(minilm.panels[0]!.curves[0]!.points.length, 8, "6 layers, embeddings, classifier");
  const own = await drawn(table4, "imdb", "someone/their-bert");
  assert.equal(own.title, "Table 4: learning rate of each layer, drawn for 12 layers, at its highest");
  const model = "someone/their-bert, 22 layers";
  const made = await drawn(table4, "imdb", "someone/their-bert", [exampleRecord({ model })]);
  assert.equal(made.title, "Table 4: learning rate of each layer, at its highest");
  assert.equal(made.panels[0]!.curves[0]!.points.length, 24, "22 layers, embeddings, classifier");
});

Deno.test("the schedules are drawn with the warm-up of their runs", async () => {
  const figure = await drawn(schedules, "paper");
  assert.equal(figure.panels.length, 6);
  const linear = valuesOf(figure, "linear with warm-up", "linear with warm-up");
  assert.deepEqual([linear[0], linear[5], linear[10], linear[55], linear[100]], [0, 50, 100, 50, 0]);
  const constant = valuesOf(figure, "constant", "constant");
  assert.deepEqual(new Set(Object.values(constant)), new Set([100]));
});
