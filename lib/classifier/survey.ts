/** A survey of a data set, told before anything is trained: texts of each class, their lengths, and repeated texts. */
import { shown } from "../storage/byte_source.ts";
import { type Dataset, type Example, wholeText } from "../data/examples.ts";
import { textStrategy } from "../paper/long_text.ts";
import { type EncodedDataset, unknownNote } from "../paper/reading.ts";
import type { FineTuneSettings } from "../paper/settings.ts";
import { counted, percent } from "../wording.ts";
import { aDataset, having, requireArguments } from "../storage/arguments.ts";

const splitNames = ["train", "dev", "test"] as const;

/** Counts of texts by split. */
export type SplitCounts = Readonly<Record<"train" | "dev" | "test", number>>;

/** The survey of a data set. */
export interface Survey {
  /** Texts of each split. */
  readonly texts: SplitCounts;
  /** Texts of each class. */
  readonly labels: readonly ({ readonly label: string } & SplitCounts)[];
  /** Wordpieces of the training texts: of so many percent of them, no more than this. */
  readonly wordpieces: readonly { readonly percent: number; readonly most: number }[];
  /** Share of all texts of which something is cut. */
  readonly cut: number;
  /** The texts' language. */
  readonly language: Dataset["language"];
  /** Share of all wordpieces that the model's vocabulary does not have. */
  readonly unknown: number;
  /** `true` if the texts are pairs. */
  readonly pairs: boolean;
  /** Of texts that may have several labels: the mean over training texts, the most of one, and training texts without any. */
  readonly labelsOfText?: { readonly mean: number; readonly most: number; readonly none: number };
  /** Training texts that stand in train before. */
  readonly repeated: number;
  /** Training texts that stand in train with another label as well. */
  readonly contradictory: number;
  /** Development texts that also stand in train. */
  readonly devInTrain: number;
  /** Test texts that also stand in train. */
  readonly testInTrain: number;
  /** Test texts that also stand in dev. */
  readonly testInDev: number;
}

const percentiles = [5, 50, 90, 95, 99, 100];

/** Surveys a data set and what is read of it. */
export function surveyOf(data: Dataset, encoded: EncodedDataset): Survey {
  requireArguments("surveyOf", {
    data: [data, aDataset],
    encoded: [encoded, having("a data set as wordpieces, as encodeDataset() returns", "split")],
  });
  const { split, cut, unknown, pairs } = encoded;
  const byLabel = data.labels.map((label) => ({ label, train: 0, dev: 0, test: 0 }));
  for (const name of splitNames) {
    for (const { label, classes = [label] } of data[name]) for (const c of classes) byLabel[c]![name]++;
  }
  const sorted = split.train.map(({ length }) => length).sort((a, b) => a - b);
  const labelsOf = new Map<string, Set<string>>();
  for (const example of data.train) {
    const text = wholeText(example);
    const { label, classes = [label] } = example;
    labelsOf.set(text, (labelsOf.get(text) ?? new Set()).add(`${classes}`));
  }
  const inDev = new Set(data.dev.map(wholeText));
  const howMany = (examples: readonly Example[], has: (text: string) => boolean) =>
    examples.filter((example) => has(wholeText(example))).length;
  const inTrain = (text: string) => labelsOf.has(text);
  return {
    texts: { train: data.train.length, dev: data.dev.length, test: data.test.length },
    labels: byLabel,
    wordpieces: percentiles.map((percent) => ({
      percent,
      most: sorted[Math.max(0, Math.ceil(percent / 100 * sorted.length) - 1)]!,
    })),
    cut,
    language: data.language,
    unknown,
    pairs,
    ...data.multiLabel ? { labelsOfText: labelsOfText(data.train) } : {},
    repeated: data.train.length - labelsOf.size,
    contradictory: howMany(data.train, (text) => labelsOf.get(text)!.size > 1),
    devInTrain: howMany(data.dev, inTrain),
    testInTrain: howMany(data.test, inTrain),
    testInDev: howMany(data.test, (text) => inDev.has(text)),
  };
}

function labelsOfText(examples: readonly Example[]): Survey["labelsOfText"] {
  const counts = examples.map(({ classes = [] }) => classes.length);
  return {
    mean: counts.reduce((sum, count) => sum + count, 0) / Math.max(1, counts.length),
    most: counts.reduce((most, count) => Math.max(most, count), 0),
    none: counts.filter((count) => count === 0).length,
  };
}

/** A class with so many times the texts of another is said to be much larger. */
const muchLarger = 10;
/** A class of fewer training texts is said to have few. */
const few = 8;
/** So many classes are named. */
const mostNamed = 20;

/** A survey in sentences; of test texts that stand elsewhere the data set's own note tells. */
export function surveyLines(
  survey: Survey,
  settings: Pick<FineTuneSettings, "text" | "classWeights">,
): string[] {
  requireArguments("surveyLines", {
    survey: [survey, having("a survey, as surveyOf() returns", "labels", "wordpieces")],
    settings: [settings, having("settings of fine-tuning", "text")],
  });
  const { text, classWeights = "none" } = settings;
  const {
    labels,
    wordpieces,
    cut,
    language,
    unknown,
    pairs,
    labelsOfText: several,
    repeated,
    contradictory,
    devInTrain,
  } = survey;
  const bySize = labels.toSorted((a, b) => b.train - a.train);
  const named = bySize.slice(0, mostNamed).map(({ label, train }) => `${shown(label)} ${train}`).join(", ");
  const lengths = wordpieces.map(({ percent, most }) => `${percent} % up to ${most}`).join(", ");
  const [largest, smallest] = [bySize[0]!, bySize.at(-1)!];
  const strategy = pairs ? "to fit" : `by ${textStrategy(text).name}`;
  const sentences: [boolean, string][] = [
    [true, `Training texts by label: ${named}${bySize.length > mostNamed ? ", …" : ""}`],
    [
      several !== undefined,
      `Labels of a training text: ${several?.mean.toFixed(2)} on average, ${several?.most} at most; ` +
      `${counted(several?.none ?? 0, "text has", "texts have")} none`,
    ],
    [
      true,
      `Wordpieces of a training ${pairs ? "pair" : "text"}: ${lengths}; ` +
      `${percent(cut)} of all are cut ${strategy}`,
    ],
    [unknownNote(unknown, language) !== "", unknownNote(unknown, language)],
    [
      largest.train >= muchLarger * smallest.train,
      `The classes are very unequal: "${shown(largest.label)}" has ${largest.train} training texts and "${
        shown(smallest.label)
      }" ` +
      `${smallest.train}` +
      (classWeights === "balanced"
        ? "; their weights make up for it"
        : "; --class-weights balanced gives all classes the same weight in the loss"),
    ],
    [
      smallest.train < few,
      `${
        counted(labels.filter(({ train }) => train < few).length, "label has", "labels have")
      } fewer than ${few} ` +
      `training texts: more of them would help most`,
    ],
    [
      repeated > 0,
      `${counted(repeated, "training text stands", "training texts stand")} in train before, word for word` +
      (contradictory > 0
        ? `; ${counted(contradictory, "text has", "texts have")} different labels there`
        : ""),
    ],
    [
      devInTrain > 0,
      `${
        counted(devInTrain, "development text also stands", "development texts also stand")
      } in train: the epoch is ` +
      "chosen by texts that are known",
    ],
  ];
  return sentences.flatMap(([holds, sentence]) => holds ? [sentence] : []);
}
