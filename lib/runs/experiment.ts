/**
 * Experiments as typed values: a table of the paper is rows and columns that state only what differs, at scales that
 * state what a run costs. `experiment` checks and names it, `resolveCells` makes every cell a full configuration.
 */
import {
  type Configuration,
  type Draft,
  merge,
  override,
  paperDraft,
  paperProtocol,
  type Protocol,
  type ResolvedPreTraining,
  type Settings,
} from "./configuration.ts";
import { corpusSets, domainSets } from "../paper/corpora.ts";
import { InputError } from "../errors.ts";
import type { Figure } from "../results/figures.ts";
import { configurationHash, type RunRecord } from "../results/records.ts";
import { anExperiment, having, requireArguments } from "../storage/arguments.ts";
import { text } from "../storage/json.ts";

/** Names of the scales. */
export const scaleNames = ["mini", "imdb", "paper"] as const;

/** Name of the scale that an experiment is run at. */
export type ScaleName = typeof scaleNames[number];

/** A column at one scale. */
export interface ScaleColumn {
  /** Settings that the column's cells share. */
  readonly settings: Settings;
  /** The rows that are run in this column; all if not given. */
  readonly rows?: readonly string[];
  /** `true` if other data stand in for the paper's; then the column's heading says which. */
  readonly standIn?: boolean;
  /** Differences of data and model from the paper's, where there are any; printed below the table. */
  readonly note?: string;
}

/** An experiment's settings at one scale. */
export interface Scale<Row extends string = string, Column extends string = string> {
  /**
   * Minutes that one seed takes from nothing, with the models that its runs share: on 2 CPU cores at mini scale, on one
   * GPU else.
   */
  readonly minutes: number;
  /** Minutes of these that each model takes that several runs share, also those of other experiments. */
  readonly modelMinutes?: number;
  /** Settings that all cells share. */
  readonly settings: Settings;
  /**
   * `true` if each seed pre-trains a model of its own, so that what seeds tell covers further pre-training, too; otherwise
   * all start from one.
   */
  readonly preTrainForEachSeed?: boolean;
  /** The data sets that stand for the paper's, by its names: what corpora and tasks are made of. */
  readonly sets?: Readonly<Record<string, string>>;
  /** The columns' data, models and notes; a column that is not here is not run at this scale. */
  readonly columns: Readonly<Partial<Record<Column, ScaleColumn>>>;
  /** Settings that rows state otherwise at this scale; if given, a row that is not here is not run. */
  readonly rows?: Readonly<Partial<Record<Row, Settings>>>;
  /** The row that the others are compared with, if it is another one at this scale. */
  readonly baseline?: Row;
  /** Differences of the scale from the paper's; printed below the table. */
  readonly notes?: readonly string[];
}

/** The paper's numbers: an error in percent for each row and column, null where it gives none. */
export interface PublishedTable {
  /** Names of the columns. */
  readonly columns: readonly string[];
  /** A number or null for each column, by row. */
  readonly rows: Readonly<Record<string, readonly (number | null)[]>>;
}

/** Cells and records that a figure is drawn from. */
export interface FigureRuns {
  /** The experiment's cells. */
  readonly cells: readonly Cell[];
  /** The record of each cell that has one, by hash. */
  readonly records: ReadonlyMap<string, RunRecord>;
  /** The scale by name. */
  readonly scale: ScaleName;
}

/** A table or figure of the paper. */
export interface Experiment<Row extends string = string, Column extends string = string> {
  /** The name on the command line. */
  readonly name: string;
  /** Section and table of the paper. */
  readonly paper: string;
  /** Question of the experiment, as a sentence. */
  readonly question: string;
  /** Columns by the paper's names. */
  readonly columns: readonly Column[];
  /** Rows by the paper's names; each states only what it changes. */
  readonly rows: Readonly<Record<Row, Settings>>;
  /** The row that the others are compared with. */
  readonly baseline: NoInfer<Row>;
  /** The paper's numbers. */
  readonly published: PublishedTable;
  /** Rows of the paper that are shown as printed: other systems' numbers, which are not run. */
  readonly printed?: readonly string[];
  /** The row over which the average relative improvement is shown. */
  readonly improvementOver?: NoInfer<Row>;
  /** Draws the runs (lib/runs/experiment_figures.ts); there is at least one record. */
  readonly figure?: (runs: FigureRuns) => Figure;
  /** `true` if the figure shows settings of the rows, such as schedules, and not results; false if not given. */
  readonly figureOfSettings?: boolean;
  /** Makes the same table for a model of so many layers, where the rows are layers; the same rows if not given. */
  readonly forLayers?: (layers: number) => Experiment;
  /** Meaning of rows and columns at each scale. */
  readonly scales: Readonly<Partial<Record<ScaleName, Scale<NoInfer<Row>, NoInfer<Column>>>>>;
}

/**
 * Makes an experiment, with the types of its rows and columns checked against each other.
 *
 * @throws RangeError if a row or column has no place in the published table.
 */
export function experiment<const Row extends string, const Column extends string>(
  value: Experiment<Row, Column>,
): Experiment<Row, Column> {
  requireArguments("experiment", {
    value: [
      value,
      having(
        "an experiment: an object with name, rows, columns, published and scales",
        "name",
        "rows",
        "columns",
        "published",
        "scales",
      ),
    ],
  });
  const unknown = [
    ...[...Object.keys(value.rows), ...value.printed ?? []].filter((row) => !(row in value.published.rows)),
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

/** Choices of a caller for all cells. */
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
  /**
   * Another model, with all its layers, instead of the scale's own (BERT-base where it has none). Cells whose row or column
   * states a model keep that.
   */
  readonly model?: string;
  /** Only these rows. */
  readonly rows?: readonly string[];
  /** Only these columns. */
  readonly columns?: readonly string[];
  /** Fields of the configuration by (dotted) name, which win over everything else. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/**
 * All runs of an experiment: every column and row for the first seed, then for the next. Later statements win: the
 * paper's settings, protocol, scale, column, row, the row at this scale, the model, overrides.
 *
 * @throws InputError if the experiment does not have the scale, row or column, or an override names no field or has a wrong type.
 */
export async function resolveCells(experiment: Experiment, options: CellOptions = {}): Promise<Cell[]> {
  requireArguments("resolveCells", {
    experiment: [experiment, anExperiment],
    options: [options, having("an object with options, such as { seeds: [1] }")],
  });
  const { scale: scaleName = "mini", seeds = [1], protocol = "clean", overrides = {} } = options;
  const scale = scaleOf(experiment, scaleName);
  const rows = chosen("row", scaleRows(experiment, scale), options.rows);
  const columns = chosen(
    "column",
    experiment.columns.filter((column) => scale.columns[column]),
    options.columns,
  );
  const own = merge(paperDraft, scale.settings).model;
  const cells: Cell[] = [];
  for (const seed of new Set(seeds)) {
    for (const column of columns) {
      for (const row of rows) {
        if (!(scale.columns[column]!.rows?.includes(row) ?? true)) continue;
        const stated = [
          protocol === "paper" ? paperProtocol : {},
          scale.settings,
          scale.columns[column]!.settings,
          experiment.rows[row]!,
          scale.rows?.[row] ?? {},
          scale.preTrainForEachSeed ? { preTraining: { seed } } : {},
          { protocol, seed, engine: options.engine, precision: options.precision },
        ];
        let draft = stated.reduce<Draft>(merge, paperDraft);
        const statesModel = [scale.columns[column]!.settings, experiment.rows[row]!, scale.rows?.[row] ?? {}]
          .some(({ model }) => model !== undefined);
        if (!statesModel && options.model !== undefined && options.model !== own) {
          draft = merge(draft, { model: options.model, layers: null });
        }
        for (const [field, value] of Object.entries(overrides)) draft = override(draft, field, value);
        const configuration = {
          ...draft,
          preTraining: preTrainingOf(draft, scale),
          multiTask: multiTaskOf(draft, scale),
        };
        const hash = await configurationHash(configuration);
        cells.push({ experiment: experiment.name, row, column, scale: scaleName, configuration, hash });
      }
    }
  }
  return cells;
}

/** Names of the rows that are run at a scale. */
export function scaleRows(experiment: Experiment, scale: Scale): string[] {
  requireArguments("scaleRows", {
    experiment: [experiment, anExperiment],
    scale: [scale, having("a scale of an experiment")],
  });
  const { rows } = scale;
  return Object.keys(experiment.rows).filter((row) => rows === undefined || row in rows);
}

/** Multi-task fine-tuning with its tasks as names of data sets, or null if there are none. */
function multiTaskOf({ multiTask }: Draft, { sets = {} }: Scale): Configuration["multiTask"] {
  if (multiTask.tasks.length === 0) return null;
  return { ...multiTask, tasks: multiTask.tasks.map((set) => sets[set] ?? set) };
}

/**
 * Further pre-training with its corpus as names of data sets, or null if there is none.
 *
 * @throws InputError if the model is asked for at a point at which it is not kept.
 */
function preTrainingOf({ data, preTraining }: Draft, { sets = {} }: Scale): ResolvedPreTraining | null {
  const task = Object.keys(sets).find((set) => sets[set] === data) ?? data;
  const corpus = corpusSets(preTraining.corpus, task);
  if (corpus.length === 0) return null;
  const { point, points } = preTraining;
  if (!points.includes(point)) {
    throw new InputError(
      `Cannot start from preTraining.point ${point} as preTraining.points has only ${
        points.join(", ")
      }: add it, or ` +
        "set another preTraining.point",
    );
  }
  const names = corpus.map((set) => sets[set] ?? set);
  const related = domainSets(corpus).flatMap((set) => sets[set] ?? []);
  return { ...preTraining, corpus: names, unseen: [...new Set([...names, ...related])] };
}

/** Returns the names that are asked for, each once; all if none are. @throws InputError if there is no such name. */
function chosen(kind: string, all: readonly string[], names: readonly string[] = all): readonly string[] {
  const unknown = names.find((name) => !all.includes(name));
  if (unknown === undefined) return [...new Set(names)];
  throw new InputError(`There is no ${kind} "${unknown}": expected one of ${all.join(", ")}`);
}

/** An experiment's scale. @throws InputError listing the scales it has. */
export function scaleOf(experiment: Experiment, name: ScaleName): Scale {
  requireArguments("scaleOf", {
    experiment: [experiment, anExperiment],
    name: [name, text],
  });
  const scale = experiment.scales[name];
  if (scale === undefined) {
    const found = Object.keys(experiment.scales).join(", ");
    throw new InputError(`Experiment ${experiment.name} has no scale "${name}": expected one of ${found}`);
  }
  return scale;
}
