import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { modelContent } from "../../lib/bert/models.ts";
import type { Configuration } from "../../lib/runs/configuration.ts";
import { InputError } from "../../lib/errors.ts";
import { experimentTable } from "../../lib/runs/experiment_table.ts";
import { evaluateTable } from "../../lib/results/result_table.ts";
import { markdownTable } from "../../lib/results/tables.ts";
import {
  type ExperimentEvent,
  type ExperimentOptions,
  experimentResult,
  type RunCell,
  runExperiment,
} from "../../lib/runs/run_experiment.ts";
import type { RunRecord } from "../../lib/results/records.ts";
import { cutting } from "../helpers/example_experiment.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { madeUpRun } from "../helpers/made_up_run.ts";

/** A run that takes no time: its test error depends on the text and the seed alone. */
function recordingRunner(failAt = Infinity) {
  const ran: Configuration[] = [];
  const runCell: RunCell = (configuration, { onStep }) => {
    if (ran.length === failAt) return Promise.reject(new Error("the power went off"));
    ran.push(configuration);
    onStep(1, 1, 0.5);
    const wrong = configuration.seed + (configuration.text === "tail" ? 2 : 0);
    return Promise.resolve(madeUpRun(configuration, 20, wrong));
  };
  return { ran, runCell };
}

Deno.test("every cell is run once and recorded, and a second call runs nothing", () =>
  inFolder(async (resultsDir) => {
    const { ran, runCell } = recordingRunner();
    const first = await runExperiment(cutting, { resultsDir, runCell, seeds: [1, 2] });
    assert.equal(ran.length, 8);
    const second = await runExperiment(cutting, { resultsDir, runCell, seeds: [1, 2] });
    assert.equal(ran.length, 8);
    assert.deepEqual(second, first);
    const record = first.records.get(first.cells[1]!.hash)!;
    assert.deepEqual(record.cell, { row: "tail-only", column: "IMDb" });
    assert.deepEqual(record.configuration, { ...first.cells[1]!.configuration });
    assert.equal(record.test.errorRate, 3 / 20);
    assert.equal(record.versions["deno"], Deno.version.deno);
    assert.ok(record.peakMemoryBytes > 1e6);
  }));

Deno.test("more seeds, another protocol and another setting each run only what is new", () =>
  inFolder(async (resultsDir) => {
    const { ran, runCell } = recordingRunner();
    const run = (options: Partial<ExperimentOptions>) =>
      runExperiment(cutting, { resultsDir, runCell, ...options });
    await run({});
    await run({ seeds: [1, 2] });
    assert.deepEqual(ran.map(({ seed }) => seed), [1, 1, 1, 1, 2, 2, 2, 2]);
    await run({ protocol: "paper" });
    assert.equal(ran.length, 12);
    await run({ overrides: { epochs: 3 } });
    assert.equal(ran.length, 16);
    await run({ overrides: { epochs: 3 } });
    assert.equal(ran.length, 16);
  }));

Deno.test("what ran before a failure is kept, and the next call goes on from there", () =>
  inFolder(async (resultsDir) => {
    const failing = recordingRunner(3);
    await assert.rejects(
      runExperiment(cutting, { resultsDir, runCell: failing.runCell }),
      /the power went off/,
    );
    const { ran, runCell } = recordingRunner();
    const { records } = await runExperiment(cutting, { resultsDir, runCell });
    assert.equal(ran.length, 1);
    assert.equal(records.size, 4);
  }));

Deno.test("a run that cannot be made is told, and keeps no other from being made", () =>
  inFolder(async (resultsDir) => {
    const { ran, runCell } = recordingRunner();
    const events: string[] = [];
    const { failures, records } = await runExperiment(cutting, {
      resultsDir,
      runCell: (configuration, hooks) =>
        configuration.data === "imdb"
          ? Promise.reject(new InputError("There is no IMDb"))
          : runCell(configuration, hooks),
      onProgress: ({ kind }) => events.push(kind),
    });
    assert.deepEqual(
      failures.map(({ cell: { column, row }, message }) => [column, row, message]),
      [["IMDb", "head-only", "There is no IMDb"], ["IMDb", "tail-only", "There is no IMDb"]],
    );
    assert.deepEqual([ran.length, records.size], [2, 2]);
    assert.deepEqual(events, [
      "plan",
      "start",
      "failed",
      "start",
      "failed",
      ..."start step end start step end".split(" "),
    ]);
  }));

Deno.test("cells with the same configuration are one run", () =>
  inFolder(async (resultsDir) => {
    const { ran, runCell } = recordingRunner();
    const { cells, records } = await runExperiment(cutting, {
      resultsDir,
      runCell,
      overrides: { text: "head", epochs: 3 },
    });
    assert.deepEqual([cells.length, ran.length, records.size], [4, 2, 2]);
  }));

Deno.test("a run that a new model made in place of another is made again when that can be had", () =>
  inFolder(async (resultsDir) => {
    const { ran, runCell } = recordingRunner();
    const standIn: RunCell = async (configuration, hooks) => ({
      ...await runCell(configuration, hooks),
      model: "new over characters, 1 layers of 64, 99 pieces",
    });
    await runExperiment(cutting, { resultsDir, runCell: standIn });
    const { records } = await runExperiment(cutting, { resultsDir, runCell });
    assert.equal(ran.length, 8);
    assert.deepEqual([...new Set([...records.values()].map(({ model }) => model))], ["none"]);
    await runExperiment(cutting, { resultsDir, runCell });
    assert.equal(ran.length, 8);
  }));

Deno.test("runs of a model whose files are others by now are made again, and hold again when those are back", () =>
  inFolder(async (resultsDir) => {
    const model = join(resultsDir, "my-bert");
    await mkdir(model);
    const { ran, runCell } = recordingRunner();
    const run = async (config: string) => {
      await writeFile(join(model, "config.json"), config);
      const lines: string[] = [];
      const { records } = await runExperiment(cutting, {
        resultsDir,
        overrides: { model },
        runCell: async (configuration, hooks) => ({
          ...await runCell(configuration, hooks),
          contents: { model: await modelContent(model) },
        }),
        onProgress: (event) => event.kind === "line" && lines.push(event.line),
      });
      return { contents: new Set([...records.values()].map(({ contents }) => contents!["model"])), lines };
    };
    const first = await run("{}");
    assert.deepEqual(await run("{}"), first);
    assert.equal(ran.length, 4);
    const second = await run('{"num_hidden_layers": 2}');
    assert.deepEqual(second.lines, [
      `The files of ${model} are not those that 4 runs on record used.`,
    ]);
    assert.deepEqual([ran.length, second.contents.size], [8, 1]);
    assert.notDeepEqual(second.contents, first.contents);
    assert.deepEqual((await run("{}")).contents, first.contents);
    assert.equal(ran.length, 8);
  }));

Deno.test("what a run has saved is forgotten when it is on record, and nothing is run that could not be", () =>
  inFolder(async (resultsDir) => {
    const file = join(resultsDir, "mini", "records.jsonl");
    const lines: number[] = [];
    const forget = async () => void lines.push((await readFile(file, "utf8")).split("\n").length - 1);
    const { ran, runCell } = recordingRunner();
    await runExperiment(cutting, {
      resultsDir,
      runCell: async (configuration, hooks) => ({ ...await runCell(configuration, hooks), forget }),
    });
    assert.deepEqual(lines, [1, 2, 3, 4]);
    const inside = { resultsDir: file, runCell }; // a folder inside a file
    await assert.rejects(runExperiment(cutting, inside), /^InputError: Cannot read records in .*ENOTDIR/);
    assert.equal(ran.length, 4);
  }));

Deno.test("a record that was cut off is made again, with a warning", () =>
  inFolder(async (resultsDir) => {
    const { ran, runCell } = recordingRunner();
    await runExperiment(cutting, { resultsDir, runCell });
    const file = join(resultsDir, "mini", "records.jsonl");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.slice(0, -100));
    const warnings: string[] = [];
    const onProgress = (event: ExperimentEvent) => event.kind === "line" && warnings.push(event.line);
    await runExperiment(cutting, { resultsDir, runCell, onProgress });
    assert.equal(ran.length, 5);
    assert.deepEqual(ran[4], ran[3]);
    assert.match(
      warnings.join(),
      /^Cannot read line 4 of .*jsonl as it is not JSON: .*; it was ignored; remove the line/,
    );
  }));

Deno.test("shards run disjoint shares that together are all, and read each other's records", () =>
  inFolder(async (resultsDir) => {
    const { ran, runCell } = recordingRunner();
    const share = (index: number) =>
      runExperiment(cutting, { resultsDir, runCell, seeds: [1, 2], shard: { index, count: 3 } });
    await share(1);
    assert.equal(ran.length, 3);
    await share(3);
    assert.equal(ran.length, 5);
    const { records, cells } = await share(2);
    assert.equal(ran.length, 8);
    assert.equal(records.size, cells.length);
    await assert.rejects(share(4), /Cannot run shard 4\/3: expected I\/N with I from 1 to N/);
  }));

Deno.test("shards that run at once both end with what both have made", () =>
  inFolder(async (resultsDir) => {
    let other: Promise<unknown> | undefined;
    const { runCell } = recordingRunner();
    const share = (index: number, before?: () => Promise<unknown>) =>
      runExperiment(cutting, {
        resultsDir,
        shard: { index, count: 2 },
        runCell: async (configuration, hooks) => {
          if (before) await (other ??= before()); // the second share is run within the first one's first run
          return await runCell(configuration, hooks);
        },
      });
    const { records, cells } = await share(1, () => share(2));
    assert.equal(records.size, cells.length);
  }));

Deno.test("two that want the same runs at once make each of them once, and both have all of them", () =>
  inFolder(async (resultsDir) => {
    const { ran, runCell } = recordingRunner();
    const lines: string[] = [];
    const both = await Promise.all([1, 2].map(() =>
      runExperiment(cutting, {
        resultsDir,
        runCell: async (configuration, hooks) => {
          await sleep(20);
          return await runCell(configuration, hooks);
        },
        onProgress: (event) => event.kind === "line" && lines.push(event.line),
      })
    ));
    assert.equal(ran.length, 4);
    for (const { records, failures } of both) assert.deepEqual([records.size, failures], [4, []]);
    assert.ok(
      lines.every((line) => /^Waiting for another process that makes (IMDb|Sogou), /.test(line)),
      `${lines}`,
    );
    assert.deepEqual((await readdir(join(resultsDir, "mini"))).sort(), ["predictions", "records.jsonl"]);
  }));

Deno.test("an experiment that is stopped keeps its records, and makes the rest when it is called again", () =>
  inFolder(async (resultsDir) => {
    const { ran, runCell } = recordingRunner();
    const controller = new AbortController();
    const stopping: RunCell = (configuration, hooks) => {
      if (ran.length === 1) controller.abort(new InputError("stopped"));
      return runCell(configuration, hooks);
    };
    const stopped = runExperiment(cutting, { resultsDir, runCell: stopping, stop: controller.signal });
    await assert.rejects(stopped, new InputError("stopped"));
    assert.equal(ran.length, 2);
    const { records } = await runExperiment(cutting, { resultsDir, runCell });
    assert.deepEqual([ran.length, records.size], [4, 4]);
  }));

Deno.test("progress tells the start, the steps and the end of each run", () =>
  inFolder(async (resultsDir) => {
    const events: ExperimentEvent[] = [];
    const onProgress = (event: ExperimentEvent) => events.push(event);
    await runExperiment(cutting, { resultsDir, onProgress, runCell: recordingRunner().runCell });
    assert.deepEqual(
      events.slice(0, 5).map((event) => [event.kind, "run" in event ? `${event.run}/${event.runs}` : ""]),
      [["plan", ""], ["start", "1/4"], ["step", ""], ["end", "1/4"], ["start", "2/4"]],
    );
  }));

Deno.test("the table is made from the records alone, and is the same in a second folder", () =>
  inFolder((first) =>
    inFolder(async (second) => {
      const table = async (resultsDir: string) => {
        await runExperiment(cutting, { resultsDir, seeds: [1, 2], runCell: recordingRunner().runCell });
        const result = await experimentResult(cutting, { resultsDir, seeds: [1, 2] });
        const untimed = (record: RunRecord) => ({ ...record, seconds: 0, peakMemoryBytes: 1e9 });
        const records = new Map(Array.from(result.records, ([hash, record]) => [hash, untimed(record)]));
        const table = await experimentTable(cutting, { ...result, records });
        return markdownTable(table, await evaluateTable(table, result.folder));
      };
      const text = await table(first);
      assert.equal(await table(second), text);
      assert.match(text, /^# Section 5\.3\.1, scale mini\n\nWhich end of a text\?\n/);
      const row = text.split("\n").find((line) => line.startsWith("| tail-only"))!.replaceAll(/ +/g, " ");
      assert.equal(
        row,
        "| tail-only | 5.44 | 17.50 ± 3.54 (2) | +12.06 | 0 s | 3.17 | 17.50 ± 3.54 (2) | +14.33 | 0 s |",
      );
      assert.match(text, / \| Sogou → sogou: paper \|/);
      assert.match(text, /^- Sogou: a stand-in\.$/m);
    })
  ));
