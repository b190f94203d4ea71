/** The card beside a page's boxes: the data, the error, the calibration, each label, and what to know before use. */
import { join } from "node:path";
import type { TrainedModel } from "../classifier/trained.ts";
import type { WeightFormat } from "../graph/onnx/weights.ts";
import { type Fragment, html } from "../report/html.ts";
import { grid, list } from "../report/page.ts";
import {
  list as listOf,
  number,
  object,
  optional,
  readJsonIfThere,
  type Shape,
  text,
  whole,
} from "../storage/json.ts";
import { counted, percent } from "../wording.ts";

/** The part of a training's result.json that a card shows. */
export interface TrainingResult {
  /** Description of the model that training started from. */
  readonly model?: string;
  /** Numbers of texts. */
  readonly texts?: { readonly train: number; readonly dev: number; readonly test: number };
  readonly dev?: SplitResult;
  readonly test?: SplitResult;
  /** Of all rows, each by the fold that has not seen it. */
  readonly cross_validation?: SplitResult;
}

/** The measures of a split. */
interface SplitResult {
  readonly examples: number;
  readonly error_rate: number;
  readonly macro_f1: number;
  /** Only where a text may have several labels. */
  readonly micro_f1?: number;
  readonly ece: number;
  readonly ece_calibrated?: number;
  readonly classes: readonly {
    readonly label: string;
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    readonly count: number;
  }[];
}

const splitShape: Shape<SplitResult> = object<SplitResult>({
  ...{ examples: whole(0), error_rate: number(), macro_f1: number(), ece: number() },
  ...{ micro_f1: optional(number()), ece_calibrated: optional(number()) },
  classes: listOf(object<SplitResult["classes"][number]>({
    ...{ label: text, precision: number(), recall: number(), f1: number(), count: whole(0) },
  })),
});

const resultShape: Shape<TrainingResult> = object<TrainingResult>({
  model: optional(text),
  texts: optional(
    object<NonNullable<TrainingResult["texts"]>>({ train: whole(0), dev: whole(0), test: whole(0) }),
  ),
  dev: optional(splitShape),
  test: optional(splitShape),
  cross_validation: optional(splitShape),
});

/** Reads the result of a folder's training; undefined for a model of another library. */
export function trainingResult(folder: string): Promise<TrainingResult | undefined> {
  return readJsonIfThere(
    join(folder, "result.json"),
    resultShape,
    "take the model's folder from where it came",
  );
}

/** The change that stored weights make, measured on labelled texts. */
export interface WeightsChange {
  /** Number of the texts. */
  readonly texts: number;
  /** The measure: the share of wrong labels or, where a text may have several, micro F1. */
  readonly measure: "error" | "micro F1";
  /** It with the weights as trained. */
  readonly valueF32: number;
  /** It with the stored weights. */
  readonly value: number;
  /** Share of the texts whose label is another one, or any of whose labels. */
  readonly changed: number;
}

/** Writes the change in a sentence. */
export function changeSentence(
  format: WeightFormat,
  { texts, measure, valueF32, value, changed }: WeightsChange,
): string {
  const [written, what] = measure === "error"
    ? [(share: number) => percent(share, 2), "labels differ"]
    : [(f1: number) => f1.toFixed(4), "texts get other labels"];
  return `Weights in ${format}: on ${counted(texts, "test text")} the ${measure} is ${written(value)}, and ` +
    `${written(valueF32)} with the weights as trained; ${percent(changed, 2)} of the ${what}.`;
}

/** Facts of a card. */
export interface PageFacts {
  readonly model: Pick<
    TrainedModel,
    "labels" | "text" | "maxLength" | "temperature" | "thresholds" | "pairs" | "notes"
  >;
  readonly result?: TrainingResult;
  readonly format: WeightFormat;
  readonly change?: WeightsChange;
}

/** Most labels of the table. */
const mostLabels = 200;

/** Writes the card. */
export function card({ model, result, format, change }: PageFacts): Fragment {
  const { labels, temperature, thresholds } = model;
  const [split, measured] = result?.test
    ? ["test", result.test] as const
    : result?.dev
    ? ["development", result.dev] as const
    : ["held-out", result?.cross_validation] as const;
  const facts: Fragment[] = [
    result?.model && html`Trained by bertlab from ${result.model}.`,
    result?.texts &&
    html`${result.texts.train} training texts, ${result.texts.dev} development texts, ${result.texts.test} test texts.`,
    measured?.micro_f1 !== undefined &&
    html`Micro F1 on the ${split} texts: <strong>${measured.micro_f1.toFixed(4)}</strong>; macro F1 ${
      measured.macro_f1.toFixed(4)
    }; ${percent(measured.error_rate, 2)} of the texts are not wholly right.`,
    measured && measured.micro_f1 === undefined &&
    html`Error on the ${split} texts: <strong>${percent(measured.error_rate, 2)}</strong>; macro F1 ${
      measured.macro_f1.toFixed(4)
    }.`,
    measured && measured.ece_calibrated !== undefined &&
    html`Calibration: on average the stated probability is ${
      percent(measured.ece_calibrated, 1)
    } off the share that is right
      (${percent(measured.ece, 1)} before the logits were divided by ${temperature.toFixed(3)}).`,
    measured?.micro_f1 !== undefined &&
    html`Calibration: on average the stated probability of a label is ${
      percent(measured.ece, 1)
    } off the share of texts that have it.`,
    !measured && "No measure of its error came with this model.",
    format === "f32"
      ? "Weights as trained, in 32 bits."
      : change
      ? changeSentence(format, change)
      : `Weights in ${format}; the change of the error was not measured.`,
    readsSentence(model),
  ];
  return html`
    ${list(facts.filter((fact) => fact))}
    ${measured && grid({
      caption: `Each label, of the ${split} texts${
        measured.classes.length > mostLabels ? `, the first ${mostLabels} of ${measured.classes.length}` : ""
      }`,
      head: ["label", "precision", "recall", "F1", "texts", ...thresholds ? ["threshold"] : []],
      rows: measured.classes.slice(0, mostLabels).map(({ label, precision, recall, f1, count }, c) => [
        html`<bdi>${label}</bdi>`,
        ...[precision, recall, f1].map((share) => share.toFixed(3)),
        count,
        ...thresholds ? [(thresholds[c] ?? 0).toFixed(3)] : [],
      ]),
    })}
    ${!measured && grid({
      caption: "Labels",
      head: ["label", ...thresholds ? ["threshold"] : []],
      rows: labels.slice(0, mostLabels).map((label, c) => [
        html`<bdi>${label}</bdi>`,
        ...thresholds ? [thresholds[c]!.toFixed(3)] : [],
      ]),
    })}
    <h3>What to know before use</h3>
    ${list([
      thresholds
        ? `It gives a text those of its ${labels.length} labels whose probability reaches their threshold: several, or none.`
        : `It gives each text one of its ${labels.length} labels, also a text that none of them fits.`,
      "It knows texts like those that it was trained on; on others its error is larger, and its probabilities are too sure.",
      "Texts, tables and labels stay in this browser: the page sends nothing anywhere.",
      ...model.notes,
    ])}
  `;
}

/** Says how long texts are read. */
function readsSentence(
  { text, maxLength, pairs }: Pick<TrainedModel, "text" | "maxLength" | "pairs">,
): string {
  if (pairs) {
    return `Reads pairs of at most ${
      maxLength - 3
    } wordpieces; of a longer pair the longer text is cut first.`;
  }
  const room = maxLength - 2;
  if (text.pooling) {
    return `Reads a text in fractions of ${room} wordpieces, at most ${text.maxFractions}, and pools them (${text.name}).`;
  }
  const parts = text.stretches!(room).map(({ length, after }) =>
    after === 0 ? `the first ${length}` : after === 1 ? `the last ${length}` : `${length} of the middle`
  );
  return `Reads at most ${room} wordpieces, about ${Math.round(room * .75)} English words: of a longer text ${
    parts.join(" and ")
  }.`;
}
