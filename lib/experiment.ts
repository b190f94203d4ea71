/**
 * Experiments as typed values: a table of the paper is rows and columns that state only what differs, at scales that
 * state what a run costs. `experiment` checks and names it, `resolveCells` makes every cell a full configuration.
 */
import { type Corpus, corpusSets, domainSets } from "./corpora.ts";
import { InputError } from "./errors.ts";
import { configurationHash } from "./results/records.ts";
import type { ScheduleName } from "./schedules.ts";
import type { NewModel } from "./start_model.ts";

/** Examples kept of each split, stratified by class; null keeps all. */
export interface Limits {
  /** Training examples. */
  readonly train: number | null;
  /** Development examples. */
  readonly dev: number | null;
  /** Test examples. */
  readonly test: number | null;
}

/** How the best epoch is chosen: by a development split held out of train, or, as the paper's code, by the test set. */
export type Protocol = "clean" | "paper";

/** Further pre-training before the model is fine-tuned (section 5.4). */
export interface PreTrainingSettings {
  /** What it learns from. */
  readonly corpus: Corpus;
  /** Data sets whose held-out texts it never sees: those of the corpus' domains. */
  readonly unseen: readonly string[];
  /** Updates of the whole model. */
  readonly steps: number;
  /** Updates of the heads alone before those, for a model that has none. */
  readonly headSteps: number;
  /** Shares of `steps` at which the parameters are kept; one run serves all of them. */
  readonly points: readonly number[];
  /** The one of `points` whose parameters are fine-tuned. */
  readonly point: number;
  /** B, sequences an update. */
  readonly batchSize: number;
  /** T, the longest sequence. */
  readonly maxLength: number;
  /** The highest rate. */
  readonly learningRate: number;
  /** Whether there are pairs and next sentence prediction. */
  readonly nsp: boolean;
  /** Key of its randomness: the fine-tuning of every seed starts from the same pre-trained model. */
  readonly seed: number;
}

/** The same with the corpus as names of data sets. */
export interface ResolvedPreTraining extends PreTrainingSettings {
  /** Names of the data sets that it learns from. */
  readonly corpus: readonly string[];
}

/** Everything a run depends on; two runs with equal configurations give equal numbers. */
export interface Configuration {
  /** Name of the data set. */
  readonly data: string;
  /** How many examples of each split. */
  readonly limits: Limits;
  /** A named model, a folder, a hub id, or "new". */
  readonly model: string;
  /** Keep only the lowest layers of the model's encoder; null keeps all. */
  readonly layers: number | null;
  /** The model's shape if it is "new", or if the named one cannot be had. */
  readonly architecture: NewModel;
  /** Further pre-training before, or none. */
  readonly preTraining: ResolvedPreTraining | null;
  /** What is done with long texts: a name of lib/long_text.ts. */
  readonly text: string;
  /** Which layers' states are classified: a name of lib/layers.ts. */
  readonly features: string;
  /** Cap on the fractions of the hierarchical methods. */
  readonly maxFractions: number;
  /** T, the longest input in wordpieces, [CLS] and [SEP] included. */
  readonly maxLength: number;
  /** Passes over the training examples. */
  readonly epochs: number;
  /** B, texts an update. */
  readonly batchSize: number;
  /** Texts of one pass where B take too much memory; null is B. */
  readonly microBatchSize: number | null;
  /** The base learning rate, that of the top layer. */
  readonly learningRate: number;
  /** xi of section 5.3.4; 1 is none. */
  readonly layerDecay: number;
  /** How the learning rate changes over the steps. */
  readonly schedule: ScheduleName;
  /** Share of the steps that warm up. */
  readonly warmupProportion: number;
  /** AdamW with bias correction, or the BertAdam of the paper's code. */
  readonly optimizer: "adamw" | "bertadam";
  /** How the best epoch is chosen. */
  readonly protocol: Protocol;
  /** The engine by name: onnx, xla or reference. */
  readonly engine: string;
  /** Element type of matrix products. */
  readonly precision: "f32" | "bf16";
  /** Dropout rate of the attention's probabilities; null is the model's own. cuDNN's fused attention needs 0. */
  readonly attentionDropout: number | null;
  /** Every batch at the maximum length, instead of batches of like lengths. */
  readonly padToMax: boolean;
  /** Key of all randomness. */
  readonly seed: number;
}

/** A configuration on its way: there is further pre-training if its corpus is not empty. */
export type Draft = Omit<Configuration, "preTraining"> & { readonly preTraining: PreTrainingSettings };

/** A part of a configuration, as rows, columns and scales state it. */
export type Settings = {
  readonly [Key in keyof Draft]?: Partial<Draft[Key]>;
};

/** The paper's settings (section 5.2), where nothing else is stated. */
export const paperSettings: Configuration = {
  data: "imdb",
  limits: { train: null, dev: null, test: null },
  model: "bert-base-uncased",
  layers: null,
  architecture: {
    tokens: "wordpieces",
    vocabulary: 30_522,
    layers: 12,
    hidden: 768,
    heads: 12,
    intermediate: 3072,
    initializerRange: 0.02,
  },
  preTraining: null,
  text: "head+tail",
  features: "last",
  maxFractions: 8,
  maxLength: 512,
  epochs: 4,
  batchSize: 24,
  microBatchSize: null,
  learningRate: 2e-5,
  layerDecay: 1,
  schedule: "linear",
  warmupProportion: 0.1,
  optimizer: "adamw",
  protocol: "clean",
  engine: "onnx",
  precision: "f32",
  attentionDropout: null,
  padToMax: false,
  seed: 1,
};

/** The paper's further pre-training (section 5.2), of rows that name a corpus. */
export const paperPreTraining: PreTrainingSettings = {
  corpus: [],
  unseen: [],
  steps: 100_000,
  headSteps: 0,
  points: [1],
  point: 1,
  batchSize: 32,
  maxLength: 128,
  learningRate: 5e-5,
  nsp: true,
  seed: 1,
};

/** What `protocol: "paper"` changes besides the choice of the epoch: the optimizer of the paper's code. */
const paperProtocol: Settings = { optimizer: "bertadam", schedule: "bertadam-linear" };

/** Names of the scales. */
export const scaleNames = ["mini", "imdb", "paper"] as const;

/** How large an experiment is run. */
export type ScaleName = typeof scaleNames[number];

/** A column at one scale. */
export interface ScaleColumn {
  /** What the column's cells share. */
  readonly settings: Settings;
  /** Whether other data stand in for the paper's; then the column's heading says which. */
  readonly standIn?: boolean;
  /** How data and model differ from the paper's, where they do; printed below the table. */
  readonly note?: string;
}

/** An experiment's settings at one scale. */
export interface Scale<Column extends string = string> {
  /** Minutes that one seed takes: on 2 CPU cores at mini scale, on one GPU else. */
  readonly minutes: number;
  /** What all cells share. */
  readonly settings: Settings;
  /** The data sets that stand for the paper's, by its names: what corpora of further pre-training are made of. */
  readonly sets?: Readonly<Record<string, string>>;
  /** The columns' data, models and notes; a column that is not here is not run at this scale. */
  readonly columns: Readonly<Partial<Record<Column, ScaleColumn>>>;
}

/** The paper's numbers: an error in percent for each row and column, null where it gives none. */
export interface PublishedTable {
  /** Names of the columns. */
  readonly columns: readonly string[];
  /** A number or null for each column, by row. */
  readonly rows: Readonly<Record<string, readonly (number | null)[]>>;
}

/** Rows as points of a curve: a line for each column. */
export interface RowFigure {
  /** What the horizontal axis shows. */
  readonly x: string;
  /** Whether it is logarithmic. */
  readonly logarithmic?: boolean;
  /** Where the paper's number of a row stands on it. */
  readonly published: (row: string) => number;
  /** Where a run stands on it. */
  readonly ours: (configuration: Configuration) => number;
}

/** A table or figure of the paper. */
export interface Experiment<Row extends string = string, Column extends string = string> {
  /** The name on the command line. */
  readonly name: string;
  /** Section and table of the paper. */
  readonly paper: string;
  /** What the experiment asks, as a sentence. */
  readonly question: string;
  /** Columns by the paper's names. */
  readonly columns: readonly Column[];
  /** Rows by the paper's names; each states only what it changes. */
  readonly rows: Readonly<Record<Row, Settings>>;
  /** The row that the others are compared with. */
  readonly baseline: NoInfer<Row>;
  /** The paper's numbers. */
  readonly published: PublishedTable;
  /** How the rows are drawn as points of a curve; only for the paper's figures. */
  readonly figure?: RowFigure;
  /** What the columns mean at each scale. */
  readonly scales: Readonly<Partial<Record<ScaleName, Scale<NoInfer<Column>>>>>;
}

/**
 * Makes an experiment, with the types of its rows and columns checked against each other.
 *
 * @throws RangeError if a row or column has no place in the published table.
 */
export function experiment<const Row extends string, const Column extends string>(
  value: Experiment<Row, Column>,
): Experiment<Row, Column> {
  const unknown = [
    ...Object.keys(value.rows).filter((row) => !(row in value.published.rows)),
    ...value.columns.filter((column) => !value.published.columns.includes(column)),
  ];
  if (unknown.length > 0) throw new RangeError(`${value.paper} of the paper has no ${unknown.join(", ")}`);
  return value;
}

/** One run to be made: a cell of a table with a seed. */
export interface Cell {
  /** The experiment's name. */
  readonly experiment: string;
  /** Its row. */
  readonly row: string;
  /** Its column. */
  readonly column: string;
  /** Its scale. */
  readonly scale: ScaleName;
  /** The full configuration. */
  readonly configuration: Configuration;
  /** Identity of the run: the hash of its configuration. */
  readonly hash: string;
}

/** What a caller may choose for all cells. */
export interface CellOptions {
  /** Default: mini. */
  readonly scale?: ScaleName;
  /** Default: 1 alone. */
  readonly seeds?: readonly number[];
  /** Default: clean. */
  readonly protocol?: Protocol;
  /** The engine's name, not "auto". */
  readonly engine?: string;
  /** Default: f32. */
  readonly precision?: Configuration["precision"];
  /** Only these rows. */
  readonly rows?: readonly string[];
  /** Only these columns. */
  readonly columns?: readonly string[];
  /** Fields of the configuration by (dotted) name, which win over everything else. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/**
 * All runs of an experiment: every column and row for the first seed, then for the next. Later statements win: the
 * paper's settings, protocol, scale, column, row, overrides.
 *
 * @throws InputError if the experiment does not have the scale, row or column, or an override names no field or has a wrong type.
 */
export async function resolveCells(experiment: Experiment, options: CellOptions = {}): Promise<Cell[]> {
  const { scale: scaleName = "mini", seeds = [1], protocol = "clean", overrides = {} } = options;
  const scale = scaleOf(experiment, scaleName);
  const rows = chosen("row", Object.keys(experiment.rows), options.rows);
  const columns = chosen(
    "column",
    experiment.columns.filter((column) => scale.columns[column]),
    options.columns,
  );
  const cells: Cell[] = [];
  for (const seed of seeds) {
    for (const column of columns) {
      for (const row of rows) {
        const stated = [
          protocol === "paper" ? paperProtocol : {},
          scale.settings,
          scale.columns[column]!.settings,
          experiment.rows[row]!,
          { protocol, seed, engine: options.engine, precision: options.precision },
        ];
        let draft = stated.reduce<Draft>(merge, { ...paperSettings, preTraining: paperPreTraining });
        for (const [field, value] of Object.entries(overrides)) {
          draft = override(draft, field.split("."), value, field);
        }
        const configuration = { ...draft, preTraining: preTrainingOf(draft, scale) };
        const hash = await configurationHash(configuration);
        cells.push({ experiment: experiment.name, row, column, scale: scaleName, configuration, hash });
      }
    }
  }
  return cells;
}

/** Further pre-training with its corpus as names of data sets, or null if there is none. */
function preTrainingOf({ data, preTraining }: Draft, { sets = {} }: Scale): ResolvedPreTraining | null {
  const task = Object.keys(sets).find((set) => sets[set] === data) ?? data;
  const corpus = corpusSets(preTraining.corpus, task);
  if (corpus.length === 0) return null;
  const names = corpus.map((set) => sets[set] ?? set);
  const related = domainSets(corpus).flatMap((set) => sets[set] ?? []);
  return { ...preTraining, corpus: names, unseen: [...new Set([...names, ...related])] };
}

function chosen(kind: string, all: readonly string[], names: readonly string[] = all): readonly string[] {
  const unknown = names.find((name) => !all.includes(name));
  if (unknown === undefined) return names;
  throw new InputError(`There is no ${kind} "${unknown}": expected one of ${all.join(", ")}`);
}

/** An experiment's scale. @throws InputError listing the scales it has. */
export function scaleOf(experiment: Experiment, name: ScaleName): Scale {
  const scale = experiment.scales[name];
  if (scale === undefined) {
    const found = Object.keys(experiment.scales).join(", ");
    throw new InputError(`Experiment ${experiment.name} has no scale "${name}": expected one of ${found}`);
  }
  return scale;
}

/** Settings over a configuration; nested fields are merged, undefined ones left as they are. */
function merge(draft: Draft, settings: Settings): Draft {
  const merged: Record<string, unknown> = { ...draft };
  for (const [field, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    merged[field] = isObject(value) ? { ...merged[field] as object, ...value } : value;
  }
  return merged as unknown as Draft;
}

function override<Value extends object>(object: Value, path: string[], value: unknown, field: string): Value {
  const [key, ...rest] = path as [string, ...string[]];
  const old = (object as Record<string, unknown>)[key];
  if (!Object.hasOwn(object, key) || (rest.length > 0 && !isObject(old))) {
    throw new InputError(
      `Cannot set "${field}" as there is no field "${key}": expected one of ${
        Object.keys(object).join(", ")
      }`,
    );
  }
  if (rest.length > 0) return { ...object, [key]: override(old as object, rest, value, field) };
  const fits = isNullable(field)
    ? value === null || typeof value === "number"
    : Array.isArray(old)
    ? Array.isArray(value)
    : typeof value === typeof old && !isObject(old);
  if (!fits) {
    const expected = isNullable(field)
      ? "a number or null"
      : Array.isArray(old)
      ? "a list, such as [1]"
      : isObject(old)
      ? `${field}.FIELD`
      : `a ${typeof old}`;
    throw new InputError(`Cannot set "${field}" to ${JSON.stringify(value)}: expected ${expected}`);
  }
  return { ...object, [key]: value };
}

const isNullable = (field: string) => /^(layers|microBatchSize|attentionDropout|limits\..*)$/.test(field);

const isObject = (value: unknown): value is object =>
  value !== null && typeof value === "object" && !Array.isArray(value);
