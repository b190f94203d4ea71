/** Packed batches against the same ones padded to the longest input: without dropout training computes the same. */
import assert from "node:assert/strict";
import { pretrainer } from "../../lib/bert/pretraining.ts";
import { startModel } from "../../lib/bert/start_model.ts";
import { loadClassifier } from "../../lib/classifier/classifier.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { xlaEngine } from "../../lib/engine/xla/engine.ts";
import { stepKey } from "../../lib/graph/composites.ts";
import { classifierParameters, classifierPlan } from "../../lib/paper/classifier_plan.ts";
import { fineTune } from "../../lib/paper/fine_tune.ts";
import { textStrategy } from "../../lib/paper/long_text.ts";
import { mixedBatches, taskClassifiers } from "../../lib/paper/multitask.ts";
import {
  type PreTrainingBatch,
  preTrainingEpoch,
  pretrainingSizes,
} from "../../lib/paper/pretraining_batches.ts";
import { maskedStep } from "../../lib/paper/pretraining_steps.ts";
import { readExamples } from "../../lib/paper/reading.ts";
import { encodeDocuments } from "../../lib/paper/segments.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { type BatchOptions, trainingBatches } from "../../lib/training/batches.ts";
import { evaluateExamples } from "../../lib/training/class_probabilities.ts";
import { optimizer, stateName } from "../../lib/training/optimizers.ts";
import { gradientGraph, signatures, type Trainable, trainedNames } from "../../lib/training/step.ts";
import type { StepBatch } from "../../lib/training/step.ts";
import { Trainer } from "../../lib/training/trainer.ts";
import { engines, pluginForTests } from "../engine/engines.ts";
import { largestDifference, relativeError } from "../golden/load.ts";
import { exampleDataset, exampleTexts, tinyArchitecture } from "../helpers/example_model.ts";
import { consonantDataset } from "../helpers/example_tasks.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { slowUnless, test } from "../helpers/slow.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";

const maxLength = 24;
const tolerance = 1e-5;

/** Texts of 1 to 30 words. */
const texts = exampleTexts(61, 30, 1).map(({ text, label }, place) => ({
  text: text.split(" ").slice(0, 1 + place * 7 % 30).join(" "),
  label,
}));
const pairs = texts.map((text, place) => ({ ...text, pair: texts[(place + 5) % 9]!.text.slice(0, 40) }));

const model = await startModel("new", {
  labels: ["o", "u"],
  seed: 1,
  architecture: { ...tinyArchitecture, layers: 4 },
  texts: texts.map(({ text }) => text),
  preTraining: {},
}).then((model) => ({
  ...model,
  config: { ...model.config, hidden_dropout_prob: 0, attention_probs_dropout_prob: 0 },
}));
const { tokenizer, config } = model;
const withoutHeads = {
  ...model,
  parameters: Object.fromEntries(
    Object.entries(model.parameters).filter(([name]) => !name.startsWith("cls.")),
  ),
};

/** Something to train: its loss, where it starts, and three epochs of batches. */
interface Training {
  readonly trainable: Trainable;
  readonly parameters: HostTensors;
  readonly batches: (layout: { readonly padToMax: boolean; readonly devices?: number }) => StepBatch[];
}

interface Kind extends Partial<BatchOptions> {
  readonly text?: string;
  readonly features?: string;
  readonly method?: "feature-extraction";
  readonly examples?: typeof pairs | typeof texts;
}

function classifier(
  { text: name = "head", features = "layer 1", method, examples: given = texts, ...batching }: Kind,
): Training {
  const text = textStrategy(name, { maxFractions: 3 });
  const plan = classifierPlan(config, { text, features, method });
  const examples = readExamples(given, { tokenizer, text, maxLength });
  return {
    trainable: plan.trainable,
    parameters: classifierParameters(plan, withoutHeads, 2, 1),
    batches: (layout) =>
      trainingBatches(examples, {
        ...{ batchSize: 8, maxLength, tokenizerIds: tokenizer.ids },
        ...batching,
        ...layout,
      }, [1, 2, 3]).flatMap((epoch) => [...epoch]),
  };
}

function tasks(): Training {
  const single = classifier({});
  const data = { first: texts, second: consonantDataset(64).train };
  const heads = Object.keys(data).flatMap((task, t) =>
    (["weight", "bias"] as const).map((part) => {
      const rows = 2 + t;
      const size = part === "weight" ? rows * config.hidden_size : rows;
      const values = new Float32Array(size).map((_, i) => Math.sin(i + t) / 4);
      return [`classifier.${task}.${part}`, {
        shape: part === "weight" ? [rows, config.hidden_size] : [rows],
        data: values,
      }];
    })
  );
  const { "classifier.weight": _, "classifier.bias": __, ...shared } = single.parameters;
  return {
    trainable: taskClassifiers(single.trainable),
    parameters: { ...shared, ...Object.fromEntries(heads) },
    batches: (layout) => {
      const epochs = Object.entries(data).map(([name, examples], t) => ({
        name,
        batches: trainingBatches(
          readExamples(examples, { tokenizer, text: textStrategy("head"), maxLength }),
          { batchSize: 8, maxLength, tokenizerIds: tokenizer.ids, ...layout },
          [1 + t, 3 + t],
        ),
      }));
      return [0, 1].flatMap((epoch) => {
        const { length, at } = mixedBatches(
          epochs.map(({ name, batches }) => ({ name, batches: batches[epoch]! })),
          epoch,
        );
        return Array.from({ length }, (_, place) => at(place));
      });
    },
  };
}

function maskedWords(nsp: boolean): Training {
  const { documents } = encodeDocuments(
    texts.map(({ text }) => text.replaceAll(" b", ". b")),
    tokenizer,
    "en",
  );
  const names = Object.keys(model.parameters).filter((name) =>
    !name.startsWith("classifier.") && (nsp || !/pooler|seq_relationship/.test(name))
  );
  return {
    trainable: pretrainer(config, { nsp }),
    parameters: Object.fromEntries(names.map((name) => [name, model.parameters[name]!])),
    batches: ({ padToMax, devices }) => {
      const options = {
        ...{ batchSize: 8, maxLength: 32, key: 3, nextSentence: nsp, devices },
        ...{ tokenizerIds: tokenizer.ids, vocabSize: config.vocab_size },
      };
      const sizes = pretrainingSizes(documents, options);
      const padded = (batch: PreTrainingBatch): PreTrainingBatch => {
        const { B, P } = batch.shape;
        return { ...batch, shape: { B, P, T: options.maxLength } };
      };
      return [0, 1, 2, 3].flatMap((epoch) => [...preTrainingEpoch(documents, { ...options, sizes }, epoch)])
        .map((batch) =>
          maskedStep(padToMax ? padded(batch) : batch, {
            nextSentence: nsp,
            tokenizerIds: tokenizer.ids,
            devices,
          })
        );
    },
  };
}

const kinds: Record<string, () => Training> = {
  "single texts": () => classifier({}),
  pairs: () => classifier({ examples: pairs }),
  "fractions, mean": () => classifier({ text: "hierarchical-mean" }),
  "fractions, max": () => classifier({ text: "hierarchical-max" }),
  "fractions, attention": () => classifier({ text: "hierarchical-attention" }),
  "the maximum of four layers": () => classifier({ features: "last 4 max" }),
  "four layers side by side, of fractions": () =>
    classifier({ text: "hierarchical-attention", features: "last 4 concat" }),
  "tasks by turns": tasks,
  "BERT-Feat": () => classifier({ method: "feature-extraction" }),
  "masked words": () => maskedWords(false),
  "masked words and next sentences": () => maskedWords(true),
  "passes of two, balanced classes": () => classifier({ passSize: 2, classWeights: [1, 3] }),
  "a single text": () => classifier({ examples: texts.slice(0, 1) }),
};

/** The kinds for XLA, which compiles each for many seconds: those that hold the parts of all others. */
const onXla = [
  "pairs",
  "four layers side by side, of fractions",
  "tasks by turns",
  "BERT-Feat",
  "masked words and next sentences",
  "passes of two, balanced classes",
];

/** The kinds that the quick tests run on onnx. */
const quick = ["pairs", "fractions, attention", "tasks by turns", "masked words and next sentences"];

/** The gradient of a batch's loss by parameter. */
async function gradientsOf(engine: Engine, { trainable, parameters }: Training, batch: StepBatch) {
  const types = signatures(parameters);
  const names = trainedNames(trainable, types, batch.shape);
  const zeros = names.map((name) => {
    const { shape, data } = parameters[name]!;
    return [stateName.gradient(name), { shape, data: new Float32Array(data.length) }];
  });
  const state = engine.state({ ...parameters, ...Object.fromEntries(zeros) });
  const program = await engine.compile(gradientGraph(trainable, types, batch.shape, { accumulate: true }));
  for (const part of batch.parts) {
    await program.run(state, { ...part, key: { shape: [1], data: Int32Array.of(stepKey(1, 0)) } });
  }
  const found = await state.download(names.map(stateName.gradient));
  for (const each of [program, state]) each.dispose();
  return found;
}

async function losses(engine: Engine, { trainable, parameters }: Training, batches: readonly StepBatch[]) {
  const trainer = new Trainer(engine, trainable, parameters, optimizer("adamw"), 1);
  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    losses.push((await trainer.step(batches[step % batches.length]!, () => 1e-3)).loss);
  }
  await trainer.dispose();
  return losses;
}

/** Compares 20 losses and the first and the last batch's gradients of two ways to the same. */
async function requireSame(
  training: Training,
  [engine, batches]: readonly [Engine, readonly StepBatch[]],
  [otherEngine, others]: readonly [Engine, readonly StepBatch[]],
): Promise<void> {
  for (const place of new Set([0, batches.length - 1])) {
    const found = await gradientsOf(engine, training, batches[place]!);
    const expected = await gradientsOf(otherEngine, training, others[place]!);
    assert.deepEqual(Object.keys(found), Object.keys(expected));
    // Those of the keys' biases are zero but for rounding.
    const floorOf = (name: string) => name.endsWith("key.bias") ? 1e-2 : 1e-3;
    const wrong = Object.entries(expected)
      .map(([name, { data }]) => ({ name, error: relativeError(found[name]!.data, data, floorOf(name)) }))
      // XLA sums in an order that depends on the shapes: gradients of small batches differ by up to 4.3e-5.
      .filter(({ error }) => !(error <= (engine.name === "xla" ? 1e-4 : tolerance)));
    assert.deepEqual(wrong, [], `gradients of batch ${place}`);
  }
  const [found, expected] = [
    await losses(engine, training, batches),
    await losses(otherEngine, training, others),
  ];
  const error = Math.max(...found.map((loss, step) => Math.abs(loss / expected[step]! - 1)));
  assert.ok(error <= tolerance, `losses differ by ${error}: ${found}, not ${expected}`);
  assert.ok(new Set(expected).size > 1);
}

for (const [name, make] of Object.entries(engines)) {
  for (const [kind, training] of Object.entries(kinds)) {
    // A biLSTM takes minutes in plain JavaScript; bert_feat_test.ts compares it with PyTorch's.
    if (name === "reference" && kind === "BERT-Feat") continue;
    if (name === "webgpu") continue; // each case takes minutes in software
    if (name === "xla" && !onXla.includes(kind)) continue;
    const register = slowUnless(
      name === "onnx" && quick.includes(kind),
    );
    register(
      `${name}: ${kind}: losses and gradients of packed batches are those of padded ones`,
      async () => {
        const [given, engine] = [training(), await make()];
        const [packed, padded] = [given.batches({ padToMax: false }), given.batches({ padToMax: true })];
        assert.ok(
          packed.every(({ parts }) => parts[0]!.starts) && padded.every(({ parts }) => parts[0]!.mask),
        );
        await requireSame(given, [engine, packed], [engine, padded]);
      },
    );
  }
}

const plugin = await pluginForTests("packed batches over several devices");
for (const devices of [2, 4]) {
  for (const kind of ["fractions, attention", "BERT-Feat", "masked words and next sentences"]) {
    test.slow(
      `${devices} devices: ${kind}: losses and gradients are those of padded batches on one`,
      async () => {
        const given = kinds[kind]!();
        const packed = given.batches({ padToMax: false, devices });
        await requireSame(
          given,
          [await xlaEngine({ plugin, devices, cacheFolder: false }), packed],
          [onnxEngine(), given.batches({ padToMax: true })],
        );
      },
      { ignore: plugin === undefined },
    );
  }
}

Deno.test("200 texts have the same class probabilities packed as padded, in training and of a saved classifier", async () => {
  const engine = onnxEngine();
  const data = exampleDataset({ count: 40 });
  const asked = exampleTexts(200, 30, 9).map(({ text }, place) => ({
    text: text.split(" ").slice(0, 1 + place * 7 % 30).join(" "),
    label: 0,
  }));
  for (const [text, paired] of [["head", false], ["hierarchical-mean", false], ["head", true]] as const) {
    const pair = (texts: typeof asked) =>
      paired ? texts.map((each, place) => ({ ...each, pair: texts[place % 7]!.text.slice(0, 20) })) : texts;
    const settings = tinySettings({ text: textStrategy(text, { maxFractions: 3 }), maxLength });
    const trained = await fineTune(withoutHeads, { ...data, train: pair([...data.train]) }, settings, {
      engine,
    });
    const examples = readExamples(pair(asked), {
      tokenizer,
      text: textStrategy(settings.text, settings),
      maxLength,
    });
    const plan = classifierPlan(trained.model.config, settings);
    const trainer = new Trainer(engine, plan.trainable, trained.parameters, optimizer("adamw"), 1);
    const [packed, padded] = await Promise.all([false, true].map(async (padToMax) => {
      const options = { batchSize: 16, maxLength, tokenizerIds: tokenizer.ids, classes: 2, padToMax };
      return (await evaluateExamples((batch) => trainer.evaluate(batch), examples, options)).probabilities;
    }));
    await trainer.dispose();
    assert.ok(new Set(padded).size > 100);
    assert.ok(largestDifference(packed!, padded!) <= tolerance);
    await inFolder(async (folder) => {
      await saveClassifier(folder, trained);
      const saved = await loadClassifier(folder, { engine });
      const probabilities = await saved.probabilities(pair(asked));
      await saved.dispose();
      assert.ok(largestDifference(probabilities, padded!) <= tolerance);
    });
  }
});
