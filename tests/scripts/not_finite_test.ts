import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../../lib/bert/safetensors.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { evaluateCommand } from "../../scripts/evaluate.ts";
import { exportCommand } from "../../scripts/export.ts";
import { predictCommand } from "../../scripts/predict.ts";
import { pretrainCommand } from "../../scripts/pretrain.ts";
import { trainCommand } from "../../scripts/train.ts";
import { trainedClassifier } from "../classifier/trained_classifier.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { writeTexts } from "./train_files.ts";

/** Writes a model of a text strategy with a tensor's first numbers replaced; runs the test in the folder around it. */
function withTensor(
  text: string,
  tensor: string,
  values: (count: number) => number[],
  test: (folder: string, model: string) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    const model = join(folder, "model");
    await saveClassifier(model, await trainedClassifier({ text }));
    const path = join(model, "model.safetensors");
    const tensors = await readSafetensors(path);
    const { data } = tensors[tensor]!;
    data.set(values(data.length));
    await writeSafetensors(path, tensors);
    await writeTexts(join(folder, "in.csv"), 40, 1);
    await test(folder, model);
  });
}

const onnx = ["--engine", "onnx"];
/** The commands that read a model's folder, each with its output at "out". */
const commands = {
  predict: (model: string, input: string, output: string) =>
    runInTest(predictCommand, "--model", model, ...onnx, "--input", input, "--output", `${output}.csv`),
  evaluate: (model: string, input: string, output: string) =>
    runInTest(evaluateCommand, "--model", model, ...onnx, "--input", input, "--output", `${output}.json`),
  export: (model: string, _: string, output: string) =>
    runInTest(exportCommand, "--model", model, "--output", output),
  train: (model: string, train: string, output: string) =>
    runInTest(
      trainCommand,
      "--model",
      model,
      ...onnx,
      "--max-length",
      "16",
      "--train",
      train,
      "--output",
      output,
    ),
  pretrain: (model: string, texts: string, output: string) =>
    runInTest(pretrainCommand, "--model", model, ...onnx, "--text", texts, "--output", output),
};

for (const value of [NaN, Infinity, -Infinity]) {
  Deno.test(`each command refuses a model with ${value} in a tensor, by its name`, () => {
    const tensor = "bert.encoder.layer.2.output.dense.weight";
    return withTensor("head+tail", tensor, () => [value, 1, NaN], async (folder, model) => {
      const { data } = (await readSafetensors(join(model, "model.safetensors")))[tensor]!;
      const sentence =
        `Cannot use ${join(model, "model.safetensors")} as 2 of the ${data.length} numbers of tensor ` +
        `"${tensor}" are not finite (the first is ${value}): take another copy of the model, or train it again`;
      for (const [name, run] of Object.entries(commands)) {
        const { code, error } = await run(model, join(folder, "in.csv"), join(folder, "out"));
        assert.equal(code, 1, name);
        assert.ok(error.endsWith(sentence), `${name}: ${error}`);
      }
      const left = (await readdir(folder, { recursive: true })).filter((file) => /^out./.test(file));
      assert.deepEqual(left, []);
    });
  });
}

Deno.test("a pooling of texts that is not finite is refused too", () =>
  withTensor("hierarchical-attention", "pooling.w1.weight", () => [NaN], async (folder, model) => {
    const { code, error } = await commands.predict(model, join(folder, "in.csv"), join(folder, "out"));
    assert.equal(code, 1);
    assert.match(
      error,
      /1 of the \d+ numbers of tensor "pooling\.w1\.weight" are not finite \(the first is NaN\)/,
    );
  }));

Deno.test("finite weights that are too large stop each command that computes", () => {
  const huge = (count: number) => Array.from({ length: count }, () => 3e38);
  return withTensor("head+tail", "bert.embeddings.LayerNorm.weight", huge, async (folder, model) => {
    const run = (name: "predict" | "evaluate" | "train") =>
      commands[name](model, join(folder, "in.csv"), join(folder, "out"));
    for (const name of ["predict", "evaluate"] as const) {
      const { code, error } = await run(name);
      assert.equal(code, 1, name);
      assert.match(error, /Cannot tell the texts' classes as the model's logits are not finite \(found /);
    }
    const { code, error } = await run("train");
    assert.equal(code, 1);
    assert.match(
      error,
      /Training stopped at step 1 as the .* before any change of the weights: the model to /,
    );
    assert.doesNotMatch(error, /learning rate/);
    const left = (await readdir(folder, { recursive: true })).filter((file) =>
      /^out(\.|.*safetensors)/.test(file)
    );
    assert.deepEqual(left, []);
  });
});
