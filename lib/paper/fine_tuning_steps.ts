/** What fine-tuning on one task and on several have in common: their texts as wordpieces, their batches and their rates. */
import { readExample, stepBatch } from "./reading.ts";
import { type Batches, type EncodedExample, encodeExamples } from "../training/batches.ts";
import { type Dataset, type Example, stratifiedOrder } from "../data/examples.ts";
import { InputError } from "../errors.ts";
import type { FineTuneSettings } from "./settings.ts";
import { layerLearningRate } from "./layer_decay.ts";
import { textStrategy } from "./long_text.ts";
import { schedule } from "./schedules.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { EpochBatches } from "../training/loop.ts";

/** A data set as wordpieces. */
export interface EncodedDataset {
  /** The texts by split. */
  readonly split: Readonly<Record<"train" | "dev" | "test", readonly ReadExample[]>>;
  /** Share of the texts of which something is cut. */
  readonly cut: number;
  /** Whether they are pairs. */
  readonly pairs: boolean;
  /** The split that the best epoch is chosen by. */
  readonly chosenBy: "dev" | "test";
  /** What a reader of the numbers should know. */
  readonly notes: readonly string[];
}

/** An example as what is read of it. */
export interface ReadExample extends EncodedExample {
  /** Wordpieces of its text, or of both texts of a pair, before anything is cut. */
  readonly length: number;
}

/**
 * A data set as a tokenizer and a text strategy make it.
 *
 * @throws InputError if there is nothing to choose the best epoch by.
 */
export function encodeDataset(
  data: Dataset,
  tokenizer: Tokenizer,
  settings: Pick<FineTuneSettings, "text" | "maxFractions" | "maxLength" | "protocol">,
): EncodedDataset {
  const { maxLength, protocol } = settings;
  const text = textStrategy(settings.text, settings);
  const encode = (examples: readonly Example[]) =>
    encodeExamples(examples, (example) => readExample(example, { tokenizer, text, maxLength }));
  const split = { train: encode(data.train), dev: encode(data.dev), test: encode(data.test) };
  const chosenBy = protocol === "paper" ? "test" : "dev";
  if (split[chosenBy].length === 0) {
    const missing = chosenBy === "dev" ? "development" : "test";
    throw new InputError(
      `Cannot choose the best epoch on ${data.name} as it has no ${missing} texts: give some, or more training texts`,
    );
  }
  const all = [split.train, split.dev, split.test].flat();
  const pairs = all.some(({ second }) => second);
  const cut = all.filter(isCut).length / all.length;
  const unknown = unknownShare(all, tokenizer);
  const notes = [
    ...unknown > manyUnknown
      ? [
        `${
          (100 * unknown).toFixed(1)
        } % of the wordpieces are unknown to the model's vocabulary: take a model of the ` +
        "texts' language.",
      ]
      : [],
    ...cut > 0 ? [`${(100 * cut).toFixed(1)} % of the texts are cut.`] : [],
    ...pairs ? [`The texts are pairs: of each the longer text is cut first, and not by ${text.name}.`] : [],
  ];
  return { split, cut, pairs, chosenBy, notes };
}

/** Share of unknown wordpieces that is worth a note; of texts in the model's language it is far below. */
const manyUnknown = .1;

/** Share of the wordpieces that are [UNK]. */
function unknownShare(examples: readonly ReadExample[], { ids }: Tokenizer): number {
  let [unknown, total] = [0, 0];
  for (const { pieces, second = [] } of examples) {
    for (const piece of [...pieces, second]) {
      total += piece.length;
      for (const id of piece) if (id === ids.unk) unknown++;
    }
  }
  return unknown / Math.max(1, total);
}

function isCut({ pieces, second, length }: ReadExample): boolean {
  return pieces.reduce((sum, piece) => sum + piece.length, second?.length ?? 0) < length;
}

/** The weight n / (C · n_c) of each class c, which has n_c of the n examples: all classes weigh alike in the loss. */
export function balancedWeights(examples: readonly { readonly label: number }[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { label } of examples) counts[label]!++;
  return counts.map((count) => count > 0 ? examples.length / (classes * count) : 0);
}

/** Texts of one pass. @throws InputError if passes do not make whole batches, or the devices do not divide them. */
export function passSize(
  { batchSize, microBatchSize }: Pick<FineTuneSettings, "batchSize" | "microBatchSize">,
  devices = 1,
): number {
  const size = microBatchSize ?? batchSize;
  if (batchSize % size !== 0) {
    throw new InputError(
      `Cannot split a batch of ${batchSize} texts into passes of ${size}: give a divisor of the batch size`,
    );
  }
  if (size % devices !== 0) {
    throw new InputError(
      `Cannot split passes of ${size} texts evenly over ${devices} devices: give batches of a size that they divide`,
    );
  }
  return size;
}

/**
 * Texts of an evaluation batch: as many as of a training batch, or fewer where the rows that fill up the last batch would
 * be more than a twentieth of all; a multiple of the devices, if the training batch is.
 */
export function evaluationSize(examples: number, batchSize: number, devices: number): number {
  const batches = Math.ceil(examples / batchSize);
  return batches * batchSize - examples > examples / 20
    ? Math.min(batchSize, Math.ceil(examples / batches / devices) * devices)
    : batchSize;
}

/** Batches as the training step takes them, in parts of `rows` texts; see {@linkcode stepBatch} for the weights. */
export function stepBatches(batches: Batches, rows: number, classWeights?: readonly number[]): EpochBatches {
  return { length: batches.length, at: (place) => stepBatch(batches.at(place), rows, classWeights) };
}

/** The encoded examples of a class-stratified sample. */
export function encodedSample(
  examples: readonly Example[],
  encoded: readonly EncodedExample[],
  size: number,
): EncodedExample[] {
  return stratifiedOrder(examples, 0).slice(0, size).map((place, index) => ({ ...encoded[place]!, index }));
}

/** What settings are known by in checkpoints: a text strategy by what it is made of. */
export function settingsIdentity({ maxFractions, ...settings }: FineTuneSettings): object {
  return { ...settings, text: textStrategy(settings.text, { maxFractions }) };
}

/** The batches of one of `parts` consecutive parts of an epoch. */
export function partOf(
  { length, at }: EpochBatches,
  part: number,
  parts: number,
): EpochBatches {
  const [from, to] = [part, part + 1].map((end) => Math.floor(end * length / parts)) as [number, number];
  return { length: to - from, at: (place) => at(from + place) };
}

/** Layer-wise rates times the schedule, as a function of a parameter's name and the update. */
export function learningRates(
  settings: FineTuneSettings,
  layers: number,
  totalSteps: number,
): (parameter: string, update: number) => number {
  const { learningRate, layerDecay: decay, warmupProportion } = settings;
  const multiplier = schedule(settings.schedule, {
    totalSteps,
    warmupSteps: Math.round(totalSteps * warmupProportion),
    baseRate: learningRate,
  });
  return (parameter, update) =>
    layerLearningRate(parameter, { layers, decay, learningRate }) * multiplier(update);
}
