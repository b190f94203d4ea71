/** The notebooks' stored tables are those of the published records. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { experiments } from "../../experiments/all.ts";
import { jupyterDisplay, recorded } from "../../mod.ts";

const root = join(import.meta.dirname!, "..", "..");

interface Notebook {
  readonly cells: readonly {
    readonly id: string;
    readonly outputs?: readonly { readonly data?: Readonly<Record<string, readonly string[]>> }[];
  }[];
}

Deno.test("the notebooks' tables are those of the published records", async () => {
  for (const experiment of experiments) {
    const file = `notebooks/${experiment.name}.ipynb`;
    const { cells }: Notebook = JSON.parse(await readFile(join(root, file), "utf8"));
    const table = cells.find(({ id }) => id === "table") ?? assert.fail(`${file} has no cell "table"`);
    const stored = table.outputs?.flatMap(({ data }) => data?.["text/markdown"] ?? []).join("");
    const result = await recorded(experiment, { scale: "mini", results: join(root, "results") });
    const { "text/markdown": now } = await result[jupyterDisplay]() as Record<string, string>;
    assert.equal(stored?.trim(), now!.trim(), `${file} is not up to date: deno task notebooks`);
  }
});
