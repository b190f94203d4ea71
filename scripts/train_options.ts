/** The options of `deno task train`, and the recipe that they ask for. */
import type { Command } from "commander";
import { readDocuments } from "../lib/data/document_files.ts";
import { datasetFromFiles } from "../lib/data/files.ts";
import type { engineNames, precisions } from "../lib/engine/open.ts";
import { InputError } from "../lib/errors.ts";
import { textStrategyNames } from "../lib/paper/long_text.ts";
import { paperPasses, type Recipe, type RecipePreTraining } from "../lib/classifier/recipe.ts";
import { scheduleNames } from "../lib/paper/schedules.ts";
import { type FineTuneSettings, fineTuneSettings } from "../lib/paper/settings.ts";
import { budgetSeconds } from "../lib/search/budget.ts";
import type { TableOptions } from "../lib/tables/table.ts";
import {
  layoutOf,
  numberBetween,
  oneOf,
  runOptions,
  type SeveralLabelsOptions,
  tableOptions,
  wholeNumber,
} from "./options.ts";
import type { OutputOptions } from "./output_folder.ts";

/** Options of pre-training, and the settings that they state. */
const preTrainingOptions = [
  ["pretrainPasses", "passes"],
  ["pretrainSteps", "steps"],
  ["pretrainBatchSize", "batchSize"],
  ["pretrainLength", "maxLength"],
  ["pretrainLearningRate", "learningRate"],
] as const satisfies [string, keyof RecipePreTraining][];

/** Options as commander parses them: settings of fine-tuning by their names, but for two whose options are shorter. */
export interface TrainOptions
  extends
    OutputOptions,
    TableOptions,
    SeveralLabelsOptions,
    Omit<FineTuneSettings, "text" | "warmupProportion" | "protocol">,
    Partial<Readonly<Record<typeof preTrainingOptions[number][0], number>>> {
  readonly truncation: string;
  readonly warmup: number;
  readonly train: string;
  readonly dev?: string;
  readonly test?: string;
  readonly textColumn: string;
  readonly labelColumn: string;
  readonly model: string;
  readonly layers?: number;
  readonly recipe: "fit" | "itpt-fit";
  readonly unlabelled?: string[];
  readonly engine: typeof engineNames[number];
  readonly devices: number;
  readonly precision: typeof precisions[number];
  readonly checkpointEvery: number;
  readonly offline?: boolean;
  readonly log?: string;
  readonly folds?: number;
  /** Seconds. */
  readonly budget?: number;
}

/** Adds the options to a command. */
export function withTrainOptions(command: Command): Command {
  return tableOptions(
    runOptions(
      command
        .requiredOption("--train <file>", "training texts: CSV, TSV, JSON Lines or Parquet")
        .option("--dev <file>", "texts that choose the best epoch; by default a tenth of the training texts")
        .option("--test <file>", "texts that are only tested on")
        .option(
          "--text-column <names>",
          "column of the texts; of two with a comma between, BERT reads the texts as a pair, of more as lines",
          "text",
        )
        .option("--label-column <name>", "column of the labels; JSON lists are several for a text", "label")
        .option("--label-separator <text>", 'between several labels in a cell, such as ";"')
        .option(
          "--label-columns <names>",
          "columns of 0 and 1 with commas between: a text has the labels whose column is 1",
        )
        .option(
          "--model <model>",
          "minilm, bge-small-en, bge-small-zh, a model folder, a hub id, or new",
          "minilm",
        )
        .option("--layers <K>", "keep only the lowest K layers", wholeNumber("--layers", 1))
        .requiredOption("--output <folder>", "where the trained model is written")
        .option(
          "--recipe <name>",
          "fit: fine-tuning; itpt-fit: further pre-training within the task before",
          oneOf("--recipe", ["fit", "itpt-fit"]),
          "fit",
        )
        .option(
          "--unlabelled <files...>",
          "more texts to pre-train on: tables with the text column; other files, a blank line between documents",
        )
        .option(
          "--pretrain-passes <N>",
          `passes of pre-training over the texts; by default ${paperPasses}, the paper's over IMDb`,
          numberBetween("--pretrain-passes", 0.01, 1e6),
        )
        .option(
          "--pretrain-steps <N>",
          "updates of pre-training, instead of passes",
          wholeNumber("--pretrain-steps", 1),
        )
        .option(
          "--pretrain-batch-size <B>",
          "sequences an update of pre-training; by default 32",
          wholeNumber("--pretrain-batch-size", 1),
        )
        .option(
          "--pretrain-length <T>",
          "longest sequence of pre-training in wordpieces; by default 128",
          wholeNumber("--pretrain-length", 8),
        )
        .option(
          "--pretrain-learning-rate <rate>",
          "highest rate of pre-training; by default 5e-5, for a new model 7e-4",
          numberBetween("--pretrain-learning-rate", 1e-9, 1),
        )
        .option(
          "--truncation <name>",
          `what is done with long texts: ${textStrategyNames.join(", ")}`,
          oneOf("--truncation", textStrategyNames),
          "head+tail",
        )
        .option(
          "--max-fractions <k>",
          "cap of the hierarchical methods",
          wholeNumber("--max-fractions", 1),
          8,
        )
        .option("--max-length <T>", "longest input in wordpieces", wholeNumber("--max-length", 4), 512)
        .option("--epochs <N>", "passes over the training texts", wholeNumber("--epochs", 1), 4)
        .option(
          "--max-steps <N>",
          "updates at most; the rate falls to 0 by then",
          wholeNumber("--max-steps", 1),
        )
        .option(
          "--evaluate-every <N>",
          "updates between two measurements on the development texts; by default an epoch's",
          wholeNumber("--evaluate-every", 1),
        )
        .option(
          "--patience <N>",
          "early stopping: ends after so many measurements in a row that are no better",
          wholeNumber("--patience", 1),
        )
        .option("--log <folder>", "curves for TensorBoard: losses, rates, what is measured on the way")
        .option(
          "--folds <K>",
          "cross-validation: mean and spread over so many folds of the training texts, then a model of all of them",
          wholeNumber("--folds", 2),
        )
        .option(
          "--budget <time>",
          "searches for the best recipe, rate, layer decay and truncation, as far as they are not given, within this " +
            "time: 90s, 30m, 2h",
          (time) => budgetSeconds(time, "--budget"),
        )
        .option(
          "--class-weights <name>",
          "none: all texts weigh alike in the loss; balanced: all labels",
          oneOf("--class-weights", ["none", "balanced"]),
          "none",
        )
        .option("--batch-size <B>", "texts an update", wholeNumber("--batch-size", 1), 24)
        .option(
          "--micro-batch-size <B>",
          "texts a pass, a divisor of the batch size: less memory, the same updates",
          wholeNumber("--micro-batch-size", 1),
        )
        .option(
          "--pad-to-max",
          "pad each text to the longest input, instead of packing the tokens of a batch",
        )
        .option("--learning-rate <rate>", "base rate", numberBetween("--learning-rate", 1e-9, 1), 5e-5)
        .option(
          "--layer-decay <xi>",
          "rate of a layer over that above it",
          numberBetween("--layer-decay", 0, 1),
          0.95,
        )
        .option("--schedule <name>", scheduleNames.join(", "), oneOf("--schedule", scheduleNames), "linear")
        .option("--warmup <share>", "share of the steps that warm up", numberBetween("--warmup", 0, 1), 0.1)
        .option(
          "--optimizer <name>",
          "adamw or bertadam",
          oneOf("--optimizer", ["adamw", "bertadam"]),
          "adamw",
        ),
    ),
    "of files whose names do not tell it: csv, tsv, jsonl, parquet",
  )
    .option("--offline", "ask no hub: the model is a folder or in the cache");
}

/** Returns the recipe that the options ask for, with its texts. */
export async function recipeOf(options: TrainOptions, say: (line: string) => void): Promise<Recipe> {
  const { seed, classWeights, truncation: text, warmup: warmupProportion } = options;
  const { maxSteps, evaluateEvery, patience } = options;
  if (options.folds !== undefined && options.dev !== undefined) {
    throw new InputError(
      "Cannot use --dev with --folds, as each fold chooses by a tenth of its own training texts: leave one of them out",
    );
  }
  if (options.recipe === "fit" && options.budget === undefined) refusePreTraining(options);
  const settings = fineTuneSettings({ ...options, text, warmupProportion, protocol: "clean" });
  const ofPreTraining = preTrainingOptions.map(([option, name]) => [name, options[option]]);
  // A search reads no test text before its end.
  const data = await datasetFromFiles({
    ...options,
    test: options.budget === undefined ? options.test : undefined,
  });
  const files = options.unlabelled ?? [];
  const unlabelled = files.length > 0
    ? await readDocuments(files, options.textColumn, layoutOf(options))
    : [];
  return {
    data,
    model: options.model,
    start: {
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
      offline: options.offline,
      say,
    },
    fineTuning: { ...settings, classWeights, maxSteps, evaluateEvery, patience },
    ...options.recipe === "itpt-fit" || options.budget !== undefined
      ? { preTraining: { unlabelled, ...Object.fromEntries(ofPreTraining) } }
      : {},
  };
}

/** @throws InputError if there are options of pre-training. */
export function refusePreTraining(options: TrainOptions): void {
  const names = ["unlabelled", ...preTrainingOptions.map(([option]) => option)] as const;
  const given = names.find((name) => options[name] !== undefined);
  if (given === undefined) return;
  const flag = given.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new InputError(
    `Cannot use --${flag} with --recipe fit, which does not pre-train: give --recipe itpt-fit`,
  );
}
