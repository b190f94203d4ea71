/** The engine beyond what the compliance suite asks of all: several devices, donation, precision, kept programs. */
import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sequenceClassifier } from "../../../lib/bert/classifier.ts";
import { newConfig } from "../../../lib/bert/config.ts";
import { initialParameters } from "../../../lib/bert/parameters.ts";
import { loadClassifier } from "../../../lib/classifier/classifier.ts";
import type { Engine } from "../../../lib/engine/engine.ts";
import { onnxEngine } from "../../../lib/engine/onnx.ts";
import { sayIfLong, xlaEngine, type XlaOptions } from "../../../lib/engine/xla/engine.ts";
import { openPlugin } from "../../../lib/engine/xla/open.ts";
import { saveClassifier } from "../../../lib/classifier/save.ts";
import { fineTune } from "../../../lib/paper/fine_tune.ts";
import { lowerToStablehlo } from "../../../lib/graph/stablehlo/lower.ts";
import { textStrategy } from "../../../lib/paper/long_text.ts";
import { Random } from "../../../lib/random.ts";
import type { HostTensors } from "../../../lib/tensors.ts";
import { optimizer } from "../../../lib/training/optimizers.ts";
import { gradientGraph, signatures, updateGraph } from "../../../lib/training/step.ts";
import type { StepBatch } from "../../../lib/training/step.ts";
import { Trainer } from "../../../lib/training/trainer.ts";
import { exampleDataset, tinyModel } from "../../helpers/example_model.ts";
import { pluginForTests } from "../engines.ts";
import { tinySettings } from "../../helpers/tiny_settings.ts";
import { inFolder } from "../../helpers/in_folder.ts";
import { test } from "../../helpers/slow.ts";

const plugin = await pluginForTests("several devices, precision and kept programs of the engine xla");
const ignore = plugin === undefined;

const config = newConfig({
  vocab_size: 200,
  num_hidden_layers: 1,
  hidden_size: 32,
  max_position_embeddings: 16,
});
const parameters = initialParameters(config, { seed: 1, labels: 2 });
const trainable = sequenceClassifier(config);
const [B, T] = [8, 16];

function batch(step: number, rows = B): StepBatch {
  const random = new Random(step);
  const part: HostTensors = {
    ids: { shape: [rows, T], data: Int32Array.from({ length: rows * T }, () => random.below(200)) },
    mask: {
      shape: [rows, T],
      data: Int32Array.from({ length: rows * T }, (_, i) => i % T < 9 + step ? 1 : 0),
    },
    labels: { shape: [rows], data: Int32Array.from({ length: rows }, () => random.below(2)) },
    weights: { shape: [rows], data: new Float32Array(rows).fill(1 / rows) },
  };
  return { shape: { B: rows, K: 1, T }, parts: [part], examples: rows, tokens: rows * T };
}

/** The same batch in two parts. */
function halves({ parts, ...rest }: StepBatch): StepBatch {
  const half = (from: number): HostTensors =>
    Object.fromEntries(
      Object.entries(parts[0]!).map(([name, { shape: [rows, ...others], data }]) => [name, {
        shape: [rows! / 2, ...others],
        data: data.slice(from * data.length / 2, (from + 1) * data.length / 2),
      }]),
    );
  return { ...rest, shape: { B: B / 2, K: 1, T }, parts: [half(0), half(1)] };
}

/** Losses and norms of a few steps, and the logits after them. */
async function train(
  options: XlaOptions,
  parted: (batch: StepBatch) => StepBatch = (batch) => batch,
): Promise<{ losses: number[]; logits: number[] }> {
  const engine = await xlaEngine({ plugin, cacheFolder: false, ...options });
  const trainer = new Trainer(engine, trainable, parameters, optimizer("adamw"), 1);
  const losses: number[] = [];
  for (let step = 0; step < 4; step++) {
    const { loss, gradientNorm } = await trainer.step(parted(batch(step)), () => 1e-3);
    losses.push(loss, gradientNorm);
  }
  const { logits, loss } = await trainer.evaluate(batch(9));
  await trainer.dispose();
  return { losses: [...losses, loss!.data[0]!], logits: [...logits!.data] };
}

const largest = (a: number[], b: number[]) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

for (const devices of [2, 4]) {
  for (const [batches, parted] of [["batches", undefined], ["batches in parts", halves]] as const) {
    test.slow(`${devices} devices have the losses of one, with dropout, of ${batches}`, async () => {
      const one = await train({ devices: 1 }, parted);
      ok(new Set(one.losses).size === one.losses.length && one.logits.length === 2 * B);
      const several = await train({ devices }, parted);
      const difference = largest(several.losses, one.losses);
      ok(difference < 1e-5, `losses differ by ${difference}`);
      ok(largest(several.logits, one.logits) < 1e-5, `${several.logits}, not ${one.logits}`);
    }, { ignore });
  }
}

test.slow(
  "texts that the devices do not divide are trained on, evaluated, and classified, as on one device",
  async () => {
    const { train, dev, ...texts } = exampleDataset({ count: 100 });
    // Without dropout, whose masks depend on which device has a text; the last batch has fewer texts than devices.
    const data = { ...texts, train: train.slice(0, 25), dev, test: [] };
    const settings = tinySettings({ text: textStrategy("head"), batchSize: 24 });
    await inFolder(async (folder) => {
      const probabilities = async (engine: Engine) => {
        const run = await fineTune(await tinyModel(data, { dropout: 0 }), data, settings, { engine });
        await saveClassifier(folder, run);
        const classifier = await loadClassifier(folder, { engine });
        const alone = await classifier.probabilities([dev[0]!.text]);
        await classifier.dispose();
        return [...run.devPredictions!.probabilities, ...alone];
      };
      const one = await probabilities(onnxEngine());
      const two = await probabilities(await xlaEngine({ plugin, devices: 2, cacheFolder: false }));
      ok(largest(one, two) < 1e-4, `${two}, not ${one}`);
    });
  },
  { ignore },
);

test.slow("with dropout a run on two devices goes on from its checkpoint to the same bits", async () => {
  const data = exampleDataset({ count: 80 });
  const model = await tinyModel(data);
  const settings = tinySettings({ epochs: 2 });
  const engine = await xlaEngine({ plugin, devices: 2, cacheFolder: false });
  const whole = await fineTune(model, data, settings, { engine });
  await inFolder(async (folder) => {
    const checkpoint = { folder, every: 3, resume: true };
    const onStep = ({ step }: { step: number }) => {
      if (step === 7) throw new Error("stopped");
    };
    await rejects(fineTune(model, data, settings, { engine, checkpoint, onStep }), /stopped/);
    const steps: number[] = [];
    const resumed = await fineTune(model, data, settings, {
      engine,
      checkpoint,
      onStep: ({ step }) => steps.push(step),
    });
    deepStrictEqual(steps, [7, 8, 9, 10]);
    deepStrictEqual(resumed.parameters, whole.parameters);
    deepStrictEqual(resumed.testPredictions, whole.testPredictions);
  });
  engine.dispose();
}, { ignore });

Deno.test({
  name: "a batch that the devices do not divide is refused",
  ignore,
  async fn() {
    const engine = await xlaEngine({ plugin, devices: 4, cacheFolder: false });
    const graph = gradientGraph(trainable, signatures(parameters), { B: 6, K: 1, T });
    await rejects(engine.compile(graph), {
      message: 'Cannot split 6 rows of "ids" evenly over 4 devices: give a batch size that they divide',
    });
  },
});

Deno.test({
  name: "what a step updates is donated: gradients, parameters and moments have no second copy",
  ignore,
  async fn() {
    const { client } = await openPlugin(plugin!);
    const size = Object.values(parameters).reduce((sum, { data }) => sum + 4 * data.length, 0);
    const own = signatures(parameters);
    for (
      const [graph, copies] of [
        [gradientGraph(trainable, own, { B, K: 1, T }), 1],
        [updateGraph(own, optimizer("adamw")), 3],
      ] as const
    ) {
      using program = await client.compile(lowerToStablehlo(graph).text);
      deepStrictEqual(program.executable.memory.aliased, copies * size, graph.name);
    }
  },
});

test.slow("in bf16 the first ten losses are within 2 % of those in f32, and not the same", async () => {
  const losses = async (precision: "f32" | "bf16") => {
    const engine = await xlaEngine({ plugin, cacheFolder: false, precision });
    const trainer = new Trainer(engine, trainable, parameters, optimizer("adamw"), 1);
    const found: number[] = [];
    for (let step = 0; step < 10; step++) {
      found.push((await trainer.step(batch(step % 4), () => 5e-4)).loss);
    }
    await trainer.dispose();
    return found;
  };
  const [rounded, exact] = [await losses("bf16"), await losses("f32")];
  const errors = rounded.map((loss, step) => Math.abs(loss / exact[step]! - 1));
  ok(Math.max(...errors) < .02 && Math.max(...errors) > 1e-6, `${rounded}, not ${exact}`);
}, { ignore });

test.slow("a program is kept and read again; a damaged one is compiled anew", async () => {
  await inFolder(async (cacheFolder) => {
    const fresh = await train({ cacheFolder });
    const names = await readdir(cacheFolder);
    deepStrictEqual(names.length, 3, "gradients, update, evaluation");
    deepStrictEqual(await train({ cacheFolder }), fresh);
    for (const name of names) {
      const bytes = await readFile(join(cacheFolder, name));
      bytes[bytes.length >> 1]! ^= 1;
      await writeFile(join(cacheFolder, name), bytes);
    }
    deepStrictEqual(await train({ cacheFolder }), fresh);
    deepStrictEqual((await readdir(cacheFolder)).sort(), names.sort());
  });
}, { ignore });

Deno.test("a program that takes long to compile is told of, others are not", async () => {
  const said: string[] = [];
  const after = (milliseconds: number) =>
    new Promise<number>((resolve) => setTimeout(() => resolve(milliseconds), milliseconds));
  deepStrictEqual(await sayIfLong(after(1), "short", (line) => said.push(line), 10_000), 1);
  deepStrictEqual(await sayIfLong(after(50), "long", (line) => said.push(line), 1), 50);
  deepStrictEqual(said, ["long"]);
});
