/** Functions that show tables, figures and runs: a notebook draws them, a terminal prints them. */
import { layerRateFigure, schedulePanels } from "../runs/experiment_figures.ts";
import type { LayerDecayOptions } from "../paper/layer_decay.ts";
import { differenceFigure, type EvaluatedTable } from "../results/differences.ts";
import { dotsSvg, type Figure, figureSvg } from "../results/figures.ts";
import { escapeMarkdown } from "../printable.ts";
import { markdown } from "../results/markdown.ts";
import type { Metrics } from "../results/metrics.ts";
import type { EpochRecord, RunResult } from "../results/records.ts";
import { mean } from "../results/statistics.ts";
import { schedule, type ScheduleName, type ScheduleOptions } from "../paper/schedules.ts";
import { type Content, type Displayable, displayable, withDisplay } from "./displayable.ts";
import { aFigure, having, numbers, requireArguments, textList } from "../storage/arguments.ts";
import { list, number, object, text, whole } from "../storage/json.ts";

/** Shows Markdown; a terminal prints it as it is. */
export function showMarkdown(markdown: string): Displayable {
  requireArguments("showMarkdown", { markdown: [markdown, text] });
  return displayable({ text: markdown, markdown });
}

/** Shows lines of texts and numbers as a table; all but the first `texts` columns are numbers. */
export function showLines(
  head: readonly string[],
  lines: readonly (readonly string[])[],
  texts = 1,
): Displayable {
  requireArguments("showLines", {
    head: [head, textList],
    lines: [lines, list(textList)],
    texts: [texts, whole(0)],
  });
  return showMarkdown(markdown(head, lines, texts));
}

/** Most points of a curve that a terminal prints, about. */
const mostNumbers = 20;

/** Shows a figure as a picture; a terminal prints the means of its points. */
export function showFigure(figure: Figure): Displayable {
  requireArguments("showFigure", { figure: [figure, aFigure] });
  return displayable(figureContent(figure));
}

function figureContent(figure: Figure): Content {
  const number = (value: number) => `${Number(value.toPrecision(4))}`;
  const lines = figure.panels.flatMap(({ title, curves }) => [
    `${title} (${[figure.y, figure.x].filter(Boolean).join(" over ")})`,
    ...curves.map(({ name, points }) => {
      const drawn = points.filter(({ values }) => values.length > 0);
      const every = Math.ceil(drawn.length / mostNumbers);
      const told = drawn.filter((_, place) => place % every === 0 || place === drawn.length - 1);
      return `  ${name}: ${told.map(({ x, values }) => `${number(x)} → ${number(mean(values))}`).join(", ")}`;
    }),
  ]);
  return { text: [figure.title, ...lines].join("\n"), svg: () => figureSvg(figure) };
}

/**
 * Shows a table's differences to its baseline as a picture: the paper's, ours with intervals over test texts, and in grey
 * what our runs would have missed more than once in five.
 */
export function showTable(shown: EvaluatedTable): Displayable {
  requireArguments("showTable", { shown: [shown, having("a table with its cells", "table", "evaluated")] });
  const { table, evaluated } = shown;
  const figure = differenceFigure({ table, evaluated }, table.title);
  const number = (value?: number | null) => value?.toFixed(2) ?? "–";
  const text = figure.panels.flatMap(({ title, dots }) => [
    `${title}: difference in points, the paper's, ours, and what would have been seen`,
    ...dots.map(({ name, paper, ours, unseen }) =>
      `  ${name}: ${[paper, ours?.middle, unseen].map(number).join(", ")}`
    ),
  ]);
  return displayable({ text: [figure.title, ...text].join("\n"), svg: () => dotsSvg(figure) });
}

/** The part of a run that is shown. */
export type ShownRun = Pick<RunResult, "epochs" | "bestEpoch" | "steps" | "dev"> & {
  readonly test?: Metrics;
};

/** Returns a run of fine-tuning itself, with a display of its result and of loss and error over the epochs. */
export function showRun<Run extends ShownRun>(name: string, run: Run): Run & Displayable {
  requireArguments("showRun", {
    name: [name, text],
    run: [run, having("a run of fine-tuning", "epochs", "bestEpoch")],
  });
  const { epochs, bestEpoch, steps, dev, test } = run;
  const percent = ({ errorRate }: Metrics) => 100 * errorRate;
  const [split, measured] = test ? ["test", test] as const : ["development", dev] as const;
  const { multiLabel } = measured ?? {};
  const share = multiLabel
    ? `micro F1 ${multiLabel.microF1.toFixed(3)}`
    : measured && `error ${percent(measured).toFixed(1)} %`;
  const sentence = measured &&
    `: ${split} ${share}, macro F1 ${measured.macroF1.toFixed(3)} over all classes`;
  const panel = (title: string, value: (epoch: EpochRecord) => number[]) => ({
    title,
    curves: [{ name: title, points: epochs.map((epoch) => ({ x: epoch.epoch, values: value(epoch) })) }],
  });
  const figure = {
    title: `${name}${sentence ?? ""}, ${steps} steps, best after epoch ${bestEpoch}`,
    x: "epochs",
    y: "",
    panels: [
      panel("training loss", ({ trainLoss }) => [trainLoss]),
      panel(
        `${dev ? "development" : "test"} ${multiLabel ? "micro F1" : "error"}, %`,
        (epoch) =>
          [epoch.dev ?? epoch.test ?? []].flat()
            .map((metrics) => metrics.multiLabel ? 100 * metrics.multiLabel.microF1 : percent(metrics)),
      ),
    ],
  };
  return withDisplay(run, () => figureContent(figure));
}

/** Shows a confusion matrix, true classes in rows and predicted ones in columns; `confusion` [C][C] as in `Metrics`. */
export function showConfusion(
  labels: readonly string[],
  confusion: readonly (readonly number[])[],
): Displayable {
  requireArguments("showConfusion", { labels: [labels, textList], confusion: [confusion, list(numbers)] });
  const line = (counts: readonly number[], label: number) => [
    escapeMarkdown(labels[label]!),
    ...counts.map((count, guess) => guess === label ? `**${count}**` : `${count}`),
  ];
  return showLines(["true class ↓, predicted →", ...labels.map(escapeMarkdown)], confusion.map(line));
}

/** Shows learning-rate schedules over the steps. */
export function showSchedules(names: readonly ScheduleName[], options: ScheduleOptions): Displayable {
  requireArguments("showSchedules", {
    names: [names, textList],
    options: [options, object({ totalSteps: number(), warmupSteps: number() })],
  });
  return showFigure({
    title: `Learning rate over ${options.totalSteps} steps, ${options.warmupSteps} of them warm-up`,
    x: "step",
    ...schedulePanels(
      names.map((name) => [name, schedule(name, options)]),
      options.totalSteps,
      (step) => step,
    ),
  });
}

/** Shows the learning rates that layer-wise decay gives the parts of a model. */
export function showRates(rates: readonly LayerDecayOptions[]): Displayable {
  requireArguments("showRates", {
    rates: [rates, list(object({ layers: whole(1), decay: number(0), learningRate: number(0) }))],
  });
  return showFigure(layerRateFigure("Learning rate of each layer", rates));
}
