/** Nothing in an output folder is replaced unasked, and no two commands write into one at once. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { withOutputFolder } from "../../lib/storage/output_folder.ts";
import { evaluateCommand } from "../../scripts/evaluate.ts";
import { exportCommand } from "../../scripts/export.ts";
import { pretrainCommand } from "../../scripts/pretrain.ts";
import { publishCommand } from "../../scripts/publish.ts";
import { reportCommand, reportParts } from "../../scripts/report.ts";
import { trainCommand } from "../../scripts/train.ts";
import { trainedClassifier } from "../classifier/trained_classifier.ts";
import { cutting } from "../helpers/example_experiment.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { type CommandResult, runInTest } from "../helpers/run_command.ts";
import { exampleResults } from "../report/example_results.ts";
import { writeModel, writeTexts } from "./train_files.ts";

const small = ["--batch-size", "8", "--max-length", "16"];

function assertRefused({ code, out, error }: CommandResult, sentence: RegExp): void {
  assert.deepEqual([code, out], [1, ""], error);
  assert.match(error, sentence);
  assert.equal(error.split("\n").length, 1, error);
}

/** The commands that train, with what they need. */
async function trainers(folder: string) {
  const model = await writeModel(join(folder, "start"));
  const table = await writeTexts(join(folder, "train.csv"), 40, 1);
  const output = join(folder, "model");
  const both = ["--model", model, "--output", output, ...small];
  const train = (...more: string[]) =>
    runInTest(trainCommand, "--train", table, "--epochs", "1", ...both, ...more);
  const pretrain = (...more: string[]) =>
    runInTest(pretrainCommand, "--text", table, "--steps", "2", ...both, ...more);
  return { output, commands: [train, pretrain] };
}

Deno.test("train and pretrain ask before they replace an unfinished run", () =>
  inFolder(async (folder) => {
    const { output, commands } = await trainers(folder);
    for (const command of commands) {
      for (
        const [part, file] of [["", "checkpoint-00000002.safetensors"], ["pre-trained", "model.safetensors"]]
      ) {
        const place = join(output, "checkpoints", part!);
        await mkdir(place, { recursive: true });
        await writeFile(join(place, file!), "steps of hours");
        assertRefused(
          await command(),
          /^Cannot start anew in .*model as an unfinished run is there: go on with it by --resume, or replace it by --overwrite$/,
        );
        assert.deepEqual(await readdir(output), ["checkpoints"]);
        assert.equal(await readFile(join(place, file!), "utf8"), "steps of hours");
        const { code, error } = await command("--overwrite");
        assert.equal(code, 0, error);
        await Deno.remove(output, { recursive: true });
      }
    }
  }));

Deno.test("a run of another kind is not gone on with, and stays until it may be replaced", () =>
  inFolder(async (folder) => {
    const { output, commands: [train, pretrain] } = await trainers(folder);
    const kinds = [
      ["search", "search.json", "deno task train with --budget", "--budget=9m"],
      ["cross-validation", "fold-1.json", "deno task train with --folds", "--folds=2"],
      ["cross-validation", "fold-1/checkpoint-00000002.safetensors", "deno task train with --folds", ""],
      ["training", "checkpoint-00000002.safetensors", "the command without --budget and --folds", ""],
      ["training", "pre-trained/model.safetensors", "the command without --budget and --folds", ""],
    ] as const;
    for (const [name, file, way] of kinds) {
      const path = join(output, "checkpoints", file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, "{}");
      const others = kinds.filter(([other, , , flag]) => other !== name && flag).map(([, , , flag]) => flag);
      const tries = others.map((flag) => () => train!(flag, "--resume"));
      if (name !== "training") tries.push(() => train!("--resume"), () => pretrain!("--resume"));
      for (const run of tries) {
        assertRefused(
          await run(),
          new RegExp(
            `^Cannot go on in .*model as an unfinished ${name} is there: go on with it by ${way}, or replace it by ` +
              "--overwrite without --resume$",
          ),
        );
      }
      assert.equal(await readFile(path, "utf8"), "{}");
      if (name !== "training") {
        const { code, error } = await train!("--overwrite");
        assert.equal(code, 0, error);
      }
      await Deno.remove(output, { recursive: true });
    }
  }));

Deno.test("train and pretrain ask before they replace a model or other files", () =>
  inFolder(async (folder) => {
    const { output, commands } = await trainers(folder);
    await mkdir(output);
    await writeFile(join(output, "README.md"), "# Mine");
    for (const command of commands) {
      assertRefused(
        await command(),
        /^Cannot write into .*model as README\.md is there already: give --overwrite to replace it, or another folder$/,
      );
      assert.deepEqual(await readdir(output), ["README.md"]);
    }
    for (const command of commands) {
      const { code, error } = await command("--overwrite");
      assert.equal(code, 0, error);
      assertRefused(
        await command(),
        /^Cannot write into .*model as a model is there already: give --overwrite /,
      );
    }
    assert.equal(await readFile(join(output, "README.md"), "utf8"), "# Mine");
    assert.ok(
      !(await readdir(output)).includes("report.html"),
      "train's report is not that of pretrain's model",
    );
  }));

Deno.test("a command that finds another one at work in its output folder says so and changes nothing", () =>
  inFolder(async (folder) => {
    const { output, commands } = await trainers(folder);
    const trained = join(folder, "trained");
    await saveClassifier(trained, await trainedClassifier({}));
    const results = join(folder, "results");
    await exampleResults(cutting, results);
    const parts = {
      ...reportParts,
      ...{
        experiments: [cutting],
        dataTables: [],
        claimsAt: () => [],
        find: () => Promise.resolve(undefined),
      },
      plotly: () => Promise.resolve(""),
    };
    const others = [
      () => runInTest(exportCommand, "--model", trained, "--output", output),
      () =>
        runInTest((output) => reportCommand({ ...parts, output }), "--results", results, "--output", output),
      () => runInTest((output) => publishCommand({ ...parts, output }), "--results", results, "--to", output),
    ];
    await withOutputFolder(output, async () => {
      for (const command of [...commands, ...others]) {
        assertRefused(
          await command(),
          /^Cannot write into .*model as process \d+ of .* is writing there: wait until /,
        );
        assert.deepEqual(await readdir(output), [".bertlab.lock"]);
      }
    });
    for (const command of others) {
      const { code, error } = await command();
      assert.equal(code, 0, error);
      assert.deepEqual((await readdir(output)).filter((name) => name.startsWith(".")), []);
      await Deno.remove(output, { recursive: true });
    }
  }));

Deno.test("evaluate does not write over the texts that it reads", () =>
  inFolder(async (folder) => {
    const input = await writeTexts(join(folder, "in.csv"), 4, 1);
    const before = await readFile(input, "utf8");
    assertRefused(
      await runInTest(evaluateCommand, "--model", "nowhere", "--input", input, "--output", input),
      /^Cannot write .*in\.csv as it is the input: give another --output$/,
    );
    assert.equal(await readFile(input, "utf8"), before);
  }));
