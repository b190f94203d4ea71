/** `deno task train`: fine-tunes a model on one's own labelled files. */
import { Command } from "commander";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../lib/whole_file.ts";
import { datasetFromFiles } from "../lib/data/files.ts";
import { fineTune, type FineTuned, saveClassifier } from "../lib/fine_tune.ts";
import { textStrategy, textStrategyNames } from "../lib/long_text.ts";
import type { Metrics } from "../lib/results/metrics.ts";
import { duration, showProgress } from "../lib/results/progress.ts";
import { versions } from "../lib/results/provenance.ts";
import { openEngine } from "../lib/run_cell.ts";
import { type ScheduleName, scheduleNames } from "../lib/schedules.ts";
import { startModel } from "../lib/start_model.ts";
import { type Output, runCommand, standardOutput } from "./command.ts";
import { chooseEngine, engineNames, makeOutputFolder, numberBetween, oneOf, wholeNumber } from "./options.ts";

interface TrainOptions {
  readonly train: string;
  readonly dev?: string;
  readonly test?: string;
  readonly textColumn: string;
  readonly labelColumn: string;
  readonly model: string;
  readonly layers?: number;
  readonly output: string;
  readonly truncation: string;
  readonly maxFractions: number;
  readonly maxLength: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly microBatchSize?: number;
  readonly padToMax?: boolean;
  readonly learningRate: number;
  readonly layerDecay: number;
  readonly schedule: ScheduleName;
  readonly warmup: number;
  readonly optimizer: "adamw" | "bertadam";
  readonly seed: number;
  readonly engine: typeof engineNames[number];
  readonly devices: number;
  readonly precision: "f32" | "bf16";
  readonly checkpointEvery: number;
  readonly resume?: boolean;
}

/** The command, not yet run. */
export function trainCommand(output: Output): Command {
  return new Command("train")
    .description(
      "Fine-tunes a model on labelled texts. The output folder is a Hugging Face model folder with bertlab.json (how " +
        "it was trained) and result.json (what it came to).",
    )
    .requiredOption("--train <file>", "training texts: CSV, TSV or JSON lines")
    .option("--dev <file>", "texts that choose the best epoch; by default a tenth of the training texts")
    .option("--test <file>", "texts that are only tested on")
    .option("--text-column <name>", "column of the texts", "text")
    .option("--label-column <name>", "column of the labels", "label")
    .option("--model <model>", "minilm, a model folder, a hub id, or new", "minilm")
    .option("--layers <K>", "keep only the lowest K layers", wholeNumber("--layers", 1))
    .requiredOption("--output <folder>", "where the trained model is written")
    .option(
      "--truncation <name>",
      `what is done with long texts: ${textStrategyNames.join(", ")}`,
      oneOf("--truncation", textStrategyNames),
      "head+tail",
    )
    .option("--max-fractions <k>", "cap of the hierarchical methods", wholeNumber("--max-fractions", 1), 8)
    .option("--max-length <T>", "longest input in wordpieces", wholeNumber("--max-length", 4), 512)
    .option("--epochs <N>", "passes over the training texts", wholeNumber("--epochs", 1), 4)
    .option("--batch-size <B>", "texts an update", wholeNumber("--batch-size", 1), 24)
    .option(
      "--micro-batch-size <B>",
      "texts a pass, a divisor of the batch size: less memory, the same updates",
      wholeNumber("--micro-batch-size", 1),
    )
    .option("--pad-to-max", "every batch at the longest length, instead of batches of like lengths")
    .option("--learning-rate <rate>", "base rate", numberBetween("--learning-rate", 1e-9, 1), 5e-5)
    .option(
      "--layer-decay <xi>",
      "rate of a layer over that above it",
      numberBetween("--layer-decay", 0, 1),
      1,
    )
    .option("--schedule <name>", scheduleNames.join(", "), oneOf("--schedule", scheduleNames), "linear")
    .option("--warmup <share>", "share of the steps that warm up", numberBetween("--warmup", 0, 1), 0.1)
    .option("--optimizer <name>", "adamw or bertadam", oneOf("--optimizer", ["adamw", "bertadam"]), "adamw")
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
    .action((options: TrainOptions) => train(options, output));
}

async function train(options: TrainOptions, output: Output): Promise<void> {
  const { seed } = options;
  const start = performance.now();
  const data = await datasetFromFiles(options);
  await makeOutputFolder(options.output);
  output.error(
    `${data.name}: ${data.train.length} training, ${data.dev.length} development and ${data.test.length} test texts, ` +
      `${data.labels.length} labels${data.note ? `; ${data.note}` : ""}`,
  );
  const model = await startModel(options.model, {
    labels: data.labels,
    seed,
    layers: options.layers,
    architecture: {
      tokens: data.language === "zh" ? "characters" : "wordpieces",
      vocabulary: 8000,
      layers: 4,
      hidden: 256,
      heads: 4,
      intermediate: 1024,
      initializerRange: 0.04,
    },
    texts: data.train.map(({ text }) => text),
    say: output.error,
  });
  const engine = await openEngine(
    await chooseEngine(options.engine, output.error),
    options.precision,
    options.devices,
  );
  const checkpoints = join(options.output, "checkpoints");
  const steps = options.epochs * Math.ceil(data.train.length / options.batchSize);
  const progress = showProgress("training", steps, "steps");
  try {
    const run = await fineTune(
      model,
      data,
      {
        text: textStrategy(options.truncation, options),
        maxLength: options.maxLength,
        epochs: options.epochs,
        batchSize: options.batchSize,
        microBatchSize: options.microBatchSize,
        padToMax: options.padToMax,
        learningRate: options.learningRate,
        layerDecay: options.layerDecay,
        schedule: options.schedule,
        warmupProportion: options.warmup,
        optimizer: options.optimizer,
        protocol: "clean",
        seed,
      },
      {
        engine,
        checkpoint: { folder: checkpoints, every: options.checkpointEvery, resume: options.resume ?? false },
        onStep: ({ step, loss }) => progress.update(step, `loss ${loss.toFixed(3)}`),
        onEpoch: ({ epoch, trainLoss, dev }) =>
          progress.log(
            `epoch ${epoch}: training loss ${trainLoss.toFixed(3)}${dev ? `, ${sentence(dev)}` : ""}`,
          ),
      },
    );
    progress.stop();
    await saveClassifier(options.output, run);
    const { deno: _, ...packages } = versions();
    const result = {
      ...resultOf(run),
      data: data.fingerprint,
      engine: engine.name,
      precision: options.precision,
      seed,
      seconds: (performance.now() - start) / 1000,
      versions: packages,
    };
    await writeWhole(join(options.output, "result.json"), [JSON.stringify(result, null, 2) + "\n"]);
    await rm(checkpoints, { recursive: true, force: true });
    for (const note of run.notes) output.error(note);
    if (run.dev) output.out(`development: ${sentence(run.dev)}`);
    if (run.test) output.out(`test: ${sentence(run.test)}`);
    output.out(`wrote ${options.output} after ${duration(result.seconds)}`);
  } finally {
    progress.stop();
    engine.dispose();
  }
}

const sentence = ({ errorRate, macroF1, loss }: Metrics) =>
  `error ${(100 * errorRate).toFixed(2)} %, macro F1 ${macroF1.toFixed(4)}, loss ${loss.toFixed(4)}`;

/** What result.json says of a run. */
function resultOf(run: FineTuned) {
  return {
    ...(run.dev ? { dev: measured(run.dev) } : {}),
    ...(run.test ? { test: measured(run.test) } : {}),
    labels: run.model.config.id2label,
    model: run.model.description,
    best_epoch: run.bestEpoch,
    epochs: run.epochs.map(({ epoch, trainLoss, dev, seconds }) => ({
      epoch,
      train_loss: trainLoss,
      ...(dev ? { dev: measured(dev) } : {}),
      seconds,
    })),
    train_seconds: run.trainSeconds,
    steps: run.steps,
    seconds_per_step: run.trainSeconds / run.steps,
    notes: run.notes,
  };
}

const measured = ({ errorRate, macroF1, ...metrics }: Metrics) => ({
  ...metrics,
  error_rate: errorRate,
  macro_f1: macroF1,
});

if (import.meta.main) Deno.exit(await runCommand(trainCommand(standardOutput), Deno.args));
