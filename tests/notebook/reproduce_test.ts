import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { jupyterDisplay } from "../../lib/notebook/displayable.ts";
import { configurationHash } from "../../lib/results/records.ts";
import type { Configuration } from "../../lib/runs/configuration.ts";
import { recorded, reproduce, verdicts } from "../../lib/notebook/reproduce.ts";
import type { RunCell } from "../../lib/runs/run_experiment.ts";
import { cutting } from "../helpers/example_experiment.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { madeUpRun } from "../helpers/made_up_run.ts";

/** Runs that take no time: tail-only gets 9 of 40 texts wrong, head-only 1. */
function fakeRunner() {
  const ran: Configuration[] = [];
  const runCell: RunCell = (configuration) => {
    ran.push(configuration);
    return Promise.resolve(madeUpRun(configuration, 40, configuration.text === "tail" ? 9 : 1));
  };
  return { ran, runCell };
}

Deno.test("without records a table has the paper's numbers, and says which command makes ours", () =>
  inFolder(async (results) => {
    const { table, records, missing, ...result } = await recorded(cutting, { results });
    assert.deepEqual([records.length, missing], [0, 4]);
    assert.equal(table.cell("tail-only", "IMDb").paper, 5.44);
    const text = Deno.inspect(await recorded(cutting, { results }));
    assert.match(text, /\| head-only +\| +5\.63 \| missing/);
    assert.ok(text.includes("**4 of 4 runs are not on record.** They take about 1 min:\n"));
    assert.ok(
      text.includes(
        "\n    deno task reproduce cutting --scale mini --seeds 1 --engine onnx --results " + results + "\n",
      ),
    );
    assert.equal(result.figure, undefined);
  }));

Deno.test("what is missing is run once, and recorded seeds are found without being named", () =>
  inFolder(async (results) => {
    const { ran, runCell } = fakeRunner();
    const first = await reproduce(cutting, { results, runCell, seeds: [2, 3], columns: ["IMDb"] });
    assert.deepEqual(ran.map(({ seed }) => seed), [2, 2, 3, 3]);
    assert.deepEqual([first.records.length, first.missing], [4, 0]);
    await reproduce(cutting, { results, runCell, seeds: [2, 3], columns: ["IMDb"] });
    assert.equal(ran.length, 4);
    const known = await recorded(cutting, { results });
    assert.deepEqual([known.records.length, known.missing], [4, 4]);
    assert.deepEqual(known.table.cell("head-only", "IMDb").records.map(({ seed }) => seed), [2, 3]);
    assert.match(Deno.inspect(known), /2\.50 ± 0\.00 \(2\)/);
  }));

Deno.test("what another engine made is shown where nothing is on record of the one that is asked for", () =>
  inFolder(async (results) => {
    await reproduce(cutting, { results, runCell: fakeRunner().runCell });
    const found = await recorded(cutting, { results, engine: "xla" });
    assert.deepEqual([found.records.length, found.missing], [4, 0]);
    assert.match(Deno.inspect(found), /\nThe runs on record were made with the engine onnx\.\n/);
  }));

Deno.test("what records and predictions say is no markup in a notebook", () =>
  inFolder(async (results) => {
    const image = "![t](http://evil.example/x.png)";
    await reproduce(cutting, { results, runCell: fakeRunner().runCell });
    const path = join(results, "mini", "records.jsonl");
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    const [record, other] = lines.map((line) => JSON.parse(line));
    await writeFile(join(results, "mini", other.predictions), JSON.stringify({ labels: image }));
    const configuration = { ...record.configuration, engine: image };
    for (
      const [records, expected] of [
        [[other], /Cannot use .*"labels".*evil/],
        [[{ ...record, machine: { ...record.machine, cores: image } }], /Cannot use line 1 .*cores.*evil/],
        [
          [{ ...record, configuration, engine: image, hash: await configurationHash(configuration) }],
          /4 of 4 runs are not on record/,
        ],
      ] as const
    ) {
      await writeFile(path, records.map((one) => `${JSON.stringify(one)}\n`).join(""));
      const { "text/markdown": text } = await (await recorded(cutting, { results }))[jupyterDisplay]();
      assert.match(text!, expected);
      assert.ok(!text!.includes(image), `${text}`);
    }
  }));

Deno.test("a claim's verdict is computed from the records", () =>
  inFolder(async (results) => {
    const claim = {
      name: "the head beats the tail",
      section: "5.3.1",
      sentence: "The head serves better.",
      experiment: "cutting",
      better: "head-only",
      than: ["tail-only"],
      columns: ["IMDb"],
      paper: -1,
      resolution: { unpaired: 0.3, paired: 0.2 },
    };
    const place = { results, claims: [claim], experiments: [cutting] };
    assert.match(Deno.inspect(await verdicts(cutting, place)), /^\*\*the head beats the tail: no data\.\*\*/);
    await reproduce(cutting, { results, runCell: fakeRunner().runCell });
    assert.match(
      Deno.inspect(await verdicts(cutting, place)),
      /^\*\*the head beats the tail: confirmed \(one seed\)\.\*\*/,
    );
  }));
