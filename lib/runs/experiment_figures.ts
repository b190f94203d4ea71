/** Figures of experiments: the paper's numbers on one side, those of our records on the other; or the rows' settings. */
import { namedConfig } from "../bert/models.ts";
import type { Configuration } from "./configuration.ts";
import type { Cell, FigureRuns, PublishedTable } from "./experiment.ts";
import { recordedLayers } from "./model_layers.ts";
import { type LayerDecayOptions, layerLearningRate } from "../paper/layer_decay.ts";
import type { Curve, Figure } from "../results/figures.ts";
import type { Metrics } from "../results/metrics.ts";
import type { EpochRecord, RunRecord } from "../results/records.ts";
import { mean } from "../results/statistics.ts";
import { schedule } from "../paper/schedules.ts";
import { callback, having, requireArguments } from "../storage/arguments.ts";
import { anything, list, number, object, text, whole } from "../storage/json.ts";

/** Errors as curves: rows as the points of a line for each column, or columns as those of a line for each row. */
export interface ErrorCurves {
  /** Title above the figure. */
  readonly title: string;
  /** The ones that are points: rows or columns. */
  readonly points: "row" | "column";
  /** Name of the horizontal axis. */
  readonly x: string;
  /** `true` if the horizontal axis is logarithmic. */
  readonly logarithmic?: boolean;
  /** The paper's numbers. */
  readonly published: PublishedTable;
  /** Returns the place of a point's published number on the axis. */
  readonly publishedX: (point: string) => number;
  /** Returns the place of a run on the axis. */
  readonly ours: (configuration: Configuration) => number;
}

/** A figure of test errors, the paper's on one side and ours on the other. */
export function errorCurves(
  options: ErrorCurves,
): (runs: FigureRuns) => Figure {
  requireArguments("errorCurves", {
    options: [options, having("an object with a title and points", "title", "points")],
  });
  const { title, points, x, logarithmic, published, publishedX, ours } = options;
  const byRow = points === "row";
  const printed = (row: string, column: string) =>
    published.rows[row]?.[published.columns.indexOf(column)] ?? [];
  return ({ cells, records, scale }) => {
    const lineOf = (cell: Cell) => byRow ? cell.column : cell.row;
    const lines = [...new Set(cells.map(lineOf))];
    return {
      title,
      x,
      y: "test error, %",
      logarithmic,
      panels: [
        {
          title: "The paper's",
          curves: lines.map((line) => ({
            name: line,
            points: (byRow ? Object.keys(published.rows) : published.columns).map((point) => ({
              x: publishedX(point),
              values: [byRow ? printed(point, line) : printed(line, point)].flat(),
            })),
          })),
        },
        {
          title: `Ours, scale ${scale}`,
          curves: lines.map((line) =>
            errorCurve(line, cells.filter((cell) => lineOf(cell) === line), records, ours)
          ),
        },
      ],
    };
  };
}

function errorCurve(
  name: string,
  cells: readonly Cell[],
  records: ReadonlyMap<string, RunRecord>,
  place: (configuration: Configuration) => number,
): Curve {
  const points = new Map<number, number[]>();
  for (const { configuration, hash } of cells) {
    const x = place(configuration);
    const values = points.get(x) ?? [];
    const record = records.get(hash);
    if (record) values.push(100 * record.test.errorRate);
    points.set(x, values);
  }
  return { name, points: [...points].map(([x, values]) => ({ x, values })) };
}

/** Test errors in percent over windows of steps, for rows `NAME train` and `NAME dev`. */
export interface PublishedWindows {
  /** The windows, such as `500-1040`. */
  readonly columns: readonly string[];
  /** A number for each window, by row. */
  readonly rows: Readonly<Record<string, readonly number[]>>;
}

/** The errors of each row over the steps of its runs: on the texts it learns from, and on those it is chosen by. */
export function trainingCurves(title: string, published: PublishedWindows): (runs: FigureRuns) => Figure {
  requireArguments("trainingCurves", {
    title: [title, text],
    published: [published, having("the paper's numbers")],
  });
  const windows = published.columns.map((column) => mean(column.split("-").map(Number)));
  return ({ cells, records, scale }) => {
    const rows = [...new Set(cells.map(({ row }) => row))];
    const printed = (split: string) =>
      rows.map((row): Curve => ({
        name: row,
        points: (published.rows[`${row} ${split}`] ?? []).map((error, place) => ({
          x: windows[place]!,
          values: [error],
        })),
      }));
    const ours = (metricsOf: (epoch: EpochRecord) => Metrics | undefined) =>
      rows.map((row): Curve => {
        const points = new Map<number, number[]>();
        for (const { hash } of cells.filter((cell) => cell.row === row)) {
          const record = records.get(hash);
          for (const epoch of record?.epochs ?? []) {
            const x = Math.round(epoch.epoch * record!.steps / record!.epochs.at(-1)!.epoch);
            const metrics = metricsOf(epoch);
            if (metrics) points.set(x, [...points.get(x) ?? [], 100 * metrics.errorRate]);
          }
        }
        return { name: row, points: [...points].map(([x, values]) => ({ x, values })) };
      });
    return {
      title,
      x: "steps of fine-tuning",
      y: "error, %",
      panels: [
        { title: "The paper's, training", curves: printed("train") },
        { title: "The paper's, development", curves: printed("dev") },
        { title: `Ours, scale ${scale}, training`, curves: ours(({ train }) => train) },
        { title: `Ours, scale ${scale}, development`, curves: ours(({ dev, test }) => dev ?? test) },
      ],
    };
  };
}

/** The learning rate of each row over the share of the steps done, in percent of the highest. */
export function scheduleCurves(title: string): (runs: FigureRuns) => Figure {
  requireArguments("scheduleCurves", { title: [title, text] });
  return ({ cells }) => {
    const steps = 200;
    const multipliers = [...configurationsByRow(cells)].map(
      ([row, { schedule: name, warmupProportion, learningRate }]) => {
        const warmupSteps = Math.round(warmupProportion * steps);
        return [row, schedule(name, { totalSteps: steps, warmupSteps, baseRate: learningRate })] as const;
      },
    );
    return {
      title,
      x: "steps done, %",
      fromZero: true,
      ...schedulePanels(multipliers, steps, (step) => 100 * step / steps),
    };
  };
}

/**
 * Schedules (lib/paper/schedules.ts) over their steps, each in a panel, in percent of the highest rate.
 *
 * @param multipliers the names and the schedules
 * @param place gives a step's place on the horizontal axis
 */
export function schedulePanels(
  multipliers: readonly (readonly [name: string, multiplier: (step: number) => number])[],
  steps: number,
  place: (step: number) => number,
): Pick<Figure, "y" | "markers" | "panels"> {
  requireArguments("schedulePanels", {
    multipliers: [multipliers, list(anything)],
    steps: [steps, number(1)],
    place: [place, callback],
  });
  return {
    y: "learning rate, % of the highest",
    markers: false,
    panels: multipliers.map(([name, multiplier]) => {
      const points = Array.from({ length: steps + 1 }, (_, step) => ({
        x: place(step),
        values: [100 * multiplier(step)],
      }));
      return { title: name, curves: [{ name, points }] };
    }),
  };
}

/**
 * The learning rate that the layers of each row's model get. The layers of a model of one's own are those that its
 * records tell; without any it is drawn with the 12 of BERT-base, and the title says so.
 */
export function layerRateCurves(title: string): (runs: FigureRuns) => Figure {
  requireArguments("layerRateCurves", { title: [title, text] });
  return ({ cells, records }) => {
    const { model, layers } = cells[0]!.configuration;
    const known = layers ?? namedConfig(model)?.num_hidden_layers ?? recordedLayers(records.values());
    const rates = [...configurationsByRow(cells).values()].map(({ layerDecay: decay, learningRate }) => ({
      layers: known ?? 12,
      decay,
      learningRate,
    }));
    return layerRateFigure(known ? title : `${title}, drawn for 12 layers`, rates);
  };
}

/** Learning rates over the layers (lib/paper/layer_decay.ts): a panel for each base rate, a curve for each decay. */
export function layerRateFigure(title: string, rates: readonly LayerDecayOptions[]): Figure {
  requireArguments("layerRateFigure", {
    title: [title, text],
    rates: [rates, list(object({ layers: whole(1), decay: number(0), learningRate: number(0) }))],
  });
  const layers = Math.max(...rates.map(({ layers }) => layers));
  return {
    title: `${title}, at its highest`,
    x: `layer (−1: embeddings, ${layers}: pooler and classifier)`,
    y: "learning rate, 1e-5",
    fromZero: true,
    panels: [...new Set(rates.map(({ learningRate }) => learningRate))].map((base) => ({
      title: `base rate ${base.toExponential(1)}`,
      curves: rates.filter(({ learningRate }) => learningRate === base).map((rate) => ({
        name: `xi ${rate.decay.toFixed(2)}`,
        points: parts(rate.layers).map(({ x, name }) => ({
          x,
          values: [1e5 * layerLearningRate(name, rate)],
        })),
      })),
    })),
  };
}

/** A parameter of each part of a model, the lowest part first, and where the part stands on an axis of layers. */
const parts = (layers: number) => [
  { x: -1, name: "bert.embeddings." },
  ...Array.from({ length: layers }, (_, layer) => ({ x: layer, name: `bert.encoder.layer.${layer}.` })),
  { x: layers, name: "classifier." },
];

const configurationsByRow = (cells: readonly Cell[]) =>
  new Map(cells.map(({ row, configuration }) => [row, configuration]));
