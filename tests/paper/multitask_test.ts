import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sequenceClassifier } from "../../lib/bert/classifier.ts";
import { parseConfig } from "../../lib/bert/config.ts";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { InputError } from "../../lib/errors.ts";
import { fineTune } from "../../lib/paper/fine_tune.ts";
import { textStrategy } from "../../lib/paper/long_text.ts";
import {
  mixedBatches,
  type MultiTaskContext,
  multiTaskTune,
  type MultiTaskTuned,
  type MultiTaskTuneSettings,
  type Task,
  taskClassifiers,
} from "../../lib/paper/multitask.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { optimizer } from "../../lib/training/optimizers.ts";
import type { StepBatch } from "../../lib/training/step.ts";
import { Trainer } from "../../lib/training/trainer.ts";
import { engines } from "../engine/engines.ts";
import { exampleDataset, tinyModel } from "../helpers/example_model.ts";
import { consonantDataset } from "../helpers/example_tasks.ts";
import { relativeError } from "../golden/load.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";
import { packedOf } from "../helpers/packed.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { slowUnless } from "../helpers/slow.ts";

const golden = join(import.meta.dirname!, "..", "golden", "multitask");
const start = await readSafetensors(join(golden, "start.safetensors"));
const training = JSON.parse(await readFile(join(golden, "training.json"), "utf8"));
const trainable = taskClassifiers(
  sequenceClassifier(parseConfig(JSON.stringify(training.config), "training.json")),
);

function goldenBatch({ task, ids, mask, labels }: GoldenBatch, layout: "padded" | "packed"): StepBatch {
  const [B, T] = [ids.length, ids[0]!.length];
  const integers = (rows: number[][]) => ({ shape: [B, T], data: Int32Array.from(rows.flat()) });
  const padded = { ids: integers(ids), mask: integers(mask) };
  const { shape, tensors } = layout === "packed" ? packedOf(padded) : { shape: { T }, tensors: padded };
  const part: HostTensors = {
    ...tensors,
    labels: { shape: [B], data: Int32Array.from(labels) },
    weights: { shape: [B], data: new Float32Array(B).fill(1 / B) },
  };
  return { shape: { B, K: 1, ...shape, task }, parts: [part], examples: B, tokens: B * T };
}

interface GoldenBatch {
  readonly task: string;
  readonly ids: number[][];
  readonly mask: number[][];
  readonly labels: number[];
}

const batchesOf = (layout: "padded" | "packed"): StepBatch[] =>
  training.batches.map((batch: GoldenBatch) => goldenBatch(batch, layout));
const batches = batchesOf("packed");

for (const [name, make] of Object.entries(engines)) {
  for (const layout of ["padded", "packed"] as const) {
    const test = slowUnless(name !== "xla");
    test(`${name}: ten steps on ${layout} batches of two tasks are those of PyTorch`, async () => {
      const trainer = new Trainer(await make(), trainable, start, optimizer("adamw"), 1);
      const losses: number[] = [];
      for (const batch of batchesOf(layout)) {
        losses.push((await trainer.step(batch, () => training.learning_rate)).loss);
      }
      const errors = losses.map((loss, i) => Math.abs(loss / training.losses[i] - 1));
      assert.ok(Math.max(...errors) < 1e-4, `${losses} and not ${training.losses}`);
      const found = await trainer.parameters();
      await trainer.dispose();
      const end = await readSafetensors(join(golden, "end.safetensors"));
      assert.deepEqual(Object.keys(found).sort(), Object.keys(end).sort());
      for (const [name, { data }] of Object.entries(end)) {
        // The keys' biases have no gradient but rounding, of which Adam makes whole steps.
        if (name.endsWith("key.bias")) continue;
        const error = relativeError(found[name]!.data, data);
        assert.ok(error < 1e-3, `${name} differs by ${error}`);
      }
    });
  }
}

Deno.test("a batch of one task leaves the other's classifier and its moments as they are, bit for bit", async () => {
  const trainer = new Trainer(onnxEngine(), trainable, start, optimizer("adamw"), 1);
  const [first, second] = ["first", "second"].map((task) =>
    batches.find(({ shape }) => (shape as GoldenBatch).task === task)!
  );
  await trainer.step(second!, () => 0.01); // so that there are moments
  const before = await trainer.snapshot();
  await trainer.step(first!, () => 0.01);
  const after = await trainer.snapshot();
  await trainer.dispose();
  const same = Object.keys(after.tensors).filter((name) => {
    const old = before.tensors[name]!.data;
    return after.tensors[name]!.data.every((value, i) => Object.is(value, old[i]));
  }).filter((name) => name.includes("classifier."));
  assert.deepEqual(same.sort(), [
    "classifier.second.bias",
    "classifier.second.weight",
    "m/classifier.second.bias",
    "m/classifier.second.weight",
    "v/classifier.second.bias",
    "v/classifier.second.weight",
  ]);
  const changed = Object.keys(start).filter((_, i) => after.counts[i] === 2);
  assert.deepEqual(changed.sort(), Object.keys(start).filter((name) => name.startsWith("bert.")).sort());
});

Deno.test("an epoch has each batch of each task once, in an order of its key", () => {
  const counts = { large: 9, small: 3, single: 1 };
  const tasks = Object.entries(counts).map(([name, length]) => ({
    name,
    batches: {
      length,
      at: (place: number) => ({ shape: { B: 1 }, parts: [], examples: place, tokens: 0 }),
    },
  }));
  const order = (key: number) => {
    const { length, at } = mixedBatches(tasks, key);
    return Array.from({ length }, (_, place) => {
      const { shape, examples } = at(place);
      return `${(shape as { task: string }).task} ${examples}`;
    });
  };
  const all = Object.entries(counts).flatMap(([name, length]) =>
    Array.from({ length }, (_, place) => `${name} ${place}`)
  );
  assert.deepEqual(order(1).toSorted(), all.toSorted());
  assert.deepEqual(order(1), order(1));
  assert.equal(new Set([1, 2, 3, 4].map((key) => order(key).join())).size, 4);
});

const settings: MultiTaskTuneSettings = tinySettings({
  text: textStrategy("head"),
  epochs: 4,
  layerDecay: 0.95,
  schedule: "linear",
  warmupProportion: 0.1,
});

const vowels: Task = { name: "vowels", data: exampleDataset({ words: 10 }) };
const consonants: Task = { name: "consonants", data: consonantDataset() };

async function tune(
  changes: Partial<MultiTaskTuneSettings> = {},
  { tasks = [vowels, consonants], ...context }: { tasks?: Task[] } & Partial<MultiTaskContext> = {},
): Promise<MultiTaskTuned> {
  const model = await tinyModel(vowels.data);
  return await multiTaskTune(model, tasks, { ...settings, ...changes }, { engine: onnxEngine(), ...context });
}

Deno.test("one model learns two tasks, and each goes on by itself from where the model stopped", async () => {
  const tuned = await tune({ epochs: 8, seed: 3 });
  assert.equal(tuned.steps, 8 * (8 + 6));
  const errors = tuned.epochs.map(({ tasks }) => (tasks.vowels!.errorRate + tasks.consonants!.errorRate) / 2);
  assert.equal(errors[tuned.bestEpoch - 1], Math.min(...errors));
  const best = tuned.epochs[tuned.bestEpoch - 1]!.tasks;
  assert.ok(best.vowels!.errorRate < .2, `vowels ${best.vowels!.errorRate}`);
  assert.ok(best.consonants!.errorRate < .35, `consonants ${best.consonants!.errorRate}`);
  assert.deepEqual(tuned.notes, ["vowels: 100.0 % of the texts are cut."]);
  assert.deepEqual(Object.keys(tuned.shared.parameters).filter((name) => !name.startsWith("bert.")), []);
  for (const { name, data } of [vowels, consonants]) {
    const model = tuned.modelOf(name);
    assert.deepEqual(Object.values(model.config.id2label!), data.labels);
    assert.match(model.description, /^new over characters.*, fine-tuned on vowels, consonants$/);
    const still = { ...settings, epochs: 1, learningRate: 0 };
    const { dev } = await fineTune(model, data, still, { engine: onnxEngine() });
    assert.deepEqual(dev, best[name]);
  }
  assert.throws(() => tuned.modelOf("colors"), RangeError);
});

Deno.test("the classifier that the start model has is not taken for a task's", async () => {
  const model = await tinyModel(vowels.data);
  const tuned = await multiTaskTune(model, [vowels], { ...settings, epochs: 1, learningRate: 0 }, {
    engine: onnxEngine(),
  });
  const { "classifier.weight": old, ...layers } = model.parameters;
  assert.notDeepEqual(tuned.modelOf("vowels").parameters["classifier.weight"], old);
  for (const [name, tensor] of Object.entries(tuned.shared.parameters)) {
    assert.deepEqual(tensor.data, layers[name]!.data, name);
  }
});

Deno.test("the tasks come in another order in each epoch", async () => {
  const places: number[] = [];
  const single: Task = {
    name: "single",
    data: { ...consonants.data, train: consonants.data.train.slice(0, 5) },
  };
  await tune({ epochs: 6 }, {
    tasks: [vowels, single],
    onStep: ({ step, examples }) => void (examples === 5 && places.push((step - 1) % 9)),
  });
  assert.equal(places.length, 6, "the task of one batch has one step in each epoch");
  assert.ok(new Set(places).size > 2, `always at ${places}`);
});

Deno.test("a run that is stopped and goes on ends as one that was not, bit for bit", async () => {
  await inFolder(async (folder) => {
    const untimed = ({ epochs }: MultiTaskTuned) => epochs.map(({ seconds: _, ...epoch }) => epoch);
    const straight = await tune({ epochs: 2 });
    const checkpoint = { folder, every: 5, resume: true };
    for (const stopAt of [7, 19]) {
      const onStep = ({ step }: { step: number }) => {
        if (step === stopAt) throw new Error("stopped");
      };
      await assert.rejects(tune({ epochs: 2 }, { checkpoint, onStep }), /stopped/);
    }
    const steps: number[] = [];
    const resumed = await tune({ epochs: 2 }, { checkpoint, onStep: ({ step }) => steps.push(step) });
    assert.deepEqual([steps[0], steps.at(-1)], [16, 28]);
    assert.deepEqual(resumed.shared.parameters, straight.shared.parameters);
    assert.deepEqual(resumed.classifiers, straight.classifiers);
    assert.deepEqual(untimed(resumed), untimed(straight));
    await assert.rejects(
      tune({ epochs: 2 }, { checkpoint, tasks: [vowels] }),
      (error) => error instanceof InputError && /run with other settings or data/.test(error.message),
    );
  });
});

Deno.test("the protocol of the paper's code measures the test texts of each task", async () => {
  const tasks = [vowels, { ...consonants, data: { ...consonants.data, dev: [] } }];
  const { epochs } = await tune({ protocol: "paper", epochs: 1 }, { tasks });
  assert.deepEqual(Object.entries(epochs[0]!.tasks).map(([name, { examples }]) => [name, examples]), [
    ["vowels", 32],
    ["consonants", 24],
  ]);
});

Deno.test("tasks that do not go together are refused before the first step", async () => {
  const rejects = (tasks: Task[], message: string) =>
    assert.rejects(tune({}, { tasks }), new InputError(message));
  await rejects(
    [vowels, { name: "poets", data: { ...consonants.data, language: "zh" } }],
    "Cannot train one model on vowels and poets as their texts are in different languages: found " +
      '"en" and "zh"',
  );
  await rejects(
    [vowels, consonants, { ...consonants, name: "vowels" }],
    'Cannot train on several tasks as two are called the same: found "vowels" twice',
  );
  await rejects(
    [vowels, { ...consonants, data: { ...consonants.data, dev: [] } }],
    "Cannot choose the best epoch on consonants as it has no development texts: give some, or more training texts",
  );
  await assert.rejects(tune({}, { tasks: [] }), RangeError);
});
