import assert from "node:assert/strict";
import { readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { trainCommand } from "../../scripts/train.ts";
import { prepareLog, TrainingLog } from "../../lib/classifier/training_log.ts";
import { encodeEvent, EventFile } from "../../lib/results/event_file.ts";
import { recordOf } from "../../lib/storage/tf_records.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { writeModel, writeTexts } from "../scripts/train_files.ts";
import { noTensorBoard, scalarsOf, tensorBoardScalars } from "./event_files.ts";
import { stepReport } from "../helpers/step_report.ts";

/** Trains with a log, and returns result.json. */
async function trainWithLog(folder: string, ...more: string[]) {
  const model = await writeModel(join(folder, "start"));
  const train = await writeTexts(join(folder, "train.csv"), 60, 1);
  const test = await writeTexts(join(folder, "test.csv"), 20, 2);
  const { code, error } = await runInTest(
    trainCommand,
    ...[
      "--train",
      train,
      "--test",
      test,
      "--model",
      model,
      "--output",
      join(folder, "model"),
      "--epochs",
      "3",
    ],
    ...[
      "--batch-size",
      "8",
      "--max-length",
      "16",
      "--learning-rate",
      "0.01",
      "--log",
      join(folder, "log"),
      ...more,
    ],
  );
  assert.equal(code, 0, error);
  return JSON.parse(await readFile(join(folder, "model", "result.json"), "utf8"));
}

const values = (curve: [number, number][] | undefined) => curve!.map(([, value]) => value);
const float = Math.fround;

/** Asserts that curves are what result.json says. */
// deno-lint-ignore no-explicit-any -- of a JSON file
function assertCurves(scalars: Record<string, [number, number][]>, result: any): void {
  // deno-lint-ignore no-explicit-any
  const of = (value: (epoch: any) => number) => result.epochs.map((epoch: any) => float(value(epoch)));
  assert.deepEqual(values(scalars["epoch"]), of(({ epoch }) => epoch));
  assert.deepEqual(values(scalars["train/mean_loss"]), of(({ train_loss }) => train_loss));
  for (const name of ["accuracy", "error_rate", "macro_f1", "loss", "ece", "brier"]) {
    assert.deepEqual(values(scalars[`dev/${name}`]), of(({ dev }) => dev[name]), name);
    assert.deepEqual(scalars[`test/${name}`], [[result.steps, float(result.test[name])]], name);
  }
  const steps = Array.from({ length: result.steps }, (_, n) => n + 1);
  for (const tag of ["train/loss", "train/gradient_norm", "rate/highest", "rate/lowest"]) {
    assert.deepEqual(scalars[tag]!.map(([step]) => step), steps, tag);
  }
  // deno-lint-ignore no-explicit-any
  const ends = result.epochs.map(({ epoch }: any) => Math.round(epoch * 7));
  assert.deepEqual(scalars["dev/loss"]!.map(([step]) => step), ends);
}

Deno.test("curves of a training are those of result.json", () =>
  inFolder(async (folder) => {
    const result = await trainWithLog(folder, "--evaluate-every", "5", "--max-steps", "18");
    assert.deepEqual([result.steps, result.epochs.length], [18, 4]);
    const scalars = await scalarsOf(join(folder, "log"));
    assertCurves(scalars, result);
    // Mean losses are those of the steps, and the rates rise to 0.01 and fall to 0.
    const losses = values(scalars["train/loss"]);
    const mean = losses.slice(0, 5).reduce((sum, loss) => sum + loss, 0) / 5;
    assert.ok(Math.abs(mean - result.epochs[0].train_loss) < 1e-6);
    const rates = values(scalars["rate/highest"]);
    assert.deepEqual([rates[0], rates[2], rates[10]], [0, float(0.01), float(0.01 * 8 / 16)]);
    assert.deepEqual(values(scalars["rate/lowest"])[2], float(0.01 * 0.95));
  }));

Deno.test({
  name: `TensorBoard reads the curves, of pre-training and after a kill too${noTensorBoard}`,
  ignore: noTensorBoard !== "",
  fn: () =>
    inFolder(async (folder) => {
      const result = await trainWithLog(
        folder,
        ...[
          "--recipe",
          "itpt-fit",
          "--pretrain-steps",
          "5",
          "--pretrain-batch-size",
          "4",
          "--pretrain-length",
          "16",
        ],
      );
      const log = join(folder, "log");
      const scalars = await tensorBoardScalars(log);
      assertCurves(scalars, result);
      assert.deepEqual(scalars, await scalarsOf(log));
      const before = await tensorBoardScalars(join(log, "pre-training"));
      assert.deepEqual(
        before["dev/mlm_loss"],
        result.pre_training.evaluations.map(({ step, mlm_loss }: { step: number; mlm_loss: number }) => [
          step,
          float(mlm_loss),
        ]),
      );

      const killed = join(folder, "killed");
      writeSittings(killed);
      const [first] = (await readdir(killed)).sort();
      await truncate(join(killed, first!), (await readFile(join(killed, first!))).length - 7); // torn
      assert.deepEqual(await tensorBoardScalars(killed), { "loss": [[1, 10], [2, 20], [3, -3], [4, -4]] });
    }),
});

/** A sitting that was killed after its fifth step, and one that went on after the second. */
function writeSittings(folder: string): void {
  for (const [from, to, scale] of [[1, 5, 10], [3, 4, -1]] as const) {
    const file = new EventFile(folder);
    for (let step = from; step <= to; step++) file.write(step, { loss: scale * step });
    file.close();
  }
}

Deno.test("a sitting that goes on takes the place of what was written of its steps", () =>
  inFolder(async (folder) => {
    writeSittings(folder);
    assert.equal((await readdir(folder)).length, 2);
    assert.deepEqual(await scalarsOf(folder), { "loss": [[1, 10], [2, 20], [3, -3], [4, -4]] });
  }));

Deno.test("an event file has the bytes that TensorBoard's own writer makes", async () => {
  const { scalars, file } = JSON.parse(
    await readFile(join(import.meta.dirname!, "../golden/events.json"), "utf8"),
  );
  const [begin, later] = [1790000000.25, 1790000000.5];
  const events = [
    { time: begin, version: "brain.Event:2" },
    { time: begin, step: 3, begins: true },
    { time: later, step: 300, scalars },
  ];
  assert.deepEqual(events.flatMap((event) => [...recordOf(encodeEvent(event))]), [
    ...Uint8Array.fromBase64(file),
  ]);
});

Deno.test("events of another run are kept unless they may be replaced", () =>
  inFolder(async (folder) => {
    const write = () => {
      const log = new TrainingLog(join(folder, "part"));
      log.around({}).onStep!(stepReport);
      log.close();
    };
    await prepareLog(folder, {});
    write();
    await assert.rejects(prepareLog(folder, {}), {
      name: "InputError",
      message:
        `Cannot log into ${folder} as events of another run are there: name another folder, or give --overwrite`,
    });
    await prepareLog(folder, { resume: true });
    assert.equal((await readdir(join(folder, "part"))).length, 1);
    await prepareLog(folder, { overwrite: true });
    assert.equal((await readdir(join(folder, "part"))).length, 0);
  }));
