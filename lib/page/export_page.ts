/**
 * A trained classifier as a folder of static files that runs in a browser: the model in ONNX, ONNX Runtime's
 * WebAssembly, the scripts and one page. Any host serves it; nothing is loaded from elsewhere.
 */
import { having, path, requireArguments } from "../storage/arguments.ts";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { withLabels } from "../bert/config.ts";
import { classifierOnnx } from "../classifier/export_onnx.ts";
import { loadTrainedModel, requireTextColumns, type TrainedModel } from "../classifier/trained.ts";
import type { Example } from "../data/examples.ts";
import { readLabelled } from "../data/files.ts";
import { labelLayout } from "../data/label_lists.ts";
import type { WeightFormat } from "../graph/onnx/weights.ts";
import { layerFeatures } from "../paper/layers.ts";
import reportStyles from "../report/report.css" with { type: "text" };
import { evaluationOf } from "../results/evaluation.ts";
import { requireRoom, withOutputFolder } from "../storage/output_folder.ts";
import { type Content, writeTogether } from "../storage/whole_folder.ts";
import type { PageModel } from "./browser/messages.ts";
import serviceWorker from "./browser/service_worker.js" with { type: "text" };
import { pageScripts } from "./bundle.ts";
import { card, changeSentence, trainingResult, type WeightsChange } from "./card.ts";
import { pageDocument } from "./document.ts";
import { OnnxClassifier, type OnnxRuntime, type ReadingSettings } from "./onnx_classifier.ts";
import styles from "./page.css" with { type: "text" };

/** Options of {@linkcode exportPage}. */
export interface PageOptions {
  /** Numbers of the large weights; "f32" if not given. */
  readonly weights?: WeightFormat;
  /** A file of labelled texts on which the change of other weights is measured. */
  readonly test?: string;
  /** Its column of texts; "text" if not given. */
  readonly textColumn?: string;
  /** Its column of labels; "label" if not given. */
  readonly labelColumn?: string;
  /** The text between several labels in a cell; ";" if not given, where the classifier gives several. */
  readonly labelSeparator?: string;
  /** Its columns of 0 and 1, one for each label. */
  readonly labelColumns?: string;
  /** Write into a folder that holds other files. */
  readonly overwrite?: boolean;
}

/** The result of exporting a page. */
export interface ExportedPage {
  /** Length of model/model.onnx. */
  readonly modelBytes: number;
  /** Length of all files, which a first visit loads. */
  readonly bytes: number;
  /** Remarks, one sentence each. */
  readonly notes: readonly string[];
}

/** ONNX Runtime's files, which have this folder in the package and on the page. */
const runtimeFiles = ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"];

/**
 * Exports a classifier as a page.
 *
 * @param folder a folder of `deno task train`, or another BertForSequenceClassification
 * @param output another folder
 * @throws InputError as {@linkcode loadTrainedModel} and `readLabelled`, or if the folder holds something.
 */
export async function exportPage(
  folder: string,
  output: string,
  options: PageOptions = {},
): Promise<ExportedPage> {
  requireArguments("exportPage", {
    folder: [folder, path],
    output: [output, path],
    options: [options, having("an object with options")],
  });
  const { weights: format = "f32" } = options;
  const model = await loadTrainedModel(folder);
  const result = await trainingResult(folder);
  const { labels, tokenizer, text, maxLength, temperature, thresholds, pairs = false, notes } = model;
  const settings: ReadingSettings = {
    ...{ labels, text: text.name, maxLength, pairs, temperature },
    ...text.maxFractions === undefined ? {} : { maxFractions: text.maxFractions },
    ...thresholds ? { thresholds } : {},
  };
  const bytes = onnxOf(model, format);
  const change = await changeOf(model, settings, bytes, folder, options);
  const name = basename(resolve(output));
  const runtime = dirname(fileURLToPath(import.meta.resolve("onnxruntime-web/wasm")));
  const files: Record<string, Content> = {
    "index.html": pageDocument({
      name,
      pairs,
      labels: labels.length,
      multiLabel: thresholds !== undefined,
      card: card({ model, result, format, change }),
    }),
    "page.css": reportStyles + styles,
    ...await pageScripts(),
    ...Object.fromEntries(
      await Promise.all(
        runtimeFiles.map(async (name) => [`ort/${name}`, await readFile(join(runtime, name))]),
      ),
    ),
    ...Object.fromEntries(
      Object.entries(tokenizer.files).map(([name, content]) => [`model/${name}`, content]),
    ),
    "model/model.onnx": bytes,
  };
  const version = versionOf(files);
  const page: PageModel = {
    ...{ version, settings, bytes: bytes.length },
    tokenizerFiles: Object.keys(tokenizer.files),
  };
  files["model/page.json"] = JSON.stringify(page);
  const cached = ["./", ...Object.keys(files)];
  files["service_worker.js"] =
    `const version = ${JSON.stringify(version)}, files = ${JSON.stringify(cached)};\n` +
    serviceWorker;
  await withOutputFolder(output, async () => {
    await requireRoom(output, options);
    await writeTogether(output, files, "index.html");
  });
  return {
    modelBytes: bytes.length,
    bytes: Object.values(files).flat().reduce((sum, part) => sum + part.length, 0),
    notes: [...notes, ...change ? [changeSentence(format, change)] : unmeasured(format)],
  };
}

const unmeasured = (format: WeightFormat) =>
  format === "f32"
    ? []
    : [`Weights in ${format}: give --test and a file of labelled texts to measure the change of the error.`];

function onnxOf(model: TrainedModel, format: WeightFormat): Uint8Array {
  const { labels, parameters, pairs, text } = model;
  const config = withLabels(model.config, labels);
  const features = layerFeatures(model.features, config.num_hidden_layers);
  // A pair is one sequence, whose pooling is itself.
  return classifierOnnx({ config, parameters, features, pooling: pairs ? undefined : text.pooling }, format);
}

/** Measures the change that the stored weights make on a file's texts, by what runs in the browser. */
async function changeOf(
  model: TrainedModel,
  settings: ReadingSettings,
  bytes: Uint8Array,
  folder: string,
  { weights = "f32", test, textColumn, labelColumn, ...given }: PageOptions,
): Promise<WeightsChange | undefined> {
  if (test === undefined || weights === "f32") return undefined;
  const { labels } = model;
  const { examples, textColumns } = await readLabelled(test, {
    ...{ textColumn, labelColumn, labels, labelsFrom: folder },
    ...labelLayout(given, folder, model.thresholds !== undefined, model.labelLists),
  });
  requireTextColumns(model, folder, textColumns);
  const [with32, stored] = [
    await measured(model, settings, onnxOf(model, "f32"), examples),
    await measured(model, settings, bytes, examples),
  ];
  return {
    texts: examples.length,
    measure: model.thresholds ? "micro F1" : "error",
    ...{ valueF32: with32.value, value: stored.value },
    changed: examples.filter((_, n) => stored.answers[n] !== with32.answers[n]).length / examples.length,
  };
}

/** Returns the error or micro F1 on examples, and the answer on each. */
async function measured(
  { tokenizer }: TrainedModel,
  settings: ReadingSettings,
  bytes: Uint8Array,
  examples: readonly Example[],
): Promise<{ value: number; answers: string[] }> {
  const runtime = await import("onnxruntime-web/wasm") as unknown as OnnxRuntime;
  runtime.env.wasm.numThreads = 1;
  const session = await runtime.InferenceSession.create(bytes);
  try {
    const classifier = new OnnxClassifier(runtime, session, tokenizer, settings);
    const { labels, thresholds } = classifier;
    const found = await classifier.classify(examples);
    const answers = found.map(({ label, labels }) => JSON.stringify(labels ?? label));
    const probabilities = found.flatMap(({ probabilities }) => [...probabilities]);
    const { micro_f1, error_rate } = evaluationOf({ labels, examples }, probabilities, thresholds);
    return { value: micro_f1 ?? error_rate, answers };
  } finally {
    await session.release();
  }
}

/** Returns the first 16 digits of the sha256 over names and contents. */
function versionOf(files: Readonly<Record<string, Content>>): string {
  const hash = createHash("sha256");
  for (const [name, content] of Object.entries(files)) {
    hash.update(`${name}\n`);
    for (const part of [content].flat()) hash.update(part as string | Uint8Array);
  }
  return hash.digest("hex").slice(0, 16);
}
