/** The notebooks' stored tables are those of the published records. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { experiments } from "../../experiments/all.ts";
import { claimsAt } from "../../experiments/claims.ts";
import { judgements, showVerdicts } from "../../lib/notebook/reproduce.ts";
import { type Displayable, type Experiment, jupyterDisplay, recorded } from "../../mod.ts";
import { test } from "../helpers/slow.ts";

const root = join(import.meta.dirname!, "..", "..");

interface Notebook {
  readonly cells: readonly {
    readonly id: string;
    readonly outputs?: readonly { readonly data?: Readonly<Record<string, readonly string[]>> }[];
  }[];
}

const place = { scale: "mini", results: join(root, "results") } as const;

/** Compares a cell of each notebook with what it shows now. */
async function compareStored(
  id: string,
  compared: readonly Experiment[],
  show: (experiment: Experiment) => Displayable | Promise<Displayable>,
): Promise<void> {
  for (const experiment of compared) {
    const file = `notebooks/${experiment.name}.ipynb`;
    const { cells }: Notebook = JSON.parse(await readFile(join(root, file), "utf8"));
    const cell = cells.find((cell) => cell.id === id) ?? assert.fail(`${file} has no cell "${id}"`);
    const stored = cell.outputs?.flatMap(({ data }) => data?.["text/markdown"] ?? []).join("");
    const { "text/markdown": now } = await (await show(experiment))[jupyterDisplay]();
    assert.equal(stored?.trim(), now!.trim(), `${file} is not up to date: deno task notebooks`);
  }
}

test.slow("the notebooks' tables are those of the published records", () =>
  compareStored("table", experiments, (experiment) => recorded(experiment, place)));

test.slow("the notebooks' verdicts are those of the published records", async () => {
  const claims = claimsAt("mini");
  const judged = await judgements({ ...place, claims, experiments });
  const named = new Set(claims.map(({ experiment }) => experiment));
  const compared = experiments.filter(({ name }) => named.has(name));
  await compareStored("verdicts", compared, ({ name }) => showVerdicts(name, judged));
});
