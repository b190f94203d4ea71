/**
 * Figures from records, as SVG: lines whose points are means of runs, with the spread as a band; or dots for the rows
 * of a table, ours beside the paper's.
 */
import { mean, standardDeviation } from "./statistics.ts";

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
  /** Our numbers, one for each seed; empty without runs. */
  readonly values: readonly number[];
}

/** A figure of dots, for {@linkcode dotsSvg}: a panel for each column of a table, a line for each row. */
export interface DotFigure {
  /** The title above everything. */
  readonly title: string;
  /** Label of the horizontal axis. */
  readonly x: string;
  /** Its parts, drawn two in a line. */
  readonly panels: readonly { readonly title: string; readonly dots: readonly Dot[] }[];
}

const width = 360;
const height = 260;
const labelLimit = 300;
const legend = { orient: "bottom", columns: 3, labelLimit, symbolOpacity: 1 };

/** Draws a figure as an SVG document that needs no other file; a band is the mean ± a standard deviation. */
export function figureSvg(figure: Figure): Promise<string> {
  const panels = figure.panels.map((panel) => linePanel(panel, figure));
  return svg(figure.title, panels, { resolve: { scale: { color: "shared" } } });
}

/** Draws a figure of dots in the same way; a bar is the mean ± a standard deviation. */
export function dotsSvg({ title, x, panels }: DotFigure): Promise<string> {
  return svg(title, panels.map(({ title, dots }) => dotPanel(title, x, dots)));
}

/** Draws panels, which are specifications for vega-lite 6, two in a line. */
async function svg(title: string, concat: readonly object[], more: object = {}): Promise<string> {
  const [vega, lite] = await Promise.all([import("vega"), import("vega-lite")]);
  const whole = { title: { text: title, anchor: "start" }, background: "white", ...more, columns: 2, concat };
  // deno-lint-ignore no-explicit-any -- vega-lite's type of a specification is too deep for the compiler
  const { spec } = lite.compile(whole as any);
  return await new vega.View(vega.parse(spec), { renderer: "none" }).toSVG();
}

function dotPanel(title: string, x: string, dots: readonly Dot[]) {
  const sides = ["the paper's", "ours"];
  const values = dots.flatMap(({ name, paper, values }) => {
    const spread = standardDeviation(values) ?? 0;
    const ours = values.length > 0 ? [{ side: sides[1], middle: mean(values), spread }] : [];
    return [...paper === null ? [] : [{ side: sides[0], middle: paper, spread: 0 }], ...ours]
      .map(({ middle, spread, side }) => ({
        name,
        side,
        middle,
        low: middle - spread,
        high: middle + spread,
      }));
  });
  const horizontal = { type: "quantitative", title: x, scale: { zero: false } };
  const vertical = {
    field: "name",
    type: "nominal",
    scale: { domain: dots.map(({ name }) => name) },
    sort: null,
    title: null,
    axis: { labelLimit },
  };
  const side = { field: "side", type: "nominal", title: null, scale: { domain: sides }, legend };
  const shape = { ...side, scale: { domain: sides, range: ["diamond", "circle"] } };
  return {
    title: { text: title, fontWeight: "normal" },
    width,
    height: { step: 22 },
    data: { values },
    layer: [
      {
        mark: "rule",
        encoding: { x: { ...horizontal, field: "low" }, x2: { field: "high" }, y: vertical, color: side },
      },
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
