/** Figures from records, as SVG: lines over a quantity, each point the mean of its runs, the spread as a band. */
import { mean, standardDeviation } from "./statistics.ts";

/** A line of a figure. */
export interface Curve {
  /** What the legend calls it. */
  readonly name: string;
  /** Its points; each has one value, or one a seed. */
  readonly points: readonly { readonly x: number; readonly values: readonly number[] }[];
}

/** A part of a figure with axes of its own. */
export interface Panel {
  /** Above it. */
  readonly title: string;
  /** Its lines. */
  readonly curves: readonly Curve[];
}

/** What {@linkcode figureSvg} draws. */
export interface Figure {
  /** Above all. */
  readonly title: string;
  /** What the horizontal axis shows. */
  readonly x: string;
  /** What the vertical axis shows. */
  readonly y: string;
  /** Whether the horizontal axis is logarithmic beyond its smallest positive value; 0 has a place on it. */
  readonly logarithmic?: boolean;
  /** Side by side. */
  readonly panels: readonly Panel[];
}

const width = 360;
const height = 260;

/** The figure as an SVG document that needs nothing from elsewhere; a band is the mean ± a standard deviation. */
export async function figureSvg(figure: Figure): Promise<string> {
  const [vega, lite] = await Promise.all([import("vega"), import("vega-lite")]);
  // deno-lint-ignore no-explicit-any -- vega-lite's type of a specification is too deep for the compiler
  const { spec } = lite.compile(specification(figure) as any);
  return await new vega.View(vega.parse(spec), { renderer: "none" }).toSVG();
}

/** The figure in the terms of vega-lite 6. */
function specification({ title, x, y, logarithmic = false, panels }: Figure) {
  return {
    title: { text: title, anchor: "start" },
    background: "white",
    resolve: { scale: { color: "shared" } },
    hconcat: panels.map((panel) => {
      const values = panel.curves.flatMap(({ name, points }) =>
        points.filter(({ values }) => values.length > 0).map((point) => {
          const middle = mean(point.values);
          const spread = standardDeviation(point.values) ?? 0;
          return { name, x: point.x, y: middle, low: middle - spread, high: middle + spread };
        })
      );
      const smallest = Math.min(...values.map((value) => value.x).filter((x) => x > 0));
      const scale = logarithmic ? { type: "symlog", constant: smallest } : { zero: false };
      const axis = logarithmic
        ? { values: [...new Set(values.map((value) => value.x))], labelAngle: -60 }
        : {};
      const horizontal = { field: "x", type: "quantitative", title: x, scale, axis };
      const color = { field: "name", type: "nominal", title: null, legend: { orient: "bottom" } };
      const vertical = { type: "quantitative", scale: { zero: false } };
      return {
        title: { text: panel.title, fontWeight: "normal" },
        width,
        height,
        data: { values },
        layer: [
          {
            mark: { type: "area", opacity: 0.2 },
            encoding: {
              x: horizontal,
              y: { ...vertical, field: "low", title: y },
              y2: { field: "high" },
              color,
            },
          },
          {
            mark: { type: "line", point: true },
            encoding: { x: horizontal, y: { ...vertical, field: "y", title: y }, color },
          },
        ],
      };
    }),
  };
}
