import assert from "node:assert/strict";
import { access, appendFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../lib/errors.ts";
import type { DataTable, MeasuredData } from "../../lib/runs/data_table.ts";
import type { RunCell } from "../../lib/runs/run_experiment.ts";
import { reproduceCommand } from "../../scripts/reproduce.ts";
import { cutting, twoSets } from "../helpers/example_experiment.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { madeUpRun } from "../helpers/made_up_run.ts";
import { runInTest } from "../helpers/run_command.ts";

/** A run that takes no time; one in ten answers is wrong. */
const runCell: RunCell = (configuration) => Promise.resolve(madeUpRun(configuration, 10, 1));

const reproduce = (...args: string[]) => reproduceWith({ runCell }, ...args);

const reproduceWith = (
  { runCell, dataTables = [] }: { runCell: RunCell; dataTables?: readonly DataTable[] },
  ...args: string[]
) =>
  runInTest(
    (output) => reproduceCommand({ experiments: [cutting], dataTables, runCell, output }),
    ...args,
  );

/** Two data sets, of which one cannot be measured. */
const sets = twoSets("no-such-set");

const refused = async (args: string[], message: string) =>
  assert.deepEqual(await reproduce(...args), { code: 1, out: "", error: message });

Deno.test("reproduce runs what is missing, prints the table and writes it", () =>
  inFolder(async (folder) => {
    const dry = await reproduce("cutting", "--dry-run", "--results", folder);
    assert.equal(dry.code, 0);
    assert.match(
      dry.out,
      /^to be run {2}[0-9a-f]{16} {2}IMDb, head-only, seed 1: bert-base-uncased, 4 steps of 24 x 512 at 1e-4; (at most )?\d+(\.\d)? TFLOP, 0 s\n/,
    );
    assert.match(
      dry.out,
      /\ncutting: (about|at most) \d s of fine-tuning and about 0 s of what runs share, at 100 TFLOP\/s/,
    );
    assert.match(dry.out, /cutting: 0 of 4 runs are on record$/);

    const first = await reproduce("cutting", "--results", folder);
    assert.equal(first.code, 0);
    assert.match(first.out, /\| tail-only +\| +5\.44 \| 10\.00 \(1\) \| \+4\.56 \|/);
    assert.equal(await readFile(join(folder, "mini", "cutting.md"), "utf8"), first.out);
    const wrote = `Wrote ${join(folder, "mini", "cutting.md")}`;
    assert.equal(first.error, `cutting: 4 of 4 runs are to be made, about 1 min\n${wrote}`);
    assert.deepEqual(await reproduce("--results", folder), { ...first, error: wrote });

    const after = await reproduce("cutting", "--dry-run", "--results", folder, "--seeds", "2");
    assert.match(after.out, /cutting: 4 of 8 runs are on record$/);
  }));

Deno.test("another setting is another run, and leaves the experiment's table alone", () =>
  inFolder(async (folder) => {
    const { code, error } = await reproduce(
      "--results",
      folder,
      "--set",
      "epochs=1",
      "--set",
      "limits.train=20",
    );
    assert.deepEqual([code, error], [0, "cutting: 4 of 4 runs are to be made, about 1 min"]);
    await assert.rejects(access(join(folder, "mini", "cutting.md")));
    const dry = await reproduce(
      "--dry-run",
      "--results",
      folder,
      "--set",
      "limits.train=20",
      "--set",
      "epochs=1",
    );
    assert.match(dry.out, /cutting: 4 of 4 runs are on record$/);
    assert.match((await reproduce("--dry-run", "--results", folder)).out, /cutting: 0 of 4 runs/);
  }));

Deno.test("the paper's protocol has a table of its own", () =>
  inFolder(async (folder) => {
    const { error } = await reproduce("--results", folder, "--protocol", "paper");
    assert.ok(error.endsWith(`\nWrote ${join(folder, "mini", "cutting-paper-protocol.md")}`));
  }));

Deno.test("another model stands in all cells that state none, and has a table of its own", () =>
  inFolder(async (folder) => {
    const given = ["--model", join(folder, "my-bert"), "--results", folder];
    const { out } = await reproduce("cutting", ...given);
    assert.match(
      out,
      /- model: bert-base-uncased → \S+my-bert \(everywhere\)\n|\| model +\| bert-base-uncased/,
    );
    const [name] = (await readdir(join(folder, "mini"))).filter((file) => file.endsWith(".md"));
    assert.match(name!, /^cutting-.*my-bert\.md$/);
    assert.equal(await readFile(join(folder, "mini", name!), "utf8"), out);
    assert.match((await reproduce(...given, "--dry-run")).out, /cutting: 4 of 4 runs are on record$/);
    const two = await reproduce(...given, "--dry-run", "--seeds", "2");
    assert.match(two.out, /IMDb, head-only, seed 2: no estimate: Cannot .*my-bert/);
    assert.match(two.out, /cutting: 4 of 8 runs are on record$/);
  }));

Deno.test("a shard runs its share", () =>
  inFolder(async (folder) => {
    const { out } = await reproduce("--results", folder, "--shard", "1/2");
    assert.match(out, /missing/);
    const one = await reproduce(
      "--results",
      folder,
      "--shard",
      "2/2",
      "--row",
      "tail-only",
      "--column",
      "Sogou",
    );
    assert.equal(one.error, "", "nothing is due in the second share of one run");
    assert.match(
      (await reproduce("--dry-run", "--results", folder)).out,
      /cutting: 2 of 4 runs are on record$/,
    );
  }));

Deno.test("with --merge nothing is made or measured, and what is on record is told with its broken lines", () =>
  inFolder(async (folder) => {
    const results = ["--results", folder];
    await reproduce(...results, "--row", "head-only");
    await reproduce(...results, "--row", "tail-only", "--column", "IMDb");
    await appendFile(join(folder, "mini", "records.jsonl"), "{\n");
    const measured: MeasuredData = {
      ...sets.published.IMDb!,
      set: "IMDb",
      data: "imdb",
      fingerprint: "f00d",
      source: "here",
    };
    await writeFile(join(folder, "mini", "sets.json"), JSON.stringify([measured]));
    const merged = await reproduceWith({ runCell, dataTables: [sets] }, ...results, "--merge");
    assert.deepEqual([merged.code, merged.error.split("\n").at(-1)], [
      1,
      "Not on record: Sogou of sets; 1 run of cutting; leave out --merge to make them",
    ]);
    assert.match(merged.error, /\nCannot .*line 4 of .*records\.jsonl.*it was ignored/);
    assert.match(merged.error, /\ncutting: 1 of 4 runs is not on record\n/);
    assert.match(merged.out, /\| IMDb → imdb \|.*\n(?!\|)/, "the data set on record alone");
    assert.match(merged.out, /\n- 1 cell lacks runs; deno task reproduce goes on where it stopped\.\n/);
    const { code, error } = await reproduceWith(
      { runCell, dataTables: [sets] },
      ...[...results, "sets", "--shard", "2/2"],
    );
    assert.deepEqual([code, error], [0, "sets: the first share measures the data sets"]);
  }));

Deno.test("a table that more seeds are on record of is left as it is", () =>
  inFolder(async (folder) => {
    const results = ["cutting", "--results", folder];
    const file = join(folder, "mini", "cutting.md");
    const { out } = await reproduce(...results, "--seeds", "3");
    const one = await reproduce(...results);
    assert.equal(one.error, `Left ${file} as it is: seeds up to 3 are on record; --seeds 3 writes it anew`);
    assert.notEqual(one.out, out);
    assert.equal(await readFile(file, "utf8"), out);
    const fewer = await reproduce(...results, "--protocol", "paper");
    assert.match(fewer.error, /\nWrote .*cutting-paper-protocol\.md$/, "of which one seed is on record");
    const named = await reproduce(...results, "--model", join(folder, "模型"));
    assert.match(named.error, /\nWrote .*cutting-.*模型\.md$/);
  }));

Deno.test("options that would say nothing are refused", async () => {
  await refused(["--tasks", "8"], "Cannot use --tasks without --jobs: add --jobs");
  await refused(["--target", "h100"], "Cannot use --target without --dry-run: add --dry-run");
  await refused(["--throughput", "9"], "Cannot use --throughput without --dry-run: add --dry-run");
  for (const other of [["--shard", "1/2"], ["--merge"], ["--dry-run"]]) {
    await refused(
      ["--jobs", "slurm", "jobs", ...other],
      `Cannot use ${other[0]} with --jobs, which writes jobs for all shares and their tables: leave one out`,
    );
  }
});

Deno.test("a dry run lists the runs of a shard", () =>
  inFolder(async (folder) => {
    const dry = ["--dry-run", "--results", folder];
    const hashes = async (...args: string[]) =>
      (await reproduce(...dry, ...args)).out.match(/[0-9a-f]{16}/g) as string[];
    const shares = [await hashes("--shard", "1/2"), await hashes("--shard", "2/2")];
    assert.deepEqual(shares.map(({ length }) => length), [2, 2]);
    assert.deepEqual(shares.flat().sort(), (await hashes()).sort());
    await reproduce("--results", folder);
    assert.match((await reproduce(...dry, "--shard", "1/2")).out, /cutting: 2 of 2 runs are on record$/);
    await refused([...dry, "--shard", "3/2"], "Cannot run shard 3/2: expected I/N with I from 1 to N");
  }));

Deno.test("settings that have options of their own, or that no run has, are refused before anything is run", () =>
  inFolder(async (folder) => {
    const set = (...args: string[]) => ["--results", folder, ...args.flatMap((arg) => ["--set", arg])];
    await refused(set("protocol=paper"), "Cannot use --set protocol: give --protocol instead");
    await refused([...set("seed=2"), "--seeds", "3"], "Cannot use --set seed: give --seeds alone instead");
    await refused(
      set("preTraining.steps=50"),
      "Cannot use --set preTraining.steps: none of these runs has further pre-training",
    );
    await refused(
      set('preTraining.unseen=["imdb"]'),
      "Cannot use --set preTraining.unseen: it follows from preTraining.corpus; set that",
    );
    await refused(
      set("multiTask.epochs=9"),
      "Cannot use --set multiTask.epochs: none of these runs has other tasks",
    );
    await assert.rejects(access(join(folder, "mini")));
  }));

Deno.test("what could not be made is told at the end, and ends with code 1", () =>
  inFolder(async (folder) => {
    const result = await reproduceWith(
      {
        runCell: (configuration) =>
          configuration.data === "sogou"
            ? Promise.reject(new InputError("Sogou is on no hub"))
            : runCell(configuration, { onStep: () => {}, onLine: () => {} }),
      },
      ...["--results", folder],
    );
    assert.equal(result.code, 1);
    assert.match(result.out, /\| tail-only +\| +5\.44 \| 10\.00 \(1\) \| \+4\.56 \|/);
    assert.deepEqual(result.error.split("\n").filter((line) => !line.startsWith("Wrote ")), [
      "cutting: 4 of 4 runs are to be made, about 1 min",
      "[3/4] Sogou, head-only, seed 1 is not made: Sogou is on no hub",
      "[4/4] Sogou, tail-only, seed 1 is not made: the same",
      "Not made: 2 runs of cutting. Why is said above; the same command tries again.",
    ]);
  }));

Deno.test("where no experiment is named, those without a row or a column are left out", () =>
  inFolder(async (folder) => {
    const all = ["--results", folder, "--dry-run"];
    assert.match((await reproduce(...all, "--column", "IMDb")).out, /cutting: 0 of 2 runs/);
    await refused(
      [...all, "--column", "TREC"],
      "No experiment of scale mini has TREC: name an experiment, which then tells what it has",
    );
    await refused(
      [...all, "cutting", "--column", "TREC"],
      'There is no column "TREC": expected one of IMDb, Sogou',
    );
  }));

Deno.test("--list tells what there is and how long it takes", async () => {
  const { code, out } = await reproduce("--list");
  assert.equal(code, 0);
  assert.equal(
    out,
    "cutting: Section 5.3.1. Which end of a text? Time for a seed, less where models are pre-trained already: mini 1 min.",
  );
});

Deno.test("--help ends with code 0 and names every option", async () => {
  const { code, out, error } = await reproduce("--help");
  assert.deepEqual([code, error], [0, ""]);
  const options = [
    "scale",
    "seeds",
    "protocol",
    "engine",
    "results",
    "shard",
    "row",
    "column",
    "set",
    "list",
    "dry-run",
  ];
  for (const option of options) assert.ok(out.includes(`--${option}`), option);
});

Deno.test("what cannot be understood is refused in one sentence", async () => {
  await refused(["tabel2"], 'Unknown experiment "tabel2": expected one of cutting');
  await refused(
    ["--seed", "3"],
    "Unknown option --seed: expected one of --data-dir, --offline, --memory-fraction, --scale, --seeds, --protocol, --model, --engine, --precision, --devices, --results, --shard, --row, " +
      "--column, --set, --merge, --jobs, --tasks, --list, --dry-run, --throughput, --target, or --help to see what they do",
  );
  await refused(["--seeds"], "Option '--seeds <N>' argument missing; --help shows what is expected");
  await refused(["--seeds", "0"], "Cannot use --seeds 0: expected a whole number of at least 1");
  await refused(["--scale", "maxi"], "Cannot use --scale maxi: expected one of mini, imdb, paper");
  await refused(
    ["--engine", "cuda"],
    "Cannot use --engine cuda: expected one of auto, onnx, xla, tensorflow, webgpu, reference",
  );
  await refused(["--shard", "2"], "Cannot use --shard 2: expected I/N, such as 1/4");
  await refused(
    ["cutting", "--row", "middle"],
    'There is no row "middle": expected one of head-only, tail-only',
  );
  await refused(["--set", "epochs"], "Cannot use --set epochs: expected FIELD=VALUE, such as epochs=2");
  await refused(
    ["--set", "epochs=many"],
    'Cannot set "epochs" to "many": expected a whole number of at least 1',
  );
  await refused(
    ["--row", "middle"],
    "No experiment of scale mini has middle: name an experiment, which then tells what it has",
  );
  await refused(
    ["cutting", "--scale", "paper"],
    'Experiment cutting has no scale "paper": expected one of mini',
  );
});
