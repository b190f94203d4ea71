/** The record of a run and its predictions, as values and as shapes of JSON. */
import {
  anything,
  either,
  fitting,
  list,
  map,
  number,
  object,
  oneOf,
  optional,
  type Shape,
  text,
  whole,
} from "../storage/json.ts";
import type { Metrics, MultiLabelMetrics } from "./metrics.ts";

/** The measurements of one epoch, or of a part of one if there are several in each. */
export interface EpochRecord {
  /** Number of passes over the training texts up to its end. */
  readonly epoch: number;
  /** Mean loss of its training steps. */
  readonly trainLoss: number;
  /** Measures on a sample of the training texts, only if there are several measurements in an epoch. */
  readonly train?: Metrics;
  /** Measures on the development split, if there is one. */
  readonly dev?: Metrics;
  /** Measures on the test split, only if the protocol chooses the epoch by it. */
  readonly test?: Metrics;
  /** Seconds of its training steps, without evaluation. */
  readonly seconds: number;
}

/** The data of a run; the counts are after any limit. */
export interface DataRecord {
  /** The data set's name. */
  readonly name: string;
  /** sha256 over its texts and labels. */
  readonly fingerprint: string;
  /** Number of training examples. */
  readonly train: number;
  /** Number of development examples. */
  readonly dev: number;
  /** Number of test examples. */
  readonly test: number;
}

/** The machine of a run, without anything that identifies it. */
export interface MachineRecord {
  /** The operating system. */
  readonly os: string;
  /** The processor's architecture. */
  readonly arch: string;
  /** The processor's model. */
  readonly cpu: string;
  /** Number of logical processors that the process might use. */
  readonly cores: number;
  /** Main memory in bytes. */
  readonly memoryBytes: number;
}

/** A model's measures on held-out texts by the tasks of pre-training. */
export interface PreTrainingMeasures {
  /** Mean cross-entropy of the masked wordpieces, in nats. */
  readonly mlmLoss: number;
  /** Share of the masked wordpieces that are guessed right. */
  readonly mlmAccuracy: number;
  /** Mean cross-entropy of "does the second segment follow", in nats. */
  readonly nspLoss?: number;
  /** Share of the pairs that are classified right. */
  readonly nspAccuracy?: number;
}

/** The further pre-training that a run started from; other runs may share it. */
export interface PreTrainingRecord {
  /** The model that it started from. */
  readonly start: string;
  /** Names of its data sets. */
  readonly corpus: readonly string[];
  /** Number of texts that it learnt from. */
  readonly texts: number;
  /** Number of updates of the whole model. */
  readonly steps: number;
  /** Seconds that it took since it was last started or resumed. */
  readonly seconds: number;
  /** Measures on held-out texts of the corpus before the first update. */
  readonly before: PreTrainingMeasures;
  /** The same measures after the last update. */
  readonly after: PreTrainingMeasures;
}

/** Measures of what fine-tuning made a model forget (lib/paper/forgetting.ts). */
export interface ForgettingRecord {
  /** Measures of the model before fine-tuning, on held-out general text. */
  readonly before: PreTrainingMeasures;
  /** The same measures of the encoder after fine-tuning, under the same head. */
  readonly after: PreTrainingMeasures;
  /** |after - before| / |before| over all weights of the embeddings and of each layer, by `embeddings`, `layer 0`, …. */
  readonly distances: Readonly<Record<string, number>>;
}

/** The multi-task fine-tuning that a run started from; runs of the other tasks share it. */
export interface MultiTaskRecord {
  /** The model that it started from. */
  readonly start: string;
  /** Names of the data sets. */
  readonly tasks: readonly string[];
  /** Number of updates. */
  readonly steps: number;
  /** Seconds that it took since it was last started or resumed. */
  readonly seconds: number;
}

/** The result of a run: its record without time, machine and cell. */
export interface RunResult {
  /** The run's data. */
  readonly data: DataRecord;
  /** Description of the start model, such as "minilm, lowest 4 layers". */
  readonly model: string;
  /**
   * sha256 of the files of the model (`model`) and of each data set that was used, if the name alone does not identify
   * them.
   */
  readonly contents?: Readonly<Record<string, string>>;
  /** The further pre-training before this run, if there was any. */
  readonly preTraining?: PreTrainingRecord;
  /** The multi-task fine-tuning before this run, if there was any. */
  readonly multiTask?: MultiTaskRecord;
  /** Measures of forgetting, if they were taken. */
  readonly forgetting?: ForgettingRecord;
  /** Name of the engine. */
  readonly engine: string;
  /** Precision of matrix products: f32, bf16 or tf32. */
  readonly precision: string;
  /** Sentences for readers of the numbers, such as one on a model that stood in for another. */
  readonly notes: readonly string[];
  /** Number of optimizer updates. */
  readonly steps: number;
  /** Seconds of training steps, without loading and evaluation. */
  readonly trainSeconds: number;
  /** The epochs in order. */
  readonly epochs: readonly EpochRecord[];
  /** The epoch whose parameters gave `dev` and `test`. */
  readonly bestEpoch: number;
  /** Measures on the development split, if there is one. */
  readonly dev?: Metrics;
  /** Measures on the test split. */
  readonly test: Metrics;
}

/** One line of a records file. */
export interface RunRecord extends RunResult {
  /** The version of this format. */
  readonly format: 1;
  /** Name of the experiment that made the run. */
  readonly experiment: string;
  /** The cell of its table. */
  readonly cell: { readonly row: string; readonly column: string };
  /** Name of the scale. */
  readonly scale: string;
  /** The protocol: clean or paper. */
  readonly protocol: string;
  /** Key of all randomness. */
  readonly seed: number;
  /** The whole configuration, with every default written out. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** sha256 of the configuration ({@link configurationHash}), in hex: the identity of the run. */
  readonly hash: string;
  /** Versions of Deno, this library and the packages that compute. */
  readonly versions: Readonly<Record<string, string>>;
  /** The commit of the source tree, if it is in a git repository; ends with "-dirty" if it had changes. */
  readonly commit?: string;
  /** The machine. */
  readonly machine: MachineRecord;
  /** Time at which the run began, ISO 8601 in UTC. */
  readonly start: string;
  /** Seconds since the run was last started or resumed, with loading and evaluation, without models that runs share. */
  readonly seconds: number;
  /** Largest resident set of the process seen during the run, in bytes. */
  readonly peakMemoryBytes: number;
  /** File of the test predictions, relative to the folder of the records. */
  readonly predictions: string;
}

/** A run's predictions for the test set. */
export interface Predictions {
  /** Names of the C classes. */
  readonly labels: readonly string[];
  /** True classes [N]; where a text may have several labels, 1 for each that it has and 0 for the others [N*C]. */
  readonly expected: readonly number[];
  /** Class probabilities [N*C]. */
  readonly probabilities: readonly number[];
}

/** The shape of {@linkcode Metrics}. */
export const metricsShape: Shape<Metrics> = object<Metrics>({
  examples: whole(1),
  ...{ accuracy: number(0, 1), errorRate: number(0, 1), macroF1: number(0, 1) },
  ...{ loss: number(0), ece: number(0), brier: number(0) },
  confusion: list(list(whole(0))),
  multiLabel: optional(object<MultiLabelMetrics>({
    ...{ microF1: number(0, 1), hammingLoss: number(0, 1), thresholds: list(number(0, 1)) },
  })),
});

/** The shape of {@linkcode PreTrainingMeasures}. */
export const measuresShape: Shape<PreTrainingMeasures> = object<PreTrainingMeasures>({
  ...{ mlmLoss: number(0), mlmAccuracy: number(0, 1) },
  ...{ nspLoss: optional(number(0)), nspAccuracy: optional(number(0, 1)) },
});

/** The shape of {@linkcode EpochRecord}. */
export const epochShape: Shape<EpochRecord> = object<EpochRecord>({
  ...{ epoch: number(0), trainLoss: number(), seconds: number(0) },
  ...{ train: optional(metricsShape), dev: optional(metricsShape), test: optional(metricsShape) },
});

/** The shape of {@linkcode PreTrainingRecord}. */
export const preTrainingShape: Shape<PreTrainingRecord> = object<PreTrainingRecord>({
  ...{ start: text, corpus: list(text), texts: whole(0), steps: whole(0), seconds: number(0) },
  ...{ before: measuresShape, after: measuresShape },
});

/** The shape of {@linkcode MultiTaskRecord}. */
export const multiTaskShape: Shape<MultiTaskRecord> = object<MultiTaskRecord>({
  ...{ start: text, tasks: list(text), steps: whole(0), seconds: number(0) },
});

/** The shape of a line of a records file. */
export const recordShape: Shape<RunRecord> = object<RunRecord>({
  format: oneOf([1]),
  ...{ experiment: text, scale: text, protocol: text, seed: whole(0) },
  cell: object<RunRecord["cell"]>({ row: text, column: text }),
  ...{ configuration: map(anything), hash: text, predictions: text },
  data: object<DataRecord>({
    ...{ name: text, fingerprint: text, train: whole(0), dev: whole(0), test: whole(0) },
  }),
  ...{ model: text, engine: text, precision: text, notes: list(text) },
  contents: optional(map(text)),
  preTraining: optional(preTrainingShape),
  multiTask: optional(multiTaskShape),
  forgetting: optional(object<ForgettingRecord>({
    ...{ before: measuresShape, after: measuresShape, distances: map(number(0)) },
  })),
  ...{ steps: whole(0), trainSeconds: number(0), seconds: number(0), peakMemoryBytes: number(0) },
  epochs: list(epochShape),
  ...{ bestEpoch: number(0), dev: optional(metricsShape), test: metricsShape },
  ...{ versions: map(text), commit: optional(text) },
  machine: object<MachineRecord>({
    ...{ os: text, arch: text, cpu: text, cores: whole(1), memoryBytes: number(0) },
  }),
  start: fitting(text, "a time", (time) => !Number.isNaN(Date.parse(time))),
});

const anyPredictions: Shape<Predictions> = object<Predictions>({
  ...{ labels: list(text), expected: list(whole(0)), probabilities: list(number(0, 1)) },
});

/** The shape of a file of predictions. */
export const predictionsShape: Shape<Predictions> = fitting(
  anyPredictions,
  "classes of each example and a probability for each class",
  ({ labels, expected, probabilities }) =>
    expected.length > 0 && probabilities.length === expected.length * labels.length &&
    expected.every((label) => label < labels.length),
);

/** The shape of predictions of texts that may have several labels each. */
const severalPredictionsShape: Shape<Predictions> = fitting(
  anyPredictions,
  "an answer and a probability for each text and label",
  ({ labels, expected, probabilities }) =>
    expected.length > 0 && probabilities.length === expected.length &&
    expected.length % labels.length === 0 &&
    expected.every((answer) => answer < 2),
);

/** The shape of {@linkcode Predictions} of one label a text, or of several. */
export const keptPredictionsShape: Shape<Predictions> = either(
  "predictions of one label for each text, or of several",
  predictionsShape,
  severalPredictionsShape,
);
