/** `deno task pretrain`: pre-trains a model further on one's own texts (paper section 5.4). */
import { Command } from "commander";
import { rm } from "node:fs/promises";
import { corpusTexts, holdOut } from "../lib/paper/corpora.ts";
import { dataset, datasetNames } from "../lib/data/dataset.ts";
import { readDocuments } from "../lib/data/document_files.ts";
import { languageOf } from "../lib/data/files.ts";
import { chineseGeneralText, generalText } from "../lib/data/general_text.ts";
import { chooseEngine, type engineNames, openEngine } from "../lib/engine/open.ts";
import { InputError } from "../lib/errors.ts";
import {
  furtherPretrain,
  type FurtherPretrainContext,
  type FurtherPretrained,
} from "../lib/paper/further_pretraining.ts";
import type { PreTrainingEvaluation } from "../lib/paper/pretraining_steps.ts";
import { duration, showProgress } from "../lib/results/progress.ts";
import { versions } from "../lib/results/provenance.ts";
import { savePretrained, startModel } from "../lib/bert/start_model.ts";
import { type Output, runMain, standardOutput, standWhereUserStood } from "./command.ts";
import { numberBetween, oneOf, runOptions, sourceOptions, wholeNumber } from "./options.ts";
import { noteStep, type OutputOptions, refuseSameFolder, trainInto } from "./output_folder.ts";
import { stopping } from "./stopping.ts";
import { percent } from "../lib/wording.ts";
import { preTrainingMeasures } from "./train_result.ts";

interface PretrainOptions extends OutputOptions {
  readonly text?: string[];
  readonly data?: string[];
  readonly textColumn: string;
  readonly language?: "en" | "zh";
  readonly model: string;
  readonly layers?: number;
  readonly vocabulary?: number;
  readonly hidden?: number;
  readonly steps: number;
  readonly headSteps: number;
  readonly batchSize: number;
  readonly maxLength: number;
  readonly learningRate?: number;
  readonly warmup?: number;
  readonly decay?: number;
  readonly maskedShare?: number;
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
}

/** Held-out documents below which a note says that the numbers are rough. */
const fewDocuments = 20;

/** The command, not yet run. */
export function pretrainCommand(output: Output): Command {
  return runOptions(
    sourceOptions(new Command("pretrain"))
      .description(
        "Pre-trains a model further on texts without labels: masked words and next sentences. The output folder is a " +
          "Hugging Face model folder to fine-tune from, with result.json (what was measured on held-out documents).",
      )
      .option(
        "--text <files...>",
        "texts: CSV, TSV, JSON Lines or Parquet, a document a row; other files, a blank line between documents",
      )
      .option(
        "--data <names...>",
        `the training texts of data sets (${datasetNames.join(", ")}), or general-text, chinese-general-text`,
      )
      .option("--text-column <name>", "column of the texts", "text")
      .option(
        "--language <code>",
        "en or zh; by default as the texts look",
        oneOf("--language", ["en", "zh"]),
      )
      .option(
        "--model <model>",
        "minilm, bge-small-en, bge-small-zh, a model folder, a hub id, or new",
        "minilm",
      )
      .option(
        "--layers <K>",
        "keep only the lowest K layers; layers of a new model",
        wholeNumber("--layers", 1),
      )
      .option(
        "--vocabulary <V>",
        "wordpieces (or Chinese characters) of a new model at most, learnt from the texts; by default 8000",
        wholeNumber("--vocabulary", 10),
      )
      .option(
        "--hidden <H>",
        "width of a new model, a multiple of 64; by default 256",
        wholeNumber("--hidden", 64, 64),
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
      .option(
        "--learning-rate <rate>",
        "highest rate; by default 5e-5, for a new model 7e-4",
        numberBetween("--learning-rate", 1e-9, 1),
      )
      .option(
        "--warmup <share>",
        "share of the steps that warm up; by default .1, for a new model .06",
        numberBetween("--warmup", 0, 1),
      )
      .option(
        "--decay <share>",
        "share of the steps at the end over which the rate falls; by default all after the warm-up, for a new model .35",
        numberBetween("--decay", 0, 1),
      )
      .option(
        "--masked-share <share>",
        "share of the wordpieces that are masked; by default .15, for a new model .25",
        numberBetween("--masked-share", 0.001, 0.9),
      )
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
      ),
  )
    .action((options: PretrainOptions) => pretrain(options, output));
}

async function pretrain(options: PretrainOptions, output: Output): Promise<void> {
  if (options.model !== "new") refuseShape(options);
  const texts = await textsOf(options, output.error);
  await refuseSameFolder(options.model, options.output);
  await trainInto(options, output.error, async (checkpoint) => {
    await pretrainOn(texts, options, checkpoint, output);
  });
}

async function pretrainOn(
  texts: readonly string[],
  options: PretrainOptions,
  checkpoint: NonNullable<FurtherPretrainContext["checkpoint"]>,
  output: Output,
): Promise<void> {
  const { seed, nsp, steps, headSteps, hidden = 256 } = options;
  const start = performance.now();
  const documents = holdOut(texts, options.heldOut, seed);
  const language = options.language ?? languageOf(texts);
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
      tokens: language === "zh" ? "characters" : "learnt-wordpieces",
      vocabulary: options.vocabulary ?? 8000,
      layers: 4,
      hidden,
      heads: hidden / 64,
      intermediate: 4 * hidden,
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
    decayProportion: options.decay,
    maskedShare: options.maskedShare,
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
  const progress = showProgress("pre-training", headSteps + steps, "steps");
  try {
    const run = await furtherPretrain({ model, documents, ...settings }, {
      engine,
      checkpoint: { ...checkpoint, every: options.checkpointEvery },
      onStep: ({ step, loss }) => {
        noteStep();
        progress.update(step, `loss ${loss.toFixed(3)}`);
      },
      onEvaluation: (evaluation) => progress.log(`step ${evaluation.step}: ${sentence(evaluation)}`),
    });
    progress.stop();
    stopping.goOn = undefined;
    const { deno: _, ...packages } = versions();
    const result = {
      ...resultOf(run),
      documents: { train: documents.train.length, held_out: documents.heldOut.length },
      settings,
      engine: engine.name,
      seconds: (performance.now() - start) / 1000,
      versions: packages,
    };
    await savePretrained(options.output, run, { "result.json": JSON.stringify(result, null, 2) + "\n" });
    await rm(checkpoint.folder, { recursive: true, force: true });
    for (const note of run.notes.slice(model.notes.length)) output.error(note);
    output.out(`before: ${sentence(run.evaluations[0]!)}`);
    output.out(`after: ${sentence(run.evaluations.at(-1)!)}`);
    output.out(
      `with the words around the masked ones in random order: loss ${run.shuffledMlmLoss.toFixed(4)}`,
    );
    output.out(`wrote ${options.output} after ${duration(result.seconds)}`);
  } finally {
    progress.stop();
    engine.dispose();
  }
}

/** @throws InputError if there are options of a new model's shape. */
function refuseShape({ model, vocabulary, hidden }: PretrainOptions): void {
  const given = Object.entries({ "--vocabulary": vocabulary, "--hidden": hidden })
    .find(([, value]) => value !== undefined);
  if (!given) return;
  throw new InputError(
    `Cannot use ${given[0]} with --model ${model}, which has its own: leave it out, or give --model new`,
  );
}

/** The documents that the options name. */
async function textsOf(
  { text = [], data = [], textColumn }: PretrainOptions,
  say: (line: string) => void,
): Promise<string[]> {
  if (text.length + data.length === 0) {
    throw new InputError("Cannot pre-train without texts: give files by --text or data sets by --data");
  }
  const general: Record<string, typeof generalText> = {
    "general-text": generalText,
    "chinese-general-text": chineseGeneralText,
  };
  const texts = text.length > 0 ? [await readDocuments(text, textColumn)] : [];
  const sets = [];
  for (const name of data) {
    if (Object.hasOwn(general, name)) texts.push(await general[name]!({ say }));
    else sets.push(await dataset(name, { say }));
  }
  return [...texts, corpusTexts(sets, sets, "clean")].flat();
}

function sentence({ mlmLoss, mlmAccuracy, nspLoss, nspAccuracy }: PreTrainingEvaluation): string {
  const words = `masked words: loss ${mlmLoss.toFixed(4)}, ${percent(mlmAccuracy)} right`;
  if (nspLoss === undefined || nspAccuracy === undefined) return words;
  return `${words}; next sentences: loss ${nspLoss.toFixed(4)}, ${percent(nspAccuracy)} right`;
}

/** Returns the content of a run's result.json. */
function resultOf(run: FurtherPretrained) {
  return {
    model: run.model.description,
    evaluations: run.evaluations.map(preTrainingMeasures),
    shuffled_mlm_loss: run.shuffledMlmLoss,
    steps: run.steps,
    train_seconds: run.seconds,
    tokens_per_second: run.tokensPerSecond ?? null, // none where a run that was killed after its last step goes on
    notes: run.notes,
  };
}

if (import.meta.main) {
  standWhereUserStood();
  await runMain(pretrainCommand(standardOutput));
}
