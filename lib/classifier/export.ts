/** A trained classifier's folder as one that Hugging Face's libraries, transformers.js and ONNX Runtime load. */
import { realpath } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type CheckpointContents, saveCheckpoint } from "../bert/checkpoint.ts";
import { withLabels } from "../bert/config.ts";
import { InputError } from "../errors.ts";
import { type CardFacts, limits, modelCard, truncationSide } from "./export_card.ts";
import { classifierOnnx } from "./export_onnx.ts";
import { layerFeatures } from "../paper/layers.ts";
import { loadTrainedModel, multiLabelType } from "./trained.ts";
import { requireRoom, withOutputFolder } from "../storage/output_folder.ts";
import { anything, flag, map, parseJson, readJsonIfThere } from "../storage/json.ts";
import { path, requireArguments, someOf } from "../storage/arguments.ts";

const advice = "take the model's folder from where it came";

/** The result of an export. */
export interface ExportedClassifier {
  /** Length of onnx/model.onnx. */
  readonly bytes: number;
  /** Remarks on the model, and on libraries that give other logits; one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Exports a classifier: config.json, model.safetensors and the tokenizer's files for Hugging Face's libraries,
 * onnx/model.onnx for transformers.js and ONNX Runtime, bertlab.json, and a model card as README.md.
 *
 * @param model a folder of `deno task train`, or another BertForSequenceClassification
 * @param output another folder
 * @param options.overwrite write into a folder that holds a model or other files
 * @throws InputError as {@linkcode loadTrainedModel}, if the folder holds something or another process writes there, or
 * if the weights take 2 GB or more.
 */
export async function exportClassifier(
  model: string,
  output: string,
  options: { readonly overwrite?: boolean } = {},
): Promise<ExportedClassifier> {
  requireArguments("exportClassifier", {
    model: [model, path],
    output: [output, path],
    options: [options, someOf({ overwrite: flag })],
  });
  const { overwrite = false } = options;
  const [from, to] = await Promise.all(
    [model, output].map((folder) => realpath(folder).catch(() => resolve(folder))),
  );
  if (from === to) throw new InputError(`Cannot export ${model} into itself: give another folder`);
  const {
    parameters,
    labels,
    maxLength,
    tokenizer,
    temperature,
    thresholds,
    pairs = false,
    notes,
    ...trained
  } = await loadTrainedModel(model);
  // A pair is one sequence, whose pooling is itself.
  const text = pairs ? { ...trained.text, pooling: undefined } : trained.text;
  const config = withLabels(trained.config, labels);
  const features = layerFeatures(trained.features, config.num_hidden_layers);
  const bytes = classifierOnnx({ config, parameters, features, pooling: text.pooling });

  const { files, ids, between } = tokenizer;
  const tokenizerConfig = {
    ...parseJson(
      String(files["tokenizer_config.json"]),
      "the tokenizer's configuration",
      map(anything),
      advice,
    ),
    model_max_length: maxLength,
    truncation_side: pairs ? "right" : truncationSide({ text, maxLength }) ?? "right",
  };
  const extra = await readJsonIfThere(join(model, "bertlab.json"), map(anything), advice);
  const facts: CardFacts = {
    ...{ name: basename(resolve(output)), config, labels, features, text, pairs, maxLength, ids, between },
    ...temperature === 1 ? {} : { temperature },
    ...thresholds ? { thresholds } : {},
  };
  const contents: CheckpointContents = {
    // There is no quantized file, which transformers.js asks for in browsers.
    config: {
      ...config,
      ...thresholds ? { problem_type: multiLabelType } : {},
      ...{ "transformers.js_config": { dtype: "fp32" } },
    },
    parameters,
    tokenizerFiles: { ...files, "tokenizer_config.json": `${JSON.stringify(tokenizerConfig, null, 2)}\n` },
    extra,
    files: { "onnx/model.onnx": bytes, "README.md": modelCard(facts) },
  };
  await withOutputFolder(output, async () => {
    await requireRoom(output, { overwrite });
    await saveCheckpoint(output, contents);
  });
  return { bytes: bytes.length, notes: [...notes, ...limits(facts)] };
}
