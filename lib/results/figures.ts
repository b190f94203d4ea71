/**
 * Figures from records, as SVG: lines whose points are means of runs, with the spread as a band; or dots for the rows
 * of a table, ours beside the paper's.
 */
import { mean, standardDeviation } from "./statistics.ts";
import { aFigure, requireArguments } from "../storage/arguments.ts";

/** A line of a figure. */
export interface Curve {
  /** Its name in the legend. */
  readonly name: string;
  /** Its points; each has one value, or one for each seed. */
  readonly points: readonly { readonly x: number; readonly values: readonly number[] }[];
}

/** A part of a figure with axes of its own. */
export interface Panel {
  /** The title above it. */
  readonly title: string;
  /** Its lines. */
  readonly curves: readonly Curve[];
}

/** A figure of lines, for {@linkcode figureSvg}. */
export interface Figure {
  /** The title above everything. */
  readonly title: string;
  /** Label of the horizontal axis. */
  readonly x: string;
  /** Label of the vertical axis. */
  readonly y: string;
  /** True if the horizontal axis is logarithmic from its smallest positive value on; 0 has a place on it. */
  readonly logarithmic?: boolean;
  /** True (the default) if each point has a mark. */
  readonly markers?: boolean;
  /** True if the vertical axis begins at 0; false by default. */
  readonly fromZero?: boolean;
  /** Its parts, drawn two in a line. */
  readonly panels: readonly Panel[];
}

/** A row of a table as dots. */
export interface Dot {
  /** The row's name. */
  readonly name: string;
  /** The paper's number; null if there is none. */
  readonly paper: number | null;
  /** Our number with an interval; absent without runs. */
  readonly ours?: { readonly middle: number; readonly low: number; readonly high: number };
  /** The size up to which differences, in either direction, are too small to be seen; drawn as a band around 0. */
  readonly unseen?: number;
}

/** A figure of dots, for {@linkcode dotsSvg}: a panel for each column of a table, a line for each row. */
export interface DotFigure {
  /** The title above everything. */
  readonly title: string;
  /** Label of the horizontal axis. */
  readonly x: string;
  /** For differences: the size from which the axis grows more slowly outwards, on both sides of 0. */
  readonly linearUntil?: number;
  /** Its parts, drawn two in a line. */
  readonly panels: readonly { readonly title: string; readonly dots: readonly Dot[] }[];
}

/** Returns the ticks of an axis of differences that has room for all of the dots. */
export function differenceTicks(dots: readonly Dot[], linearUntil: number): number[] {
  const sizes = dots.flatMap(({ paper, ours, unseen }) => [
    ...paper === null ? [] : [paper],
    ...ours ? [ours.low, ours.high] : [],
    ...unseen === undefined ? [] : [-unseen, unseen],
  ]);
  const [least, most] = [Math.min(0, ...sizes), Math.max(0, ...sizes)];
  const steps = Math.max(-least, most) <= 40 * linearUntil ? [2, 4, 10, 20, 40] : [2, 10, 40, 200, 1000];
  return [0, ...steps.flatMap((step) => [-step * linearUntil, step * linearUntil])]
    .filter((tick) => tick >= least && tick <= most).sort((a, b) => a - b);
}

const width = 360;
const height = 260;
const labelLimit = 400; // of widths that vega, without a canvas, takes for larger than they are
const legend = { orient: "bottom", columns: 3, labelLimit, symbolOpacity: 1 };

/** Draws a figure as an SVG document that needs no other file; a band is the mean ± a standard deviation. */
export function figureSvg(figure: Figure): Promise<string> {
  requireArguments("figureSvg", { figure: [figure, aFigure] });
  const panels = figure.panels.map((panel) => linePanel(panel, figure));
  return svg(figure.title, panels, { resolve: { scale: { color: "shared" } } });
}

/** Draws a figure of dots in the same way; a bar is an interval, grey is a band around 0. */
export function dotsSvg({ title, panels, ...axis }: DotFigure): Promise<string> {
  return svg(title, panels.map(({ title, dots }) => dotPanel(title, axis, dots)));
}

/** Draws panels, which are specifications for vega-lite 6, two in a line. */
async function svg(title: string, concat: readonly object[], more: object = {}): Promise<string> {
  const [vega, lite] = await Promise.all([import("vega"), import("vega-lite")]);
  const whole = { title: { text: title, anchor: "start" }, background: "white", ...more, columns: 2, concat };
  // deno-lint-ignore no-explicit-any -- vega-lite's type of a specification is too deep for the compiler
  const { spec } = lite.compile(whole as any);
  return await new vega.View(vega.parse(spec), { renderer: "none" }).toSVG();
}

function dotPanel(
  title: string,
  { x, linearUntil }: Omit<DotFigure, "title" | "panels">,
  dots: readonly Dot[],
) {
  const sides = ["the paper's", "ours"];
  const values = dots.flatMap(({ name, paper, ours }) => [
    ...paper === null ? [] : [{ name, side: sides[0], middle: paper, low: paper, high: paper }],
    ...ours ? [{ name, side: sides[1], ...ours }] : [],
  ]);
  const bands = dots.flatMap(({ name, unseen }) => unseen ? [{ name, low: -unseen, high: unseen }] : []);
  const horizontal = {
    type: "quantitative",
    title: x,
    ...linearUntil === undefined ? { scale: { zero: false } } : {
      scale: { type: "symlog", constant: linearUntil },
      axis: { values: differenceTicks(dots, linearUntil), format: "~f" },
    },
  };
  const vertical = {
    field: "name",
    type: "nominal",
    scale: { domain: dots.map(({ name }) => name) },
    sort: null,
    title: null,
    axis: { labelLimit },
  };
  const drawn = sides.filter((side) => values.some((value) => value.side === side));
  const side = {
    field: "side",
    type: "nominal",
    title: null,
    scale: { domain: sides },
    legend: { ...legend, values: drawn },
  };
  const shape = { ...side, scale: { domain: sides, range: ["diamond", "circle"] } };
  const between = { x: { ...horizontal, field: "low" }, x2: { field: "high" }, y: vertical };
  return {
    title: { text: title, fontWeight: "normal" },
    width,
    height: { step: 22 },
    data: { values },
    layer: [
      ...bands.length > 0
        ? [{
          data: { values: bands },
          mark: { type: "bar", height: 16, color: "#d9dce1" },
          encoding: between,
        }]
        : [],
      ...linearUntil ? [{ data: { values: [{}] }, mark: "rule", encoding: { x: { datum: 0 } } }] : [],
      { mark: "rule", encoding: { ...between, color: side } },
      {
        mark: { type: "point", filled: true, opacity: 1, size: 60 },
        encoding: { x: { ...horizontal, field: "middle" }, y: vertical, color: side, shape },
      },
    ],
  };
}

function linePanel(
  { title, curves }: Panel,
  { x, y, logarithmic = false, markers = true, fromZero = false }: Figure,
) {
  const values = curves.flatMap(({ name, points }) =>
    points.filter(({ values }) => values.length > 0).map(({ x, values }) => {
      const middle = mean(values);
      const spread = standardDeviation(values) ?? 0;
      return { name, x, y: middle, low: middle - spread, high: middle + spread };
    })
  );
  const smallest = Math.min(...values.map((value) => value.x).filter((x) => x > 0));
  const scale = logarithmic ? { type: "symlog", constant: smallest } : { zero: false };
  const axis = logarithmic
    ? { values: [...new Set(values.map((value) => value.x))], labelAngle: -60 }
    : values.every((value) => Number.isInteger(value.x))
    ? { tickMinStep: 1 }
    : {};
  const horizontal = { field: "x", type: "quantitative", title: x, scale, axis };
  const color = { field: "name", type: "nominal", title: null, sort: null, legend };
  // Without a format, an axis with a single value has labels of six decimals.
  const vertical = { type: "quantitative", scale: { zero: fromZero }, axis: { format: "~f" }, title: y };
  return {
    title: { text: title, fontWeight: "normal" },
    width,
    height,
    data: { values },
    layer: [
      {
        mark: { type: "area", opacity: 0.2 },
        encoding: { x: horizontal, y: { ...vertical, field: "low" }, y2: { field: "high" }, color },
      },
      {
        mark: { type: "line", point: markers },
        encoding: { x: horizontal, y: { ...vertical, field: "y" }, color },
      },
    ],
  };
}
