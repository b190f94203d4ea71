/** `deno task pretrain`: pre-trains a model further on one's own texts (paper section 5.4). */
import { Command } from "commander";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readDocuments } from "../lib/data/document_files.ts";
import { languageOf } from "../lib/data/files.ts";
import {
  furtherPretrain,
  type FurtherPretrained,
  holdOut,
  type PreTrainingEvaluation,
  savePretrained,
} from "../lib/further_pretraining.ts";
import { duration, showProgress } from "../lib/results/progress.ts";
import { versions } from "../lib/results/provenance.ts";
import { openEngine } from "../lib/run_cell.ts";
import { startModel } from "../lib/start_model.ts";
import { writeWhole } from "../lib/whole_file.ts";
import { type Output, runCommand, standardOutput } from "./command.ts";
import { chooseEngine, engineNames, makeOutputFolder, numberBetween, oneOf, wholeNumber } from "./options.ts";

interface PretrainOptions {
  readonly text: string[];
  readonly textColumn: string;
  readonly language?: "en" | "zh";
  readonly model: string;
  readonly layers?: number;
  readonly vocabulary: number;
  readonly output: string;
  readonly steps: number;
  readonly headSteps: number;
  readonly batchSize: number;
  readonly maxLength: number;
  readonly learningRate: number;
  readonly warmup: number;
  readonly optimizer: "adamw" | "bertadam";
  readonly nsp: boolean;
  readonly wholeWords?: boolean;
  readonly heldOut: number;
  readonly evaluateEvery?: number;
  readonly seed: number;
  readonly engine: typeof engineNames[number];
  readonly precision: string;
  readonly devices: number;
  readonly checkpointEvery: number;
  readonly resume?: boolean;
}

/** With fewer held-out documents a note says that the numbers are rough. */
const fewDocuments = 20;

/** The command, not yet run. */
export function pretrainCommand(output: Output): Command {
  return new Command("pretrain")
    .description(
      "Pre-trains a model further on texts without labels: masked words and next sentences. The output folder is a " +
        "Hugging Face model folder to fine-tune from, with result.json (what was measured on held-out documents).",
    )
    .requiredOption(
      "--text <files...>",
      "texts: CSV, TSV or JSON lines, a document a row; other files, a blank line between documents",
    )
    .option("--text-column <name>", "column of the texts", "text")
    .option("--language <code>", "en or zh; by default as the texts look", oneOf("--language", ["en", "zh"]))
    .option("--model <model>", "minilm, a model folder, a hub id, or new", "minilm")
    .option(
      "--layers <K>",
      "keep only the lowest K layers; layers of a new model",
      wholeNumber("--layers", 1),
    )
    .option(
      "--vocabulary <V>",
      "wordpieces of a new model at most, learnt from the texts",
      wholeNumber("--vocabulary", 10),
      8000,
    )
    .requiredOption("--output <folder>", "where the model is written")
    .option("--steps <N>", "updates of the whole model", wholeNumber("--steps", 1), 1000)
    .option(
      "--head-steps <N>",
      "updates before those of the heads alone, for a model that has none",
      wholeNumber("--head-steps", 0),
      0,
    )
    .option("--batch-size <B>", "sequences an update", wholeNumber("--batch-size", 1), 32)
    .option("--max-length <T>", "longest sequence in wordpieces", wholeNumber("--max-length", 8), 128)
    .option("--learning-rate <rate>", "highest rate", numberBetween("--learning-rate", 1e-9, 1), 5e-5)
    .option("--warmup <share>", "share of the steps that warm up", numberBetween("--warmup", 0, 1), 0.1)
    .option("--optimizer <name>", "adamw or bertadam", oneOf("--optimizer", ["adamw", "bertadam"]), "adamw")
    .option("--no-nsp", "masked words only, no next sentences")
    .option("--whole-words", "mask whole words")
    .option(
      "--held-out <share>",
      "share of the documents to measure on",
      numberBetween("--held-out", 0.001, 0.5),
      0.05,
    )
    .option(
      "--evaluate-every <N>",
      "steps between measurements; by default a tenth of the steps",
      wholeNumber("--evaluate-every", 1),
    )
    .option("--seed <N>", "key of all randomness", wholeNumber("--seed", 0), 1)
    .option("--engine <name>", engineNames.join(", "), oneOf("--engine", engineNames), "auto")
    .option("--precision <name>", "f32 or bf16", oneOf("--precision", ["f32", "bf16"]), "f32")
    .option("--devices <N>", "devices that share each batch", wholeNumber("--devices", 1), 1)
    .option(
      "--checkpoint-every <steps>",
      "steps between two checkpoints",
      wholeNumber("--checkpoint-every", 1),
      200,
    )
    .option("--resume", "go on from the last checkpoint in the output folder")
    .action((options: PretrainOptions) => pretrain(options, output));
}

async function pretrain(options: PretrainOptions, output: Output): Promise<void> {
  const { seed, nsp, steps, headSteps } = options;
  const start = performance.now();
  const texts = await readDocuments(options.text, options.textColumn);
  const documents = holdOut(texts, options.heldOut, seed);
  const language = options.language ?? languageOf(texts);
  await makeOutputFolder(options.output);
  output.error(
    `${documents.train.length} documents to train on, ${documents.heldOut.length} held out, language ${language}`,
  );
  if (documents.heldOut.length < fewDocuments) {
    output.error(
      `The measurements are rough as only ${documents.heldOut.length} of the documents are held out: a larger ` +
        "--held-out, or more texts, would make them surer.",
    );
  }
  const model = await startModel(options.model, {
    seed,
    layers: options.layers,
    preTraining: { nsp },
    architecture: {
      tokens: "learnt-wordpieces",
      vocabulary: options.vocabulary,
      layers: 4,
      hidden: 256,
      heads: 4,
      intermediate: 1024,
      initializerRange: 0.04,
    },
    texts: documents.train,
    say: output.error,
  });
  for (const note of model.notes) output.error(note);
  const settings = {
    language,
    steps,
    headSteps,
    batchSize: options.batchSize,
    maxLength: options.maxLength,
    learningRate: options.learningRate,
    warmupProportion: options.warmup,
    nsp,
    wholeWords: options.wholeWords ?? false,
    optimizer: options.optimizer,
    seed,
    evaluateEvery: options.evaluateEvery ?? Math.ceil(steps / 10),
  };
  const engine = await openEngine(
    await chooseEngine(options.engine, output.error),
    options.precision,
    options.devices,
  );
  const checkpoints = join(options.output, "checkpoints");
  const progress = showProgress("pre-training", headSteps + steps, "steps");
  try {
    const run = await furtherPretrain({ model, documents, ...settings }, {
      engine,
      checkpoint: { folder: checkpoints, every: options.checkpointEvery, resume: options.resume ?? false },
      onStep: ({ step, loss }) => progress.update(step, `loss ${loss.toFixed(3)}`),
      onEvaluation: (evaluation) => progress.log(`step ${evaluation.step}: ${sentence(evaluation)}`),
    });
    progress.stop();
    await savePretrained(options.output, run);
    const { deno: _, ...packages } = versions();
    const result = {
      ...resultOf(run),
      documents: { train: documents.train.length, held_out: documents.heldOut.length },
      settings,
      engine: engine.name,
      seconds: (performance.now() - start) / 1000,
      versions: packages,
    };
    await writeWhole(join(options.output, "result.json"), [JSON.stringify(result, null, 2) + "\n"]);
    await rm(checkpoints, { recursive: true, force: true });
    for (const note of run.notes.slice(model.notes.length)) output.error(note);
    output.out(`before: ${sentence(run.evaluations[0]!)}`);
    output.out(`after: ${sentence(run.evaluations.at(-1)!)}`);
    output.out(`wrote ${options.output} after ${duration(result.seconds)}`);
  } finally {
    progress.stop();
    engine.dispose();
  }
}

function sentence({ mlmLoss, mlmAccuracy, nspLoss, nspAccuracy }: PreTrainingEvaluation): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} % right`;
  const words = `masked words: loss ${mlmLoss.toFixed(4)}, ${percent(mlmAccuracy)}`;
  if (nspLoss === undefined || nspAccuracy === undefined) return words;
  return `${words}; next sentences: loss ${nspLoss.toFixed(4)}, ${percent(nspAccuracy)}`;
}

/** What result.json says of a run. */
function resultOf(run: FurtherPretrained) {
  return {
    model: run.model.description,
    evaluations: run.evaluations.map(({ step, mlmLoss, mlmAccuracy, nspLoss, nspAccuracy }) => ({
      step,
      mlm_loss: mlmLoss,
      mlm_accuracy: mlmAccuracy,
      ...(nspLoss === undefined ? {} : { nsp_loss: nspLoss, nsp_accuracy: nspAccuracy }),
    })),
    steps: run.steps,
    train_seconds: run.seconds,
    tokens_per_second: run.tokensPerSecond,
    notes: run.notes,
  };
}

if (import.meta.main) Deno.exit(await runCommand(pretrainCommand(standardOutput), Deno.args));
