import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint, saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { newConfig, withLabels } from "../../lib/bert/config.ts";
import { initialParameters, parameterShapes, preTrainingShapes } from "../../lib/bert/parameters.ts";
import { readSafetensors, writeSafetensors } from "../../lib/bert/safetensors.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { goldenFolder, largestDifference } from "../golden/load.ts";
import { hasTransformers, runTransformers } from "../golden/transformers.ts";
import { inFolder } from "../helpers/in_folder.ts";

const folders = join(goldenFolder, "folders");
const values = await readSafetensors(join(goldenFolder, "folders.safetensors"));

/** The golden weights whose names start so, under their names after it. */
function weightsOf(prefix: string): HostTensors {
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
}

function without(tensors: HostTensors, part: string): HostTensors {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.includes(part)));
}

for (const type of ["f32", "f16", "bf16"]) {
  Deno.test(`a folder saved by transformers in ${type} is loaded as PyTorch reads it`, async () => {
    const { parameters, config, notes } = await loadCheckpoint(join(folders, type), { seed: 1 });
    deepStrictEqual(parameters, weightsOf(`${type}.`));
    deepStrictEqual(config.id2label, { 0: "LABEL_0", 1: "LABEL_1" });
    deepStrictEqual(notes, []);
  });
}

Deno.test("an encoder saved alone, without `bert.`, gets a new pooler and classifier", async () => {
  const options = { seed: 1, labels: ["no", "yes", "maybe"] };
  const { parameters, config, notes } = await loadCheckpoint(join(folders, "encoder_only"), options);
  const expected = without(without(weightsOf("f32."), "pooler"), "classifier");
  const found = without(without(parameters, "pooler"), "classifier");
  deepStrictEqual(found, expected);
  deepStrictEqual(config.label2id, { no: 0, yes: 1, maybe: 2 });
  deepStrictEqual(notes, [
    "The classifier is new: the folder has none.",
    "The pooler is new: the folder has none.",
  ]);
  const fresh = initialParameters(config, { seed: 1, labels: 3 });
  for (const name of ["bert.pooler.dense.weight", "classifier.weight", "classifier.bias"]) {
    deepStrictEqual(parameters[name], fresh[name]);
  }
});

Deno.test("old names are renamed, and heads of pre-training left out or kept if asked for", async () => {
  const folder = join(folders, "old_names");
  const { parameters, notes } = await loadCheckpoint(folder, { seed: 1 });
  deepStrictEqual(parameters, without(weightsOf("f32."), "classifier"));
  strictEqual(notes.length, 1);
  ok(notes[0]!.startsWith("Left out, as fine-tuning does not need them: bert.embeddings.position_ids, "));
  ok(
    notes[0]!.includes("cls.predictions.transform.LayerNorm.gamma") &&
      notes[0]!.includes("cls.seq_relationship"),
  );
  const all = await loadCheckpoint(folder, { seed: 1, preTraining: {} });
  deepStrictEqual(Object.keys(all.parameters).sort(), [...preTrainingShapes(all.config).keys()].sort());
  ok(all.parameters["cls.predictions.transform.LayerNorm.weight"]!.data.some((value) => value !== 1));
  deepStrictEqual(all.notes, ["Left out, as pre-training does not need them: bert.embeddings.position_ids."]);
});

Deno.test("a folder without heads of pre-training gets new ones, with a note", async () => {
  const folder = join(folders, "encoder_only");
  const { parameters, config, notes } = await loadCheckpoint(folder, { seed: 1, preTraining: {} });
  deepStrictEqual(notes, [
    "The pooler is new: the folder has none.",
    "The head of the masked language model is new: the folder has none.",
    "The head of next sentence prediction is new: the folder has none.",
  ]);
  const fresh = initialParameters(config, { seed: 1, preTraining: {} });
  deepStrictEqual(Object.keys(parameters).sort(), Object.keys(fresh).sort());
  for (const name of Object.keys(fresh)) {
    if (/^(cls|bert\.pooler)\./.test(name)) deepStrictEqual(parameters[name], fresh[name], name);
  }
  const labels = ["no", "yes"];
  const both = await loadCheckpoint(join(folders, "f32"), { seed: 1, labels, preTraining: { nsp: false } });
  deepStrictEqual(without(both.parameters, "cls."), weightsOf("f32."));
  deepStrictEqual(both.notes.at(-1), "The head of the masked language model is new: the folder has none.");
});

Deno.test("a decoder that repeats the word embeddings is passed over, and another one noted", () =>
  inFolder(async (folder) => {
    await cp(join(folders, "old_names"), folder, { recursive: true });
    const path = join(folder, "model.safetensors");
    const tensors = without(await readSafetensors(path), "position_ids");
    const plain = await loadCheckpoint(folder, { seed: 1, preTraining: {} });
    const words = tensors["bert.embeddings.word_embeddings.weight"]!;
    const bias = tensors["cls.predictions.bias"]!;
    const repeated = { "cls.predictions.decoder.weight": words, "cls.predictions.decoder.bias": bias };
    await writeSafetensors(path, { ...tensors, ...repeated });
    const tied = await loadCheckpoint(folder, { seed: 1, preTraining: {} });
    deepStrictEqual(tied, { ...plain, notes: [] });

    const other = { shape: words.shape, data: new Float32Array(words.data.length) };
    await writeSafetensors(path, { ...tensors, ...repeated, "cls.predictions.decoder.weight": other });
    const untied = await loadCheckpoint(folder, { seed: 1, preTraining: {} });
    deepStrictEqual(untied, {
      ...plain,
      notes: [
        "Left out, as bert.embeddings.word_embeddings.weight takes its place: cls.predictions.decoder.weight, which differs from it.",
      ],
    });
    await writeSafetensors(path, without({ ...tensors, ...repeated }, "transform.dense.bias"));
    await rejects(
      loadCheckpoint(folder, { seed: 1, preTraining: {} }),
      /missing are cls\.predictions\.transform\.dense\.bias$/,
    );
  }));

Deno.test("the lowest layers are kept, and the configuration follows", async () => {
  const folder = join(folders, "f32");
  const { parameters, config, notes } = await loadCheckpoint(folder, { seed: 1, layers: 1 });
  strictEqual(config.num_hidden_layers, 1);
  deepStrictEqual(parameters, without(weightsOf("f32."), "layer.1."));
  deepStrictEqual(notes, ["Only the lowest 1 of 2 layers were kept."]);
  await rejects(loadCheckpoint(folder, { seed: 1, layers: 3 }), {
    name: "InputError",
    message: "Cannot keep the lowest 3 layers of a model of 2: give a whole number from 1 to 2",
  });
});

Deno.test("a classifier stays where its labels fit, and is new with a note where not", async () => {
  const tiny = join(goldenFolder, "tiny");
  const own = await readSafetensors(join(tiny, "model.safetensors"), ["classifier.weight"]);
  const load = (options: { labels?: string[]; features?: number }) =>
    loadCheckpoint(tiny, { seed: 1, ...options });
  for (const options of [{}, { labels: ["bad", "fair", "good"] }, { features: 32 }]) {
    const { parameters, notes } = await load(options);
    deepStrictEqual(parameters["classifier.weight"], own["classifier.weight"]);
    deepStrictEqual(notes, []);
  }
  const other = await load({ labels: ["a", "b"] });
  deepStrictEqual(other.parameters["classifier.weight"]!.shape, [2, 32]);
  deepStrictEqual(other.notes, [
    "The classifier is new: the folder's tells apart bad, fair, good, and asked for are a, b.",
  ]);
  const turned = await load({ labels: ["good", "fair", "bad"] });
  strictEqual(turned.notes.length, 1);
  const wide = await load({ features: 128 });
  deepStrictEqual(wide.parameters["classifier.weight"]!.shape, [3, 128]);
  deepStrictEqual(wide.notes, [
    "The classifier is new: the folder's reads 32 features, and asked for are 128.",
  ]);

  const unnamed = await loadCheckpoint(join(folders, "f32"), { seed: 1, labels: ["no", "yes"] });
  deepStrictEqual(unnamed.parameters, weightsOf("f32."));
  deepStrictEqual(unnamed.notes, ["The folder does not name its labels: taken for no, yes, in this order."]);
});

Deno.test("missing, misshapen and unknown tensors are named in one sentence", () =>
  inFolder(async (folder) => {
    await cp(join(folders, "f32"), folder, { recursive: true });
    const path = join(folder, "model.safetensors");
    const odd = { shape: [1], data: Float32Array.of(1) };
    const tensors = { ...weightsOf("f32."), "bert.encoder.layer.0.extra": odd };
    await writeSafetensors(path, tensors);
    const { notes } = await loadCheckpoint(folder, { seed: 1 });
    deepStrictEqual(notes, ["Left out, as they are not BERT's: bert.encoder.layer.0.extra."]);

    await writeSafetensors(path, {
      ...without(tensors, "layer.1.attention.self.key"),
      "bert.embeddings.LayerNorm.weight": odd,
    });
    await rejects(loadCheckpoint(folder, { seed: 1 }), {
      name: "InputError",
      message: `Cannot use ${path} as its tensors are not those of its config.json: missing are ` +
        "bert.encoder.layer.1.attention.self.key.weight, bert.encoder.layer.1.attention.self.key.bias; of another " +
        "shape are bert.embeddings.LayerNorm.weight [1] and not [8]; unknown are bert.encoder.layer.0.extra",
    });
    await writeSafetensors(path, { ...tensors, "embeddings.LayerNorm.gamma": odd });
    await rejects(loadCheckpoint(folder, { seed: 1 }), {
      message: `Cannot use ${path} as it holds bert.embeddings.LayerNorm.weight twice: ` +
        "bert.embeddings.LayerNorm.weight and embeddings.LayerNorm.gamma",
    });
    await writeSafetensors(path, {
      ...tensors,
      "classifier.weight": { shape: [2, 7], data: new Float32Array(14) },
    });
    await rejects(loadCheckpoint(folder, { seed: 1 }), {
      message:
        `Cannot use ${path} as classifier.weight should have 2 rows (one a label of config.json) and a ` +
        "multiple of 8 columns: found [2,7]",
    });
    await writeSafetensors(path, {
      ...tensors,
      "classifier.weight": { shape: [2, 0], data: new Float32Array(0) },
    });
    await rejects(loadCheckpoint(folder, { seed: 1 }), /a multiple of 8 columns: found \[2,0\]$/);
    await writeSafetensors(path, without(tensors, "classifier.bias"));
    await rejects(loadCheckpoint(folder, { seed: 1 }), /missing are classifier\.bias; unknown/);
  }));

Deno.test("a folder with PyTorch's file alone is loaded as that with safetensors, which goes first", () =>
  inFolder(async (folder) => {
    const torch = join(goldenFolder, "..", "torch");
    for (const format of ["zip", "legacy"]) {
      for (const name of ["f32", "bf16", "old_names"]) {
        await cp(join(folders, name, "config.json"), join(folder, "config.json"));
        await cp(join(torch, `${name}.${format}.bin`), join(folder, "pytorch_model.bin"));
        const preTraining = name === "old_names" ? {} : undefined;
        const found = await loadCheckpoint(folder, { seed: 1, preTraining });
        const expected = await loadCheckpoint(join(folders, name), { seed: 1, preTraining });
        // The tied decoder is in PyTorch's file and the position ids are in both.
        deepStrictEqual(found, expected);
      }
    }
    await cp(join(folders, "f32", "model.safetensors"), join(folder, "model.safetensors"));
    await cp(join(folders, "f32", "config.json"), join(folder, "config.json"));
    deepStrictEqual((await loadCheckpoint(folder, { seed: 1 })).parameters, weightsOf("f32."));
  }));

Deno.test("a folder without a file of weights is told what it has instead", () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, "config.json"), await readFile(join(folders, "f32", "config.json")));
    await rejects(loadCheckpoint(folder, { seed: 1 }), {
      name: "InputError",
      message: `Cannot read ${folder} as a model: it has neither model.safetensors nor pytorch_model.bin`,
    });
    await writeFile(join(folder, "tf_model.h5"), "");
    await rejects(loadCheckpoint(folder, { seed: 1 }), {
      message: `Cannot read ${folder} as it has tf_model.h5 and no model.safetensors: save it with ` +
        "transformers as one safetensors file first",
    });
  }));

Deno.test("a configuration of more layers than there are tensors is refused before they are counted out", () =>
  inFolder(async (folder) => {
    await cp(join(folders, "f32"), folder, { recursive: true });
    const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
    await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, num_hidden_layers: 1000 }));
    await rejects(loadCheckpoint(folder, { seed: 1 }), {
      name: "InputError",
      message:
        `Cannot use ${
          join(folder, "model.safetensors")
        } as its 41 tensors are not those of its config.json, ` +
        "which speaks of 1000 layers",
    });
  }));

const tinyConfig = withLabels(
  newConfig({ vocab_size: 40, hidden_size: 16, num_attention_heads: 2, num_hidden_layers: 2 }),
  ["no", "yes"],
);

Deno.test("a saved folder is loaded again as it was, also over an older one", () =>
  inFolder(async (folder) => {
    const target = join(folder, "runs", "model");
    for (const seed of [1, 2]) {
      const parameters = initialParameters(tinyConfig, { seed, labels: 2, features: 64 });
      const tokenizerFiles = { "vocab.txt": "[PAD]\n", "tokenizer.json": new TextEncoder().encode("{}") };
      await saveCheckpoint(target, {
        config: tinyConfig,
        parameters,
        tokenizerFiles,
        extra: { pooling: "max" },
      });
      const loaded = await loadCheckpoint(target, { seed: 7, labels: ["no", "yes"] });
      deepStrictEqual(loaded, { config: tinyConfig, parameters, notes: [], drawn: [] });
    }
    deepStrictEqual(
      (await readdir(target)).sort(),
      ["bertlab.json", "config.json", "model.safetensors", "tokenizer.json", "vocab.txt"],
    );
    const config = JSON.parse(await readFile(join(target, "config.json"), "utf8"));
    deepStrictEqual(config.architectures, ["BertForSequenceClassification"]);
    strictEqual(config.model_type, "bert");
    deepStrictEqual(JSON.parse(await readFile(join(target, "bertlab.json"), "utf8")), { pooling: "max" });
    strictEqual(await readFile(join(target, "vocab.txt"), "utf8"), "[PAD]\n");
  }));

Deno.test("of a model that was in the folder nothing stays, nor what killed saves left", () =>
  inFolder(async (folder) => {
    const model = { config: tinyConfig, parameters: initialParameters(tinyConfig, { seed: 1, labels: 2 }) };
    const tokenizerFiles = { "vocab.txt": "[PAD]\n", "tokenizer.json": "{}" };
    await saveCheckpoint(folder, { ...model, tokenizerFiles, extra: { pooling: "max" } });
    const others = ["notes.json", "notes.tmp"];
    const left = [`model.safetensors.${crypto.randomUUID()}.tmp`, `result.json.${crypto.randomUUID()}.tmp`];
    const ofExport = [
      "special_tokens_map.json",
      "added_tokens.json",
      "result.json",
      "report.html",
      "README.md",
      join("onnx", "model.onnx"),
    ];
    await mkdir(join(folder, "onnx"));
    for (const name of [...others, ...left, ...ofExport]) await writeFile(join(folder, name), "");
    await writeFile(join(folder, "README.md"), "---\ntags: [bert, onnx, transformers.js, bertlab]\n---\n");
    await saveCheckpoint(folder, { ...model, tokenizerFiles: { "vocab.txt": "[PAD]\n" } });
    deepStrictEqual(await readdir(join(folder, "onnx")), []);
    // Another README.md is somebody's own, and so is the network beside it.
    await writeFile(join(folder, "README.md"), "mine");
    await writeFile(join(folder, "onnx", "model.onnx"), "");
    others.push("README.md", "onnx");
    await saveCheckpoint(folder, { ...model, tokenizerFiles: { "vocab.txt": "[PAD]\n" } });
    deepStrictEqual(await readdir(join(folder, "onnx")), ["model.onnx"]);
    deepStrictEqual(
      (await readdir(folder)).sort(),
      ["config.json", "model.safetensors", ...others, "vocab.txt"].sort(),
    );
  }));

Deno.test("config.json names the class that the parameters are of", () =>
  inFolder(async (folder) => {
    const parameters = initialParameters(tinyConfig, { seed: 1 });
    const head = (name: string) => ({ [name]: { shape: [1], data: new Float32Array(1) } });
    const cases: [HostTensors, string][] = [
      [parameters, "BertModel"],
      [{ ...parameters, ...head("cls.predictions.bias") }, "BertForMaskedLM"],
      [
        { ...parameters, ...head("cls.predictions.bias"), ...head("cls.seq_relationship.weight") },
        "BertForPreTraining",
      ],
    ];
    for (const [tensors, name] of cases) {
      await saveCheckpoint(folder, { config: tinyConfig, parameters: tensors });
      deepStrictEqual(JSON.parse(await readFile(join(folder, "config.json"), "utf8")).architectures, [name]);
    }
  }));

Deno.test("tokenizer files cannot leave the folder or replace the model, and a folder must be possible", () =>
  inFolder(async (folder) => {
    const parameters = initialParameters(tinyConfig, { seed: 1 });
    for (const name of ["../vocab.txt", "a/b", "a\\b", "config.json", ".."]) {
      const contents = { config: tinyConfig, parameters, tokenizerFiles: { [name]: "" } };
      await rejects(saveCheckpoint(join(folder, "model"), contents), {
        name: "RangeError",
        message: `A tokenizer file cannot be called "${name}"`,
      });
    }
    deepStrictEqual(await readdir(folder), []);
    await writeFile(join(folder, "file"), "");
    await rejects(
      saveCheckpoint(join(folder, "file", "model"), { config: tinyConfig, parameters }),
      (error: Error) => {
        return error.name === "InputError" &&
          error.message.startsWith(`Cannot make the folder ${join(folder, "file", "model")}: `);
      },
    );
  }));

Deno.test({
  name: "transformers loads what we save, without warnings, with the same logits and labels",
  ignore: !hasTransformers("transformers loads what we save"),
  fn: () =>
    inFolder(async (folder) => {
      const { config, parameters } = await loadCheckpoint(join(folders, "f32"), {
        seed: 1,
        labels: ["no", "yes"],
      });
      await saveCheckpoint(folder, { config, parameters });
      const rows = (name: string) =>
        Array.from({ length: 3 }, (_, row) => [...values[name]!.data.slice(9 * row, 9 * row + 9)]);
      const request = { ids: rows("ids"), mask: rows("mask"), type_ids: rows("type_ids") };
      const { logits, labels, warnings } = runTransformers(folder, request);
      ok(largestDifference(logits!.flat(), values["logits"]!.data) < 1e-5);
      deepStrictEqual(labels, ["no", "yes"]);
      deepStrictEqual(Object.values(warnings).flat(), []);
    }),
});

Deno.test("every expected parameter of a saved model is there", async () => {
  const { parameters, config } = await loadCheckpoint(join(goldenFolder, "tiny"), { seed: 1 });
  deepStrictEqual(Object.keys(parameters).sort(), [...parameterShapes(config, { labels: 3 }).keys()].sort());
});
