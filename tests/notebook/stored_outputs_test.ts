/** The notebooks' stored tables are those of the published records. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { experiments } from "../../experiments/all.ts";
import { claimsAt } from "../../experiments/claims.ts";
import { type Experiment, jupyterDisplay, recorded, verdicts } from "../../mod.ts";

const root = join(import.meta.dirname!, "..", "..");

interface Notebook {
  readonly cells: readonly {
    readonly id: string;
    readonly outputs?: readonly { readonly data?: Readonly<Record<string, readonly string[]>> }[];
  }[];
}

const place = { scale: "mini", results: join(root, "results") } as const;

for (
  const [id, show] of Object.entries({
    table: (experiment: Experiment) => recorded(experiment, place),
    verdicts: (experiment: Experiment) =>
      verdicts(experiment, { ...place, claims: claimsAt("mini"), experiments }),
  })
) {
  Deno.test(`the notebooks' ${id} are those of the published records`, async () => {
    const named = new Set(claimsAt("mini").map(({ experiment }) => experiment));
    for (const experiment of experiments.filter(({ name }) => id === "table" || named.has(name))) {
      const file = `notebooks/${experiment.name}.ipynb`;
      const { cells }: Notebook = JSON.parse(await readFile(join(root, file), "utf8"));
      const cell = cells.find((cell) => cell.id === id) ?? assert.fail(`${file} has no cell "${id}"`);
      const stored = cell.outputs?.flatMap(({ data }) => data?.["text/markdown"] ?? []).join("");
      const { "text/markdown": now } = await (await show(experiment))[jupyterDisplay]();
      assert.equal(stored?.trim(), now!.trim(), `${file} is not up to date: deno task notebooks`);
    }
  });
}
